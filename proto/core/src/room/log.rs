//! The room's last events, for those who come back.

use std::{collections::VecDeque, mem::size_of};

use conclave_wire::{Event, FilmFile, FilmMark, FocusCount, Goal, Numbered, ParticipantId};

use super::Audience;

/// Events kept for resuming.
pub const LOG_EVENTS_MAX: usize = 4_096;
/// Memory that they may take, roughly.
pub const LOG_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<Logged>,
    bytes: usize,
    /// Number of the newest event; 0 before the first.
    newest: u32,
}

#[derive(Debug)]
struct Logged {
    to: Audience,
    event: Numbered,
    bytes: usize,
}

impl Log {
    pub(super) fn newest(&self) -> u32 {
        self.newest
    }

    /// Gives the event the next number.
    pub(super) fn push(&mut self, to: Audience, event: Event) -> Numbered {
        self.newest += 1;
        let bytes = estimated_bytes(&to, &event);
        let event = Numbered {
            number: self.newest,
            event,
        };
        self.bytes += bytes;
        self.events.push_back(Logged {
            to,
            event: event.clone(),
            bytes,
        });
        while self.events.len() > LOG_EVENTS_MAX || self.bytes > LOG_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes;
        }
        event
    }

    /// Everything after `number` that this seat was to be told; `None` when some events since are
    /// forgotten or `number` was never given.
    pub(super) fn since(&self, number: u32, seat: ParticipantId) -> Option<Vec<Numbered>> {
        let missed = self.newest.checked_sub(number)? as usize;
        let skip = self.events.len().checked_sub(missed)?;
        let missed = self.events.iter().skip(skip);
        Some(
            missed
                .filter(|logged| logged.to.includes(seat))
                .map(|logged| logged.event.clone())
                .collect(),
        )
    }
}

/// What an event takes in memory: itself, its audience, and the texts that hang on it.
fn estimated_bytes(to: &Audience, event: &Event) -> usize {
    let these = match to {
        Audience::Everyone | Audience::One(_) => 0,
        Audience::These(these) => size_of::<ParticipantId>() * these.len(),
    };
    let texts = match event {
        Event::ParticipantJoined { member } => member.name.len(),
        Event::ParticipantRenamed { name, .. } => name.len(),
        Event::RoomRetitled { title } => title.len(),
        Event::LineSaid { line } => line.name.len() + line.text.len(),
        Event::NoticePosted { notice } => notice.text.len(),
        Event::FileShared { file } => {
            file.name.len() + file.sha256.len() + file.share_token.as_ref().map_or(0, String::len)
        }
        Event::WaitingArrived { waiter } => waiter.name.len(),
        Event::QuestionAsked { question } => {
            let answer = question.answer.as_ref();
            let answer = answer.map_or(0, |answer| {
                answer.name.len() + answer.text.as_ref().map_or(0, String::len)
            });
            question.name.len() + question.text.len() + answer
        }
        Event::QuestionAnswered { answer, .. } => {
            answer.name.len() + answer.text.as_ref().map_or(0, String::len)
        }
        Event::FocusCounted { people, .. } => size_of::<FocusCount>() * people.len(),
        Event::GoalSet { text } => text.len(),
        Event::StudyShared { shared, .. } => shared.as_ref().map_or(0, |shared| {
            let goals = shared.goals.iter();
            let goals: usize = goals.map(|goal| size_of::<Goal>() + goal.text.len()).sum();
            shared.focus_on.len() + goals
        }),
        Event::FilmOpened { file, .. } => file.as_ref().map_or(0, film_bytes),
        Event::FilmMoved { anchor, .. } => {
            let hold = anchor.hold.as_ref();
            hold.map_or(0, |hold| {
                size_of::<ParticipantId>() * hold.waiting_for.len()
            })
        }
        Event::FilmIdentified { sha256 } => sha256.len(),
        Event::FilmMarked { marks } => size_of::<FilmMark>() * marks.len(),
        Event::PlaylistChanged { playlist } => {
            let films = playlist.iter();
            films
                .map(|film| size_of::<FilmFile>() + film_bytes(film))
                .sum()
        }
        Event::VotesCounted { counts } => 8 * counts.len(),
        Event::FloorChanged { floor, .. } => 4 * (floor.queue.len() + floor.hands.len()),
        Event::ParticipantLeft { .. }
        | Event::ParticipantAway { .. }
        | Event::RoleChanged { .. }
        | Event::MediaChanged { .. }
        | Event::RoomLocked { .. }
        | Event::PasswordChanged { .. }
        | Event::SettingsChanged { .. }
        | Event::WaitingLeft { .. }
        | Event::HandsLowered
        | Event::SpotlightChanged { .. }
        | Event::QuestionWithdrawn { .. }
        | Event::QuestionTakenBack { .. }
        | Event::QuestionPinned { .. }
        | Event::QuestionHidden { .. }
        | Event::QuestionApproved { .. }
        | Event::QuestionMine { .. }
        | Event::VoteChanged { .. }
        | Event::HandRaised { .. }
        | Event::HandLowered { .. }
        | Event::LineDeleted { .. }
        | Event::TimeLimitSet { .. }
        | Event::NoticeExpired { .. }
        | Event::MeetingEnded { .. }
        | Event::ShareRevoked { .. }
        | Event::FileRemoved { .. }
        | Event::StudyClockChanged { .. }
        | Event::FilmLeadChanged { .. } => 0,
    };
    size_of::<Logged>() + these + texts
}

fn film_bytes(film: &FilmFile) -> usize {
    let hashes = [&film.sample, &film.sha256];
    let hashes: usize = hashes.into_iter().flatten().map(String::len).sum();
    film.name.len() + hashes
}

#[cfg(test)]
mod tests {
    use conclave_wire::ParticipantId;

    use super::*;

    const ADA: ParticipantId = ParticipantId(1);

    fn hand(log: &mut Log) {
        log.push(Audience::Everyone, Event::HandRaised { id: ADA });
    }

    #[test]
    fn the_log_gives_what_came_after_a_number() {
        let mut log = Log::default();
        assert_eq!(log.since(0, ADA), Some(Vec::new()));
        (0..3).for_each(|_| hand(&mut log));
        let numbers = |from| {
            Some(
                log.since(from, ADA)?
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
    fn who_comes_back_gets_what_was_meant_for_them() {
        let bob = ParticipantId(2);
        let mut log = Log::default();
        for to in [
            Audience::One(bob),
            Audience::Everyone,
            Audience::These([ADA, ParticipantId(3)].into()),
        ] {
            log.push(to, Event::HandsLowered);
        }
        let numbers = |seat| {
            let events = log.since(0, seat).unwrap();
            events.iter().map(|event| event.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(ADA), [2, 3]);
        assert_eq!(numbers(bob), [1, 2]);
        assert_eq!(log.since(2, bob), Some(Vec::new()));
    }

    #[test]
    fn the_log_forgets_above_its_limits() {
        let mut log = Log::default();
        (0..LOG_EVENTS_MAX + 1).for_each(|_| hand(&mut log));
        assert_eq!(log.since(0, ADA), None);
        assert_eq!(
            log.since(1, ADA).map(|events| events.len()),
            Some(LOG_EVENTS_MAX)
        );

        let name = "x".repeat(LOG_BYTES_MAX / 4);
        for _ in 0..8 {
            log.push(
                Audience::Everyone,
                Event::ParticipantRenamed {
                    id: ADA,
                    name: name.clone(),
                },
            );
        }
        assert!(log.bytes <= LOG_BYTES_MAX);
        assert_eq!(log.events.len(), 3);
    }
}
