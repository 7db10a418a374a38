//! How durations are spread: counts in fixed buckets, written from any thread without waiting.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of the buckets for what should come on time, in microseconds. A frame of the mix is 20 ms.
pub const LATENESS_US: &[u64] = &[
    500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 40_000, 100_000, 500_000,
];
/// For encoding one frame of voice, which takes 200 to 260 µs on a machine of 2020.
pub const ENCODE_US: &[u64] = &[50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 20_000];

/// The counts.
#[derive(Debug)]
pub struct Histogram {
    bounds_us: &'static [u64],
    /// One for each bound, and one for what is above all of them.
    counts: Box<[AtomicU64]>,
    sum_us: AtomicU64,
}

/// The counts at one time; each bucket has only its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Spread {
    pub bounds_us: &'static [u64],
    pub counts: Vec<u64>,
    pub sum_us: u64,
}

impl Histogram {
    /// Empty, with these upper bounds, which rise.
    pub fn new(bounds_us: &'static [u64]) -> Histogram {
        let counts = (0..=bounds_us.len()).map(|_| AtomicU64::new(0));
        Histogram {
            bounds_us,
            counts: counts.collect(),
            sum_us: AtomicU64::new(0),
        }
    }

    pub fn record(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = self.bounds_us.partition_point(|bound| *bound < us);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    pub fn spread(&self) -> Spread {
        let counts = self.counts.iter();
        Spread {
            bounds_us: self.bounds_us,
            counts: counts.map(|count| count.load(Ordering::Relaxed)).collect(),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

impl Spread {
    /// How many durations there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What came since `earlier`, a spread of the same histogram.
    pub fn since(&self, earlier: &Spread) -> Spread {
        let counts = self.counts.iter().zip(&earlier.counts);
        Spread {
            bounds_us: self.bounds_us,
            counts: counts
                .map(|(now, before)| now.saturating_sub(*before))
                .collect(),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
        }
    }

    /// The upper bound of the bucket in which this share (0 to 1) of all durations lies; `u64::MAX` above
    /// the highest bound, `None` without durations.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (share * count as f64).ceil().max(1.0);
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += count;
            below as f64 >= rank
        });
        let bound = bucket.and_then(|bucket| self.bounds_us.get(bucket));
        Some(bound.copied().unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(durations_us: &[u64]) -> Histogram {
        let histogram = Histogram::new(&[10, 100]);
        for us in durations_us {
            histogram.record(Duration::from_micros(*us));
        }
        histogram
    }

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_holds_it() {
        let spread = of(&[0, 10, 11, 100, 101]).spread();
        assert_eq!(spread.counts, [2, 2, 1]);
        assert_eq!(spread.sum_us, 222);
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let mut durations = vec![5; 98];
        durations.extend([50, 500]);
        let spread = of(&durations).spread();
        assert_eq!(spread.quantile_us(0.5), Some(10));
        assert_eq!(spread.quantile_us(0.98), Some(10));
        assert_eq!(spread.quantile_us(0.99), Some(100));
        assert_eq!(spread.quantile_us(1.0), Some(u64::MAX));
        assert_eq!(of(&[]).spread().quantile_us(0.5), None);
    }

    #[test]
    fn only_what_came_since_is_left() {
        let histogram = of(&[5, 50]);
        let before = histogram.spread();
        histogram.record(Duration::from_micros(60));
        let since = histogram.spread().since(&before);
        assert_eq!((since.counts, since.sum_us), (vec![0, 1, 0], 60));
    }
}
