//! The waiting room: who stands at the door, in order, and what becomes of them.

use std::time::Duration;

use conclave_wire::{Event, ParticipantId, Permission, Refusal, RefusalCode, Waiter, WaitingId};

use super::{AWAY_MAX, Audience, Effect, Feature, Outbox, Room, door::Guest};
use crate::{Moment, Now};

/// Whoever was not let in after this time is sent away.
pub const WAITING_MAX: Duration = Duration::from_secs(30 * 60);
/// People at one door.
pub const WAITING_PEOPLE_MAX: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In order of their coming.
    people: Vec<Person>,
    /// The id of the next. Starts at a place drawn at random, so that an id of before a restart is nobody
    /// else's afterwards.
    next: u32,
}

#[derive(Debug)]
struct Person {
    id: WaitingId,
    guest: Guest,
    since: Moment,
    since_unix_ms: u64,
    /// Since when the link is gone; the place is kept for [`AWAY_MAX`].
    lost: Option<Moment>,
}

impl Person {
    fn waiter(&self) -> Waiter {
        Waiter {
            id: self.id,
            name: self.guest.name.clone(),
            since_ms: self.since_unix_ms,
        }
    }

    fn ends(&self) -> Moment {
        let end = self.since + WAITING_MAX;
        self.lost.map_or(end, |lost| end.min(lost + AWAY_MAX))
    }
}

impl Waiting {
    pub(super) fn starting_at(next: u32) -> Waiting {
        Waiting {
            people: Vec::new(),
            next,
        }
    }

    pub(super) fn list(&self) -> Vec<Waiter> {
        self.people.iter().map(Person::waiter).collect()
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        self.people.iter().map(Person::ends).min()
    }

    fn place(&self, id: WaitingId) -> Option<usize> {
        self.people.iter().position(|person| person.id == id)
    }

    fn by_token(&self, token_hash: &[u8; 32]) -> Option<usize> {
        let mut people = self.people.iter();
        people.position(|person| person.guest.token_hash == *token_hash)
    }
}

impl Room {
    /// # Errors
    /// `WaitingRoom` without a link, `RoomFull` when too many wait already.
    pub(super) fn wait_at_the_door(
        &mut self,
        linked: bool,
        guest: Guest,
        now: Now,
        out: &mut Outbox,
    ) -> Result<WaitingId, RefusalCode> {
        if !linked {
            return Err(RefusalCode::WaitingRoom);
        }
        if self.waiting.people.len() >= WAITING_PEOPLE_MAX {
            return Err(RefusalCode::RoomFull);
        }
        let id = WaitingId(self.waiting.next);
        self.waiting.next = self.waiting.next.wrapping_add(1);
        let person = Person {
            id,
            guest,
            since: now.moment,
            since_unix_ms: now.unix_ms,
            lost: None,
        };
        let waiter = person.waiter();
        self.waiting.people.push(person);
        self.use_feature(Feature::WaitingRoom, out);
        self.tell_to(self.doorkeepers(), Event::WaitingArrived { waiter }, out);
        self.tell_places(self.waiting.people.len() - 1, out);
        Ok(id)
    }

    /// Somebody at the door is back on another link; `None` when the token is none of theirs.
    pub(super) fn wait_again(
        &mut self,
        token_hash: &[u8; 32],
        out: &mut Outbox,
    ) -> Option<WaitingId> {
        let place = self.waiting.by_token(token_hash)?;
        let person = self.waiting.people.get_mut(place)?;
        person.lost = None;
        let id = person.id;
        let position = position(place);
        out.push(Effect::Wait { id, position });
        Some(id)
    }

    /// The link of somebody at the door is gone. Their place is kept for [`AWAY_MAX`].
    pub fn waiting_link_lost(&mut self, id: WaitingId, now: Now, out: &mut Outbox) {
        let mut people = self.waiting.people.iter_mut();
        if let Some(person) = people.find(|person| person.id == id) {
            person.lost.get_or_insert(now.moment);
        }
        self.settle(now, out);
    }

    pub(super) fn admit(
        &mut self,
        id: WaitingId,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let place = self.waiting.place(id).ok_or(RefusalCode::NobodyWaits)?;
        if !self.has_room() {
            return Err(RefusalCode::RoomFull);
        }
        self.let_in(place, now, out);
        self.tell_places(place, out);
        Ok(())
    }

    /// As far as there is room; nobody at the door is no mistake.
    pub(super) fn admit_all(&mut self, now: Now, out: &mut Outbox) -> Result<(), RefusalCode> {
        let before = self.waiting.people.len();
        while !self.waiting.people.is_empty() && self.has_room() {
            self.let_in(0, now, out);
        }
        let left = self.waiting.people.len();
        if left > 0 && left == before {
            return Err(RefusalCode::RoomFull);
        }
        self.tell_places(0, out);
        Ok(())
    }

    pub(super) fn turn_away(
        &mut self,
        id: WaitingId,
        reason: String,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let place = self.waiting.place(id).ok_or(RefusalCode::NobodyWaits)?;
        let mut refusal = Refusal::from(RefusalCode::TurnedAway);
        if !reason.is_empty() {
            refusal.message = reason;
        }
        self.send_away(place, refusal, out);
        self.tell_places(place, out);
        Ok(())
    }

    pub(super) fn turn_all_away(&mut self, code: RefusalCode, out: &mut Outbox) {
        for person in std::mem::take(&mut self.waiting.people) {
            out.push(Effect::TurnAway {
                id: person.id,
                refusal: code.into(),
            });
        }
    }

    pub(super) fn wake_waiting(&mut self, now: Now, out: &mut Outbox) {
        let due = |person: &Person| person.ends() <= now.moment;
        let Some(first) = self.waiting.people.iter().position(due) else {
            return;
        };
        while let Some(place) = self.waiting.people.iter().position(due) {
            self.send_away(place, RefusalCode::WaitedTooLong.into(), out);
        }
        self.tell_places(first, out);
    }

    /// Somebody may let people in now, or may not any more: what they see of the door.
    pub(super) fn show_door(&mut self, to: ParticipantId, shown: bool, out: &mut Outbox) {
        for waiter in self.waiting.list() {
            let event = match shown {
                true => Event::WaitingArrived { waiter },
                false => Event::WaitingLeft { id: waiter.id },
            };
            self.tell_to(Audience::One(to), event, out);
        }
    }

    /// Those who may let people in.
    fn doorkeepers(&self) -> Audience {
        self.those_who_may(Permission::Admit, None)
    }

    fn let_in(&mut self, place: usize, now: Now, out: &mut Outbox) {
        let person = self.waiting.people.remove(place);
        let id = person.id;
        self.tell_to(self.doorkeepers(), Event::WaitingLeft { id }, out);
        let linked = person.lost.is_none();
        let role = self.settings.newcomers;
        let seat = self.take_seat(person.guest, role, linked, now, out);
        let admission = Box::new(self.admission(seat, None));
        out.push(Effect::Admit { id, admission });
    }

    fn send_away(&mut self, place: usize, refusal: Refusal, out: &mut Outbox) {
        let id = self.waiting.people.remove(place).id;
        self.tell_to(self.doorkeepers(), Event::WaitingLeft { id }, out);
        out.push(Effect::TurnAway { id, refusal });
    }

    /// Everybody from this place on stands somewhere else now.
    fn tell_places(&self, from: usize, out: &mut Outbox) {
        for (place, person) in self.waiting.people.iter().enumerate().skip(from) {
            if person.lost.is_none() {
                out.push(Effect::Wait {
                    id: person.id,
                    position: position(place),
                });
            }
        }
    }
}

/// 1 is next.
fn position(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}
