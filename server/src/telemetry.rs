//! What the server tells about itself: logs, figures, health, alerts.
//!
//! Logs go to the terminal's error stream, to files when asked for, and to a ring in memory for the
//! operator's pages. No logger ever waits: the ring takes no lock, and the others are written by
//! threads of their own, whose full queues drop lines and count them.

use std::io::{self, IsTerminal};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt};

use crate::config::Config;

pub mod alerts;
pub mod beat;
pub mod escape;
pub mod files;
pub mod health;
pub mod histogram;
mod line;
mod lines;
pub mod metrics;
pub mod refusals;
pub mod requests;
pub mod ring;
pub mod system;

use files::{LogFileLimits, LogFiles, LogFilesWatch};
use lines::{Lines, Sink};
use ring::LogRing;

const QUIET: &str = "actix_server=warn";
/// Lines that wait to be written; more are dropped and counted.
const LINES_QUEUED_MAX: usize = 16_384;
const S_PER_HOUR: u64 = 3_600;

/// Why logs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("log_level is wrong: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log folder (log_folder) cannot be written: {0}")]
    Folder(#[source] io::Error),
    #[error("logs are kept already")]
    Twice,
}

/// Keep it until the program ends: dropping it writes what waits.
#[must_use]
pub struct LogGuard {
    logs: Logs,
    #[expect(dead_code, reason = "only their drop matters")]
    guards: Vec<WorkerGuard>,
}

impl LogGuard {
    /// The handle by which the server looks at its logs.
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }
}

/// The logs of this program as its pages and its health see them. Cloning shares them.
#[derive(Clone, Default)]
pub struct Logs {
    ring: LogRing,
    files: Option<LogFilesWatch>,
    queues: Vec<ErrorCounter>,
}

impl Logs {
    /// A ring that whoever starts a server inside of another program may write to.
    pub fn in_memory() -> Logs {
        Logs::default()
    }

    /// The same ring, and files that are watched.
    pub fn with_files(self, files: LogFilesWatch) -> Logs {
        Logs {
            files: Some(files),
            ..self
        }
    }

    pub fn ring(&self) -> &LogRing {
        &self.ring
    }

    /// Whether log files are being written; `None` when there are none. Reads the disk.
    pub fn files_are_well(&self) -> Option<bool> {
        self.files.as_ref().map(LogFilesWatch::is_well)
    }

    /// Lines that were dropped because the terminal or the disk did not follow.
    pub fn lines_dropped(&self) -> u64 {
        let dropped = self.queues.iter().map(|queue| queue.dropped_lines() as u64);
        dropped.sum()
    }
}

/// Starts to log, once in a process.
///
/// # Errors
/// [`LogError`]
pub fn start(config: &Config) -> Result<LogGuard, LogError> {
    let filter = filter(config)?;
    let queue = || NonBlockingBuilder::default().buffered_lines_limit(LINES_QUEUED_MAX);
    let mut logs = Logs::default();
    let (terminal, guard) = queue().thread_name("log-terminal").finish(io::stderr());
    let mut guards = vec![guard];
    logs.queues.push(terminal.error_counter());
    let mut sinks = vec![Sink {
        queue: terminal,
        format: config.log_format,
        coloured: io::stderr().is_terminal(),
    }];
    if let Some(folder) = &config.log_folder {
        let limits = LogFileLimits {
            file_bytes_max: config.log_file_bytes_max,
            file_age_max: std::time::Duration::from_secs(
                u64::from(config.log_file_hours_max) * S_PER_HOUR,
            ),
            files_max: config.log_files_max,
            files_bytes_max: config.log_files_bytes_max,
        };
        let files = LogFiles::open(folder, limits).map_err(LogError::Folder)?;
        logs.files = Some(files.watch());
        let (files, guard) = queue().thread_name("log-files").finish(files);
        guards.push(guard);
        logs.queues.push(files.error_counter());
        sinks.push(Sink {
            queue: files,
            format: config.log_format,
            coloured: false,
        });
    }
    let lines = Lines {
        ring: logs.ring.clone(),
        sinks,
    };
    let subscriber = Registry::default().with(lines.with_filter(filter));
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    Ok(LogGuard { logs, guards })
}

/// What is logged. Libraries that tell of every start and stop of theirs are quiet unless asked for.
fn filter(config: &Config) -> Result<EnvFilter, LogError> {
    Ok(EnvFilter::try_new(format!(
        "{},{}",
        QUIET, config.log_level
    ))?)
}
