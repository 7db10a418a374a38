//! Voice and camera of one client: devices, the sealed link to the server, and the ways up and down.
//!
//! ```text
//! Microphone -> voice_up -> link -> server -> link -> voice_down -> Speaker
//! Camera    -> camera_up -> link -> server -> link -> camera_down -> newest frame of each source
//! ```
//! Voice runs on threads of its own from the device to the socket and back; a camera that is blocked or
//! a program that is busy delays no voice.

pub mod camera_down;
pub mod camera_up;
pub mod clock;
pub mod devices;
pub mod enhance;
pub mod figures;
pub mod keys;
pub mod link;
pub mod pace;
pub mod picture;
pub mod voice_down;
pub mod voice_up;
