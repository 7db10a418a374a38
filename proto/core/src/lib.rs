//! The rules, as pure state machines: no socket, no clock, no thread, no randomness, no actor.
//!
//! Every machine has the same shape. Inputs are methods that take `now` and, where something should
//! happen outside, an outbox of effects; `next_wakeup` says when the machine wants `wake` to be called.

pub mod limit;
pub mod link;
pub mod media;
pub mod room;
pub mod study;
pub mod time;
pub mod transfer;
pub mod watch;

pub use time::{Moment, Now};
