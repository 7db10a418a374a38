//! Servers before anybody has entered a room: their lists, and the keys by which they are known again.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use conclave_wire::http::{CreateRoom, RoomCreated, RoomList, RoomLook, ServerInfo, TemplateList};
use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    KnownServer, RecentRoom, RoomLink, Shared, Trouble, links::server_of, words::OTHER_VERSION,
};
use crate::link::{
    dial::Dialer,
    http::{HttpClient, HttpError},
    invite::Invite,
};

/// A server is asked no longer than this.
pub(super) const ASK_DEADLINE: Duration = Duration::from_secs(12);
/// Any room's name, where only the server matters.
const ANY_ROOM: &str = "a";
const OURS: &str = env!("CARGO_PKG_VERSION");

pub(super) async fn info(shared: &Arc<Shared>) -> Result<ServerInfo, Trouble> {
    get(&in_use(shared)?, "/api/server").await
}

pub(super) async fn rooms(shared: &Arc<Shared>) -> Result<Vec<RoomLook>, Trouble> {
    let list: RoomList = get(&in_use(shared)?, "/api/rooms").await?;
    Ok(list.rooms)
}

pub(super) async fn templates(shared: &Arc<Shared>) -> Result<TemplateList, Trouble> {
    get(&in_use(shared)?, "/api/templates").await
}

pub(super) async fn look(shared: &Arc<Shared>, link: &RoomLink) -> Result<RoomLook, Trouble> {
    let invite = link.invite(&shared.kept.lock())?;
    match within(client(&invite)?.look(&invite.slug)).await {
        Ok(look) => {
            remember_server(shared, &invite);
            Ok(look)
        }
        Err(trouble) => Err(explained(&invite, trouble).await),
    }
}

/// Says which side has to be updated where program and server do not understand each other.
pub(super) async fn explained(invite: &Invite, trouble: Trouble) -> Trouble {
    if !trouble.is_of_versions() {
        return trouble;
    }
    let said: Result<Value, Trouble> = get(invite, "/api/server").await;
    let theirs = said
        .ok()
        .and_then(|said| version(said["version"].as_str()?));
    Trouble::refusal(OTHER_VERSION, which_to_update(theirs, OURS))
}

fn which_to_update(theirs: Option<[u32; 3]>, ours: &str) -> String {
    let own = version(ours);
    let sentence = match (theirs, own) {
        (Some(theirs), Some(own)) if theirs < own => {
            "The server is older than this program. Whoever runs it has to update it; until then join with a browser."
        }
        (Some(theirs), Some(own)) if theirs > own => {
            "This program is older than the server. Update it, or join with a browser meanwhile."
        }
        _ => {
            "This program and the server speak different versions of the protocol. Update both, or join with a browser \
             meanwhile."
        }
    };
    format!("{sentence} (This is {ours}.)")
}

/// Major, minor and patch of a version like `1.2.3-beta`.
fn version(text: &str) -> Option<[u32; 3]> {
    let plain = text.split(['-', '+']).next()?;
    let mut parts = plain.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

pub(super) async fn create(
    shared: &Arc<Shared>,
    wish: &CreateRoom,
) -> Result<RoomCreated, Trouble> {
    let invite = in_use(shared)?;
    within(client(&invite)?.create_room(wish)).await
}

/// The person has compared the key: the server is asked under that key, and remembered if it has it.
pub(super) async fn trust(
    shared: &Arc<Shared>,
    server: String,
    fingerprint: String,
    name: String,
) -> Result<ServerInfo, Trouble> {
    let link = RoomLink {
        slug: ANY_ROOM.to_owned(),
        host_key: None,
        server: Some(server.clone()),
        fingerprint: Some(fingerprint.clone()),
        ..RoomLink::default()
    };
    let invite = link.invite(&shared.kept.lock())?;
    let info: ServerInfo = get(&invite, "/api/server").await?;
    shared.keep(|kept| {
        kept.remember_server(KnownServer {
            server: server.clone(),
            fingerprint,
            name,
        });
        kept.current = Some(server);
    });
    Ok(info)
}

/// Remembers a server that has shown its key, and goes on with it.
pub(super) fn remember_server(shared: &Arc<Shared>, invite: &Invite) {
    let server = server_of(&invite.addresses);
    shared.keep(|kept| {
        let known = invite
            .addresses
            .iter()
            .find_map(|address| kept.known(address));
        let name = known.map_or_else(
            || {
                invite
                    .addresses
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default()
            },
            |known| known.name.clone(),
        );
        kept.remember_server(KnownServer {
            server: server.clone(),
            fingerprint: invite.fingerprint.to_string(),
            name,
        });
        kept.current = Some(server);
    });
}

pub(super) fn remember_room(shared: &Arc<Shared>, link: RoomLink, title: &str) {
    let at_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    shared.keep(|kept| {
        kept.remember_room(RecentRoom {
            link,
            title: title.to_owned(),
            at_s,
        });
    });
}

/// The server in use.
pub(super) fn in_use(shared: &Shared) -> Result<Invite, Trouble> {
    let link = RoomLink {
        slug: ANY_ROOM.to_owned(),
        ..RoomLink::default()
    };
    Ok(link.invite(&shared.kept.lock())?)
}

async fn get<A: DeserializeOwned>(invite: &Invite, path: &str) -> Result<A, Trouble> {
    within(client(invite)?.json(Method::GET, path, None, None::<&()>)).await
}

fn client(invite: &Invite) -> Result<HttpClient, Trouble> {
    let dialer = Dialer::new(invite).map_err(HttpError::from)?;
    Ok(HttpClient::new(dialer))
}

async fn within<A>(asking: impl Future<Output = Result<A, HttpError>>) -> Result<A, Trouble> {
    match timeout(ASK_DEADLINE, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(HttpError::Late.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_older_is_told_to_be_updated() {
        let told = |theirs| which_to_update(version(theirs), "1.4.0");
        assert!(told("1.3.9").contains("The server is older"));
        assert!(told("2.0.0-beta").contains("This program is older"));
        assert!(told("1.4.0").contains("Update both"));
        assert!(told("nonsense").contains("Update both"));
    }
}
