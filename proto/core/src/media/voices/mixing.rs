//! The mixer of a room: when a frame is made, and of what.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Codecs, OutFrame, Outgoing, SOURCE_MIX, VoiceFigures, Voices,
    line::{Line, LineId, Way},
    voice::{self, GRID, Voice},
};
use crate::{
    Moment,
    media::{
        level::{DTX_PACKET_BYTES_MAX, level},
        mixer::{FRAME_SAMPLES, Frame, MixBus, add_with_gain, fade},
    },
};

/// The mix waits at most this long for late packets, in samples: 120 ms.
pub const DEPTH_SAMPLES_MAX: i64 = 5_760;
/// And never less than this before, where voices come ahead of the clock: 200 ms.
const DEPTH_SAMPLES_MIN: i64 = -9_600;
/// Waited beyond what jitter asks for: 5 ms.
const DEPTH_MARGIN_SAMPLES: i64 = 240;
/// The depth falls by at most 1 ms a frame, so that no burst of frames results.
const DEPTH_FALL_SAMPLES: i64 = 48;
/// A mixer that was not woken in time catches up at most so many frames, and leaves the rest out: 0.5 s.
const CATCH_UP_FRAMES_MAX: i64 = 25;

/// The mixer while it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixing {
    /// Room time of the next frame.
    pub next: i64,
    /// How long after its media time a frame is made, in samples.
    pub depth: i64,
}

/// Room for one frame of every talker.
#[derive(Default)]
pub(super) struct Bench {
    frames: Vec<(u32, Frame)>,
    /// Talkers who have just lost their place and are faded out; those who have just got one.
    pub leaving: Vec<u32>,
    pub entering: Vec<u32>,
    bus: MixBus,
    opus: Vec<u8>,
}

impl<C: Codecs> Voices<C> {
    /// Makes every frame whose time has come.
    pub(super) fn mix_what_is_due(&mut self, now: Moment, out: &mut Vec<Outgoing>) {
        let at = self.clock(now);
        while let Some(mixing) = self.mixing {
            let behind = at - mixing.next - mixing.depth;
            if behind < 0 {
                break;
            }
            if behind > CATCH_UP_FRAMES_MAX * GRID {
                self.mixing = Some(Mixing {
                    next: mixing.next + voice::floor(behind),
                    ..mixing
                });
                continue;
            }
            self.mix(now, mixing.next, out);
            let wanted = self.depth();
            self.mixing = Some(Mixing {
                next: mixing.next + GRID,
                depth: wanted.max(mixing.depth - DEPTH_FALL_SAMPLES),
            });
        }
    }

    pub(super) fn start_or_stop_mixing(&mut self, now: Moment) {
        let mixed = self.lines.values().filter(|line| line.way == Way::Mix);
        let Some(first) = mixed.map(|line| line.cursor).min() else {
            if self.mixing.take().is_some() {
                self.stop_mixing();
            }
            return;
        };
        let depth = self.depth();
        let now = self.clock(now);
        let fresh = || Mixing {
            next: voice::floor(first.max(now - DEPTH_SAMPLES_MAX)),
            depth,
        };
        // A new voice may need more time than those before; it gets it before its first frame.
        let mixing = self.mixing.get_or_insert_with(fresh);
        mixing.depth = mixing.depth.max(depth);
    }

    fn stop_mixing(&mut self) {
        self.bench.leaving.clear();
        self.bench.entering.clear();
        for seat in self.seats.values_mut() {
            if let Some(voice) = &mut seat.voice {
                voice.rest_decoder();
            }
        }
    }

    /// Makes the frames of `[media, media + 960)` for all lines that are mixed.
    fn mix(&mut self, now: Moment, media: i64, out: &mut Vec<Outgoing>) {
        self.render(now, media);
        let ids: Vec<LineId> = self.lines.keys().copied().collect();
        for id in ids {
            let Some(mut line) = self.lines.remove(&id) else {
                continue;
            };
            if line.way == Way::Mix {
                self.mix_line(now, media, id, &mut line, out);
            }
            self.lines.insert(id, line);
        }
        for index in 0..self.active.len() {
            let seat = self.active[index];
            if let Some(voice) = self.voice_mut(seat) {
                voice.forget_before(media + GRID);
            }
        }
    }

    /// Decodes a frame of each talker onto the bench and sums them up.
    fn render(&mut self, now: Moment, media: i64) {
        self.bench.bus.clear();
        self.bench.frames.clear();
        let leaving = std::mem::take(&mut self.bench.leaving);
        let entering = std::mem::take(&mut self.bench.entering);
        let heard: BTreeSet<u32> = self.talkers.iter().chain(&leaving).copied().collect();
        for seat in heard {
            let Some(voice) = self
                .seats
                .get_mut(&seat)
                .and_then(|seat| seat.voice.as_mut())
            else {
                continue;
            };
            let mut frame = [0; FRAME_SAMPLES];
            let cost = voice.render(&self.codecs, media, &mut frame);
            self.figures.decodes += cost.decodes;
            self.figures.concealed += cost.concealed;
            voice.speaking.heard(now, level(&frame));
            if leaving.contains(&seat) {
                fade(&mut frame, 1.0, 0.0);
                voice.rest_decoder();
            } else if entering.contains(&seat) {
                fade(&mut frame, 0.0, 1.0);
            }
            self.bench.bus.add(&frame);
            self.bench.frames.push((seat, frame));
        }
    }

    fn mix_line(
        &mut self,
        now: Moment,
        media: i64,
        id: LineId,
        line: &mut Line<C::Encoder>,
        out: &mut Vec<Outgoing>,
    ) {
        let end = media + GRID;
        let Some(to) = line.listeners(media, end) else {
            return;
        };
        let mut sum = [0.0; FRAME_SAMPLES];
        let count = self.sum(id, &mut sum);
        let mut pcm = [0; FRAME_SAMPLES];
        let codecs = &self.codecs;
        line.encode(
            now,
            || codecs.encoder(),
            &sum,
            &mut pcm,
            &mut self.bench.opus,
        );
        self.figures.encodes += 1;
        if self.bench.opus.len() <= DTX_PACKET_BYTES_MAX {
            line.sent(end);
            line.silent = true;
            return;
        }
        *count(&mut self.figures) += 1;
        out.push(Outgoing {
            frame: OutFrame {
                source: SOURCE_MIX,
                spurt_start: line.sent(end),
                media_time: media as u32,
                samples: GRID as u32,
                level: level(&pcm),
                opus: Arc::from(&*self.bench.opus),
            },
            to,
        });
    }

    /// Sums up what a line hears; says under which figure it counts.
    fn sum(&self, id: LineId, sum: &mut [f32; FRAME_SAMPLES]) -> fn(&mut VoiceFigures) -> &mut u64 {
        let LineId::Own(seat) = id else {
            self.bench.bus.all(sum);
            return |figures| &mut figures.mixed_shared;
        };
        if self.personal.contains(&seat) {
            for (of, frame) in &self.bench.frames {
                add_with_gain(frame, f32::from(self.volume(id, *of)) / 100.0, sum);
            }
            return |figures| &mut figures.mixed_personal;
        }
        match self.bench.frames.iter().find(|(of, _)| *of == seat) {
            Some((_, own)) => self.bench.bus.all_but(own, sum),
            None => self.bench.bus.all(sum),
        }
        |figures| &mut figures.mixed_minus
    }

    /// How long after its media time a frame is to be mixed, so that nearly all packets have come.
    fn depth(&self) -> i64 {
        let voices = self.talkers.iter().filter_map(|&seat| self.voice(seat));
        let depth = voices.map(Voice::depth).max().unwrap_or(0);
        (depth + DEPTH_MARGIN_SAMPLES).clamp(DEPTH_SAMPLES_MIN, DEPTH_SAMPLES_MAX)
    }
}
