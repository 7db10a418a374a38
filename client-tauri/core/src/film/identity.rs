//! Which film a file is: likely, from its size and a sample of it, at once; surely, by the SHA-256 of all of it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use aws_lc_rs::digest::{Context, SHA256};
use conclave_wire::{FilmFile, limits::FILE_NAME_BYTES_MAX};
use tokio::{sync::watch, task::JoinHandle};

use super::refused::PlayerRefused;

/// Says what is hashed, so that a sample is never taken for the hash of a file (docs/PROTOCOL.md).
const SAMPLE_LABEL: &[u8] = b"conclave-film-sample-1";
/// A file of at most this size is sampled whole.
const SAMPLE_WHOLE_BYTES_MAX: u64 = 1024 * 1024;
const SAMPLE_BLOCKS: u64 = 16;
const SAMPLE_BLOCK_BYTES: u64 = 64 * 1024;
/// Read and hashed at once.
const PIECE_BYTES: usize = 1024 * 1024;
/// Pieces read ahead of the hash.
const AHEAD_PIECES: usize = 4;

/// The instant likely-match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sample {
    pub size_bytes: u64,
    /// In lower-case hexadecimal.
    pub sha256_hex: String,
}

impl Sample {
    /// The words of the protocol for this copy, whose full hash is not known yet. `duration_ms` of 0 is not known.
    pub fn film_file(&self, path: &Path, duration_ms: u64) -> FilmFile {
        FilmFile {
            name: name_of(path),
            size_bytes: self.size_bytes,
            duration_ms,
            sample: Some(self.sha256_hex.clone()),
            sha256: None,
        }
    }
}

/// Samples a file: reads at most 1 MiB of it. It blocks.
///
/// # Errors
/// `file_gone`, `file_unreadable`
pub fn sample(path: &Path) -> Result<Sample, PlayerRefused> {
    sample_of(path).map_err(|error| unreadable(&error))
}

fn sample_of(path: &Path) -> io::Result<Sample> {
    let mut file = File::open(path)?;
    let size_bytes = file.metadata()?.len();
    let mut hash = Context::new(&SHA256);
    hash.update(SAMPLE_LABEL);
    hash.update(&size_bytes.to_le_bytes());
    for (offset, bytes) in sampled(size_bytes) {
        file.seek(SeekFrom::Start(offset))?;
        // At most a mebibyte.
        let mut block = vec![0; bytes as usize];
        file.read_exact(&mut block)?;
        hash.update(&block);
    }
    Ok(Sample {
        size_bytes,
        sha256_hex: hex::encode(hash.finish()),
    })
}

/// Offset and length of what is read of a file of this size.
fn sampled(size_bytes: u64) -> Vec<(u64, u64)> {
    if size_bytes <= SAMPLE_WHOLE_BYTES_MAX {
        return vec![(0, size_bytes)];
    }
    let step = (size_bytes - SAMPLE_BLOCK_BYTES) / (SAMPLE_BLOCKS - 1);
    (0..SAMPLE_BLOCKS)
        .map(|block| (block * step, SAMPLE_BLOCK_BYTES))
        .collect()
}

/// The full hash, on its way. Dropping it stops it.
pub struct Hashing {
    progress: watch::Receiver<u64>,
    cancelled: Arc<AtomicBool>,
    work: Option<JoinHandle<Result<String, PlayerRefused>>>,
}

impl Hashing {
    /// Begins to hash. Within a tokio runtime.
    pub fn start(path: &Path) -> Hashing {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (tell, progress) = watch::channel(0);
        let (path, stop) = (path.to_owned(), Arc::clone(&cancelled));
        let work = tokio::task::spawn_blocking(move || hash_file(path, &stop, &tell));
        Hashing {
            progress,
            cancelled,
            work: Some(work),
        }
    }

    /// Bytes that are hashed.
    pub fn progress(&self) -> watch::Receiver<u64> {
        self.progress.clone()
    }

    /// Stops within a piece; [`Hashing::finish`] is refused then.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// The SHA-256 in lower-case hexadecimal, when it is done.
    ///
    /// # Errors
    /// `file_gone`, `file_unreadable` (also when the file grew or shrank on the way), `cancelled`
    pub async fn finish(mut self) -> Result<String, PlayerRefused> {
        let Some(work) = self.work.take() else {
            return Err(cancelled());
        };
        work.await.unwrap_or_else(|_| Err(cancelled()))
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        // One that is waited for is finished by now.
        self.cancel();
    }
}

/// Reads on a thread of its own, so that disk and processor work at the same time.
fn hash_file(
    path: PathBuf,
    stop: &Arc<AtomicBool>,
    tell: &watch::Sender<u64>,
) -> Result<String, PlayerRefused> {
    let (full, filled) = sync_channel::<io::Result<Vec<u8>>>(AHEAD_PIECES);
    let (empty, emptied) = sync_channel::<Vec<u8>>(AHEAD_PIECES + 1);
    let stopping = Arc::clone(stop);
    let reader = thread::Builder::new()
        .name("film-read".to_owned())
        .spawn(move || {
            if let Err(error) = read_pieces(&path, &stopping, &full, &emptied) {
                // Who hashes may have gone.
                let _ = full.send(Err(error));
            }
        })
        .map_err(|error| unreadable(&error))?;
    let mut hash = Context::new(&SHA256);
    let mut done = 0;
    let mut outcome = Ok(());
    for piece in filled {
        match piece {
            Ok(piece) => {
                hash.update(&piece);
                done += piece.len() as u64;
                tell.send_replace(done);
                // The reader takes it again, or has read everything.
                let _ = empty.try_send(piece);
            }
            Err(error) => outcome = Err(unreadable(&error)),
        }
    }
    if reader.join().is_err() {
        return Err(PlayerRefused::file_unreadable());
    }
    outcome?;
    if stop.load(Ordering::Relaxed) {
        return Err(cancelled());
    }
    Ok(hex::encode(hash.finish()))
}

fn read_pieces(
    path: &Path,
    stop: &AtomicBool,
    full: &SyncSender<io::Result<Vec<u8>>>,
    emptied: &Receiver<Vec<u8>>,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut read = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut piece = emptied.try_recv().unwrap_or_default();
        piece.resize(PIECE_BYTES, 0);
        let bytes = fill(&mut file, &mut piece)?;
        piece.truncate(bytes);
        read += bytes as u64;
        if bytes == 0 || read > size {
            break;
        }
        if full.send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
    let whole = read == size || stop.load(Ordering::Relaxed);
    // It is being written: no hash is that of a film.
    whole.then_some(()).ok_or(io::ErrorKind::InvalidData.into())
}

/// Fills a piece as far as the file goes.
fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match file.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn unreadable(error: &io::Error) -> PlayerRefused {
    match error.kind() {
        io::ErrorKind::NotFound => PlayerRefused::file_gone(),
        _ => PlayerRefused::file_unreadable(),
    }
}

fn cancelled() -> PlayerRefused {
    PlayerRefused::cancelled()
}

/// The name that others see, cut to what a file's name may have.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(FILE_NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::digest;
    use serde_json::Value;

    use super::*;

    /// Bytes that both languages can make: those of `n * n + n / 251`, as 32 bits, their lowest.
    fn bytes(count: u32) -> Vec<u8> {
        let byte = |n: u32| n.wrapping_mul(n).wrapping_add(n / 251) as u8;
        (0..count).map(byte).collect()
    }

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mkv");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// `ui/src/bridge/film/identity.test.ts` reads the same.
    #[test]
    fn samples_are_those_of_the_page() {
        let vectors = include_str!("../../../../ui/tests/fixtures/film_samples.json");
        let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
        assert!(vectors.len() >= 5);
        for vector in &vectors {
            let size = vector["size_bytes"].as_u64().unwrap() as u32;
            let (_folder, path) = written(&bytes(size));
            let sample = sample(&path).unwrap();
            assert_eq!(
                sample.sha256_hex,
                vector["sample"].as_str().unwrap(),
                "{size}"
            );
        }
    }

    #[test]
    fn a_sample_reaches_from_the_first_byte_to_the_last() {
        for size in [1024 * 1024 + 1, 5_000_000, 1 << 53] {
            let sampled = sampled(size);
            assert_eq!(sampled.len(), 16);
            assert_eq!(sampled[0].0, 0);
            let (last, bytes) = sampled[15];
            assert!((size - 15..=size).contains(&(last + bytes)), "{size}");
        }
        assert_eq!(sampled(0), [(0, 0)]);
    }

    #[tokio::test]
    async fn the_hash_is_that_of_the_whole_file_and_tells_how_far_it_is() {
        let content = bytes(3_500_000);
        let (_folder, path) = written(&content);
        let hashing = Hashing::start(&path);
        let progress = hashing.progress();
        let sha256 = hashing.finish().await.unwrap();
        assert_eq!(sha256, hex::encode(digest(&SHA256, &content)));
        assert_eq!(*progress.borrow(), content.len() as u64);
    }

    #[tokio::test]
    async fn a_hash_that_nobody_wants_any_more_ends() {
        let (_folder, path) = written(&bytes(3_500_000));
        let hashing = Hashing::start(&path);
        hashing.cancel();
        assert_eq!(hashing.finish().await.unwrap_err().code, "cancelled");
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_or_is_a_folder_is_refused() {
        let (folder, path) = written(b"");
        let gone = folder.path().join("gone.mkv");
        assert_eq!(sample(&gone).unwrap_err().code, "file_gone");
        let hashing = Hashing::start(&gone);
        assert_eq!(hashing.finish().await.unwrap_err().code, "file_gone");
        let hashing = Hashing::start(folder.path());
        assert_eq!(hashing.finish().await.unwrap_err().code, "file_unreadable");
        let sample = sample(&path).unwrap();
        assert_eq!(sample.film_file(&path, 0).name, "film.mkv");
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = name_of(&PathBuf::from("ä".repeat(200)));
        assert_eq!(name.len(), 254);
    }
}
