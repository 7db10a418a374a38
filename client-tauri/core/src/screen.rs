//! The shared screen: sources of pictures, their encoding as tiles, and the links to show and to view it.
//!
//! [`ScreenShare`] captures a [`ScreenSource`] on a thread of its own and sends what changes;
//! [`ScreenView`] paints what comes on a [`TileCanvas`](conclave_core::media::tiles::TileCanvas). Both open
//! links of their own with a [`ScreenAccess`] and open them again when they are lost.

mod codec;
mod desktop;
mod encoder;
mod images;
mod link;
#[cfg(feature = "devices")]
pub mod real;
mod relay;
mod share;
mod source;
mod view;

pub use codec::{RunUnreadable, decode_run};
pub use desktop::{Script, SyntheticDesktop};
pub use encoder::ScreenEncoder;
pub use images::ImageSequence;
pub use link::ScreenAccess;
pub use relay::ScreenRelay;
pub use share::{ScreenShare, ShareEvent, ShareFigures};
pub use source::{ScreenGone, ScreenSource, Shot};
pub use view::{ScreenEvent, ScreenView, ViewFigures};
