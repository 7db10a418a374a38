//! Signs of life on a link: when to send one, when the other side is gone, how long the way there and
//! back takes.

use std::time::Duration;

use crate::Moment;

/// A sign of life is sent this often.
pub const BEAT_INTERVAL: Duration = Duration::from_secs(2);
/// Nothing at all was heard for so long: the other side is gone. Three beats, so that one that is
/// late on a busy link takes nobody out.
pub const DEAD_AFTER: Duration = Duration::from_secs(6);
/// Who answers the other side's beats with its own waits so much longer for the next one before it sends
/// one unasked, so that two timers of the same length do not race.
pub const ANSWER_SLACK: Duration = Duration::from_millis(500);

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pulse {
    /// Send a sign of life.
    Beat,
    /// The other side is gone; nothing more is due.
    Dead,
}

/// The watchdog of one link, alike at both ends.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    heard_at: Moment,
    beat_heard_at: Option<Moment>,
    beat_sent_at: Moment,
    next_beat: Moment,
    dead: bool,
    round_trip: RoundTrip,
}

impl Heartbeat {
    /// The first sign of life is due at once.
    pub fn start(now: Moment) -> Heartbeat {
        Heartbeat {
            heard_at: now,
            beat_heard_at: None,
            beat_sent_at: now,
            next_beat: now,
            dead: false,
            round_trip: RoundTrip::default(),
        }
    }

    /// Something was heard, whatever it was: it counts as a sign of life.
    pub fn heard(&mut self, now: Moment) {
        self.heard_at = self.heard_at.max(now);
    }

    /// A sign of life was heard. Returns the interval since the one before.
    pub fn beat_heard(&mut self, now: Moment) -> Option<Duration> {
        self.heard(now);
        self.beat_heard_at.replace(now).map(|at| now.since(at))
    }

    /// Our sign of life, sent at `sent`, came back. Returns the smoothed round trip.
    pub fn returned(&mut self, now: Moment, sent: Moment) -> Duration {
        self.heard(now);
        self.round_trip.measured(now.since(sent))
    }

    /// Call when [`Heartbeat::next_wakeup`] has come.
    pub fn wake(&mut self, now: Moment) -> Option<Pulse> {
        if self.dead {
            return None;
        }
        if now >= self.heard_at + DEAD_AFTER {
            self.dead = true;
            return Some(Pulse::Dead);
        }
        if now < self.next_beat {
            return None;
        }
        // From now on and not from when it was due: after a pause one beat goes out, not a burst.
        self.beat_sent_at = now;
        self.next_beat = now + BEAT_INTERVAL;
        Some(Pulse::Beat)
    }

    /// Whether to send a sign of life now, together with something that goes out anyway, instead of
    /// waking for it later. When so, it counts as sent.
    pub fn take_along(&mut self, now: Moment) -> bool {
        let due = now >= self.beat_sent_at + BEAT_INTERVAL / 2;
        if due {
            self.beat_sent_at = now;
        }
        self.next_beat = self.beat_sent_at + BEAT_INTERVAL + ANSWER_SLACK;
        due
    }

    pub fn next_wakeup(&self) -> Option<Moment> {
        (!self.dead).then(|| self.next_beat.min(self.heard_at + DEAD_AFTER))
    }

    /// `None` until a sign of life has come back.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip.smoothed()
    }
}

/// The round trip and its variation, smoothed as TCP does it (RFC 6298 section 2).
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundTrip {
    estimate: Option<(Duration, Duration)>,
}

impl RoundTrip {
    /// Takes a measurement and returns the smoothed round trip.
    pub fn measured(&mut self, sample: Duration) -> Duration {
        let (smoothed, variation) = match self.estimate {
            None => (sample, sample / 2),
            Some((smoothed, variation)) => {
                let off = smoothed.abs_diff(sample);
                ((smoothed * 7 + sample) / 8, (variation * 3 + off) / 4)
            }
        };
        self.estimate = Some((smoothed, variation));
        smoothed
    }

    pub fn smoothed(&self) -> Option<Duration> {
        self.estimate.map(|(smoothed, _)| smoothed)
    }

    /// Mean deviation of the round trip.
    pub fn variation(&self) -> Option<Duration> {
        self.estimate.map(|(_, variation)| variation)
    }
}
