//! Which uploads have begun, on the disk, so that a program that was killed goes on where it stood.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use aws_lc_rs::digest::{SHA256, digest};

/// The note about one upload: the same file, unchanged, into the same room.
pub(super) struct Note {
    path: Option<PathBuf>,
}

impl Note {
    pub(super) fn of(journal: Option<&Path>, slug: &str, file: &Path) -> io::Result<Note> {
        let Some(journal) = journal else {
            return Ok(Note { path: None });
        };
        let data = fs::metadata(file)?;
        let changed = data
            .modified()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let whole = fs::canonicalize(file)?;
        let identity = format!(
            "{slug}\n{}\n{}\n{}",
            whole.display(),
            data.len(),
            changed.as_nanos()
        );
        let name = hex::encode(&digest(&SHA256, identity.as_bytes()).as_ref()[..16]);
        Ok(Note {
            path: Some(journal.join(format!("upload-{name}"))),
        })
    }

    /// Where the upload stands at the server.
    pub(super) fn read(&self) -> Option<String> {
        let location = fs::read_to_string(self.path.as_ref()?).ok()?;
        location.starts_with('/').then_some(location)
    }

    /// A note that cannot be written costs a fresh start after a crash, and nothing else.
    pub(super) fn write(&self, location: &str) {
        let Some(path) = &self.path else { return };
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(path.with_extension("new"), location))
            .and_then(|()| fs::rename(path.with_extension("new"), path));
        if let Err(error) = written {
            tracing::debug!(%error, "an upload could not be noted");
        }
    }

    pub(super) fn remove(&self) {
        if let Some(path) = &self.path {
            // It may never have been written.
            let _ = fs::remove_file(path);
        }
    }
}
