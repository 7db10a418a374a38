//! What happens in a room, one story a test.
#![allow(clippy::unwrap_used)]

#[path = "../room_world/mod.rs"]
mod room_world;

use conclave_wire::{Command, MediaState};

mod agenda;
mod chat;
mod door;
mod files;
mod floor;
mod seats;

fn speak() -> Command {
    Command::SetMedia {
        media: MediaState {
            microphone: true,
            sound: true,
            ..MediaState::default()
        },
    }
}
