//! The newest log lines, and those that follow.

use actix_web::web;
use askama::Template;
use serde::{Deserialize, Serialize};
use tracing::Level;

use super::{Answer, answer, frame::Frame, shown::Stamp};
use crate::{admin::request::Operator, telemetry::ring::LogLine};

/// Lines that the page begins with.
const LINES_SHOWN: usize = 200;
const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

#[derive(Template)]
#[template(path = "admin/logs.html")]
struct LogsPage {
    frame: Frame,
    level: &'static str,
    lines: Vec<LogLine>,
    /// What follows comes behind it.
    newest: u64,
}

impl LogsPage {
    fn levels(&self) -> [&'static str; 5] {
        LEVELS.map(|(name, _)| name)
    }

    fn at(&self, line: &LogLine) -> Stamp {
        Stamp(line.at_ms)
    }
}

/// A line as a script sees it.
#[derive(Serialize)]
struct Row<'a> {
    number: u64,
    at_unix_ms: Stamp,
    level: &'static str,
    target: &'a str,
    text: &'a str,
}

impl Row<'_> {
    fn of(line: &LogLine) -> Row<'_> {
        Row {
            number: line.number,
            at_unix_ms: Stamp(line.at_ms),
            level: line.level.as_str(),
            target: &line.target,
            text: &line.text,
        }
    }
}

#[derive(Deserialize)]
pub struct WhichLines {
    #[serde(default)]
    level: String,
}

/// `GET /admin/logs`
pub async fn page(operator: Operator, which: web::Query<WhichLines>) -> Answer {
    let level = level_of(&which.level);
    let ring = operator.state.logs.ring();
    let before = ring.newest();
    let lines = ring.tail(0, level, LINES_SHOWN);
    let named = LEVELS.iter().find(|(_, known)| *known == level);
    let page = LogsPage {
        frame: Frame::new(&operator, "/admin/logs", "Logs").live(),
        level: named.map_or("info", |(name, _)| name),
        newest: lines.last().map_or(before, |line| line.number),
        lines,
    };
    let rows: Vec<_> = page.lines.iter().map(Row::of).collect();
    answer(&operator, &page, &rows)
}

/// The level of that name; what is none means `info`.
pub fn level_of(name: &str) -> Level {
    let found = LEVELS.iter().find(|(known, _)| *known == name);
    found.map_or(Level::INFO, |(_, level)| *level)
}
