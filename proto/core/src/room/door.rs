//! Coming in: by name and password, by host key, or back to a seat that one has.

use conclave_wire::{
    Cursor, Event, LeaveReason, MediaState, Numbered, ParticipantId, RefusalCode, Role, RoomState,
    Settings,
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
        if self.roster.seats.len() >= self.settings.members_max as usize {
            return Err(RefusalCode::RoomFull);
        }
        match &self.password_hash {
            Some(_) if !host && !with_password => Err(RefusalCode::PasswordNeeded),
            Some(hash) if !host => Ok(Some(hash)),
            Some(_) | None => Ok(None),
        }
    }

    /// Takes a seat. The host key makes host, and opens locks; nothing opens a full room.
    ///
    /// # Errors
    /// `RoomEnded`, `NameInvalid`, `HostKeyWrong`, `RoomLocked`, `RoomFull`, `PasswordNeeded`,
    /// `PasswordWrong`; the last also when the password was changed since it was compared.
    pub fn enter(
        &mut self,
        who: Newcomer,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Admission, RefusalCode> {
        let given = who.password != PasswordProof::NotGiven;
        let expected = self.knock(&who.name, who.host_key_hash.as_ref(), given)?;
        if let Some(expected) = expected {
            let right = matches!(&who.password, PasswordProof::Compared { hash, right: true } if hash == expected);
            if !right {
                return Err(RefusalCode::PasswordWrong);
            }
        }
        let name = Name::parse(&who.name)?.into_string();
        let role = match who.host_key_hash {
            Some(_) => Role::Host,
            None => self.settings.newcomers,
        };
        let id = ParticipantId(self.roster.next);
        self.roster.next += 1;
        let seat = Seat {
            name: name.clone(),
            role,
            media: MediaState {
                sound: who.sound,
                ..MediaState::default()
            },
            held_mute: false,
            joined_at_ms: now.unix_ms,
            token_hash: who.token_hash,
            link: if who.linked {
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
            token_hash: who.token_hash,
            joined_unix_ms: now.unix_ms,
        }));
        self.tell(Event::ParticipantJoined { member }, out);
        if who.linked {
            self.link_up(id, now, out);
        }
        self.settle(now, out);
        Ok(self.admit(id, role, None))
    }

    /// Opens a seat again. An older link of it is taken over: the shell says goodbye to it.
    ///
    /// # Errors
    /// `RoomEnded`, `Kicked`, `SeatUnknown`.
    pub fn resume(
        &mut self,
        token_hash: &[u8; 32],
        cursor: Option<Cursor>,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Admission, RefusalCode> {
        let (id, role) = self.seat_of(token_hash)?;
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
        Ok(self.admit(id, role, cursor))
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
    /// `RoomEnded`, `Kicked`, `SeatUnknown`.
    pub fn seat_of(&self, token_hash: &[u8; 32]) -> Result<(ParticipantId, Role), RefusalCode> {
        if self.ended.is_some() {
            return Err(RefusalCode::RoomEnded);
        }
        match self.roster.by_token(token_hash) {
            Some(id) => Ok((id, self.role(id).ok_or(RefusalCode::SeatUnknown)?)),
            None if self.roster.kicked.contains(token_hash) => Err(RefusalCode::Kicked),
            None => Err(RefusalCode::SeatUnknown),
        }
    }

    fn admit(&self, id: ParticipantId, role: Role, cursor: Option<Cursor>) -> Admission {
        let missed = cursor.and_then(|cursor| Some((cursor, self.log.since(cursor.number)?)));
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
                snapshot: Some(self.snapshot()),
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

    pub(super) fn change_settings(
        &mut self,
        settings: Settings,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        check_settings(&settings, self.limits.members_max)?;
        if (settings.members_max as usize) < self.roster.seats.len() {
            return Err(RefusalCode::Invalid);
        }
        if settings == self.settings {
            return Ok(());
        }
        self.settings = settings.clone();
        self.tell(Event::SettingsChanged { settings }, out);
        self.record_room(out);
        self.withdraw(now, out);
        Ok(())
    }

    pub(super) fn kick(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        text: String,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if by == id {
            return Err(RefusalCode::Invalid);
        }
        self.check_rank(by, id)?;
        let Some(seat) = self.roster.seats.get(&id) else {
            return Err(RefusalCode::NoSuchPerson);
        };
        let (token_hash, line) = (
            seat.token_hash,
            format!("{} was taken out of the meeting.", seat.name),
        );
        self.roster.remember_kicked(token_hash);
        self.unseat(id, LeaveReason::Kicked, now, out);
        out.push(Effect::Dismiss {
            seat: id,
            reason: LeaveReason::Kicked,
            text,
        });
        self.say_as_room(by, &line, now, out);
        Ok(())
    }
}

/// Settings that a room may have.
///
/// # Errors
/// `Invalid`: newcomers who would be hosts, or a number of members that is 0 or above the server's.
pub fn check_settings(settings: &Settings, members_max: u32) -> Result<(), RefusalCode> {
    let newcomers = !matches!(settings.newcomers, Role::Host | Role::CoHost);
    let members = (1..=members_max).contains(&settings.members_max);
    match newcomers && members && settings.keep_hours <= super::KEEP_HOURS_MAX {
        true => Ok(()),
        false => Err(RefusalCode::Invalid),
    }
}
