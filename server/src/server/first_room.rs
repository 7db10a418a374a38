//! The room that is there from the start, so that there is a link to print.

use std::{fs, io, io::Write, path::Path};

use conclave_wire::{
    Refusal, RefusalCode, Settings,
    http::{self},
};

use super::{Links, StartError};
use crate::{
    actors::lobby::{CreateRoom, FindRoom, LobbyActor},
    config::Config,
};

/// The host key of the first room is kept, because the store has only its hash.
const KEY_FILE: &str = "first-room.key";

/// How to get into the first room.
#[derive(Clone, Debug)]
pub struct FirstRoom {
    pub slug: String,
    pub join_link: String,
    /// `None` when the room was made by somebody else, who has its key.
    pub host_link: Option<String>,
}

/// Opens the first room unless it is open already.
pub(super) async fn open(
    config: &Config,
    lobby: &actix::Addr<LobbyActor>,
    links: &Links,
) -> Result<Option<FirstRoom>, StartError> {
    let slug = config.first_room.clone();
    if slug.is_empty() {
        return Ok(None);
    }
    let found = lobby.send(FindRoom { slug: slug.clone() }).await;
    let host_key = match found.map_err(|_| StartError::Ended)? {
        Ok(_) => read_key(&config.data, &slug),
        Err(refusal) if is_absent(&refusal) => Some(create(config, lobby, &slug).await?),
        Err(refusal) => return Err(StartError::Room(refusal)),
    };
    Ok(Some(FirstRoom {
        join_link: links.join(&slug),
        host_link: host_key.map(|key| links.host(&slug, &key)),
        slug,
    }))
}

fn is_absent(refusal: &Refusal) -> bool {
    matches!(
        refusal.code,
        RefusalCode::RoomNotFound | RefusalCode::RoomEnded
    )
}

async fn create(
    config: &Config,
    lobby: &actix::Addr<LobbyActor>,
    slug: &str,
) -> Result<String, StartError> {
    let room = http::CreateRoom {
        title: config.first_room_title.clone(),
        slug: Some(slug.to_owned()),
        password: None,
        settings: Settings::default(),
        time_limit_ms: None,
        template: None,
    };
    let created = lobby
        .send(CreateRoom {
            room,
            after_ended: true,
        })
        .await;
    let host_key = created
        .map_err(|_| StartError::Ended)?
        .map_err(StartError::Room)?
        .host_key;
    write_key(&config.data, slug, &host_key).map_err(|source| StartError::DataFolder {
        path: config.data.clone(),
        source,
    })?;
    Ok(host_key)
}

fn read_key(data: &Path, slug: &str) -> Option<String> {
    let text = fs::read_to_string(data.join(KEY_FILE)).ok()?;
    let (of, key) = text.trim().split_once(' ')?;
    (of == slug).then(|| key.to_owned())
}

/// Whole or not at all, whenever the machine stops.
fn write_key(data: &Path, slug: &str, key: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let fresh = data.join(format!("{KEY_FILE}.new"));
    let mut file = options.open(&fresh)?;
    writeln!(file, "{slug} {key}")?;
    file.sync_all()?;
    fs::rename(fresh, data.join(KEY_FILE))
}
