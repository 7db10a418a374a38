//! What can go wrong with a database, and what of it may pass by itself.

use std::sync::Arc;

use conclave_wire::RefusalCode;

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue of writes is full.
    #[error("too many writes wait for the database")]
    Busy,
    #[error("the database is closed")]
    Closed,
    /// It is gone, or does not answer.
    #[error("the database cannot be reached: {0}")]
    Unreachable(&'static str),
    /// A write for a room that was never opened.
    #[error("the database knows no such room")]
    NoSuchRoom,
    #[error("too many templates are kept")]
    TooManyTemplates,
    #[error("the template is somebody else's")]
    TemplateNotYours,
    #[error("the disk is full")]
    DiskFull,
    #[error("the database holds a value that cannot be read: {0}")]
    Damaged(String),
    #[error("the database failed: {0}")]
    Database(Arc<sqlx::Error>),
    #[error("the database cannot be brought up to date: {0}")]
    Migration(String),
    #[error("no thread for the database: {0}")]
    Thread(String),
}

impl StoreError {
    /// What a person is told.
    pub fn refusal(&self) -> RefusalCode {
        match self {
            StoreError::Busy | StoreError::Unreachable(_) => RefusalCode::Busy,
            StoreError::Closed => RefusalCode::Stopping,
            StoreError::DiskFull => RefusalCode::DiskFull,
            StoreError::TooManyTemplates => RefusalCode::TooManyTemplates,
            StoreError::TemplateNotYours => RefusalCode::TemplateNotYours,
            StoreError::NoSuchRoom => RefusalCode::RoomNotFound,
            StoreError::Database(_) if self.may_pass() => RefusalCode::Busy,
            StoreError::Damaged(_)
            | StoreError::Database(_)
            | StoreError::Migration(_)
            | StoreError::Thread(_) => RefusalCode::Internal,
        }
    }

    /// Whether the same may be done later, unchanged: the database is locked or gone.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            StoreError::Unreachable(_) => true,
            StoreError::Database(error) => match code(error) {
                Some(code) => is_locked(&code) || is_gone(&code),
                None => is_broken(error),
            },
            StoreError::Busy
            | StoreError::Closed
            | StoreError::NoSuchRoom
            | StoreError::TooManyTemplates
            | StoreError::TemplateNotYours
            | StoreError::DiskFull
            | StoreError::Damaged(_)
            | StoreError::Migration(_)
            | StoreError::Thread(_) => false,
        }
    }

    /// Whether nothing more comes of the connection that this came from.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            StoreError::Unreachable(_) => true,
            // SQLite has undone the transaction by itself, and the driver believes that it is still open.
            StoreError::DiskFull => true,
            StoreError::Database(error) => match code(error) {
                Some(code) => is_gone(&code) || is_undone(&code),
                None => is_broken(error),
            },
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match (code(&error).as_deref(), &error) {
            (Some(SQLITE_FULL | POSTGRES_FULL), _) => StoreError::DiskFull,
            (_, sqlx::Error::PoolClosed) => StoreError::Closed,
            (_, sqlx::Error::PoolTimedOut) => StoreError::Unreachable("no connection in time"),
            _ => StoreError::Database(Arc::new(error)),
        }
    }
}

/// SQLite's result code of a full disk (`SQLITE_FULL`), and PostgreSQL's (`disk_full`).
const SQLITE_FULL: &str = "13";
const POSTGRES_FULL: &str = "53100";
/// PostgreSQL's codes have five characters (SQLSTATE); SQLite's are numbers of up to four digits.
const SQLSTATE_CHARS: usize = 5;
/// Of a SQLite code, without what extends it: `SQLITE_BUSY` and `SQLITE_LOCKED`.
const SQLITE_LOCKS: [u32; 2] = [5, 6];
/// Serialization failure, deadlock, lock not available, statement timeout.
const POSTGRES_LOCKS: [&str; 4] = ["40001", "40P01", "55P03", "57014"];

fn code(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    error.code().map(|code| code.into_owned())
}

fn is_locked(code: &str) -> bool {
    if code.len() == SQLSTATE_CHARS {
        return POSTGRES_LOCKS.contains(&code);
    }
    code.parse()
        .is_ok_and(|code: u32| SQLITE_LOCKS.contains(&(code & 0xff)))
}

/// Connection exceptions, a server that stops or starts, too many connections, an idle transaction that
/// was given up, a server that only reads for now.
fn is_gone(code: &str) -> bool {
    let others = ["53300", "25P03", "25006"];
    code.len() == SQLSTATE_CHARS
        && (code.starts_with("08") || code.starts_with("57P") || others.contains(&code))
}

/// Errors beside the full disk upon which SQLite undoes a transaction by itself
/// (<https://www.sqlite.org/lang_transaction.html>): `SQLITE_NOMEM` and `SQLITE_IOERR`.
fn is_undone(code: &str) -> bool {
    code.len() != SQLSTATE_CHARS
        && code
            .parse()
            .is_ok_and(|code: u32| [7, 10].contains(&(code & 0xff)))
}

fn is_broken(error: &sqlx::Error) -> bool {
    matches!(
        error,
        // The driver has a transaction open that the database has not.
        sqlx::Error::InvalidSavePointStatement
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_pass_and_so_do_servers_that_start_again() {
        for code in ["5", "517", "6", "40P01"] {
            assert!(is_locked(code) && !is_gone(code), "{code}");
        }
        for code in ["57P01", "57P03", "08006", "53300"] {
            assert!(is_gone(code) && !is_locked(code), "{code}");
        }
        // Constraints of both, a full disk, a value that is none.
        for code in ["1555", "2067", "13", "23505", "53100", "22021"] {
            assert!(!is_gone(code) && !is_locked(code), "{code}");
        }
    }

    #[test]
    fn what_may_pass_is_refused_as_busy() {
        let gone = StoreError::from(sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into()));
        assert!(gone.may_pass() && gone.is_lost());
        assert_eq!(gone.refusal(), RefusalCode::Busy);
        let wrong = StoreError::from(sqlx::Error::RowNotFound);
        assert!(!wrong.may_pass());
        assert_eq!(wrong.refusal(), RefusalCode::Internal);
    }
}
