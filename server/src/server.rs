//! Puts the parts together: one process, in one call, stopped in order.
//!
//! [`Server::start`] gives the server a thread of its own with an actix system on it, so that it can be
//! started from any runtime, several times in a process.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use actix::Addr;
use actix_rt::System;
use tokio::sync::oneshot;

use crate::{
    actors::lobby::LobbyActor,
    admin::{Admin, GuardError},
    auth::{
        identity::{Identity, IdentityError},
        own_certificate::OwnCertificateError,
        password::PasswordChecker,
    },
    clock::Clock,
    config::{Config, Sources},
    files::Uploads,
    gateway::{
        client_address::Proxies,
        http::{callers::CallerLimits, limits::AddressLimits},
        sockets::Connections,
        udp::BindError,
    },
    media::sessions::MediaSessions,
    store::{Store, StoreError},
    telemetry::{Logs, alerts::Alerts, beat::Loops},
};

mod announce;
mod assemble;
mod banner;
mod candidates;
mod chores;
mod first_room;
mod links;
mod listen;
mod open_files;
mod watch;
mod web;
mod webhook;

pub use announce::SERVICE_TYPE;
pub use first_room::FirstRoom;
pub use links::Links;
pub use listen::GivenSockets;
pub use watch::Watch;

/// What every way in may reach, as `web::Data<Arc<AppState>>`.
pub struct AppState {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub lobby: Addr<LobbyActor>,
    pub sessions: MediaSessions,
    pub store: Store,
    pub uploads: Uploads,
    pub passwords: PasswordChecker,
    pub identity: Arc<Identity>,
    pub limits: AddressLimits,
    pub callers: CallerLimits,
    pub proxies: Proxies,
    pub links: Arc<Links>,
    /// Where media are.
    pub udp_port: u16,
    pub connections: Connections,
    pub logs: Logs,
    pub loops: Loops,
    pub watch: Watch,
    pub alerts: Alerts,
    pub admin: Admin,
    /// Where the settings come from.
    pub sources: Sources,
}

/// Why the server did not start: one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {path} cannot be written: {source}; choose another with --data")]
    DataFolder { path: PathBuf, source: io::Error },
    #[error(
        "another server uses the data folder {0}; stop it, or give this one a folder of its own with --data"
    )]
    DataFolderInUse(PathBuf),
    #[error(
        "TCP port {port} is taken by another program; stop it, or choose another port with --{flag}"
    )]
    PortTaken { port: u16, flag: &'static str },
    #[error("TCP port {port} may not be used by this user; choose a port above 1023 with --{flag}")]
    PortForbidden { port: u16, flag: &'static str },
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
    #[error("{0} (--udp-port)")]
    Udp(#[from] BindError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("{0} (tls_certificate, tls_key)")]
    OwnCertificate(#[from] OwnCertificateError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Guard(#[from] GuardError),
    #[error("a room cannot be opened: {0}")]
    Room(conclave_wire::Refusal),
    #[error("the system gives no thread or file: {0}")]
    System(#[from] io::Error),
    #[error("the server ended while it started")]
    Ended,
}

/// What the program that starts a server hands over to it.
#[derive(Default)]
pub struct Given {
    pub logs: Logs,
    pub sources: Sources,
    pub sockets: GivenSockets,
}

/// The server.
pub struct Server;

/// A server that takes connections. Dropping it ends it at once, as a crash would; [`Running::stop`]
/// ends it in order.
pub struct Running {
    pub tcp_port: u16,
    pub udp_port: u16,
    /// When the operator's pages have a port of their own.
    pub admin_port: Option<u16>,
    pub first_room: Option<FirstRoom>,
    /// Leads to the operator's pages; sets their password when there is none.
    pub admin_link: String,
    pub state: Arc<AppState>,
    thread: Ending,
}

struct Ending {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server; it takes connections when this returns.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        Server::start_with(config, Given::default()).await
    }

    /// As [`Server::start`], with sockets that are open already and logs that its pages show.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(config: Config, given: Given) -> Result<Running, StartError> {
        // An error says that it was done before, by an earlier server of this process.
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .ok();
        open_files::raise_limit();
        let (started, ready) = oneshot::channel();
        let (stop, stopping) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("conclave".to_owned())
            .spawn(move || {
                System::new().block_on(assemble::run(config, given, started, stopping));
            })?;
        let ending = Ending {
            stop: Some(stop),
            thread: Some(thread),
        };
        let started = ready.await.map_err(|_| StartError::Ended)??;
        Ok(Running {
            tcp_port: started.tcp_port,
            udp_port: started.udp_port,
            admin_port: started.admin_port,
            first_room: started.first_room,
            admin_link: started.admin_link,
            state: started.state,
            thread: ending,
        })
    }
}

impl Running {
    /// SHA-256 of the authority's key, as links pin it.
    pub fn fingerprint(&self) -> &str {
        self.state.identity.fingerprint()
    }

    /// Resolves when an operator has had the server stopped: call [`Running::stop`] then.
    pub async fn stop_asked(&self) {
        self.state.admin.stopping.done().await;
    }

    /// Whether an operator has asked for something that was not done: files are left.
    pub fn stop_has_failed(&self) -> bool {
        self.state.admin.stopping.has_failed()
    }

    /// Tells everybody, commits what waits, closes all ports. Rooms are there again at the next start.
    pub async fn stop(mut self) {
        if let Some(stop) = self.thread.stop.take() {
            stop.send(()).ok();
        }
        self.wait().await;
    }

    /// Ends without telling anybody, as a crash would, but has freed the ports and the data folder when it
    /// returns.
    pub async fn crash(mut self) {
        drop(self.thread.stop.take());
        self.wait().await;
    }

    async fn wait(mut self) {
        let Some(thread) = self.thread.thread.take() else {
            return;
        };
        // The store's thread ends with its last handle.
        drop(self);
        let ended = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the server's thread had panicked");
        }
    }
}

/// Makes the data folder and claims it for this server as long as the file is open.
fn claim(data: &Path) -> Result<File, StartError> {
    let unwritable = |source| StartError::DataFolder {
        path: data.to_owned(),
        source,
    };
    make_private(data).map_err(unwritable)?;
    let claim = File::create(data.join("server.lock")).map_err(unwritable)?;
    match claim.try_lock() {
        Ok(()) => Ok(claim),
        Err(TryLockError::WouldBlock) => Err(StartError::DataFolderInUse(data.to_owned())),
        Err(TryLockError::Error(source)) => Err(unwritable(source)),
    }
}

/// Makes a folder that only its owner may look into; one that is there stays as it is.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
