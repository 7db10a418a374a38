//! One actor per open room: it owns the rules, the seats' links and the actors below, and nothing else.
//! It asks the rules what a message leads to, and carries the effects out.

mod entering;
mod handlers;
mod links;
mod media;
mod messages;
mod records;

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
pub use conclave_core::room::Limits as RoomLimits;
use conclave_core::{
    Moment, Now,
    link::heartbeat::BEAT_INTERVAL,
    media::cameras::CameraSign,
    room::{Effect, Outbox, Record, Room},
};
use conclave_wire::{
    EndReason, LineId, ParticipantId, Refusal, RefusalCode, ServerMessage, SharedFile,
    command::Reply,
};
use tokio::sync::oneshot;

use crate::{
    auth::password::PasswordChecker, clock::Clock, files::Uploads, media::sessions::MediaSessions,
    store::StoreError,
};

pub use crate::media::seat::{CameraReports, Speaking, UdpStatus};
pub use messages::*;
pub use records::{RoomStore, Stored};

use links::{Deliveries, Links};
use media::RoomMedia;

/// Messages that wait for a room.
pub const ROOM_MAILBOX_MAX: usize = 4_096;
/// A new link is looked after once, this long after it was attached.
const LINK_CHECKED: Duration = Duration::from_secs(15);
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

/// What of a drive waits for its records to be stored.
#[derive(Default)]
struct Afterwards {
    answers: Vec<(ParticipantId, u32, Result<Reply, Refusal>)>,
    deleted: Vec<SharedFile>,
    ended: Option<EndReason>,
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
        let media = RoomMedia::new(
            services.clock,
            services.sessions.clone(),
            services.media_arbiter.clone(),
        );
        RoomActor {
            room,
            links: Links::default(),
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

    /// Empties the outbox, hands each link one batch, and stores the records. Links that did not take
    /// their batch are lost, which has effects of its own.
    fn carry_out(&mut self, Drive { now, mut out }: Drive, ctx: &mut Context<Self>) -> Wait {
        let mut records = Vec::new();
        let mut afterwards = Afterwards::default();
        loop {
            let mut deliveries = Deliveries::default();
            while !out.is_empty() {
                for effect in std::mem::take(&mut out) {
                    self.carry_out_one(
                        effect,
                        now,
                        &mut deliveries,
                        &mut records,
                        &mut afterwards,
                        ctx,
                    );
                }
                if records.is_empty() {
                    for (seat, reference, result) in afterwards.answers.drain(..) {
                        self.room.stored(seat, reference, result, &mut out);
                    }
                }
                self.pass_on_camera_signs(now, &mut out);
            }
            self.pass_on_camera_signs(now, &mut out);
            for lost in deliveries.send(&mut self.links) {
                tracing::debug!(
                    room = self.room.slug(),
                    seat = lost.0,
                    "a link did not take what it was sent"
                );
                self.room.link_lost(lost, now, &mut out);
            }
            if out.is_empty() {
                break;
            }
        }
        self.store(records, afterwards, ctx)
    }

    fn carry_out_one(
        &mut self,
        effect: Effect,
        now: Now,
        deliveries: &mut Deliveries,
        records: &mut Vec<Record>,
        afterwards: &mut Afterwards,
        ctx: &mut Context<Self>,
    ) {
        match effect {
            Effect::Tell(event) => deliveries.event(event),
            Effect::Sign { to, signs } => deliveries.signs(to, signs),
            Effect::Answer {
                seat,
                reference,
                result,
                durable: true,
            } => {
                afterwards.answers.push((seat, reference, result));
            }
            Effect::Answer {
                seat,
                reference,
                result,
                durable: false,
            } => {
                deliveries.answer(seat, answer(reference, result));
            }
            Effect::Record(record) => records.push(record),
            Effect::Dismiss { seat, reason, text } => deliveries.goodbye(seat, reason, text),
            Effect::CloseMedia { seat } => self.media.close_session(seat),
            Effect::Voice(order) => self.media.order_voice(order, &ctx.address()),
            Effect::AskVolume {
                reference,
                listener,
                of,
                percent,
            } => {
                let asked = self
                    .media
                    .ask_volume(listener, of, percent)
                    .into_actor(self);
                ctx.spawn(asked.map(move |mixed, actor, ctx| {
                    actor.drive(ctx, |room, _, out| {
                        room.volume_set(listener, reference, mixed, out)
                    });
                }));
            }
            Effect::Camera(order) => self.media.order_camera(order, now.moment),
            Effect::Present(presenter) => self.media.present(presenter),
            Effect::FindLines {
                seat,
                reference,
                before,
                lines_max,
            } => {
                let found = self
                    .services
                    .store
                    .lines_before(self.room.slug(), before, lines_max);
                ctx.spawn(found.into_actor(self).map(move |found, actor, ctx| {
                    let found = found.map_err(|error| refusal_of(&error));
                    actor.drive(ctx, |room, _, out| {
                        room.lines_found(seat, reference, found, out)
                    });
                }));
            }
            Effect::FindLine {
                seat,
                reference,
                line,
            } => {
                let before = LineId(line.0.saturating_add(1));
                let found = self
                    .services
                    .store
                    .lines_before(self.room.slug(), before, 1);
                ctx.spawn(found.into_actor(self).map(move |found, actor, ctx| {
                    let found = found.map_err(|error| refusal_of(&error));
                    let found =
                        found.map(|(lines, _)| lines.into_iter().find(|found| found.id == line));
                    actor.drive(ctx, |room, _, out| {
                        room.line_found(seat, reference, found, out)
                    });
                }));
            }
            Effect::HashPassword {
                seat,
                reference,
                password,
            } => {
                let passwords = self.services.passwords.clone();
                let hashed = async move { passwords.hash(&password).await };
                ctx.spawn(hashed.into_actor(self).map(move |hash, actor, ctx| {
                    actor.drive(ctx, |room, _, out| {
                        room.password_hashed(seat, reference, hash, out)
                    });
                }));
            }
            Effect::DeleteFile(file) => afterwards.deleted.push(file),
            Effect::End(reason) => afterwards.ended = Some(reason),
        }
    }

    fn pass_on_camera_signs(&mut self, now: Now, out: &mut Outbox) {
        for (id, sign) in self.media.take_camera_signs() {
            match sign {
                CameraSign::PublishLayers(layers) => self.room.publish_layers(id, layers, now, out),
                CameraSign::AudioOnly(audio_only) => self.room.audio_only(id, audio_only, now, out),
            }
        }
    }

    /// Stores the records, and does what waits for that.
    fn store(
        &mut self,
        records: Vec<Record>,
        afterwards: Afterwards,
        ctx: &mut Context<Self>,
    ) -> Wait {
        if records.is_empty() {
            return Wait(None);
        }
        let (done, stored) = oneshot::channel();
        let written = self.services.store.write(self.room.slug(), records);
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            let written = written.map_err(|error| refusal_of(&error));
            actor.stored(written, afterwards, ctx);
            // Whoever asked may be gone by now.
            done.send(written).ok();
        }));
        Wait(Some(stored))
    }

    fn stored(
        &mut self,
        written: Result<(), RefusalCode>,
        afterwards: Afterwards,
        ctx: &mut Context<Self>,
    ) {
        if !afterwards.answers.is_empty() {
            self.drive(ctx, |room, _, out| {
                for (seat, reference, result) in afterwards.answers {
                    let result = written.map_err(Refusal::from).and(result);
                    room.stored(seat, reference, result, out);
                }
            });
        }
        if written.is_ok() {
            self.delete_files(afterwards.deleted);
        }
        if let Some(reason) = afterwards.ended {
            tracing::info!(room = self.room.slug(), ?reason, "a room has ended");
            self.close(Some(reason), ctx);
        }
    }

    fn delete_files(&self, files: Vec<SharedFile>) {
        for file in files {
            let (uploads, slug) = (self.services.uploads.clone(), self.room.slug().to_owned());
            actix_rt::task::spawn_blocking(move || {
                match uploads.shelf().remove(&slug, &file.sha256) {
                    Ok(()) => uploads.removed(file.size_bytes),
                    Err(error) => tracing::warn!(%error, "a file was not removed"),
                }
            });
        }
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

fn answer(reference: u32, result: Result<Reply, Refusal>) -> ServerMessage {
    match result {
        Ok(reply) => ServerMessage::Done { reference, reply },
        Err(refusal) => ServerMessage::Refused {
            reference: Some(reference),
            refusal,
        },
    }
}

fn refusal_of(error: &StoreError) -> RefusalCode {
    tracing::error!(%error, "the database did not do what a room needs");
    error.refusal()
}
