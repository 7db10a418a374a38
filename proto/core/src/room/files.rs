//! Files that people share, and the space that they may take.

use std::collections::BTreeMap;

use conclave_wire::{Event, FileId, LineKind, ParticipantId, Permission, RefusalCode, SharedFile};

use super::{Effect, Feature, Outbox, Record, Room, text::FileName};
use crate::Now;

/// Files in a room: each is in every snapshot.
pub const FILES_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) shared: BTreeMap<FileId, SharedFile>,
    /// The id of the next file; the first is 1.
    pub(super) next: u32,
    /// Bytes that uploads under way will take, by their owner.
    pub(super) reserved: BTreeMap<ParticipantId, Vec<u64>>,
}

/// A file that stands, whole and checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upload {
    pub owner: ParticipantId,
    pub name: String,
    pub size_bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub share_token: String,
}

impl Files {
    /// Bytes of shared files and of uploads under way.
    pub(super) fn claimed_bytes(&self) -> u64 {
        let shared = self.shared.values().map(|file| file.size_bytes);
        let reserved = self.reserved.values().flatten().copied();
        shared.chain(reserved).fold(0, u64::saturating_add)
    }

    fn claimed_files(&self) -> usize {
        self.shared.len() + self.reserved.values().map(Vec::len).sum::<usize>()
    }

    fn release(&mut self, owner: ParticipantId, size_bytes: u64) -> bool {
        let Some(sizes) = self.reserved.get_mut(&owner) else {
            return false;
        };
        let found = sizes.iter().position(|size| *size == size_bytes);
        if let Some(at) = found {
            sizes.swap_remove(at);
        }
        if sizes.is_empty() {
            self.reserved.remove(&owner);
        }
        found.is_some()
    }

    pub(super) fn release_all(&mut self, owner: ParticipantId) {
        self.reserved.remove(&owner);
    }
}

impl Room {
    /// Claims space for a file that is about to be uploaded. Server-wide limits are checked by whoever
    /// takes the bytes.
    ///
    /// # Errors
    /// `RoomEnded`, `SeatUnknown`, `NotAllowed`, `FileNameInvalid`, `RoomQuotaReached`.
    pub fn reserve_file(
        &mut self,
        owner: ParticipantId,
        name: &str,
        size_bytes: u64,
    ) -> Result<(), RefusalCode> {
        self.check_sharing(owner, name)?;
        self.check_quota(size_bytes)?;
        self.files
            .reserved
            .entry(owner)
            .or_default()
            .push(size_bytes);
        Ok(())
    }

    /// Gives a claim back.
    pub fn release_file(&mut self, owner: ParticipantId, size_bytes: u64) {
        self.files.release(owner, size_bytes);
    }

    /// Shows a file to everybody, in the place of its claim.
    ///
    /// # Errors
    /// As [`Room::reserve_file`]; the quota only when nothing was claimed.
    pub fn share_file(
        &mut self,
        upload: Upload,
        now: Now,
        out: &mut Outbox,
    ) -> Result<SharedFile, RefusalCode> {
        let name = self
            .check_sharing(upload.owner, &upload.name)?
            .into_string();
        if !self.files.release(upload.owner, upload.size_bytes) {
            self.check_quota(upload.size_bytes)?;
        }
        let id = FileId(self.files.next);
        self.files.next += 1;
        let file = SharedFile {
            id,
            owner: upload.owner,
            name: name.clone(),
            size_bytes: upload.size_bytes,
            sha256: upload.sha256,
            shared_at_ms: now.unix_ms,
            share_token: Some(upload.share_token),
        };
        self.files.shared.insert(id, file.clone());
        out.push(Effect::Record(Record::FileShared { file: file.clone() }));
        self.use_feature(Feature::Files, out);
        self.tell(Event::FileShared { file: file.clone() }, out);
        self.push_line(
            upload.owner,
            LineKind::File { file: id },
            name,
            None,
            now,
            out,
        );
        self.settle(now, out);
        Ok(file)
    }

    /// A file that was shared could not be stored: nobody has it.
    pub fn give_up_file(&mut self, id: FileId, now: Now, out: &mut Outbox) {
        if self.files.shared.remove(&id).is_some() {
            out.push(Effect::Record(Record::FileRemoved { file: id }));
            self.tell(Event::FileRemoved { file: id }, out);
        }
        self.settle(now, out);
    }

    pub fn file(&self, id: FileId) -> Option<&SharedFile> {
        self.files.shared.get(&id)
    }

    /// Whether a file with this content is shared; `sha256` is lower-case hexadecimal.
    pub fn has_content(&self, sha256: &str) -> bool {
        let mut files = self.files.shared.values();
        files.any(|file| file.sha256 == sha256)
    }

    pub(super) fn revoke_share(
        &mut self,
        by: ParticipantId,
        id: FileId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_owns(by, id)?;
        let taken = self
            .files
            .shared
            .get_mut(&id)
            .and_then(|file| file.share_token.take());
        if taken.is_some() {
            out.push(Effect::Record(Record::ShareRevoked { file: id }));
            self.tell(Event::ShareRevoked { file: id }, out);
        }
        Ok(())
    }

    pub(super) fn remove_file(
        &mut self,
        by: ParticipantId,
        id: FileId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_owns(by, id)?;
        self.drop_file(id, out)
    }

    pub(super) fn drop_file(&mut self, id: FileId, out: &mut Outbox) -> Result<(), RefusalCode> {
        let file = self
            .files
            .shared
            .remove(&id)
            .ok_or(RefusalCode::FileNotFound)?;
        out.push(Effect::Record(Record::FileRemoved { file: id }));
        self.tell(Event::FileRemoved { file: id }, out);
        // The same content may have been shared twice; it is stored once.
        if !self.has_content(&file.sha256) {
            out.push(Effect::DeleteFile(file));
        }
        Ok(())
    }

    fn check_sharing(&self, owner: ParticipantId, name: &str) -> Result<FileName, RefusalCode> {
        if self.ended.is_some() {
            return Err(RefusalCode::RoomEnded);
        }
        if !self.roster.seats.contains_key(&owner) {
            return Err(RefusalCode::SeatUnknown);
        }
        if !self.may(owner, Permission::ShareFiles) {
            return Err(RefusalCode::NotAllowed);
        }
        FileName::parse(name)
    }

    fn check_quota(&self, size_bytes: u64) -> Result<(), RefusalCode> {
        let bytes = self.files.claimed_bytes().saturating_add(size_bytes);
        match bytes <= self.limits.files_bytes_max && self.files.claimed_files() < FILES_MAX {
            true => Ok(()),
            false => Err(RefusalCode::RoomQuotaReached),
        }
    }

    fn check_owns(&self, by: ParticipantId, id: FileId) -> Result<(), RefusalCode> {
        match self.files.shared.get(&id) {
            None => Err(RefusalCode::FileNotFound),
            Some(file) if file.owner == by || self.may(by, Permission::Moderate) => Ok(()),
            Some(_) => Err(RefusalCode::NotAllowed),
        }
    }
}
