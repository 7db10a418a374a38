//! The database: what of rooms must survive a restart.
//!
//! A thread of its own runs one writer, which commits everything that waits in one transaction, and
//! readers apart from it. Statements go through `sqlx::Any`, so that they run on SQLite and PostgreSQL.

use std::{
    collections::BTreeSet, future::Future, io, path::Path, sync::Arc, thread, time::Duration,
};

use conclave_core::room::{
    KEEP_HOURS_MAX,
    record::{Record, StoredRoom},
};
use conclave_wire::{EndReason, FileId, Line, LineId, RefusalCode, SharedFile, Template};
use sqlx::{
    AnyPool, ConnectOptions, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::Migrator,
    sqlite::SqliteConnectOptions,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
};

use crate::{clock::unix_ms, config::Durability};

mod columns;
mod operator;
mod questions;
mod reading;
mod records;
mod reopening;
mod retention;
mod stats;
mod templates;
mod writer;

pub use operator::{
    AUDIT_ENTRIES_MAX, AuditEntry, FileOrder, KeptFile, OperatorRecord, RoomFiles, StoredSession,
};
pub use retention::Unreferenced;
pub use templates::TEMPLATES_MAX;
use writer::Job;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Name of the database in the data folder.
pub const DATABASE_FILE: &str = "conclave.sqlite";
const READERS_MAX: u32 = 4;
const MS_PER_HOUR: u64 = 3_600_000;
/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT_MS: u32 = 5_000;
/// How long a reader waits for a connection.
const READER_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue of writes is full.
    #[error("too many writes wait for the database")]
    Busy,
    #[error("the database is closed")]
    Closed,
    /// A write for a room that was never opened.
    #[error("the database knows no such room")]
    NoSuchRoom,
    #[error("too many templates are kept")]
    TooManyTemplates,
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
            StoreError::Busy => RefusalCode::Busy,
            StoreError::Closed => RefusalCode::Stopping,
            StoreError::DiskFull => RefusalCode::DiskFull,
            StoreError::TooManyTemplates => RefusalCode::TooManyTemplates,
            StoreError::NoSuchRoom => RefusalCode::RoomNotFound,
            StoreError::Damaged(_)
            | StoreError::Database(_)
            | StoreError::Migration(_)
            | StoreError::Thread(_) => RefusalCode::Internal,
        }
    }
}

/// SQLite's result code of a full disk (`SQLITE_FULL`).
const SQLITE_FULL: &str = "13";

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let code = error.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            Some(SQLITE_FULL) => StoreError::DiskFull,
            _ => StoreError::Database(Arc::new(error)),
        }
    }
}

/// How the store works.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    pub writes_waiting_max: usize,
    pub durability: Durability,
    /// What ended rooms leave is kept no longer than so, whatever their settings say.
    pub kept_hours_max: u32,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            writes_waiting_max: 4_096,
            durability: Durability::Normal,
            kept_hours_max: KEEP_HOURS_MAX,
        }
    }
}

/// How busy the connections to the database are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoreLoad {
    /// Connections that read, and those of them that have nothing to do.
    pub readers: u32,
    pub readers_idle: u32,
    pub writes_waiting: usize,
}

/// Handle of the store; clones share it. The thread ends when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    runtime: Handle,
    readers: AnyPool,
}

impl Store {
    /// Opens or makes the database file and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or was made by a newer version.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        Store::open_with(path, StoreOptions::default()).await
    }

    /// As [`Store::open`], with options.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(path: &Path, options: StoreOptions) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let url = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .to_url_lossy();
        let (opened, ready) = oneshot::channel();
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(
                move || match Builder::new_current_thread().enable_time().build() {
                    Ok(runtime) => runtime.block_on(async move {
                        match Opened::open(&url, options).await {
                            Ok((store, work)) => {
                                // Whoever opened it may have given up; then the writer ends by itself.
                                opened.send(Ok(store)).ok();
                                work.await;
                            }
                            Err(error) => drop(opened.send(Err(error))),
                        }
                    }),
                    Err(error) => drop(opened.send(Err(thread_error(error)))),
                },
            )
            .map_err(thread_error)?;
        ready.await.map_err(|_| StoreError::Closed)?
    }

    /// Stores records of a room, all or none, in the order of the calls. The returned future resolves
    /// after the commit; the write happens whether it is awaited or not.
    ///
    /// # Errors
    /// `Busy` when too many writes wait; `DiskFull`; `NoSuchRoom` unless the first record opens it.
    pub fn write(
        &self,
        slug: &str,
        records: Vec<Record>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (done, committed) = oneshot::channel();
        let job = Job::Write {
            slug: slug.to_owned(),
            records,
            done,
        };
        let queued = self.submit(job);
        async move {
            queued?;
            committed.await.map_err(|_| StoreError::Closed)?
        }
    }

    /// The rooms that have not ended, in order of slugs.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn open_rooms(&self) -> Result<Vec<StoredRoom>, StoreError> {
        self.read(reading::open_rooms).await
    }

    /// At most `lines_max` lines before a line of an open or ended room, oldest first, and whether
    /// there are more before them.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn lines_before(
        &self,
        slug: &str,
        before: LineId,
        lines_max: u32,
    ) -> Result<(Vec<Line>, bool), StoreError> {
        let slug = slug.to_owned();
        self.read(move |readers| reading::lines_before(readers, slug, before, lines_max))
            .await
    }

    /// Why the newest room of this slug has ended; `None` when it is open or there is none.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn ended(&self, slug: &str) -> Result<Option<EndReason>, StoreError> {
        let slug = slug.to_owned();
        self.read(move |readers| retention::ended(readers, slug))
            .await
    }

    /// The file of a share link that was not revoked, and the slug of its room, which is open or still
    /// kept.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn shared_by_token(
        &self,
        token: &str,
    ) -> Result<Option<(String, SharedFile)>, StoreError> {
        let token = token.to_owned();
        self.read(move |readers| retention::shared_by_token(readers, token, unix_ms()))
            .await
    }

    /// Keeps a template, in the place of one of the same name. The write happens whether the future is
    /// awaited or not.
    ///
    /// # Errors
    /// `TooManyTemplates`; `Busy` when too many writes wait; when the database fails.
    pub fn save_template(
        &self,
        template: Template,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (done, saved) = oneshot::channel();
        let queued = self.submit(Job::SaveTemplate { template, done });
        async move {
            queued?;
            saved.await.map_err(|_| StoreError::Closed)?
        }
    }

    /// Opens the newest room of a slug again, which has ended and is still kept.
    ///
    /// # Errors
    /// When the database fails. Inside: `RoomNotFound` when nothing is kept, `SlugTaken` when it is open,
    /// `HostKeyWrong`.
    pub async fn reopen(
        &self,
        slug: &str,
        host_key_hash: [u8; 32],
        now_unix_ms: u64,
    ) -> Result<Result<StoredRoom, RefusalCode>, StoreError> {
        let (done, opened) = oneshot::channel();
        self.submit(Job::Reopen {
            slug: slug.to_owned(),
            host_key_hash,
            now_unix_ms,
            done,
        })?;
        if let Err(code) = opened.await.map_err(|_| StoreError::Closed)?? {
            return Ok(Err(code));
        }
        let rooms = self.open_rooms().await?;
        let room = rooms.into_iter().find(|room| room.slug == slug);
        Ok(room.ok_or(RefusalCode::RoomNotFound))
    }

    /// The templates that were saved, in order of names.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn templates(&self) -> Result<Vec<Template>, StoreError> {
        self.read(templates::all).await
    }

    /// Every content that a room has, open or kept: slug and lower-case hexadecimal SHA-256.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn contents(&self) -> Result<BTreeSet<(String, String)>, StoreError> {
        self.read(retention::contents).await
    }

    /// Whether the database can be read.
    pub async fn is_well(&self) -> bool {
        self.read(reading::is_well).await.is_ok()
    }

    /// Resolves when the writer has had the database to itself for a moment: behind all writes that wait,
    /// and not before another program's lock is gone. It fails when that takes too long.
    ///
    /// # Errors
    /// When the database is locked, full or closed, or too many writes wait.
    pub fn probe(&self) -> impl Future<Output = Result<(), StoreError>> + Send + 'static + use<> {
        let (done, probed) = oneshot::channel();
        let queued = self.submit(Job::Probe { done });
        async move {
            queued?;
            probed.await.map_err(|_| StoreError::Closed)?
        }
    }

    /// How busy the connections are.
    pub fn load(&self) -> StoreLoad {
        StoreLoad {
            readers: self.readers.size(),
            readers_idle: u32::try_from(self.readers.num_idle()).unwrap_or(u32::MAX),
            writes_waiting: self.jobs.max_capacity() - self.jobs.capacity(),
        }
    }

    /// Removes rooms whose time to be kept is over. Returns files that no room refers to any more.
    ///
    /// # Errors
    /// When the database fails; nothing is removed then.
    pub async fn purge(&self, now_unix_ms: u64) -> Result<Vec<Unreferenced>, StoreError> {
        let (done, purged) = oneshot::channel();
        self.submit(Job::Purge { now_unix_ms, done })?;
        purged.await.map_err(|_| StoreError::Closed)?
    }

    /// Stores what the operator's pages keep. The write happens whether the future is awaited or not.
    ///
    /// # Errors
    /// `Busy` when too many writes wait; when the database fails.
    pub fn operate(
        &self,
        record: OperatorRecord,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (done, stored) = oneshot::channel();
        let queued = self.submit(Job::Operator { record, done });
        async move {
            queued?;
            stored.await.map_err(|_| StoreError::Closed)?
        }
    }

    /// Operators' sessions whose time is not over, oldest first.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn operator_sessions(&self) -> Result<Vec<StoredSession>, StoreError> {
        self.read(|readers| operator::sessions(readers, unix_ms()))
            .await
    }

    /// The newest entries of the audit log before one, newest first; before [`u64::MAX`] the newest of
    /// all.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn audit(
        &self,
        before: u64,
        entries_max: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |readers| operator::audit(readers, before, entries_max))
            .await
    }

    /// At most `files_max` files of all rooms, open or kept, or of those of one address.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn files(
        &self,
        slug: Option<&str>,
        order: FileOrder,
        files_max: u32,
    ) -> Result<Vec<KeptFile>, StoreError> {
        let slug = slug.map(str::to_owned);
        self.read(move |readers| operator::files(readers, slug, order, files_max))
            .await
    }

    /// The addresses whose files take most, largest first.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn files_by_room(&self, rooms_max: u32) -> Result<Vec<RoomFiles>, StoreError> {
        self.read(move |readers| operator::files_by_room(readers, rooms_max))
            .await
    }

    /// Forgets a file of a room that has ended. Answers with its content when nothing refers to it any
    /// more.
    ///
    /// # Errors
    /// `NoSuchRoom` when there is no such file, or its room is open; when the database fails.
    pub async fn remove_kept_file(
        &self,
        room_id: &str,
        file: FileId,
    ) -> Result<Option<Unreferenced>, StoreError> {
        let (done, removed) = oneshot::channel();
        let room_id = room_id.to_owned();
        self.submit(Job::RemoveKeptFile {
            room_id,
            file,
            done,
        })?;
        removed.await.map_err(|_| StoreError::Closed)?
    }

    /// Forgets the files of all rooms.
    ///
    /// # Errors
    /// When the database fails; nothing is forgotten then.
    pub async fn clear_files(&self) -> Result<(), StoreError> {
        let (done, cleared) = oneshot::channel();
        self.submit(Job::ClearFiles { done })?;
        cleared.await.map_err(|_| StoreError::Closed)?
    }

    /// Commits what waits and closes the file; later writes are refused as `Closed`.
    pub async fn close(&self) {
        let readers = self.readers.clone();
        let readers = self.runtime.spawn(async move { readers.close().await });
        // It fails when the store was closed before.
        readers.await.ok();
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close { done }).await.is_ok() {
            closed.await.ok();
        }
    }

    fn submit(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
    }

    /// Runs a query on the store's own thread, so that no timer of the caller's runtime bears on it.
    async fn read<T, F>(&self, query: impl FnOnce(AnyPool) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = self.runtime.spawn(query(self.readers.clone()));
        task.await.map_err(|_| StoreError::Closed)?
    }
}

struct Opened;

impl Opened {
    /// Opens connections; the second value is the writer's work, which ends when all handles are gone.
    async fn open(
        url: &url::Url,
        options: StoreOptions,
    ) -> Result<(Store, impl Future<Output = ()> + use<>), StoreError> {
        let connect = AnyConnectOptions::from_url(url)?;
        let mut writer = connect.connect().await?;
        let durability = match options.durability {
            Durability::Normal => "PRAGMA synchronous = NORMAL",
            Durability::Full => "PRAGMA synchronous = FULL",
        };
        writer.execute("PRAGMA journal_mode = WAL").await?;
        writer.execute(durability).await?;
        // What was deleted is overwritten: chat that is not kept must not be found in the file.
        writer.execute("PRAGMA secure_delete = ON").await?;
        set_busy_timeout(&mut writer).await?;
        MIGRATIONS
            .run_direct(None, &mut writer, false)
            .await
            .map_err(|error| StoreError::Migration(error.to_string()))?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_DEADLINE)
            .after_connect(|connection, _| Box::pin(set_busy_timeout(connection)))
            .connect_lazy_with(connect);
        let (jobs, waiting) = mpsc::channel(options.writes_waiting_max);
        let store = Store {
            jobs,
            runtime: Handle::current(),
            readers,
        };
        let kept_ms_max = u64::from(options.kept_hours_max) * MS_PER_HOUR;
        Ok((store, writer::work(writer, waiting, kept_ms_max)))
    }
}

async fn set_busy_timeout(connection: &mut sqlx::AnyConnection) -> Result<(), sqlx::Error> {
    const _: () = assert!(
        BUSY_TIMEOUT_MS == 5_000,
        "the statement below says it again"
    );
    connection.execute("PRAGMA busy_timeout = 5000").await?;
    Ok(())
}

fn thread_error(error: io::Error) -> StoreError {
    StoreError::Thread(error.to_string())
}
