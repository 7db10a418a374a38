//! What the program remembers between visits: servers and their keys, rooms, devices, habits. One file of
//! JSON that nobody else may read, because it holds keys of hosts.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::{OwnStudy, RoomLink, links::addresses_of};
use crate::{
    link::invite::{Address, Fingerprint},
    media::devices::DeviceSettings,
};

const FILE: &str = "settings.json";
/// A file that is larger was not written here.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
pub const RECENT_MAX: usize = 20;
pub const SERVERS_MAX: usize = 100;
/// Of a device's secret.
const SECRET_BYTES: usize = 16;

/// A server that this program has been at, or that its person has confirmed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct KnownServer {
    /// `host:port`, several with commas between.
    pub server: String,
    pub fingerprint: String,
    pub name: String,
}

impl KnownServer {
    /// `None` when somebody has written nonsense into the file.
    pub fn key(&self) -> Option<Fingerprint> {
        Fingerprint::parse(&self.fingerprint)
    }

    fn is_at(&self, address: &Address) -> bool {
        addresses_of(&self.server).is_ok_and(|addresses| addresses.contains(address))
    }
}

/// A room that was visited, newest first.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RecentRoom {
    pub link: RoomLink,
    pub title: String,
    /// Unix time, in seconds.
    pub at_s: u64,
}

/// Keys that work while another window is in front, as accelerators like `Ctrl+Alt+M`; empty for none.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Keys {
    pub talk: String,
    pub mute: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Kept {
    /// Drawn once, so that a ban knows this program again.
    pub device_secret: String,
    pub servers: Vec<KnownServer>,
    pub recent: Vec<RecentRoom>,
    /// The server in use: whose rooms are listed.
    pub current: Option<String>,
    pub devices: DeviceSettings,
    /// Where files go; the system's folder for downloads if not said.
    pub downloads: Option<PathBuf>,
    /// Ask for each file where it goes.
    pub ask_where: bool,
    /// Begin in the tray.
    pub start_hidden: bool,
    pub keys: Keys,
    /// `None` as long as nothing was kept.
    pub study: Option<OwnStudy>,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept {
            device_secret: draw_secret(),
            servers: Vec::new(),
            recent: Vec::new(),
            current: None,
            devices: DeviceSettings::default(),
            downloads: None,
            ask_where: true,
            start_hidden: false,
            keys: Keys::default(),
            study: None,
        }
    }
}

impl Kept {
    /// What the folder holds; `None` where it holds nothing that can be read.
    pub fn read(folder: &Path) -> Option<Kept> {
        let path = folder.join(FILE);
        let read = || -> io::Result<Kept> {
            if fs::metadata(&path)?.len() > FILE_BYTES_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            serde_json::from_slice(&fs::read(&path)?).map_err(io::Error::from)
        };
        match read() {
            Ok(mut kept) => {
                kept.recent.truncate(RECENT_MAX);
                kept.servers.truncate(SERVERS_MAX);
                Some(kept)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, "the settings cannot be read, and begin anew");
                }
                None
            }
        }
    }

    /// Writes all of it, so that a crash leaves either the old or the new.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let new = folder.join(format!("{FILE}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&new, &path)
    }

    pub fn known(&self, address: &Address) -> Option<&KnownServer> {
        self.servers.iter().find(|server| server.is_at(address))
    }

    /// Remembers a server, instead of what was known at its addresses.
    pub fn remember_server(&mut self, new: KnownServer) {
        let addresses = addresses_of(&new.server).unwrap_or_default();
        let is_same = |old: &KnownServer| addresses.iter().any(|address| old.is_at(address));
        self.servers.retain(|old| !is_same(old));
        self.servers.insert(0, new);
        self.servers.truncate(SERVERS_MAX);
    }

    pub fn forget_server(&mut self, server: &str) {
        let addresses = addresses_of(server).unwrap_or_default();
        let is_same = |old: &KnownServer| addresses.iter().any(|address| old.is_at(address));
        self.servers.retain(|old| !is_same(old));
        if self.current.as_deref() == Some(server) {
            self.current = None;
        }
        // Their links name a key that is not to be trusted any more.
        self.recent
            .retain(|room| room.link.server.as_deref() != Some(server));
    }

    pub fn remember_room(&mut self, new: RecentRoom) {
        self.forget_room(&new.link);
        self.recent.insert(0, new);
        self.recent.truncate(RECENT_MAX);
    }

    pub fn forget_room(&mut self, link: &RoomLink) {
        self.recent
            .retain(|old| (&old.link.slug, &old.link.server) != (&link.slug, &link.server));
    }
}

fn draw_secret() -> String {
    let mut secret = [0; SECRET_BYTES];
    if SystemRandom::new().fill(&mut secret).is_err() {
        tracing::warn!("this machine has no randomness: a ban does not know it again");
    }
    hex::encode(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(server: &str, byte: u8) -> KnownServer {
        KnownServer {
            server: server.to_owned(),
            fingerprint: Fingerprint([byte; 32]).to_string(),
            name: String::new(),
        }
    }

    fn room(slug: &str) -> RecentRoom {
        let link = RoomLink {
            slug: slug.to_owned(),
            server: Some("a:1".to_owned()),
            ..RoomLink::default()
        };
        RecentRoom {
            link,
            title: slug.to_owned(),
            at_s: 0,
        }
    }

    #[test]
    fn what_was_written_is_read_and_nobody_else_may() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Kept::read(folder.path()), None);
        let mut kept = Kept::default();
        assert_eq!(kept.device_secret.len(), 2 * SECRET_BYTES);
        kept.remember_room(room("physics"));
        kept.write(folder.path()).unwrap();
        assert_eq!(Kept::read(folder.path()), Some(kept));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = fs::metadata(folder.path().join(FILE)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_file_is_a_new_beginning() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{ \"recent\": 7").unwrap();
        assert_eq!(Kept::read(folder.path()), None);
        // A file of another version lacks what came later, and is read all the same.
        fs::write(folder.path().join(FILE), "{ \"ask_where\": false }").unwrap();
        assert!(!Kept::read(folder.path()).unwrap().ask_where);
    }

    #[test]
    fn rooms_are_remembered_once_and_not_for_ever() {
        let mut kept = Kept::default();
        for number in 0..2 * RECENT_MAX {
            kept.remember_room(room(&format!("room-{number}")));
        }
        kept.remember_room(room("room-30"));
        assert_eq!(kept.recent.len(), RECENT_MAX);
        assert_eq!(kept.recent[0], room("room-30"));
        let same = |kept: &&RecentRoom| kept.link.slug == "room-30";
        assert_eq!(kept.recent.iter().filter(same).count(), 1);
    }

    #[test]
    fn one_address_has_one_key() {
        let mut kept = Kept::default();
        kept.remember_server(server("a:1,b:2", 1));
        kept.remember_server(server("b:2", 2));
        let b = Address::parse("b:2", 1).unwrap();
        assert_eq!(kept.known(&b).unwrap().key(), Some(Fingerprint([2; 32])));
        assert_eq!(kept.servers.len(), 1);
        kept.forget_server("b:2");
        assert!(kept.known(&b).is_none());
    }
}
