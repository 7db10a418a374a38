//! What stands between a device's callback and the threads of voice: rings without locks.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rtrb::{Consumer, Producer, RingBuffer};

/// Sound that waits between a device and its reader at most: more than any pause of a thread.
const RING: Duration = Duration::from_millis(500);
/// Marks that wait; each is of a callback.
const MARKS_MAX: usize = 256;

/// At `at` a callback was done with so many samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub at: Instant,
    pub samples: u32,
}

/// What both ends of a ring share.
#[derive(Default)]
pub(super) struct Between {
    /// The thread of voice, woken when the device has given or taken something.
    waiter: OnceLock<Thread>,
    /// Samples that had no room, or that were not there when the device wanted them.
    pub missed: AtomicU64,
    /// Set by the device's error callback: the stream is to be built anew.
    pub broken: AtomicBool,
    /// What the system says lies between the air and the callback, in microseconds.
    pub latency_us: AtomicU32,
}

impl Between {
    /// From now on this thread is woken.
    pub(super) fn wake_me(&self) {
        self.waiter.get_or_init(std::thread::current);
    }

    fn note(&self, latency: Duration) {
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.latency_us.store(micros, Ordering::Relaxed);
    }

    fn wake(&self) {
        if let Some(thread) = self.waiter.get() {
            thread.unpark();
        }
    }
}

/// The callback's end of a microphone's ring.
pub(super) struct Capturing {
    samples: Producer<f32>,
    marks: Producer<Mark>,
    between: Arc<Between>,
}

/// The reader's end.
pub(super) struct Captured {
    pub samples: Consumer<f32>,
    pub marks: Consumer<Mark>,
    pub rate_hz: u32,
    pub between: Arc<Between>,
}

/// The callback's end of a speaker's ring.
pub(super) struct Sounding {
    samples: Consumer<f32>,
    marks: Producer<Mark>,
    between: Arc<Between>,
}

/// The writer's end.
pub(super) struct Sounds {
    pub samples: Producer<f32>,
    pub marks: Consumer<Mark>,
    pub rate_hz: u32,
    /// Samples that the device takes at once.
    pub period: usize,
    pub between: Arc<Between>,
}

fn ring_samples(rate_hz: u32) -> usize {
    (u64::from(rate_hz) * RING.as_millis() as u64 / 1_000) as usize
}

pub(super) fn capture_ring(rate_hz: u32) -> (Capturing, Captured) {
    let (producer, consumer) = RingBuffer::new(ring_samples(rate_hz));
    let (marks, marked) = RingBuffer::new(MARKS_MAX);
    let between = Arc::new(Between::default());
    (
        Capturing {
            samples: producer,
            marks,
            between: Arc::clone(&between),
        },
        Captured {
            samples: consumer,
            marks: marked,
            rate_hz,
            between,
        },
    )
}

pub(super) fn playback_ring(rate_hz: u32, period: usize) -> (Sounding, Sounds) {
    let (producer, consumer) = RingBuffer::new(ring_samples(rate_hz));
    let (marks, marked) = RingBuffer::new(MARKS_MAX);
    let between = Arc::new(Between::default());
    (
        Sounding {
            samples: consumer,
            marks,
            between: Arc::clone(&between),
        },
        Sounds {
            samples: producer,
            marks: marked,
            rate_hz,
            period,
            between,
        },
    )
}

impl Capturing {
    /// From the device's callback: interleaved samples, folded into one channel. Neither allocates nor
    /// waits.
    pub(super) fn take<T: cpal::Sample>(&mut self, data: &[T], channels: usize, latency: Duration)
    where
        f32: cpal::FromSample<T>,
    {
        self.between.note(latency);
        let channels = channels.max(1);
        let frames = data.len() / channels;
        let room = self.samples.slots().min(frames);
        if let Ok(chunk) = self.samples.write_chunk_uninit(room) {
            let share = 1.0 / channels as f32;
            chunk.fill_from_iter(data.chunks_exact(channels).map(|frame| {
                frame
                    .iter()
                    .map(|sample| sample.to_sample::<f32>())
                    .sum::<f32>()
                    * share
            }));
        }
        let missed = (frames - room) as u64;
        self.between.missed.fetch_add(missed, Ordering::Relaxed);
        mark(&mut self.marks, frames);
        self.between.wake();
    }
}

impl Sounding {
    /// From the device's callback: fills interleaved samples, each channel with the same, and what is not
    /// there with silence. Neither allocates nor waits.
    pub(super) fn give<T: cpal::Sample + cpal::FromSample<f32>>(
        &mut self,
        data: &mut [T],
        channels: usize,
        latency: Duration,
    ) {
        self.between.note(latency);
        let channels = channels.max(1);
        let frames = data.len() / channels;
        let there = self.samples.slots().min(frames);
        let (filled, empty) = data.split_at_mut(there * channels);
        if let Ok(chunk) = self.samples.read_chunk(there) {
            for (frame, sample) in filled.chunks_exact_mut(channels).zip(chunk) {
                frame.fill(T::from_sample(sample));
            }
        }
        empty.fill(T::EQUILIBRIUM);
        let missed = (frames - there) as u64;
        self.between.missed.fetch_add(missed, Ordering::Relaxed);
        mark(&mut self.marks, frames);
        self.between.wake();
    }
}

fn mark(marks: &mut Producer<Mark>, samples: usize) {
    // A reader that does not look misses marks, and measures the clock anew.
    let _ = marks.push(Mark {
        at: Instant::now(),
        samples: samples as u32,
    });
}

/// Where the thread that opens devices hands over the end of a ring, and takes it away.
pub(super) struct Line<E> {
    next: Mutex<Option<E>>,
    changed: AtomicBool,
    calm: AtomicBool,
}

impl<E> Default for Line<E> {
    fn default() -> Self {
        Line {
            next: Mutex::new(None),
            changed: AtomicBool::new(false),
            calm: AtomicBool::new(false),
        }
    }
}

impl<E> Line<E> {
    /// Nothing is in a hurry: a microphone may give long pieces, a speaker may stand still. True when that
    /// is news for the thread of the devices.
    pub(super) fn set_calm(&self, calm: bool) -> bool {
        self.calm.swap(calm, Ordering::Relaxed) != calm
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(super) fn give(&self, end: Option<E>) {
        *self.next.lock() = end;
        self.changed.store(true, Ordering::Release);
    }

    /// What to use from now on, if it has changed. Costs one load when it has not.
    pub(super) fn taken(&self) -> Option<Option<E>> {
        self.changed
            .swap(false, Ordering::Acquire)
            .then(|| self.next.lock().take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_channels_become_one_and_one_becomes_two() {
        let (mut capturing, mut captured) = capture_ring(48_000);
        capturing.take(&[8_192_i16, 16_384, 0, -16_384], 2, Duration::ZERO);
        assert_eq!(captured.samples.pop(), Ok(0.375));
        assert_eq!(captured.samples.pop(), Ok(-0.25));
        assert_eq!(captured.marks.pop().map(|mark| mark.samples), Ok(2));

        let (mut sounding, mut sounds) = playback_ring(48_000, 240);
        sounds.samples.push_entire_slice(&[0.5, -0.25]).unwrap();
        let mut data = [1_i16; 6];
        sounding.give(&mut data, 2, Duration::ZERO);
        assert_eq!(data, [16_384, 16_384, -8_192, -8_192, 0, 0]);
        assert_eq!(sounds.between.missed.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_reader_that_is_behind_loses_what_has_no_room() {
        let (mut capturing, captured) = capture_ring(1_000);
        capturing.take(&[0.5_f32; 600], 1, Duration::ZERO);
        assert_eq!(captured.samples.slots(), 500);
        assert_eq!(captured.between.missed.load(Ordering::Relaxed), 100);
    }
}
