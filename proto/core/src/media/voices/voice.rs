//! One speaker as the room hears them: their packets on the room's media clock, and their decoder.

use std::{collections::BTreeMap, sync::Arc};

use super::packet::{Codecs, VoiceDecoder, VoiceFrame};
use crate::media::{
    jitter::{CONCEAL_SAMPLES_MAX, Lateness},
    level::Speaking,
    mixer::{FRAME_SAMPLES, Frame},
    sequence::Unwrapper,
};

/// The room's clock is divided in frames of 20 ms, on whose borders talk spurts begin.
pub(super) const GRID: i64 = FRAME_SAMPLES as i64;
/// All packets begin at multiples of 10 ms within their spurt.
const STEP: i64 = GRID / 2;
/// A spurt is placed at most so far ahead of or behind the room's clock: 200 ms.
const ANCHOR_SAMPLES_MAX: i64 = 9_600;
/// Who runs further ahead than this is put back by a frame, which floods and fast clocks lose: 400 ms.
const LEAD_SAMPLES_MAX: i64 = 19_200;
/// Whose fastest packets come later than this is put forward by a frame: 80 ms.
const LAG_SAMPLES_MAX: i64 = 3_840;
/// Packets later than this are dropped: 1 s.
const LATE_SAMPLES_MAX: i64 = 48_000;
/// A packet this far from where the speaker's clock should be means that the clock began anew: 1 s.
const JUMP_SAMPLES: i64 = 48_000;
/// Packets already past are kept this long, to warm a decoder up and to recognise copies: 100 ms.
const KEPT_SAMPLES: i64 = 4_800;
const PACKETS_MAX: usize = 128;
/// A fresh decoder hears so much before its sound is used (60 ms): Opus predicts from the past.
const WARM_UP_SAMPLES: i64 = 2_880;

/// A packet waiting on the room's clock.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub samples: i64,
    pub number: u64,
    pub spurt_start: bool,
    pub level: u8,
    pub opus: Arc<[u8]>,
}

/// Where a packet belongs on the room's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub media: i64,
    pub spurt_start: bool,
}

#[derive(Debug)]
pub(super) struct Voice<D> {
    pub speaking: Speaking,
    clock: Unwrapper,
    /// Newest time on the speaker's own clock.
    source_newest: Option<i64>,
    /// Room time minus speaker's time, fixed for a talk spurt.
    offset: i64,
    /// Where the present spurt begins on the room's clock.
    pub spurt_from: i64,
    /// End of the newest packet, on the room's clock.
    pub newest: i64,
    /// A pause was announced from here on.
    pause_from: Option<i64>,
    /// By room time. Invariant: no two overlap.
    packets: BTreeMap<i64, Stored>,
    /// Everything before was mixed or forgotten.
    kept_from: i64,
    lateness: Lateness,
    samples: i64,
    decoding: Option<Decoding<D>>,
}

#[derive(Debug)]
struct Decoding<D> {
    decoder: D,
    /// Room time of the next sample to hand out.
    at: i64,
    /// Decoded beyond the last frame.
    rest: Vec<i16>,
    last_number: Option<u64>,
    /// Samples concealed or silent since the last packet.
    hole: i64,
}

/// What rendering a frame cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rendered {
    pub decodes: u64,
    pub concealed: u64,
}

impl<D> Default for Voice<D> {
    fn default() -> Self {
        Voice {
            speaking: Speaking::new(),
            clock: Unwrapper::new(),
            source_newest: None,
            offset: 0,
            spurt_from: 0,
            newest: 0,
            pause_from: None,
            packets: BTreeMap::new(),
            kept_from: 0,
            lateness: Lateness::new(),
            samples: GRID,
            decoding: None,
        }
    }
}

impl<D: VoiceDecoder> Voice<D> {
    /// Finds a packet's place on the room's clock, which reads `at`. A new spurt begins at a border of the
    /// grid and not before `frontier`, up to where somebody has heard others already. None: a copy, too
    /// late, or more than real time.
    pub fn place(
        &mut self,
        at: i64,
        frame: &VoiceFrame,
        frontier: i64,
        begin: bool,
    ) -> Option<Place> {
        let samples = i64::from(frame.samples);
        let source = self.clock.extend(frame.media_time);
        let jumped = self
            .lateness
            .floor()
            .is_some_and(|floor| (at - source - floor).abs() > JUMP_SAMPLES);
        if jumped {
            self.lateness.forget_floor();
        }
        self.lateness.push(at, source);
        self.samples = samples;
        let newest = self.source_newest.is_none_or(|newest| source > newest);
        if newest || jumped {
            self.source_newest = Some(source);
        }

        let off_grid = (source + self.offset - self.spurt_from) % STEP != 0;
        let spurt_start = begin || jumped || off_grid || (frame.spurt_start && newest);
        if spurt_start {
            // Where a prompt packet would have come, so that a late first one delays no other.
            let floor = self.lateness.floor().unwrap_or(at - source);
            let prompt = (source + floor).clamp(at - ANCHOR_SAMPLES_MAX, at);
            let frontier = frontier.min(at + ANCHOR_SAMPLES_MAX);
            let from = ceil(prompt.max(frontier).max(self.newest));
            self.offset = from - source;
            self.spurt_from = from;
        } else if source + samples + self.offset > at + LEAD_SAMPLES_MAX {
            self.offset -= GRID;
        } else if self.lag() > LAG_SAMPLES_MAX && newest {
            self.offset += GRID;
        }
        let media = source + self.offset;
        let end = media + samples;
        let fits = media + LATE_SAMPLES_MAX > at && end <= at + 2 * LEAD_SAMPLES_MAX;
        if !fits || end <= self.kept_from || self.overlaps(media, end) {
            return None;
        }
        Some(Place { media, spurt_start })
    }

    /// Keeps a packet at its place.
    pub fn store(&mut self, place: Place, frame: VoiceFrame) {
        let samples = i64::from(frame.samples);
        self.newest = self.newest.max(place.media + samples);
        if self.pause_from.is_some_and(|from| from <= place.media) {
            self.pause_from = None;
        }
        let stored = Stored {
            samples,
            number: frame.number,
            spurt_start: place.spurt_start,
            level: frame.level,
            opus: frame.opus,
        };
        self.packets.insert(place.media, stored);
        self.forget_before(self.newest - LATE_SAMPLES_MAX);
        while self.packets.len() > PACKETS_MAX {
            self.packets.pop_first();
        }
    }

    /// Notes that the speaker says nothing from here on.
    pub fn pause(&mut self, media_time: u32) {
        self.pause_from = Some(self.clock.peek(media_time) + self.offset);
    }

    /// The packets that sound at or after `media`.
    pub fn from(&self, media: i64) -> impl Iterator<Item = (i64, &Stored)> {
        let first = media.saturating_sub(GRID);
        let packets = self
            .packets
            .range(first..)
            .map(|(&at, stored)| (at, stored));
        packets.filter(move |(at, stored)| at + stored.samples > media)
    }

    /// Forgets what is needed neither for mixing from `media` on nor to recognise copies.
    pub fn forget_before(&mut self, media: i64) {
        self.kept_from = self.kept_from.max(media.saturating_sub(KEPT_SAMPLES));
        while let Some(front) = self.packets.first_entry() {
            if front.key() + front.get().samples > self.kept_from {
                break;
            }
            front.remove();
        }
    }

    /// Forgets the spurt: the packets, and the decoder.
    pub fn hush(&mut self) {
        self.speaking.silence();
        self.packets.clear();
        self.decoding = None;
    }

    pub fn rest_decoder(&mut self) {
        self.decoding = None;
    }

    /// How long after its media time a frame of this voice has come, nearly always; in samples, negative
    /// when it comes before.
    pub fn depth(&self) -> i64 {
        self.lag() + self.lateness.quantile() + (GRID - self.samples)
    }

    /// Fills `out` with the voice at `[media, media + 960)`.
    pub fn render<C: Codecs<Decoder = D>>(
        &mut self,
        codecs: &C,
        media: i64,
        out: &mut Frame,
    ) -> Rendered {
        let mut cost = Rendered::default();
        let mut decoding = match self.decoding.take() {
            Some(decoding) if decoding.at == media => decoding,
            _ => self.warm_up(codecs.decoder(), media, &mut cost),
        };
        let end = media + GRID;
        let kept = decoding.rest.len().min(FRAME_SAMPLES);
        out[..kept].copy_from_slice(&decoding.rest[..kept]);
        decoding.rest.drain(..kept);
        let mut at = media + kept as i64;
        while at < end {
            let gap = &mut out[(at - media) as usize..];
            at += match self.covering(at) {
                Some((from, stored)) => decoding.decode(at - from, stored, gap, &mut cost),
                None => {
                    let next = self
                        .packets
                        .range(at..)
                        .next()
                        .map(|(&at, stored)| (at, stored));
                    let until = next.map_or(end, |(next, _)| next.min(end));
                    let gap = &mut gap[..(until - at) as usize];
                    let paused = self.pause_from.is_some_and(|from| from <= at);
                    decoding.bridge(at, next, paused, gap, &mut cost)
                }
            };
        }
        decoding.at = end;
        self.decoding = Some(decoding);
        cost
    }

    /// Least `arrival - media time` on the room's clock, of late.
    fn lag(&self) -> i64 {
        self.lateness.floor().map_or(0, |floor| floor - self.offset)
    }

    fn overlaps(&self, media: i64, end: i64) -> bool {
        let before = self.packets.range(..end).next_back();
        before.is_some_and(|(&at, stored)| at + stored.samples > media)
    }

    fn covering(&self, at: i64) -> Option<(i64, &Stored)> {
        let (&from, stored) = self.packets.range(..=at).next_back()?;
        (from + stored.samples > at).then_some((from, stored))
    }

    fn warm_up(&self, decoder: D, media: i64, cost: &mut Rendered) -> Decoding<D> {
        let mut decoding = Decoding {
            decoder,
            at: media,
            rest: Vec::new(),
            last_number: None,
            hole: 0,
        };
        let mut unused = [0; FRAME_SAMPLES];
        for (_, stored) in self.packets.range(media - WARM_UP_SAMPLES..media) {
            decoding.decoder.decode(&stored.opus, &mut unused);
            decoding.last_number = Some(stored.number);
            cost.decodes += 1;
        }
        // One that reaches over the border is decoded again, for its second half.
        decoding
    }
}

impl<D: VoiceDecoder> Decoding<D> {
    /// Decodes a packet and leaves out its first `skip` samples. Says how much of `gap` is filled.
    fn decode(&mut self, skip: i64, stored: &Stored, gap: &mut [i16], cost: &mut Rendered) -> i64 {
        let mut pcm = [0i16; FRAME_SAMPLES];
        let length = stored.samples as usize;
        cost.decodes += 1;
        if self.decoder.decode(&stored.opus, &mut pcm[..length]) != length {
            pcm[..length].fill(0);
            self.decoder.conceal(None, &mut pcm[..length]);
            cost.concealed += 1;
        }
        self.last_number = Some(stored.number);
        self.hole = 0;
        let sound = &pcm[skip as usize..length];
        let used = sound.len().min(gap.len());
        gap[..used].copy_from_slice(&sound[..used]);
        self.rest.extend_from_slice(&sound[used..]);
        used as i64
    }

    /// Fills a gap up to the next packet, or to the frame's end: with what the decoder makes of a loss, or
    /// with silence in a pause.
    fn bridge(
        &mut self,
        at: i64,
        next: Option<(i64, &Stored)>,
        paused: bool,
        gap: &mut [i16],
        cost: &mut Rendered,
    ) -> i64 {
        let length = gap.len() as i64;
        let until = next.map_or(at + length, |(next, _)| next);
        let hole = self.hole + until - at;
        let pause = next.is_some_and(|(_, next)| {
            let nothing_lost = self.last_number.map(|last| last + 1) == Some(next.number);
            next.spurt_start || (nothing_lost && hole > GRID)
        });
        gap.fill(0);
        let lost = self.last_number.is_some() && !paused && !pause && hole <= CONCEAL_SAMPLES_MAX;
        if lost {
            let next = next.filter(|&(next, _)| next == at + length);
            self.decoder.conceal(next.map(|(_, next)| &*next.opus), gap);
            cost.concealed += 1;
        }
        self.hole += length;
        length
    }
}

/// The next border of the grid at or after a time.
fn ceil(media: i64) -> i64 {
    (media + GRID - 1).div_euclid(GRID) * GRID
}

/// The last border of the grid at or before a time.
pub(super) fn floor(media: i64) -> i64 {
    media.div_euclid(GRID) * GRID
}
