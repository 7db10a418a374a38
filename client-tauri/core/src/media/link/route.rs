//! Sending: each thread seals and sends for itself, under the session and over the way of the moment.

use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use conclave_wire::{
    datagram::{Class, Fragment, Kind, Voice},
    limits::DATAGRAM_BYTES_MAX,
};
use parking_lot::RwLock;
use tokio::sync::Notify;

use super::{measure::LinkFigures, sockets::Sockets, tunnel::TunnelSender};
use crate::media::keys::Outgoing;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sent {
    Sent,
    /// The way is full at this moment.
    Full,
    /// There is no way yet, or it does not exist any more.
    NoWay,
}

/// Takes what a client says and shows. Called from the threads of the devices; does not wait.
pub trait MediaOutlet: Send + Sync {
    fn send_voice(&self, voice: &Voice<'_>) -> Sent;
    fn send_fragment(&self, fragment: &Fragment<'_>) -> Sent;
}

/// Where datagrams go.
#[derive(Clone, Debug)]
pub enum Target {
    Nowhere,
    Udp(SocketAddr),
    Tunnel(TunnelSender),
}

/// The session and the way of the moment, shared by all senders.
pub struct Route {
    session: RwLock<Arc<Outgoing>>,
    sockets: RwLock<Arc<Sockets>>,
    target: RwLock<Target>,
    sent: Counted,
    /// Voice or camera was sent since somebody last asked.
    used: AtomicBool,
    stirred: Notify,
}

#[derive(Default)]
struct Counted {
    voice: AtomicU64,
    camera: AtomicU64,
    bytes: AtomicU64,
    unsent: AtomicU64,
}

thread_local! {
    /// Each thread writes its datagrams into one buffer of its own.
    static DATAGRAM: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(DATAGRAM_BYTES_MAX));
}

impl Route {
    pub fn new(outgoing: Outgoing, sockets: Sockets) -> Route {
        Route {
            session: RwLock::new(Arc::new(outgoing)),
            sockets: RwLock::new(Arc::new(sockets)),
            target: RwLock::new(Target::Nowhere),
            sent: Counted::default(),
            used: AtomicBool::new(false),
            stirred: Notify::new(),
        }
    }

    /// Whether voice or camera was sent since this was last asked.
    pub fn take_use(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Waits for the first voice or camera after [`take_use`](Self::take_use).
    pub async fn stirred(&self) {
        self.stirred.notified().await;
    }

    pub fn renew(&self, outgoing: Outgoing) {
        *self.session.write() = Arc::new(outgoing);
    }

    pub fn rebind(&self, sockets: Sockets) {
        *self.sockets.write() = Arc::new(sockets);
    }

    pub fn aim(&self, target: Target) {
        *self.target.write() = target;
    }

    pub fn sockets(&self) -> Arc<Sockets> {
        Arc::clone(&self.sockets.read())
    }

    /// Sends over the way of the moment.
    pub fn send(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) -> Sent {
        let is_media = matches!(kind, Kind::Voice | Kind::Camera);
        if is_media && !self.used.swap(true, Ordering::Relaxed) {
            self.stirred.notify_one();
        }
        let target = self.target.read().clone();
        self.send_to(&target, kind, write_body)
    }

    /// Sends over a way of one's choice.
    pub fn send_to(
        &self,
        target: &Target,
        kind: Kind,
        write_body: impl FnOnce(&mut Vec<u8>),
    ) -> Sent {
        if matches!(target, Target::Nowhere) {
            return self.done(kind.class(), 0, Sent::NoWay);
        }
        let session = Arc::clone(&self.session.read());
        DATAGRAM.with_borrow_mut(|datagram| {
            let sealed = session
                .sealer(kind.class())
                .seal(kind, datagram, write_body);
            let sent = match (sealed, target) {
                (None, _) | (_, Target::Nowhere) => Sent::NoWay,
                (Some(_), Target::Udp(to)) => match self.sockets().send(datagram, *to) {
                    Ok(()) => Sent::Sent,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Sent::Full,
                    Err(_) => Sent::NoWay,
                },
                (Some(_), Target::Tunnel(tunnel)) => tunnel.send(kind.class(), datagram),
            };
            self.done(kind.class(), datagram.len(), sent)
        })
    }

    pub fn count(&self, figures: &mut LinkFigures) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        figures.voice_sent = read(&self.sent.voice);
        figures.camera_sent = read(&self.sent.camera);
        figures.bytes_sent = read(&self.sent.bytes);
        figures.unsent = read(&self.sent.unsent);
    }

    fn done(&self, class: Class, bytes: usize, sent: Sent) -> Sent {
        let counter = match (sent, class) {
            (Sent::Sent, Class::Voice) => &self.sent.voice,
            (Sent::Sent, Class::Camera) => &self.sent.camera,
            (Sent::Full | Sent::NoWay, _) => &self.sent.unsent,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if sent == Sent::Sent {
            self.sent.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        sent
    }
}

/// Sends from any thread.
#[derive(Clone)]
pub struct MediaSender {
    route: Arc<Route>,
}

impl MediaSender {
    pub fn new(route: Arc<Route>) -> MediaSender {
        MediaSender { route }
    }
}

impl MediaOutlet for MediaSender {
    fn send_voice(&self, voice: &Voice<'_>) -> Sent {
        self.route.send(Kind::Voice, |body| voice.write(body))
    }

    fn send_fragment(&self, fragment: &Fragment<'_>) -> Sent {
        self.route.send(Kind::Camera, |body| fragment.write(body))
    }
}
