//! Points in time, as the rules see them: numbers that somebody hands in.

use std::{ops::Add, time::Duration};

/// A point on the caller's monotonic clock, in microseconds since an epoch of the caller's choice.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `ms` milliseconds after the epoch.
    pub const fn from_ms(ms: u64) -> Moment {
        Moment(ms * 1_000)
    }

    /// Whole milliseconds since the epoch.
    pub const fn as_ms(self) -> u64 {
        self.0 / 1_000
    }

    /// How long from here until `later`; zero when `later` is past.
    pub fn until(self, later: Moment) -> Duration {
        Duration::from_micros(later.0.saturating_sub(self.0))
    }

    /// How long since `earlier`; zero when `earlier` is still to come.
    pub fn since(self, earlier: Moment) -> Duration {
        earlier.until(self)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Moment(self.0.saturating_add(micros))
    }
}

/// Now, on both clocks: rules that measure use the moment, what is shown or stored has a date.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Now {
    pub moment: Moment,
    /// Milliseconds since the Unix epoch. May jump; nothing is measured with it.
    pub unix_ms: u64,
}
