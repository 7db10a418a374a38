//! Files on the disk: finished ones on the shelf, and uploads that are still on their way.

mod partial;
mod shelf;
mod uploads;

pub use partial::{Partial, Ticket, UploadId, discard};
pub use shelf::{ContentKey, Hold, Shelf};
pub use uploads::{FileLimits, Uploads};
