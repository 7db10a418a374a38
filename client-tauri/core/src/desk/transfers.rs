//! Files up and down, as the page shows them.

mod board;
mod spool;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use conclave_wire::SharedFile;

use super::{Shared, TransferState, Trouble};
use crate::files::Files;
use board::{Board, Source};
use spool::Spool;

/// Files that come from the page lie here as long as they are needed.
const SPOOL: &str = "spool";

pub(super) struct Transfers {
    board: Arc<Board>,
    /// Files that the page gives us piece by piece.
    spools: tokio::sync::Mutex<BTreeMap<u32, Spool>>,
    folder: PathBuf,
}

/// Of a program that was killed: what the page gave it lies there for nothing.
pub(super) fn clear(data: &Path) {
    match fs::remove_dir_all(data.join(SPOOL)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "what was sent once stays on the disk");
        }
        Ok(()) | Err(_) => {}
    }
}

impl Transfers {
    pub(super) fn new(shared: Arc<Shared>, files: Files) -> Transfers {
        Transfers {
            folder: shared.places.data.join(SPOOL),
            board: Arc::new(Board::new(shared, files)),
            spools: tokio::sync::Mutex::default(),
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
        self.board.add(id, Source::Page, name, size_bytes)?;
        match Spool::open(&self.folder, name, size_bytes).await {
            Ok(spool) => {
                self.board
                    .change(id, |shown| shown.state = TransferState::Hashing);
                self.spools.lock().await.insert(id, spool);
                Ok(())
            }
            Err(error) => Err(self.board.disk_failed(id, error)),
        }
    }

    pub(super) async fn take_piece(&self, id: u32, piece: Vec<u8>) -> Result<(), Trouble> {
        let mut spools = self.spools.lock().await;
        let written = match spools.get_mut(&id) {
            Some(spool) => spool.write(&piece).await,
            None => return Err(Trouble::invalid("There is no such file.")),
        };
        if let Err(error) = written {
            if let Some(spool) = spools.remove(&id) {
                spool.remove().await;
            }
            return Err(self.board.disk_failed(id, error));
        }
        Ok(())
    }

    /// All pieces are there: it goes to the room.
    pub(super) async fn send_upload(&self, id: u32) -> Result<(), Trouble> {
        let spool = self.spools.lock().await.remove(&id);
        let Some(mut spool) = spool else {
            return Err(Trouble::invalid("There is no such file."));
        };
        if let Err(error) = spool.finish().await {
            spool.remove().await;
            return Err(self.board.disk_failed(id, error));
        }
        let source = Source::File {
            path: spool.path,
            spool: Some(spool.folder),
        };
        self.board.start(id, source);
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
        let source = Source::File { path, spool: None };
        self.board.add(id, source.clone(), &name, size_bytes)?;
        self.board.start(id, source);
        Ok(())
    }

    pub(super) fn download(&self, id: u32, file: SharedFile) -> Result<(), Trouble> {
        let source = Source::Room(file.clone());
        self.board
            .add(id, source.clone(), &file.name, file.size_bytes)?;
        self.board.start(id, source);
        Ok(())
    }

    /// Halts it, or lets it go on; one that has failed is tried again.
    pub(super) fn pause(&self, id: u32, paused: bool) {
        self.board.pause(id, paused);
        if !paused {
            self.board.try_again(id);
        }
    }

    /// Stops it for good.
    pub(super) async fn cancel(&self, id: u32) {
        self.board.stop(id).await;
        if let Some(spool) = self.spools.lock().await.remove(&id) {
            spool.remove().await;
        }
    }

    /// A file of ours is in the room.
    pub(super) fn shared_by_us(&self, file: &SharedFile) {
        self.board.shared_by_us(file);
    }

    /// Where a file is that was fetched.
    ///
    /// # Errors
    /// When it has not arrived, or is not there any more.
    pub(super) fn fetched(&self, id: u32) -> Result<PathBuf, Trouble> {
        let place = self.board.fetched(id).filter(|path| path.exists());
        place.ok_or_else(|| Trouble::invalid("The file is not there any more. Download it again."))
    }

    /// The meeting is over: what is under way stops, and can be taken up again later.
    pub(super) async fn close(&self) {
        self.board.close().await;
        let spools = std::mem::take(&mut *self.spools.lock().await);
        for spool in spools.into_values() {
            spool.remove().await;
        }
    }
}
