//! Figures that a client shows and a crowd adds up.

use std::time::Duration;

use conclave_core::media::quality::Histogram;
use serde::Serialize;

/// What a histogram of microseconds says, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Summary {
    /// Percentiles are at most a sixteenth too high.
    pub fn of(histogram: &Histogram) -> Summary {
        let at = |permille| f64::from(histogram.percentile(permille).unwrap_or(0)) / 1_000.0;
        Summary {
            count: histogram.total(),
            p50_ms: at(500),
            p99_ms: at(990),
            max_ms: at(1_000),
        }
    }
}

/// Records a duration in microseconds.
pub fn record(histogram: &mut Histogram, duration: Duration) {
    histogram.record(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX));
}
