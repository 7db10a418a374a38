//! Taking people out, for now or for the rest of the meeting.

use std::collections::{BTreeSet, VecDeque};

use conclave_wire::{LeaveReason, ParticipantId, RefusalCode};

use super::{Effect, Outbox, Record, Room};
use crate::Now;

/// Tokens of people who were taken out, so that they are told why they cannot come back.
const EXPELLED_KEPT: usize = 256;
/// Programs that a room remembers to have banned; the bans beyond hold by the token alone.
pub const BANS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Bans {
    expelled: VecDeque<([u8; 32], RefusalCode)>,
    /// SHA-256 of the secrets of their programs.
    devices: BTreeSet<[u8; 32]>,
}

impl Bans {
    pub(super) fn of(devices: Vec<[u8; 32]>) -> Bans {
        Bans {
            expelled: VecDeque::new(),
            devices: devices.into_iter().collect(),
        }
    }

    pub(super) fn is_banned(&self, device_hash: Option<&[u8; 32]>) -> bool {
        device_hash.is_some_and(|hash| self.devices.contains(hash))
    }

    /// Why whoever has this token was taken out, if they were.
    pub(super) fn expelled(&self, token_hash: &[u8; 32]) -> Option<RefusalCode> {
        let mut expelled = self.expelled.iter();
        expelled
            .find(|(token, _)| token == token_hash)
            .map(|(_, code)| *code)
    }

    fn expel(&mut self, token_hash: [u8; 32], code: RefusalCode) {
        if self.expelled.len() == EXPELLED_KEPT {
            self.expelled.pop_front();
        }
        self.expelled.push_back((token_hash, code));
    }
}

impl Room {
    pub(super) fn kick(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        text: String,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_may_expel(by, id)?;
        self.take_out(by, id, text, now, out)
    }

    /// What knows a person again is the secret that their program sent; without one only the seat is
    /// gone, as after a kick.
    pub(super) fn ban(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        text: String,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_may_expel(by, id)?;
        self.take_out_for_good(by, id, text, now, out)
    }

    pub(super) fn take_out_for_good(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        text: String,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let device = self.roster.seats.get(&id).and_then(|seat| seat.device_hash);
        self.expel(by, id, LeaveReason::Banned, text, now, out)?;
        if let Some(device_hash) = device
            && self.bans.devices.len() < BANS_MAX
            && self.bans.devices.insert(device_hash)
        {
            out.push(Effect::Record(Record::Banned {
                device_hash,
                at_unix_ms: now.unix_ms,
            }));
        }
        Ok(())
    }

    pub(super) fn lift_bans(&mut self, out: &mut Outbox) {
        self.bans
            .expelled
            .retain(|(_, code)| *code != RefusalCode::Banned);
        if !self.bans.devices.is_empty() {
            self.bans.devices.clear();
            out.push(Effect::Record(Record::BansLifted));
        }
    }

    fn check_may_expel(&self, by: ParticipantId, id: ParticipantId) -> Result<(), RefusalCode> {
        match by == id {
            true => Err(RefusalCode::Invalid),
            false => self.check_rank(by, id),
        }
    }

    pub(super) fn expel(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        reason: LeaveReason,
        text: String,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let Some(seat) = self.roster.seats.get(&id) else {
            return Err(RefusalCode::NoSuchPerson);
        };
        let (token_hash, line) = (
            seat.token_hash,
            format!("{} was taken out of the meeting.", seat.name),
        );
        let code = match reason {
            LeaveReason::Banned => RefusalCode::Banned,
            _ => RefusalCode::Kicked,
        };
        self.bans.expel(token_hash, code);
        self.unseat(id, reason, now, out);
        out.push(Effect::Dismiss {
            seat: id,
            reason,
            text,
        });
        self.say_as_room(by, &line, now, out);
        Ok(())
    }
}
