//! What all people of the crowd write down together: when something was sent, and by whom it was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use conclave_client::media::{clock::MediaClock, figures::record};
use conclave_core::{Moment, media::quality::Histogram};
use conclave_wire::{ParticipantId, SharedFile};
use parking_lot::Mutex;
use tokio::sync::watch;

/// Marks the lines of this crowd.
const LINE_PREFIX: &str = "crowd line ";

/// Shared by all people of one crowd.
pub struct Board {
    pub clock: MediaClock,
    /// Tells this crowd's lines from those of others in the room.
    run: u32,
    said: Mutex<BTreeMap<u32, Moment>>,
    seen: Mutex<Seen>,
    /// The file that everybody is to fetch, once it is announced.
    pub file: watch::Sender<Option<SharedFile>>,
}

#[derive(Default)]
struct Seen {
    /// (line, who saw it).
    lines: BTreeSet<(u32, ParticipantId)>,
    chat: Histogram,
    camera: Histogram,
}

/// Sums of what was seen.
pub struct Sight {
    pub lines_said: u64,
    pub lines_seen: u64,
    pub chat: Histogram,
    pub camera: Histogram,
}

impl Board {
    pub fn new(clock: MediaClock, run: u32) -> Board {
        Board {
            clock,
            run,
            said: Mutex::default(),
            seen: Mutex::default(),
            file: watch::Sender::new(None),
        }
    }

    /// The text of a line that is said now.
    pub fn say(&self, number: u32) -> String {
        self.said.lock().insert(number, self.clock.now());
        format!("{LINE_PREFIX}{} {number}", self.run)
    }

    /// Somebody sees a line.
    pub fn saw_line(&self, who: ParticipantId, text: &str) {
        let Some((run, number)) = text
            .strip_prefix(LINE_PREFIX)
            .and_then(|rest| rest.split_once(' '))
        else {
            return;
        };
        let (Ok(run), Ok(number)) = (run.parse::<u32>(), number.parse::<u32>()) else {
            return;
        };
        let said = self.said.lock().get(&number).copied();
        let Some(said) = said.filter(|_| run == self.run) else {
            return;
        };
        let took = self.clock.now().since(said);
        let mut seen = self.seen.lock();
        if seen.lines.insert((number, who)) {
            record(&mut seen.chat, took);
        }
    }

    /// Somebody sees a picture of this crowd, captured at `captured_ms` of the shared clock.
    pub fn saw_picture(&self, arrived: Moment, captured_ms: u32) {
        let took = (arrived.as_ms() as u32).wrapping_sub(captured_ms);
        let took = Duration::from_millis(took.into());
        record(&mut self.seen.lock().camera, took);
    }

    /// Whether so many people have seen every line that was said.
    pub fn all_lines_seen_by(&self, people: usize) -> bool {
        self.seen.lock().lines.len() >= self.said.lock().len() * people
    }

    pub fn sight(&self) -> Sight {
        let seen = self.seen.lock();
        Sight {
            lines_said: self.said.lock().len() as u64,
            lines_seen: seen.lines.len() as u64,
            chat: seen.chat.clone(),
            camera: seen.camera.clone(),
        }
    }
}
