//! A line: listeners who get the same packets.

use std::sync::Arc;

use crate::{
    Moment,
    media::mixer::{FRAME_SAMPLES, Frame, Limiter},
};

use super::packet::VoiceEncoder;

/// Who hears with whom.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum LineId {
    /// Everybody who is silent and has no volumes of their own.
    Shared,
    /// A speaker, or somebody with volumes of their own.
    Own(u32),
}

/// How a line is served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Nothing,
    /// One voice, as it comes.
    PassOn(u32),
    Mix,
}

/// A packet later than this beside its neighbours is not waited for when lists are tidied: 120 ms.
const REORDER_SAMPLES: i64 = 5_760;

#[derive(Debug)]
pub(super) struct Line<E> {
    pub way: Way,
    /// Room time up to which the listeners were sent something; 0 before anything was.
    pub cursor: i64,
    /// Room time at which the present way began: what ends before was served by another one.
    pub since: i64,
    /// Nothing was sent since the last pause: the next packet starts a spurt.
    pub silent: bool,
    /// Whether the last look found several voices, and until when one voice still is mixed.
    pub several: bool,
    pub hold_until: Moment,
    pub members: Arc<[u32]>,
    /// Members who came from another line and were sent more already: up to when.
    ahead: Vec<(u32, i64)>,
    encoder: Option<E>,
    limiter: Limiter,
    encoded_at: Moment,
}

impl<E: VoiceEncoder> Line<E> {
    pub fn new(members: Arc<[u32]>) -> Line<E> {
        Line {
            way: Way::Nothing,
            cursor: 0,
            since: 0,
            silent: true,
            several: false,
            hold_until: Moment::default(),
            members,
            ahead: Vec::new(),
            encoder: None,
            limiter: Limiter::new(),
            encoded_at: Moment::default(),
        }
    }

    /// A line of one's own that goes on from here.
    pub fn branch(&self, seat: u32) -> Line<E> {
        let ahead = self.ahead.iter().find(|&&(who, _)| who == seat);
        let ahead = ahead.map_or(0, |&(_, until)| until);
        Line {
            way: self.way,
            cursor: self.cursor.max(ahead),
            since: self.since.max(ahead),
            silent: self.silent,
            several: self.several,
            hold_until: self.hold_until,
            ..Line::new(Arc::from([seat]))
        }
    }

    /// Sets who listens, all sorted. `returned` come from lines of their own and were sent up to there.
    pub fn regroup(&mut self, members: Arc<[u32]>, returned: &[(u32, i64)]) {
        self.ahead
            .retain(|(who, _)| members.binary_search(who).is_ok());
        let further = returned.iter().filter(|&&(_, until)| until > self.cursor);
        self.ahead.extend(further);
        self.members = members;
    }

    /// The listeners of a packet that sounds from `media` to `end`; none when all have had it.
    pub fn listeners(&mut self, media: i64, end: i64) -> Option<Arc<[u32]>> {
        if self.members.is_empty() || end <= self.since {
            return None;
        }
        self.ahead
            .retain(|&(_, until)| until.saturating_add(REORDER_SAMPLES) > media);
        if self.ahead.iter().all(|&(_, until)| until < end) {
            return Some(self.members.clone());
        }
        let ahead = &self.ahead;
        let had = |who: u32| {
            ahead
                .iter()
                .any(|&(other, until)| other == who && until >= end)
        };
        let rest: Arc<[u32]> = self
            .members
            .iter()
            .copied()
            .filter(|&who| !had(who))
            .collect();
        (!rest.is_empty()).then_some(rest)
    }

    /// Room time up to which anybody on the line was sent something.
    pub fn newest(&self) -> i64 {
        self.ahead
            .iter()
            .fold(self.cursor, |newest, &(_, until)| newest.max(until))
    }

    /// Notes that everything up to `end` was sent; says whether it was the start of a spurt.
    pub fn sent(&mut self, end: i64) -> bool {
        self.cursor = self.cursor.max(end);
        std::mem::replace(&mut self.silent, false)
    }

    /// Limits and encodes a sum.
    pub fn encode(
        &mut self,
        now: Moment,
        fresh: impl FnOnce() -> E,
        sum: &[f32; FRAME_SAMPLES],
        pcm: &mut Frame,
        out: &mut Vec<u8>,
    ) {
        self.limiter.limit(sum, pcm);
        self.encoded_at = now;
        out.clear();
        self.encoder.get_or_insert_with(fresh).encode(pcm, out);
    }

    /// Drops the encoder when it was idle for `limit`.
    pub fn rest_encoder(&mut self, now: Moment, limit: std::time::Duration) {
        if self.way != Way::Mix && now.since(self.encoded_at) >= limit {
            self.encoder = None;
            self.limiter = Limiter::new();
        }
    }
}
