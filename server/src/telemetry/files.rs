//! Log files: begun anew by size and by age, the oldest removed so that all together stay within a bound.
//!
//! A disk that is full or a folder that is gone loses lines and says so in the health; it never stops
//! the server. As soon as there is a folder again, a new file is begun in it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use super::line::rfc3339;
use crate::clock::unix_ms;

const PREFIX: &str = "conclave-";
const SUFFIX: &str = ".log";
/// How often a file is looked for that somebody may have moved away, and a folder that failed is tried.
const LOOKED_FOR_MS: u64 = 1_000;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct LogFileLimits {
    pub file_bytes_max: u64,
    pub file_age_max: Duration,
    pub files_max: usize,
    /// All files together; counted as if the newest were full.
    pub files_bytes_max: u64,
}

/// The files of a folder, as a writer of whole lines.
#[derive(Debug)]
pub struct LogFiles {
    folder: PathBuf,
    limits: LogFileLimits,
    open: Option<Open>,
    looked_at_ms: u64,
    stand: Arc<Mutex<Stand>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    bytes: u64,
    begun_ms: u64,
}

/// How the files stand, for the health.
#[derive(Debug, Default)]
struct Stand {
    failed: bool,
    path: PathBuf,
}

/// Looks at the files from outside of the writing thread.
#[derive(Clone, Debug)]
pub struct LogFilesWatch(Arc<Mutex<Stand>>);

impl LogFilesWatch {
    /// Whether the last line was written, to a file that still has its name. Reads the disk.
    pub fn is_well(&self) -> bool {
        let stand = self.0.lock();
        let (failed, path) = (stand.failed, stand.path.clone());
        drop(stand);
        !failed && path.exists()
    }
}

impl LogFiles {
    /// Goes on in the newest file, or begins one; the folder is made when it is not there.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be written.
    pub fn open(folder: &Path, limits: LogFileLimits) -> io::Result<LogFiles> {
        LogFiles::open_at(folder, limits, unix_ms())
    }

    fn open_at(folder: &Path, limits: LogFileLimits, now_ms: u64) -> io::Result<LogFiles> {
        let mut files = LogFiles {
            folder: folder.to_owned(),
            limits,
            open: None,
            looked_at_ms: now_ms,
            stand: Arc::default(),
        };
        files.begin(now_ms, true)?;
        Ok(files)
    }

    pub fn watch(&self) -> LogFilesWatch {
        LogFilesWatch(self.stand.clone())
    }

    fn write_at(&mut self, line: &[u8], now_ms: u64) {
        let written = self.try_write(line, now_ms);
        if written.is_err() {
            self.open = None;
        }
        self.stand.lock().failed = written.is_err();
    }

    fn try_write(&mut self, line: &[u8], now_ms: u64) -> io::Result<()> {
        let looks = now_ms.abs_diff(self.looked_at_ms) >= LOOKED_FOR_MS;
        if looks {
            self.looked_at_ms = now_ms;
        }
        let is_over = match &self.open {
            // One that failed is tried again only from time to time: each try costs the disk.
            None if !looks => return Err(io::ErrorKind::NotFound.into()),
            None => true,
            Some(open) => {
                let full =
                    open.bytes > 0 && open.bytes + line.len() as u64 > self.limits.file_bytes_max;
                let age_ms = u128::from(now_ms.saturating_sub(open.begun_ms));
                let old = age_ms >= self.limits.file_age_max.as_millis();
                full || old || (looks && !open.path.exists())
            }
        };
        if is_over {
            self.open = None;
            self.begin(now_ms, false)?;
        }
        let Some(open) = &mut self.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        open.file.write_all(line)?;
        open.bytes += line.len() as u64;
        Ok(())
    }

    /// Makes room and opens a file: the newest of before when `go_on` and it has room, else a new one.
    fn begin(&mut self, now_ms: u64, go_on: bool) -> io::Result<()> {
        private_folder(&self.folder)?;
        let newest = match go_on {
            true => self.all()?.pop(),
            false => None,
        };
        let path = match newest {
            Some((path, bytes)) if bytes < self.limits.file_bytes_max => path,
            _ => self.folder.join(name(now_ms)),
        };
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let file = options.open(&path)?;
        let bytes = file.metadata()?.len();
        self.open = Some(Open {
            file,
            path: path.clone(),
            bytes,
            begun_ms: now_ms,
        });
        self.stand.lock().path = path;
        self.make_room()
    }

    /// Removes the oldest files until the rest and one full file are within the limits.
    fn make_room(&self) -> io::Result<()> {
        let current = self.open.as_ref().map(|open| &open.path);
        let mut others = self.all()?;
        others.retain(|(path, _)| Some(path) != current);
        let mut bytes: u64 = others.iter().map(|(_, bytes)| bytes).sum();
        let mut count = others.len() + 1;
        let bytes_max = self.limits.files_bytes_max;
        for (path, its_bytes) in others {
            let fits = bytes.saturating_add(self.limits.file_bytes_max) <= bytes_max;
            if fits && count <= self.limits.files_max {
                break;
            }
            fs::remove_file(path)?;
            bytes -= its_bytes;
            count -= 1;
        }
        Ok(())
    }

    /// Our files with their sizes, oldest first; others in the folder are not ours to touch.
    fn all(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let ours = name
                .to_str()
                .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
            if ours && entry.file_type()?.is_file() {
                files.push((entry.path(), entry.metadata()?.len()));
            }
        }
        // Names are dates, so their order is that of time.
        files.sort();
        Ok(files)
    }
}

impl Write for LogFiles {
    /// Takes a whole line, always: what cannot be written is lost, and the health says so.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_at(line, unix_ms());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn name(now_ms: u64) -> String {
    let at = rfc3339(now_ms).replace([':', '.'], "-");
    format!("{PREFIX}{at}{SUFFIX}")
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o750);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const START_MS: u64 = 1_700_000_000_000;

    fn limits() -> LogFileLimits {
        LogFileLimits {
            file_bytes_max: 100,
            file_age_max: Duration::from_secs(3_600),
            files_max: 100,
            files_bytes_max: 350,
        }
    }

    fn sizes(files: &LogFiles) -> Vec<u64> {
        let all = files.all().unwrap();
        all.iter().map(|(_, bytes)| *bytes).collect()
    }

    #[test]
    fn a_file_that_is_full_is_followed_by_another() {
        let folder = tempdir().unwrap();
        let mut files = LogFiles::open_at(folder.path(), limits(), START_MS).unwrap();
        for later in 1..=5 {
            files.write_at(&[b'x'; 40], START_MS + later);
        }
        assert_eq!(sizes(&files), [80, 80, 40]);
    }

    #[test]
    fn a_file_that_is_old_is_followed_by_another() {
        let folder = tempdir().unwrap();
        let mut files = LogFiles::open_at(folder.path(), limits(), START_MS).unwrap();
        files.write_at(b"early", START_MS + HOUR_MS - 1);
        files.write_at(b"late", START_MS + HOUR_MS);
        assert_eq!(sizes(&files), [5, 4]);
    }

    #[test]
    fn all_files_together_stay_within_their_bounds_and_others_are_let_be() {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("mine.txt"), [0; 1_000]).unwrap();
        let mut files = LogFiles::open_at(folder.path(), limits(), START_MS).unwrap();
        for later in 1..=20 {
            files.write_at(&[b'x'; 90], START_MS + later);
            assert!(sizes(&files).iter().sum::<u64>() <= 350);
        }
        assert_eq!(sizes(&files).len(), 3);
        let few = LogFileLimits {
            files_max: 2,
            files_bytes_max: u64::MAX,
            ..limits()
        };
        let mut files = LogFiles::open_at(folder.path(), few, START_MS + 30).unwrap();
        for later in 31..=40 {
            files.write_at(&[b'x'; 90], START_MS + later);
        }
        assert_eq!(sizes(&files).len(), 2);
        assert!(folder.path().join("mine.txt").exists());
    }

    #[test]
    fn a_start_goes_on_in_the_newest_file() {
        let folder = tempdir().unwrap();
        for later in 0..3 {
            let mut files = LogFiles::open_at(folder.path(), limits(), START_MS + later).unwrap();
            files.write_at(b"0123456789", START_MS + later);
            assert_eq!(sizes(&files), [10 * (later + 1)]);
        }
    }

    #[test]
    fn a_folder_that_is_gone_is_noticed_and_made_again() {
        let folder = tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut files = LogFiles::open_at(&logs, limits(), START_MS).unwrap();
        let watch = files.watch();
        files.write_at(b"before", START_MS + 1);
        assert!(watch.is_well());
        fs::remove_dir_all(&logs).unwrap();
        assert!(!watch.is_well(), "noticed without a line");
        files.write_at(b"after", START_MS + 1 + LOOKED_FOR_MS);
        assert!(watch.is_well());
        assert_eq!(sizes(&files), [5]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_loses_lines_and_says_so() {
        let folder = tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut files = LogFiles::open_at(&logs, limits(), START_MS).unwrap();
        fs::remove_dir_all(&logs).unwrap();
        fs::write(&logs, "a file in its place").unwrap();
        files.write_at(b"lost", START_MS + LOOKED_FOR_MS);
        assert!(!files.watch().is_well());
        fs::remove_file(&logs).unwrap();
        files.write_at(b"still lost", START_MS + LOOKED_FOR_MS + 1);
        assert!(!files.watch().is_well());
        files.write_at(b"there again", START_MS + 2 * LOOKED_FOR_MS);
        assert!(files.watch().is_well());
    }
}
