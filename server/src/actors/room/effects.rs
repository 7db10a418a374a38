//! Carrying out what the rules want done: to the links, to the actors below, to the store.

use std::time::Duration;

use actix::prelude::*;
use conclave_core::{
    Now,
    media::cameras::CameraSign,
    room::{Effect, Outbox, Record},
};
use conclave_wire::{
    LeaveReason, LineId, ParticipantId, Refusal, RefusalCode, ServerMessage, SharedFile,
    command::Reply, event::Hint,
};
use tokio::sync::oneshot;

use super::{Drive, RoomActor, Wait, links::Deliveries, waiting::LetIn};
use crate::{store::StoreError, telemetry::refusals};

/// What of a drive waits for its records to be stored.
#[derive(Default)]
struct Afterwards {
    answers: Vec<(ParticipantId, u32, Result<Reply, Refusal>)>,
    /// Who leaves is sent off when a restart cannot bring the seat back.
    left: Vec<ParticipantId>,
    let_in: Vec<LetIn>,
    deleted: Vec<SharedFile>,
}

/// The end of a room that could not be stored is stored again after this time, until it is: a room that the
/// store still has open would be open again after a restart.
const END_STORED_AGAIN: Duration = Duration::from_secs(5);

impl RoomActor {
    /// Empties the outbox, hands each link one batch, and stores the records. Links that did not take
    /// their batch are lost, which has effects of its own.
    pub(super) fn carry_out(
        &mut self,
        Drive { now, mut out }: Drive,
        ctx: &mut Context<Self>,
    ) -> Wait {
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
                    for let_in in afterwards.let_in.drain(..) {
                        let_in.tell(Ok(()));
                    }
                    for seat in afterwards.left.drain(..) {
                        deliveries.goodbye(seat, LeaveReason::Left, String::new());
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
            Effect::Tell { to, event } => deliveries.event(to, event),
            Effect::Wait { id, position } => self.tell_place(id, position),
            Effect::Admit { id, admission } => {
                afterwards.let_in.extend(self.let_in(id, *admission, ctx));
            }
            Effect::TurnAway { id, refusal } => self.turn_away(id, refusal),
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
                // What came without a link is answered where it came from.
                if let Some(result) = self.apart.answer(reference, result) {
                    deliveries.answer(seat, answer(reference, result));
                }
            }
            Effect::Record(record) => records.push(record),
            Effect::Dismiss {
                seat,
                reason: LeaveReason::Left,
                ..
            } => afterwards.left.push(seat),
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
                    actor.drive(ctx, |room, now, out| {
                        room.volume_set(listener, reference, mixed, out);
                        if !mixed {
                            room.hint(listener, Hint::PersonalMixesFull, now, out);
                        }
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
            Effect::SaveTemplate {
                seat,
                reference,
                template,
                owner,
            } => {
                let saved = self.services.store.save_template(*template, owner);
                ctx.spawn(saved.into_actor(self).map(move |saved, actor, ctx| {
                    let saved = saved.map_err(|error| refusal_of(&error));
                    actor.drive(ctx, |room, _, out| {
                        room.template_saved(seat, reference, saved, out)
                    });
                }));
            }
            Effect::DeleteTemplate {
                seat,
                reference,
                name,
                owner,
            } => {
                let deleted = self.services.store.delete_template(&name, owner);
                ctx.spawn(deleted.into_actor(self).map(move |deleted, actor, ctx| {
                    let deleted = match deleted {
                        Ok(true) => Ok(()),
                        Ok(false) => Err(RefusalCode::NoSuchTemplate),
                        Err(error) => Err(refusal_of(&error)),
                    };
                    actor.drive(ctx, |room, _, out| {
                        room.template_saved(seat, reference, deleted, out)
                    });
                }));
            }
            Effect::EndUploads { owner } => self.end_uploads(Some(owner)),
            Effect::DeleteFile(file) => afterwards.deleted.push(file),
            Effect::End(reason) => {
                tracing::info!(?reason, "a room has ended");
                self.media.close();
                self.end_uploads(None);
            }
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
        let is_end = |record: &&Record| matches!(record, Record::RoomEnded { .. });
        let end = records.iter().find(is_end).cloned();
        let written = self.services.store.write(self.room.slug(), records);
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            let written = written.map_err(|error| refusal_of(&error));
            actor.stored(written, afterwards, ctx);
            if let Some(end) = end {
                actor.end_stored(written, end, ctx);
            }
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
        for let_in in afterwards.let_in {
            let seat = let_in.seat;
            let_in.tell(written);
            if written.is_err() {
                self.drive(ctx, |room, now, out| room.give_up_seat(seat, now, out));
            }
        }
        let mut deliveries = Deliveries::default();
        for seat in afterwards.left {
            deliveries.goodbye(seat, LeaveReason::Left, String::new());
        }
        // Whoever is being sent off cannot be lost on the way.
        deliveries.send(&mut self.links);
        if written.is_ok() {
            self.delete_files(afterwards.deleted, ctx);
        }
    }

    /// The room is closed when the store knows that it is over.
    fn end_stored(
        &mut self,
        written: Result<(), RefusalCode>,
        end: Record,
        ctx: &mut Context<Self>,
    ) {
        if let Err(code @ (RefusalCode::Busy | RefusalCode::DiskFull | RefusalCode::Internal)) =
            written
        {
            tracing::warn!(?code, "the end of a room is not stored yet");
            tracing::debug!(room = self.room.slug(), "it is this room");
            ctx.run_later(END_STORED_AGAIN, move |actor, ctx| {
                actor.store_end(end, ctx)
            });
        } else if let Some(reason) = self.room.ended() {
            self.close(Some(reason), ctx);
        }
    }

    fn store_end(&mut self, end: Record, ctx: &mut Context<Self>) {
        let written = self
            .services
            .store
            .write(self.room.slug(), vec![end.clone()]);
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            let written = written.map_err(|error| refusal_of(&error));
            actor.end_stored(written, end, ctx);
        }));
    }

    /// Ends uploads of one person, or all of this room.
    fn end_uploads(&self, owner: Option<ParticipantId>) {
        let (uploads, slug) = (self.services.uploads.clone(), self.room.slug().to_owned());
        actix_rt::task::spawn_blocking(move || uploads.abandon(&slug, owner));
    }

    /// Holds each content first and looks then whether somebody has shared it again: whoever shares it
    /// later holds it, too.
    fn delete_files(&self, files: Vec<SharedFile>, ctx: &mut Context<Self>) {
        for file in files {
            let (uploads, slug) = (self.services.uploads.clone(), self.room.slug().to_owned());
            let sha256 = file.sha256.clone();
            let held = actix_rt::task::spawn_blocking(move || uploads.shelf().hold(&slug, &sha256));
            ctx.spawn(held.into_actor(self).map(move |held, actor, _| {
                let Ok(hold) = held else { return };
                if actor.room.has_content(&file.sha256) {
                    return;
                }
                let uploads = actor.services.uploads.clone();
                actix_rt::task::spawn_blocking(move || uploads.remove_file(hold, file.size_bytes));
            }));
        }
    }
}

fn answer(reference: u32, result: Result<Reply, Refusal>) -> ServerMessage {
    match result {
        Ok(reply) => ServerMessage::Done { reference, reply },
        Err(refusal) => {
            refusals::count(refusal.code);
            ServerMessage::Refused {
                reference: Some(reference),
                refusal,
            }
        }
    }
}

fn refusal_of(error: &StoreError) -> RefusalCode {
    tracing::error!(%error, "the database did not do what a room needs");
    error.refusal()
}
