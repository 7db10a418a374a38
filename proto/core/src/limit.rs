//! Limits on how often: a token bucket.

use std::time::Duration;

use crate::Moment;

/// A bucket of tokens that fills up at a steady rate (Turner 1986, as in RFC 2697): bursts up to the
/// capacity pass at once, and in the long run no more than the rate.
///
/// Tokens are whatever the caller counts: commands, bytes, datagrams. All sums are whole numbers, in
/// millionths of a token, so that nothing is lost to rounding.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    capacity: u64,
    /// Tokens a second, which are as many millionths a microsecond.
    refill_per_second: u64,
    millionths: u64,
    filled_at: Moment,
}

const MILLIONTHS: u64 = 1_000_000;

impl TokenBucket {
    /// A full bucket. `capacity` is in tokens, `refill_per_second` in tokens a second.
    pub fn new(capacity: u32, refill_per_second: u32, now: Moment) -> TokenBucket {
        TokenBucket {
            capacity: u64::from(capacity),
            refill_per_second: u64::from(refill_per_second),
            millionths: u64::from(capacity) * MILLIONTHS,
            filled_at: now,
        }
    }

    /// Takes `tokens` if they are there.
    ///
    /// # Errors
    /// How long until they would be there; nothing is taken. `Duration::MAX` when they never will:
    /// more than the capacity was asked for, or nothing is refilled.
    pub fn try_take(&mut self, now: Moment, tokens: u32) -> Result<(), Duration> {
        self.fill(now);
        let wanted = u64::from(tokens) * MILLIONTHS;
        if wanted <= self.millionths {
            self.millionths -= wanted;
            return Ok(());
        }
        if u64::from(tokens) > self.capacity || self.refill_per_second == 0 {
            return Err(Duration::MAX);
        }
        let micros = (wanted - self.millionths).div_ceil(self.refill_per_second);
        Err(Duration::from_micros(micros))
    }

    /// Whole tokens that are there now.
    pub fn available(&mut self, now: Moment) -> u32 {
        self.fill(now);
        u32::try_from(self.millionths / MILLIONTHS).unwrap_or(u32::MAX)
    }

    fn fill(&mut self, now: Moment) {
        let micros = now.0.saturating_sub(self.filled_at.0);
        let more = micros.saturating_mul(self.refill_per_second);
        self.millionths = self
            .millionths
            .saturating_add(more)
            .min(self.capacity * MILLIONTHS);
        self.filled_at = self.filled_at.max(now);
    }
}
