//! Signs of life: each thread that must not stand still leaves a beat, and whoever watches sees how old
//! it is. Event loops also measure how late they are with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use conclave_core::Moment;
use parking_lot::Mutex;

use super::histogram::{Histogram, LATENESS_US};
use crate::clock::Clock;

/// How often an event loop leaves a beat.
pub const BEAT_EVERY: Duration = Duration::from_millis(500);

/// When a thread was last seen alive.
#[derive(Debug, Default)]
pub struct Beat {
    /// One more than the moment in microseconds; 0 before the first.
    left: AtomicU64,
}

impl Beat {
    pub fn leave(&self, now: Moment) {
        self.left.store(now.0.saturating_add(1), Ordering::Relaxed);
    }

    /// How long ago; `None` when there was none yet.
    pub fn age(&self, now: Moment) -> Option<Duration> {
        let left = self.left.load(Ordering::Relaxed).checked_sub(1)?;
        Some(now.since(Moment(left)))
    }
}

/// What an event loop does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LoopKind {
    /// Starts and stops the server, and does its chores.
    Main,
    Rooms,
    Mixers,
    /// Links, TLS and files.
    Http,
}

impl LoopKind {
    pub const ALL: [LoopKind; 4] = [
        LoopKind::Main,
        LoopKind::Rooms,
        LoopKind::Mixers,
        LoopKind::Http,
    ];

    /// As figures name it.
    pub fn name(self) -> &'static str {
        match self {
            LoopKind::Main => "main",
            LoopKind::Rooms => "rooms",
            LoopKind::Mixers => "mixers",
            LoopKind::Http => "http",
        }
    }
}

/// The event loops of a server. Cloning shares them.
#[derive(Clone)]
pub struct Loops {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    lateness: [Histogram; LoopKind::ALL.len()],
    beats: Mutex<Vec<(LoopKind, Arc<Beat>)>>,
}

impl Loops {
    pub fn new(clock: Clock) -> Loops {
        Loops {
            shared: Arc::new(Shared {
                clock,
                lateness: std::array::from_fn(|_| Histogram::new(LATENESS_US)),
                beats: Mutex::default(),
            }),
        }
    }

    /// To be spawned on the loop; it ends with it. The beat counts as left now, so that a loop that never
    /// runs is noticed too.
    pub fn follow(&self, kind: LoopKind) -> impl Future<Output = ()> + Send + 'static + use<> {
        let shared = self.shared.clone();
        let beat = Arc::new(Beat::default());
        beat.leave(shared.clock.now());
        shared.beats.lock().push((kind, beat.clone()));
        async move {
            loop {
                let due = shared.clock.now() + BEAT_EVERY;
                tokio::time::sleep_until(shared.clock.instant(due)).await;
                let now = shared.clock.now();
                shared.lateness[kind as usize].record(now.since(due));
                beat.leave(now);
            }
        }
    }

    /// Age of the oldest beat among the loops of a kind; `None` when there is no loop of it.
    pub fn oldest(&self, kind: LoopKind) -> Option<Duration> {
        let now = self.shared.clock.now();
        let beats = self.shared.beats.lock();
        let of_kind = beats.iter().filter(|(its, _)| *its == kind);
        of_kind.filter_map(|(_, beat)| beat.age(now)).max()
    }

    /// How late the loops of a kind were with their beats.
    pub fn lateness(&self, kind: LoopKind) -> &Histogram {
        &self.shared.lateness[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_runs_leaves_beats_and_one_that_stands_still_does_not() {
        let loops = Loops::new(Clock::start());
        assert_eq!(loops.oldest(LoopKind::Rooms), None);
        let running = tokio::spawn(loops.follow(LoopKind::Rooms));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(loops.oldest(LoopKind::Rooms).unwrap() <= BEAT_EVERY);
        assert!(loops.lateness(LoopKind::Rooms).spread().count() >= 100);
        running.abort();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(loops.oldest(LoopKind::Rooms).unwrap() >= Duration::from_secs(59));
        assert_eq!(loops.oldest(LoopKind::Mixers), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_never_ran_is_as_old_as_its_start() {
        let loops = Loops::new(Clock::start());
        let _never_polled = loops.follow(LoopKind::Mixers);
        tokio::time::sleep(Duration::from_secs(7)).await;
        let age = loops.oldest(LoopKind::Mixers).unwrap();
        assert!(age >= Duration::from_secs(7), "{age:?}");
    }
}
