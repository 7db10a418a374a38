//! Files up and down, as the page shows them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conclave_core::transfer::file_name;
use conclave_wire::SharedFile;
use parking_lot::Mutex;
use tokio::{
    fs::File,
    io::AsyncWriteExt,
    sync::Semaphore,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    Shared, Told, TransferState, Trouble,
    words::{Transfer as Shown, transfer_failure},
};
use crate::files::{Files, Transfer, TransferControl, TransferError};

/// Uploads under way at the same time; the server takes as many of one seat.
const UPLOADS_MAX: usize = 2;
/// Transfers of one meeting that are under way or wait.
const TRANSFERS_MAX: usize = 200;
/// How often a transfer is told while it moves.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// One piece of a file that the page gives us.
const PIECE_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) struct Transfers {
    desk: Arc<Desk>,
}

struct Desk {
    shared: Arc<Shared>,
    files: Files,
    uploads: Semaphore,
    entries: Mutex<BTreeMap<u32, Entry>>,
    /// Files that the page gives us piece by piece.
    spools: tokio::sync::Mutex<BTreeMap<u32, Spool>>,
}

struct Entry {
    shown: Shown,
    control: Option<TransferControl>,
    paused: bool,
    task: Option<JoinHandle<()>>,
}

/// A file on its way from the page to the disk, in a folder of its own.
struct Spool {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    size_bytes: u64,
    written: u64,
}

impl Transfers {
    pub(super) fn new(shared: Arc<Shared>, files: Files) -> Transfers {
        Transfers {
            desk: Arc::new(Desk {
                shared,
                files,
                uploads: Semaphore::new(UPLOADS_MAX),
                entries: Mutex::default(),
                spools: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Begins a file that comes piece by piece.
    ///
    /// # Errors
    /// When the disk does not take it; it is told as the transfer's state, too.
    pub(super) async fn begin_upload(
        &self,
        id: u32,
        name: &str,
        size_bytes: u64,
    ) -> Result<(), Trouble> {
        self.desk.add(id, "up", name, size_bytes, None)?;
        let folder = self.desk.shared.places.data.join("spool");
        let opened = Spool::open(&folder, name, size_bytes).await;
        match opened {
            Ok(spool) => {
                self.desk
                    .change(id, |shown| shown.state = TransferState::Hashing);
                self.desk.spools.lock().await.insert(id, spool);
                Ok(())
            }
            Err(error) => Err(self.desk.spool_failed(id, error)),
        }
    }

    pub(super) async fn take_piece(&self, id: u32, piece: Vec<u8>) -> Result<(), Trouble> {
        let desk = &self.desk;
        let mut spools = desk.spools.lock().await;
        let written = match spools.get_mut(&id) {
            Some(spool) => spool.write(&piece).await,
            None => return Err(Trouble::invalid("There is no such file.")),
        };
        if let Err(error) = written {
            if let Some(spool) = spools.remove(&id) {
                spool.remove().await;
            }
            return Err(desk.spool_failed(id, error));
        }
        Ok(())
    }

    /// All pieces are there: it goes to the room.
    pub(super) async fn send_upload(&self, id: u32) -> Result<(), Trouble> {
        let spool = self.desk.spools.lock().await.remove(&id);
        let Some(mut spool) = spool else {
            return Err(Trouble::invalid("There is no such file."));
        };
        if let Err(error) = spool.finish().await {
            spool.remove().await;
            return Err(self.desk.spool_failed(id, error));
        }
        let folder = spool.folder.clone();
        self.desk.start_upload(id, spool.path.clone(), Some(folder));
        Ok(())
    }

    /// Shares a file of this machine.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn upload(&self, id: u32, path: &str) -> Result<(), Trouble> {
        let path = PathBuf::from(path);
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let found = fs::metadata(&path).and_then(|file| match file.is_file() {
            true => Ok(file.len()),
            false => Err(io::ErrorKind::IsADirectory.into()),
        });
        let (Some(name), Ok(size_bytes)) = (name, found) else {
            return Err(Trouble::invalid(
                "The file cannot be read. Choose another one.",
            ));
        };
        self.desk.add(id, "up", &name, size_bytes, None)?;
        self.desk.start_upload(id, path, None);
        Ok(())
    }

    pub(super) fn download(&self, id: u32, file: SharedFile) -> Result<(), Trouble> {
        let known = Some(file.id.0);
        self.desk
            .add(id, "down", &file.name, file.size_bytes, known)?;
        let desk = Arc::clone(&self.desk);
        self.desk
            .spawn(id, async move { desk.fetch(id, file).await });
        Ok(())
    }

    pub(super) fn pause(&self, id: u32, paused: bool) {
        let control = self.desk.entries.lock().get_mut(&id).and_then(|entry| {
            entry.paused = paused;
            entry.control.clone()
        });
        if let Some(control) = control {
            control.pause(paused);
        }
        if paused {
            self.desk
                .change(id, |shown| shown.state = TransferState::Paused);
        }
    }

    /// Stops it for good.
    pub(super) async fn cancel(&self, id: u32) {
        let task = self
            .desk
            .entries
            .lock()
            .get_mut(&id)
            .and_then(|entry| entry.task.take());
        if let Some(task) = task {
            task.abort();
        }
        if let Some(spool) = self.desk.spools.lock().await.remove(&id) {
            spool.remove().await;
        }
        self.desk.change(id, |shown| {
            if shown.state != TransferState::Done {
                shown.state = TransferState::Cancelled;
            }
        });
    }

    /// A file of ours is in the room.
    pub(super) fn shared_by_us(&self, file: &SharedFile) {
        let id = self.desk.entries.lock().values().find_map(|entry| {
            let shown = &entry.shown;
            let same = shown.direction == "up"
                && shown.file.is_none()
                && shown.size_bytes == file.size_bytes
                && shown.name == file.name;
            same.then_some(shown.id)
        });
        if let Some(id) = id {
            self.desk.change(id, |shown| shown.file = Some(file.id.0));
        }
    }

    /// The meeting is over: what is under way stops, and can be taken up again later.
    pub(super) fn close(&self) {
        for entry in self.desk.entries.lock().values_mut() {
            if let Some(task) = entry.task.take() {
                task.abort();
            }
        }
    }
}

impl Desk {
    fn add(
        &self,
        id: u32,
        direction: &'static str,
        name: &str,
        size_bytes: u64,
        file: Option<u32>,
    ) -> Result<(), Trouble> {
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
                    control: None,
                    paused: false,
                    task: None,
                },
            );
        }
        self.shared.tell(Told::Transfer { transfer: shown });
        Ok(())
    }

    fn change(&self, id: u32, change: impl FnOnce(&mut Shown)) {
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

    fn spawn(&self, id: u32, work: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(work);
        match self.entries.lock().get_mut(&id) {
            Some(entry) => entry.task = Some(task),
            None => task.abort(),
        }
    }

    /// `spool` is a folder that goes when the file is there.
    fn start_upload(self: &Arc<Desk>, id: u32, path: PathBuf, spool: Option<PathBuf>) {
        let desk = Arc::clone(self);
        self.spawn(id, async move {
            let Ok(_turn) = desk.uploads.acquire().await else {
                return;
            };
            let transfer = desk.files.share(&path);
            desk.follow(id, transfer).await;
            if let Some(folder) = spool {
                remove(folder).await;
            }
        });
    }

    async fn fetch(self: &Arc<Desk>, id: u32, file: SharedFile) {
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

    async fn follow<T: Send + 'static>(&self, id: u32, transfer: Transfer<T>) {
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
                ended = &mut done => break ended.map(drop),
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
        self.change(id, |shown| match &ended {
            Ok(()) => {
                shown.done_bytes = shown.size_bytes;
                shown.state = TransferState::Done;
            }
            Err(error) => shown.state = transfer_failure(error),
        });
    }

    fn spool_failed(&self, id: u32, error: io::Error) -> Trouble {
        let state = transfer_failure(&TransferError::Disk(error));
        let text = match &state {
            TransferState::Failed { text, .. } => text.clone(),
            _ => String::new(),
        };
        self.change(id, |shown| shown.state = state);
        Trouble::refusal("storage", text)
    }
}

impl Spool {
    async fn open(folder: &Path, name: &str, size_bytes: u64) -> io::Result<Spool> {
        let name = file_name(name).map_err(|_| io::ErrorKind::InvalidInput)?;
        let folder = folder.join(hex::encode(rand::random::<[u8; 8]>()));
        tokio::fs::create_dir_all(&folder).await?;
        let path = folder.join(name);
        let file = File::create(&path).await?;
        Ok(Spool {
            folder,
            path,
            file,
            size_bytes,
            written: 0,
        })
    }

    async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let all = self.written + piece.len() as u64;
        if piece.len() > PIECE_BYTES_MAX || all > self.size_bytes {
            return Err(io::Error::other("it is longer than it was said to be"));
        }
        self.file.write_all(piece).await?;
        self.written = all;
        Ok(())
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        match self.written == self.size_bytes {
            true => Ok(()),
            false => Err(io::Error::other("it is shorter than it was said to be")),
        }
    }

    async fn remove(self) {
        remove(self.folder).await;
    }
}

async fn remove(folder: PathBuf) {
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
        tracing::warn!(%error, "what was sent stays on the disk");
    }
}

fn is_over(state: &TransferState) -> bool {
    matches!(
        state,
        TransferState::Done | TransferState::Cancelled | TransferState::Failed { .. }
    )
}
