//! One actor per open room: it owns the rules, the seats' links and the actors below, and nothing else.
//! It asks the rules what a message leads to, and carries the effects out.

mod apart;
mod effects;
mod entering;
mod handlers;
mod links;
mod media;
mod messages;
mod operator;
mod records;
mod waiting;

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
pub use conclave_core::room::Limits as RoomLimits;
use conclave_core::{
    Moment, Now,
    link::heartbeat::BEAT_INTERVAL,
    room::{Outbox, Room},
};
use conclave_wire::{EndReason, ParticipantId, RefusalCode};
use tokio::sync::oneshot;

use crate::{
    auth::password::PasswordChecker, clock::Clock, files::Uploads, media::sessions::MediaSessions,
};

pub use crate::media::seat::{CameraReports, Speaking, UdpStatus};
pub use apart::{ActFor, CountVotes, DescribeFor, SeatView};
pub use messages::*;
pub use operator::{DescribeWhole, Operate};
pub use records::{RoomStore, Stored};

use apart::Apart;
use links::Links;
use media::RoomMedia;
use waiting::WaitingLinks;

/// Messages that wait for a room.
pub const ROOM_MAILBOX_MAX: usize = 4_096;
/// A new link is looked after once, this long after it was attached.
const LINK_CHECKED: Duration = Duration::from_secs(15);
/// Links of people who wait at the door are looked after in these steps.
const WAITING_LINKS_CHECKED: Duration = Duration::from_secs(1);
/// A room that is over still answers for so long, so that nobody who was on the way waits in vain.
const OVER_LINGERS: Duration = Duration::from_secs(5);
const BEAT_INTERVAL_MS: u32 = BEAT_INTERVAL.as_millis() as u32;

/// What a room needs of the server.
#[derive(Clone)]
pub struct RoomServices {
    pub clock: Clock,
    pub store: Arc<dyn RoomStore>,
    pub sessions: MediaSessions,
    pub passwords: PasswordChecker,
    pub uploads: Uploads,
    pub media_arbiter: ArbiterHandle,
    /// The lobby.
    pub closed: Recipient<RoomClosed>,
}

pub struct RoomActor {
    room: Room,
    links: Links,
    waiting: WaitingLinks,
    apart: Apart,
    media: RoomMedia,
    services: RoomServices,
    alarm: Option<Alarm>,
}

struct Alarm {
    at: Moment,
    handle: SpawnHandle,
}

/// One input on its way through.
struct Drive {
    now: Now,
    out: Outbox,
}

/// Resolves when the records of a drive are stored; at once when there were none.
struct Wait(Option<oneshot::Receiver<Result<(), RefusalCode>>>);

impl Wait {
    async fn stored(self) -> Result<(), RefusalCode> {
        match self.0 {
            None => Ok(()),
            Some(stored) => stored.await.unwrap_or(Err(RefusalCode::Stopping)),
        }
    }
}

impl RoomActor {
    /// A room whose opening is stored.
    pub fn open(room: Room, services: RoomServices) -> RoomActor {
        let mut media = RoomMedia::new(
            services.clock,
            services.sessions.clone(),
            services.media_arbiter.clone(),
        );
        media.order_camera(room.quiet_company(), services.clock.now());
        RoomActor {
            room,
            links: Links::default(),
            waiting: WaitingLinks::default(),
            apart: Apart::default(),
            media,
            services,
            alarm: None,
        }
    }

    /// Gives the rules one input, carries out every effect, resets the alarm. Every handler goes through
    /// here, so no effect can be left behind.
    fn drive<R>(
        &mut self,
        ctx: &mut Context<Self>,
        input: impl FnOnce(&mut Room, Now, &mut Outbox) -> R,
    ) -> (R, Wait) {
        let mut drive = self.begin();
        let reply = input(&mut self.room, drive.now, &mut drive.out);
        (reply, self.finish(drive, ctx))
    }

    /// The two halves of `drive`, for who must do something between: attach the link of a seat that the
    /// rules have opened.
    fn begin(&self) -> Drive {
        Drive {
            now: self.services.clock.both(),
            out: Outbox::new(),
        }
    }

    fn finish(&mut self, drive: Drive, ctx: &mut Context<Self>) -> Wait {
        let wait = self.carry_out(drive, ctx);
        self.set_alarm(ctx);
        wait
    }

    fn link_lost(&mut self, id: ParticipantId, ctx: &mut Context<Self>) {
        self.links.detach(id);
        self.drive(ctx, |room, now, out| room.link_lost(id, now, out));
    }

    /// The room is over, or stops with the server: the lobby lets go of it.
    fn close(&mut self, ended: Option<EndReason>, ctx: &mut Context<Self>) {
        self.media.close();
        let slug = self.room.slug().to_owned();
        // Once a room, and never to be lost: a full mailbox must take it.
        self.services.closed.do_send(RoomClosed { slug, ended });
        ctx.run_later(OVER_LINGERS, |_, ctx| ctx.stop());
    }

    /// An earlier alarm stays: it finds nothing due and is set again, which is cheaper than a new timer
    /// for every input.
    fn set_alarm(&mut self, ctx: &mut Context<Self>) {
        let wakeups = self
            .room
            .next_wakeup()
            .into_iter()
            .chain(self.media.next_wakeup());
        let Some(at) = wakeups.min() else {
            return;
        };
        if let Some(alarm) = &self.alarm {
            if alarm.at <= at {
                return;
            }
            ctx.cancel_future(alarm.handle);
        }
        let wait = self.services.clock.now().until(at);
        let handle = ctx.run_later(wait, |actor, ctx| {
            actor.alarm = None;
            actor.wake(ctx);
        });
        self.alarm = Some(Alarm { at, handle });
    }

    fn wake(&mut self, ctx: &mut Context<Self>) {
        self.media.wake(self.services.clock.now());
        self.drive(ctx, |room, now, out| room.wake(now, out));
    }
}

impl Actor for RoomActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(ROOM_MAILBOX_MAX);
        // What was due while the server was down.
        self.wake(ctx);
    }
}
