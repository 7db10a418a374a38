//! Whole clients with the devices of a machine, against the real server: sound through a PulseAudio of the
//! story's own, whose sinks can be heard and whose microphones can be spoken into, and the screen of an Xvfb.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

mod desktop;
mod headless;
mod screens;
mod sound_server;
mod sounds;
mod without;
