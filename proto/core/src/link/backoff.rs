//! How long to wait before the next attempt.

use std::time::Duration;

/// The first ceiling.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The ceiling doubles up to here: on a local network a server that is back should be found soon.
pub const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Exponential backoff with full jitter: each wait is drawn evenly between nothing and a ceiling that
/// doubles, so that many clients of one server do not come back at once (Brooker, "Exponential
/// Backoff and Jitter", AWS Architecture Blog, 2015).
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The wait before the next attempt; `random` is any number drawn evenly from all of its type.
    pub fn next_wait(&mut self, random: u64) -> Duration {
        let doubled = BACKOFF_FIRST.saturating_mul(1 << self.attempts.min(16));
        let ceiling = doubled.min(BACKOFF_MAX).as_micros();
        self.attempts = self.attempts.saturating_add(1);
        // The upper half of the product: an even draw from 0 to the ceiling.
        let micros = (u128::from(random) * (ceiling + 1)) >> u64::BITS;
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Attempts since the last success.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// It worked: the next wait is short again.
    pub fn succeeded(&mut self) {
        self.attempts = 0;
    }
}
