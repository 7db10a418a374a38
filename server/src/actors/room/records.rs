//! What rooms need of a store.

use std::{future::Future, pin::Pin};

use conclave_core::room::{Record, StoredRoom};
use conclave_wire::{EndReason, Line, LineId, RefusalCode, SharedFile, Template};

use crate::store::{Store, StoreError, Unreferenced};

pub type Stored<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Where rooms are kept. [`Store`] is the real one; tests have one in memory.
pub trait RoomStore: Send + Sync {
    /// Stores records, all or none, in the order of the calls, whether the future is awaited or not.
    fn write(&self, slug: &str, records: Vec<Record>) -> Stored<()>;
    /// Lines before one, oldest first, and whether there are more.
    fn lines_before(&self, slug: &str, before: LineId, lines_max: u32)
    -> Stored<(Vec<Line>, bool)>;
    fn open_rooms(&self) -> Stored<Vec<StoredRoom>>;
    /// Why the newest room of this slug has ended, if it has and is still kept.
    fn ended(&self, slug: &str) -> Stored<Option<EndReason>>;
    /// The file of a share link and the slug of its room, which may have ended.
    fn shared_by_token(&self, token: &str) -> Stored<Option<(String, SharedFile)>>;
    /// Removes rooms whose time to be kept is over.
    fn purge(&self, now_unix_ms: u64) -> Stored<Vec<Unreferenced>>;
    /// Opens the newest room of a slug again, which has ended and is still kept. Inside, why not:
    /// `RoomNotFound`, `SlugTaken`, `HostKeyWrong`.
    fn reopen(
        &self,
        slug: &str,
        host_key_hash: [u8; 32],
        now_unix_ms: u64,
    ) -> Stored<Result<StoredRoom, RefusalCode>>;
    /// Keeps a template, in the place of one of the same name and owner.
    fn save_template(&self, template: Template, owner: [u8; 32]) -> Stored<()>;
    /// Forgets a template of this owner; false when none of that name was saved.
    fn delete_template(&self, name: &str, owner: [u8; 32]) -> Stored<bool>;
    /// The templates that were saved, in order of names.
    fn templates(&self) -> Stored<Vec<Template>>;
}

impl RoomStore for Store {
    fn write(&self, slug: &str, records: Vec<Record>) -> Stored<()> {
        Box::pin(Store::write(self, slug, records))
    }

    fn lines_before(
        &self,
        slug: &str,
        before: LineId,
        lines_max: u32,
    ) -> Stored<(Vec<Line>, bool)> {
        let (store, slug) = (self.clone(), slug.to_owned());
        Box::pin(async move { store.lines_before(&slug, before, lines_max).await })
    }

    fn open_rooms(&self) -> Stored<Vec<StoredRoom>> {
        let store = self.clone();
        Box::pin(async move { store.open_rooms().await })
    }

    fn ended(&self, slug: &str) -> Stored<Option<EndReason>> {
        let (store, slug) = (self.clone(), slug.to_owned());
        Box::pin(async move { store.ended(&slug).await })
    }

    fn shared_by_token(&self, token: &str) -> Stored<Option<(String, SharedFile)>> {
        let (store, token) = (self.clone(), token.to_owned());
        Box::pin(async move { store.shared_by_token(&token).await })
    }

    fn purge(&self, now_unix_ms: u64) -> Stored<Vec<Unreferenced>> {
        let store = self.clone();
        Box::pin(async move { store.purge(now_unix_ms).await })
    }

    fn reopen(
        &self,
        slug: &str,
        host_key_hash: [u8; 32],
        now_unix_ms: u64,
    ) -> Stored<Result<StoredRoom, RefusalCode>> {
        let (store, slug) = (self.clone(), slug.to_owned());
        Box::pin(async move { store.reopen(&slug, host_key_hash, now_unix_ms).await })
    }

    fn save_template(&self, template: Template, owner: [u8; 32]) -> Stored<()> {
        Box::pin(Store::save_template(self, template, owner))
    }

    fn delete_template(&self, name: &str, owner: [u8; 32]) -> Stored<bool> {
        Box::pin(Store::delete_template(self, name, Some(owner)))
    }

    fn templates(&self) -> Stored<Vec<Template>> {
        let store = self.clone();
        Box::pin(async move { store.templates().await })
    }
}
