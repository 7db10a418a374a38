//! Reading a file for sending: ahead of the network by a few pieces, hashed as it passes.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinHandle};

/// Read, hashed and sent at once.
pub(super) const PIECE_BYTES: usize = 256 * 1024;
/// Pieces read ahead of the network.
const AHEAD_PIECES: usize = 8;

/// The hash of the bytes of a file up to a place, and the file standing there.
pub(super) struct Source {
    file: File,
    hash: Context,
    at: u64,
}

/// The pieces of a file, read and hashed before they are wanted.
pub(super) struct Ahead {
    ready: mpsc::Receiver<Bytes>,
    reading: JoinHandle<io::Result<Source>>,
}

impl Ahead {
    /// The next pieces. Fewer than `pieces_max` mean that the end has come, or that the file cannot be
    /// read: [`Ahead::source`] says which.
    pub(super) async fn take(&mut self, pieces_max: usize) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while pieces.len() < pieces_max
            && let Some(piece) = self.ready.recv().await
        {
            pieces.push(piece);
        }
        pieces
    }

    /// The source, standing where reading ended.
    ///
    /// # Errors
    /// When the file could not be read.
    pub(super) async fn source(self) -> io::Result<Source> {
        drop(self.ready);
        let ended = self.reading.await;
        ended.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
    }
}

impl Source {
    /// Opens a file and hashes what was sent before. It blocks.
    pub(super) fn open(path: &Path, from: u64) -> io::Result<Source> {
        let mut source = Source {
            file: File::open(path)?,
            hash: Context::new(&SHA256),
            at: 0,
        };
        let mut piece = vec![0; PIECE_BYTES];
        while source.at < from {
            let wanted = usize::try_from(from - source.at)
                .unwrap_or(usize::MAX)
                .min(PIECE_BYTES);
            let read = source.read(&mut piece[..wanted])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(source)
    }

    /// Reads on up to `end` on a thread of its own.
    pub(super) fn read_ahead(mut self, end: u64) -> Ahead {
        let (pieces, ready) = mpsc::channel(AHEAD_PIECES);
        let reading = tokio::task::spawn_blocking(move || {
            while self.at < end {
                let wanted = usize::try_from(end - self.at)
                    .unwrap_or(usize::MAX)
                    .min(PIECE_BYTES);
                let mut piece = vec![0; wanted];
                let read = self.read(&mut piece)?;
                piece.truncate(read);
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if pieces.blocking_send(Bytes::from(piece)).is_err() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
            Ok(self)
        });
        Ahead { ready, reading }
    }

    /// The source where it stands, and the lower-case hexadecimal SHA-256 of the whole file, for which the
    /// rest is read once more. It blocks.
    pub(super) fn sha256_with_rest(self, path: &Path) -> io::Result<(Source, String)> {
        let mut rest = File::open(path)?;
        rest.seek(SeekFrom::Start(self.at))?;
        let mut hash = self.hash.clone();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match rest.read(&mut piece)? {
                0 => return Ok((self, hex::encode(hash.finish()))),
                read => hash.update(&piece[..read]),
            }
        }
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(piece)?;
        self.hash.update(&piece[..read]);
        self.at += read as u64;
        Ok(read)
    }
}
