//! What is said again with every beat, learned from what passes by.

use conclave_wire::{Event, Pulse, ServerMessage, StudyPhase};

/// How clock and film stand, as far as the seat was told.
#[derive(Debug, Default)]
pub(super) struct Refrain(Pulse);

impl Refrain {
    /// What is said with a beat; nothing when there is neither clock nor film.
    pub(super) fn said(&self) -> Option<Pulse> {
        self.0.clone().or_none()
    }

    /// Takes note of a message that is sent to the seat.
    pub(super) fn learn(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Welcome(welcome) => self.0 = welcome.pulse.clone().unwrap_or_default(),
            ServerMessage::Events { events } => {
                for numbered in events {
                    self.happened(&numbered.event);
                }
            }
            ServerMessage::Waiting(_)
            | ServerMessage::Snapshot { .. }
            | ServerMessage::Signs(_)
            | ServerMessage::Done { .. }
            | ServerMessage::Refused { .. }
            | ServerMessage::Beat { .. }
            | ServerMessage::MediaAnswer { .. }
            | ServerMessage::Goodbye { .. }
            | ServerMessage::Moved { .. } => {}
        }
    }

    fn happened(&mut self, event: &Event) {
        if let Event::StudyClockChanged { clock, .. } = event {
            self.0.clock = (clock.phase != StudyPhase::Idle).then_some(*clock);
        } else if let Event::FilmMoved { anchor, .. } = event {
            self.0.film = Some(anchor.clone());
        } else if let Event::FilmOpened { file, anchor, .. } = event {
            self.0.film = file.as_ref().map(|_| anchor.clone());
        }
    }
}
