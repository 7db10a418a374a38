//! Who presents, the cache of tiles, and each viewer's pace: a shell round [`ScreenSlot`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use actix_web::web::Bytes;
use conclave_core::{
    Moment,
    media::tiles::{ScreenSlot, SlotEffect, SlotOutbox, ViewerMessage},
};
use conclave_wire::{ParticipantId, Refusal, RefusalCode, screen::ScreenPurpose};

use crate::{clock::Clock, gateway::sockets::SocketHandle, media::figures::MediaFigures};

/// Messages from links that wait here; whoever has more waits for room and reads no more meanwhile.
const MAILBOX_MESSAGES: usize = 256;
/// A link that had no room is tried again after so long.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// Room to slot: who holds the presenter slot now.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct SetPresenter(pub Option<ParticipantId>);

/// Room to slot: somebody is not in the room any more, or not for now.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct LeaveScreen(pub ParticipantId);

/// A seat's link for the screen is open. Answers with its number.
#[derive(Message)]
#[rtype(result = "Result<u64, Refusal>")]
pub struct OpenScreen {
    pub seat: ParticipantId,
    pub purpose: ScreenPurpose,
    pub link: Recipient<ToScreen>,
    /// Ends the connection when the link is frozen.
    pub socket: Arc<SocketHandle>,
}

/// A message came on a link, at most `SCREEN_MESSAGE_BYTES_MAX` of it.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct FromScreen {
    pub link: u64,
    pub message: Bytes,
}

/// A link is gone.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct CloseScreen {
    pub link: u64,
}

/// Slot to link: write these, then end if there is a reason to.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "()")]
pub struct ToScreen {
    pub messages: Vec<Bytes>,
    pub end: Option<RefusalCode>,
}

/// The presenter slot of a room.
pub struct PresenterSlotActor {
    slot: ScreenSlot<Bytes>,
    links: BTreeMap<u64, Link>,
    /// Links with something that they had no room for.
    behind: BTreeSet<u64>,
    last_link: u64,
    clock: Clock,
    alarm: Option<(Moment, SpawnHandle)>,
    /// Where the backlog is counted, and what of this slot's is counted there.
    figures: Arc<MediaFigures>,
    backlog_bytes: u64,
}

struct Link {
    to: Recipient<ToScreen>,
    socket: Arc<SocketHandle>,
    /// Bounded by what a viewer may have unacknowledged.
    waiting: ToScreen,
}

impl PresenterSlotActor {
    pub fn new(clock: Clock) -> PresenterSlotActor {
        PresenterSlotActor {
            slot: ScreenSlot::new(),
            links: BTreeMap::new(),
            behind: BTreeSet::new(),
            last_link: 0,
            clock,
            alarm: None,
            figures: Arc::default(),
            backlog_bytes: 0,
        }
    }

    /// Counts what viewers are behind by among the server's figures.
    pub fn counted_in(self, figures: Arc<MediaFigures>) -> PresenterSlotActor {
        PresenterSlotActor { figures, ..self }
    }

    fn count_backlog(&mut self, bytes: u64) {
        self.figures
            .screen_backlog_changed(self.backlog_bytes, bytes);
        self.backlog_bytes = bytes;
    }

    /// Gives the rules one input, carries out every effect, resets the alarm.
    fn drive<R>(
        &mut self,
        ctx: &mut Context<Self>,
        input: impl FnOnce(&mut ScreenSlot<Bytes>, Moment, &mut SlotOutbox<Bytes>) -> R,
    ) -> R {
        let mut out = SlotOutbox::new();
        let reply = input(&mut self.slot, self.clock.now(), &mut out);
        for effect in out {
            let (link, message, end) = match effect {
                SlotEffect::Show { viewer, message } => match message {
                    ViewerMessage::Run(body) => (viewer, Some(body), None),
                    ViewerMessage::Other(other) => (viewer, Some(other.to_bytes().into()), None),
                },
                SlotEffect::Order { presenter, order } => {
                    (presenter, Some(order.to_bytes().into()), None)
                }
                SlotEffect::Close { link, code } => (link, None, Some(code)),
            };
            if let Some(waiting) = self.links.get_mut(&link).map(|link| &mut link.waiting) {
                waiting.messages.extend(message);
                waiting.end = waiting.end.or(end);
                self.behind.insert(link);
            }
        }
        self.flush();
        self.count_backlog(self.slot.unacknowledged_bytes());
        self.set_alarm(ctx);
        reply
    }

    /// Hands each link what waits for it, in one batch.
    fn flush(&mut self) {
        for id in std::mem::take(&mut self.behind) {
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            let batch = std::mem::take(&mut link.waiting);
            let ends = batch.end.is_some();
            match link.to.try_send(batch) {
                Ok(()) if !ends => {}
                Err(SendError::Full(batch)) if !ends => {
                    link.waiting = batch;
                    self.behind.insert(id);
                }
                Ok(()) => drop(self.links.remove(&id)),
                // It takes nothing any more, not even that it is over.
                Err(SendError::Full(_)) => {
                    link.socket.shut_down();
                    self.links.remove(&id);
                }
                Err(SendError::Closed(_)) => self.forget(id),
            }
        }
    }

    fn forget(&mut self, link: u64) {
        self.links.remove(&link);
        self.behind.remove(&link);
        self.slot.close(link);
        self.count_backlog(self.slot.unacknowledged_bytes());
    }

    fn set_alarm(&mut self, ctx: &mut Context<Self>) {
        let retry = (!self.behind.is_empty()).then(|| self.clock.now() + RETRY_EVERY);
        let wanted = [self.slot.next_wakeup(), retry].into_iter().flatten().min();
        if self.alarm.as_ref().map(|(at, _)| *at) == wanted {
            return;
        }
        if let Some((_, alarm)) = self.alarm.take() {
            ctx.cancel_future(alarm);
        }
        self.alarm = wanted.map(|at| {
            let wait = self.clock.now().until(at);
            (at, ctx.run_later(wait, |actor, ctx| actor.wake(ctx)))
        });
    }

    fn wake(&mut self, ctx: &mut Context<Self>) {
        self.alarm = None;
        let gone = self.links.iter().filter(|(_, link)| !link.to.connected());
        let gone: Vec<u64> = gone.map(|(&id, _)| id).collect();
        gone.into_iter().for_each(|id| self.forget(id));
        self.drive(ctx, |slot, now, out| slot.wake(now, out));
    }
}

impl Actor for PresenterSlotActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.count_backlog(0);
    }
}

impl Handler<SetPresenter> for PresenterSlotActor {
    type Result = ();

    fn handle(&mut self, SetPresenter(to): SetPresenter, ctx: &mut Self::Context) {
        self.drive(ctx, |slot, _, out| slot.give_floor(to, out));
    }
}

impl Handler<LeaveScreen> for PresenterSlotActor {
    type Result = ();

    fn handle(&mut self, LeaveScreen(seat): LeaveScreen, ctx: &mut Self::Context) {
        self.drive(ctx, |slot, _, out| slot.leave(seat, out));
    }
}

impl Handler<OpenScreen> for PresenterSlotActor {
    type Result = Result<u64, Refusal>;

    fn handle(&mut self, open: OpenScreen, ctx: &mut Self::Context) -> Self::Result {
        self.last_link += 1;
        let id = self.last_link;
        let link = Link {
            to: open.link,
            socket: open.socket,
            waiting: ToScreen::default(),
        };
        self.links.insert(id, link);
        let opened = self.drive(ctx, |slot, now, out| {
            slot.open(id, open.seat, open.purpose, now, out)
        });
        match opened {
            Ok(()) => Ok(id),
            Err(code) => {
                self.links.remove(&id);
                Err(code.into())
            }
        }
    }
}

impl Handler<FromScreen> for PresenterSlotActor {
    type Result = ();

    fn handle(&mut self, FromScreen { link, message }: FromScreen, ctx: &mut Self::Context) {
        self.drive(ctx, |slot, now, out| slot.arrived(link, message, now, out));
    }
}

impl Handler<CloseScreen> for PresenterSlotActor {
    type Result = ();

    fn handle(&mut self, CloseScreen { link }: CloseScreen, _: &mut Self::Context) {
        self.forget(link);
    }
}
