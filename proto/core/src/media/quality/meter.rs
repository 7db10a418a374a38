//! One person's figures, and the verdict on them.

use std::{collections::VecDeque, time::Duration};

use conclave_wire::{
    datagram::Report,
    event::{Quality, QualityVerdict},
};

use super::Histogram;
use crate::Moment;

/// What makes a link less than good, or poor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Thresholds {
    pub round_trip_ms: u32,
    pub jitter_ms: u32,
    pub loss_permille: u32,
}

/// Beyond any of these a link is fair. ITU-T G.114 wants 150 ms from mouth to ear, of which buffers and
/// coding take 100; jitter beyond 30 ms and loss beyond 2 % are beyond what buffers hide well.
pub const FAIR: Thresholds = Thresholds {
    round_trip_ms: 100,
    jitter_ms: 30,
    loss_permille: 20,
};
/// Beyond any of these it is poor: G.114's limit of 400 ms, and loss that error correction cannot repair.
pub const POOR: Thresholds = Thresholds {
    round_trip_ms: 400,
    jitter_ms: 80,
    loss_permille: 80,
};
/// Figures must be worse for so long before the verdict is.
pub const WORSE_AFTER: Duration = Duration::from_millis(500);
/// And better for so long, by a fifth.
pub const BETTER_AFTER: Duration = Duration::from_secs(3);
const BETTER_PERCENT: u32 = 80;
/// Loss and bitrate are taken over this time.
pub const LOSS_WINDOW: Duration = Duration::from_secs(5);
/// Reports in the window, were they to come faster than they should.
const REPORTS_MAX: usize = 32;
/// RFC 6298 section 2: SRTT takes an eighth of each new round trip.
const ROUND_TRIP_SMOOTHING: u64 = 8;

/// Measures one person's link.
#[derive(Debug, Default)]
pub struct QualityMeter {
    round_trip_us: Option<u64>,
    jitter_us: u32,
    reports: VecDeque<(Moment, Report)>,
    round_trips: Histogram,
    jitters: Histogram,
    verdict: QualityVerdict,
    /// What the verdict is about to become, and since when.
    tendency: Option<(QualityVerdict, Moment)>,
}

/// In microseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Percentiles {
    pub p50_us: u32,
    pub p95_us: u32,
    pub p99_us: u32,
}

impl QualityMeter {
    pub fn new() -> QualityMeter {
        QualityMeter::default()
    }

    /// A probe or beat came back.
    pub fn round_trip(&mut self, took: Duration, now: Moment) {
        let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.round_trips.record(us);
        let us = u64::from(us);
        let smoothed = self.round_trip_us.map_or(us, |smoothed| {
            (smoothed * (ROUND_TRIP_SMOOTHING - 1) + us) / ROUND_TRIP_SMOOTHING
        });
        self.round_trip_us = Some(smoothed);
        self.judge(now);
    }

    /// What the person's client has received in an interval.
    pub fn report(&mut self, report: Report, now: Moment) {
        self.jitter_us = report.jitter_us;
        self.jitters.record(report.jitter_us);
        if self.reports.len() == REPORTS_MAX {
            self.reports.pop_front();
        }
        self.reports.push_back((now, report));
        match report.round_trip_us {
            0 => self.judge(now),
            us => self.round_trip(Duration::from_micros(us.into()), now),
        }
    }

    /// The figures and the verdict as people see them.
    pub fn quality(&self) -> Quality {
        Quality {
            verdict: self.verdict,
            round_trip_ms: self.round_trip_ms(),
            jitter_ms: self.jitter_us.div_ceil(1_000),
            loss_permille: self.loss_permille(),
            receive_kbps: self.receive_kbps(),
        }
    }

    pub fn verdict(&self) -> QualityVerdict {
        self.verdict
    }

    pub fn round_trips(&self) -> Percentiles {
        percentiles(&self.round_trips)
    }

    pub fn jitters(&self) -> Percentiles {
        percentiles(&self.jitters)
    }

    fn round_trip_ms(&self) -> u32 {
        self.round_trip_us.unwrap_or(0).div_ceil(1_000) as u32
    }

    /// Of voice and camera together.
    fn loss_permille(&self) -> u32 {
        let sum = |field: fn(&Report) -> u64| -> u64 {
            self.reports.iter().map(|(_, report)| field(report)).sum()
        };
        let lost = sum(|report| u64::from(report.voice_lost) + u64::from(report.camera_lost));
        let came =
            sum(|report| u64::from(report.voice_received) + u64::from(report.camera_received));
        (1_000 * lost).checked_div(lost + came).unwrap_or(0) as u32
    }

    /// Of cameras; voice is not worth mentioning beside them.
    fn receive_kbps(&self) -> u32 {
        let reports = || self.reports.iter().map(|(_, report)| report);
        let bits: u64 = reports()
            .map(|report| 8 * u64::from(report.camera_bytes))
            .sum();
        let ms: u64 = reports().map(|report| u64::from(report.interval_ms)).sum();
        bits.checked_div(ms).unwrap_or(0).min(u32::MAX.into()) as u32
    }

    fn judge(&mut self, now: Moment) {
        while self
            .reports
            .front()
            .is_some_and(|(at, _)| now.since(*at) > LOSS_WINDOW)
        {
            self.reports.pop_front();
        }
        let (target, patience) = match self.raw_verdict(100) {
            worse if worse > self.verdict => (worse, WORSE_AFTER),
            _ => (
                self.raw_verdict(BETTER_PERCENT).min(self.verdict),
                BETTER_AFTER,
            ),
        };
        if target == self.verdict {
            self.tendency = None;
            return;
        }
        let since = match self.tendency {
            Some((tendency, since)) if tendency == target => since,
            _ => now,
        };
        self.tendency = Some((target, since));
        if now.since(since) >= patience {
            (self.verdict, self.tendency) = (target, None);
        }
    }

    /// The verdict if thresholds were `percent` of what they are and there were no past.
    fn raw_verdict(&self, percent: u32) -> QualityVerdict {
        let figures = [
            self.round_trip_ms(),
            self.jitter_us / 1_000,
            self.loss_permille(),
        ];
        let beyond = |limit: Thresholds| {
            let limits = [limit.round_trip_ms, limit.jitter_ms, limit.loss_permille];
            figures
                .iter()
                .zip(limits)
                .any(|(&figure, limit)| figure > limit * percent / 100)
        };
        if beyond(POOR) {
            QualityVerdict::Poor
        } else if beyond(FAIR) {
            QualityVerdict::Fair
        } else {
            QualityVerdict::Good
        }
    }
}

fn percentiles(histogram: &Histogram) -> Percentiles {
    let at = |permille| histogram.percentile(permille).unwrap_or(0);
    Percentiles {
        p50_us: at(500),
        p95_us: at(950),
        p99_us: at(990),
    }
}
