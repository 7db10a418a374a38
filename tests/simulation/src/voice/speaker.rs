//! Somebody with a microphone, on a clock of their own.

use std::{sync::Arc, time::Duration};

use conclave_core::{
    Moment,
    media::{level::LEVEL_SILENT, voices::VoiceFrame},
};

use super::codec::{SLOTS, Step, write};

/// Samples and microseconds of a packet.
const FRAME_SAMPLES: u64 = 960;
const FRAME_US: u64 = 20_000;
const STEPS: u64 = 2;
/// About what the codec's sound measures, in -dBov.
const LEVEL: u8 = 27;
/// Under DTX silence is one packet of a byte in so many frames: 400 ms.
const DTX_FRAMES: u64 = 20;

/// When somebody talks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spurt {
    pub from: Moment,
    pub until: Moment,
}

#[derive(Clone, Debug)]
pub struct Speaker {
    /// The numbers of all steps that were said, rising.
    pub said: Vec<u32>,
    seat: u32,
    started: Moment,
    drift_ppm: i64,
    clock: u32,
    spurts: Vec<Spurt>,
    /// Frames captured so far.
    frames: u64,
    number: u64,
    /// Frames since the last word.
    silent: u64,
}

impl Speaker {
    pub(super) fn new(
        seat: u32,
        started: Moment,
        drift_ppm: i64,
        clock: u32,
        spurts: Vec<Spurt>,
    ) -> Speaker {
        assert!((1..=SLOTS as u32).contains(&seat), "a seat with a slot");
        Speaker {
            said: Vec::new(),
            seat,
            started,
            drift_ppm,
            clock,
            spurts,
            frames: 0,
            number: 0,
            silent: DTX_FRAMES,
        }
    }

    /// When a step of this number was captured: when it began.
    pub fn captured(&self, step: u32) -> Moment {
        self.at(u64::from(step - 1) * FRAME_US / STEPS)
    }

    /// When the next frame is whole.
    pub(super) fn next_frame(&self) -> Moment {
        self.at((self.frames + 1) * FRAME_US)
    }

    /// The packet of the next frame; none under DTX.
    pub(super) fn frame(&mut self) -> Option<VoiceFrame> {
        let frame = self.frames;
        let begins = self.at(frame * FRAME_US);
        self.frames += 1;
        let talks = self
            .spurts
            .iter()
            .any(|spurt| (spurt.from..spurt.until).contains(&begins));
        let spurt_start = talks && self.silent > 0;
        let mut opus = Vec::new();
        if talks {
            self.silent = 0;
            for step in frame * STEPS..(frame + 1) * STEPS {
                let mut said = Step::default();
                said[self.seat as usize - 1] = step as u32 + 1;
                write(&said, &mut opus);
                self.said.push(step as u32 + 1);
            }
        } else {
            self.silent += 1;
            if self.silent % DTX_FRAMES != 1 {
                return None;
            }
            opus.push(0);
        }
        let number = self.number;
        self.number += 1;
        Some(VoiceFrame {
            number,
            media_time: self.clock.wrapping_add((frame * FRAME_SAMPLES) as u32),
            spurt_start,
            level: if talks { LEVEL } else { LEVEL_SILENT },
            samples: FRAME_SAMPLES as u32,
            opus: Arc::from(opus),
        })
    }

    /// The moment at which a clock that drifts has counted so many microseconds.
    fn at(&self, us: u64) -> Moment {
        self.started + drifted(us, self.drift_ppm)
    }
}

/// How long a clock that runs `drift_ppm` fast takes to count `us`.
pub(super) fn drifted(us: u64, drift_ppm: i64) -> Duration {
    let less = us as i64 * drift_ppm / 1_000_000;
    Duration::from_micros(us.saturating_add_signed(-less))
}
