//! The links of people who wait at the room's door.

use std::collections::BTreeMap;

use actix::prelude::*;
use conclave_core::room::Admission;
use conclave_wire::{
    AtTheDoor, EncodedOnce, ParticipantId, Refusal, RefusalCode, ServerMessage, WaitingId,
};
use tokio::sync::oneshot;

use super::{Admitted, Deliver, RoomActor, WAITING_LINKS_CHECKED};

/// Brings the end of the wait: a seat, or why there is none.
pub(super) type Answer = oneshot::Sender<Result<Admitted, Refusal>>;

#[derive(Default)]
pub(super) struct WaitingLinks {
    links: BTreeMap<WaitingId, WaitingLink>,
    /// Whether somebody looks after them.
    watched: bool,
}

struct WaitingLink {
    seat: Recipient<Deliver>,
    seat_token: String,
    answer: Answer,
}

/// Somebody was let in: what to tell them once that is stored.
pub(super) struct LetIn {
    pub(super) seat: ParticipantId,
    pub(super) answer: Answer,
    pub(super) admitted: Box<Admitted>,
}

impl LetIn {
    /// They may have gone meanwhile: then the seat is looked after like any other.
    pub(super) fn tell(self, stored: Result<(), RefusalCode>) {
        let admitted = stored.map(|()| *self.admitted).map_err(Refusal::from);
        self.answer.send(admitted).ok();
    }
}

impl RoomActor {
    /// Keeps the link of somebody who waits. An older one of theirs is told that it was taken over.
    pub(super) fn keep_waiting(
        &mut self,
        id: WaitingId,
        seat: Recipient<Deliver>,
        seat_token: String,
        ctx: &mut Context<Self>,
    ) -> oneshot::Receiver<Result<Admitted, Refusal>> {
        let (answer, answered) = oneshot::channel();
        let link = WaitingLink {
            seat,
            seat_token,
            answer,
        };
        if let Some(older) = self.waiting.links.insert(id, link) {
            older.answer.send(Err(RefusalCode::TakenOver.into())).ok();
        }
        if !std::mem::replace(&mut self.waiting.watched, true) {
            self.watch_waiting_links(ctx);
        }
        answered
    }

    pub(super) fn tell_place(&self, id: WaitingId, position: u32) {
        let Some(link) = self.waiting.links.get(&id) else {
            return;
        };
        let waiting = ServerMessage::Waiting(AtTheDoor {
            title: self.room.look().title,
            position,
            seat_token: link.seat_token.clone(),
        });
        // Only the newest place is of use, and a link that takes nothing is found to be gone.
        link.seat
            .try_send(Deliver(vec![EncodedOnce::new(waiting)]))
            .ok();
    }

    /// Their link becomes that of the seat, if it is still there.
    pub(super) fn let_in(
        &mut self,
        id: WaitingId,
        admission: Admission,
        ctx: &mut Context<Self>,
    ) -> Option<LetIn> {
        let link = self.waiting.links.remove(&id)?;
        let seat = admission.id;
        let attachment = self.attach(seat, link.seat, admission.cursor.number, ctx);
        let admitted = self.welcome(admission, Some(attachment), link.seat_token, None, ctx);
        Some(LetIn {
            seat,
            answer: link.answer,
            admitted: Box::new(admitted),
        })
    }

    pub(super) fn turn_away(&mut self, id: WaitingId, refusal: Refusal) {
        if let Some(link) = self.waiting.links.remove(&id) {
            link.answer.send(Err(refusal)).ok();
        }
    }

    /// A participant that ends while it waits cannot say so.
    fn watch_waiting_links(&mut self, ctx: &mut Context<Self>) {
        ctx.run_later(WAITING_LINKS_CHECKED, |actor, ctx| {
            let gone = |link: &WaitingLink| !link.seat.connected();
            let links = actor.waiting.links.iter().filter(|(_, link)| gone(link));
            let gone: Vec<_> = links.map(|(&id, _)| id).collect();
            for id in gone {
                actor.waiting.links.remove(&id);
                actor.drive(ctx, |room, now, out| room.waiting_link_lost(id, now, out));
            }
            match actor.waiting.links.is_empty() {
                true => actor.waiting.watched = false,
                false => actor.watch_waiting_links(ctx),
            }
        });
    }
}
