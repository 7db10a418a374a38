//! The rules of one room: who is in, who may do what, what is said, and what each client must be told.

pub mod effect;
pub mod record;

pub use effect::{Audience, CameraOrder, Effect, Outbox, VoiceOrder};
pub use record::{Record, StoredRoom, StoredSeat};
