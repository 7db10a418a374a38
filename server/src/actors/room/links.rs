//! The links of a room's seats, and what one drive has for each of them.

use std::{collections::BTreeMap, sync::Arc};

use actix::prelude::*;
use conclave_core::room::Audience;
use conclave_wire::{EncodedOnce, LeaveReason, Numbered, ParticipantId, ServerMessage, Signs};

use super::Deliver;

type Shared = Arc<EncodedOnce<ServerMessage>>;

/// Events in one message: a long absence is made up in pieces.
const EVENTS_PER_MESSAGE: usize = 256;

#[derive(Default)]
pub(super) struct Links {
    links: BTreeMap<ParticipantId, Link>,
    attachments: u64,
}

struct Link {
    attachment: u64,
    seat: Recipient<Deliver>,
    /// The welcome tells what happened up to this event.
    welcomed_at: u32,
}

impl Links {
    /// Attaches a link to a seat. An older one is told that it was taken over.
    pub(super) fn attach(
        &mut self,
        id: ParticipantId,
        seat: Recipient<Deliver>,
        welcomed_at: u32,
    ) -> u64 {
        self.attachments += 1;
        let attachment = self.attachments;
        let link = Link {
            attachment,
            seat,
            welcomed_at,
        };
        if let Some(older) = self.links.insert(id, link) {
            older.say_goodbye(LeaveReason::TakenOver);
        }
        attachment
    }

    pub(super) fn is_attached(&self, id: ParticipantId, attachment: u64) -> bool {
        self.links
            .get(&id)
            .is_some_and(|link| link.attachment == attachment)
    }

    /// Whether the one at the other end still runs.
    pub(super) fn is_connected(&self, id: ParticipantId, attachment: u64) -> bool {
        let link = self
            .links
            .get(&id)
            .filter(|link| link.attachment == attachment);
        link.is_some_and(|link| link.seat.connected())
    }

    pub(super) fn detach(&mut self, id: ParticipantId) {
        self.links.remove(&id);
    }
}

impl Link {
    /// Also to one that is full: a single message beyond its bound, the last that it gets.
    fn say_goodbye(&self, reason: LeaveReason) {
        self.seat
            .do_send(Deliver(vec![goodbye(reason, String::new())]));
    }
}

/// What one drive has for the seats: shared by all who get the same.
#[derive(Default)]
pub(super) struct Deliveries {
    events: Vec<(Audience, Numbered)>,
    signs: Vec<Shared>,
    private: BTreeMap<ParticipantId, Vec<Shared>>,
    goodbyes: BTreeMap<ParticipantId, Shared>,
}

impl Deliveries {
    pub(super) fn event(&mut self, to: Audience, event: Numbered) {
        self.events.push((to, event));
    }

    pub(super) fn signs(&mut self, to: Audience, signs: Signs) {
        let message = EncodedOnce::new(ServerMessage::Signs(signs));
        match to {
            Audience::Everyone => self.signs.push(message),
            Audience::One(seat) => self.private.entry(seat).or_default().push(message),
            Audience::These(seats) => {
                for &seat in seats.iter() {
                    let private = self.private.entry(seat).or_default();
                    private.push(message.clone());
                }
            }
        }
    }

    pub(super) fn answer(&mut self, seat: ParticipantId, answer: ServerMessage) {
        self.private
            .entry(seat)
            .or_default()
            .push(EncodedOnce::new(answer));
    }

    pub(super) fn goodbye(&mut self, seat: ParticipantId, reason: LeaveReason, text: String) {
        self.goodbyes.insert(seat, goodbye(reason, text));
    }

    /// Hands each link one batch: events, signs, answers, and the goodbye behind them all. Returns the
    /// seats whose link did not take theirs; they are told goodbye and detached.
    pub(super) fn send(mut self, links: &mut Links) -> Vec<ParticipantId> {
        let mut packed = Packed::default();
        let mut lost = Vec::new();
        for (&id, link) in &links.links {
            let mut batch = packed.of(&self.events, id, link.welcomed_at);
            batch.extend(self.signs.iter().cloned());
            batch.extend(self.private.remove(&id).unwrap_or_default());
            let last = self.goodbyes.get(&id);
            batch.extend(last.cloned());
            if batch.is_empty() {
                continue;
            }
            match (link.seat.try_send(Deliver(batch)), last) {
                (Ok(()), _) => {}
                (Err(_), Some(goodbye)) => link.seat.do_send(Deliver(vec![goodbye.clone()])),
                (Err(SendError::Full(_)), None) => {
                    link.say_goodbye(LeaveReason::TooSlow);
                    lost.push(id);
                }
                (Err(SendError::Closed(_)), None) => lost.push(id),
            }
        }
        for id in self.goodbyes.keys().chain(&lost) {
            links.links.remove(id);
        }
        lost
    }
}

/// The events of one drive as messages: encoded once for all who are told the same ones.
#[derive(Default)]
struct Packed(BTreeMap<Vec<u32>, Vec<Shared>>);

impl Packed {
    fn of(
        &mut self,
        events: &[(Audience, Numbered)],
        id: ParticipantId,
        welcomed_at: u32,
    ) -> Vec<Shared> {
        let told =
            |(to, event): &&(Audience, Numbered)| event.number > welcomed_at && to.includes(id);
        let numbers = events.iter().filter(told).map(|(_, event)| event.number);
        let packed = self.0.entry(numbers.collect()).or_insert_with(|| {
            let told = events.iter().filter(told).map(|(_, event)| event.clone());
            pack(&told.collect::<Vec<_>>())
        });
        packed.clone()
    }
}

/// Events as messages.
pub(super) fn pack(events: &[Numbered]) -> Vec<Shared> {
    let pieces = events.chunks(EVENTS_PER_MESSAGE);
    pieces
        .map(|events| {
            EncodedOnce::new(ServerMessage::Events {
                events: events.to_vec(),
            })
        })
        .collect()
}

fn goodbye(reason: LeaveReason, text: String) -> Shared {
    EncodedOnce::new(ServerMessage::Goodbye { reason, text })
}
