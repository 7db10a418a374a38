//! How long a film waits for people, all in all: who is not ready again and again costs the others no more
//! than who is not ready once.

use std::time::Duration;

use crate::Moment;

/// The longest wait.
pub const HOLD_MAX: Duration = Duration::from_secs(10);
/// With less left it does not begin to wait: that would only stutter.
pub const HOLD_MIN: Duration = Duration::from_secs(1);
/// Patience that is used up is whole again after this time. So in any time `t` a film waits for at most
/// `HOLD_MAX + t * HOLD_MAX / REGAINED_AFTER`.
pub const REGAINED_AFTER: Duration = Duration::from_secs(60);

const REGAIN: u32 = (REGAINED_AFTER.as_secs() / HOLD_MAX.as_secs()) as u32;

#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    /// Used up at `at`, of [`HOLD_MAX`]; some of it has come back since.
    used: Duration,
    at: Moment,
    /// Since when it waits.
    waiting: Option<Moment>,
}

impl Patience {
    /// Begins to wait. Returns for how long at most; `None` when there is no patience left.
    pub(super) fn take(&mut self, now: Moment) -> Option<Duration> {
        self.regain(now);
        let left = HOLD_MAX.saturating_sub(self.used);
        if left < HOLD_MIN {
            return None;
        }
        self.waiting = Some(now);
        Some(left)
    }

    /// The wait is over.
    pub(super) fn give_back(&mut self, now: Moment) {
        if let Some(since) = self.waiting.take() {
            self.used = HOLD_MAX.min(self.used + now.since(since));
            self.at = now;
        }
    }

    fn regain(&mut self, now: Moment) {
        let back = now.since(self.at) / REGAIN;
        self.used = self.used.saturating_sub(back);
        self.at = now;
    }
}
