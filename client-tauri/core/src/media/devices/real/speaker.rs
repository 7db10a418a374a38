//! A speaker of this machine, whatever device is behind it.

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use conclave_core::media::level::{LevelMeter, level};

use super::{
    Shared, Word,
    convert::Converter,
    lines::{Line, Sounds},
    rate::DeviceRate,
};
use crate::media::{
    devices::{FRAME_SAMPLES, Frame, SAMPLE_RATE, Speaker},
    pace::Pace,
};

/// The converter takes 5 ms at a time.
const CHUNK: usize = FRAME_SAMPLES / 2;
/// Nobody waits longer than this for the device to take something.
const WAIT_MAX: Duration = Duration::from_millis(20);
/// Each time the device ran dry so much more is kept ready, up to a limit: 2.5 and 30 ms. After a while
/// without it is taken back step by step; a step back that was too much is tried half as often.
const MARGIN_STEP: usize = 120;
const MARGIN_MAX: usize = 1_440;
const MARGIN_FALLS_AFTER_MIN: Duration = Duration::from_secs(20);
const MARGIN_FALLS_AFTER_MAX: Duration = Duration::from_secs(640);
/// A device that has had only silence for so long stands still until there is something: 3 s.
const REST_AFTER_SAMPLES: usize = 3 * SAMPLE_RATE as usize;
/// Silence of the beginning is no running dry.
const SETTLES: Duration = Duration::from_millis(300);

pub(super) struct DeviceSpeaker {
    shared: Arc<Shared>,
    line: Arc<Line<Sounds>>,
    output: Option<Output>,
    /// Goes on while there is no device, so that voice goes by in its time.
    nowhere: Nowhere,
    meter: LevelMeter,
    scaled: Vec<f32>,
    silent_samples: usize,
    rests: bool,
    for_test: bool,
}

/// The device that is fed now.
struct Output {
    sounds: Sounds,
    converter: Converter,
    rate: DeviceRate,
    converted: Vec<f32>,
    margin: Margin,
    missed: u64,
    since: Instant,
}

/// What is kept ready beyond a period.
struct Margin {
    /// In the device's samples.
    samples: usize,
    changed_at: Instant,
    /// The last change was a step back.
    fell: bool,
    falls_after: Duration,
}

/// A clock that takes samples where no device does.
#[derive(Default)]
struct Nowhere {
    since: Option<Instant>,
    queued: u64,
}

impl DeviceSpeaker {
    pub(super) fn new(shared: &Arc<Shared>, for_test: bool) -> DeviceSpeaker {
        let line = Arc::new(Line::default());
        if !for_test {
            shared.speakers.fetch_add(1, Ordering::Relaxed);
        }
        shared.tell(Word::Speak(Arc::downgrade(&line)));
        DeviceSpeaker {
            shared: Arc::clone(shared),
            line,
            output: None,
            nowhere: Nowhere::default(),
            meter: LevelMeter::default(),
            scaled: Vec::new(),
            silent_samples: 0,
            rests: false,
            for_test,
        }
    }

    /// Takes note of what is played, and lets the device rest when it is nothing.
    fn rest(&mut self, frame: &Frame) {
        self.silent_samples = match frame.iter().all(|&sample| sample == 0) {
            true => self.silent_samples.saturating_add(FRAME_SAMPLES),
            false => 0,
        };
        let rests = self.output.is_some() && self.silent_samples > REST_AFTER_SAMPLES;
        if std::mem::replace(&mut self.rests, rests) == rests {
            return;
        }
        match (&mut self.output, rests) {
            (Some(output), false) => output.since = Instant::now(),
            (_, _) => self.nowhere = Nowhere::default(),
        }
        if self.line.set_calm(rests) {
            self.shared.tell(Word::Calm);
        }
    }

    /// The device, while sound goes there.
    fn playing(&mut self) -> Option<&mut Output> {
        self.output.as_mut().filter(|_| !self.rests)
    }

    fn look(&mut self) {
        if let Some(sounds) = self.line.taken() {
            self.output = sounds.and_then(Output::new);
            self.nowhere = Nowhere::default();
        }
        if let Some(output) = &mut self.output {
            output.look(&self.shared);
        }
    }
}

impl Speaker for DeviceSpeaker {
    fn play(&mut self, samples: &[i16]) {
        self.look();
        let mut frame: Frame = [0; FRAME_SAMPLES];
        for part in samples.chunks(FRAME_SAMPLES) {
            frame.fill(0);
            frame[..part.len()].copy_from_slice(part);
            self.shared.hear.mix(&mut frame);
            self.shared.played.push(&frame);
            self.meter.push(level(&frame));
            let now = self.meter.level();
            self.shared.levels.speaker.store(now, Ordering::Relaxed);
            self.rest(&frame);
            match self.output.as_mut().filter(|_| !self.rests) {
                Some(output) => {
                    self.scaled.clear();
                    let scaled = frame[..part.len()].iter();
                    self.scaled
                        .extend(scaled.map(|sample| f32::from(*sample) / 32_768.0));
                    output.play(&self.scaled);
                }
                None => self.nowhere.play(part.len()),
            }
        }
    }

    fn queued_samples(&mut self) -> usize {
        self.look();
        match self.playing() {
            Some(output) => output.queued(),
            None => self.nowhere.queued(),
        }
    }

    fn ahead_samples(&self) -> usize {
        match self.output.as_ref().filter(|_| !self.rests) {
            Some(output) => output.ahead(),
            None => 2 * FRAME_SAMPLES,
        }
    }

    /// Until the device has taken something: a frame that is decoded no earlier is no older when it sounds.
    fn wait(&mut self, pace: &mut Pace) {
        match self.playing() {
            Some(_) => {
                pace.restart();
                thread::park_timeout(WAIT_MAX);
            }
            None => pace.wait(),
        }
    }
}

impl Drop for DeviceSpeaker {
    fn drop(&mut self) {
        if !self.for_test {
            self.shared.speakers.fetch_sub(1, Ordering::Relaxed);
        }
        self.shared.tell(Word::Look);
    }
}

impl Output {
    fn new(sounds: Sounds) -> Option<Output> {
        sounds.between.wake_me();
        let converter = Converter::new(SAMPLE_RATE, sounds.rate_hz, CHUNK)
            .inspect_err(|error| tracing::warn!(%error, "a speaker is not used"))
            .ok()?;
        let now = Instant::now();
        Some(Output {
            rate: DeviceRate::new(sounds.rate_hz),
            converter,
            sounds,
            converted: Vec::new(),
            margin: Margin::new(now),
            missed: 0,
            since: now,
        })
    }

    fn play(&mut self, samples: &[f32]) {
        self.converted.clear();
        self.converter.push(samples, &mut self.converted);
        // A ring that is full belongs to a device that stands still; the rest is not worth waiting for.
        let _ = self.sounds.samples.push_partial_slice(&self.converted);
    }

    /// Follows the device's clock, and learns how much it must have ready.
    fn look(&mut self, shared: &Shared) {
        while let Ok(mark) = self.sounds.marks.pop() {
            self.rate.push(mark.at, mark.samples);
        }
        // A device that is slow takes too few samples a second: fewer are made for it.
        self.converter.follow(1.0 / self.rate.seconds_a_second());
        let missed = self.sounds.between.missed.load(Ordering::Relaxed);
        let more = missed - std::mem::replace(&mut self.missed, missed);
        let now = Instant::now();
        let dry = more > 0 && now.duration_since(self.since) > SETTLES;
        if dry {
            shared.underrun.fetch_add(more, Ordering::Relaxed);
        }
        self.margin.look(now, dry);
        let ahead = self.ahead() as u64 * 1_000_000 / u64::from(SAMPLE_RATE);
        shared.ahead_us.store(ahead as u32, Ordering::Relaxed);
        let latency = self.sounds.between.latency_us.load(Ordering::Relaxed);
        shared.playback_us.store(latency, Ordering::Relaxed);
    }

    /// In samples at 48 kHz.
    fn queued(&self) -> usize {
        let queued = self.sounds.samples.buffer().capacity() - self.sounds.samples.slots();
        self.ours(queued)
    }

    fn ahead(&self) -> usize {
        self.ours(self.sounds.period + self.margin.samples)
    }

    fn ours(&self, samples: usize) -> usize {
        (samples as u64 * u64::from(SAMPLE_RATE) / u64::from(self.sounds.rate_hz.max(1))) as usize
    }
}

impl Margin {
    fn new(now: Instant) -> Margin {
        Margin {
            samples: 0,
            changed_at: now,
            fell: false,
            falls_after: MARGIN_FALLS_AFTER_MIN,
        }
    }

    /// `dry`: the device has just wanted more than was there.
    fn look(&mut self, now: Instant, dry: bool) {
        if dry {
            if self.fell {
                self.falls_after = (self.falls_after * 2).min(MARGIN_FALLS_AFTER_MAX);
            }
            self.samples = (self.samples + MARGIN_STEP).min(MARGIN_MAX);
        } else if self.samples > 0 && now.duration_since(self.changed_at) > self.falls_after {
            self.samples -= MARGIN_STEP;
        } else {
            return;
        }
        self.fell = !dry;
        self.changed_at = now;
    }
}

impl Nowhere {
    fn play(&mut self, samples: usize) {
        self.since.get_or_insert_with(Instant::now);
        self.queued = self.queued.max(self.gone()) + samples as u64;
    }

    fn queued(&self) -> usize {
        self.queued.saturating_sub(self.gone()) as usize
    }

    fn gone(&self) -> u64 {
        let micros = self.since.map_or(0, |since| since.elapsed().as_micros());
        (micros * u128::from(SAMPLE_RATE) / 1_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Seconds until the margin has fallen by a step.
    fn falls_after(margin: &mut Margin, now: &mut Instant) -> u32 {
        let before = margin.samples;
        (1..1_000)
            .find(|_| {
                *now += SECOND;
                margin.look(*now, false);
                margin.samples < before
            })
            .expect("it falls")
    }

    #[test]
    fn a_device_that_ran_dry_has_more_ready_until_it_is_calm() {
        let mut now = Instant::now();
        let mut margin = Margin::new(now);
        for _ in 0..50 {
            margin.look(now, true);
        }
        assert_eq!(margin.samples, MARGIN_MAX);
        for step in 1..=MARGIN_MAX / MARGIN_STEP {
            assert_eq!(falls_after(&mut margin, &mut now), 21);
            assert_eq!(margin.samples, MARGIN_MAX - step * MARGIN_STEP);
        }
        assert_eq!(margin.samples, 0);
    }

    #[test]
    fn a_step_back_that_was_too_much_is_tried_half_as_often() {
        let mut now = Instant::now();
        let mut margin = Margin::new(now);
        margin.look(now, true);
        let waits = [21, 41, 81, 161, 321, 641, 641];
        for seconds in waits {
            assert_eq!(falls_after(&mut margin, &mut now), seconds);
            margin.look(now, true);
        }
    }
}
