//! The newest log lines in memory, for the operator's pages.
//!
//! Writing is a count and a swap: no lock is held and nobody is waited for, so that a page that reads
//! never holds a logger up. What is read too late is overwritten; numbers tell what was missed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tracing::Level;

/// Lines that are kept; older ones are overwritten.
pub const LINES_MAX: usize = 2_048;
/// Text of one line; what is longer is cut. With [`LINES_MAX`] the ring takes at most 4 MiB.
pub const LINE_BYTES_MAX: usize = 2_048;
/// Ends a text that was cut.
const CUT: &str = " …";

/// A line as it was logged. `text` holds no control characters: they are escaped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// Counts from 1 since the program started.
    pub number: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    pub level: Level,
    /// The part of the program that says it.
    pub target: String,
    /// The message and its fields.
    pub text: String,
}

/// Handle of the ring; clones share it.
#[derive(Clone, Debug)]
pub struct LogRing {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    slots: Box<[ArcSwapOption<LogLine>]>,
    /// Numbers given out.
    given: AtomicU64,
    newest: watch::Sender<u64>,
}

/// Tells when there are new lines.
#[derive(Debug)]
pub struct NewLines(watch::Receiver<u64>);

impl Default for LogRing {
    fn default() -> LogRing {
        LogRing::new()
    }
}

impl LogRing {
    /// An empty ring of [`LINES_MAX`] lines.
    pub fn new() -> LogRing {
        LogRing::of(LINES_MAX)
    }

    fn of(lines_max: usize) -> LogRing {
        let slots = (0..lines_max.max(1)).map(|_| ArcSwapOption::empty());
        LogRing {
            shared: Arc::new(Shared {
                slots: slots.collect(),
                given: AtomicU64::new(0),
                newest: watch::Sender::new(0),
            }),
        }
    }

    /// Keeps a line; the oldest one goes. Control characters are escaped and long texts cut here, so that
    /// no reader has to think of it.
    pub fn push(&self, at_ms: u64, level: Level, target: &str, text: &str) {
        let shared = &*self.shared;
        let number = shared.given.fetch_add(1, Ordering::AcqRel) + 1;
        let line = Arc::new(LogLine {
            number,
            at_ms,
            level,
            target: bounded(target),
            text: bounded(text),
        });
        // A writer that was held up for a whole turn of the ring must not put its old line over a new one.
        shared.slot(number).rcu(|old| match old {
            Some(old) if old.number > number => Some(old.clone()),
            _ => Some(line.clone()),
        });
        shared.newest.send_replace(number);
    }

    /// Lines behind the number `after`, at least as grave as `level`, oldest first: the newest `max` of
    /// them. To go on, call again with the number of the last one.
    pub fn tail(&self, after: u64, level: Level, max: usize) -> Vec<LogLine> {
        let shared = &*self.shared;
        let given = shared.given.load(Ordering::Acquire);
        let kept = shared.slots.len() as u64;
        let first = after.max(given.saturating_sub(kept)) + 1;
        let mut lines = Vec::new();
        for number in first..=given {
            match &*shared.slot(number).load() {
                Some(line) if line.number == number => {
                    // The gravest level is the smallest.
                    if line.level <= level {
                        lines.push(line.clone());
                    }
                }
                // Overwritten meanwhile.
                Some(line) if line.number > number => {}
                // Its writer has the number but has not stored the line yet: it comes with the next call.
                Some(_) | None => break,
            }
        }
        let more = lines.len().saturating_sub(max);
        lines.drain(..more);
        lines.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// The number of the newest line; 0 when there is none.
    pub fn newest(&self) -> u64 {
        self.shared.given.load(Ordering::Acquire)
    }

    /// Subscribe first, then read the tail, then wait: so that nothing is missed in between.
    pub fn new_lines(&self) -> NewLines {
        NewLines(self.shared.newest.subscribe())
    }
}

impl Shared {
    fn slot(&self, number: u64) -> &ArcSwapOption<LogLine> {
        let place = number % self.slots.len() as u64;
        // Smaller than the number of slots, which is a usize.
        &self.slots[place as usize]
    }
}

impl NewLines {
    /// Waits for a line that came since the last wait. False when the ring is gone.
    pub async fn wait(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// As text without control characters, at most [`LINE_BYTES_MAX`] bytes.
fn bounded(text: &str) -> String {
    let mut out = super::escape::escaped(text).into_owned();
    if out.len() > LINE_BYTES_MAX {
        let mut end = LINE_BYTES_MAX - CUT.len();
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        out.push_str(CUT);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    fn filled(lines_max: usize, lines: u64) -> LogRing {
        let ring = LogRing::of(lines_max);
        for number in 1..=lines {
            ring.push(number, Level::INFO, "test", &number.to_string());
        }
        ring
    }

    #[test]
    fn the_tail_is_the_newest_lines_in_order() {
        let ring = filled(8, 5);
        assert_eq!(texts(&ring.tail(0, Level::TRACE, 3)), ["3", "4", "5"]);
        assert_eq!(texts(&ring.tail(3, Level::TRACE, 100)), ["4", "5"]);
        assert!(ring.tail(5, Level::TRACE, 100).is_empty());
        assert!(ring.tail(u64::MAX - 1, Level::TRACE, 100).is_empty());
        assert!(ring.tail(0, Level::TRACE, 0).is_empty());
    }

    #[test]
    fn only_so_many_lines_are_kept_and_numbers_tell_what_was_missed() {
        let ring = filled(4, 10);
        let lines = ring.tail(2, Level::TRACE, 100);
        assert_eq!(texts(&lines), ["7", "8", "9", "10"]);
        assert_eq!(lines[0].number, 7);
        assert_eq!(ring.newest(), 10);
    }

    #[test]
    fn lines_below_the_level_are_left_out() {
        let ring = LogRing::of(8);
        for level in [Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR] {
            ring.push(0, level, "test", level.as_str());
        }
        let lines = ring.tail(0, Level::WARN, 100);
        assert_eq!(texts(&lines), ["WARN", "ERROR"]);
    }

    #[test]
    fn a_line_is_one_line_of_bounded_length_whatever_was_logged() {
        let ring = LogRing::of(8);
        ring.push(0, Level::INFO, "te\u{1b}st", "a\nb\u{1b}[31m\u{202e}c");
        ring.push(0, Level::INFO, "test", &"\u{e4}".repeat(LINE_BYTES_MAX));
        let lines = ring.tail(0, Level::TRACE, 100);
        assert_eq!(lines[0].text, "a\\nb\\u{1b}[31m\\u{202e}c");
        assert_eq!(lines[0].target, "te\\u{1b}st");
        assert!(lines[1].text.len() <= LINE_BYTES_MAX && lines[1].text.ends_with(CUT));
    }

    #[test]
    fn many_loggers_at_once_lose_nothing_that_fits() {
        let ring = LogRing::of(1_000);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..250).for_each(|_| ring.push(0, Level::INFO, "test", "x")));
            }
        });
        let lines = ring.tail(0, Level::TRACE, usize::MAX);
        let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, (1..=1_000).collect::<Vec<u64>>());
    }

    #[test]
    fn a_reader_that_goes_on_from_the_last_line_sees_each_line_once() {
        let ring = LogRing::of(100_000);
        let mut seen = Vec::new();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..2_000).for_each(|_| ring.push(0, Level::INFO, "test", "x")));
            }
            while seen.len() < 4_000 {
                let after = seen.last().copied().unwrap_or(0);
                let more = ring.tail(after, Level::TRACE, usize::MAX);
                seen.extend(more.iter().map(|line| line.number));
            }
        });
        assert_eq!(seen, (1..=4_000).collect::<Vec<u64>>());
    }

    #[test]
    fn a_reader_that_stands_still_holds_no_logger_up() {
        let ring = filled(8, 8);
        let waits = ring.new_lines();
        // In the middle of reading every line that there is.
        let read: Vec<_> = ring.shared.slots.iter().map(ArcSwapOption::load).collect();
        for number in 9..=10_000 {
            ring.push(number, Level::INFO, "test", &number.to_string());
        }
        let lines = ring.tail(0, Level::TRACE, 100);
        assert_eq!((lines.len(), lines[7].number), (8, 10_000));
        let mut numbers: Vec<u64> = read
            .iter()
            .flat_map(|line| line.as_ref())
            .map(|line| line.number)
            .collect();
        numbers.sort_unstable();
        assert_eq!(
            numbers,
            (1..=8).collect::<Vec<u64>>(),
            "it goes on where it stood"
        );
        drop(waits);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_told_of_a_new_line_and_of_no_other() {
        let ring = LogRing::of(8);
        ring.push(0, Level::INFO, "test", "before");
        let mut lines = ring.new_lines();
        let none = tokio::time::timeout(Duration::from_secs(60), lines.wait()).await;
        assert!(none.is_err(), "there was nothing new");
        ring.push(0, Level::INFO, "test", "after");
        assert!(lines.wait().await);
    }
}
