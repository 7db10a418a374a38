//! Coming in: by name and password, by host key, or back to a seat that one has.

use conclave_wire::{
    Cursor, Event, LeaveReason, MediaState, Numbered, ParticipantId, RefusalCode, Role, RoomState,
    WaitingId,
};

use super::{
    Answers, Effect, Outbox, Record, Room,
    roster::{Link, Seat},
    text::Name,
};
use crate::Now;

/// Somebody who wants a new seat.
#[derive(Clone, Debug)]
pub struct Newcomer {
    pub name: String,
    pub password: PasswordProof,
    /// SHA-256 of the host key that was given, if one was.
    pub host_key_hash: Option<[u8; 32]>,
    /// False to join without sound.
    pub sound: bool,
    /// SHA-256 of the token that will open the seat.
    pub token_hash: [u8; 32],
    /// SHA-256 of the secret by which a ban knows the program again, if it sent one.
    pub device_hash: Option<[u8; 32]>,
    /// SHA-256 of their copy of the film, if they named one: 64 hexadecimal digits.
    pub file_hash: Option<String>,
    /// Whether a link comes with it; otherwise the seat is away until one resumes it.
    pub linked: bool,
}

/// What came of comparing a password, which the rules do not do themselves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PasswordProof {
    NotGiven,
    /// Compared with this hash.
    Compared {
        hash: String,
        right: bool,
    },
}

/// What becomes of somebody who may come in.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    In(Box<Admission>),
    /// They wait at the door; [`Effect::Wait`] says where they stand, and [`Effect::Admit`] or
    /// [`Effect::TurnAway`] follows.
    Waits(WaitingId),
}

/// Who takes a seat, now or when they are let in.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    pub(super) name: String,
    pub(super) sound: bool,
    pub(super) token_hash: [u8; 32],
    pub(super) device_hash: Option<[u8; 32]>,
}

/// A seat that was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    pub id: ParticipantId,
    pub role: Role,
    /// Where the client stands once it has the snapshot, or the cursor that it came with.
    pub cursor: Cursor,
    /// `None` when the events since the cursor follow.
    pub snapshot: Option<RoomState>,
    pub missed: Vec<Numbered>,
}

impl Room {
    /// What can be said before a password is compared, which is costly: the hash to compare with, or
    /// `None` when none is needed.
    ///
    /// # Errors
    /// As [`Room::enter`], but for `PasswordWrong`.
    pub fn knock(
        &self,
        name: &str,
        host_key_hash: Option<&[u8; 32]>,
        with_password: bool,
    ) -> Result<Option<&str>, RefusalCode> {
        if self.ended.is_some() {
            return Err(RefusalCode::RoomEnded);
        }
        Name::parse(name)?;
        let host = match host_key_hash {
            Some(hash) if *hash != self.host_key_hash => return Err(RefusalCode::HostKeyWrong),
            Some(_) => true,
            None => false,
        };
        if self.locked && !host {
            return Err(RefusalCode::RoomLocked);
        }
        if !self.has_room() {
            return Err(RefusalCode::RoomFull);
        }
        match &self.password_hash {
            Some(_) if !host && !with_password => Err(RefusalCode::PasswordNeeded),
            Some(hash) if !host => Ok(Some(hash)),
            Some(_) | None => Ok(None),
        }
    }

    /// Takes a seat, or a place at the door. The host key makes host, and opens locks, bans and doors;
    /// nothing opens a full room.
    ///
    /// # Errors
    /// `RoomEnded`, `NameInvalid`, `HostKeyWrong`, `RoomLocked`, `RoomFull`, `PasswordNeeded`, `Banned`,
    /// `WaitingRoom` for who would wait without a link, `FileHashInvalid` and `FileHashMismatch` where the film is
    /// asked for, `PasswordWrong`; the last also when the password
    /// was changed since it was compared.
    pub fn enter(
        &mut self,
        who: Newcomer,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Entry, RefusalCode> {
        let given = who.password != PasswordProof::NotGiven;
        let expected = self.knock(&who.name, who.host_key_hash.as_ref(), given)?;
        if let Some(expected) = expected {
            let right = matches!(&who.password, PasswordProof::Compared { hash, right: true } if hash == expected);
            if !right {
                return Err(RefusalCode::PasswordWrong);
            }
        }
        let guest = Guest {
            name: Name::parse(&who.name)?.into_string(),
            sound: who.sound,
            token_hash: who.token_hash,
            device_hash: who.device_hash,
        };
        let host = who.host_key_hash.is_some();
        if !host && self.bans.is_banned(who.device_hash.as_ref()) {
            return Err(RefusalCode::Banned);
        }
        if !host {
            self.check_film_of(who.file_hash.as_deref())?;
        }
        if self.settings.waiting_room && !host {
            let waits = self.wait_at_the_door(who.linked, guest, now, out)?;
            self.settle(now, out);
            return Ok(Entry::Waits(waits));
        }
        let role = match host {
            true => Role::Host,
            false => self.settings.newcomers,
        };
        let id = self.take_seat(guest, role, who.linked, now, out);
        self.settle(now, out);
        Ok(Entry::In(Box::new(self.admission(id, None))))
    }

    /// Nothing is checked any more: they have a seat.
    pub(super) fn take_seat(
        &mut self,
        guest: Guest,
        role: Role,
        linked: bool,
        now: Now,
        out: &mut Outbox,
    ) -> ParticipantId {
        let id = ParticipantId(self.roster.next);
        self.roster.next += 1;
        let Guest {
            name,
            sound,
            token_hash,
            device_hash,
        } = guest;
        let seat = Seat {
            name: name.clone(),
            role,
            media: MediaState {
                sound,
                ..MediaState::default()
            },
            held_mute: self.holds_on_entry(role),
            joined_at_ms: now.unix_ms,
            token_hash,
            device_hash,
            stands_in_from: None,
            link: if linked {
                Link::Up
            } else {
                Link::Lost(now.moment)
            },
            in_media: false,
            may_speak: false,
            answers: Answers::default(),
            volumes: Default::default(),
        };
        let member = seat.member(id);
        self.roster.seats.insert(id, seat);
        out.push(Effect::Record(Record::SeatTaken {
            id,
            name,
            role,
            token_hash,
            device_hash,
            joined_unix_ms: now.unix_ms,
        }));
        if member.held_mute {
            self.record_seat(id, out);
        }
        self.tell(Event::ParticipantJoined { member }, out);
        if linked {
            self.link_up(id, now, out);
        }
        id
    }

    pub(super) fn has_room(&self) -> bool {
        self.roster.seats.len() < self.settings.members_max as usize
    }

    /// Opens a seat again, or a place at the door. An older link of it is taken over: the shell says goodbye
    /// to it.
    ///
    /// # Errors
    /// `RoomEnded`, `Kicked`, `Banned`, `SeatUnknown`.
    pub fn resume(
        &mut self,
        token_hash: &[u8; 32],
        cursor: Option<Cursor>,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Entry, RefusalCode> {
        let found = self.seat_of(token_hash);
        if found == Err(RefusalCode::SeatUnknown)
            && let Some(waiting) = self.wait_again(token_hash, out)
        {
            return Ok(Entry::Waits(waiting));
        }
        let (id, _) = found?;
        // Before anything is told, so that a number that was never given is known as such.
        let given =
            |cursor: &Cursor| cursor.epoch == self.epoch && cursor.number <= self.log.newest();
        let cursor = cursor.filter(given);
        let was_away = self.roster.seats.get(&id).is_some_and(Seat::away);
        self.link_up(id, now, out);
        if was_away {
            self.tell(Event::ParticipantAway { id, away: false }, out);
        }
        self.settle(now, out);
        Ok(Entry::In(Box::new(self.admission(id, cursor))))
    }

    /// A seat that was taken could not be stored: it is given up again.
    pub fn give_up_seat(&mut self, id: ParticipantId, now: Now, out: &mut Outbox) {
        self.unseat(id, LeaveReason::LinkLost, now, out);
        let (reason, text) = (LeaveReason::LinkLost, String::new());
        out.push(Effect::Dismiss {
            seat: id,
            reason,
            text,
        });
        self.settle(now, out);
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// `RoomEnded`, `Kicked`, `Banned`, `SeatUnknown`.
    pub fn seat_of(&self, token_hash: &[u8; 32]) -> Result<(ParticipantId, Role), RefusalCode> {
        if self.ended.is_some() {
            return Err(RefusalCode::RoomEnded);
        }
        match self.roster.by_token(token_hash) {
            Some(id) => Ok((id, self.role(id).ok_or(RefusalCode::SeatUnknown)?)),
            None => Err(self
                .bans
                .expelled(token_hash)
                .unwrap_or(RefusalCode::SeatUnknown)),
        }
    }

    /// What somebody in a seat is told first.
    pub(super) fn admission(&self, id: ParticipantId, cursor: Option<Cursor>) -> Admission {
        let role = self.role(id).unwrap_or(self.settings.newcomers);
        let missed = cursor.and_then(|cursor| Some((cursor, self.log.since(cursor.number, id)?)));
        match missed {
            Some((cursor, missed)) => Admission {
                id,
                role,
                cursor,
                snapshot: None,
                missed,
            },
            None => Admission {
                id,
                role,
                cursor: self.cursor(),
                snapshot: Some(self.snapshot_for(id)),
                missed: Vec::new(),
            },
        }
    }

    pub(super) fn lock(&mut self, locked: bool, by: ParticipantId, now: Now, out: &mut Outbox) {
        if self.locked == locked {
            return;
        }
        self.locked = locked;
        self.tell(Event::RoomLocked { locked }, out);
        self.record_room(out);
        let text = match locked {
            true => "The room is locked.",
            false => "The room is open again.",
        };
        self.say_as_room(by, text, now, out);
    }
}
