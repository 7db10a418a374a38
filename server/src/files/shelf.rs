//! Where finished files stand: one folder a room, each file under its SHA-256. A name that somebody
//! chose is never part of a path, and the same content is stored once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

/// Slug of a room and lower-case hexadecimal SHA-256: what names a content.
pub type ContentKey = (String, String);

/// The folder of all finished files; clones share it. Its calls block: never call them on an arbiter.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
    held: Arc<Mutex<BTreeMap<ContentKey, Held>>>,
}

/// What is going on with a content that somebody puts or removes. Nobody unlinks it before the last
/// of them has let go.
#[derive(Debug, Default)]
struct Held {
    holders: usize,
    /// Put by one of the holders: the server's quota does not count it yet.
    fresh: bool,
    /// The room has it: it stays, whatever the other holders want.
    wanted: bool,
    /// Somebody has seen that the room does not have it; so many bytes of the server's quota are free
    /// when it is gone.
    unwanted_bytes: Option<u64>,
}

impl Shelf {
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Shelf> {
        let root = data.join("files");
        fs::create_dir_all(&root)?;
        Ok(Shelf {
            root,
            held: Arc::default(),
        })
    }

    /// Where the file with this hash stands. Slug and hash have been checked where they were parsed;
    /// what could leave the folder all the same leads to a place that never exists.
    pub fn path(&self, slug: &str, sha256: &str) -> PathBuf {
        self.root.join(plain(slug)).join(plain(sha256))
    }

    /// Keeps others from removing this content, whether it is there or not, until all holds are gone.
    pub fn hold(&self, slug: &str, sha256: &str) -> Hold {
        let key = (slug.to_owned(), sha256.to_owned());
        self.held.lock().entry(key.clone()).or_default().holders += 1;
        Hold {
            shelf: self.clone(),
            key,
        }
    }

    /// Bytes of all finished files.
    pub fn used_bytes(&self) -> io::Result<u64> {
        let contents = self.contents()?;
        Ok(contents.iter().map(|(_, _, bytes)| bytes).sum())
    }

    /// Removes what no room knows: left when the server ended between a commit and an unlink.
    /// Returns how many files and bytes are gone.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn sweep(&self, known: &BTreeSet<ContentKey>) -> io::Result<(usize, u64)> {
        let (mut files, mut bytes) = (0, 0);
        for (key, path, size_bytes) in self.contents()? {
            if !known.contains(&key) {
                fs::remove_file(&path)?;
                if let Some(folder) = path.parent() {
                    // It stays when there is something in it.
                    fs::remove_dir(folder).ok();
                }
                files += 1;
                bytes += size_bytes;
            }
        }
        Ok((files, bytes))
    }

    /// Every content with its place and size in bytes. What is no room's folder, and what in there is
    /// no file, was put there by somebody else and is passed over.
    fn contents(&self) -> io::Result<Vec<(ContentKey, PathBuf, u64)>> {
        let mut contents = Vec::new();
        for room in fs::read_dir(&self.root)? {
            let room = room?;
            let (true, Ok(slug)) = (room.file_type()?.is_dir(), room.file_name().into_string())
            else {
                continue;
            };
            for file in fs::read_dir(room.path())? {
                let file = file?;
                let data = file.metadata()?;
                if let (true, Ok(sha256)) = (data.is_file(), file.file_name().into_string()) {
                    contents.push(((slug.clone(), sha256), file.path(), data.len()));
                }
            }
        }
        Ok(contents)
    }
}

/// One of those who put or remove a content. Dropped without a word, it leaves the content where it is.
#[derive(Debug)]
pub struct Hold {
    shelf: Shelf,
    key: ContentKey,
}

impl Hold {
    /// Gives a whole upload its place beside the one it has, which its owner removes when the room has
    /// taken the file: a crash between the two loses nothing. When it returns, bytes and name are on
    /// the disk.
    ///
    /// # Errors
    /// When the disk says so; the content may be in its place all the same.
    pub fn put(&self, upload: &Path) -> io::Result<()> {
        let (slug, sha256) = &self.key;
        let folder = self.shelf.root.join(plain(slug));
        File::open(upload)?.sync_all()?;
        let linked = {
            // Under the lock, so that nobody takes the folder away while it is empty.
            let _held = self.shelf.held.lock();
            fs::create_dir_all(&folder)?;
            fs::hard_link(upload, self.shelf.path(slug, sha256))
        };
        match linked {
            Ok(()) => self.change(|held| {
                held.fresh = true;
                held.unwanted_bytes = Some(0);
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        sync_folder(&folder)?;
        sync_folder(&self.shelf.root)
    }

    /// The room has the content. Returns whether the server's quota must count it now: it was not
    /// there before, and nobody else has been told to count it.
    pub fn keep(self) -> bool {
        let mut counts = false;
        self.change(|held| {
            counts = held.fresh && !held.wanted;
            held.wanted = true;
        });
        counts
    }

    /// The room has refused the content, or nothing has come of it: what was not there before goes,
    /// unless somebody else holds it or the room has taken it from another. Returns bytes of the
    /// server's quota that became free.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn give_up(self) -> io::Result<u64> {
        self.settle()
    }

    /// The room has the content no more: it goes, unless somebody else holds it, who decides then.
    /// Returns bytes of the server's quota that became free: all when it is gone, none when it is not
    /// or was not there.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn remove(self, size_bytes: u64) -> io::Result<u64> {
        self.change(|held| {
            held.unwanted_bytes.get_or_insert(size_bytes);
        });
        self.settle()
    }

    /// Unlinks under the lock, so that no new holder finds the content just before it goes.
    fn settle(&self) -> io::Result<u64> {
        let held = self.shelf.held.lock();
        let free_bytes = match held.get(&self.key) {
            Some(held) if held.holders == 1 && !held.wanted => held.unwanted_bytes,
            Some(_) | None => None,
        };
        let Some(free_bytes) = free_bytes else {
            return Ok(0);
        };
        match fs::remove_file(self.shelf.path(&self.key.0, &self.key.1)) {
            Ok(()) => {
                // The last of a room takes its folder along, whose name is the room's.
                fs::remove_dir(self.shelf.root.join(plain(&self.key.0))).ok();
                Ok(free_bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        if let Some(held) = self.shelf.held.lock().get_mut(&self.key) {
            change(held);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.shelf.held.lock();
        if let Some(last) = held.get_mut(&self.key) {
            last.holders -= 1;
            if last.holders == 0 {
                held.remove(&self.key);
            }
        }
    }
}

/// A name is on the disk when its folder is. Windows has no such call, and needs none.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
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

    fn shelf_and_upload() -> (tempfile::TempDir, Shelf, PathBuf) {
        let data = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(data.path()).unwrap();
        let upload = data.path().join("upload");
        fs::write(&upload, b"12345").unwrap();
        (data, shelf, upload)
    }

    fn share(shelf: &Shelf, upload: &Path) -> bool {
        let hold = shelf.hold("room", "ab");
        hold.put(upload).unwrap();
        hold.keep()
    }

    #[test]
    fn a_file_is_put_counted_once_and_removed_once() {
        let (_data, shelf, upload) = shelf_and_upload();
        assert!(share(&shelf, &upload));
        assert!(!share(&shelf, &upload), "the same content is stored once");
        assert_eq!(shelf.used_bytes().unwrap(), 5);
        assert_eq!(fs::read(shelf.path("room", "ab")).unwrap(), b"12345");
        assert_eq!(shelf.hold("room", "ab").remove(5).unwrap(), 5);
        assert_eq!(shelf.hold("room", "ab").remove(5).unwrap(), 0);
        assert_eq!(shelf.used_bytes().unwrap(), 0);
        assert!(shelf.held.lock().is_empty());
    }

    #[test]
    fn a_removal_spares_content_that_is_being_shared_again() {
        let (_data, shelf, upload) = shelf_and_upload();
        share(&shelf, &upload);
        let again = shelf.hold("room", "ab");
        again.put(&upload).unwrap();
        assert_eq!(shelf.hold("room", "ab").remove(5).unwrap(), 0);
        assert!(!again.keep(), "it is counted from before");
        assert!(shelf.path("room", "ab").exists());
    }

    #[test]
    fn the_last_who_is_refused_finishes_a_removal() {
        let (_data, shelf, upload) = shelf_and_upload();
        share(&shelf, &upload);
        let again = shelf.hold("room", "ab");
        again.put(&upload).unwrap();
        assert_eq!(shelf.hold("room", "ab").remove(5).unwrap(), 0);
        assert_eq!(again.give_up().unwrap(), 5);
        assert!(!shelf.path("room", "ab").exists());
    }

    #[test]
    fn a_refused_upload_spares_content_that_another_has_shared() {
        let (_data, shelf, upload) = shelf_and_upload();
        let first = shelf.hold("room", "ab");
        first.put(&upload).unwrap();
        assert!(share(&shelf, &upload), "who shares it has it counted");
        assert_eq!(first.give_up().unwrap(), 0);
        assert!(shelf.path("room", "ab").exists());
    }

    #[test]
    fn a_refused_upload_goes_and_one_that_was_there_stays() {
        let (_data, shelf, upload) = shelf_and_upload();
        let refused = shelf.hold("room", "ab");
        refused.put(&upload).unwrap();
        assert_eq!(refused.give_up().unwrap(), 0);
        assert!(!shelf.path("room", "ab").exists());
        share(&shelf, &upload);
        let refused = shelf.hold("room", "ab");
        refused.put(&upload).unwrap();
        assert_eq!(refused.give_up().unwrap(), 0);
        assert!(shelf.path("room", "ab").exists());
    }

    #[test]
    fn what_no_room_knows_is_swept_and_what_is_no_rooms_is_passed_over() {
        let (data, shelf, upload) = shelf_and_upload();
        share(&shelf, &upload);
        let orphan = shelf.hold("gone", "cd");
        orphan.put(&upload).unwrap();
        orphan.keep();
        let stray = data.path().join("files/stray");
        fs::write(&stray, b"1").unwrap();
        assert_eq!(shelf.used_bytes().unwrap(), 10);
        let known = BTreeSet::from([("room".to_owned(), "ab".to_owned())]);
        assert_eq!(shelf.sweep(&known).unwrap(), (1, 5));
        assert!(shelf.path("room", "ab").exists() && stray.exists());
    }
}
