//! A file on its way from the page to the disk, piece by piece.

use std::{
    io,
    path::{Path, PathBuf},
};

use conclave_core::transfer::file_name;
use tokio::{fs::File, io::AsyncWriteExt};

/// One piece of a file that the page gives us.
const PIECE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is there of it, in a folder of its own.
pub(super) struct Spool {
    pub(super) folder: PathBuf,
    pub(super) path: PathBuf,
    file: File,
    size_bytes: u64,
    written: u64,
}

impl Spool {
    pub(super) async fn open(folder: &Path, name: &str, size_bytes: u64) -> io::Result<Spool> {
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

    pub(super) async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let all = self.written + piece.len() as u64;
        if piece.len() > PIECE_BYTES_MAX || all > self.size_bytes {
            return Err(io::Error::other("it is longer than it was said to be"));
        }
        self.file.write_all(piece).await?;
        self.written = all;
        Ok(())
    }

    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        match self.written == self.size_bytes {
            true => Ok(()),
            false => Err(io::Error::other("it is shorter than it was said to be")),
        }
    }

    pub(super) async fn remove(self) {
        remove(self.folder).await;
    }
}

/// What was shared, or is not to be shared any more, is not needed twice.
pub(super) async fn remove(folder: PathBuf) {
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
        tracing::warn!(%error, "what was sent stays on the disk");
    }
}
