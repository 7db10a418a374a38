//! Whether a file can be opened at all, before a player is asked for it.

use std::{fs::File, io, path::Path};

use super::refused::PlayerRefused;

/// # Errors
/// `file_gone`, `file_unreadable`
pub(super) fn check_readable(path: &Path) -> Result<(), PlayerRefused> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(PlayerRefused::file_unreadable()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(PlayerRefused::file_gone()),
        Err(_) => Err(PlayerRefused::file_unreadable()),
    }
}
