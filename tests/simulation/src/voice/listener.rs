//! Somebody with a loudspeaker: a jitter buffer that a sound card pulls, and a record of what sounded.

use std::{sync::Arc, time::Duration};

use conclave_core::{
    Moment,
    media::{
        jitter::{Adjust, JitterBuffer, JitterFigures, Packet, Playout},
        sequence::VoiceWindow,
        voices::OutFrame,
    },
};

use super::{
    codec::{SLOTS, Step, parse},
    speaker::drifted,
};

const STEP_SAMPLES: i64 = 480;
const STEP_US: u64 = 10_000;
/// A pitch period that stretching adds or takes away, in samples: 200 Hz.
const PERIOD_SAMPLES: i64 = 240;

/// 10 ms that sounded.
#[derive(Clone, Copy, Debug)]
pub struct Played {
    pub at: Moment,
    pub said: Step,
}

pub struct Listener {
    /// What sounded, in order.
    pub played: Vec<Played>,
    /// Whose packets sounded, each once in a row; 0 is the mix.
    pub sources: Vec<u32>,
    /// Samples made up for what did not come.
    pub missing_samples: u64,
    /// Lengths of time without a packet that were silent in the middle of nothing, in samples.
    pub silent_samples: u64,
    buffer: JitterBuffer<Arc<[u8]>>,
    window: VoiceWindow,
    started: Moment,
    drift_ppm: i64,
    /// Steps of 10 ms that the sound card has taken.
    pulls: u64,
    /// Samples that were decoded beyond them.
    ready: i64,
}

impl Listener {
    pub(super) fn new(started: Moment, drift_ppm: i64) -> Listener {
        Listener {
            played: Vec::new(),
            sources: Vec::new(),
            missing_samples: 0,
            silent_samples: 0,
            buffer: JitterBuffer::new(),
            window: VoiceWindow::new(),
            started,
            drift_ppm,
            pulls: 0,
            ready: 0,
        }
    }

    /// The numbers of what a speaker was heard to say, in the order in which it sounded.
    pub fn heard(&self, speaker: u32) -> Vec<u32> {
        self.heard_at(speaker).map(|(_, number)| number).collect()
    }

    /// When each step of a speaker sounded.
    pub fn heard_at(&self, speaker: u32) -> impl Iterator<Item = (Moment, u32)> {
        assert!((1..=SLOTS as u32).contains(&speaker), "a seat with a slot");
        let slot = speaker as usize - 1;
        let heard = self
            .played
            .iter()
            .map(move |played| (played.at, played.said[slot]));
        heard.filter(|&(_, number)| number != 0)
    }

    pub fn figures(&self) -> JitterFigures {
        self.buffer.figures()
    }

    /// Packets that wait to be played.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn arrived(&mut self, now: Moment, number: u64, frame: OutFrame) {
        if !self.window.take(number) {
            return;
        }
        let packet = Packet {
            media_time: frame.media_time,
            samples: frame.samples,
            number,
            spurt_start: frame.spurt_start,
            source: frame.source,
            payload: frame.opus,
        };
        self.buffer.push(now, packet);
    }

    /// When the sound card takes the next 10 ms.
    pub(super) fn next_pull(&self) -> Moment {
        self.started + drifted(self.pulls * STEP_US, self.drift_ppm)
    }

    pub(super) fn pull(&mut self) {
        let sounds_at = self.next_pull();
        while self.ready < STEP_SAMPLES {
            let at = sounds_at + samples(self.ready);
            self.ready += self.decode(at);
        }
        self.ready -= STEP_SAMPLES;
        self.pulls += 1;
    }

    /// Decodes what sounds at `at`; says how many samples it is.
    fn decode(&mut self, at: Moment) -> i64 {
        let (packet, skip, adjust) = match self.buffer.pull(at) {
            Playout::Silence { samples } => {
                self.silent_samples += u64::from(samples);
                return samples.into();
            }
            Playout::Missing { samples, .. } => {
                self.missing_samples += u64::from(samples);
                return samples.into();
            }
            Playout::Frame {
                packet,
                skip,
                adjust,
            } => (packet, skip, adjust),
        };
        if self.sources.last() != Some(&packet.source) {
            self.sources.push(packet.source);
        }
        let steps = parse(&packet.payload);
        let skip = i64::from(skip);
        assert_eq!(skip % STEP_SAMPLES, 0, "packets meet on the grid");
        for (index, &said) in steps
            .iter()
            .skip((skip / STEP_SAMPLES) as usize)
            .enumerate()
        {
            let at = at + samples(index as i64 * STEP_SAMPLES);
            self.played.push(Played { at, said });
        }
        let rest = i64::from(packet.samples) - skip;
        match adjust {
            Adjust::Keep => rest,
            Adjust::Lengthen => rest + PERIOD_SAMPLES,
            Adjust::Shorten => (rest - PERIOD_SAMPLES).max(0),
        }
    }
}

fn samples(count: i64) -> Duration {
    Duration::from_micros(count.max(0) as u64 * 1_000 / 48)
}
