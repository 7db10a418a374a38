//! What counts, and what is going to: a move takes effect a little after it was told.

use std::{collections::VecDeque, time::Duration};

use super::Aim;
use crate::Moment;

/// An instant that is further ahead is no move to come, but a clock that has jumped.
const AHEAD_MAX: Duration = Duration::from_secs(1);
/// Of more moves at once the oldest is forgotten.
const MOVES_MAX: usize = 32;

/// Aims in the order of their instants.
#[derive(Clone, Debug, Default)]
pub struct Course {
    aims: VecDeque<Aim>,
}

impl Course {
    /// From its instant on this counts, instead of all that was to come later.
    pub fn turn(&mut self, aim: Aim) {
        while self.aims.back().is_some_and(|last| last.at >= aim.at) {
            self.aims.pop_back();
        }
        if self.aims.len() == MOVES_MAX {
            self.aims.pop_front();
        }
        self.aims.push_back(aim);
    }

    /// What counts at `room`; `None` before the first instant.
    pub fn at(&self, room: Moment) -> Option<Aim> {
        let place = self.place_at(room)?;
        self.aims.get(place).copied()
    }

    /// What was told last, whether it counts already or not.
    pub fn newest(&self) -> Option<Aim> {
        self.aims.back().copied()
    }

    /// How long until the next move counts.
    pub fn next_in(&self, room: Moment) -> Option<Duration> {
        let next = self.place_at(room).map_or(0, |place| place + 1);
        self.aims.get(next).map(|aim| room.until(aim.at))
    }

    /// Forgets what is over: it does not count again, even if the clock goes back.
    pub fn pass(&mut self, room: Moment) {
        let over = self.place_at(room).unwrap_or(0);
        self.aims.drain(..over);
    }

    pub fn clear(&mut self) {
        self.aims.clear();
    }

    fn place_at(&self, room: Moment) -> Option<usize> {
        self.aims.iter().rposition(|aim| {
            let ahead = room.until(aim.at);
            ahead.is_zero() || ahead > AHEAD_MAX
        })
    }
}
