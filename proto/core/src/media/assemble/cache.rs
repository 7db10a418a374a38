//! What was sent a moment ago, in case somebody has lost it.

use std::collections::{BTreeMap, VecDeque};

use super::{FRAME_LIFE, FragmentKey};
use crate::Moment;

/// Bytes kept of one publisher: two of the largest frames.
pub const CACHE_BYTES_MAX: usize = 2 * conclave_wire::limits::CAMERA_FRAME_BYTES_MAX;

/// The fragments of one publisher in the last 200 ms. `B` is the body of a camera datagram, cheap to clone.
#[derive(Debug)]
pub struct FragmentCache<B> {
    kept: BTreeMap<FragmentKey, B>,
    /// Oldest first; a key stands here once for each entry of `kept`.
    order: VecDeque<(Moment, FragmentKey)>,
    bytes: usize,
}

impl<B> Default for FragmentCache<B> {
    fn default() -> Self {
        FragmentCache {
            kept: BTreeMap::new(),
            order: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<B: AsRef<[u8]> + Clone> FragmentCache<B> {
    pub fn new() -> FragmentCache<B> {
        FragmentCache::default()
    }

    /// Keeps a fragment; the oldest go when there is no room. One that is there already stays as it is.
    pub fn insert(&mut self, key: FragmentKey, body: B, now: Moment) {
        self.expire(now);
        if self.kept.contains_key(&key) || body.as_ref().len() > CACHE_BYTES_MAX {
            return;
        }
        self.bytes += body.as_ref().len();
        self.kept.insert(key, body);
        self.order.push_back((now, key));
        while self.bytes > CACHE_BYTES_MAX {
            self.drop_oldest();
        }
    }

    /// A fragment that is not older than a frame's life.
    pub fn get(&mut self, key: FragmentKey, now: Moment) -> Option<B> {
        self.expire(now);
        self.kept.get(&key).cloned()
    }

    pub fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn expire(&mut self, now: Moment) {
        while self
            .order
            .front()
            .is_some_and(|(at, _)| now.since(*at) >= FRAME_LIFE)
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front()
            && let Some(body) = self.kept.remove(&key)
        {
            self.bytes -= body.as_ref().len();
        }
    }
}
