//! The only place where the server reads a clock.

use std::time::{SystemTime, UNIX_EPOCH};

use conclave_core::{Moment, Now};
use tokio::time::Instant;

/// A monotonic clock that tests can pause (it is tokio's), and the date.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        Clock {
            epoch: Instant::now(),
        }
    }

    pub fn now(&self) -> Moment {
        let micros = self.epoch.elapsed().as_micros();
        Moment(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    pub fn both(&self) -> Now {
        Now {
            moment: self.now(),
            unix_ms: unix_ms(),
        }
    }

    /// The instant of a moment, for timers.
    pub fn instant(&self, moment: Moment) -> Instant {
        self.epoch + std::time::Duration::from_micros(moment.0)
    }
}

/// Milliseconds since the Unix epoch; 0 when the machine's date is before it.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
