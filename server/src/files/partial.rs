//! An unfinished upload on the disk: its bytes, whose length is the offset, and beside them a ticket
//! that says what they will become. Both survive a crash of the server at any point.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use conclave_wire::ParticipantId;
use serde::{Deserialize, Serialize};

use crate::auth::token::random_bytes;

/// Read at once when a restart counts what is there.
const RECOUNT_BYTES: usize = 1024 * 1024;

/// Names an upload, and is all that is needed to go on with it: 256 random bits, in hexadecimal.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UploadId(String);

impl UploadId {
    pub fn draw() -> UploadId {
        UploadId(hex::encode(random_bytes::<32>()))
    }

    pub fn parse(text: &str) -> Option<UploadId> {
        let hexadecimal = text.len() == 64
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        hexadecimal.then(|| UploadId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an upload will become.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ticket {
    pub slug: String,
    pub owner: ParticipantId,
    pub name: String,
    pub size_bytes: u64,
    /// What the sender says it is, in lower-case hexadecimal.
    pub sha256: Option<String>,
}

/// Bytes and ticket of one upload. Its calls block: never call them on an arbiter.
pub struct Partial {
    path: PathBuf,
    file: File,
    hash: Context,
    length_bytes: u64,
}

impl Partial {
    /// # Errors
    /// When the disk says so; nothing is left behind then.
    pub fn create(folder: &Path, id: &UploadId, ticket: &Ticket) -> io::Result<Partial> {
        let path = bytes_path(folder, id);
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .append(true)
            .open(&path)?;
        let written = serde_json::to_vec(ticket)
            .map_err(io::Error::other)
            .and_then(|json| fs::write(ticket_path(folder, id), json));
        if let Err(error) = written {
            discard(folder, id);
            return Err(error);
        }
        Ok(Partial {
            path,
            file,
            hash: Context::new(&SHA256),
            length_bytes: 0,
        })
    }

    /// Finds an upload that an earlier run of the server began, and hashes what is there.
    ///
    /// # Errors
    /// When there is none, or the disk says so.
    pub fn find(folder: &Path, id: &UploadId) -> io::Result<(Partial, Ticket)> {
        let ticket: Ticket = serde_json::from_slice(&fs::read(ticket_path(folder, id))?)
            .map_err(io::Error::other)?;
        let path = bytes_path(folder, id);
        let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
        let mut hash = Context::new(&SHA256);
        let mut piece = vec![0; RECOUNT_BYTES];
        let mut length_bytes = 0;
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => {
                    hash.update(&piece[..read]);
                    length_bytes += read as u64;
                }
            }
        }
        Ok((
            Partial {
                path,
                file,
                hash,
                length_bytes,
            },
            ticket,
        ))
    }

    /// Writes and hashes. After an error the file is as long as before.
    ///
    /// # Errors
    /// When the disk says so, most likely that it is full.
    pub fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        let before_bytes = self.length_bytes;
        for piece in pieces {
            if let Err(error) = self.file.write_all(piece) {
                self.length_bytes = before_bytes;
                self.file.set_len(before_bytes)?;
                self.rehash()?;
                return Err(error);
            }
            self.hash.update(piece);
            self.length_bytes += piece.len() as u64;
        }
        Ok(())
    }

    pub fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// Lower-case hexadecimal SHA-256 of what is there.
    pub fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finish())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn rehash(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut hash = Context::new(&SHA256);
        let mut piece = vec![0; RECOUNT_BYTES];
        loop {
            match self.file.read(&mut piece)? {
                0 => break,
                read => hash.update(&piece[..read]),
            }
        }
        self.hash = hash;
        Ok(())
    }
}

/// Removes an upload; what is not there is no matter.
pub fn discard(folder: &Path, id: &UploadId) {
    for path in [bytes_path(folder, id), ticket_path(folder, id)] {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an upload could not be removed");
        }
    }
}

/// When bytes last came.
///
/// # Errors
/// When there is no such upload, or the disk says so.
pub fn touched(folder: &Path, id: &UploadId) -> io::Result<SystemTime> {
    fs::metadata(bytes_path(folder, id)).and_then(|data| data.modified())
}

/// All uploads in the folder, with what they will be and when bytes last came.
///
/// # Errors
/// When the folder cannot be read; what is no upload in it is passed over.
pub fn list(folder: &Path) -> io::Result<Vec<(UploadId, Ticket, SystemTime)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let id = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".json"))
            .and_then(UploadId::parse);
        let Some(id) = id else { continue };
        let ticket = fs::read(&path)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok());
        match (ticket, touched(folder, &id)) {
            (Some(ticket), Ok(touched)) => found.push((id, ticket, touched)),
            _ => discard(folder, &id),
        }
    }
    Ok(found)
}

fn bytes_path(folder: &Path, id: &UploadId) -> PathBuf {
    folder.join(format!("{}.part", id.as_str()))
}

fn ticket_path(folder: &Path, id: &UploadId) -> PathBuf {
    folder.join(format!("{}.json", id.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            slug: "room".into(),
            owner: ParticipantId(1),
            name: "a.txt".into(),
            size_bytes: 6,
            sha256: None,
        }
    }

    #[test]
    fn an_upload_is_found_again_where_it_stood() {
        let folder = tempfile::tempdir().unwrap();
        let id = UploadId::draw();
        let mut begun = Partial::create(folder.path(), &id, &ticket()).unwrap();
        begun
            .append(&[Bytes::from_static(b"ab"), Bytes::from_static(b"c")])
            .unwrap();
        drop(begun);
        let (mut found, same) = Partial::find(folder.path(), &id).unwrap();
        assert_eq!((found.length_bytes(), same), (3, ticket()));
        // The SHA-256 of "abc" is the first example of FIPS 180-2.
        assert_eq!(
            found.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        found.append(&[Bytes::from_static(b"def")]).unwrap();
        assert_eq!(found.length_bytes(), 6);
        assert_eq!(list(folder.path()).unwrap().len(), 1);
        discard(folder.path(), &id);
        assert!(list(folder.path()).unwrap().is_empty());
        assert!(Partial::find(folder.path(), &id).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_batch_that_fails_in_its_middle_leaves_nothing_of_itself() {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

        // A disk of six bytes.
        let disk = memfd_create("disk", MemfdFlags::ALLOW_SEALING).unwrap();
        let mut file = File::from(disk);
        file.set_len(6).unwrap();
        fcntl_add_seals(&file, SealFlags::GROW).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut partial = Partial {
            path: PathBuf::new(),
            file,
            hash: Context::new(&SHA256),
            length_bytes: 0,
        };
        partial.append(&[Bytes::from_static(b"abc")]).unwrap();
        let batch = [Bytes::from_static(b"def"), Bytes::from_static(b"ghi")];
        assert!(partial.append(&batch).is_err());
        assert_eq!(partial.length_bytes(), 3);
        assert_eq!(partial.file.metadata().unwrap().len(), 3);
        // The SHA-256 of "abc" is the first example of FIPS 180-2.
        assert_eq!(
            partial.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn only_ids_of_ours_name_files() {
        assert!(UploadId::parse(UploadId::draw().as_str()).is_some());
        for text in [
            "",
            "..",
            "abc",
            &"g".repeat(64),
            &"A".repeat(64),
            &format!("../{}", "a".repeat(61)),
        ] {
            assert!(UploadId::parse(text).is_none(), "{text}");
        }
    }
}
