//! The only place where the client's media read a clock.

use std::time::Instant;

use conclave_core::Moment;

/// A monotonic clock, readable from every thread.
#[derive(Clone, Copy, Debug)]
pub struct MediaClock {
    epoch: Instant,
}

impl MediaClock {
    pub fn start() -> MediaClock {
        MediaClock {
            epoch: Instant::now(),
        }
    }

    pub fn now(&self) -> Moment {
        self.moment_of(Instant::now())
    }

    /// An instant on this clock; zero when it is before the clock's start.
    pub fn moment_of(&self, instant: Instant) -> Moment {
        let micros = instant.saturating_duration_since(self.epoch).as_micros();
        Moment(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The instant of a moment, for timers.
    pub fn instant(&self, moment: Moment) -> Instant {
        self.epoch + std::time::Duration::from_micros(moment.0)
    }
}

impl Default for MediaClock {
    fn default() -> Self {
        MediaClock::start()
    }
}
