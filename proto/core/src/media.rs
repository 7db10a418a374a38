//! What happens to sound, camera pictures and screen tiles between capture and playout.

// voice
pub mod jitter;
pub mod level;
pub mod mixer;
pub mod sequence;
pub mod stretch;
pub mod voices;

// camera
pub mod assemble;
pub mod cameras;
pub mod ladder;
pub mod quality;
pub mod quiet;

// screen
pub mod tiles;
