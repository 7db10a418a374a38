//! Where the crowd meets: a server whose key is known, and a room on it.

use std::{error::Error, net::SocketAddr};

use conclave_client::link::{
    dial::Dialer,
    first_use::ask_fingerprint,
    http::{HttpClient, HttpError},
    invite::{Address, DEFAULT_PORT, Fingerprint, Invite},
};
use conclave_wire::{RefusalCode, Settings, http::CreateRoom};

use crate::args::Args;

/// Seats beyond the crowd, for whoever wants to look.
const SEATS_TO_SPARE: u32 = 10;

/// The room, made if it was not there; its creator's key is in the invite then.
pub async fn find(args: &Args) -> Result<Invite, Box<dyn Error>> {
    if let Some(link) = &args.link {
        return Ok(Invite::parse(link)?);
    }
    let server = args.server.as_deref().unwrap_or_default();
    let bare = server.strip_prefix("https://").unwrap_or(server);
    let address = Address::parse(bare.trim_end_matches('/'), DEFAULT_PORT)
        .ok_or("the server is written as in https://127.0.0.1:7443")?;
    let fingerprint = match &args.fingerprint {
        Some(text) => Fingerprint::parse(text).ok_or("the fingerprint is damaged")?,
        None => first_use(&address).await?,
    };
    let invite = Invite {
        addresses: vec![address],
        slug: args.room.clone(),
        fingerprint,
        proof: None,
        host_key: None,
    };
    let http = HttpClient::new(Dialer::new(&invite)?);
    match http.look(&args.room).await {
        Ok(_) => Ok(invite),
        Err(HttpError::Refused { refusal, .. }) if refusal.code == RefusalCode::RoomNotFound => {
            let created = http.create_room(&room_for(args)).await?;
            Ok(invite.for_room(&created.slug, Some(created.host_key)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn first_use(address: &Address) -> Result<Fingerprint, Box<dyn Error>> {
    let mut numbers = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
    let number: SocketAddr = numbers.next().ok_or("the server's name has no address")?;
    Ok(ask_fingerprint(number).await?)
}

fn room_for(args: &Args) -> CreateRoom {
    CreateRoom {
        title: "A crowd".to_owned(),
        slug: Some(args.room.clone()),
        password: args.password.clone(),
        settings: Settings {
            members_max: args.people + SEATS_TO_SPARE,
            present_by_asking: false,
            // Nothing stays behind, so that the next crowd can meet under the same name.
            keep_hours: 0,
            ..Settings::default()
        },
        time_limit_ms: None,
        template: None,
    }
}
