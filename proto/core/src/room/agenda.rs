//! When the meeting ends, and what was announced.

use std::{collections::VecDeque, time::Duration};

use conclave_wire::{Agenda as State, Event, Notice, NoticeId, RefusalCode};

use super::{Effect, Outbox, Record, Room, text::NoticeText};
use crate::{Moment, Now};

/// The shortest and the longest time limit.
pub const TIME_LIMIT_MIN: Duration = Duration::from_secs(1);
pub const TIME_LIMIT_MAX: Duration = Duration::from_secs(31 * 24 * 3_600);
/// A notice is shown for so long.
pub const NOTICE_SHOWN: Duration = Duration::from_secs(10 * 60);
/// At most so many are shown; the oldest makes room.
pub const NOTICES_MAX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Agenda {
    pub(super) ends_at: Option<Moment>,
    /// With the moment at which each expires; in order of both.
    pub(super) notices: VecDeque<(Moment, Notice)>,
    /// The id of the next notice; the first is 1.
    pub(super) next_notice: u32,
}

impl Agenda {
    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        let expiry = self.notices.front().map(|(at, _)| *at);
        self.ends_at.into_iter().chain(expiry).min()
    }

    /// As clients see it: the end on the room clock, which is zero at `opened`.
    pub(super) fn state(&self, opened: Moment) -> State {
        State {
            ends_at_ms: self.ends_at.map(|at| on_room_clock(at, opened)),
            notices: self
                .notices
                .iter()
                .map(|(_, notice)| notice.clone())
                .collect(),
        }
    }
}

impl Room {
    /// # Errors
    /// `Invalid` outside of [`TIME_LIMIT_MIN`] to [`TIME_LIMIT_MAX`].
    pub(super) fn set_time_limit(
        &mut self,
        in_ms: Option<u64>,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let limit = in_ms.map(Duration::from_millis);
        check_time_limit(limit)?;
        let ends_at = limit.map(|limit| now.moment + limit);
        if ends_at == self.agenda.ends_at {
            return Ok(());
        }
        self.agenda.ends_at = ends_at;
        let ends_at_ms = ends_at.map(|at| on_room_clock(at, self.opened));
        self.tell(Event::TimeLimitSet { ends_at_ms }, out);
        self.record_room(out);
        Ok(())
    }

    pub(super) fn announce(&mut self, text: NoticeText, now: Now, out: &mut Outbox) {
        if self.agenda.notices.len() == NOTICES_MAX {
            self.expire_oldest_notice(out);
        }
        let id = NoticeId(self.agenda.next_notice);
        self.agenda.next_notice += 1;
        let notice = Notice {
            id,
            text: text.into_string(),
            at_ms: now.unix_ms,
        };
        let expires = now.moment + NOTICE_SHOWN;
        self.agenda.notices.push_back((expires, notice.clone()));
        out.push(Effect::Record(Record::NoticePosted {
            notice: notice.clone(),
        }));
        self.tell(Event::NoticePosted { notice }, out);
    }

    pub(super) fn wake_agenda(&mut self, now: Now, out: &mut Outbox) {
        while self
            .agenda
            .notices
            .front()
            .is_some_and(|(at, _)| *at <= now.moment)
        {
            self.expire_oldest_notice(out);
        }
    }

    fn expire_oldest_notice(&mut self, out: &mut Outbox) {
        if let Some((_, notice)) = self.agenda.notices.pop_front() {
            out.push(Effect::Record(Record::NoticeExpired { notice: notice.id }));
            self.tell(Event::NoticeExpired { notice: notice.id }, out);
        }
    }
}

/// A time limit that a room may have.
///
/// # Errors
/// `Invalid` outside of [`TIME_LIMIT_MIN`] to [`TIME_LIMIT_MAX`].
pub fn check_time_limit(limit: Option<Duration>) -> Result<(), RefusalCode> {
    match limit.is_none_or(|limit| (TIME_LIMIT_MIN..=TIME_LIMIT_MAX).contains(&limit)) {
        true => Ok(()),
        false => Err(RefusalCode::Invalid),
    }
}

pub(super) fn on_room_clock(at: Moment, opened: Moment) -> u64 {
    u64::try_from(at.since(opened).as_millis()).unwrap_or(u64::MAX)
}
