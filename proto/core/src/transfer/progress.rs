//! How far a transfer is and how fast it goes, for a person who waits for it.

use std::time::Duration;

use crate::Moment;

/// Speeds are averaged over about this long: steadier than the last second, and soon true again
/// after a pause.
const MEMORY: Duration = Duration::from_secs(3);
/// Shorter steps are collected first, or their speed would be mostly the clock's grain.
const STEP_MIN: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub struct Progress {
    size_bytes: u64,
    done_bytes: u64,
    /// Bytes and time of the newest measured step.
    measured: (u64, Moment),
    bytes_per_second: Option<f64>,
}

impl Progress {
    pub fn start(size_bytes: u64, done_bytes: u64, now: Moment) -> Progress {
        Progress {
            size_bytes,
            done_bytes,
            measured: (done_bytes, now),
            bytes_per_second: None,
        }
    }

    /// `done_bytes` of the whole are there now. It may go back when a piece must be sent again.
    pub fn reach(&mut self, done_bytes: u64, now: Moment) {
        self.done_bytes = done_bytes.min(self.size_bytes);
        let (before_bytes, before) = self.measured;
        let passed = now.since(before);
        if passed < STEP_MIN {
            return;
        }
        let speed = self.done_bytes.saturating_sub(before_bytes) as f64 / passed.as_secs_f64();
        // An exponentially weighted mean whose weight follows the length of the step.
        let weight = 1.0 - (-passed.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.bytes_per_second = Some(match self.bytes_per_second {
            Some(mean) => mean + weight * (speed - mean),
            None => speed,
        });
        self.measured = (self.done_bytes, now);
    }

    pub fn done_bytes(&self) -> u64 {
        self.done_bytes
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// 0 to 1000; an empty file is done.
    pub fn permille(&self) -> u32 {
        match self.size_bytes {
            0 => 1_000,
            size => (u128::from(self.done_bytes) * 1_000 / u128::from(size)) as u32,
        }
    }

    pub fn bytes_per_second(&self) -> Option<u64> {
        self.bytes_per_second.map(|speed| speed as u64)
    }

    /// How long it still takes at this speed; `None` before a speed is known or while it stands still.
    pub fn left(&self) -> Option<Duration> {
        let speed = self.bytes_per_second.filter(|&speed| speed >= 1.0)?;
        let left = (self.size_bytes - self.done_bytes) as f64 / speed;
        Some(Duration::from_secs(left.min(u32::MAX.into()) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_transfer_shows_its_speed_and_its_end() {
        let mut progress = Progress::start(100_000, 0, Moment(0));
        for second in 1..=10 {
            progress.reach(second * 1_000, Moment::from_ms(second * 1_000));
        }
        assert_eq!(progress.bytes_per_second(), Some(1_000));
        assert_eq!(progress.left(), Some(Duration::from_secs(90)));
        assert_eq!(progress.permille(), 100);
    }

    #[test]
    fn a_transfer_that_stands_still_promises_no_end() {
        let mut progress = Progress::start(1_000, 0, Moment(0));
        progress.reach(500, Moment::from_ms(1_000));
        for second in 2..60 {
            progress.reach(500, Moment::from_ms(second * 1_000));
        }
        assert_eq!(progress.left(), None);
    }

    #[test]
    fn an_empty_file_is_done_at_once() {
        assert_eq!(Progress::start(0, 0, Moment(0)).permille(), 1_000);
    }
}
