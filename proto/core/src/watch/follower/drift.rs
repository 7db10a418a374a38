//! What the looks at a player add up to: how far off it is, and whether it moves at all.

use std::{collections::VecDeque, time::Duration};

use super::{Seen, played};
use crate::Moment;

/// Looks that count; one that lies is outvoted.
const LOOKS: usize = 5;
/// So many are needed to judge.
const LOOKS_MIN: usize = 3;
/// Who says that they play and does not move for so long has run dry.
const STUCK_AFTER: Duration = Duration::from_millis(700);
/// A player that moves goes at least this part of the way that it should.
const MOVES_DIVISOR: u32 = 5;

/// Differences, in microseconds, newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Drift {
    looks: VecDeque<i64>,
}

impl Drift {
    pub(super) fn add(&mut self, off_us: i64) {
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(off_us);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.looks.len() >= LOOKS_MIN
    }

    pub(super) fn median_us(&self) -> Option<i64> {
        let mut sorted: Vec<_> = self.looks.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

/// Whether the film moves.
#[derive(Clone, Debug, Default)]
pub(super) struct Motion {
    /// The look from which it has not moved.
    from: Option<(Moment, Duration)>,
    stuck: bool,
}

impl Motion {
    pub(super) fn seen(&mut self, seen: &Seen, grain: Duration) {
        if !seen.playing {
            self.from = None;
            self.stuck = seen.buffering;
            return;
        }
        let Some((at, position)) = self.from else {
            self.from = Some((seen.at, seen.position));
            self.stuck = seen.buffering;
            return;
        };
        let over = seen.duration.is_some_and(|end| seen.position >= end);
        let should = played(seen.at.since(at), seen.rate_permille) / MOVES_DIVISOR;
        let moved = position.abs_diff(seen.position) > should;
        if moved || over {
            self.from = Some((seen.at, seen.position));
            self.stuck = seen.buffering;
        } else {
            let too_long = seen.at.since(at) > STUCK_AFTER + grain * 2;
            self.stuck = seen.buffering || too_long;
        }
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.stuck
    }
}
