//! The adaptive jitter buffer: packets in any order become an even flow of sound.
//!
//! Everything counts samples at 48 kHz, so that frames of 10 and 20 ms meet. The buffer never plays a
//! moment of the media clock twice and never skips one that came: what comes late is played later (the
//! listener hears a stretched moment) and the delay is shrunk again afterwards.

use std::collections::BTreeMap;

use super::sequence::Unwrapper;
use crate::Moment;

mod lateness;

pub use lateness::Lateness;

/// Samples of mono sound a second: the media clock.
pub const SAMPLE_RATE: u32 = 48_000;
/// The target delay lies between these, in samples: 20 and 500 ms.
pub const TARGET_SAMPLES_MIN: i64 = 960;
/// On a network that has been calm for a while it may be less: 10 ms.
pub const TARGET_SAMPLES_CALM: i64 = 480;
pub const TARGET_SAMPLES_MAX: i64 = 24_000;
/// What waits never spans more than this, in samples: 1 s.
pub const BUFFER_SAMPLES_MAX: i64 = 48_000;
/// And never is more than so many packets.
pub const BUFFER_PACKETS_MAX: usize = 128;
/// A hole is concealed for at most this long, in samples (100 ms): beyond, concealment only drones.
pub const CONCEAL_SAMPLES_MAX: i64 = 4_800;
/// A clock that went back further than this has started anew, in samples: 2 s.
const RESTART_SAMPLES: i64 = 96_000;
/// And so has one all of whose packets come too late: half a second of frames of 20 ms in a row.
const LATE_RUN_MAX: u32 = 25;
/// While nothing is there, sound is asked for in steps of 10 ms.
const STEP_SAMPLES: i64 = 480;
/// The delay may be so much above its target before it is shortened: 20 ms.
const SHORTEN_ABOVE_SAMPLES: i64 = 960;
/// Or so much for long, in samples: 7.5 ms that nothing needed for 1 s. Shortening takes out 10 ms at most.
const EXCESS_SAMPLES: i64 = 360;
const EXCESS_LASTS_SAMPLES: i64 = 48_000;
/// And so much below before it is lengthened: 15 ms.
const LENGTHEN_BELOW_SAMPLES: i64 = 720;

/// The media clock's reading at `now`: samples since the epoch of the caller's clock.
pub fn samples_at(now: Moment) -> i64 {
    let micros = u128::from(now.0);
    i64::try_from(micros * u128::from(SAMPLE_RATE) / 1_000_000).unwrap_or(i64::MAX)
}

/// One packet of sound.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet<P> {
    /// When it sounds, on the 48 kHz media clock; wraps.
    pub media_time: u32,
    /// How long it sounds, in samples: 480 or 960.
    pub samples: u32,
    /// The packet number of its session, which tells a loss from a pause.
    pub number: u64,
    /// First packet after a pause.
    pub spurt_start: bool,
    /// Whose decoder it needs; 0 is the mix.
    pub source: u32,
    pub payload: P,
}

/// What became of a pushed packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pushed {
    Kept,
    /// Its time was played or concealed already.
    Late,
    /// The same media time is waiting already.
    Duplicate,
    /// Its duration is not one of a voice packet.
    Malformed,
}

/// What is to sound next.
#[derive(Debug, Eq, PartialEq)]
pub enum Playout<'a, P> {
    /// Decode this packet, leave out the first `skip` samples (they were played already), and change the
    /// length of the rest as `adjust` says.
    Frame {
        packet: Packet<P>,
        skip: u32,
        adjust: Adjust,
    },
    /// Conceal so many samples with the decoder of the last packet. `next` is the packet right behind the
    /// hole, of the same source, whose in-band FEC may hold the lost one.
    Missing { samples: u32, next: Option<&'a P> },
    /// Nothing sounds for so many samples; then pull again.
    Silence { samples: u32 },
}

/// How the playout is to change the length of a decoded frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Adjust {
    Keep,
    Lengthen,
    Shorten,
}

/// Counters since the beginning, and the delay of this moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct JitterFigures {
    pub delay_ms: u32,
    pub target_ms: u32,
    pub played: u64,
    /// Packets that never came or came too late to be played.
    pub lost: u64,
    /// Packets that came when their time was over.
    pub late: u64,
    pub duplicate: u64,
    /// Packets thrown away because too much was waiting.
    pub overflowed: u64,
    pub concealed_samples: u64,
    /// By how much lateness has stretched speech.
    pub stretched_samples: u64,
    pub restarts: u64,
}

/// The buffer between a network and a playout that pulls.
#[derive(Debug)]
pub struct JitterBuffer<P> {
    unwrapper: Unwrapper,
    /// By extended media time. Invariant: bounded by both limits above.
    packets: BTreeMap<i64, Packet<P>>,
    lateness: Lateness,
    /// The media time that sounds next; everything before is played, concealed or past.
    cursor: Option<i64>,
    playing: bool,
    /// Samples concealed at the cursor without moving it, while nothing had come.
    filled: i64,
    last: Option<Last>,
    /// Packets that came too late, in a row.
    late_run: u32,
    delay: i64,
    /// Samples played in a row with more delay than is needed.
    excess: i64,
    figures: JitterFigures,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    number: u64,
    samples: i64,
    source: u32,
}

impl<P> Default for JitterBuffer<P> {
    fn default() -> Self {
        JitterBuffer {
            unwrapper: Unwrapper::new(),
            packets: BTreeMap::new(),
            lateness: Lateness::new(),
            cursor: None,
            playing: false,
            filled: 0,
            last: None,
            late_run: 0,
            delay: 0,
            excess: 0,
            figures: JitterFigures::default(),
        }
    }
}

impl<P> JitterBuffer<P> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a packet that arrived at `now`, in any order.
    pub fn push(&mut self, now: Moment, packet: Packet<P>) -> Pushed {
        let samples = i64::from(packet.samples);
        if !(1..=BUFFER_SAMPLES_MAX / 2).contains(&samples) {
            return Pushed::Malformed;
        }
        let mut media = self.unwrapper.peek(packet.media_time);
        if self.is_elsewhere(media) || self.late_run >= LATE_RUN_MAX {
            self.restart();
            media = i64::from(packet.media_time);
        }
        self.unwrapper.extend(packet.media_time);
        self.lateness.push(samples_at(now), media);

        if self.cursor.is_some_and(|cursor| media + samples <= cursor) {
            self.figures.late += 1;
            self.late_run += 1;
            return Pushed::Late;
        }
        self.late_run = 0;
        // Of two packets for one time the longer stays: a mix frame holds what the shorter one has.
        if self
            .packets
            .get(&media)
            .is_some_and(|other| other.samples >= packet.samples)
        {
            self.figures.duplicate += 1;
            return Pushed::Duplicate;
        }
        self.packets.insert(media, packet);
        self.bound();
        Pushed::Kept
    }

    /// What sounds next. `now` is the moment at which it will begin to sound, up to a constant: a caller
    /// with sound queued towards the device adds its length.
    pub fn pull(&mut self, now: Moment) -> Playout<'_, P> {
        let at = samples_at(now);
        self.drop_covered();
        let Some((&media, front)) = self.packets.first_key_value() else {
            return self.starve();
        };
        let cursor = self.cursor.unwrap_or(media);
        let hole = media - cursor;
        if hole > 0 && self.playing && self.is_pause(front, hole) {
            self.playing = false;
        }
        if !self.playing {
            let wait = self.due(media.max(cursor)) - at;
            if wait > 0 {
                self.filled = if hole > 0 { 0 } else { self.filled };
                let samples = wait.min(STEP_SAMPLES) as u32;
                return Playout::Silence { samples };
            }
            if hole > 0 {
                self.filled = 0;
            }
            self.playing = true;
            return self.play(at, media);
        }
        match hole > self.filled {
            true => self.conceal(media, hole),
            false => self.play(at, media),
        }
    }

    /// The present counters.
    pub fn figures(&self) -> JitterFigures {
        JitterFigures {
            delay_ms: as_ms(self.delay),
            target_ms: as_ms(self.target()),
            ..self.figures
        }
    }

    /// The delay aimed at, in samples beyond the fastest packets.
    pub fn target(&self) -> i64 {
        let least = match self.lateness.is_calm() {
            true => TARGET_SAMPLES_CALM,
            false => TARGET_SAMPLES_MIN,
        };
        self.lateness.quantile().clamp(least, TARGET_SAMPLES_MAX)
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Forgets everything but the counters, as for a new session.
    pub fn restart(&mut self) {
        let figures = JitterFigures {
            restarts: self.figures.restarts + 1,
            ..self.figures
        };
        *self = JitterBuffer {
            figures,
            ..JitterBuffer::default()
        };
    }

    /// When a media time is to sound, on the caller's clock in samples.
    fn due(&self, media: i64) -> i64 {
        self.lateness.floor().unwrap_or(0) + media + self.target()
    }

    fn play(&mut self, at: i64, media: i64) -> Playout<'_, P> {
        let Some(packet) = self.packets.remove(&media) else {
            return Playout::Silence {
                samples: STEP_SAMPLES as u32,
            };
        };
        let cursor = self.cursor.unwrap_or(media);
        let skip = (cursor - media).max(0);
        let samples = i64::from(packet.samples);
        match media > cursor && self.filled > 0 {
            // What never came was concealed while we waited for it.
            true => {
                self.figures.concealed_samples += self.filled as u64;
                self.figures.lost += 1;
            }
            false => self.figures.stretched_samples += self.filled as u64,
        }
        self.filled = 0;
        self.cursor = Some(media + samples);
        self.last = Some(Last {
            number: packet.number,
            samples,
            source: packet.source,
        });
        self.figures.played += 1;
        self.delay = at - (self.lateness.floor().unwrap_or(at) + media + skip);
        Playout::Frame {
            packet,
            skip: skip as u32,
            adjust: self.adjust(samples),
        }
    }

    /// For a frame of so many samples.
    fn adjust(&mut self, samples: i64) -> Adjust {
        let above = self.delay - self.target();
        self.excess = match above > EXCESS_SAMPLES {
            true => self.excess + samples,
            false => 0,
        };
        if above > SHORTEN_ABOVE_SAMPLES || self.excess >= EXCESS_LASTS_SAMPLES {
            self.excess = 0;
            Adjust::Shorten
        } else if above < -LENGTHEN_BELOW_SAMPLES {
            Adjust::Lengthen
        } else {
            Adjust::Keep
        }
    }

    /// Conceals one frame of a hole that ends at `media`.
    fn conceal(&mut self, media: i64, hole: i64) -> Playout<'_, P> {
        let frame = self.last.map_or(STEP_SAMPLES, |last| last.samples);
        let samples = (hole - self.filled).min(frame);
        let advanced = self.filled + samples;
        self.filled = 0;
        self.figures.concealed_samples += advanced as u64;
        self.figures.lost += 1;
        let cursor = media - hole + advanced;
        self.cursor = Some(cursor);
        let source = self.last.map(|last| last.source);
        let next = self
            .packets
            .get(&media)
            .filter(|next| cursor == media && Some(next.source) == source)
            .map(|next| &next.payload);
        Playout::Missing {
            samples: samples as u32,
            next,
        }
    }

    /// Nothing waits: the next packet may be late, lost, or the speaker pauses.
    fn starve(&mut self) -> Playout<'_, P> {
        if self.playing && self.filled < CONCEAL_SAMPLES_MAX {
            self.filled += STEP_SAMPLES;
            return Playout::Missing {
                samples: STEP_SAMPLES as u32,
                next: None,
            };
        }
        self.playing = false;
        Playout::Silence {
            samples: STEP_SAMPLES as u32,
        }
    }

    /// Whether the hole before this packet is silence rather than a loss.
    fn is_pause(&self, front: &Packet<P>, hole: i64) -> bool {
        let nothing_lost = self
            .last
            .is_some_and(|last| last.number.checked_add(1) == Some(front.number));
        front.spurt_start || hole > CONCEAL_SAMPLES_MAX || (nothing_lost && hole > 2 * STEP_SAMPLES)
    }

    fn drop_covered(&mut self) {
        let Some(cursor) = self.cursor else { return };
        while let Some(front) = self.packets.first_entry() {
            if front.key() + i64::from(front.get().samples) > cursor {
                break;
            }
            front.remove();
            self.figures.duplicate += 1;
        }
    }

    fn is_elsewhere(&self, media: i64) -> bool {
        let newest = self.packets.last_key_value().map(|(&media, _)| media);
        let Some(here) = newest.or(self.cursor) else {
            return false;
        };
        // A pause may be long, and the clock goes on meanwhile; only going back is a new clock.
        media < here - RESTART_SAMPLES
    }

    /// Throws the oldest away while too much waits; the cursor moves on with it.
    fn bound(&mut self) {
        while let (Some((&oldest, front)), Some((&newest, _))) = (
            self.packets.first_key_value(),
            self.packets.last_key_value(),
        ) {
            let within = newest - oldest <= BUFFER_SAMPLES_MAX;
            if within && self.packets.len() <= BUFFER_PACKETS_MAX {
                break;
            }
            let end = oldest + i64::from(front.samples);
            self.packets.remove(&oldest);
            self.figures.overflowed += 1;
            self.cursor = Some(self.cursor.map_or(end, |cursor| cursor.max(end)));
            self.filled = 0;
        }
    }
}

fn as_ms(samples: i64) -> u32 {
    u32::try_from(samples.max(0) / 48).unwrap_or(u32::MAX)
}
