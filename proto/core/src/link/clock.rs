//! A clock of the other side, estimated from questions and answers.

use std::{collections::VecDeque, time::Duration};

use crate::Moment;

/// Exchanges that the filter looks back on (RFC 5905 section 10: eight stages).
pub const WINDOW_EXCHANGES: usize = 8;
/// How far two clocks may drift apart, in parts per million (RFC 5905 section 4, PHI).
pub const DRIFT_PPM: u64 = 15;
/// An offset that is wrong by more than this is set at once (RFC 5905 section 4, STEPT).
pub const STEP_THRESHOLD: Duration = Duration::from_millis(128);
/// A smaller one is made good by running so much faster or slower, in parts per million: 10 ms a
/// second, which nobody hears or sees.
pub const SLEW_PPM: u64 = 10_000;

/// Two exchanges that differ by more than both can be wrong, and this, cannot both be right: a machine was
/// asleep, a clock was set, or there is another server.
pub const JUMP_SLACK: Duration = Duration::from_millis(5);
/// An estimate that is further ahead does not wait for the truth to come up to it.
pub const BACK_MAX: Duration = Duration::from_secs(5);

/// One question and its answer, each on the clock of where it happened (RFC 5905 section 8, figure 15).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exchange {
    pub sent: Moment,
    pub remote_received: Moment,
    pub remote_sent: Moment,
    pub received: Moment,
}

impl Exchange {
    /// An exchange where the other side answers at once and gives one time for both.
    pub const fn answered_at_once(sent: Moment, remote: Moment, received: Moment) -> Exchange {
        Exchange {
            sent,
            remote_received: remote,
            remote_sent: remote,
            received,
        }
    }

    /// How far the other clock is ahead of ours, in microseconds; behind when negative:
    /// `((T2 - T1) + (T3 - T4)) / 2`.
    pub fn offset_us(&self) -> i64 {
        let there = difference_us(self.remote_received, self.sent);
        let back = difference_us(self.remote_sent, self.received);
        // The halves apart, so that the sum cannot overflow.
        there / 2 + back / 2 + (there % 2 + back % 2) / 2
    }

    /// The time on the way, there and back: `(T4 - T1) - (T3 - T2)`.
    pub fn delay(&self) -> Duration {
        let whole = self.received.since(self.sent);
        whole.saturating_sub(self.remote_sent.since(self.remote_received))
    }
}

/// What is known of the other clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The other side's clock now.
    pub remote: Moment,
    /// It is at most so wrong, either way, if the drift is within [`DRIFT_PPM`]. What is still being
    /// slewed is part of it.
    pub error: Duration,
}

/// An estimate of a remote clock that never goes back, unless a clock has jumped by more than [`BACK_MAX`].
///
/// Of the last few exchanges the one with the least delay is believed, because queues only ever add
/// (RFC 5905 section 10). Towards its offset the estimate runs a little faster or slower; only when
/// it is far off it is set.
#[derive(Clone, Debug, Default)]
pub struct RemoteClock {
    exchanges: VecDeque<Exchange>,
    /// Applied now, and when it was last moved towards the best exchange's.
    offset: Option<(i64, Moment)>,
    last_reading: Moment,
}

impl RemoteClock {
    pub fn new() -> RemoteClock {
        RemoteClock::default()
    }

    /// Takes an exchange that has just ended.
    pub fn exchanged(&mut self, exchange: Exchange) {
        self.slew(exchange.received);
        self.forget_if_jumped(&exchange);
        if self.exchanges.len() == WINDOW_EXCHANGES {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back(exchange);
        let Some(target) = self.best(exchange.received).map(|best| best.offset_us()) else {
            return;
        };
        let wrong_us = self
            .offset
            .map(|(applied, _)| target.saturating_sub(applied).unsigned_abs());
        if wrong_us.is_none_or(|wrong| Duration::from_micros(wrong) > STEP_THRESHOLD) {
            self.offset = Some((target, exchange.received));
        }
    }

    /// The other side's clock at `now`; `None` before the first exchange. Never less than before: a
    /// clock that has to go back stands still until it is right.
    pub fn read(&mut self, now: Moment) -> Option<Reading> {
        self.slew(now);
        let (applied, _) = self.offset?;
        let best = self.best(now)?;
        self.last_reading = self.last_reading.max(shifted(now, applied));
        let truth = shifted(now, best.offset_us());
        let off = truth.0.abs_diff(self.last_reading.0);
        Some(Reading {
            remote: self.last_reading,
            error: error_of(&best, now) + Duration::from_micros(off),
        })
    }

    /// What was exchanged before one of the clocks jumped says nothing any more.
    fn forget_if_jumped(&mut self, newest: &Exchange) {
        let now = newest.received;
        let Some(best) = self.best(now) else {
            return;
        };
        let apart = best.offset_us().abs_diff(newest.offset_us());
        let wrong = error_of(&best, now) + error_of(newest, now) + JUMP_SLACK;
        if Duration::from_micros(apart) <= wrong {
            return;
        }
        self.exchanges.clear();
        self.offset = None;
        let truth = shifted(now, newest.offset_us());
        if self.last_reading > truth + BACK_MAX {
            self.last_reading = truth;
        }
    }

    /// The exchange with the smallest error, its age counted in.
    fn best(&self, now: Moment) -> Option<Exchange> {
        self.exchanges
            .iter()
            .copied()
            .min_by_key(|exchange| error_of(exchange, now))
    }

    /// Moves the applied offset towards the best exchange's, as far as the time since allows.
    fn slew(&mut self, now: Moment) {
        let Some(target) = self.best(now).map(|best| best.offset_us()) else {
            return;
        };
        if let Some((applied, moved_at)) = &mut self.offset {
            let step = parts_per_million(now.since(*moved_at), SLEW_PPM);
            if step > 0 {
                let step = i64::try_from(step).unwrap_or(i64::MAX);
                *applied =
                    applied.saturating_add(target.saturating_sub(*applied).clamp(-step, step));
                *moved_at = now;
            }
        }
    }
}

/// Half the way, because nobody knows how it divides into there and back, and drift since.
fn error_of(exchange: &Exchange, now: Moment) -> Duration {
    let drift = parts_per_million(now.since(exchange.received), DRIFT_PPM);
    exchange.delay() / 2 + Duration::from_micros(drift)
}

fn parts_per_million(of: Duration, ppm: u64) -> u64 {
    u64::try_from(of.as_micros() * u128::from(ppm) / 1_000_000).unwrap_or(u64::MAX)
}

fn difference_us(a: Moment, b: Moment) -> i64 {
    match i64::try_from(a.0.abs_diff(b.0)) {
        Ok(difference) if a >= b => difference,
        Ok(difference) => -difference,
        Err(_) if a >= b => i64::MAX,
        Err(_) => i64::MIN,
    }
}

fn shifted(moment: Moment, by_us: i64) -> Moment {
    Moment(moment.0.saturating_add_signed(by_us))
}
