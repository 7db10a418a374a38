//! A microphone of this machine: frames of 10 ms at 48 kHz, enhanced, whatever device is behind it.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use conclave_core::media::level::{LEVEL_SILENT, LEVEL_VOICE, LevelMeter, level};

use super::{
    Shared, Word,
    convert::Converter,
    lines::{Captured, Line},
    rate::DeviceRate,
};
use crate::media::{
    devices::{Capture, FRAME_SAMPLES, Frame, Microphone, SAMPLE_RATE},
    enhance::{Enhancement, Enhancer, SonoraEnhancer, Strength},
};

/// A reader that waits returns after this, so that its thread can be ended.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// Sound that is read late is late for everybody, which their buffers even out; only beyond 200 ms half of it is
/// thrown away.
const BEHIND_SAMPLES_MAX: usize = 20 * FRAME_SAMPLES;
/// Who is muted for so long will not speak within the next word.
const CALM_AFTER: Duration = Duration::from_secs(3);
/// The converter takes 2.5 ms at a time, so that nothing waits in it for long.
const CHUNKS_PER_SECOND: u32 = 400;

pub(super) struct DeviceMicrophone {
    shared: Arc<Shared>,
    line: Arc<Line<Captured>>,
    input: Option<Input>,
    enhancing: Enhancing,
    meter: LevelMeter,
    muted_since: Option<Instant>,
    /// Of the hear-yourself test, which ends when a client has one.
    for_test: bool,
}

/// The device that is read now.
struct Input {
    captured: Captured,
    converter: Converter,
    rate: DeviceRate,
    /// At 48 kHz.
    ready: VecDeque<f32>,
    raw: Vec<f32>,
    missed: u64,
}

impl DeviceMicrophone {
    pub(super) fn new(shared: &Arc<Shared>, for_test: bool) -> DeviceMicrophone {
        let line = Arc::new(Line::default());
        if !for_test {
            shared.microphones.fetch_add(1, Ordering::Relaxed);
        }
        shared.tell(Word::Listen(Arc::downgrade(&line)));
        DeviceMicrophone {
            enhancing: Enhancing::new(shared),
            shared: Arc::clone(shared),
            line,
            input: None,
            meter: LevelMeter::default(),
            muted_since: None,
            for_test,
        }
    }

    /// Who is muted for long needs no sound in a hurry.
    fn calm(&mut self) {
        let calm = self
            .muted_since
            .is_some_and(|since| since.elapsed() > CALM_AFTER);
        if self.line.set_calm(calm) {
            self.shared.tell(Word::Calm);
        }
    }

    /// Waits for a frame of the device.
    fn wait(&mut self, frame: &mut Frame) -> bool {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            if let Some(captured) = self.line.taken() {
                self.input = captured.and_then(Input::new);
            }
            if let Some(input) = &mut self.input
                && input.fill(frame, &self.shared)
            {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
    }
}

impl Microphone for DeviceMicrophone {
    fn read(&mut self, frame: &mut Frame) -> Capture {
        if self.muted_since.is_some() {
            self.calm();
        }
        if !self.wait(frame) {
            self.enhancing.skip(&self.shared);
            self.shared
                .levels
                .microphone
                .store(LEVEL_SILENT, Ordering::Relaxed);
            return Capture::Nothing;
        }
        // Nobody is heard, and nothing is loud enough for a hint: then nothing is worth its cost.
        match self.muted_since.is_some() && level(frame) > LEVEL_VOICE {
            true => self.enhancing.skip(&self.shared),
            false => self.enhancing.enhance(frame, &self.shared),
        }
        self.meter.push(level(frame));
        let now = self.meter.level();
        self.shared.levels.microphone.store(now, Ordering::Relaxed);
        self.shared.hear.said(frame);
        Capture::Frame
    }

    fn mute(&mut self, muted: bool) {
        self.muted_since = muted.then(Instant::now);
        self.calm();
    }
}

impl Drop for DeviceMicrophone {
    fn drop(&mut self) {
        if !self.for_test {
            self.shared.microphones.fetch_sub(1, Ordering::Relaxed);
            self.shared.played.want(false);
        }
        self.shared.tell(Word::Look);
    }
}

impl Input {
    fn new(captured: Captured) -> Option<Input> {
        captured.between.wake_me();
        let chunk = (captured.rate_hz / CHUNKS_PER_SECOND).max(1) as usize;
        let converter = Converter::new(captured.rate_hz, SAMPLE_RATE, chunk);
        let converter = converter
            .inspect_err(|error| tracing::warn!(%error, "a microphone is not used"))
            .ok()?;
        Some(Input {
            rate: DeviceRate::new(captured.rate_hz),
            converter,
            captured,
            ready: VecDeque::new(),
            raw: Vec::new(),
            missed: 0,
        })
    }

    /// Takes what the device has given. False when it was less than a frame.
    fn fill(&mut self, frame: &mut Frame, shared: &Shared) -> bool {
        while let Ok(mark) = self.captured.marks.pop() {
            self.rate.push(mark.at, mark.samples);
        }
        // A device that is slow gives too few samples a second: more are made of them.
        self.converter.follow(self.rate.seconds_a_second());
        let there = self.captured.samples.slots();
        if let Ok(chunk) = self.captured.samples.read_chunk(there) {
            self.raw.clear();
            self.raw.extend(chunk);
            self.converter.push(&self.raw, &mut self.ready);
        }
        if self.ready.len() > BEHIND_SAMPLES_MAX {
            let late = self.ready.len() - BEHIND_SAMPLES_MAX / 2;
            self.ready.drain(..late);
            shared.overrun.fetch_add(late as u64, Ordering::Relaxed);
        }
        let latency = self.captured.between.latency_us.load(Ordering::Relaxed);
        shared.capture_us.store(latency, Ordering::Relaxed);
        let missed = self.captured.between.missed.load(Ordering::Relaxed);
        let more = missed - std::mem::replace(&mut self.missed, missed);
        shared.overrun.fetch_add(more, Ordering::Relaxed);
        if self.ready.len() < FRAME_SAMPLES {
            return false;
        }
        for (sample, ready) in frame.iter_mut().zip(self.ready.drain(..FRAME_SAMPLES)) {
            // `as` saturates.
            *sample = (ready * 32_768.0).round() as i16;
        }
        true
    }
}

/// The enhancer, made anew when its person chooses otherwise.
struct Enhancing {
    version: u64,
    enhancer: Option<SonoraEnhancer>,
    played: Vec<Frame>,
}

impl Enhancing {
    fn new(shared: &Shared) -> Enhancing {
        let (version, wanted) = shared.enhancement();
        Enhancing {
            version,
            enhancer: enhancer(wanted, shared),
            played: Vec::new(),
        }
    }

    fn enhance(&mut self, frame: &mut Frame, shared: &Shared) {
        if self.version != shared.enhancement_version() {
            *self = Enhancing::new(shared);
        }
        let Some(enhancer) = &mut self.enhancer else {
            return;
        };
        shared.played.drain(&mut self.played);
        for played in &self.played {
            enhancer.played(played);
        }
        enhancer.captured(frame);
    }

    /// What was played meanwhile leaves the canceller's sight together with what was captured, so that one
    /// still fits the other.
    fn skip(&mut self, shared: &Shared) {
        shared.played.drain(&mut self.played);
    }
}

fn enhancer(wanted: Enhancement, shared: &Shared) -> Option<SonoraEnhancer> {
    shared.played.want(wanted.echo > Strength::Off);
    (wanted != Enhancement::OFF).then(|| SonoraEnhancer::new(wanted))
}
