//! A real server in this process, on loopback, with a data folder of its own.

use std::time::Duration;

use conclave_client::{
    link::{dial::Dialer, http::HttpClient, invite::Invite},
    session::SessionConfig,
};
use conclave_server::{
    config::Config,
    server::{Running, Server},
};
use conclave_wire::{Encoding, http::CreateRoom};
use tempfile::TempDir;

/// Long enough for the slowest machine; nothing waits for it in vain.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Served {
    pub running: Running,
    data: TempDir,
}

impl Served {
    pub async fn start() -> Served {
        Served::start_with(|_| {}).await
    }

    /// With some settings changed.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Served {
        let data = tempfile::tempdir().unwrap();
        let mut config = config(&data, 0, 0);
        change(&mut config);
        let running = Server::start(config).await.unwrap();
        Served { running, data }
    }

    /// Ends it as a crash would and starts it again, with the same data on the same ports.
    pub async fn crash_and_start(self) -> Served {
        let Served { running, data } = self;
        let config = config(&data, running.tcp_port, running.udp_port);
        running.crash().await;
        let running = Server::start(config).await.unwrap();
        Served { running, data }
    }

    /// Ends it and starts another on the same ports, which has only those files that are `kept`.
    pub async fn replace(self, kept: impl Fn(&str) -> bool) -> Served {
        let Served { running, data: old } = self;
        let data = tempfile::tempdir().unwrap();
        let config = config(&data, running.tcp_port, running.udp_port);
        running.crash().await;
        for entry in old.path().read_dir().unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if kept(name.to_str().unwrap()) {
                std::fs::copy(entry.path(), data.path().join(name)).unwrap();
            }
        }
        let running = Server::start(config).await.unwrap();
        Served { running, data }
    }

    /// An invitation to the room that is always there, or to any other by its slug.
    pub fn invite(&self, slug: &str) -> Invite {
        let (port, key) = (self.running.tcp_port, self.running.fingerprint());
        format!("https://127.0.0.1:{port}/r/{slug}#k={key}")
            .parse()
            .unwrap()
    }

    pub fn http(&self) -> HttpClient {
        HttpClient::new(Dialer::new(&self.invite("lobby")).unwrap())
    }

    /// A new room; the invitation makes its holder host.
    pub async fn room(&self, room: CreateRoom) -> Invite {
        let created = self.http().create_room(&room).await.unwrap();
        created.host_link.parse().unwrap()
    }
}

/// Everything on loopback; port 0 takes any free one.
fn config(data: &TempDir, tcp_port: u16, udp_port: u16) -> Config {
    Config {
        data: data.path().to_owned(),
        tcp_bind: "127.0.0.1".parse().unwrap(),
        tcp_port,
        udp_bind: "127.0.0.1".parse().unwrap(),
        udp_port,
        ..Config::default()
    }
}

pub fn session(invite: &Invite, name: &str) -> SessionConfig {
    SessionConfig {
        invite: invite.clone(),
        name: name.to_owned(),
        password: None,
        sound: true,
        encoding: Encoding::MessagePack,
        seed: 7,
        device: None,
        file_hash: None,
        waiting: None,
    }
}
