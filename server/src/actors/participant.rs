//! One actor per link: it carries out what the rules of a link say, watches the link from outside, and
//! stands between it and the room.

use std::{pin::Pin, sync::Arc};

use actix::prelude::*;
use conclave_core::{
    Moment,
    link::attachment::{Attachment, AttachmentLimits, Effect, Effects},
};
use conclave_wire::{
    ClientMessage, EncodedOnce, Encoding, LeaveReason, ParticipantId, Refusal, RefusalCode,
    ServerMessage, message::Enter,
};

use super::room::{Act, Admitted, Deliver, EnterRoom, Entrance, LinkLost, Measured, RoomActor};
use crate::{auth::token, clock::Clock, gateway::sockets::SocketHandle};

/// Messages that may wait for this actor. One read of a socket gives some hundred small frames, and
/// a room one batch for each thing that happens.
pub const MAILBOX_MESSAGES: usize = 512;

/// Link to participant: what came over the socket.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum FromLink {
    Said(ClientMessage),
    /// Something that is not a message of the protocol.
    Unreadable(RefusalCode),
    /// A ping with this mark came back.
    Returned(u64),
    Closed,
}

/// Participant to link: send these, in this order. Sent with `try_send` only.
#[derive(Debug, Default, Message)]
#[rtype(result = "()")]
pub struct ToLink {
    /// Encoded as the link asked for.
    pub frames: Vec<Arc<[u8]>>,
    /// The mark of a WebSocket ping that goes behind them.
    pub ping: Option<u64>,
    /// Then close.
    pub close: bool,
}

/// A room as a seat sees it.
#[derive(Clone)]
pub struct RoomLine {
    pub enter: Recipient<EnterRoom>,
    pub act: Recipient<Act>,
    pub lost: Recipient<LinkLost>,
    pub measured: Recipient<Measured>,
}

impl From<Addr<RoomActor>> for RoomLine {
    fn from(room: Addr<RoomActor>) -> RoomLine {
        RoomLine {
            enter: room.clone().recipient(),
            act: room.clone().recipient(),
            lost: room.clone().recipient(),
            measured: room.recipient(),
        }
    }
}

/// What comes of a browser's offer for sound and picture.
pub type Answering = Pin<Box<dyn Future<Output = Result<String, Refusal>>>>;

pub type Finding = Pin<Box<dyn Future<Output = Result<RoomLine, Refusal>>>>;

/// The way from a link to its room.
pub trait Rooms {
    /// Whether whoever is at the other end of the link may try to enter now.
    ///
    /// # Errors
    /// `TooFast`, with how long to wait.
    fn may_try(&self, enter: &Enter) -> Result<(), Refusal>;

    /// The room of that slug, or why there is none.
    fn find(&self, slug: String) -> Finding;

    /// They were not let in.
    fn turned_away(&self, code: RefusalCode);

    /// Hands the offer of whoever has this media session to the gateway for browsers.
    fn offer_media(&self, session: u64, sdp: String) -> Answering;
}

/// One seat on one link.
pub struct ParticipantActor {
    attachment: Attachment,
    encoding: Encoding,
    clock: Clock,
    rooms: Box<dyn Rooms>,
    link: Recipient<ToLink>,
    socket: Arc<SocketHandle>,
    seated: Option<Seated>,
    alarm: Option<(Moment, SpawnHandle)>,
}

/// What the room gave when it let them in.
struct Seated {
    room: RoomLine,
    id: ParticipantId,
    attachment: u64,
    media_session: Option<u64>,
}

/// What a new link is made of.
pub struct LinkParts {
    pub link: Recipient<ToLink>,
    pub socket: Arc<SocketHandle>,
    pub encoding: Encoding,
    pub limits: AttachmentLimits,
}

impl ParticipantActor {
    pub fn new(parts: LinkParts, rooms: Box<dyn Rooms>, clock: Clock) -> ParticipantActor {
        ParticipantActor {
            attachment: Attachment::new(parts.limits, parts.encoding, clock.now()),
            encoding: parts.encoding,
            clock,
            rooms,
            link: parts.link,
            socket: parts.socket,
            seated: None,
            alarm: None,
        }
    }

    /// Gives the rules one input, carries out every effect, resets the alarm.
    fn drive(
        &mut self,
        ctx: &mut Context<Self>,
        input: impl FnOnce(&mut Attachment, &mut Effects),
    ) {
        let mut effects = Effects::new();
        input(&mut self.attachment, &mut effects);
        while !effects.is_empty() {
            self.carry_out(ctx, &mut effects);
        }
        self.set_alarm(ctx);
        if self.attachment.is_over() {
            ctx.stop();
        }
    }

    /// Empties the effects; what goes to the link goes as one message.
    fn carry_out(&mut self, ctx: &mut Context<Self>, effects: &mut Effects) {
        let mut to_link = ToLink::default();
        for effect in std::mem::take(effects) {
            match effect {
                Effect::Send(shared) => to_link.frames.push(shared.bytes(self.encoding)),
                Effect::Ping(mark) => to_link.ping = Some(mark),
                Effect::Close => to_link.close = true,
                Effect::ShutDown => self.socket.shut_down(),
                Effect::Enter { enter, client } => self.enter(ctx, enter, client),
                Effect::Act { reference, command } => {
                    self.act(reference, command, effects);
                }
                Effect::OfferMedia { sdp } => self.offer_media(ctx, sdp),
                Effect::Measured { round_trip } => self.measured(round_trip.as_millis()),
                Effect::BeatHeard { interval } => tracing::debug!(
                    seat = self.seated.as_ref().map(|seated| seated.id.0),
                    interval_ms = interval.as_millis(),
                    "heartbeat"
                ),
                Effect::Lost(reason) => self.lost(reason),
            }
        }
        let something = !to_link.frames.is_empty() || to_link.ping.is_some() || to_link.close;
        if something && self.link.try_send(to_link).is_err() {
            self.attachment.link_full(effects);
        }
    }

    fn enter(&mut self, ctx: &mut Context<Self>, enter: Enter, client: String) {
        let allowed = self.rooms.may_try(&enter);
        let (slug, enter) = match enter {
            Enter::Join {
                slug,
                name,
                password,
                host_key,
                sound,
                device,
                file_hash,
            } => {
                let join = Entrance::Join {
                    name,
                    password,
                    host_key,
                    sound,
                    device,
                    file_hash,
                };
                (Some(slug), join)
            }
            Enter::Resume { seat_token, cursor } => {
                let slug = token::room_of(&seat_token).map(str::to_owned);
                (slug, Entrance::Resume { seat_token, cursor })
            }
        };
        let found = match allowed {
            Ok(()) => slug
                .map(|slug| self.rooms.find(slug))
                .ok_or(RefusalCode::SeatUnknown.into()),
            Err(refusal) => Err(refusal),
        };
        let entrance = EnterRoom {
            enter,
            seat: Some(ctx.address().recipient()),
            client,
        };
        let entering = async move {
            let room = found?.await?;
            let admitted = room.enter.send(entrance).await;
            let admitted = admitted.unwrap_or(Err(RefusalCode::Stopping.into()))?;
            Ok((room, admitted))
        };
        let entering = entering.into_actor(self).map(|result, actor, ctx| {
            actor.entered(ctx, result);
        });
        ctx.spawn(entering);
    }

    fn entered(&mut self, ctx: &mut Context<Self>, result: Result<(RoomLine, Admitted), Refusal>) {
        let now = self.clock.now();
        match result {
            Ok((room, admitted)) => {
                let room_clock_ms = admitted.welcome.room_clock_ms;
                self.seated = Some(Seated {
                    room,
                    id: admitted.welcome.you,
                    attachment: admitted.attachment,
                    media_session: u64::from_str_radix(&admitted.welcome.media.session, 16).ok(),
                });
                let welcome = ServerMessage::Welcome(Box::new(admitted.welcome));
                let mut first = vec![EncodedOnce::new(welcome)];
                first.extend(admitted.missed);
                self.drive(ctx, |attachment, out| {
                    attachment.admitted(now, room_clock_ms, first, out);
                });
            }
            Err(refusal) => {
                crate::telemetry::refusals::count(refusal.code);
                self.rooms.turned_away(refusal.code);
                self.drive(ctx, |attachment, out| {
                    attachment.turned_away(now, refusal, out);
                });
            }
        }
    }

    fn act(&mut self, reference: u32, command: conclave_wire::Command, effects: &mut Effects) {
        let Some(seated) = &self.seated else {
            return;
        };
        let act = Act {
            id: seated.id,
            attachment: seated.attachment,
            reference,
            command,
        };
        match seated.room.act.try_send(act) {
            Ok(()) => {}
            Err(SendError::Full(_)) => self.attachment.room_busy(reference, effects),
            Err(SendError::Closed(_)) => self.attachment.room_gone(self.clock.now(), effects),
        }
    }

    fn offer_media(&mut self, ctx: &mut Context<Self>, sdp: String) {
        let session = self.seated.as_ref().and_then(|seated| seated.media_session);
        let answering = session.map(|session| self.rooms.offer_media(session, sdp));
        let answering = async move {
            match answering {
                Some(answering) => answering.await,
                None => Err(RefusalCode::MediaBusy.into()),
            }
        };
        let answering = answering.into_actor(self).map(|answer, actor, ctx| {
            actor.drive(ctx, |attachment, out| {
                attachment.media_answered(answer, out)
            });
        });
        ctx.spawn(answering);
    }

    fn measured(&self, round_trip_ms: u128) {
        if let Some(seated) = &self.seated {
            let measured = Measured {
                id: seated.id,
                attachment: seated.attachment,
                round_trip_ms: u32::try_from(round_trip_ms).unwrap_or(u32::MAX),
            };
            // A room that is too busy for it gets the next one.
            let _ = seated.room.measured.try_send(measured);
        }
    }

    fn lost(&self, reason: LeaveReason) {
        if let Some(seated) = &self.seated {
            tracing::debug!(seat = seated.id.0, ?reason, "link lost");
            // Once a link, and never to be lost: a full mailbox must take it.
            seated.room.lost.do_send(LinkLost {
                id: seated.id,
                attachment: seated.attachment,
                reason,
            });
        }
    }

    /// An alarm that is set for earlier stays: it wakes in vain, which is cheaper than to move it with
    /// every message.
    fn set_alarm(&mut self, ctx: &mut Context<Self>) {
        let Some(at) = self.attachment.next_wakeup() else {
            return;
        };
        if let Some((set_for, alarm)) = self.alarm {
            if set_for <= at {
                return;
            }
            ctx.cancel_future(alarm);
        }
        let wait = self.clock.now().until(at);
        let alarm = ctx.run_later(wait, |actor, ctx| {
            actor.alarm = None;
            let now = actor.clock.now();
            actor.drive(ctx, |attachment, out| attachment.wake(now, out));
        });
        self.alarm = Some((at, alarm));
    }
}

impl Actor for ParticipantActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES);
        self.set_alarm(ctx);
    }
}

impl Handler<FromLink> for ParticipantActor {
    type Result = ();

    fn handle(&mut self, message: FromLink, ctx: &mut Self::Context) {
        let now = self.clock.now();
        if let FromLink::Unreadable(code) = &message {
            crate::telemetry::refusals::count(*code);
        }
        self.drive(ctx, |attachment, out| match message {
            FromLink::Said(message) => attachment.said(now, message, out),
            FromLink::Unreadable(code) => attachment.unreadable(now, code, out),
            FromLink::Returned(mark) => attachment.returned(now, mark, out),
            FromLink::Closed => attachment.link_closed(out),
        });
    }
}

impl Handler<Deliver> for ParticipantActor {
    type Result = ();

    fn handle(&mut self, Deliver(batch): Deliver, ctx: &mut Self::Context) {
        let now = self.clock.now();
        self.drive(ctx, |attachment, out| attachment.deliver(now, batch, out));
    }
}
