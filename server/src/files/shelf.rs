//! Where finished files stand: one folder a room, each file under its SHA-256. A name that somebody
//! chose is never part of a path, and the same content is stored once.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder of all finished files. Its calls block: never call them on an arbiter.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
}

impl Shelf {
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Shelf> {
        let root = data.join("files");
        fs::create_dir_all(&root)?;
        Ok(Shelf { root })
    }

    /// Where the file with this hash stands. Slug and hash have been checked where they were parsed;
    /// what could leave the folder all the same leads to a place that never exists.
    pub fn path(&self, slug: &str, sha256: &str) -> PathBuf {
        self.root.join(plain(slug)).join(plain(sha256))
    }

    /// Gives a whole upload its place beside the one it has, which its owner removes when the room has
    /// taken the file: a crash between the two loses nothing. Returns false when the content was there.
    ///
    /// # Errors
    /// When the disk says so; nothing has changed then.
    pub fn put(&self, upload: &Path, slug: &str, sha256: &str) -> io::Result<bool> {
        fs::create_dir_all(self.root.join(plain(slug)))?;
        match fs::hard_link(upload, self.path(slug, sha256)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// # Errors
    /// When the disk says so; a file that is not there is no error.
    pub fn remove(&self, slug: &str, sha256: &str) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.path(slug, sha256)))
    }

    /// Removes all files of a room.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn clear(&self, slug: &str) -> io::Result<()> {
        absent_is_fine(fs::remove_dir_all(self.root.join(plain(slug))))
    }

    /// Bytes of all finished files.
    pub fn used_bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for room in fs::read_dir(&self.root)? {
            for file in fs::read_dir(room?.path())? {
                bytes += file?.metadata()?.len();
            }
        }
        Ok(bytes)
    }
}

/// One path segment of letters, digits and hyphens; anything else names nothing.
fn plain(segment: &str) -> &str {
    let safe = !segment.is_empty()
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if safe { segment } else { "-" }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_shelf() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(data.path()).unwrap();
        for slug in ["..", ".", "", "a/../../b", "/etc", "a\0b"] {
            assert_eq!(shelf.path(slug, "00"), data.path().join("files/-/00"));
            assert_eq!(shelf.path("room", slug), data.path().join("files/room/-"));
        }
    }

    #[test]
    fn a_file_is_put_counted_and_removed() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(data.path()).unwrap();
        let upload = data.path().join("upload");
        fs::write(&upload, b"12345").unwrap();
        assert!(shelf.put(&upload, "room", "ab").unwrap());
        assert!(
            !shelf.put(&upload, "room", "ab").unwrap(),
            "the same content is stored once"
        );
        assert_eq!(shelf.used_bytes().unwrap(), 5);
        assert_eq!(fs::read(shelf.path("room", "ab")).unwrap(), b"12345");
        shelf.remove("room", "ab").unwrap();
        shelf.remove("room", "ab").unwrap();
        shelf.clear("room").unwrap();
        shelf.clear("room").unwrap();
        assert_eq!(shelf.used_bytes().unwrap(), 0);
    }
}
