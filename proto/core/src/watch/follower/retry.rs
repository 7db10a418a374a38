//! Orders that do not help are given less and less often.

use std::time::Duration;

use crate::Moment;

const FIRST: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(8);
/// What has been well for so long was not helped by luck: the next order is a first one again.
const WELL: Duration = Duration::from_secs(5);
/// An order that was given so often in vain will not be done.
const HOPELESS_TRIES: u32 = 4;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retry {
    tries: u32,
    tried_at: Moment,
    well_since: Option<Moment>,
}

impl Retry {
    pub(super) fn may(&self, now: Moment) -> bool {
        self.tries == 0 || now >= self.tried_at + self.wait()
    }

    pub(super) fn tried(&mut self, now: Moment) {
        self.tries = self.tries.saturating_add(1);
        self.tried_at = now;
        self.well_since = None;
    }

    /// It is as it should be.
    pub(super) fn succeeded(&mut self, now: Moment) {
        let since = *self.well_since.get_or_insert(now);
        if now.since(since) >= WELL {
            self.tries = 0;
        }
    }

    pub(super) fn is_hopeless(&self) -> bool {
        self.tries >= HOPELESS_TRIES
    }

    fn wait(&self) -> Duration {
        let doublings = self.tries.saturating_sub(1).min(8);
        (FIRST * 2u32.pow(doublings)).min(LAST)
    }
}
