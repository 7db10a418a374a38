//! The transfers of a meeting: how each of them stands, and what carries it.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

use conclave_wire::SharedFile;
use parking_lot::Mutex;
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::spool;
use crate::{
    desk::{
        Shared, Told, TransferState, Trouble,
        words::{Transfer as Shown, transfer_failure},
    },
    files::{Files, Transfer, TransferControl, TransferError},
};

/// Uploads under way at the same time; the server takes as many of one seat.
const UPLOADS_MAX: usize = 2;
/// Transfers of one meeting that are under way or wait.
const TRANSFERS_MAX: usize = 200;
/// How often a transfer is told while it moves.
const SHOW_EVERY: Duration = Duration::from_millis(200);

pub(super) struct Board {
    shared: Arc<Shared>,
    files: Files,
    uploads: Semaphore,
    entries: Mutex<BTreeMap<u32, Entry>>,
}

/// Where a transfer has its bytes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The page still gives them to us.
    Page,
    /// A file of this machine; `spool` is a folder that goes when the file is in the room.
    File {
        path: PathBuf,
        spool: Option<PathBuf>,
    },
    /// The room: it is fetched.
    Room(SharedFile),
}

struct Entry {
    shown: Shown,
    source: Source,
    control: Option<TransferControl>,
    paused: bool,
    task: Option<JoinHandle<()>>,
    /// Where it has gone, when it was fetched.
    place: Option<PathBuf>,
}

impl Board {
    pub(super) fn new(shared: Arc<Shared>, files: Files) -> Board {
        Board {
            shared,
            files,
            uploads: Semaphore::new(UPLOADS_MAX),
            entries: Mutex::default(),
        }
    }

    /// # Errors
    /// When too many are under way.
    pub(super) fn add(
        &self,
        id: u32,
        source: Source,
        name: &str,
        size_bytes: u64,
    ) -> Result<(), Trouble> {
        let (direction, file) = match &source {
            Source::Page | Source::File { .. } => ("up", None),
            Source::Room(file) => ("down", Some(file.id.0)),
        };
        let shown = Shown {
            id,
            direction,
            name: name.to_owned(),
            size_bytes,
            done_bytes: 0,
            bytes_per_second: 0,
            file,
            state: TransferState::Waiting,
        };
        {
            let mut entries = self.entries.lock();
            if entries.len() >= TRANSFERS_MAX {
                entries.retain(|_, entry| !is_over(&entry.shown.state));
            }
            if entries.len() >= TRANSFERS_MAX {
                let words = "Too many files are on their way. Wait until some have arrived.";
                return Err(Trouble::refusal("too_fast", words));
            }
            entries.insert(
                id,
                Entry {
                    shown: shown.clone(),
                    source,
                    control: None,
                    paused: false,
                    task: None,
                    place: None,
                },
            );
        }
        self.shared.tell(Told::Transfer { transfer: shown });
        Ok(())
    }

    pub(super) fn change(&self, id: u32, change: impl FnOnce(&mut Shown)) {
        let changed = {
            let mut entries = self.entries.lock();
            let Some(entry) = entries.get_mut(&id) else {
                return;
            };
            let before = entry.shown.clone();
            change(&mut entry.shown);
            (entry.shown != before).then(|| entry.shown.clone())
        };
        if let Some(transfer) = changed {
            self.shared.tell(Told::Transfer { transfer });
        }
    }

    /// Carries it, as soon as it is its turn.
    pub(super) fn start(self: &Arc<Board>, id: u32, source: Source) {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&id) else {
            return;
        };
        entry.source = source.clone();
        let board = Arc::clone(self);
        entry.task = match source {
            Source::Page => None,
            Source::File { path, spool } => Some(tokio::spawn(async move {
                board.share(id, path, spool).await;
            })),
            Source::Room(file) => Some(tokio::spawn(async move { board.fetch(id, file).await })),
        };
    }

    pub(super) fn pause(&self, id: u32, paused: bool) {
        let control = self.entries.lock().get_mut(&id).and_then(|entry| {
            entry.paused = paused;
            entry.control.clone()
        });
        if let Some(control) = control {
            control.pause(paused);
        }
        if paused {
            self.change(id, |shown| {
                if !is_over(&shown.state) {
                    shown.state = TransferState::Paused;
                }
            });
        }
    }

    /// One that has failed goes on from where it stood.
    pub(super) fn try_again(self: &Arc<Board>, id: u32) {
        let failed = self.entries.lock().get(&id).and_then(|entry| {
            let failed = matches!(entry.shown.state, TransferState::Failed { .. });
            failed.then(|| entry.source.clone())
        });
        match failed {
            // What the page did not get to us is not here: it has to be chosen once more.
            None | Some(Source::Page) => {}
            Some(source) => {
                self.change(id, |shown| shown.state = TransferState::Waiting);
                self.start(id, source);
            }
        }
    }

    pub(super) async fn stop(&self, id: u32) {
        let ended = self.entries.lock().get_mut(&id).map(Entry::end);
        self.change(id, |shown| {
            if shown.state != TransferState::Done {
                shown.state = TransferState::Cancelled;
            }
        });
        if let Some(folder) = ended.flatten() {
            spool::remove(folder).await;
        }
    }

    pub(super) fn shared_by_us(&self, file: &SharedFile) {
        let id = self.entries.lock().values().find_map(|entry| {
            let shown = &entry.shown;
            let same = shown.direction == "up"
                && shown.file.is_none()
                && shown.size_bytes == file.size_bytes
                && shown.name == file.name;
            same.then_some(shown.id)
        });
        if let Some(id) = id {
            self.change(id, |shown| shown.file = Some(file.id.0));
        }
    }

    pub(super) fn fetched(&self, id: u32) -> Option<PathBuf> {
        self.entries.lock().get(&id)?.place.clone()
    }

    pub(super) async fn close(&self) {
        let ended: Vec<PathBuf> = {
            let mut entries = self.entries.lock();
            entries.values_mut().filter_map(Entry::end).collect()
        };
        for folder in ended {
            spool::remove(folder).await;
        }
    }

    pub(super) fn disk_failed(&self, id: u32, error: io::Error) -> Trouble {
        let state = transfer_failure(&TransferError::Disk(error));
        let text = match &state {
            TransferState::Failed { text, .. } => text.clone(),
            _ => String::new(),
        };
        self.change(id, |shown| shown.state = state);
        Trouble::refusal("storage", text)
    }

    async fn share(&self, id: u32, path: PathBuf, spool: Option<PathBuf>) {
        let Ok(_turn) = self.uploads.acquire().await else {
            return;
        };
        let arrived = self.follow(id, self.files.share(&path)).await;
        // One that has failed may be tried again.
        if arrived && let Some(folder) = spool {
            if let Some(entry) = self.entries.lock().get_mut(&id) {
                entry.source = Source::Page;
            }
            spool::remove(folder).await;
        }
    }

    async fn fetch(&self, id: u32, file: SharedFile) {
        let (ask, folder) = {
            let kept = self.shared.kept.lock();
            let folder = kept.downloads.clone();
            (kept.ask_where, folder)
        };
        let folder = folder.unwrap_or_else(|| self.shared.places.downloads.clone());
        let transfer = match ask {
            true => {
                let Some(path) = self.shared.host.save_as(file.name.clone()).await else {
                    return self.change(id, |shown| shown.state = TransferState::Cancelled);
                };
                self.files.fetch_as(&file, &path)
            }
            false => self.files.fetch(&file, &folder),
        };
        self.follow(id, transfer).await;
    }

    /// Shows how it goes, until its end; whether it has arrived.
    async fn follow<T: Arrived>(&self, id: u32, transfer: Transfer<T>) -> bool {
        let state = transfer.state();
        let control = transfer.control();
        let paused = self.entries.lock().get_mut(&id).is_some_and(|entry| {
            entry.control = Some(control.clone());
            entry.paused
        });
        control.pause(paused);
        let mut tick = interval(SHOW_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let done = transfer.done();
        tokio::pin!(done);
        let ended = loop {
            tokio::select! {
                ended = &mut done => break ended,
                _ = tick.tick() => {
                    let now = *state.borrow();
                    self.change(id, |shown| {
                        shown.done_bytes = now.done_bytes;
                        shown.bytes_per_second = now.bytes_per_second.unwrap_or(0);
                        shown.state = match now.paused {
                            true => TransferState::Paused,
                            false => TransferState::Going,
                        };
                    });
                }
            }
        };
        match ended {
            Ok(arrived) => {
                if let Some(entry) = self.entries.lock().get_mut(&id) {
                    entry.place = arrived.place();
                }
                self.change(id, |shown| {
                    shown.done_bytes = shown.size_bytes;
                    shown.state = TransferState::Done;
                });
                true
            }
            Err(error) => {
                self.change(id, |shown| shown.state = transfer_failure(&error));
                false
            }
        }
    }
}

impl Entry {
    /// Stops it; the folder is not needed any more then.
    fn end(&mut self) -> Option<PathBuf> {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        match std::mem::replace(&mut self.source, Source::Page) {
            Source::File { spool, .. } => spool,
            Source::Page | Source::Room(_) => None,
        }
    }
}

/// What a transfer has at its end: a file of this machine, or none.
trait Arrived: Send + 'static {
    fn place(self) -> Option<PathBuf>;
}

impl Arrived for () {
    fn place(self) -> Option<PathBuf> {
        None
    }
}

impl Arrived for PathBuf {
    fn place(self) -> Option<PathBuf> {
        Some(self)
    }
}

fn is_over(state: &TransferState) -> bool {
    matches!(
        state,
        TransferState::Done | TransferState::Cancelled | TransferState::Failed { .. }
    )
}
