//! The one writer: whatever waits is committed together, in the order in which it came.

use std::collections::BTreeMap;

use conclave_core::room::record::Record;
use conclave_wire::{FileId, RefusalCode, Template};
use sqlx::{Any, AnyConnection, Connection, Transaction};
use tokio::sync::{mpsc, oneshot};

use super::{
    StoreError,
    operator::{self, OperatorRecord},
    records::{self, RoomId},
    reopening,
    retention::{self, Unreferenced},
    templates,
};
use crate::clock::unix_ms;

/// Writes in one transaction: keeps a commit within a few milliseconds.
const GROUP_WRITES_MAX: usize = 256;

pub(super) enum Job {
    Write {
        slug: String,
        records: Vec<Record>,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    Purge {
        now_unix_ms: u64,
        done: oneshot::Sender<Result<Vec<Unreferenced>, StoreError>>,
    },
    Operator {
        record: OperatorRecord,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    RemoveKeptFile {
        room_id: String,
        file: FileId,
        done: oneshot::Sender<Result<Option<Unreferenced>, StoreError>>,
    },
    ClearFiles {
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    Reopen {
        slug: String,
        host_key_hash: [u8; 32],
        now_unix_ms: u64,
        done: oneshot::Sender<Result<Result<(), RefusalCode>, StoreError>>,
    },
    SaveTemplate {
        template: Template,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Takes the write lock and gives it back.
    Probe {
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

struct Write {
    slug: String,
    records: Vec<Record>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Works until it is told to close or nobody can write any more.
///
/// A commit takes everything that came while the one before was under way: one write alone waits for
/// nothing, many share a commit.
pub(super) async fn work(
    mut connection: AnyConnection,
    mut jobs: mpsc::Receiver<Job>,
    kept_ms_max: u64,
) {
    let mut waiting = Vec::with_capacity(GROUP_WRITES_MAX);
    while jobs.recv_many(&mut waiting, GROUP_WRITES_MAX).await > 0 {
        let mut group = Vec::new();
        let mut closed = None;
        for job in waiting.drain(..) {
            match job {
                Job::Write {
                    slug,
                    records,
                    done,
                } => group.push(Write {
                    slug,
                    records,
                    done,
                }),
                Job::Purge { now_unix_ms, done } => {
                    commit(&mut connection, std::mem::take(&mut group)).await;
                    let purged = retention::purge(&mut connection, now_unix_ms, kept_ms_max).await;
                    done.send(purged).ok();
                }
                Job::Operator { record, done } => {
                    let stored = operator::store(&mut connection, &record).await;
                    done.send(stored).ok();
                }
                Job::RemoveKeptFile {
                    room_id,
                    file,
                    done,
                } => {
                    // What a room shares meanwhile must be seen.
                    commit(&mut connection, std::mem::take(&mut group)).await;
                    let removed = operator::remove_kept_file(&mut connection, &room_id, file).await;
                    done.send(removed).ok();
                }
                Job::ClearFiles { done } => {
                    commit(&mut connection, std::mem::take(&mut group)).await;
                    let cleared = operator::clear_files(&mut connection).await;
                    done.send(cleared).ok();
                }
                Job::Reopen {
                    slug,
                    host_key_hash,
                    now_unix_ms,
                    done,
                } => {
                    commit(&mut connection, std::mem::take(&mut group)).await;
                    let key = &host_key_hash;
                    let opened = reopening::reopen(&mut connection, &slug, key, now_unix_ms).await;
                    done.send(opened).ok();
                }
                Job::SaveTemplate { template, done } => {
                    let saved = templates::save(&mut connection, &template, unix_ms()).await;
                    done.send(saved).ok();
                }
                Job::Probe { done } => {
                    commit(&mut connection, std::mem::take(&mut group)).await;
                    done.send(probe(&mut connection).await).ok();
                }
                Job::Close { done } => closed = Some(done),
            }
        }
        commit(&mut connection, group).await;
        if let Some(done) = closed {
            jobs.close();
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "the database did not close in order");
            }
            done.send(()).ok();
            return;
        }
    }
}

async fn probe(connection: &mut AnyConnection) -> Result<(), StoreError> {
    Ok(begin(connection).await?.rollback().await?)
}

/// Commits a group. When it fails, each write is tried alone, so that one that cannot be stored does
/// not take others with it.
async fn commit(connection: &mut AnyConnection, mut group: Vec<Write>) {
    if group.is_empty() {
        return;
    }
    if together(connection, &mut group).await.is_ok() {
        for write in group {
            write.done.send(Ok(())).ok();
        }
        return;
    }
    for write in group {
        let mut alone = [write];
        let stored = together(connection, &mut alone).await;
        let [write] = alone;
        if let Err(error) = &stored {
            tracing::error!(%error, "a write was not stored");
        }
        write.done.send(stored).ok();
    }
}

async fn together(connection: &mut AnyConnection, group: &mut [Write]) -> Result<(), StoreError> {
    let mut transaction = begin(connection).await?;
    let mut rooms: BTreeMap<&str, RoomId> = BTreeMap::new();
    for Write { slug, records, .. } in group.iter() {
        for record in records {
            let room = rooms.get(slug.as_str());
            let room = records::store(&mut transaction, slug, room, record).await?;
            rooms.insert(slug, room);
        }
    }
    Ok(transaction.commit().await?)
}

/// Takes the write lock at once: a transaction that reads first and writes later could find it taken
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
