//! The uploads of the server: which are open, how much space they and the finished files take.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use actix::prelude::*;
use conclave_core::transfer::Quota;
use conclave_wire::{ParticipantId, RefusalCode};
use parking_lot::Mutex;

use super::{
    ContentKey, Hold, Shelf,
    partial::{self, Ticket, UploadId},
};
use crate::actors::file_upload::{AbandonUpload, FileUploadActor};

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
    received_bytes: AtomicU64,
}

struct State {
    quota: Quota,
    /// The server stops: nothing new is taken.
    closed: bool,
    /// Every upload that has a reservation; the address is there once somebody has talked to it.
    open: BTreeMap<UploadId, Open>,
}

struct Open {
    slug: String,
    owner: ParticipantId,
    size_bytes: u64,
    finished: bool,
    actor: Option<Addr<FileUploadActor>>,
    /// Whoever finds an upload without an actor makes one, one after the other.
    resuming: Arc<tokio::sync::Mutex<()>>,
}

impl Open {
    fn new(ticket: &Ticket) -> Open {
        Open {
            slug: ticket.slug.clone(),
            owner: ticket.owner,
            size_bytes: ticket.size_bytes,
            finished: false,
            actor: None,
            resuming: Arc::default(),
        }
    }

    fn runs(&self) -> bool {
        self.actor.as_ref().is_some_and(Addr::connected)
    }
}

impl State {
    fn close(&mut self, id: &UploadId) {
        if let Some(open) = self.open.remove(id) {
            self.quota.release(open.size_bytes);
        }
    }
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
            if idle(touched) >= limits.idle_max {
                partial::discard(&folder, &id);
                continue;
            }
            quota.found(ticket.size_bytes);
            open.insert(id, Open::new(&ticket));
        }
        let state = Mutex::new(State {
            quota,
            closed: false,
            open,
        });
        Ok(Uploads {
            shared: Arc::new(Shared {
                folder,
                shelf,
                limits,
                state,
                received_bytes: AtomicU64::new(0),
            }),
        })
    }

    /// So many bytes of uploads were written.
    pub fn received(&self, bytes: u64) {
        let received = &self.shared.received_bytes;
        received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of uploads that were written since the server started.
    pub fn received_bytes(&self) -> u64 {
        self.shared.received_bytes.load(Ordering::Relaxed)
    }

    /// Uploads under way.
    pub fn open_count(&self) -> usize {
        let state = self.shared.state.lock();
        state.open.values().filter(|open| !open.finished).count()
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
        if state.closed {
            return Err(RefusalCode::Stopping);
        }
        let of_person =
            |open: &&Open| !open.finished && open.slug == ticket.slug && open.owner == ticket.owner;
        if state.open.len() >= limits.uploads_max
            || state.open.values().filter(of_person).count() >= limits.uploads_per_person_max
        {
            return Err(RefusalCode::TooManyUploads);
        }
        state.quota.reserve(ticket.size_bytes)?;
        state.open.insert(id.clone(), Open::new(ticket));
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

    /// The turn to find an upload again that no actor answers for; `None` when there is none.
    pub fn resuming(&self, id: &UploadId) -> Option<Arc<tokio::sync::Mutex<()>>> {
        let state = self.shared.state.lock();
        state.open.get(id).map(|open| open.resuming.clone())
    }

    pub fn actor(&self, id: &UploadId) -> Option<Addr<FileUploadActor>> {
        let state = self.shared.state.lock();
        state
            .open
            .get(id)
            .and_then(|open| open.actor.clone())
            .filter(Addr::connected)
    }

    /// Starts who answers for an upload; `None` when it was given up meanwhile.
    pub fn attach(
        &self,
        id: &UploadId,
        start: impl FnOnce() -> Addr<FileUploadActor>,
    ) -> Option<Addr<FileUploadActor>> {
        let mut state = self.shared.state.lock();
        let open = state.open.get_mut(id)?;
        Some(open.actor.insert(start()).clone())
    }

    /// Ends uploads for a room: those of one person, or all of them. What is whole stays. It blocks.
    pub fn abandon(&self, slug: &str, owner: Option<ParticipantId>) {
        self.abandon_those(|open| {
            open.slug == slug && owner.is_none_or(|owner| open.owner == owner)
        });
    }

    /// Ends all uploads and takes no new ones. What is whole stays. It blocks.
    pub fn close_all(&self) {
        self.shared.state.lock().closed = true;
        self.abandon_those(|_| true);
    }

    /// Removes all finished files. It blocks.
    ///
    /// # Errors
    /// When the disk says so; what was removed is.
    pub fn clear(&self) -> io::Result<()> {
        self.sweep(&BTreeSet::new())
    }

    fn abandon_those(&self, concerned: impl Fn(&Open) -> bool) {
        let mut waiting = Vec::new();
        {
            let mut state = self.shared.state.lock();
            for (id, open) in &state.open {
                match &open.actor {
                    _ if !concerned(open) || open.finished => {}
                    // Once an upload, and never to be lost: a full mailbox must take it.
                    Some(actor) if actor.connected() => actor.do_send(AbandonUpload),
                    Some(_) | None => waiting.push(id.clone()),
                }
            }
            for id in &waiting {
                state.close(id);
            }
        }
        for id in waiting {
            partial::discard(&self.shared.folder, &id);
        }
    }

    /// Removes uploads that nobody has gone on with since before a restart. It blocks.
    pub fn forget_idle(&self) {
        let waiting: Vec<_> = {
            let state = self.shared.state.lock();
            let without = state.open.iter().filter(|(_, open)| !open.runs());
            without.map(|(id, _)| id.clone()).collect()
        };
        let (folder, idle_max) = (&self.shared.folder, self.shared.limits.idle_max);
        let past = |id: &UploadId| {
            partial::touched(folder, id).is_ok_and(|touched| idle(touched) >= idle_max)
        };
        for id in waiting.into_iter().filter(past) {
            let mut state = self.shared.state.lock();
            if state.open.get(&id).is_some_and(|open| !open.runs()) {
                state.close(&id);
                drop(state);
                partial::discard(folder, &id);
            }
        }
    }

    /// Removes finished files that no room knows. It blocks; before rooms open, because a file that is
    /// about to be shared is not known yet.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn sweep(&self, known: &BTreeSet<ContentKey>) -> io::Result<()> {
        let (files, bytes) = self.shared.shelf.sweep(known)?;
        if files > 0 {
            tracing::info!(files, bytes, "files that no room knows are gone");
        }
        self.removed(bytes);
        Ok(())
    }

    /// Removes a finished file that its room does not have any more. It blocks.
    pub fn remove_file(&self, hold: Hold, size_bytes: u64) {
        match hold.remove(size_bytes) {
            Ok(free_bytes) => self.removed(free_bytes),
            Err(error) => tracing::warn!(%error, "a file was not removed"),
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
        self.shared.state.lock().close(id);
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

/// A clock that was set back makes nothing idle.
fn idle(touched: SystemTime) -> Duration {
    SystemTime::now()
        .duration_since(touched)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Partial;

    fn ticket(owner: u32) -> Ticket {
        Ticket {
            slug: "room".to_owned(),
            owner: ParticipantId(owner),
            name: "a.txt".to_owned(),
            size_bytes: 10,
            sha256: None,
        }
    }

    /// Two people's uploads, as a restart finds them.
    fn found() -> (tempfile::TempDir, Uploads, [UploadId; 2]) {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("uploads");
        fs::create_dir_all(&folder).unwrap();
        let ids = [UploadId::draw(), UploadId::draw()];
        for (owner, id) in (1..).zip(&ids) {
            Partial::create(&folder, id, &ticket(owner)).unwrap();
        }
        let uploads = Uploads::open(data.path(), FileLimits::default()).unwrap();
        assert_eq!(uploads.taken_bytes(), 20);
        (data, uploads, ids)
    }

    #[test]
    fn an_upload_nobody_goes_on_with_after_a_restart_is_forgotten() {
        let (_data, uploads, [idle, fresh]) = found();
        let part = uploads.folder().join(format!("{}.part", idle.as_str()));
        let file = fs::File::options().append(true).open(part).unwrap();
        let day_before = SystemTime::now() - uploads.limits().idle_max;
        file.set_modified(day_before).unwrap();
        uploads.forget_idle();
        assert!(uploads.resuming(&idle).is_none());
        assert!(uploads.resuming(&fresh).is_some());
        assert_eq!(uploads.taken_bytes(), 10);
        assert_eq!(partial::list(uploads.folder()).unwrap().len(), 1);
    }

    #[test]
    fn uploads_end_with_their_person_and_with_the_room() {
        let (_data, uploads, [first, second]) = found();
        uploads.abandon("other", None);
        uploads.abandon("room", Some(ParticipantId(1)));
        assert!(uploads.resuming(&first).is_none());
        assert!(uploads.resuming(&second).is_some());
        assert_eq!(uploads.taken_bytes(), 10);
        uploads.abandon("room", None);
        assert_eq!(uploads.taken_bytes(), 0);
        assert!(partial::list(uploads.folder()).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_is_gone_frees_nothing_a_second_time() {
        let (data, uploads, _) = found();
        let upload = data.path().join("upload");
        fs::write(&upload, b"12345").unwrap();
        uploads.admit(&UploadId::draw(), &ticket(3)).unwrap();
        let hold = uploads.shelf().hold("room", "ab");
        hold.put(&upload).unwrap();
        hold.keep();
        for _ in 0..2 {
            uploads.remove_file(uploads.shelf().hold("room", "ab"), 5);
        }
        assert_eq!(uploads.taken_bytes(), 25);
    }
}
