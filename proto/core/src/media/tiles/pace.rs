//! How much may be under way, and how often a new frame is worth sending (S3).

use std::time::Duration;

/// What a viewer, or the server from its presenter, may have unacknowledged: below the socket's buffer, so
/// that writing to it rarely blocks.
pub const UNACKNOWLEDGED_BYTES_MAX: u32 = 256 * 1024;
/// 30 frames a second.
pub const INTERVAL_MS_MIN: u16 = 33;
pub const INTERVAL_MS_MAX: u16 = 1_000;
/// A viewer that needs longer for a frame is not waited for: it skips what is superseded.
pub const REASONABLE_DRAIN_MAX: Duration = Duration::from_millis(800);
/// When the whole screen changes, frames come at most this often: what moves that much is seen as moving,
/// and encoding it costs a core.
const WHOLE_SCREEN_INTERVAL_MS: u64 = 66;
/// A frame takes this much of the interval to drain, so that queues stay empty.
const DRAIN_PERCENT: u64 = 80;
/// The interval is only changed by more than this, so that it stays where it is.
const STEP_PERCENT: u64 = 20;

/// Bytes sent and acknowledged on one link, both counted from its beginning and wrapping.
#[derive(Clone, Copy, Debug, Default)]
pub struct AckWindow {
    sent: u32,
    acknowledged: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("more was acknowledged than sent")]
pub struct AckRefused;

impl AckWindow {
    pub fn new() -> AckWindow {
        AckWindow::default()
    }

    pub fn unacknowledged(&self) -> u32 {
        self.sent.wrapping_sub(self.acknowledged)
    }

    /// Whether a message of so many bytes may go now.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.unacknowledged() as usize + bytes <= UNACKNOWLEDGED_BYTES_MAX as usize
    }

    pub fn sent(&mut self, bytes: usize) {
        self.sent = self.sent.wrapping_add(bytes as u32);
    }

    /// Bytes sent since the link began, wrapping.
    pub fn position(&self) -> u32 {
        self.sent
    }

    /// # Errors
    /// [`AckRefused`]: the other end does not count as we do, and the link is of no use.
    pub fn acknowledge(&mut self, bytes: u32) -> Result<(), AckRefused> {
        if bytes.wrapping_sub(self.acknowledged) > self.unacknowledged() {
            return Err(AckRefused);
        }
        self.acknowledged = bytes;
        Ok(())
    }

    /// Whether everything up to a former [`position`](AckWindow::position) is acknowledged.
    pub fn has_reached(&self, position: u32) -> bool {
        self.sent.wrapping_sub(position) >= self.unacknowledged()
    }
}

/// Advises the presenter how often to send a frame: as often as the slowest reasonable viewer can take
/// them, and the less often the more of the screen changes.
#[derive(Clone, Copy, Debug)]
pub struct PresenterPace {
    interval_ms: u16,
}

impl Default for PresenterPace {
    fn default() -> Self {
        PresenterPace {
            interval_ms: INTERVAL_MS_MIN,
        }
    }
}

impl PresenterPace {
    pub fn new() -> PresenterPace {
        PresenterPace::default()
    }

    pub fn interval_ms(&self) -> u16 {
        self.interval_ms
    }

    /// `drains` are the times that viewers need for a frame, `changed_permille` how much of the screen a
    /// frame changes. Gives the interval when it is a new one.
    pub fn update(
        &mut self,
        drains: impl IntoIterator<Item = Duration>,
        changed_permille: u32,
    ) -> Option<u16> {
        let reasonable = drains
            .into_iter()
            .filter(|&drain| drain <= REASONABLE_DRAIN_MAX);
        let slowest_ms = reasonable.max().unwrap_or_default().as_millis() as u64;
        let quickest = u64::from(INTERVAL_MS_MIN);
        let spread = WHOLE_SCREEN_INTERVAL_MS - quickest;
        let by_change = quickest + spread * u64::from(changed_permille.min(1_000)) / 1_000;
        let wanted = (slowest_ms * 100 / DRAIN_PERCENT)
            .max(by_change)
            .min(INTERVAL_MS_MAX.into());

        let current = u64::from(self.interval_ms);
        let differs = wanted.abs_diff(current) * 100 > current * STEP_PERCENT;
        let at_the_end = wanted == quickest && current != quickest;
        (differs || at_the_end).then(|| {
            self.interval_ms = wanted as u16;
            self.interval_ms
        })
    }
}
