//! The media link: one client's sealed datagrams to the server and back, over UDP, or through a WebSocket
//! where UDP is blocked.
//!
//! Whoever sends does so from their own thread through a [`MediaSender`]; one task receives, keeps the
//! way open and measures it. A new session of the server is taken over between two packets.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use conclave_core::{Moment, link::clock::Reading};
use conclave_wire::{
    MediaSession,
    datagram::{Fragment, ReRequest, Voice},
};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::media::{
    clock::MediaClock,
    keys::{SessionRefused, addresses_of, derive},
};

mod measure;
mod path;
mod route;
mod sockets;
mod task;
mod tunnel;

pub use measure::LinkFigures;
pub use path::{PROBE_EVERY, PROBE_QUIET_EVERY, Way};
pub use route::{MediaOutlet, MediaSender, Sent};
pub use tunnel::{OpenTunnel, Tunnel, TunnelRefused, tunnel_over};

use measure::Measured;
use route::Route;
use sockets::Sockets;
use task::{LinkTask, Order};

/// Orders to the link's task that wait.
const ORDERS_MAX: usize = 16;
/// The task ends within this time after it was told to.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// Takes what the link receives. Called from the receiving task: nothing here may wait.
pub trait MediaInlet: Send + Sync {
    fn voice(&self, at: Moment, number: u64, voice: &Voice<'_>);
    fn fragment(&self, at: Moment, fragment: &Fragment<'_>);
    /// Somebody misses fragments of this client's camera.
    fn re_request(&self, at: Moment, request: &ReRequest);
    /// What this client misses; called at [`next_wakeup`](Self::next_wakeup) and after fragments came.
    fn missing(&self, now: Moment) -> Vec<ReRequest>;
    fn next_wakeup(&self) -> Option<Moment>;
}

/// What a link is made of.
pub struct LinkConfig {
    pub clock: MediaClock,
    pub inlet: Arc<dyn MediaInlet>,
    /// Opens the way through the control port; `None` to have UDP alone.
    pub tunnel: Option<Arc<dyn OpenTunnel>>,
    /// Send here instead of where the server says: for relays and forwarded ports.
    pub addresses: Option<Vec<SocketAddr>>,
}

/// Why there is no media link.
#[derive(Debug, thiserror::Error)]
pub enum LinkRefused {
    #[error(transparent)]
    Session(#[from] SessionRefused),
    #[error("No UDP socket can be opened: {0}")]
    Socket(#[from] std::io::Error),
}

/// A running link. Dropping it ends its task.
pub struct MediaLink {
    route: Arc<Route>,
    measured: Arc<Mutex<Measured>>,
    way: watch::Receiver<Way>,
    orders: mpsc::Sender<Order>,
    clock: MediaClock,
    addresses: Option<Vec<SocketAddr>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl MediaLink {
    /// Starts a link for the session of a welcome.
    pub async fn open(
        config: LinkConfig,
        session: &MediaSession,
    ) -> Result<MediaLink, LinkRefused> {
        let (outgoing, incoming) = derive(session)?;
        let addresses = match &config.addresses {
            Some(addresses) => addresses.clone(),
            None => addresses_of(session).await,
        };
        let sockets = Sockets::open(&addresses)?;
        let route = Arc::new(Route::new(outgoing, sockets));
        let measured = Arc::new(Mutex::new(Measured::default()));
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (told, way) = watch::channel(Way::Searching);
        let (clock, overridden) = (config.clock, config.addresses.clone());
        let task = LinkTask::new(
            config,
            Arc::clone(&route),
            Arc::clone(&measured),
            told,
            incoming,
            addresses,
        );
        Ok(MediaLink {
            route,
            measured,
            way,
            orders,
            clock,
            addresses: overridden,
            task: Mutex::new(Some(tokio::spawn(task.run(inbox)))),
        })
    }

    /// Takes over a new session: from here on everything is sent under its keys, over the way that works
    /// if the new session has it too; what still arrives of the old one is heard for 5 s.
    pub async fn renew(&self, session: &MediaSession) -> Result<(), LinkRefused> {
        let (outgoing, incoming) = derive(session)?;
        let addresses = match &self.addresses {
            Some(addresses) => addresses.clone(),
            None => addresses_of(session).await,
        };
        self.route.renew(outgoing);
        let order = Order::Renew {
            incoming: Box::new(incoming),
            addresses,
        };
        // The task ends only with the link.
        let _ = self.orders.send(order).await;
        Ok(())
    }

    /// Moves to another local port, as when a laptop changes its network.
    pub async fn rebind(&self) {
        let _ = self.orders.send(Order::Rebind).await;
    }

    /// A way to send, for any thread.
    pub fn sender(&self) -> MediaSender {
        MediaSender::new(Arc::clone(&self.route))
    }

    /// Which way the datagrams take now.
    pub fn way(&self) -> watch::Receiver<Way> {
        self.way.clone()
    }

    pub fn figures(&self) -> LinkFigures {
        let mut figures = self.measured.lock().figures(self.clock.now());
        self.route.count(&mut figures);
        figures
    }

    /// The room clock now, microseconds since the room was opened; `None` before the first echo.
    pub fn room_clock_us(&self) -> Option<u64> {
        self.measured.lock().room_clock_us(self.clock.now())
    }

    /// The same with its error.
    pub fn room_clock(&self) -> Option<Reading> {
        self.measured.lock().room_clock(self.clock.now())
    }

    /// Ends the task and waits for it, at most a second.
    pub async fn close(&self) {
        let _ = self.orders.try_send(Order::Close);
        let task = self.task.lock().take();
        let Some(mut task) = task else { return };
        if tokio::time::timeout(CLOSE_MAX, &mut task).await.is_err() {
            tracing::warn!("the media link did not end in time and was cut off");
            task.abort();
        }
    }
}

impl Drop for MediaLink {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}
