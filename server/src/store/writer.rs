//! The one writer: whatever waits is committed together, in the order in which it came. When the database
//! is locked or gone for a while, writes wait, each as long as it may.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use conclave_core::room::record::Record;
use conclave_wire::{FileId, RefusalCode, Template};
use sqlx::{Any, AnyConnection, Connection, Transaction};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{
    MS_PER_HOUR, StoreError, StoreOptions,
    columns::Columns,
    engine::Engine,
    operator::{self, OperatorRecord},
    records::{self, RoomId},
    reopening,
    retention::{self, Unreferenced},
    statistics, templates,
};
use crate::clock::unix_ms;

/// Writes in one transaction: keeps a commit within a few milliseconds.
const GROUP_WRITES_MAX: usize = 256;
/// A database that is locked or gone is tried again after this time.
const TRIED_AGAIN: Duration = Duration::from_millis(100);

type Done<T> = oneshot::Sender<Result<T, StoreError>>;

pub(super) enum Job {
    Write(Write),
    Purge {
        now_unix_ms: u64,
        done: Done<Vec<Unreferenced>>,
    },
    Operator {
        record: OperatorRecord,
        done: Done<()>,
    },
    RemoveKeptFile {
        room_id: String,
        file: FileId,
        done: Done<Option<Unreferenced>>,
    },
    ClearFiles {
        done: Done<()>,
    },
    Reopen {
        slug: String,
        host_key_hash: [u8; 32],
        now_unix_ms: u64,
        done: Done<Result<(), RefusalCode>>,
    },
    SaveTemplate {
        template: Template,
        owner: [u8; 32],
        done: Done<()>,
    },
    DeleteTemplate {
        name: String,
        /// `None` for the operator.
        owner: Option<[u8; 32]>,
        done: Done<bool>,
    },
    /// So many people were on the server at once.
    NotePeople {
        at_unix_ms: u64,
        people: u32,
        done: Done<()>,
    },
    /// Takes the write lock and gives it back.
    Probe {
        done: Done<()>,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

pub(super) struct Write {
    pub(super) slug: String,
    pub(super) records: Vec<Record>,
    /// When it is refused, should it not be stored by then.
    pub(super) until: Instant,
    pub(super) done: Done<()>,
}

pub(super) struct Writer {
    engine: Engine,
    /// `None` while the database cannot be reached.
    connection: Option<AnyConnection>,
    /// The transaction of a commit that nobody knows the outcome of: its answer was lost.
    in_doubt: Option<String>,
    /// Nothing waits any longer for a database that is gone.
    closing: Arc<AtomicBool>,
    write_deadline: Duration,
    /// Whether the operator was told that it is gone.
    is_down: bool,
    kept_ms_max: u64,
}

impl Writer {
    pub(super) fn new(
        engine: Engine,
        connection: AnyConnection,
        closing: Arc<AtomicBool>,
        options: StoreOptions,
    ) -> Writer {
        Writer {
            engine,
            connection: Some(connection),
            in_doubt: None,
            closing,
            write_deadline: options.write_deadline,
            is_down: false,
            kept_ms_max: u64::from(options.kept_hours_max) * MS_PER_HOUR,
        }
    }

    /// Works until it is told to close or nobody can write any more.
    ///
    /// A commit takes everything that came while the one before was under way: one write alone waits for
    /// nothing, many share a commit.
    pub(super) async fn work(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::with_capacity(GROUP_WRITES_MAX);
        while jobs.recv_many(&mut waiting, GROUP_WRITES_MAX).await > 0 {
            let mut group = Vec::new();
            let mut closed = None;
            for job in waiting.drain(..) {
                match job {
                    Job::Write(write) => group.push(write),
                    Job::Close { done } => closed = Some(done),
                    // Each sees what was written before it.
                    other => {
                        self.commit(std::mem::take(&mut group)).await;
                        self.do_one(other).await;
                    }
                }
            }
            self.commit(group).await;
            if let Some(done) = closed {
                jobs.close();
                self.close().await;
                done.send(()).ok();
                return;
            }
        }
    }

    /// Whoever asked may be gone by the time of the answer.
    async fn do_one(&mut self, job: Job) {
        match job {
            Job::Write(write) => self.commit(vec![write]).await,
            Job::Purge { now_unix_ms, done } => {
                let kept_ms_max = self.kept_ms_max;
                let purge = async |connection: &mut AnyConnection| {
                    retention::purge(connection, now_unix_ms, kept_ms_max).await
                };
                done.send(self.run_patiently(purge).await).ok();
            }
            Job::Operator { record, done } => {
                let store = async |connection: &mut AnyConnection| {
                    operator::store(connection, &record).await
                };
                done.send(self.run_patiently(store).await).ok();
            }
            Job::RemoveKeptFile {
                room_id,
                file,
                done,
            } => {
                let remove = async |connection: &mut AnyConnection| {
                    operator::remove_kept_file(connection, &room_id, file).await
                };
                done.send(self.run_patiently(remove).await).ok();
            }
            Job::ClearFiles { done } => {
                let clear =
                    async |connection: &mut AnyConnection| operator::clear_files(connection).await;
                done.send(self.run_patiently(clear).await).ok();
            }
            Job::Reopen {
                slug,
                host_key_hash,
                now_unix_ms,
                done,
            } => {
                let reopen = async |connection: &mut AnyConnection| {
                    reopening::reopen(connection, &slug, &host_key_hash, now_unix_ms).await
                };
                done.send(self.run_patiently(reopen).await).ok();
            }
            Job::SaveTemplate {
                template,
                owner,
                done,
            } => {
                let now_unix_ms = unix_ms();
                let save = async |connection: &mut AnyConnection| {
                    templates::save(connection, &template, &owner, now_unix_ms).await
                };
                done.send(self.run_patiently(save).await).ok();
            }
            Job::DeleteTemplate { name, owner, done } => {
                let delete = async |connection: &mut AnyConnection| {
                    templates::delete(connection, &name, owner.as_ref()).await
                };
                done.send(self.run_patiently(delete).await).ok();
            }
            Job::NotePeople {
                at_unix_ms,
                people,
                done,
            } => {
                let note = async |connection: &mut AnyConnection| {
                    statistics::note_people(connection, at_unix_ms, people).await
                };
                done.send(self.run_patiently(note).await).ok();
            }
            Job::Probe { done } => {
                // Who asks wants to know how it is now.
                let probe = async |connection: &mut AnyConnection| -> Result<(), StoreError> {
                    Ok(begin(connection).await?.rollback().await?)
                };
                done.send(self.run(&probe).await).ok();
            }
            Job::Close { done } => drop(done),
        }
    }

    /// As [`Writer::run`], again and again while the database is locked or gone, as long as a write would
    /// wait.
    async fn run_patiently<T>(
        &mut self,
        work: impl AsyncFn(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let until = Instant::now() + self.write_deadline;
        loop {
            match self.run(&work).await {
                Err(error) if error.may_pass() && !self.is_too_late(until) => {
                    sleep(TRIED_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    fn is_too_late(&self, until: Instant) -> bool {
        self.closing.load(Ordering::Relaxed) || until <= Instant::now()
    }

    /// Commits a group. When one of it cannot be stored, each write is tried alone, so that it does not take
    /// others with it; when the database is locked or gone, the group is tried again.
    async fn commit(&mut self, mut group: Vec<Write>) {
        while !group.is_empty() {
            match self.together(&group).await {
                Ok(()) => {
                    for write in group.drain(..) {
                        write.done.send(Ok(())).ok();
                    }
                    self.is_up();
                }
                Err(error) if error.may_pass() => self.put_off(&mut group, &error).await,
                Err(error) => match <[Write; 1]>::try_from(std::mem::take(&mut group)) {
                    Ok([write]) => {
                        tracing::error!(%error, "a write was not stored");
                        write.done.send(Err(error)).ok();
                    }
                    Err(several) => {
                        for write in several {
                            Box::pin(self.commit(vec![write])).await;
                        }
                    }
                },
            }
        }
        self.in_doubt = None;
    }

    /// Refuses what has waited for as long as it may, and lets the rest wait for a moment.
    async fn put_off(&mut self, group: &mut Vec<Write>, error: &StoreError) {
        if !std::mem::replace(&mut self.is_down, true) {
            tracing::warn!(%error, "the database cannot be written; what is to be stored waits");
        }
        let late = |write: &mut Write| self.is_too_late(write.until);
        for write in group.extract_if(.., late) {
            write.done.send(Err(error.clone())).ok();
        }
        if !group.is_empty() {
            sleep(TRIED_AGAIN).await;
        }
    }

    fn is_up(&mut self) {
        if std::mem::take(&mut self.is_down) {
            tracing::info!("the database can be written again");
        }
    }

    async fn together(&mut self, group: &[Write]) -> Result<(), StoreError> {
        if let Some(transaction) = self.in_doubt.clone() {
            let ask =
                async |connection: &mut AnyConnection| outcome(connection, &transaction).await;
            if self.run(&ask).await? {
                return Ok(());
            }
            self.in_doubt = None;
        }
        let in_doubt = Cell::new(None);
        let store = async |connection: &mut AnyConnection| -> Result<(), StoreError> {
            let mut transaction = begin(connection).await?;
            let mut rooms: BTreeMap<&str, RoomId> = BTreeMap::new();
            for Write { slug, records, .. } in group {
                for record in records {
                    let room = rooms.get(slug.as_str());
                    let room = records::store(&mut transaction, slug, room, record).await?;
                    rooms.insert(slug, room);
                }
            }
            in_doubt.set(number_of(&mut transaction).await?);
            Ok(transaction.commit().await?)
        };
        let stored = self.run(&store).await;
        if stored.as_ref().is_err_and(StoreError::is_lost) {
            self.in_doubt = in_doubt.take();
        }
        stored
    }

    /// Does something with the connection, which is made again when it was lost.
    async fn run<T>(
        &mut self,
        work: &impl AsyncFn(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            lost => lost.insert(self.engine.writer().await?),
        };
        let work = work(connection);
        let done = match self.engine.transaction_deadline() {
            None => work.await,
            Some(deadline) => match timeout(deadline, work).await {
                Ok(done) => done,
                Err(_) => Err(StoreError::Unreachable("a transaction took too long")),
            },
        };
        if done.as_ref().is_err_and(StoreError::is_lost) {
            self.connection = None;
        }
        done
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database did not close in order");
        }
    }
}

/// Takes SQLite's write lock at once: a transaction that reads first and writes later could find it taken
/// and would have to be undone.
pub(super) async fn begin(
    connection: &mut AnyConnection,
) -> Result<Transaction<'_, Any>, StoreError> {
    let statement = match connection.backend_name() {
        "SQLite" => "BEGIN IMMEDIATE",
        _ => "BEGIN",
    };
    Ok(connection.begin_with(statement).await?)
}

/// By what a server knows the transaction again, should the answer to its commit be lost. A file's commit
/// has no such answer.
async fn number_of(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    if connection.backend_name() == "SQLite" {
        return Ok(None);
    }
    let number = sqlx::query("SELECT CAST(pg_current_xact_id() AS TEXT) AS number");
    Ok(Some(number.fetch_one(connection).await?.text("number")?))
}

/// Whether a transaction was committed.
async fn outcome(connection: &mut AnyConnection, number: &str) -> Result<bool, StoreError> {
    let status = "SELECT COALESCE(pg_xact_status(CAST($1 AS xid8)), 'aborted') AS status";
    let status = sqlx::query(status).bind(number.to_owned());
    let row = match status.fetch_one(connection).await {
        Ok(row) => row,
        // A server that has crashed knows no number under which nothing was stored.
        Err(error) if is_number_unknown(&error) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    match row.text("status")?.as_str() {
        "committed" => Ok(true),
        "aborted" => Ok(false),
        // The server has not noticed yet that we are gone.
        _ => Err(StoreError::Unreachable("a commit is under way")),
    }
}

/// `invalid_parameter_value`: the transaction is in the future, in the eyes of the server.
fn is_number_unknown(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(|error| error.code().as_deref() == Some("22023"))
}
