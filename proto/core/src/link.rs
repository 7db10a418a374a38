//! Keeping a link alive: heartbeats, backoff, the other side's clock, and a seat on its link.

pub mod attachment;
pub mod backoff;
pub mod clock;
pub mod heartbeat;
