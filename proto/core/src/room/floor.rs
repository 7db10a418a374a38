//! One presenter at a time, a queue for the slot, and hands in order.

use conclave_wire::{
    Event, Floor, MediaState, ParticipantId, Permission, RefusalCode, Role, event::FloorChange,
};

use super::{Effect, Feature, Outbox, Room};
use crate::Now;

impl Room {
    pub(super) fn ask_floor(
        &mut self,
        id: ParticipantId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if self.floor.presenter == Some(id) {
            return Ok(());
        }
        if self.floor.queue.contains(&id) {
            return Err(RefusalCode::AlreadyQueued);
        }
        let free = self.floor.presenter.is_none() && self.floor.queue.is_empty();
        if free && self.presents_unasked(id) {
            self.give_floor(id, FloorChange::Granted, out);
        } else {
            self.floor.queue.push(id);
            self.tell_floor(FloorChange::Asked, out);
        }
        Ok(())
    }

    pub(super) fn release_floor(
        &mut self,
        id: ParticipantId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if self.floor.presenter == Some(id) {
            self.free_floor(FloorChange::Released, out);
        } else if self.floor.queue.contains(&id) {
            self.floor.queue.retain(|waiting| *waiting != id);
            self.tell_floor(FloorChange::Released, out);
            self.advance_queue(out);
        } else {
            return Err(RefusalCode::NotPresenting);
        }
        Ok(())
    }

    /// A host gives the slot to somebody, whoever has it.
    pub(super) fn grant_floor(
        &mut self,
        id: ParticipantId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_presents(id)?;
        if self.floor.presenter != Some(id) {
            self.give_floor(id, FloorChange::Granted, out);
        }
        Ok(())
    }

    /// Hosts take the slot from anybody; others only when it is free and they need not ask.
    pub(super) fn take_floor(
        &mut self,
        id: ParticipantId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let by_host = self.may(id, Permission::Moderate);
        match self.floor.presenter {
            Some(presenter) if presenter == id => return Ok(()),
            Some(_) if !by_host => return Err(RefusalCode::FloorTaken),
            None if !self.presents_unasked(id) => return Err(RefusalCode::NotAllowed),
            Some(_) | None => {}
        }
        self.give_floor(id, FloorChange::Taken, out);
        Ok(())
    }

    pub(super) fn hand_over_floor(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if self.floor.presenter != Some(from) {
            return Err(RefusalCode::NotPresenting);
        }
        self.check_presents(to)?;
        if from != to {
            self.give_floor(to, FloorChange::HandedOver, out);
        }
        Ok(())
    }

    pub(super) fn stop_share(&mut self, out: &mut Outbox) -> Result<(), RefusalCode> {
        match self.floor.presenter {
            Some(_) => {
                self.free_floor(FloorChange::Stopped, out);
                Ok(())
            }
            None => Err(RefusalCode::NotPresenting),
        }
    }

    pub(super) fn raise_hand(&mut self, id: ParticipantId, raised: bool, out: &mut Outbox) {
        let up = self.floor.hands.contains(&id);
        if raised && !up {
            self.floor.hands.push(id);
            self.tell(Event::HandRaised { id }, out);
        } else if !raised && up {
            self.floor.hands.retain(|hand| *hand != id);
            self.tell(Event::HandLowered { id }, out);
        }
    }

    pub(super) fn lower_all_hands(&mut self, out: &mut Outbox) {
        if !std::mem::take(&mut self.floor.hands).is_empty() {
            self.tell(Event::HandsLowered, out);
        }
    }

    pub(super) fn set_spotlight(
        &mut self,
        id: Option<ParticipantId>,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if let Some(id) = id {
            self.check_here(id)?;
        }
        if self.spotlight != id {
            self.spotlight = id;
            self.tell(Event::SpotlightChanged { id }, out);
        }
        Ok(())
    }

    /// A host's mute holds until a host lifts it, unless they may unmute themselves.
    pub(super) fn mute(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        may_unmute: bool,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_rank(by, id)?;
        self.silence(id, !may_unmute, out);
        Ok(())
    }

    /// Everybody but the one who asks and the hosts; afterwards they may or may not unmute themselves.
    pub(super) fn mute_all(&mut self, by: ParticipantId, may_unmute: bool, out: &mut Outbox) {
        let others: Vec<_> = self
            .roster
            .seats
            .iter()
            .filter(|(id, seat)| **id != by && !matches!(seat.role, Role::Host | Role::CoHost))
            .map(|(&id, _)| id)
            .collect();
        for id in others {
            self.silence(id, !may_unmute, out);
        }
    }

    pub(super) fn allow_unmute(
        &mut self,
        id: ParticipantId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let media = self.media(id).ok_or(RefusalCode::NoSuchPerson)?;
        self.set_media(id, media, false, out);
        Ok(())
    }

    pub(super) fn stop_camera(
        &mut self,
        by: ParticipantId,
        id: ParticipantId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_rank(by, id)?;
        self.camera_off(id, out);
        Ok(())
    }

    /// Who is gone gives back what they held. Clients take the leaver out of the floor themselves; only
    /// a slot that is free or passes on is news.
    pub(super) fn leave_floor(&mut self, id: ParticipantId, out: &mut Outbox) {
        self.floor.hands.retain(|hand| *hand != id);
        self.floor.queue.retain(|waiting| *waiting != id);
        if self.floor.presenter == Some(id) {
            self.free_floor(FloorChange::Left, out);
        } else {
            self.advance_queue(out);
        }
    }

    /// Takes back what the settings or a role no longer allow.
    pub(super) fn withdraw(&mut self, now: Now, out: &mut Outbox) {
        let ids: Vec<_> = self.roster.seats.keys().copied().collect();
        for id in ids {
            if self.is_hushed(id) {
                let held = self.roster.seats.get(&id);
                let held = held.is_some_and(|seat| seat.held_mute);
                self.silence(id, held, out);
            }
            if !self.may(id, Permission::Speak) {
                let held = self
                    .roster
                    .seats
                    .get(&id)
                    .is_some_and(|seat| seat.held_mute);
                self.silence(id, held, out);
                self.camera_off(id, out);
            }
            if !self.may(id, Permission::RaiseHand) {
                self.raise_hand(id, false, out);
            }
            if !self.may(id, Permission::Chat) && self.chat.stop_typing(id) {
                self.signs.typing(id, false, now.moment);
            }
            if !self.may(id, Permission::Present) {
                // Neither held nor waited for: there is nothing to take back.
                self.release_floor(id, out).ok();
            }
        }
        self.advance_queue(out);
    }

    fn silence(&mut self, id: ParticipantId, held: bool, out: &mut Outbox) {
        if let Some(media) = self.media(id) {
            self.set_media(
                id,
                MediaState {
                    microphone: false,
                    ..media
                },
                held,
                out,
            );
        }
    }

    fn camera_off(&mut self, id: ParticipantId, out: &mut Outbox) {
        if let Some(seat) = self.roster.seats.get(&id) {
            let (media, held) = (
                MediaState {
                    camera: false,
                    ..seat.media
                },
                seat.held_mute,
            );
            self.set_media(id, media, held, out);
        }
    }

    fn media(&self, id: ParticipantId) -> Option<MediaState> {
        self.roster.seats.get(&id).map(|seat| seat.media)
    }

    /// Whether somebody takes the free slot without being granted it.
    fn presents_unasked(&self, id: ParticipantId) -> bool {
        let trusted = self.role(id).is_some_and(|role| role <= Role::Presenter);
        self.may(id, Permission::Present) && (trusted || !self.settings.present_by_asking)
    }

    fn check_presents(&self, id: ParticipantId) -> Result<(), RefusalCode> {
        match self.role(id) {
            None => Err(RefusalCode::NoSuchPerson),
            Some(_) if self.may(id, Permission::Present) => Ok(()),
            Some(_) => Err(RefusalCode::NotAllowed),
        }
    }

    fn give_floor(&mut self, id: ParticipantId, why: FloorChange, out: &mut Outbox) {
        self.floor.presenter = Some(id);
        self.floor.queue.retain(|waiting| *waiting != id);
        out.push(Effect::Present(Some(id)));
        self.use_feature(Feature::Screen, out);
        self.tell_floor(why, out);
    }

    /// The first who waits follows, unless they must be granted it.
    fn free_floor(&mut self, why: FloorChange, out: &mut Outbox) {
        self.floor.presenter = None;
        if !self.advance_queue_as(why, out) {
            out.push(Effect::Present(None));
            self.tell_floor(why, out);
        }
    }

    fn advance_queue(&mut self, out: &mut Outbox) {
        self.advance_queue_as(FloorChange::Granted, out);
    }

    fn advance_queue_as(&mut self, why: FloorChange, out: &mut Outbox) -> bool {
        match self.floor.queue.first().copied() {
            Some(next) if self.floor.presenter.is_none() && self.presents_unasked(next) => {
                self.give_floor(next, why, out);
                true
            }
            Some(_) | None => false,
        }
    }

    fn tell_floor(&mut self, why: FloorChange, out: &mut Outbox) {
        let floor: Floor = self.floor.clone();
        self.tell(Event::FloorChanged { floor, why }, out);
    }
}
