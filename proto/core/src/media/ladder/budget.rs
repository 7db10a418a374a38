//! What a viewer's link carries of camera, found by trying.

use std::time::Duration;

use crate::Moment;

pub const BUDGET_BPS_START: u64 = 2_000_000;
/// Kept for trying whether a link has become better.
pub const BUDGET_BPS_MIN: u64 = 64_000;
pub const BUDGET_BPS_MAX: u64 = 100_000_000;

/// More loss than this is congestion.
const LOSS_PERMILLE_MAX: u16 = 20;
/// More waiting in queues than this is congestion.
const QUEUEING_MS_MAX: u16 = 30;
const DECREASE_PERCENT: u64 = 80;
const INCREASE_PERCENT_PER_SECOND: u64 = 5;
/// As long as nothing is in the way the budget doubles in a second, as TCP does in its slow start (RFC 5681,
/// section 3.1): compounded over reports of 250 ms this is 1.99.
const INCREASE_PERCENT_PER_SECOND_QUICK: u64 = 75;
/// Up to here a report is calm, and growth may be quick. Both are well below what counts as congestion, so
/// that quick growth ends before a queue has become one (the idea of HyStart, RFC 9406).
const CALM_LOSS_PERMILLE_MAX: u16 = 5;
const CALM_QUEUEING_MS_MAX: u16 = 10;
/// After congestion growth is slow for so long; each time that quick growth ends so, twice as long.
const SLOW_FOR: Duration = Duration::from_secs(2);
const SLOW_FOR_MAX: Duration = Duration::from_secs(64);
/// Loss without queueing, and not more than [`RANDOM_LOSS_PERMILLE_MAX`], is a bad cable or radio: sending
/// less does not cure it, re-requests do. It takes the budget down to this and no further.
const BUDGET_BPS_RANDOM_LOSS_MIN: u64 = 500_000;
const RANDOM_LOSS_PERMILLE_MAX: u16 = 200;
/// Which of both it is, is judged by about a second: a small picture is less than ten packets a report, of
/// which two may be lost by chance.
const LOSS_SMOOTHING: u32 = 4;
/// A link that is not used proves nothing: the budget grows to at most so many times what arrived. A step
/// to the next layer is four times the pixels, and some room above it.
const UNPROVEN_GROWTH: u64 = 5;
/// What one report counts for at most, should reports have been missing.
const INTERVAL_MAX: Duration = Duration::from_secs(1);

/// What a viewer saw in the interval since its report before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkReport {
    pub loss_permille: u16,
    pub queueing_ms: u16,
    pub received_bytes: u32,
    pub interval_ms: u16,
}

impl From<conclave_wire::datagram::Report> for LinkReport {
    fn from(report: conclave_wire::datagram::Report) -> LinkReport {
        let lost = u64::from(report.camera_lost);
        let all = lost + u64::from(report.camera_received);
        LinkReport {
            loss_permille: (1_000 * lost).checked_div(all).unwrap_or(0) as u16,
            queueing_ms: report.queueing_ms,
            received_bytes: report.camera_bytes,
            interval_ms: report.interval_ms,
        }
    }
}

/// Bits a second of camera that a viewer's link is believed to carry.
///
/// Multiplicative decrease by 0.8 on loss above 2 % or queueing above 30 ms, else growth by 5 % a second; from
/// the start until the first congestion, and again a while after it, it doubles in a second
/// (docs/decisions/0010-a-quick-start-for-cameras.md).
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    bps: u64,
    /// Loss in thousandths, smoothed.
    loss_permille: u32,
    reported_at: Option<Moment>,
    congested_at: Option<Moment>,
    slow_for: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            bps: BUDGET_BPS_START,
            loss_permille: 0,
            reported_at: None,
            congested_at: None,
            slow_for: SLOW_FOR,
        }
    }
}

impl Budget {
    pub fn bps(&self) -> u64 {
        self.bps
    }

    /// Whether the link was calm for long enough to be tried quickly.
    pub fn is_quick(&self, now: Moment) -> bool {
        self.congested_at
            .is_none_or(|at| now.since(at) >= self.slow_for)
    }

    /// Takes a report in and says whether it shows congestion.
    pub fn report(&mut self, report: LinkReport, now: Moment) -> bool {
        let claimed = Duration::from_millis(report.interval_ms.into());
        let since = self.reported_at.map_or(claimed, |at| now.since(at));
        self.reported_at = Some(now);
        let smoothed = self.loss_permille * (LOSS_SMOOTHING - 1) + u32::from(report.loss_permille);
        self.loss_permille = smoothed / LOSS_SMOOTHING;
        let congestion = self.congestion(&report);
        let quick = self.is_quick(now) && report.is_calm();
        match congestion {
            Some(floor) if self.bps >= floor => self.shrink(&report, floor),
            // Below the floor of random loss the loss says nothing: the budget finds its way back there.
            Some(_) | None => self.grow(&report, since.min(INTERVAL_MAX), quick),
        }
        if congestion.is_some() {
            self.slow_down(now);
        } else if self
            .congested_at
            .is_some_and(|at| now.since(at) > 2 * SLOW_FOR_MAX)
        {
            self.slow_for = SLOW_FOR;
        }
        congestion.is_some()
    }

    fn slow_down(&mut self, now: Moment) {
        if self.is_quick(now) && self.congested_at.is_some() {
            self.slow_for = (2 * self.slow_for).min(SLOW_FOR_MAX);
        }
        self.congested_at = Some(now);
    }

    fn shrink(&mut self, report: &LinkReport, floor: u64) {
        let mut less = self.bps * DECREASE_PERCENT / 100;
        // What arrives while a queue stands is what the link carries.
        if report.queueing_ms > QUEUEING_MS_MAX && report.received_bytes > 0 {
            less = less.min(received_bps(report));
        }
        self.bps = self.bps.min(less.max(floor));
    }

    fn grow(&mut self, report: &LinkReport, interval: Duration, quick: bool) {
        let percent = match quick {
            true => INCREASE_PERCENT_PER_SECOND_QUICK,
            false => INCREASE_PERCENT_PER_SECOND,
        };
        let proven = (UNPROVEN_GROWTH * received_bps(report)).max(BUDGET_BPS_START);
        let micros = interval.as_micros() as u64;
        let more = self.bps + self.bps * percent * micros / 100_000_000;
        self.bps = more.min(proven).min(BUDGET_BPS_MAX).max(self.bps);
    }

    /// Whether the link is congested, and how far the budget may fall for it.
    fn congestion(&self, report: &LinkReport) -> Option<u64> {
        let queueing = report.queueing_ms > QUEUEING_MS_MAX;
        let loss = report.loss_permille > LOSS_PERMILLE_MAX;
        match (queueing, loss) {
            (false, false) => None,
            (false, true) if self.loss_permille <= u32::from(RANDOM_LOSS_PERMILLE_MAX) => {
                Some(BUDGET_BPS_RANDOM_LOSS_MIN)
            }
            _ => Some(BUDGET_BPS_MIN),
        }
    }
}

impl LinkReport {
    /// Neither loss nor a queue is in sight.
    fn is_calm(&self) -> bool {
        self.loss_permille <= CALM_LOSS_PERMILLE_MAX && self.queueing_ms <= CALM_QUEUEING_MS_MAX
    }
}

fn received_bps(report: &LinkReport) -> u64 {
    8_000 * u64::from(report.received_bytes) / u64::from(report.interval_ms).max(1)
}
