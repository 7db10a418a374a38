//! Fetching a file, by HTTP ranges.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use conclave_core::transfer::file_name;
use conclave_wire::SharedFile;
use hyper::{Method, Request, StatusCode, header};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::{Desk, Shared, TransferError};
use crate::link::http::{HttpError, Upload, success};

/// Handed to the disk at once.
const PIECE_BYTES: usize = 128 * 1024;
/// Pieces of the network that wait for the disk. What is not on the disk is fetched again after a crash.
const BEHIND_PIECES: usize = 2;
const SHOW_EVERY: Duration = Duration::from_millis(100);
/// A SHA-256 in hexadecimal.
const SHA256_CHARS: usize = 64;
/// Of which so many name what is there of a file.
const PARTIAL_NAME_CHARS: usize = 16;
/// Names that are tried when a name is taken.
const NAMES_MAX: u32 = 1_000;

/// Where a file is to be.
pub(super) enum Place {
    /// In this folder, under its own name or a free one like it.
    In(PathBuf),
    /// Here, in place of what is there.
    At(PathBuf),
}

impl Place {
    fn folder(&self) -> PathBuf {
        match self {
            Place::In(folder) => folder.clone(),
            Place::At(path) => path.parent().map(Path::to_owned).unwrap_or_default(),
        }
    }

    /// Gives the whole file its name. It blocks.
    fn take(&self, partial: &Path, name: &str) -> io::Result<PathBuf> {
        match self {
            Place::In(folder) => place(partial, folder, name),
            Place::At(path) => fs::rename(partial, path).map(|()| path.clone()),
        }
    }
}

pub(super) async fn run(
    shared: Arc<Shared>,
    file: SharedFile,
    to: Place,
    mut desk: Desk,
) -> Result<PathBuf, TransferError> {
    let name = file_name(&file.name).map_err(|_| TransferError::Protocol)?;
    let partial = to.folder().join(partial_name(&file.sha256)?);
    let mut fresh = false;
    let mut sink = open(&partial, file.size_bytes).await?;
    loop {
        desk.unpaused().await?;
        if sink.length < file.size_bytes {
            fresh |= sink.length == 0;
            desk.stands(file.size_bytes, sink.length);
            let (stands, ended) = fetch(&shared, &file, sink, &mut desk).await?;
            sink = stands;
            if let Err(error) = ended {
                desk.retry(error).await?;
            }
        } else if sink.sha256() == file.sha256 {
            let placed = tokio::task::spawn_blocking(move || to.take(&partial, &name)).await;
            return Ok(placed.map_err(|_| TransferError::Cancelled)??);
        } else {
            fs::remove_file(&partial)?;
            if fresh {
                return Err(TransferError::Damaged);
            }
            // What an earlier run left may have been damaged since: once more, from the start.
            sink = open(&partial, file.size_bytes).await?;
        }
    }
}

/// Named by its content, so that two files of one name do not meet. The server is not trusted to name
/// paths of this machine.
fn partial_name(sha256: &str) -> Result<String, TransferError> {
    let hexadecimal = sha256.len() == SHA256_CHARS
        && sha256
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match hexadecimal {
        true => Ok(format!(".{}.part", &sha256[..PARTIAL_NAME_CHARS])),
        false => Err(TransferError::Protocol),
    }
}

async fn open(partial: &Path, whole: u64) -> Result<Sink, TransferError> {
    let path = partial.to_owned();
    let opened = tokio::task::spawn_blocking(move || Sink::open(&path, whole)).await;
    Ok(opened.map_err(|_| TransferError::Cancelled)??)
}

/// Fetches what is missing, until the end, a failure or a pause. The outer error is final.
async fn fetch(
    shared: &Shared,
    file: &SharedFile,
    sink: Sink,
    desk: &mut Desk,
) -> Result<(Sink, Result<(), HttpError>), TransferError> {
    let from = sink.length;
    let request = Request::builder()
        .method(Method::GET)
        .uri(format!("/api/rooms/{}/files/{}", shared.slug, file.id.0))
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", shared.seat_token),
        )
        .header(header::RANGE, format!("bytes={from}-"));
    let request = request
        .body(Upload::empty())
        .map_err(|_| TransferError::Protocol)?;
    let answered = match shared.http.send(request).await {
        Ok(response) => success(response).await,
        Err(error) => Err(error),
    };
    let response = match answered {
        Ok(response) => response,
        Err(error) => return Ok((sink, Err(error))),
    };
    if from > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
        return Err(TransferError::Protocol);
    }
    let mut body = response.into_body();
    let (pieces, writing) = sink.write_behind();
    let (mut done, mut unshown, mut shown) = (from, 0, Instant::now());
    let ended = loop {
        let piece = match body.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        };
        done += piece.len() as u64;
        unshown += piece.len() as u64;
        if done > file.size_bytes {
            return Err(TransferError::Damaged);
        }
        if pieces.send(piece).await.is_err() {
            break Ok(());
        }
        if shown.elapsed() >= SHOW_EVERY {
            desk.moved(done, unshown);
            (unshown, shown) = (0, Instant::now());
            if desk.is_paused() {
                break Ok(());
            }
        }
    };
    drop(pieces);
    let sink = writing.await.map_err(|_| TransferError::Cancelled)??;
    desk.moved(done, unshown);
    Ok((sink, ended))
}

/// The part of a file that is there, and its hash.
struct Sink {
    file: File,
    hash: Context,
    length: u64,
}

impl Sink {
    /// Opens what is there of a file and hashes it. More than the whole cannot be right and is removed. It blocks.
    fn open(path: &Path, whole: u64) -> io::Result<Sink> {
        let file = claim(path)?;
        let mut there = file.metadata()?.len();
        if there > whole {
            file.set_len(0)?;
            there = 0;
        }
        let mut hash = Context::new(&SHA256);
        let mut piece = vec![0; PIECE_BYTES];
        let mut length = 0;
        // No further than it was long: some files have no end, such as the system's devices.
        let mut left = (&file).take(there);
        loop {
            match left.read(&mut piece)? {
                0 => return Ok(Sink { file, hash, length }),
                read => {
                    hash.update(&piece[..read]);
                    length += read as u64;
                }
            }
        }
    }

    /// Writes on a thread of its own; ends when the sender is dropped.
    fn write_behind(mut self) -> (mpsc::Sender<Bytes>, JoinHandle<io::Result<Sink>>) {
        let (sender, mut pieces) = mpsc::channel::<Bytes>(BEHIND_PIECES);
        let writing = tokio::task::spawn_blocking(move || {
            let mut gathered = Vec::with_capacity(PIECE_BYTES);
            while let Some(piece) = pieces.blocking_recv() {
                self.hash.update(&piece);
                gathered.extend_from_slice(&piece);
                if gathered.len() >= PIECE_BYTES {
                    self.write(&mut gathered)?;
                }
            }
            self.write(&mut gathered)?;
            Ok(self)
        });
        (sender, writing)
    }

    fn write(&mut self, gathered: &mut Vec<u8>) -> io::Result<()> {
        self.file.write_all(gathered)?;
        self.length += gathered.len() as u64;
        gathered.clear();
        Ok(())
    }

    /// Lower-case hexadecimal.
    fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finish())
    }
}

/// The file, for this transfer alone: one that was just stopped may still write what it has.
fn claim(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        file.lock()?;
        // Whoever had it before may have finished it, and taken it from here.
        if path.exists() {
            return Ok(file);
        }
    }
}

/// Gives the whole file its name, or the first free one like `name (2).txt`.
fn place(partial: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    for number in 1..=NAMES_MAX {
        let path = match number {
            1 => folder.join(name),
            _ => folder.join(format!("{stem} ({number}){ending}")),
        };
        match fs::hard_link(partial, &path) {
            Ok(()) => {
                fs::remove_file(partial)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) if !path.exists() => {
                // Some file systems know no links.
                fs::rename(partial, &path)?;
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_that_is_none_names_no_path() {
        let good = "0123456789abcdef".repeat(4);
        assert_eq!(partial_name(&good).unwrap(), ".0123456789abcdef.part");
        let away = format!("/../../../etc/..{}", "a".repeat(48));
        for bad in ["", "../x", &away, &good[1..], &good.to_uppercase()] {
            let refused = partial_name(bad);
            assert!(matches!(refused, Err(TransferError::Protocol)), "{bad}");
        }
    }
}
