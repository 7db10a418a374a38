//! An even beat with absolute deadlines: a late step shortens the next wait, so that no error adds up.

use std::time::{Duration, Instant};

/// Who catches up and is further behind than this begins anew instead.
pub const BEHIND_MAX: Duration = Duration::from_millis(200);

/// Deadlines at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    every: Duration,
    behind_max: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// A beat whose first wait ends `every` after it began.
    pub const fn new(every: Duration) -> Pace {
        Pace {
            every,
            behind_max: BEHIND_MAX,
            next: None,
        }
    }

    /// A beat that leaves out what it is too late for, so that no two steps are closer than `every`.
    pub const fn without_catching_up(every: Duration) -> Pace {
        Pace {
            every,
            behind_max: Duration::ZERO,
            next: None,
        }
    }

    /// Sleeps until the next deadline. Returns at once, to catch up, when it is past; too long after it
    /// the beat begins anew.
    pub fn wait(&mut self) {
        let now = Instant::now();
        let deadline = self.deadline(now);
        std::thread::sleep(deadline.saturating_duration_since(now));
    }

    /// The deadline of a wait that begins at `now`.
    fn deadline(&mut self, now: Instant) -> Instant {
        let deadline = match self.next {
            Some(next) if now.saturating_duration_since(next) <= self.behind_max => next,
            Some(_) => now,
            None => now + self.every,
        };
        self.next = Some(deadline + self.every);
        deadline
    }

    /// Begins anew with the next wait.
    pub fn restart(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(10);

    #[test]
    fn a_late_step_is_made_good() {
        let mut pace = Pace::new(EVERY);
        let start = Instant::now();
        assert_eq!(pace.deadline(start), start + EVERY);
        // The step after that is 25 ms late.
        let late = start + 4 * EVERY + EVERY / 2;
        assert_eq!(pace.deadline(late), start + 2 * EVERY);
        assert_eq!(pace.deadline(late), start + 3 * EVERY);
        assert_eq!(pace.deadline(late), start + 4 * EVERY);
        assert_eq!(pace.deadline(late), start + 5 * EVERY);
    }

    #[test]
    fn who_is_far_behind_or_does_not_catch_up_begins_anew() {
        let start = Instant::now();
        for (mut pace, behind) in [
            (Pace::new(EVERY), 2 * BEHIND_MAX),
            (Pace::without_catching_up(EVERY), EVERY),
        ] {
            let late = pace.deadline(start) + EVERY + behind;
            assert_eq!(pace.deadline(late), late);
            assert_eq!(pace.deadline(late), late + EVERY);
        }
    }
}
