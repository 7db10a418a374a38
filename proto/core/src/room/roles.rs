//! Roles: giving and taking them, and who stands in while the host is gone.

use std::time::Duration;

use conclave_wire::{
    Event, ParticipantId, Permission, RefusalCode, Role, event::RoleChange, may_give,
};

use super::{Outbox, Room};
use crate::{Moment, Now};

/// A host whose link is lost for so long is stood in for. One who leaves is so at once.
pub const HOST_AWAY_MAX: Duration = Duration::from_secs(10);

/// Who stands in for whom.
#[derive(Debug, Default)]
pub(super) struct Succession {
    /// A room that has not had a host yet waits for its creator.
    had_host: bool,
    /// Since when no host is linked.
    hostless_since: Option<Moment>,
}

impl Succession {
    pub(super) fn of(had_host: bool) -> Succession {
        Succession {
            had_host,
            hostless_since: None,
        }
    }
}

impl Room {
    /// Gives a role, or takes one by giving a lower one. Who stands in for the host makes nobody host and
    /// takes nothing from a host.
    ///
    /// # Errors
    /// `NoSuchPerson`, `NotAllowed`, `LastHost` when nobody would be host any more.
    pub(super) fn give_role(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        role: Role,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let had = self.role(id).ok_or(RefusalCode::NoSuchPerson)?;
        let by_role = self.role(by).ok_or(RefusalCode::SeatUnknown)?;
        let steps_down = by == id && role >= had;
        if !steps_down {
            if by == id || !may_give(by_role, had, role) {
                return Err(RefusalCode::NotAllowed);
            }
            self.check_rank(by, id)?;
            if self.stands_in(by) && role == Role::Host {
                return Err(RefusalCode::NotAllowed);
            }
        }
        if had == Role::Host && role != Role::Host && !self.has_linked_host_but(id) {
            return Err(RefusalCode::LastHost);
        }
        if had != role {
            self.change_role(id, role, None, RoleChange::Given, now, out);
        } else if role == Role::Host && by != id {
            // Whoever stood in is host in their own right now.
            self.set_standing_in(id, None, out);
        }
        Ok(())
    }

    /// When somebody will stand in for the host, if nothing else happens.
    pub(super) fn succession_wakeup(&self) -> Option<Moment> {
        let since = self.succession.hostless_since?;
        self.successor()?;
        Some(since + HOST_AWAY_MAX)
    }

    /// Passes the host's role on when no host is there, and back when one is.
    pub(super) fn settle_succession(&mut self, now: Now, out: &mut Outbox) {
        let mut hosts = self
            .roster
            .seats
            .values()
            .filter(|seat| seat.role == Role::Host);
        let own_right = |seat: &&super::roster::Seat| !seat.away() && seat.stands_in_from.is_none();
        if hosts.clone().any(|seat| own_right(&seat)) {
            self.succession = Succession {
                had_host: true,
                hostless_since: None,
            };
            self.send_stand_ins_back(now, out);
            return;
        }
        if hosts.clone().any(|seat| !seat.away()) {
            self.succession.hostless_since = None;
            return;
        }
        if !self.succession.had_host {
            return;
        }
        let away = hosts.next().is_some();
        let since = *self.succession.hostless_since.get_or_insert(now.moment);
        if away && now.moment < since + HOST_AWAY_MAX {
            return;
        }
        if let Some((id, role)) = self.successor() {
            self.succession.hostless_since = None;
            self.change_role(id, Role::Host, Some(role), RoleChange::PassedOn, now, out);
        }
    }

    pub(super) fn stands_in(&self, id: ParticipantId) -> bool {
        let seat = self.roster.seats.get(&id);
        seat.is_some_and(|seat| seat.stands_in_from.is_some())
    }

    /// Nobody acts on somebody of a higher role; who stands in for the host is below a host.
    pub(super) fn check_rank(
        &self,
        by: ParticipantId,
        on: ParticipantId,
    ) -> Result<(), RefusalCode> {
        let rank = |id| Some((self.role(id)?, self.stands_in(id)));
        match (rank(by), rank(on)) {
            (_, None) => Err(RefusalCode::NoSuchPerson),
            (Some(by), Some(on)) if by <= on => Ok(()),
            (Some(_), Some(_)) | (None, Some(_)) => Err(RefusalCode::NotAllowed),
        }
    }

    /// Who is next: of those who are linked the highest role but observers, of these who came first.
    fn successor(&self) -> Option<(ParticipantId, Role)> {
        let linked = self.roster.seats.iter().filter(|(_, seat)| !seat.away());
        let able = linked.filter(|(_, seat)| (Role::CoHost..Role::Observer).contains(&seat.role));
        able.map(|(&id, seat)| (id, seat.role))
            .min_by_key(|&(id, role)| (role, id))
    }

    fn has_linked_host_but(&self, id: ParticipantId) -> bool {
        let mut seats = self.roster.seats.iter();
        seats.any(|(&other, seat)| other != id && seat.role == Role::Host && !seat.away())
    }

    fn send_stand_ins_back(&mut self, now: Now, out: &mut Outbox) {
        let standing = |(&id, seat): (&ParticipantId, &super::roster::Seat)| {
            seat.stands_in_from.map(|role| (id, role))
        };
        let standing: Vec<_> = self.roster.seats.iter().filter_map(standing).collect();
        for (id, role) in standing {
            self.change_role(id, role, None, RoleChange::HostBack, now, out);
        }
    }

    fn set_standing_in(&mut self, id: ParticipantId, from: Option<Role>, out: &mut Outbox) {
        if let Some(seat) = self.roster.seats.get_mut(&id)
            && seat.stands_in_from != from
        {
            seat.stands_in_from = from;
            self.record_seat(id, out);
        }
    }

    /// Tells everybody, shows the person what they see now and hides what they see no more, takes back
    /// what the role does not allow, and opens the microphone to who may speak now.
    fn change_role(
        &mut self,
        id: ParticipantId,
        role: Role,
        stands_in_from: Option<Role>,
        why: RoleChange,
        now: Now,
        out: &mut Outbox,
    ) {
        let (admitted, answered) = self.sees(id);
        let Some(seat) = self.roster.seats.get_mut(&id) else {
            return;
        };
        seat.role = role;
        seat.stands_in_from = stands_in_from;
        let media = seat.media;
        self.record_seat(id, out);
        self.tell(Event::RoleChanged { id, role, why }, out);
        let (admits, answers) = self.sees(id);
        if admits != admitted {
            self.show_door(id, admits, out);
        }
        if answers != answered {
            self.show_questions(id, answers, out);
        }
        if role <= Role::CoHost {
            self.set_media(id, media, false, out);
        }
        self.withdraw(now, out);
        self.allow_voice(id, out);
    }

    /// What a role lets somebody see: the door, and questions out of sight.
    fn sees(&self, id: ParticipantId) -> (bool, bool) {
        (
            self.may(id, Permission::Admit),
            self.may(id, Permission::AnswerQuestions),
        )
    }
}
