//! Which database there is, and how its connections are made: a file of SQLite, or a PostgreSQL server.

use std::{fmt, path::PathBuf, time::Duration};

use sqlx::{
    AnyConnection, AnyPool, ConnectOptions, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
    sqlite::SqliteConnectOptions,
};
use tokio::time::timeout;
use url::Url;

use super::{StoreError, StoreOptions};
use crate::config::Durability;

/// SQLite needs few: they wait for one disk.
const FILE_READERS_MAX: u32 = 4;
/// How long a reader waits for a connection.
const READER_DEADLINE: Duration = Duration::from_secs(10);
/// How long it may take to reach a server.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a transaction on a server may take: what takes longer is lost on the way. SQLite needs no such
/// bound, because it waits for nothing but locks and the disk.
const TRANSACTION_DEADLINE: Duration = Duration::from_secs(15);

/// Where rooms are kept.
#[derive(Clone)]
pub enum Database {
    /// A file of SQLite.
    File(PathBuf),
    /// A PostgreSQL server, as `postgres://user:password@host/database`.
    Server(Url),
}

impl Database {
    /// Whether this is the address of a database server.
    pub fn is_server(url: &Url) -> bool {
        matches!(url.scheme(), "postgres" | "postgresql")
    }
}

/// Without the password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::File(path) => f.debug_tuple("File").field(path).finish(),
            Database::Server(url) => write!(f, "Server({})", url.host_str().unwrap_or_default()),
        }
    }
}

/// Makes connections.
pub(super) struct Engine {
    connect: AnyConnectOptions,
    is_server: bool,
    options: StoreOptions,
}

impl Engine {
    pub(super) fn new(database: &Database, options: StoreOptions) -> Result<Engine, StoreError> {
        sqlx::any::install_default_drivers();
        let (url, is_server) = match database {
            Database::File(path) => {
                let file = SqliteConnectOptions::new().filename(path);
                (file.create_if_missing(true).to_url_lossy(), false)
            }
            Database::Server(url) => (url.clone(), true),
        };
        Ok(Engine {
            connect: AnyConnectOptions::from_url(&url)?,
            is_server,
            options,
        })
    }

    /// What a transaction may take, where there is a bound.
    pub(super) fn transaction_deadline(&self) -> Option<Duration> {
        self.is_server.then_some(TRANSACTION_DEADLINE)
    }

    /// A connection without deadlines: bringing tables up to date takes as long as it takes.
    pub(super) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let connecting = timeout(CONNECT_DEADLINE, self.connect.connect());
        let late = |_| StoreError::Unreachable("no answer in time");
        Ok(connecting.await.map_err(late)??)
    }

    pub(super) async fn writer(&self) -> Result<AnyConnection, StoreError> {
        let mut writer = self.connect().await?;
        if self.is_server {
            set_deadlines(&mut writer).await?;
            return Ok(writer);
        }
        let durability = match self.options.durability {
            Durability::Normal => "PRAGMA synchronous = NORMAL",
            Durability::Full => "PRAGMA synchronous = FULL",
        };
        writer.execute("PRAGMA journal_mode = WAL").await?;
        writer.execute(durability).await?;
        // What was deleted is overwritten: chat that is not kept must not be found in the file.
        writer.execute("PRAGMA secure_delete = ON").await?;
        set_busy_timeout(&mut writer).await?;
        Ok(writer)
    }

    /// Connections that read; they are made when they are needed.
    pub(super) fn readers(&self) -> AnyPool {
        let connections = match self.is_server {
            // One is the writer's.
            true => self.options.connections_max.saturating_sub(1).max(1),
            false => FILE_READERS_MAX,
        };
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(READER_DEADLINE);
        let pool = match self.is_server {
            true => pool.after_connect(|connection, _| Box::pin(set_deadlines(connection))),
            false => pool.after_connect(|connection, _| Box::pin(set_busy_timeout(connection))),
        };
        pool.connect_lazy_with(self.connect.clone())
    }
}

/// How long a statement waits for another process's lock on the file. Writes are tried again after that.
async fn set_busy_timeout(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("PRAGMA busy_timeout = 1000").await?;
    Ok(())
}

/// A server gives up by itself what nobody waits for any more, [`TRANSACTION_DEADLINE`] in milliseconds, and
/// waits for another program's lock only as long as writes may be put off by it.
async fn set_deadlines(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET lock_timeout = 1000").await?;
    connection.execute("SET statement_timeout = 15000").await?;
    let idle = "SET idle_in_transaction_session_timeout = 15000";
    connection.execute(idle).await?;
    Ok(())
}
