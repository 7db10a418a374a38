//! Hearing oneself: what the microphone gives is played on the speaker, a little later.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Shared, microphone::DeviceMicrophone, speaker::DeviceSpeaker};
use crate::media::devices::{Capture, FRAME_SAMPLES, Frame, Microphone, SAMPLE_RATE, Speaker};

/// So much later, else one hears only oneself speaking: 400 ms.
const LATER_SAMPLES: usize = SAMPLE_RATE as usize * 2 / 5;
/// And at most so much waits, when the speaker stands still: 800 ms.
const WAITING_SAMPLES_MAX: usize = 2 * LATER_SAMPLES;
/// A test that was forgotten ends.
const LASTS_MAX: Duration = Duration::from_secs(60);

/// The sound between microphone and speaker.
#[derive(Default)]
pub(super) struct Hear {
    on: AtomicBool,
    /// Rises with each beginning, so that an older thread ends.
    times: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    samples: VecDeque<i16>,
    /// Enough has been waiting once.
    plays: bool,
}

impl Hear {
    pub(super) fn end(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// From the microphone's thread.
    pub(super) fn said(&self, frame: &Frame) {
        if !self.is_on() {
            return;
        }
        let mut waiting = self.waiting.lock();
        waiting.samples.extend(frame);
        waiting.plays |= waiting.samples.len() >= LATER_SAMPLES;
        while waiting.samples.len() > WAITING_SAMPLES_MAX {
            waiting.samples.pop_front();
        }
    }

    /// From the speaker's thread.
    pub(super) fn mix(&self, frame: &mut Frame) {
        if !self.is_on() {
            return;
        }
        let mut waiting = self.waiting.lock();
        if !waiting.plays {
            return;
        }
        for sample in frame {
            match waiting.samples.pop_front() {
                Some(said) => *sample = sample.saturating_add(said),
                None => waiting.plays = false,
            }
        }
    }
}

/// Begins the test, or begins it anew. Devices that no client uses are opened for it.
pub(super) fn begin(shared: &Arc<Shared>) {
    *shared.hear.waiting.lock() = Waiting::default();
    shared.hear.on.store(true, Ordering::Relaxed);
    let time = shared.hear.times.fetch_add(1, Ordering::Relaxed) + 1;
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new()
        .name("hear yourself".into())
        .spawn(move || hear(&shared, time));
    if let Err(error) = thread {
        tracing::error!(%error, "no thread to hear oneself");
    }
}

fn hear(shared: &Arc<Shared>, time: u64) {
    let ends = Instant::now() + LASTS_MAX;
    let is_mine = || shared.hear.times.load(Ordering::Relaxed) == time;
    let (mut microphone, mut speaker) = (None, None);
    let mut frame = [0; FRAME_SAMPLES];
    while shared.hear.is_on() && is_mine() && Instant::now() < ends {
        // A client's own devices do as well, and two would be heard twice.
        keep(
            &mut microphone,
            shared.microphones.load(Ordering::Relaxed) == 0,
            || DeviceMicrophone::new(shared, true),
        );
        keep(
            &mut speaker,
            shared.speakers.load(Ordering::Relaxed) == 0,
            || DeviceSpeaker::new(shared, true),
        );
        let read = microphone.as_mut().map(|mine| mine.read(&mut frame));
        if read != Some(Capture::Frame) {
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Some(speaker) = &mut speaker {
            while speaker.queued_samples() < speaker.ahead_samples() {
                speaker.play(&[0; FRAME_SAMPLES]);
            }
        }
    }
    if is_mine() {
        shared.hear.end();
    }
}

fn keep<D>(device: &mut Option<D>, needed: bool, open: impl FnOnce() -> D) {
    match (needed, &device) {
        (true, None) => *device = Some(open()),
        (false, Some(_)) => *device = None,
        (true, Some(_)) | (false, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hears_oneself_a_little_later_and_nothing_after_the_end() {
        let hear = Hear::default();
        hear.on.store(true, Ordering::Relaxed);
        let mut later = 0;
        let mut heard: Frame = [0; FRAME_SAMPLES];
        while heard[0] == 0 {
            hear.said(&[100; FRAME_SAMPLES]);
            heard = [0; FRAME_SAMPLES];
            hear.mix(&mut heard);
            later += 1;
        }
        assert_eq!(later, 40, "frames of 10 ms");
        hear.end();
        let mut silent = [0; FRAME_SAMPLES];
        hear.mix(&mut silent);
        assert_eq!(silent, [0; FRAME_SAMPLES]);
    }
}
