//! What was sent on a link and not yet acknowledged, so that a slow reader costs only itself.

use std::{collections::VecDeque, time::Duration};

use crate::Moment;

/// How much may be on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutboxLimits {
    pub messages_max: usize,
    pub bytes_max: usize,
    /// A ping must be back within this: longer means that nobody reads.
    pub returned_within: Duration,
    /// Another ping goes out after so many bytes, so that a burst is acknowledged while it lasts.
    pub ping_after_bytes: usize,
}

impl Default for OutboxLimits {
    fn default() -> OutboxLimits {
        OutboxLimits {
            messages_max: 2_048,
            bytes_max: 2 * 1024 * 1024,
            returned_within: Duration::from_secs(10),
            ping_after_bytes: 128 * 1024,
        }
    }
}

/// Counts, and holds nothing: the bytes themselves are with the link. Messages that carry events are
/// acknowledged by the number of the last event that was taken, the others by a ping that was sent
/// behind them and came back.
#[derive(Clone, Debug)]
pub struct Outbox {
    limits: OutboxLimits,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Of the next message or ping; marks rise in the order of sending.
    next_mark: u64,
    bytes_since_ping: usize,
    /// Pings that have not come back, oldest first.
    pings: VecDeque<(u64, Moment)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    mark: u64,
    /// The last event in it.
    number: Option<u32>,
    bytes: usize,
}

/// Pings on their way; more are not sent.
const PINGS_MAX: usize = 64;

impl Outbox {
    pub fn new(limits: OutboxLimits) -> Outbox {
        Outbox {
            limits,
            entries: VecDeque::new(),
            bytes: 0,
            next_mark: 0,
            bytes_since_ping: 0,
            pings: VecDeque::new(),
        }
    }

    /// Whether another batch may be sent. Asked before a batch and not before each message in it: a
    /// snapshot, or what was missed while away, is bounded by the room's own limits.
    pub fn has_room(&self) -> bool {
        self.entries.len() < self.limits.messages_max && self.bytes < self.limits.bytes_max
    }

    /// A message goes out; `number` is that of the last event in it.
    pub fn sent(&mut self, bytes: usize, number: Option<u32>) {
        let mark = self.take_mark();
        self.entries.push_back(Entry {
            mark,
            number,
            bytes,
        });
        self.bytes += bytes;
        self.bytes_since_ping += bytes;
    }

    /// Whether a ping should go out behind what was sent.
    pub fn wants_ping(&self) -> bool {
        self.bytes_since_ping >= self.limits.ping_after_bytes
    }

    /// The mark of a ping that goes out now; `None` when enough are on their way.
    pub fn ping(&mut self, now: Moment) -> Option<u64> {
        if self.pings.len() >= PINGS_MAX {
            return None;
        }
        let mark = self.take_mark();
        self.pings.push_back((mark, now));
        self.bytes_since_ping = 0;
        Some(mark)
    }

    /// A ping came back. Returns when it was sent, or `None` when there was no such ping.
    pub fn returned(&mut self, mark: u64) -> Option<Moment> {
        let at = self.pings.iter().position(|&(sent, _)| sent == mark)?;
        let (_, sent_at) = self.pings.drain(..=at).next_back()?;
        let bytes = &mut self.bytes;
        self.entries.retain(|entry| {
            let taken = entry.number.is_none() && entry.mark < mark;
            *bytes -= if taken { entry.bytes } else { 0 };
            !taken
        });
        Some(sent_at)
    }

    /// The other side has taken all events up to `number`, and with them everything sent before.
    pub fn acknowledged(&mut self, number: u32) {
        let taken = |entry: &Entry| entry.number.is_some_and(|last| last <= number);
        if let Some(last) = self.entries.iter().rposition(taken) {
            self.bytes -= self
                .entries
                .drain(..=last)
                .map(|entry| entry.bytes)
                .sum::<usize>();
        }
    }

    /// When nobody can be reading any more, unless something comes back before.
    pub fn overdue_at(&self) -> Option<Moment> {
        let &(_, sent_at) = self.pings.front()?;
        Some(sent_at + self.limits.returned_within)
    }

    /// Bytes on their way.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages on their way.
    pub fn messages(&self) -> usize {
        self.entries.len()
    }

    fn take_mark(&mut self) -> u64 {
        self.next_mark += 1;
        self.next_mark
    }
}
