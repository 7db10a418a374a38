//! The room's last events, for those who come back.

use std::{collections::VecDeque, mem::size_of};

use conclave_wire::{Event, Numbered};

/// Events kept for resuming.
pub const LOG_EVENTS_MAX: usize = 4_096;
/// Memory that they may take, roughly.
pub const LOG_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<(Numbered, usize)>,
    bytes: usize,
    /// Number of the newest event; 0 before the first.
    newest: u32,
}

impl Log {
    pub(super) fn newest(&self) -> u32 {
        self.newest
    }

    /// Gives the event the next number.
    pub(super) fn push(&mut self, event: Event) -> Numbered {
        self.newest += 1;
        let bytes = estimated_bytes(&event);
        let numbered = Numbered {
            number: self.newest,
            event,
        };
        self.bytes += bytes;
        self.events.push_back((numbered.clone(), bytes));
        while self.events.len() > LOG_EVENTS_MAX || self.bytes > LOG_BYTES_MAX {
            let Some((_, bytes)) = self.events.pop_front() else {
                break;
            };
            self.bytes -= bytes;
        }
        numbered
    }

    /// Everything after `number`; `None` when some of it is forgotten or `number` was never given.
    pub(super) fn since(&self, number: u32) -> Option<Vec<Numbered>> {
        let missed = self.newest.checked_sub(number)? as usize;
        let skip = self.events.len().checked_sub(missed)?;
        Some(
            self.events
                .iter()
                .skip(skip)
                .map(|(event, _)| event.clone())
                .collect(),
        )
    }
}

/// What an event takes in memory: itself and the texts that hang on it.
fn estimated_bytes(event: &Event) -> usize {
    let texts = match event {
        Event::ParticipantJoined { member } => member.name.len(),
        Event::ParticipantRenamed { name, .. } => name.len(),
        Event::LineSaid { line } => line.name.len() + line.text.len(),
        Event::NoticePosted { notice } => notice.text.len(),
        Event::FileShared { file } => {
            file.name.len() + file.sha256.len() + file.share_token.as_ref().map_or(0, String::len)
        }
        Event::FloorChanged { floor, .. } => 4 * (floor.queue.len() + floor.hands.len()),
        Event::ParticipantLeft { .. }
        | Event::ParticipantAway { .. }
        | Event::RoleChanged { .. }
        | Event::MediaChanged { .. }
        | Event::RoomLocked { .. }
        | Event::PasswordChanged { .. }
        | Event::SettingsChanged { .. }
        | Event::HandRaised { .. }
        | Event::HandLowered { .. }
        | Event::LineDeleted { .. }
        | Event::TimeLimitSet { .. }
        | Event::NoticeExpired { .. }
        | Event::MeetingEnded { .. }
        | Event::ShareRevoked { .. }
        | Event::FileRemoved { .. } => 0,
    };
    size_of::<(Numbered, usize)>() + texts
}

#[cfg(test)]
mod tests {
    use conclave_wire::ParticipantId;

    use super::*;

    fn hand(log: &mut Log) {
        log.push(Event::HandRaised {
            id: ParticipantId(1),
        });
    }

    #[test]
    fn the_log_gives_what_came_after_a_number() {
        let mut log = Log::default();
        assert_eq!(log.since(0), Some(Vec::new()));
        (0..3).for_each(|_| hand(&mut log));
        let numbers = |from| {
            Some(
                log.since(from)?
                    .iter()
                    .map(|event| event.number)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(numbers(0), Some(vec![1, 2, 3]));
        assert_eq!(numbers(2), Some(vec![3]));
        assert_eq!(numbers(3), Some(Vec::new()));
        assert_eq!(numbers(4), None, "a number that was never given");
    }

    #[test]
    fn the_log_forgets_above_its_limits() {
        let mut log = Log::default();
        (0..LOG_EVENTS_MAX + 1).for_each(|_| hand(&mut log));
        assert_eq!(log.since(0), None);
        assert_eq!(
            log.since(1).map(|events| events.len()),
            Some(LOG_EVENTS_MAX)
        );

        let name = "x".repeat(LOG_BYTES_MAX / 4);
        for _ in 0..8 {
            log.push(Event::ParticipantRenamed {
                id: ParticipantId(1),
                name: name.clone(),
            });
        }
        assert!(log.bytes <= LOG_BYTES_MAX);
        assert_eq!(log.events.len(), 3);
    }
}
