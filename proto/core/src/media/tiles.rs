//! The shared screen as tiles of 64 by 64 pixels: what has changed, what is exact, what each viewer lacks.
//!
//! At the presenter: [`changed_tiles`] finds what differs, [`spans`] groups it into runs, [`StillWatch`]
//! says what is to be sent once more without loss. At the server: [`ScreenSlot`] keeps the newest run of
//! every tile in a [`TileCache`] and gives each viewer what it lacks at the viewer's own pace. At the
//! viewer: a [`TileCanvas`].

mod cache;
mod canvas;
mod diff;
mod grid;
mod pace;
mod slot;
mod still;
mod viewer;

pub use cache::{CACHE_BYTES_MAX, CachedRun, FrameEnd, RunRefused, TileCache};
pub use canvas::{PixelsRefused, TileCanvas};
pub use diff::{Pixels, changed_tiles};
pub use grid::{
    PixelRect, RUN_TILES_MAX, SCREEN_PIXELS_MAX, ScreenTooLarge, Span, TileGrid, TileSet, spans,
};
pub use pace::{
    AckRefused, AckWindow, INTERVAL_MS_MAX, INTERVAL_MS_MIN, PresenterPace, REASONABLE_DRAIN_MAX,
    UNACKNOWLEDGED_BYTES_MAX,
};
pub use slot::{ScreenSlot, SlotEffect, SlotOutbox, ViewerMessage};
pub use still::{STILL_AFTER, StillWatch};
pub use viewer::{Next, STALLED_AFTER, ViewerPace};
