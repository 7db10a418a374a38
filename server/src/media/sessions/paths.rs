//! Where a session is reached: the highest packet number moves voice at once, an answered challenge moves
//! camera.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use conclave_core::Moment;
use conclave_wire::datagram::Kind;

/// An address that does not answer is challenged again after this.
pub const CHALLENGE_EVERY: Duration = Duration::from_millis(250);
/// Bytes on their way to a WebSocket above which camera is dropped: half a second at 1 Mbit/s.
pub const WEBSOCKET_CAMERA_BYTES_MAX: usize = 64 * 1024;
/// And above which voice is dropped too.
pub const WEBSOCKET_VOICE_BYTES_MAX: usize = 128 * 1024;

/// Datagrams of one WebSocket that wait for the media thread, so that nobody fills the queue of all.
pub const WEBSOCKET_ARRIVING_MAX: usize = 256;

/// How somebody is reached.
#[derive(Clone, Debug)]
pub enum Way {
    Udp(UdpPath),
    WebSocket(Arc<WebSocketLink>),
}

/// The other end's address, as the socket sees it, and the address of ours that it reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UdpPath {
    pub peer: SocketAddr,
    pub local: Option<IpAddr>,
}

impl PartialEq for Way {
    fn eq(&self, other: &Way) -> bool {
        match (self, other) {
            (Way::Udp(a), Way::Udp(b)) => a == b,
            (Way::WebSocket(a), Way::WebSocket(b)) => Arc::ptr_eq(a, b),
            (Way::Udp(_), Way::WebSocket(_)) | (Way::WebSocket(_), Way::Udp(_)) => false,
        }
    }
}

impl Way {
    fn is_websocket(&self) -> bool {
        matches!(self, Way::WebSocket(_))
    }
}

/// Whole datagrams for a `/media` WebSocket, each one binary frame.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SendDatagrams(pub Vec<Vec<u8>>);

/// A `/media` WebSocket, seen from the media threads.
#[derive(Debug)]
pub struct WebSocketLink {
    socket: Recipient<SendDatagrams>,
    queued_bytes: AtomicUsize,
    arriving: AtomicUsize,
    proven: AtomicBool,
    lately: AtomicBool,
}

impl WebSocketLink {
    pub fn new(socket: Recipient<SendDatagrams>) -> Arc<WebSocketLink> {
        Arc::new(WebSocketLink {
            socket,
            queued_bytes: AtomicUsize::new(0),
            arriving: AtomicUsize::new(0),
            proven: AtomicBool::new(false),
            lately: AtomicBool::new(false),
        })
    }

    /// Queues datagrams unless more than `queued_max` bytes wait already. False when they were dropped.
    pub fn send(&self, datagrams: Vec<Vec<u8>>, queued_max: usize) -> bool {
        let bytes = datagrams.iter().map(Vec::len).sum();
        if self.queued_bytes.load(Ordering::Relaxed) + bytes > queued_max {
            return false;
        }
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let sent = self.socket.try_send(SendDatagrams(datagrams)).is_ok();
        if !sent {
            self.written(bytes);
        }
        sent
    }

    /// The socket has taken so many bytes.
    pub fn written(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether one more datagram of this socket may wait for the media thread; if so it is counted.
    pub fn may_arrive(&self) -> bool {
        let waiting = self.arriving.fetch_add(1, Ordering::Relaxed);
        if waiting >= WEBSOCKET_ARRIVING_MAX {
            self.taken();
            return false;
        }
        true
    }

    /// The media thread has taken a datagram, or it was dropped on the way there.
    pub fn taken(&self) {
        self.arriving.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a datagram of a living session has ever come over it.
    pub fn has_proven_itself(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// The same since this was last asked.
    pub fn was_authenticated_since(&self) -> bool {
        self.lately.swap(false, Ordering::Relaxed)
    }

    pub(super) fn authenticate(&self) {
        self.proven.store(true, Ordering::Relaxed);
        self.lately.store(true, Ordering::Relaxed);
    }
}

/// What an authentic datagram of the voice class leads to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Turn {
    /// Ask the address it came from for this number.
    pub challenge: Option<u64>,
    /// Media now go over UDP, or not any more.
    pub udp: Option<bool>,
}

#[derive(Debug, Default)]
pub(super) struct Paths {
    pub voice: Option<Way>,
    pub camera: Option<Way>,
    challenge: Option<Challenge>,
}

#[derive(Debug)]
struct Challenge {
    to: UdpPath,
    nonce: u64,
    sent_at: Moment,
}

impl Paths {
    /// Takes an authentic datagram of the voice class. `newest`: no higher number came before it.
    /// `nonce` is drawn anew for each call and used for a challenge.
    pub fn arrived(&mut self, now: Moment, from: &Way, kind: Kind, newest: bool, nonce: u64) -> Turn {
        if !newest {
            return Turn::default();
        }
        match from {
            Way::Udp(path) => self.arrived_by_udp(now, *path, kind, nonce),
            Way::WebSocket(_) => self.arrived_by_websocket(from, kind),
        }
    }

    /// Takes the answer to a challenge: only one that comes from where it was sent counts.
    pub fn responded(&mut self, from: &Way, nonce: u64) -> Turn {
        let Way::Udp(path) = *from else {
            return Turn::default();
        };
        let answered = |challenge: &mut Challenge| (challenge.to, challenge.nonce) == (path, nonce);
        if self.challenge.take_if(answered).is_none() {
            return Turn::default();
        }
        self.camera = Some(from.clone());
        // UDP is proven both ways, so voice returns from the WebSocket too.
        match self.voice.as_ref().is_some_and(Way::is_websocket) {
            true => self.move_voice(from),
            false => Turn::default(),
        }
    }

    fn arrived_by_udp(&mut self, now: Moment, path: UdpPath, kind: Kind, nonce: u64) -> Turn {
        let from = Way::Udp(path);
        // While the WebSocket is used these only ask whether UDP works again: nothing says yet that an
        // answer would arrive.
        let asks = matches!(kind, Kind::Hello | Kind::Probe | Kind::Response);
        let on_websocket = self.voice.as_ref().is_some_and(Way::is_websocket);
        let mut turn = match on_websocket && asks {
            true => Turn::default(),
            false => self.move_voice(&from),
        };
        turn.challenge = self.challenge(now, path, nonce);
        turn
    }

    fn arrived_by_websocket(&mut self, from: &Way, kind: Kind) -> Turn {
        let asks = kind == Kind::Probe && self.voice.is_some();
        if asks {
            return Turn::default();
        }
        // A TCP connection has proven its address.
        self.camera = Some(from.clone());
        self.challenge = None;
        self.move_voice(from)
    }

    fn move_voice(&mut self, to: &Way) -> Turn {
        let was_websocket = self.voice.as_ref().is_some_and(Way::is_websocket);
        if self.voice.as_ref() != Some(to) {
            self.voice = Some(to.clone());
        }
        let udp = (was_websocket != to.is_websocket()).then_some(was_websocket);
        Turn {
            udp,
            ..Turn::default()
        }
    }

    fn challenge(&mut self, now: Moment, to: UdpPath, nonce: u64) -> Option<u64> {
        if self.camera == Some(Way::Udp(to)) {
            self.challenge = None;
            return None;
        }
        let recent = |challenge: &Challenge| now.since(challenge.sent_at) < CHALLENGE_EVERY;
        let asked = |challenge: &&Challenge| challenge.to == to;
        if self.challenge.as_ref().filter(asked).is_some_and(recent) {
            return None;
        }
        self.challenge = Some(Challenge {
            to,
            nonce,
            sent_at: now,
        });
        Some(nonce)
    }
}
