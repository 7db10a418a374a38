//! Starts the parts from below to above, and stops them from above to below.

use std::{fs::File, net::SocketAddr, sync::Arc, time::Duration};

use actix::Actor;
use actix_rt::{Arbiter, ArbiterHandle};
use actix_web::dev::ServerHandle;
use conclave_wire::EndReason;
use tokio::sync::oneshot;

use super::{
    AppState, FirstRoom, Links, StartError, chores, claim, first_room, links, listen, web,
};
use crate::{
    actors::{
        lobby::{LobbyActor, LobbyLimits, LobbyServices, RestoreRooms, StopAll},
        room::RoomLimits,
    },
    auth::{addresses::HostNames, identity::Identity, password::PasswordChecker, token},
    clock::Clock,
    config::Config,
    files::{FileLimits, Uploads},
    gateway::{
        http::limits::AddressLimits,
        udp::{UdpConfig, UdpGateway},
    },
    media::sessions::MediaSessions,
    store::{DATABASE_FILE, Store, StoreOptions},
};

/// Links get so long to say goodbye when the server stops.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(3);
const S_PER_HOUR: u64 = 3_600;
const S_PER_MINUTE: u64 = 60;

/// What is known once everything runs.
pub(super) struct Started {
    pub(super) tcp_port: u16,
    pub(super) udp_port: u16,
    pub(super) admin_port: Option<u16>,
    pub(super) first_room: Option<FirstRoom>,
    pub(super) admin_link: String,
    pub(super) state: Arc<AppState>,
}

/// Everything that has to be stopped.
struct Parts {
    state: Arc<AppState>,
    web: ServerHandle,
    udp: UdpGateway,
    arbiters: Vec<Arbiter>,
    /// Held as long as the data folder is in use.
    claim: File,
}

/// The life of a server, on its own system. `stopping` resolves to `Ok` to stop in order; when its other
/// end is dropped the server ends at once.
pub(super) async fn run(
    config: Config,
    started: oneshot::Sender<Result<Started, StartError>>,
    stopping: oneshot::Receiver<()>,
) {
    let parts = match start(config).await {
        Ok((parts, news)) => {
            // Whoever started it may be gone; then `stopping` resolves at once.
            started.send(Ok(news)).ok();
            parts
        }
        Err(error) => {
            started.send(Err(error)).ok();
            return;
        }
    };
    let in_order = stopping.await.is_ok();
    parts.stop(in_order).await;
}

async fn start(config: Config) -> Result<(Parts, Started), StartError> {
    let config = Arc::new(config);
    let clock = Clock::start();
    let claim = claim(&config.data)?;
    let main = listen::listen(config.tcp_bind, config.tcp_port, "tcp-port")?;
    let admin = config
        .admin_port
        .map(|port| listen::listen(config.admin_bind, port, "admin-port"))
        .transpose()?;
    let tcp_port = main.local_addr()?.port();
    let admin_address = admin.as_ref().map(|admin| admin.local_addr()).transpose()?;

    let sessions = MediaSessions::new(clock);
    let udp = UdpGateway::bind(
        UdpConfig {
            bind: SocketAddr::new(config.udp_bind, config.udp_port),
        },
        sessions.clone(),
        clock,
    )?;
    let udp_port = udp.local_port();
    sessions.set_addresses(links::media_addresses(&config, udp_port));

    let names = HostNames::of_this_machine(&config.advertised_addresses);
    let identity = Arc::new(Identity::load_or_make(&config.data, names)?);
    let tls = identity.server_config()?;
    let options = StoreOptions {
        writes_waiting_max: config.store_writes_waiting_max,
        durability: config.store_durability,
    };
    let store = Store::open_with(&config.data.join(DATABASE_FILE), options).await?;
    let unwritable = |source| StartError::DataFolder {
        path: config.data.clone(),
        source,
    };
    let uploads = Uploads::open(&config.data, file_limits(&config)).map_err(unwritable)?;
    let (known, swept) = (store.contents().await?, uploads.clone());
    actix_rt::task::spawn_blocking(move || swept.sweep(&known))
        .await
        .map_err(|_| StartError::Ended)?
        .map_err(unwritable)?;
    let passwords = PasswordChecker::start(config.passwords_waiting_max)?;

    let mut arbiters = Vec::new();
    let rooms = more(&mut arbiters, config.room_threads);
    let services = LobbyServices {
        clock,
        store: Arc::new(store.clone()),
        sessions: sessions.clone(),
        passwords: passwords.clone(),
        uploads: uploads.clone(),
        limits: lobby_limits(&config),
        first_room: config.first_room.clone(),
        room_arbiters: rooms.clone(),
        media_arbiters: more(&mut arbiters, config.media_threads),
    };
    let lobby = LobbyActor::start_in_arbiter(&rooms[0], |_| LobbyActor::open(services));
    lobby
        .send(RestoreRooms)
        .await
        .map_err(|_| StartError::Ended)?
        .map_err(StartError::Room)?;
    let links = Arc::new(Links::new(identity.fingerprint(), tcp_port, &config));
    let first_room = first_room::open(&config, &lobby, &links).await?;

    let setup_token = token::draw();
    let admin_host = match admin_address {
        None => links.authority(),
        Some(at) if at.ip().is_unspecified() => links.authority_at(at.port()),
        Some(at) => at.to_string(),
    };
    let state = Arc::new(AppState {
        limits: AddressLimits::new(&config, clock),
        setup_token_hash: token::hash(&setup_token),
        config,
        clock,
        lobby,
        sessions,
        store,
        uploads,
        passwords,
        identity,
        links,
    });
    let web = web::serve(&state, tls, main, admin)?;
    chores::spawn(state.clone(), udp_port);
    let news = Started {
        tcp_port,
        udp_port,
        admin_port: admin_address.map(|at| at.port()),
        first_room,
        admin_link: format!("https://{admin_host}/admin/setup/{setup_token}"),
        state: state.clone(),
    };
    let parts = Parts {
        state,
        web,
        udp,
        arbiters,
        claim,
    };
    Ok((parts, news))
}

fn lobby_limits(config: &Config) -> LobbyLimits {
    LobbyLimits {
        rooms_max: config.rooms_max,
        room: RoomLimits {
            members_max: config.room_members_max,
            files_bytes_max: config.room_files_bytes_max,
            idle_max: Duration::from_secs(u64::from(config.room_idle_minutes) * S_PER_MINUTE),
        },
    }
}

fn more(arbiters: &mut Vec<Arbiter>, threads: usize) -> Vec<ArbiterHandle> {
    let first = arbiters.len();
    arbiters.extend((0..threads).map(|_| Arbiter::new()));
    arbiters[first..].iter().map(Arbiter::handle).collect()
}

fn file_limits(config: &Config) -> FileLimits {
    FileLimits {
        file_bytes_max: config.file_bytes_max,
        server_bytes_max: config.server_files_bytes_max,
        disk_free_bytes_min: config.disk_free_bytes_min,
        uploads_max: config.uploads_max,
        uploads_per_person_max: config.uploads_per_person_max,
        idle_max: Duration::from_secs(u64::from(config.upload_idle_hours) * S_PER_HOUR),
    }
}

impl Parts {
    async fn stop(self, in_order: bool) {
        if in_order {
            let told = self.state.lobby.send(StopAll {
                reason: EndReason::ServerStopping,
            });
            if tokio::time::timeout(GOODBYE_DEADLINE, told).await.is_err() {
                tracing::warn!("not everybody could be told that the server stops");
            }
        }
        self.web.stop(in_order).await;
        let udp = self.udp;
        // Waits for its threads, which the system must not.
        if actix_web::web::block(move || udp.stop()).await.is_err() {
            tracing::warn!("the media port was not closed in order");
        }
        if in_order {
            self.state.store.close().await;
        }
        for arbiter in self.arbiters {
            arbiter.stop();
            if arbiter.join().is_err() {
                tracing::error!("a thread of rooms had panicked");
            }
        }
        drop(self.state);
        drop(self.claim);
    }
}
