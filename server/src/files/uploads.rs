//! The uploads of the server: which are open, how much space they and the finished files take.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix::prelude::*;
use conclave_core::transfer::Quota;
use conclave_wire::{ParticipantId, RefusalCode};
use parking_lot::Mutex;

use super::{
    Shelf,
    partial::{self, Ticket, UploadId},
};
use crate::actors::file_upload::FileUploadActor;

/// Limits of files. A room's own quota is the room's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileLimits {
    pub file_bytes_max: u64,
    pub server_bytes_max: u64,
    /// Left free on the disk, so that the database and the logs can go on.
    pub disk_free_bytes_min: u64,
    pub uploads_max: usize,
    pub uploads_per_person_max: usize,
    /// An upload to which nothing comes for so long is removed.
    pub idle_max: Duration,
}

impl Default for FileLimits {
    fn default() -> FileLimits {
        FileLimits {
            file_bytes_max: 8 << 30,
            server_bytes_max: 64 << 30,
            disk_free_bytes_min: 256 << 20,
            uploads_max: 256,
            uploads_per_person_max: 4,
            idle_max: Duration::from_secs(24 * 3_600),
        }
    }
}

/// Handle on all uploads; clones share them.
#[derive(Clone)]
pub struct Uploads {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    shelf: Shelf,
    limits: FileLimits,
    state: Mutex<State>,
}

struct State {
    quota: Quota,
    /// Every upload that has a reservation; the address is there once somebody has talked to it.
    open: BTreeMap<UploadId, Open>,
}

struct Open {
    slug: String,
    owner: ParticipantId,
    size_bytes: u64,
    finished: bool,
    actor: Option<Addr<FileUploadActor>>,
}

impl Uploads {
    /// Counts what is there and removes uploads that have expired while the server was down.
    ///
    /// # Errors
    /// When the data folder cannot be read or written.
    pub fn open(data: &Path, limits: FileLimits) -> io::Result<Uploads> {
        let folder = data.join("uploads");
        fs::create_dir_all(&folder)?;
        let shelf = Shelf::open(data)?;
        let mut quota = Quota::new(limits.server_bytes_max, RefusalCode::ServerQuotaReached);
        quota.found(shelf.used_bytes()?);
        let mut open = BTreeMap::new();
        for (id, ticket, touched) in partial::list(&folder)? {
            let idle = SystemTime::now()
                .duration_since(touched)
                .unwrap_or_default();
            if idle >= limits.idle_max {
                partial::discard(&folder, &id);
                continue;
            }
            quota.found(ticket.size_bytes);
            let Ticket {
                slug,
                owner,
                size_bytes,
                ..
            } = ticket;
            open.insert(
                id,
                Open {
                    slug,
                    owner,
                    size_bytes,
                    finished: false,
                    actor: None,
                },
            );
        }
        let state = Mutex::new(State { quota, open });
        Ok(Uploads {
            shared: Arc::new(Shared {
                folder,
                shelf,
                limits,
                state,
            }),
        })
    }

    pub fn limits(&self) -> &FileLimits {
        &self.shared.limits
    }

    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    pub fn shelf(&self) -> &Shelf {
        &self.shared.shelf
    }

    /// Reserves what an upload will need, before a byte of it is taken.
    ///
    /// # Errors
    /// Which limit stands in the way.
    pub fn admit(&self, id: &UploadId, ticket: &Ticket) -> Result<(), RefusalCode> {
        let limits = &self.shared.limits;
        if ticket.size_bytes > limits.file_bytes_max {
            return Err(RefusalCode::FileTooLarge);
        }
        let mut state = self.shared.state.lock();
        let of_person =
            |open: &&Open| !open.finished && open.slug == ticket.slug && open.owner == ticket.owner;
        if state.open.len() >= limits.uploads_max
            || state.open.values().filter(of_person).count() >= limits.uploads_per_person_max
        {
            return Err(RefusalCode::TooManyUploads);
        }
        state.quota.reserve(ticket.size_bytes)?;
        let open = Open {
            slug: ticket.slug.clone(),
            owner: ticket.owner,
            size_bytes: ticket.size_bytes,
            finished: false,
            actor: None,
        };
        state.open.insert(id.clone(), open);
        Ok(())
    }

    /// Whether the disk has space for so much more, beyond what must stay free. It blocks.
    pub fn disk_has(&self, bytes: u64) -> bool {
        match rustix::fs::statvfs(&self.shared.folder) {
            Ok(disk) => {
                let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                free.saturating_sub(bytes) >= self.shared.limits.disk_free_bytes_min
                    && free >= bytes
            }
            Err(error) => {
                tracing::warn!(%error, "free space of the disk is unknown");
                true
            }
        }
    }

    pub fn is_open(&self, id: &UploadId) -> bool {
        self.shared.state.lock().open.contains_key(id)
    }

    pub fn actor(&self, id: &UploadId) -> Option<Addr<FileUploadActor>> {
        let state = self.shared.state.lock();
        state
            .open
            .get(id)
            .and_then(|open| open.actor.clone())
            .filter(Addr::connected)
    }

    /// Remembers who answers for an upload. When two requests raced, the first stays.
    pub fn attach(
        &self,
        id: &UploadId,
        actor: Addr<FileUploadActor>,
    ) -> Option<Addr<FileUploadActor>> {
        let mut state = self.shared.state.lock();
        let open = state.open.get_mut(id)?;
        match &open.actor {
            Some(first) if first.connected() => Some(first.clone()),
            _ => {
                open.actor = Some(actor.clone());
                Some(actor)
            }
        }
    }

    /// An upload has become a file. What it reserved is kept, unless the content was there before.
    pub fn finished(&self, id: &UploadId, kept_bytes: u64) {
        let mut state = self.shared.state.lock();
        if let Some(open) = state.open.get_mut(id) {
            let spare_bytes = open.size_bytes.saturating_sub(kept_bytes);
            open.size_bytes = 0;
            open.finished = true;
            state.quota.release(spare_bytes);
        }
    }

    /// An upload is over: given up, or long finished.
    pub fn close(&self, id: &UploadId) {
        let mut state = self.shared.state.lock();
        if let Some(open) = state.open.remove(id) {
            state.quota.release(open.size_bytes);
        }
    }

    /// Finished files were removed.
    pub fn removed(&self, bytes: u64) {
        self.shared.state.lock().quota.release(bytes);
    }

    /// Bytes taken by finished files and reserved by uploads.
    pub fn taken_bytes(&self) -> u64 {
        self.shared.state.lock().quota.taken_bytes()
    }
}
