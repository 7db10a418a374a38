//! The database: what of rooms must survive a restart.
//!
//! A thread of its own runs one writer, which commits everything that waits in one transaction, and
//! readers apart from it. Statements go through `sqlx::Any`, so that they run on SQLite and PostgreSQL.

use std::{
    collections::BTreeSet,
    future::Future,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use conclave_core::room::{
    KEEP_HOURS_MAX,
    record::{Record, StoredRoom},
};
use conclave_wire::{EndReason, FileId, Line, LineId, RefusalCode, SharedFile, Template};
use sqlx::{AnyPool, Connection, migrate::Migrator};
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{clock::unix_ms, config::Durability};

mod columns;
mod engine;
mod failing;
mod figures;
mod operator;
mod questions;
mod reading;
mod records;
mod reopening;
mod report;
mod retention;
mod statistics;
mod stats;
mod templates;
mod together;
mod writer;

pub use engine::Database;
use engine::Engine;
pub use failing::StoreError;
pub use figures::SessionFigures;
pub use operator::{
    AUDIT_ENTRIES_MAX, AuditEntry, FileOrder, KeptFile, OperatorRecord, RoomFiles, StoredSession,
};
pub use report::{
    AskedQuestion, Incident, Meeting, MeetingReport, Presence, REPORT_ROWS_MAX, SharedInMeeting,
};
pub use retention::{STATISTICS_KEPT_DAYS, Unreferenced};
pub use statistics::{DayCount, Statistics};
pub use templates::TEMPLATES_MAX;
use writer::{Job, Write, Writer};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Name of the database in the data folder.
pub const DATABASE_FILE: &str = "conclave.sqlite";
const MS_PER_HOUR: u64 = 3_600_000;
/// How long a question to the database may take, waiting for a connection included.
const READ_DEADLINE: Duration = Duration::from_secs(20);

/// How the store works.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    pub writes_waiting_max: usize,
    pub durability: Durability,
    /// While the database is locked or gone, a write waits for so long, and is refused then.
    pub write_deadline: Duration,
    /// What ended rooms leave is kept no longer than so, whatever their settings say.
    pub kept_hours_max: u32,
    /// Connections to a database server; one of them writes.
    pub connections_max: u32,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            writes_waiting_max: 4_096,
            durability: Durability::Normal,
            write_deadline: Duration::from_secs(20),
            kept_hours_max: KEEP_HOURS_MAX,
            connections_max: 20,
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
    write_deadline: Duration,
    closing: Arc<AtomicBool>,
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
        Store::open_database(Database::File(path.to_owned()), options).await
    }

    /// Opens a file or a server, and brings its tables up to date.
    ///
    /// # Errors
    /// When the database cannot be reached or written, or was made by a newer version.
    pub async fn open_database(
        database: Database,
        options: StoreOptions,
    ) -> Result<Store, StoreError> {
        let (opened, ready) = oneshot::channel();
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(
                move || match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime.block_on(async move {
                        match Opened::open(&database, options).await {
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
        let write = Write {
            slug: slug.to_owned(),
            records,
            until: Instant::now() + self.write_deadline,
            done,
        };
        let queued = self.submit(Job::Write(write));
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

    /// How the meeting in an open room goes; `None` of one that is not stored.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn session_figures(&self, slug: &str) -> Result<Option<SessionFigures>, StoreError> {
        let slug = slug.to_owned();
        self.read(move |readers| figures::session_figures(readers, slug))
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

    /// Keeps a template of an owner (SHA-256), in the place of one of the same name that is theirs or nobody's. The
    /// write happens whether the future is awaited or not.
    ///
    /// # Errors
    /// `TooManyTemplates`, `TemplateNotYours`; `Busy` when too many writes wait; when the database fails.
    pub fn save_template(
        &self,
        template: Template,
        owner: [u8; 32],
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (done, saved) = oneshot::channel();
        let queued = self.submit(Job::SaveTemplate {
            template,
            owner,
            done,
        });
        async move {
            queued?;
            saved.await.map_err(|_| StoreError::Closed)?
        }
    }

    /// Forgets a template that is this owner's or nobody's, or anybody's for the operator, who is no owner; false
    /// when none of that name was saved. The write happens whether the future is awaited or not.
    ///
    /// # Errors
    /// `TemplateNotYours`; `Busy` when too many writes wait; when the database fails.
    pub fn delete_template(
        &self,
        name: &str,
        owner: Option<[u8; 32]>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send + use<> {
        let (done, deleted) = oneshot::channel();
        let name = name.to_owned();
        let queued = self.submit(Job::DeleteTemplate { name, owner, done });
        async move {
            queued?;
            deleted.await.map_err(|_| StoreError::Closed)?
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

    /// Meetings that are over, newest first; names only of rooms that are still kept.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn meetings(&self, meetings_max: u32) -> Result<Vec<Meeting>, StoreError> {
        self.read(move |readers| report::meetings(readers, unix_ms(), meetings_max))
            .await
    }

    /// What came of a meeting: the time from `opened_unix_ms` that a room was open. `None` when nothing is
    /// kept of it.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn report(
        &self,
        room_id: &str,
        opened_unix_ms: u64,
    ) -> Result<Option<MeetingReport>, StoreError> {
        let room_id = room_id.to_owned();
        self.read(move |readers| report::of_meeting(readers, room_id, opened_unix_ms, unix_ms()))
            .await
    }

    /// As [`Store::report`], of the last time that the newest room of a slug was open, for who has the host's
    /// key or the token of a host's seat.
    ///
    /// # Errors
    /// When the database fails. Inside: `RoomNotFound` when nothing is kept, `HostKeyWrong`.
    pub async fn report_for_host(
        &self,
        slug: &str,
        secret_hash: [u8; 32],
    ) -> Result<Result<MeetingReport, RefusalCode>, StoreError> {
        let slug = slug.to_owned();
        self.read(move |readers| report::for_host(readers, slug, secret_hash, unix_ms()))
            .await
    }

    /// Counts of the meetings that have ended since, and of people.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn statistics(&self, since_unix_ms: u64) -> Result<Statistics, StoreError> {
        self.read(move |readers| statistics::since(readers, since_unix_ms))
            .await
    }

    /// Keeps how many people were on the server at once, if it is the most of that day. The write happens
    /// whether the future is awaited or not.
    ///
    /// # Errors
    /// `Busy` when too many writes wait; when the database fails.
    pub fn note_people(
        &self,
        at_unix_ms: u64,
        people: u32,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (done, noted) = oneshot::channel();
        let queued = self.submit(Job::NotePeople {
            at_unix_ms,
            people,
            done,
        });
        async move {
            queued?;
            noted.await.map_err(|_| StoreError::Closed)?
        }
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

    /// Commits what waits and closes the database; later writes are refused as `Closed`. A database that is
    /// gone is not waited for.
    pub async fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
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
        let query = query(self.readers.clone());
        let task = self
            .runtime
            .spawn(async { timeout(READ_DEADLINE, query).await });
        let late = |_| StoreError::Unreachable("no answer in time");
        task.await.map_err(|_| StoreError::Closed)?.map_err(late)?
    }
}

struct Opened;

impl Opened {
    /// Opens connections; the second value is the writer's work, which ends when all handles are gone.
    async fn open(
        database: &Database,
        options: StoreOptions,
    ) -> Result<(Store, impl Future<Output = ()> + use<>), StoreError> {
        let engine = Engine::new(database, options)?;
        let mut first = engine.connect().await?;
        MIGRATIONS
            .run_direct(None, &mut first, false)
            .await
            .map_err(|error| StoreError::Migration(error.to_string()))?;
        first.close().await?;
        let writer = engine.writer().await?;
        let (jobs, waiting) = mpsc::channel(options.writes_waiting_max);
        let closing = Arc::new(AtomicBool::new(false));
        let store = Store {
            jobs,
            runtime: Handle::current(),
            readers: engine.readers(),
            write_deadline: options.write_deadline,
            closing: closing.clone(),
        };
        let writer = Writer::new(engine, writer, closing, options);
        Ok((store, writer.work(waiting)))
    }
}

fn thread_error(error: io::Error) -> StoreError {
    StoreError::Thread(error.to_string())
}
