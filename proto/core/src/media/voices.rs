//! The voices of a room: who hears what, and on which way.
//!
//! For every listener the cheapest way is taken that is right. Nobody speaks: nothing is decoded, encoded or
//! sent. The listener hears one voice: its packets are passed on as they come. Several: the loudest few are
//! decoded and summed, each speaker gets the sum without themselves, all the others share one encode, and
//! who has volumes of their own gets a mix of their own.
//!
//! Everything sent is stamped on **one media clock a room**: 48 kHz samples since the room opened. A source
//! is mapped on it by an offset fixed for a talk spurt, chosen so that the spurt begins at a border of the
//! 20 ms grid, not before anything that its listeners were sent already. Packets are passed on at once; the
//! mix of `[T, T + 960)` is made when the clock reads `T + depth`, where the depth follows the jitter of those
//! who speak. So a change of the way is lateness and nothing else: every line of listeners has a cursor, the
//! media time up to which it was sent something. The mix goes on at the cursor; when one voice remains, those
//! of its packets that wait from the cursor on are passed on at once. Where a frame of the mix begins before
//! the cursor (after packets of 10 ms) the listener's jitter buffer leaves out what it has played.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{jitter::samples_at, level::DTX_PACKET_BYTES_MAX};
use crate::Moment;

mod line;
mod mixing;
mod packet;
mod voice;
mod ways;

use line::{Line, LineId, Way};
pub use mixing::DEPTH_SAMPLES_MAX;
use mixing::{Bench, Mixing};
pub use packet::{
    Codecs, OutFrame, Outgoing, SOURCE_MIX, VoiceDecoder, VoiceEncoder, VoiceFrame, opus_samples,
};
use voice::{Place, Voice};
pub use ways::ENCODER_KEPT;

/// At most so many voices are heard at once; more are not understood anyway.
pub const TALKERS_MAX: usize = 6;
/// At most so many listeners of a room have a mix of their own: each costs an encoder.
pub const PERSONAL_MIXES_MAX: usize = 8;
/// The loudest a voice can be set to, in percent.
pub const VOLUME_PERCENT_MAX: u16 = 200;
/// One voice is mixed this long before it is passed on again, so that a "yes" between does not switch twice.
pub const PASS_ON_AFTER: Duration = Duration::from_secs(1);

/// The listener asked for a mix of their own and the room has [`PERSONAL_MIXES_MAX`] already. Until one is
/// free, which is then given to whoever waits longest, the listener hears what everybody hears.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "too many people in this room have set volumes of their own; yours is heard when another is set back"
)]
pub struct PersonalMixesFull;

/// Counters since the room opened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct VoiceFigures {
    /// Packets that came from seats that may speak.
    pub received: u64,
    /// Packets of seats that may not.
    pub muted: u64,
    /// Packets that were copies, too late or more than real time.
    pub dropped: u64,
    /// Packets passed on, each counted once a line.
    pub passed_on: u64,
    /// Frames of the mix that all share.
    pub mixed_shared: u64,
    /// Frames of a mix without the listener.
    pub mixed_minus: u64,
    /// Frames of mixes with volumes of the listener's own.
    pub mixed_personal: u64,
    pub encodes: u64,
    pub decodes: u64,
    /// Frames that a decoder made up for lost ones.
    pub concealed: u64,
}

/// The voices of one room.
pub struct Voices<C: Codecs> {
    codecs: C,
    opened: Moment,
    seats: BTreeMap<u32, Seat<C::Decoder>>,
    /// Whose voice is active, sorted.
    active: Vec<u32>,
    /// Who is heard: the loudest of the active, sorted.
    talkers: Vec<u32>,
    /// Who talked lately and still has a line of their own, until when.
    recent: BTreeMap<u32, Moment>,
    /// Who has a mix with volumes of their own.
    personal: BTreeSet<u32>,
    /// Who has set volumes and waits for such a mix, the longest first.
    waiting: VecDeque<u32>,
    lines: BTreeMap<LineId, Line<C::Encoder>>,
    mixing: Option<Mixing>,
    /// Seats or volumes have changed since the lines were drawn.
    redraw: bool,
    bench: Bench,
    figures: VoiceFigures,
}

struct Seat<D> {
    ears: bool,
    may_speak: bool,
    /// Percent, by speaker; nobody is at 100.
    volumes: BTreeMap<u32, u16>,
    /// Made with the first packet: most people listen.
    voice: Option<Box<Voice<D>>>,
}

impl<C: Codecs> Voices<C> {
    /// A room that opens at `now`: its media clock reads zero.
    pub fn new(codecs: C, now: Moment) -> Self {
        Voices {
            codecs,
            opened: now,
            seats: BTreeMap::new(),
            active: Vec::new(),
            talkers: Vec::new(),
            recent: BTreeMap::new(),
            personal: BTreeSet::new(),
            waiting: VecDeque::new(),
            lines: BTreeMap::from([(LineId::Shared, Line::new(Arc::from([])))]),
            mixing: None,
            redraw: false,
            bench: Bench::default(),
            figures: VoiceFigures::default(),
        }
    }

    /// Somebody takes a seat, with ears or as a screen without sound. They may speak until told otherwise.
    pub fn enter(&mut self, seat: u32, ears: bool) {
        let new = Seat {
            ears,
            may_speak: true,
            volumes: BTreeMap::new(),
            voice: None,
        };
        self.seats.entry(seat).or_insert(new).ears = ears;
        self.redraw = true;
    }

    pub fn leave(&mut self, seat: u32) {
        self.silence(seat);
        self.seats.remove(&seat);
        self.give_back_mix(seat);
        self.recent.remove(&seat);
        let listeners = self.personal.iter().chain(&self.waiting);
        let listeners: Vec<u32> = listeners.copied().collect();
        for listener in listeners {
            self.forget_volume(listener, seat);
        }
        self.redraw = true;
    }

    /// Lets a seat speak or mutes it; what a muted one sends is dropped.
    pub fn allow(&mut self, seat: u32, may_speak: bool) {
        let Some(state) = self.seats.get_mut(&seat) else {
            return;
        };
        state.may_speak = may_speak;
        if !may_speak {
            self.silence(seat);
        }
    }

    /// Gives a seat ears or takes them.
    pub fn hear(&mut self, seat: u32, ears: bool) {
        if let Some(state) = self.seats.get_mut(&seat) {
            state.ears = ears;
            self.redraw = true;
        }
    }

    /// Sets how loud a listener hears somebody: 0 to 200 percent, 100 being as they are. Seats that are not
    /// there are ignored.
    ///
    /// # Errors
    /// [`PersonalMixesFull`]: the volume is kept, and heard as soon as a mix is free.
    pub fn set_volume(
        &mut self,
        listener: u32,
        of: u32,
        percent: u16,
    ) -> Result<(), PersonalMixesFull> {
        if listener == of || !self.seats.contains_key(&of) {
            return Ok(());
        }
        if percent == 100 {
            self.forget_volume(listener, of);
            return Ok(());
        }
        let Some(seat) = self.seats.get_mut(&listener) else {
            return Ok(());
        };
        seat.volumes.insert(of, percent.min(VOLUME_PERCENT_MAX));
        if !self.personal.contains(&listener) && !self.waiting.contains(&listener) {
            self.waiting.push_back(listener);
        }
        self.give_free_mixes();
        match self.personal.contains(&listener) {
            true => Ok(()),
            false => Err(PersonalMixesFull),
        }
    }

    /// Takes a packet of a speaker, and passes it on to those who hear nobody else.
    pub fn packet(&mut self, now: Moment, from: u32, frame: VoiceFrame, out: &mut Vec<Outgoing>) {
        let at = self.clock(now);
        let Some(seat) = self.seats.get_mut(&from) else {
            return;
        };
        if !seat.may_speak {
            self.figures.muted += 1;
            return;
        }
        if !matches!(frame.samples, 480 | 960) {
            self.figures.dropped += 1;
            return;
        }
        self.figures.received += 1;
        let voice = seat.voice.get_or_insert_default();
        let was_active = voice.speaking.is_active(now) && self.active.binary_search(&from).is_ok();
        let is_active = voice.speaking.push(now, frame.level, frame.opus.len());
        if frame.opus.len() <= DTX_PACKET_BYTES_MAX {
            voice.pause(frame.media_time);
            return;
        }
        if !is_active {
            return;
        }

        let frontier = self.frontier(from);
        let place = self
            .voice_mut(from)
            .and_then(|voice| voice.place(at, &frame, frontier, !was_active));
        let Some(place) = place else {
            self.figures.dropped += 1;
            return;
        };
        if let Err(gap) = self.active.binary_search(&from) {
            self.active.insert(gap, from);
        }
        if !was_active || self.redraw {
            self.settle(now, out);
        }
        self.pass_on(from, place, &frame, out);
        if let Some(voice) = self.voice_mut(from) {
            voice.store(place, frame);
        }
    }

    /// Does what is due at `now`: see [`next_wakeup`](Self::next_wakeup). Harmless at any time.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<Outgoing>) {
        self.settle(now, out);
        self.mix_what_is_due(now, out);
    }

    /// When [`tick`](Self::tick) wants to be called: for each mixed frame, and when a voice ends. None when
    /// nobody speaks: a silent room costs nothing.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let frame = self
            .mixing
            .map(|mixing| self.moment(mixing.next + mixing.depth));
        let ends = self
            .active
            .iter()
            .filter_map(|&seat| self.voice(seat)?.speaking.active_until());
        let recent = self.recent.values().copied();
        frame.into_iter().chain(ends).chain(recent).min()
    }

    /// Who is to be shown as speaking, with their level in -dBov.
    pub fn speaking(&self, now: Moment) -> impl Iterator<Item = (u32, u8)> {
        self.active.iter().filter_map(move |&seat| {
            let speaking = &self.voice(seat)?.speaking;
            speaking
                .is_speaking(now)
                .then_some((seat, speaking.level()))
        })
    }

    pub fn figures(&self) -> VoiceFigures {
        self.figures
    }

    /// The room's media clock, in samples; on the wire it wraps at 32 bits.
    pub fn clock(&self, now: Moment) -> i64 {
        samples_at(Moment(now.0.saturating_sub(self.opened.0)))
    }

    /// When the room's clock reads `media`.
    fn moment(&self, media: i64) -> Moment {
        let micros = u64::try_from(media.max(0))
            .unwrap_or(0)
            .saturating_mul(1_000)
            .div_ceil(48);
        Moment(self.opened.0.saturating_add(micros))
    }

    fn voice(&self, seat: u32) -> Option<&Voice<C::Decoder>> {
        self.seats.get(&seat)?.voice.as_deref()
    }

    fn voice_mut(&mut self, seat: u32) -> Option<&mut Voice<C::Decoder>> {
        self.seats.get_mut(&seat)?.voice.as_deref_mut()
    }

    fn silence(&mut self, seat: u32) {
        if let Some(voice) = self.voice_mut(seat) {
            voice.hush();
        }
        self.active.retain(|&other| other != seat);
        self.redraw = true;
    }

    fn forget_volume(&mut self, listener: u32, of: u32) {
        let Some(seat) = self.seats.get_mut(&listener) else {
            return;
        };
        seat.volumes.remove(&of);
        if seat.volumes.is_empty() {
            self.give_back_mix(listener);
        }
        self.redraw = true;
    }

    fn give_back_mix(&mut self, listener: u32) {
        self.personal.remove(&listener);
        self.waiting.retain(|&other| other != listener);
        self.give_free_mixes();
    }

    fn give_free_mixes(&mut self) {
        while self.personal.len() < PERSONAL_MIXES_MAX
            && let Some(listener) = self.waiting.pop_front()
        {
            self.personal.insert(listener);
        }
        self.redraw = true;
    }

    /// The room time up to which anybody who may hear `from` was sent something.
    fn frontier(&self, from: u32) -> i64 {
        let lines = self
            .lines
            .iter()
            .filter(|&(&id, _)| id != LineId::Own(from));
        let sent = lines.map(|(_, line)| line.newest()).max().unwrap_or(0);
        self.mixing.map_or(sent, |mixing| sent.max(mixing.next))
    }

    fn pass_on(&mut self, from: u32, place: Place, frame: &VoiceFrame, out: &mut Vec<Outgoing>) {
        let end = place.media + i64::from(frame.samples);
        for line in self
            .lines
            .values_mut()
            .filter(|line| line.way == Way::PassOn(from))
        {
            let Some(to) = line.listeners(place.media, end) else {
                continue;
            };
            let first = line.sent(end);
            self.figures.passed_on += 1;
            out.push(Outgoing {
                frame: OutFrame {
                    source: from,
                    spurt_start: place.spurt_start || first,
                    media_time: place.media as u32,
                    samples: frame.samples,
                    level: frame.level,
                    opus: frame.opus.clone(),
                },
                to,
            });
        }
    }
}
