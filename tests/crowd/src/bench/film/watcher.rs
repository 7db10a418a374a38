//! Somebody who watches with mpv, and a second pair of eyes on the same mpv.

use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

use conclave_client::{
    client::{Client, ClientConfig},
    film::{
        mpv::{Mpv, MpvStart},
        player::Player,
        watch::FilmWatch,
    },
    link::invite::Invite,
    media::clock::MediaClock,
    session::SessionConfig,
};
use conclave_core::Moment;
use conclave_wire::Encoding;
use tokio::sync::Mutex;

use crate::{Outcome, load::Load};

pub struct Watcher {
    pub client: Client,
    pub watch: FilmWatch,
    pub clock: MediaClock,
    eyes: Mutex<Mpv>,
    process: u32,
}

/// Where a player's picture was, and when.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub at: Moment,
    pub position: Duration,
    pub playing: bool,
}

impl Watcher {
    pub async fn come(
        load: &Load,
        invite: &Invite,
        number: usize,
        media_by: Option<SocketAddr>,
        film: &Path,
    ) -> Outcome<Watcher> {
        let client = client(load, invite, &format!("watcher {number}"), media_by).await?;
        let wish = MpvStart {
            headless: true,
            ..MpvStart::default()
        };
        let mpv = Mpv::start(wish).await?;
        let socket = mpv.socket().ok_or("mpv has no socket")?.to_owned();
        let process = mpv.process_id().ok_or("mpv has no process")?;
        let eyes = Mpv::attach(&socket).await?;
        let watch = FilmWatch::open(&client, Box::new(mpv), film).await?;
        Ok(Watcher {
            client,
            watch,
            clock: load.clock,
            eyes: Mutex::new(eyes),
            process,
        })
    }

    pub async fn place(&self) -> Outcome<Place> {
        let seen = self.eyes.lock().await.look(self.clock).await?;
        Ok(Place {
            at: seen.at,
            position: seen.position,
            playing: seen.playing,
        })
    }

    /// Stops our own mpv, or lets it go on.
    pub fn signal(&self, name: &str) -> Outcome<()> {
        let process = self.process.to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &process])
            .status()?;
        match sent.success() {
            true => Ok(()),
            false => Err("mpv could not be stopped".into()),
        }
    }

    pub async fn leave(self) {
        self.watch.close().await;
        self.client.leave().await;
    }
}

pub async fn places(watchers: &[Watcher]) -> Outcome<Vec<Place>> {
    let mut places = Vec::with_capacity(watchers.len());
    for watcher in watchers {
        places.push(watcher.place().await?);
    }
    Ok(places)
}

/// Somebody without devices, on the load's clock.
pub async fn client(
    load: &Load,
    invite: &Invite,
    name: &str,
    media_by: Option<SocketAddr>,
) -> Outcome<Client> {
    let mut config = ClientConfig::new(SessionConfig {
        invite: invite.clone(),
        name: name.to_owned(),
        password: None,
        sound: true,
        encoding: Encoding::MessagePack,
        seed: 1,
        device: None,
        file_hash: None,
        waiting: None,
    });
    config.clock = load.clock;
    config.media_addresses = media_by.map(|address| vec![address]);
    let (client, mut events) = Client::join(config).await?;
    // Nobody reads them, and they must not pile up.
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    Ok(client)
}
