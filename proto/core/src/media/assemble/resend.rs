//! How much is sent again, to whom, and what is asked for upstream.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use conclave_wire::{ParticipantId, datagram::ReRequest};

use super::{ASKS_MAX, FRAME_LIFE, FragmentCache, FragmentKey};
use crate::Moment;

/// What is sent again to a viewer, in hundredths of what was sent to it.
pub const RESEND_PERCENT_MAX: u64 = 15;
/// Bytes that a viewer may save up for a bad moment.
const CREDIT_BYTES_MAX: u64 = 256 * 1024;
/// Fragments whose repetitions are counted at the same time.
const COUNTED_MAX: usize = 4_096;
/// Requests of several viewers for one fragment within this time are one.
const MERGE_WINDOW: Duration = Duration::from_millis(20);

/// Keeps repetitions to one viewer within bounds: twice a fragment, and 15 % of the viewer's bytes.
#[derive(Debug, Default)]
pub struct ResendBudget {
    /// In hundredths of a byte.
    credit: u64,
    counted: Counted<(ParticipantId, FragmentKey)>,
}

impl ResendBudget {
    pub fn new() -> ResendBudget {
        ResendBudget::default()
    }

    /// So many bytes of camera went to the viewer for the first time.
    pub fn sent(&mut self, bytes: usize) {
        let earned = bytes as u64 * RESEND_PERCENT_MAX;
        self.credit = (self.credit + earned).min(100 * CREDIT_BYTES_MAX);
    }

    /// Whether this fragment may be sent again now; if so it is paid for.
    pub fn take(
        &mut self,
        source: ParticipantId,
        key: FragmentKey,
        bytes: usize,
        now: Moment,
    ) -> bool {
        let price = 100 * bytes as u64;
        if price > self.credit || !self.counted.count((source, key), Duration::ZERO, now) {
            return false;
        }
        self.credit -= price;
        true
    }
}

/// Merges what many viewers ask for into what one publisher is asked for: each fragment at most twice.
#[derive(Debug, Default)]
pub struct UpstreamRequests {
    counted: Counted<FragmentKey>,
}

impl UpstreamRequests {
    pub fn new() -> UpstreamRequests {
        UpstreamRequests::default()
    }

    /// The part of a request that the publisher has not been asked for just now.
    pub fn merge(&mut self, mut request: ReRequest, now: Moment) -> Option<ReRequest> {
        let (layer, frame) = (request.layer, request.frame);
        request.indices.retain(|&index| {
            let key = FragmentKey {
                layer,
                frame,
                index,
            };
            self.counted.count(key, MERGE_WINDOW, now)
        });
        (!request.indices.is_empty()).then_some(request)
    }
}

/// What is done about a re-request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer<B> {
    /// Send these again.
    pub bodies: Vec<B>,
    /// Ask the publisher for these: they never arrived here, or are too old.
    pub absent: Option<ReRequest>,
}

/// Answers a viewer's re-request from the source's cache, within the viewer's budget.
pub fn answer<B: AsRef<[u8]> + Clone>(
    request: &ReRequest,
    cache: &mut FragmentCache<B>,
    budget: &mut ResendBudget,
    now: Moment,
) -> Answer<B> {
    let (mut bodies, mut absent) = (Vec::new(), Vec::new());
    for &index in &request.indices {
        let key = FragmentKey {
            layer: request.layer,
            frame: request.frame,
            index,
        };
        match cache.get(key, now) {
            None => absent.push(index),
            Some(body) => {
                if budget.take(request.source, key, body.as_ref().len(), now) {
                    bodies.push(body);
                }
            }
        }
    }
    let absent = (!absent.is_empty()).then(|| ReRequest {
        indices: absent,
        ..request.clone()
    });
    Answer { bodies, absent }
}

/// Counts to [`ASKS_MAX`] for each key, and forgets a key when its frame is over.
#[derive(Debug)]
struct Counted<K> {
    times: BTreeMap<K, (u8, Moment)>,
    /// Oldest first, each key once.
    order: VecDeque<(Moment, K)>,
}

impl<K> Default for Counted<K> {
    fn default() -> Self {
        Counted {
            times: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Copy + Ord> Counted<K> {
    /// Counts one more, unless that is one too many, too soon, or there are too many keys.
    fn count(&mut self, key: K, apart: Duration, now: Moment) -> bool {
        // A fragment can be asked for until its frame is over at the viewer, which began it later than
        // we did: twice the life is long enough to count for.
        while let Some((at, oldest)) = self.order.front().copied()
            && now.since(at) >= 2 * FRAME_LIFE
        {
            self.order.pop_front();
            self.times.remove(&oldest);
        }
        let full = self.times.len() >= COUNTED_MAX;
        match self.times.get_mut(&key) {
            Some((times, last)) => {
                let may = *times < ASKS_MAX && now.since(*last) >= apart;
                if may {
                    *times += 1;
                    *last = now;
                }
                may
            }
            None if full => false,
            None => {
                self.times.insert(key, (1, now));
                self.order.push_back((now, key));
                true
            }
        }
    }
}
