//! What the server's operator may do in a room without a seat, and what they are shown of it.

use std::time::Duration;

use conclave_wire::{
    EndReason, FileId, LeaveReason, MediaState, ParticipantId, RefusalCode, Role, Waiter,
    event::Quality,
};

use super::{
    Outbox, Room,
    text::{self, NoticeText},
};
use crate::{Moment, Now};

/// Nobody's id: the first seat of a room has 1.
const OPERATOR: ParticipantId = ParticipantId(0);

/// What the operator wants done. It needs no role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OperatorOrder {
    /// Takes somebody out. Their seat cannot be opened again.
    Kick {
        id: ParticipantId,
        reason: String,
    },
    /// As `Kick`, and the same program cannot come back to this meeting.
    Ban {
        id: ParticipantId,
        reason: String,
    },
    Announce {
        text: String,
    },
    Lock {
        locked: bool,
    },
    /// Ends the meeting so long from now; `None` lifts the limit.
    LimitTime {
        after: Option<Duration>,
    },
    RemoveFile {
        file: FileId,
    },
    End,
}

/// How a room stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomReport {
    pub slug: String,
    pub title: String,
    pub locked: bool,
    pub has_password: bool,
    pub members_max: u32,
    /// Milliseconds since the Unix epoch.
    pub opened_unix_ms: u64,
    /// Until the time limit, if there is one.
    pub ends_in: Option<Duration>,
    pub presenter: Option<ParticipantId>,
    pub files: u32,
    /// Of shared files and of uploads under way.
    pub files_bytes: u64,
    /// In order of ids.
    pub people: Vec<PersonReport>,
    /// Who stands at the door, in order.
    pub waiting: Vec<Waiter>,
}

/// How somebody in a room stands.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonReport {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub media: MediaState,
    pub away: bool,
    pub speaking: bool,
    /// Milliseconds since the Unix epoch.
    pub joined_unix_ms: u64,
    /// None without media.
    pub quality: Option<Quality>,
}

impl Room {
    /// Carries out what the operator wants.
    ///
    /// # Errors
    /// `RoomEnded`, `NoSuchPerson`, `FileNotFound`; `Invalid` for a text or a time that a room cannot
    /// have.
    pub fn operate(
        &mut self,
        order: OperatorOrder,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if self.ended.is_some() {
            return Err(RefusalCode::RoomEnded);
        }
        match order {
            OperatorOrder::Kick { id, reason } => {
                self.take_out(OPERATOR, id, text::reason(&reason), now, out)?;
            }
            OperatorOrder::Ban { id, reason } => {
                self.take_out_for_good(OPERATOR, id, text::reason(&reason), now, out)?;
            }
            OperatorOrder::Announce { text } => {
                self.announce(NoticeText::parse(&text)?, now, out);
            }
            OperatorOrder::Lock { locked } => self.lock(locked, OPERATOR, now, out),
            OperatorOrder::LimitTime { after } => {
                let in_ms = |after: Duration| u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                self.set_time_limit(after.map(in_ms), now, out)?;
            }
            OperatorOrder::RemoveFile { file } => self.drop_file(file, out)?,
            OperatorOrder::End => self.end(EndReason::OperatorEnded, now, out),
        }
        self.settle(now, out);
        Ok(())
    }

    /// How the room and everybody in it stand; `quality` is what the media know of a seat.
    pub fn report(
        &self,
        now: Moment,
        quality: impl Fn(ParticipantId) -> Option<Quality>,
    ) -> RoomReport {
        let people = self.roster.seats.iter().map(|(&id, seat)| PersonReport {
            id,
            name: seat.name.clone(),
            role: seat.role,
            media: seat.media,
            away: seat.away(),
            speaking: self.signs.is_speaking(id),
            joined_unix_ms: seat.joined_at_ms,
            quality: quality(id),
        });
        RoomReport {
            slug: self.slug.clone(),
            title: self.title.clone(),
            locked: self.locked,
            has_password: self.password_hash.is_some(),
            members_max: self.settings.members_max,
            opened_unix_ms: self.opened_unix_ms,
            ends_in: self.agenda.ends_at.map(|at| now.until(at)),
            presenter: self.floor.presenter,
            files: u32::try_from(self.files.shared.len()).unwrap_or(u32::MAX),
            files_bytes: self.files.claimed_bytes(),
            people: people.collect(),
            waiting: self.waiting.list(),
        }
    }

    /// Takes somebody out of the room; `by` is shown as whose doing it was.
    pub(super) fn take_out(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        text: String,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.expel(by, id, LeaveReason::Kicked, text, now, out)
    }
}
