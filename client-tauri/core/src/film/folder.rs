//! A folder that only this person may enter, gone when it is dropped.

use std::{
    io,
    path::{Path, PathBuf},
};

use rand::Rng;

pub(super) struct PrivateFolder(PathBuf);

impl PrivateFolder {
    pub(super) fn new(what: &str) -> io::Result<PrivateFolder> {
        let name = format!("conclave-{what}-{:016x}", rand::rng().random::<u64>());
        let folder = std::env::temp_dir().join(name);
        let mut building = std::fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            building.mode(0o700);
        }
        building.create(&folder)?;
        Ok(PrivateFolder(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What is left among temporary things hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
