//! Starts the parts from below to above, and stops them from above to below.

use std::{fs::File, net::SocketAddr, sync::Arc, time::Duration};

use actix::Actor;
use actix_rt::{Arbiter, ArbiterHandle};
use actix_web::dev::ServerHandle;
use conclave_wire::EndReason;
use tokio::sync::oneshot;
use url::Url;

use super::{
    AppState, FirstRoom, Given, Links, StartError, Watch, announce::Announcement, candidates,
    chores, claim, first_room, links, listen, watch, web,
};
use crate::{
    actors::{
        lobby::{LobbyActor, LobbyLimits, LobbyServices, RestoreRooms, StopAll},
        room::RoomLimits,
    },
    admin::{self, Admin},
    auth::{
        addresses::HostNames, identity::Identity, invites::Invites, own_certificate::OwnFiles,
        password::PasswordChecker,
    },
    clock::Clock,
    config::Config,
    files::{FileLimits, Uploads},
    gateway::{
        client_address::Proxies,
        http::{callers::CallerLimits, limits::AddressLimits},
        sockets::Connections,
        udp::{UdpConfig, UdpGateway},
        webrtc::GuestConfig,
    },
    media::sessions::MediaSessions,
    store::{DATABASE_FILE, Database, Store, StoreOptions},
    telemetry::{
        alerts::{AlertLimits, Alerts},
        beat::{LoopKind, Loops},
    },
};

/// Files that an operator has had removed get so long to go.
const CLEAR_DEADLINE: Duration = Duration::from_secs(60);
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
    announcement: Option<Announcement>,
    /// Held as long as the data folder is in use.
    claim: File,
}

/// The life of a server, on its own system. `stopping` resolves to `Ok` to stop in order; when its other
/// end is dropped the server ends at once.
pub(super) async fn run(
    config: Config,
    given: Given,
    started: oneshot::Sender<Result<Started, StartError>>,
    stopping: oneshot::Receiver<()>,
) {
    let parts = match start(config, given).await {
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

async fn start(config: Config, given: Given) -> Result<(Parts, Started), StartError> {
    let config = Arc::new(config);
    let clock = Clock::start();
    let claim = claim(&config.data)?;
    let sockets = given.sockets;
    let main = match sockets.tcp {
        Some(open) => open,
        None => listen::listen(config.tcp_bind, config.tcp_port, "tcp-port")?,
    };
    let admin_listener = match (sockets.admin, config.admin_port) {
        (Some(open), _) => Some(open),
        (None, Some(port)) => Some(listen::listen(config.admin_bind, port, "admin-port")?),
        (None, None) => None,
    };
    let tcp_port = main.local_addr()?.port();
    let admin_address = match &admin_listener {
        Some(listener) => Some(listener.local_addr()?),
        None => None,
    };

    let guests_tcp = config
        .webrtc_tcp_port
        .map(|port| listen::listen(config.tcp_bind, port, "webrtc-tcp-port"))
        .transpose()?;
    let guests_tcp_port = match &guests_tcp {
        Some(listener) => Some(listener.local_addr()?.port()),
        None => None,
    };
    let sessions = MediaSessions::new(clock);
    let media = UdpConfig {
        bind: SocketAddr::new(config.udp_bind, config.udp_port),
        guests: GuestConfig {
            guests_max: config.webrtc_guests_max,
            tcp: guests_tcp,
        },
    };
    let udp = match sockets.udp {
        Some(open) => UdpGateway::on(open, media, sessions.clone(), clock)?,
        None => UdpGateway::bind(media, sessions.clone(), clock)?,
    };
    let udp_port = udp.local_port();
    sessions.set_addresses(links::media_addresses(&config, udp_port));
    sessions.set_candidates(candidates::candidates(&config, udp_port, guests_tcp_port).await);

    let names = HostNames::of_this_machine(&config.advertised_addresses);
    let identity = Arc::new(Identity::load_or_make(&config.data, names)?);
    if let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) {
        identity.present_own(OwnFiles::new(certificate, key))?;
    }
    let tls = identity.server_config()?;
    let options = StoreOptions {
        writes_waiting_max: config.store_writes_waiting_max,
        durability: config.store_durability,
        write_deadline: Duration::from_secs(config.store_write_seconds_max.into()),
        kept_hours_max: config.room_kept_hours_max,
        connections_max: config.database_connections_max,
    };
    let store = Store::open_database(database(&config), options).await?;
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
    let loops = Loops::new(clock);
    actix_rt::spawn(loops.follow(LoopKind::Main));
    let rooms = more(&mut arbiters, config.room_threads, &loops, LoopKind::Rooms);
    let mixers = more(
        &mut arbiters,
        config.media_threads,
        &loops,
        LoopKind::Mixers,
    );
    let services = LobbyServices {
        clock,
        store: Arc::new(store.clone()),
        sessions: sessions.clone(),
        passwords: passwords.clone(),
        uploads: uploads.clone(),
        limits: lobby_limits(&config),
        first_room: config.first_room.clone(),
        room_arbiters: rooms.clone(),
        media_arbiters: mixers,
    };
    let lobby = LobbyActor::start_in_arbiter(&rooms[0], |_| LobbyActor::open(services));
    lobby
        .send(RestoreRooms)
        .await
        .map_err(|_| StartError::Ended)?
        .map_err(StartError::Room)?;
    let invites = Invites::load_or_make(&config.data).map_err(unwritable)?;
    let links = Links::new(identity.fingerprint(), invites, tcp_port, &config);
    let links = Arc::new(links);
    let first_room = first_room::open(&config, &lobby, &links).await?;

    let admin_host = match admin_address {
        None => links.authority(),
        Some(at) if at.ip().is_unspecified() => links.authority_at(at.port()),
        Some(at) => at.to_string(),
    };
    let (admin, setup_token) = Admin::open(&config.data, &store, clock).await?;
    let admin_link = match setup_token {
        Some(token) => format!("https://{admin_host}/admin/setup/{token}"),
        None => format!("https://{admin_host}/admin"),
    };
    let state = Arc::new(AppState {
        limits: AddressLimits::new(&config, clock),
        callers: CallerLimits::new(&config, clock),
        proxies: Proxies::of(&config),
        udp_port,
        connections: Connections::new(config.connections_per_address_max),
        logs: given.logs,
        loops,
        watch: Watch::new(),
        alerts: Alerts::new(AlertLimits::of(&config)),
        admin,
        sources: given.sources,
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
    watch::begin(state.clone()).await;
    let web = web::serve(&state, tls, main, admin_listener)?;
    chores::spawn(state.clone(), udp_port);
    admin::spawn(&state);
    let announcement = Announcement::begin(&state.config, state.identity.fingerprint(), tcp_port);
    let news = Started {
        tcp_port,
        udp_port,
        admin_port: admin_address.map(|at| at.port()),
        first_room,
        admin_link,
        state: state.clone(),
    };
    let parts = Parts {
        state,
        web,
        udp,
        arbiters,
        announcement,
        claim,
    };
    Ok((parts, news))
}

/// A server when there is one and its address can be read, which was checked with the settings; else a file.
fn database(config: &Config) -> Database {
    let server = config.database_url.as_deref().map(Url::parse);
    match server {
        Some(Ok(url)) => Database::Server(url),
        Some(Err(_)) | None => Database::File(config.data.join(DATABASE_FILE)),
    }
}

fn lobby_limits(config: &Config) -> LobbyLimits {
    LobbyLimits {
        rooms_max: config.rooms_max,
        visited_links_open_rooms: config.visited_links_open_rooms,
        room: RoomLimits {
            members_max: config.room_members_max,
            files_bytes_max: config.room_files_bytes_max,
            idle_max: Duration::from_secs(u64::from(config.room_idle_minutes) * S_PER_MINUTE),
        },
    }
}

fn more(
    arbiters: &mut Vec<Arbiter>,
    threads: usize,
    loops: &Loops,
    kind: LoopKind,
) -> Vec<ArbiterHandle> {
    let first = arbiters.len();
    arbiters.extend((0..threads).map(|_| Arbiter::new()));
    for arbiter in &arbiters[first..] {
        // A thread that has ended already leaves no beat, which the health tells.
        arbiter.spawn(loops.follow(kind));
    }
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
        self.state.watch.stopping();
        let within = if in_order {
            CLEAR_DEADLINE
        } else {
            Duration::ZERO
        };
        self.state.admin.stopping.close(within).await;
        drop(self.announcement);
        if in_order {
            let told = self.state.lobby.send(StopAll {
                reason: EndReason::ServerStopping,
                text: String::new(),
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
