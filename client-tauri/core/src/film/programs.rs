//! Which players this machine has.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::refused::PlayerRefused;

/// A player in a window of its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlayerKind {
    Mpv,
    Vlc,
}

/// A player, and where its program is, or why it cannot be had.
#[derive(Clone, Debug)]
pub struct PlayerOffer {
    pub kind: PlayerKind,
    pub program: Result<PathBuf, PlayerRefused>,
}

impl PlayerKind {
    pub const ALL: [PlayerKind; 2] = [PlayerKind::Mpv, PlayerKind::Vlc];

    /// As people call it.
    pub const fn name(self) -> &'static str {
        match self {
            PlayerKind::Mpv => "mpv",
            PlayerKind::Vlc => "VLC",
        }
    }

    /// The file names of its program, best first.
    const fn programs(self) -> &'static [&'static str] {
        match self {
            PlayerKind::Mpv if cfg!(windows) => &["mpv.exe"],
            PlayerKind::Mpv => &["mpv"],
            PlayerKind::Vlc if cfg!(windows) => &["vlc.exe"],
            PlayerKind::Vlc => &["vlc", "cvlc"],
        }
    }

    /// What systems call its package.
    const fn package(self) -> &'static str {
        match self {
            PlayerKind::Mpv => "mpv",
            PlayerKind::Vlc => "vlc",
        }
    }

    /// Its program, looked for in the folders of `PATH`.
    ///
    /// # Errors
    /// `player_missing`
    pub fn find(self) -> Result<PathBuf, PlayerRefused> {
        let folders = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = env::split_paths(&folders).collect();
        find_in(self.programs(), folders.into_iter())
            .ok_or_else(|| PlayerRefused::missing(self.name(), self.package()))
    }

    /// That this program is there, wherever somebody says it is.
    pub(super) fn found(self, named: Option<PathBuf>) -> Result<PathBuf, PlayerRefused> {
        match named {
            Some(path) if path.is_file() => Ok(path),
            Some(_) => Err(PlayerRefused::missing(self.name(), self.package())),
            None => self.find(),
        }
    }
}

/// All players, best first.
pub fn players() -> Vec<PlayerOffer> {
    let offer = |kind: PlayerKind| PlayerOffer {
        kind,
        program: kind.find(),
    };
    PlayerKind::ALL.into_iter().map(offer).collect()
}

fn find_in(names: &[&str], folders: impl Iterator<Item = PathBuf> + Clone) -> Option<PathBuf> {
    names.iter().find_map(|name| {
        let mut places = folders.clone().map(|folder| folder.join(name));
        places.find(|place| is_program(place))
    })
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_that_is_not_installed_names_its_package() {
        let refused = PlayerKind::Vlc
            .found(Some(PathBuf::from("/nowhere/vlc")))
            .unwrap_err();
        assert_eq!(refused.code, "player_missing");
        assert!(refused.message.contains("package “vlc”"), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_what_may_be_run() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("mpv");
        std::fs::write(&place, "").unwrap();
        let folders = || [folder.path().to_owned()].into_iter();
        assert_eq!(find_in(&["mpv"], folders()), None);
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_in(&["vlc", "mpv"], folders()), Some(place));
    }
}
