//! Logs: to the terminal's error stream and, when asked for, to a file a day.

use std::io::{self, IsTerminal};

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{InitError, RollingFileAppender, Rotation},
};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt};

use crate::config::Config;

const QUIET: &str = "actix_server=warn";

/// Why logs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("log_level is wrong: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log folder cannot be written: {0}")]
    Folder(#[from] InitError),
    #[error("logs are kept already")]
    Twice,
}

/// Keep it until the program ends: dropping it writes what waits.
#[must_use]
pub struct LogGuard(#[expect(dead_code, reason = "only its drop matters")] Option<WorkerGuard>);

/// Starts to log, once in a process.
///
/// # Errors
/// [`LogError`]
pub fn start(config: &Config) -> Result<LogGuard, LogError> {
    let terminal = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .with_filter(filter(config)?);
    let (file, guard) = match &config.log_folder {
        None => (None, None),
        Some(folder) => {
            let files = RollingFileAppender::builder()
                .rotation(Rotation::DAILY)
                .filename_prefix("conclave")
                .filename_suffix("log")
                .max_log_files(config.log_files_max)
                .build(folder)?;
            // Lines are dropped rather than the server held up when the disk does not follow.
            let (writer, guard) = tracing_appender::non_blocking(files);
            let layer = tracing_subscriber::fmt::layer()
                .json()
                .with_writer(writer)
                .with_filter(filter(config)?);
            (Some(layer), Some(guard))
        }
    };
    let subscriber = Registry::default().with(terminal).with(file);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    Ok(LogGuard(guard))
}

/// What is logged. Libraries that tell of every start and stop of theirs are quiet unless asked for.
fn filter(config: &Config) -> Result<EnvFilter, LogError> {
    Ok(EnvFilter::try_new(format!(
        "{},{}",
        QUIET, config.log_level
    ))?)
}
