//! An even beat with absolute deadlines: a late step shortens the next wait, so that no error adds up.

use std::time::{Duration, Instant};

/// Whoever is further behind than this begins anew instead of catching up.
pub const BEHIND_MAX: Duration = Duration::from_millis(200);

/// Deadlines at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    every: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// A beat whose first wait ends `every` after it began.
    pub const fn new(every: Duration) -> Pace {
        Pace { every, next: None }
    }

    /// Sleeps until the next deadline. Returns at once, to catch up, when it is past; after
    /// [`BEHIND_MAX`] the beat begins anew.
    pub fn wait(&mut self) {
        let now = Instant::now();
        let next = match self.next {
            Some(next) if now.saturating_duration_since(next) <= BEHIND_MAX => next,
            Some(_) => now,
            None => now + self.every,
        };
        std::thread::sleep(next.saturating_duration_since(now));
        self.next = Some(next + self.every);
    }

    /// Begins anew with the next wait.
    pub fn restart(&mut self) {
        self.next = None;
    }
}
