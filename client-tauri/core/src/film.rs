//! Films on this machine: players behind one trait, which film a file is, and following the room's film.

pub mod controls;
mod folder;
pub mod identity;
pub mod mpv;
pub mod player;
pub mod programs;
mod readable;
pub mod refused;
pub mod synthetic;
pub mod vlc;
pub mod watch;
