//! Files on their way: where an upload stands, what fits, how fast it goes.

pub mod name;
pub mod progress;
pub mod quota;
pub mod upload;

pub use name::file_name;
pub use progress::Progress;
pub use quota::Quota;
pub use upload::{AppendRefused, Upload};
