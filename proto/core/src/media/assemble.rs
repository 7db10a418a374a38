//! Camera frames as fragments and back again, and what is sent once more when some are lost.
//!
//! A publisher [`split`]s a frame; a viewer has one [`FrameAssembler`] for each source and layer; whoever
//! has sent fragments keeps them in a [`FragmentCache`] and answers re-requests within a [`ResendBudget`];
//! the server passes up what it has not got itself through [`UpstreamRequests`].

mod assembler;
mod cache;
mod resend;
mod split;

use std::time::Duration;

use conclave_wire::{Layer, datagram::FRAGMENT_PAYLOAD_BYTES_MAX, limits::CAMERA_FRAME_BYTES_MAX};

pub use assembler::{AssemblerFigures, FrameAssembler, Missing};
pub use cache::{CACHE_BYTES_MAX, FragmentCache};
pub use resend::{Answer, RESEND_PERCENT_MAX, ResendBudget, UpstreamRequests, answer};
pub use split::{EncodedFrame, FrameRefused, split};

/// A frame that is not whole so long after its first fragment is given up.
pub const FRAME_LIFE: Duration = Duration::from_millis(200);
/// Fragments of one frame.
pub const FRAGMENTS_MAX: usize = CAMERA_FRAME_BYTES_MAX.div_ceil(FRAGMENT_PAYLOAD_BYTES_MAX);
/// How often one fragment is asked for, and how often it is sent again to one viewer.
pub const ASKS_MAX: u8 = 2;

/// Names one fragment of one publisher.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FragmentKey {
    pub layer: Layer,
    pub frame: u32,
    pub index: u16,
}
