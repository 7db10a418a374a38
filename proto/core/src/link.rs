//! Keeping a link alive: heartbeats, backoff, the other side's clock.

pub mod backoff;
pub mod clock;
pub mod heartbeat;
