//! One actor per room with voices: a shell round [`Voices`], with Opus and a clock.
//!
//! Packets come in batches from the media thread and go out in batches to the voice thread. Between them
//! the actor sleeps until the next frame of the mix is due; in a silent room nothing wakes it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::prelude::*;
use conclave_core::{
    Moment,
    media::{
        level::LEVEL_SILENT,
        voices::{Outgoing, PersonalMixesFull, VoiceFigures, Voices},
    },
    room::VoiceOrder,
};
use conclave_wire::ParticipantId;

pub use crate::media::seat::{Speaking, VoiceArrived};
use crate::{
    clock::Clock,
    media::{
        codecs::OpusCodecs,
        figures::MediaFigures,
        seat::{RoomKey, VoiceBatch, VoiceSink},
    },
};

/// Batches and orders that wait for a mixer.
pub const MIXER_MAILBOX_MAX: usize = 256;
/// Signs of speaking go out at most so often.
pub const SPEAKING_EVERY: Duration = Duration::from_millis(250);
/// A level is told again when it has changed by so many decibels.
const LEVEL_STEP_DB: u8 = 6;
/// Rooms tick at different times within a frame, so that a server full of rooms works evenly: a step
/// coprime to 20 ms in microseconds spreads any run of rooms.
const STAGGER_STEP_US: u64 = 7_919;
const FRAME_US: u64 = 20_000;

/// What a mixer is made from.
pub struct MixerSeed {
    pub room: RoomKey,
    pub clock: Clock,
    /// Where packets go: the sessions' voice thread.
    pub sink: Arc<dyn VoiceSink>,
    /// The room.
    pub speaking: Recipient<Speaking>,
    /// The server's, for what all mixers do.
    pub figures: Arc<MediaFigures>,
}

/// A change from the room. Only [`VoiceOrder::Volume`] can be refused.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), PersonalMixesFull>")]
pub struct Order(pub VoiceOrder);

/// What the mixer has done since the room opened.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "VoiceFigures")]
pub struct DescribeVoices;

pub struct MixerActor {
    room: RoomKey,
    clock: Clock,
    voices: Voices<OpusCodecs>,
    sink: Arc<dyn VoiceSink>,
    speaking: Recipient<Speaking>,
    figures: Arc<MediaFigures>,
    /// What of this room's is counted there.
    counted: VoiceFigures,
    /// What the room was told: the level of each who speaks.
    told: BTreeMap<ParticipantId, u8>,
    told_at: Option<Moment>,
    alarm: Option<Alarm>,
}

struct Alarm {
    at: Moment,
    handle: SpawnHandle,
}

impl MixerActor {
    /// Starts the mixer of a room on an arbiter for media.
    pub fn start_on(arbiter: &ArbiterHandle, seed: MixerSeed) -> Addr<MixerActor> {
        MixerActor::start_in_arbiter(arbiter, move |_| MixerActor::open(seed))
    }

    /// A mixer whose media clock begins now, up to the room's place within a frame.
    pub fn open(seed: MixerSeed) -> MixerActor {
        let stagger = u64::from(seed.room.0) * STAGGER_STEP_US % FRAME_US;
        let opened = Moment(seed.clock.now().0.saturating_sub(stagger));
        MixerActor {
            room: seed.room,
            clock: seed.clock,
            voices: Voices::new(
                OpusCodecs::measured(seed.clock, seed.figures.clone()),
                opened,
            ),
            sink: seed.sink,
            speaking: seed.speaking,
            figures: seed.figures,
            counted: VoiceFigures::default(),
            told: BTreeMap::new(),
            told_at: None,
            alarm: None,
        }
    }

    /// Gives the rules one input, sends what comes of it, tells the room who speaks, resets the alarm.
    fn drive<R>(
        &mut self,
        ctx: &mut Context<Self>,
        input: impl FnOnce(&mut Voices<OpusCodecs>, Moment, &mut Vec<Outgoing>) -> R,
    ) -> R {
        let now = self.clock.now();
        let mut packets = Vec::new();
        let reply = input(&mut self.voices, now, &mut packets);
        if !packets.is_empty() {
            let room = self.room;
            self.sink.send(VoiceBatch { room, packets });
        }
        let figures = self.voices.figures();
        if figures != self.counted {
            self.figures.add_voices(&self.counted, &figures);
            self.counted = figures;
        }
        let tell_at = self.tell(now);
        let wakeups = self.voices.next_wakeup().into_iter().chain(tell_at);
        self.set_alarm(ctx, wakeups.min());
        reply
    }

    /// Tells the room what has changed. What came too soon after the last time waits until the moment that
    /// is given back.
    fn tell(&mut self, now: Moment) -> Option<Moment> {
        if self.told.is_empty() && self.voices.speaking(now).next().is_none() {
            return None;
        }
        let due = self.told_at.map_or(now, |at| at + SPEAKING_EVERY);
        if due > now {
            return Some(due);
        }
        let speaking = self.voices.speaking(now);
        let now_speaking: BTreeMap<_, _> = speaking
            .map(|(seat, level)| (ParticipantId(seat), level))
            .collect();
        let changes = changes(&self.told, &now_speaking);
        if changes.is_empty() {
            return None;
        }
        self.told_at = Some(now);
        if self.speaking.try_send(Speaking(changes.clone())).is_err() {
            // The room is behind: told again when it had time.
            return Some(now + SPEAKING_EVERY);
        }
        let before = self.told.len();
        for (id, speaks, level) in changes {
            match speaks {
                true => self.told.insert(id, level),
                false => self.told.remove(&id),
            };
        }
        self.voices_changed(before, self.told.len());
        None
    }

    fn voices_changed(&self, before: usize, now: usize) {
        // Counts of people in a room, which are small.
        self.figures.voices_changed(now as i64 - before as i64);
    }

    /// An earlier alarm stays: it finds nothing due and is set again, which is cheaper than a new timer
    /// for every packet.
    fn set_alarm(&mut self, ctx: &mut Context<Self>, at: Option<Moment>) {
        let Some(at) = at else {
            self.cancel_alarm(ctx);
            return;
        };
        if self.alarm.as_ref().is_some_and(|alarm| alarm.at <= at) {
            return;
        }
        self.cancel_alarm(ctx);
        let sleep = tokio::time::sleep_until(self.clock.instant(at));
        let rung = sleep.into_actor(self).map(move |(), actor, ctx| {
            actor.alarm = None;
            let late = actor.clock.now().since(at);
            actor.figures.tick_lateness.record(late);
            actor.drive(ctx, |voices, now, out| voices.tick(now, out));
        });
        let handle = ctx.spawn(rung);
        self.alarm = Some(Alarm { at, handle });
    }

    fn cancel_alarm(&mut self, ctx: &mut Context<Self>) {
        if let Some(alarm) = self.alarm.take() {
            ctx.cancel_future(alarm.handle);
        }
    }
}

/// Who began, ceased, or is at least [`LEVEL_STEP_DB`] louder or quieter than the room was told.
fn changes(
    told: &BTreeMap<ParticipantId, u8>,
    now: &BTreeMap<ParticipantId, u8>,
) -> Vec<(ParticipantId, bool, u8)> {
    let ceased = told.keys().filter(|id| !now.contains_key(id));
    let ceased = ceased.map(|&id| (id, false, LEVEL_SILENT));
    let differs = |id, level: u8| {
        told.get(id)
            .is_none_or(|&before| before.abs_diff(level) >= LEVEL_STEP_DB)
    };
    let speaking = now.iter().filter(|&(id, &level)| differs(id, level));
    let speaking = speaking.map(|(&id, &level)| (id, true, level));
    ceased.chain(speaking).collect()
}

impl Actor for MixerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MIXER_MAILBOX_MAX);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        // Who spoke last speaks no more.
        self.voices_changed(self.told.len(), 0);
    }
}

impl Handler<VoiceArrived> for MixerActor {
    type Result = ();

    fn handle(&mut self, VoiceArrived(packets): VoiceArrived, ctx: &mut Self::Context) {
        self.drive(ctx, |voices, now, out| {
            for (from, frame) in packets {
                voices.packet(now, from.0, frame, out);
            }
        });
    }
}

impl Handler<Order> for MixerActor {
    type Result = Result<(), PersonalMixesFull>;

    fn handle(&mut self, Order(order): Order, ctx: &mut Self::Context) -> Self::Result {
        self.drive(ctx, |voices, now, out| {
            let result = obey(voices, order);
            voices.tick(now, out);
            result
        })
    }
}

fn obey(voices: &mut Voices<OpusCodecs>, order: VoiceOrder) -> Result<(), PersonalMixesFull> {
    match order {
        VoiceOrder::Enter { seat, ears } => {
            voices.enter(seat.0, ears);
            voices.allow(seat.0, false);
        }
        VoiceOrder::Leave { seat } => voices.leave(seat.0),
        VoiceOrder::Allow { seat, may_speak } => voices.allow(seat.0, may_speak),
        VoiceOrder::Hear { seat, ears } => voices.hear(seat.0, ears),
        VoiceOrder::Volume {
            listener,
            of,
            percent,
        } => return voices.set_volume(listener.0, of.0, percent),
    }
    Ok(())
}

impl Handler<DescribeVoices> for MixerActor {
    type Result = MessageResult<DescribeVoices>;

    fn handle(&mut self, _: DescribeVoices, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.voices.figures())
    }
}
