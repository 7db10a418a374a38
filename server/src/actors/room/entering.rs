//! Coming in: the password off the arbiter, the seat in the rules, the commit, the welcome.

use actix::prelude::*;
use conclave_core::room::{Admission, Entry, Newcomer, PasswordProof};
use conclave_wire::{
    Cursor, MediaSession, ParticipantId, Refusal, RefusalCode, Suite, Welcome,
    limits::{DEVICE_BYTES_MAX, PASSWORD_BYTES_MAX},
};
use tokio::sync::oneshot;

use super::{Admitted, Deliver, Drive, EnterRoom, Entrance, LINK_CHECKED, RoomActor, Wait, links};
use crate::auth::{password::Verdict, token};

type Entering = ResponseActFuture<RoomActor, Result<Admitted, Refusal>>;

/// A name at the door, and what it has in its hands.
struct Knock {
    name: String,
    password: Option<String>,
    host_key: Option<String>,
    sound: bool,
    device: Option<String>,
    file_hash: Option<String>,
}

/// Past the door, or waiting at it.
enum Step {
    In(Box<Admitted>, Wait),
    Waits(oneshot::Receiver<Result<Admitted, Refusal>>),
}

impl Handler<EnterRoom> for RoomActor {
    type Result = Entering;

    fn handle(&mut self, message: EnterRoom, ctx: &mut Self::Context) -> Entering {
        let EnterRoom {
            enter,
            seat,
            client,
        } = message;
        tracing::debug!(room = self.room.slug(), client, "somebody at the door");
        match (enter, seat) {
            (
                Entrance::Join {
                    name,
                    password,
                    host_key,
                    sound,
                    device,
                    file_hash,
                },
                seat,
            ) => self.knock(
                Knock {
                    name,
                    password,
                    host_key,
                    sound,
                    device,
                    file_hash,
                },
                seat,
            ),
            (Entrance::Resume { seat_token, cursor }, Some(seat)) => {
                match self.resume(seat_token, cursor, seat, ctx) {
                    Ok(step) => self.finish_entering(step),
                    Err(refusal) => refused(refusal),
                }
            }
            (Entrance::Resume { .. }, None) => refused(RefusalCode::Malformed.into()),
        }
    }
}

impl RoomActor {
    /// Compares the password, if one is needed, before anything else is done.
    fn knock(&mut self, knock: Knock, seat: Option<Recipient<Deliver>>) -> Entering {
        let host_key_hash = knock.host_key.as_deref().map(token::hash);
        let given = knock.password.is_some();
        let hash = match self.room.knock(&knock.name, host_key_hash.as_ref(), given) {
            Ok(hash) => hash.map(str::to_owned),
            Err(code) => return refused(code.into()),
        };
        let too_long = |password: &String| password.len() > PASSWORD_BYTES_MAX;
        if knock.password.as_ref().is_some_and(too_long) {
            return refused(RefusalCode::PasswordTooLong.into());
        }
        let too_long = |device: &String| device.len() > DEVICE_BYTES_MAX;
        if knock.device.as_ref().is_some_and(too_long) {
            return refused(RefusalCode::Invalid.into());
        }
        let passwords = self.services.passwords.clone();
        let password = knock.password.clone();
        let proof = async move {
            let (Some(hash), Some(password)) = (hash, password) else {
                return Ok(PasswordProof::NotGiven);
            };
            match passwords.check(&hash, &password).await {
                Verdict::Busy => Err(Refusal::retry_after(RefusalCode::Busy, 1_000)),
                Verdict::TooLong => Err(RefusalCode::PasswordTooLong.into()),
                verdict @ (Verdict::Right | Verdict::Wrong) => {
                    let right = verdict == Verdict::Right;
                    Ok(PasswordProof::Compared { hash, right })
                }
            }
        };
        let entered = proof
            .into_actor(self)
            .map(move |proof, actor, ctx| actor.enter(knock, proof?, seat, ctx));
        Box::pin(entered.then(|entered, actor, _| match entered {
            Ok(step) => actor.finish_entering(step),
            Err(refusal) => refused(refusal),
        }))
    }

    /// The welcome waits for the commit, so that the seat is there after a restart; at the door it waits
    /// for somebody to open.
    fn finish_entering(&mut self, step: Step) -> Entering {
        let (admitted, wait) = match step {
            Step::In(admitted, wait) => (admitted, wait),
            Step::Waits(answered) => {
                let stopped = |_| Err(RefusalCode::Stopping.into());
                let answered = async move { answered.await.unwrap_or_else(stopped) };
                return Box::pin(answered.into_actor(self));
            }
        };
        let stored = wait.stored().into_actor(self);
        Box::pin(stored.map(|stored, actor, ctx| match stored {
            Ok(()) => Ok(*admitted),
            Err(code) => {
                let id = admitted.welcome.you;
                actor.drive(ctx, |room, now, out| room.give_up_seat(id, now, out));
                Err(code.into())
            }
        }))
    }

    fn enter(
        &mut self,
        knock: Knock,
        password: PasswordProof,
        seat: Option<Recipient<Deliver>>,
        ctx: &mut Context<Self>,
    ) -> Result<Step, Refusal> {
        let seat_token = token::draw_seat(self.room.slug());
        let newcomer = Newcomer {
            name: knock.name,
            password,
            host_key_hash: knock.host_key.as_deref().map(token::hash),
            sound: knock.sound,
            token_hash: token::hash(&seat_token),
            device_hash: knock.device.as_deref().map(token::hash),
            file_hash: knock.file_hash,
            linked: seat.is_some(),
        };
        let mut drive = self.begin();
        let entry = self.room.enter(newcomer, drive.now, &mut drive.out)?;
        self.entered(entry, seat, seat_token, knock.host_key, drive, ctx)
    }

    fn resume(
        &mut self,
        seat_token: String,
        cursor: Option<Cursor>,
        seat: Recipient<Deliver>,
        ctx: &mut Context<Self>,
    ) -> Result<Step, Refusal> {
        let mut drive = self.begin();
        let hash = token::hash(&seat_token);
        let entry = self.room.resume(&hash, cursor, drive.now, &mut drive.out)?;
        self.entered(entry, Some(seat), seat_token, None, drive, ctx)
    }

    /// Attaches the link to the seat or to the place at the door, then carries out what the rules want.
    fn entered(
        &mut self,
        entry: Entry,
        seat: Option<Recipient<Deliver>>,
        seat_token: String,
        host_key: Option<String>,
        drive: Drive,
        ctx: &mut Context<Self>,
    ) -> Result<Step, Refusal> {
        match (entry, seat) {
            (Entry::In(admission), seat) => {
                let number = self.room.cursor().number;
                let attachment = seat.map(|seat| self.attach(admission.id, seat, number, ctx));
                let wait = self.finish(drive, ctx);
                let admitted = self.welcome(*admission, attachment, seat_token, host_key, ctx);
                Ok(Step::In(Box::new(admitted), wait))
            }
            (Entry::Waits(id), Some(seat)) => {
                let answered = self.keep_waiting(id, seat, seat_token, ctx);
                self.finish(drive, ctx);
                Ok(Step::Waits(answered))
            }
            // The rules let nobody wait without a link.
            (Entry::Waits(_), None) => Err(RefusalCode::WaitingRoom.into()),
        }
    }

    /// From here on the link gets what happens. A participant that ends before it has its welcome cannot
    /// say so, so it is looked after once.
    pub(super) fn attach(
        &mut self,
        id: ParticipantId,
        seat: Recipient<Deliver>,
        welcomed_at: u32,
        ctx: &mut Context<Self>,
    ) -> u64 {
        let attachment = self.links.attach(id, seat, welcomed_at);
        ctx.run_later(LINK_CHECKED, move |actor, ctx| {
            if actor.links.is_attached(id, attachment) && !actor.links.is_connected(id, attachment)
            {
                actor.link_lost(id, ctx);
            }
        });
        attachment
    }

    pub(super) fn welcome(
        &mut self,
        admission: Admission,
        attachment: Option<u64>,
        seat_token: String,
        host_key: Option<String>,
        ctx: &mut Context<Self>,
    ) -> Admitted {
        let opened = self.room.opened();
        let media = match attachment {
            Some(_) => self
                .media
                .open_session(admission.id, opened, &ctx.address()),
            None => no_session(),
        };
        let room_clock_ms = self.services.clock.now().since(opened).as_millis();
        let welcome = Welcome {
            you: admission.id,
            role: admission.role,
            seat_token,
            cursor: admission.cursor,
            snapshot: admission.snapshot,
            media,
            room_clock_ms: u64::try_from(room_clock_ms).unwrap_or(u64::MAX),
            beat_interval_ms: super::BEAT_INTERVAL_MS,
            host_key,
            pulse: self.room.pulse(),
        };
        let missed = links::pack(&admission.missed);
        Admitted {
            attachment: attachment.unwrap_or_default(),
            welcome,
            missed,
        }
    }
}

/// A seat that was taken over HTTP has no media before it has a link.
fn no_session() -> MediaSession {
    MediaSession {
        addresses: Vec::new(),
        session: String::new(),
        suite: Suite::Aes256Gcm,
        secret: String::new(),
    }
}

fn refused(refusal: Refusal) -> Entering {
    Box::pin(fut::ready(Err(refusal)))
}
