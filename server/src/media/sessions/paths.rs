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

use crate::media::guests::GuestLink;

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
    /// A browser's peer connection, which has sealing of its own.
    Guest(Arc<GuestLink>),
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
            (Way::Guest(a), Way::Guest(b)) => a.key == b.key,
            (Way::Udp(_) | Way::WebSocket(_) | Way::Guest(_), _) => false,
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
    /// `nonce` draws a fresh random number, for a challenge.
    pub fn arrived(
        &mut self,
        now: Moment,
        from: &Way,
        kind: Kind,
        newest: bool,
        nonce: impl FnOnce() -> u64,
    ) -> Turn {
        if !newest {
            return Turn::default();
        }
        match from {
            Way::Udp(path) => self.arrived_by_udp(now, *path, kind, nonce),
            Way::WebSocket(_) => self.arrived_by_websocket(from, kind),
            // Its peer connection says where it is.
            Way::Guest(_) => Turn::default(),
        }
    }

    /// A browser's peer connection stands: voice goes there.
    pub fn guest_connected(&mut self, guest: &Arc<GuestLink>) {
        self.voice = Some(Way::Guest(guest.clone()));
    }

    /// Its data channel is open: camera goes there. Bytes come out of it only as they are acknowledged, so
    /// no address has to be proven.
    pub fn guest_channel_opened(&mut self, guest: &Arc<GuestLink>) {
        self.camera = Some(Way::Guest(guest.clone()));
    }

    /// Nothing goes there any more.
    pub fn guest_left(&mut self, guest: &Arc<GuestLink>) {
        let gone = Way::Guest(guest.clone());
        self.voice.take_if(|way| *way == gone);
        self.camera.take_if(|way| *way == gone);
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

    fn arrived_by_udp(
        &mut self,
        now: Moment,
        path: UdpPath,
        kind: Kind,
        nonce: impl FnOnce() -> u64,
    ) -> Turn {
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

    fn challenge(&mut self, now: Moment, to: UdpPath, nonce: impl FnOnce() -> u64) -> Option<u64> {
        if self.camera == Some(Way::Udp(to)) {
            self.challenge = None;
            return None;
        }
        let recent = |challenge: &Challenge| now.since(challenge.sent_at) < CHALLENGE_EVERY;
        let asked = |challenge: &&Challenge| challenge.to == to;
        if self.challenge.as_ref().filter(asked).is_some_and(recent) {
            return None;
        }
        let nonce = nonce();
        self.challenge = Some(Challenge {
            to,
            nonce,
            sent_at: now,
        });
        Some(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_ms(1_000);
    const HOME: Way = udp(1);
    const AWAY: Way = udp(2);

    const fn udp(port: u16) -> Way {
        Way::Udp(UdpPath {
            peer: SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port),
            local: None,
        })
    }

    /// Somebody whose address is proven.
    fn at_home() -> Paths {
        let mut paths = Paths::default();
        let turn = paths.arrived(NOW, &HOME, Kind::Hello, true, || 7);
        assert_eq!(turn.challenge, Some(7));
        paths.responded(&HOME, 7);
        assert_eq!((&paths.voice, &paths.camera), (&Some(HOME), &Some(HOME)));
        paths
    }

    #[test]
    fn camera_goes_nowhere_before_a_challenge_is_answered() {
        let mut paths = Paths::default();
        paths.arrived(NOW, &HOME, Kind::Hello, true, || 7);
        assert_eq!((paths.voice, paths.camera), (Some(HOME), None));
    }

    #[test]
    fn a_response_counts_only_from_where_the_challenge_was_sent_and_only_once() {
        let mut paths = at_home();
        paths.arrived(NOW, &AWAY, Kind::Voice, true, || 8);
        paths.responded(&udp(3), 8);
        paths.responded(&AWAY, 7);
        assert_eq!(paths.camera, Some(HOME));
        paths.responded(&AWAY, 8);
        assert_eq!(paths.camera, Some(AWAY));
        paths.arrived(NOW, &HOME, Kind::Voice, true, || 9);
        paths.responded(&AWAY, 8);
        assert_eq!(paths.camera, Some(AWAY));
    }

    #[test]
    fn an_address_is_challenged_again_only_after_a_while() {
        let mut paths = at_home();
        let mut challenge = |at, nonce| {
            paths
                .arrived(at, &AWAY, Kind::Voice, true, || nonce)
                .challenge
        };
        assert_eq!(challenge(NOW, 8), Some(8));
        assert_eq!(challenge(NOW + CHALLENGE_EVERY / 2, 9), None);
        assert_eq!(challenge(NOW + CHALLENGE_EVERY, 10), Some(10));
    }

    #[test]
    fn what_is_not_the_newest_moves_nothing_and_asks_nothing() {
        let mut paths = at_home();
        let turn = paths.arrived(NOW, &AWAY, Kind::Voice, false, || 8);
        assert_eq!(turn, Turn::default());
        assert_eq!(paths.voice, Some(HOME));
    }

    #[actix::test]
    async fn a_websocket_takes_over_and_gives_back_when_udp_is_proven() {
        struct Socket;
        impl Actor for Socket {
            type Context = Context<Self>;
        }
        impl Handler<SendDatagrams> for Socket {
            type Result = ();
            fn handle(&mut self, _: SendDatagrams, _: &mut Self::Context) {}
        }
        let link = WebSocketLink::new(Socket.start().recipient());
        let tunnel = Way::WebSocket(link);

        let mut paths = at_home();
        let turn = paths.arrived(NOW, &tunnel, Kind::Hello, true, || 8);
        assert_eq!((turn.udp, turn.challenge), (Some(false), None));
        assert_eq!(
            (&paths.voice, &paths.camera),
            (&Some(tunnel.clone()), &Some(tunnel.clone()))
        );
        // A question by UDP proves nothing yet.
        let turn = paths.arrived(NOW, &HOME, Kind::Probe, true, || 9);
        assert_eq!((turn.udp, turn.challenge), (None, Some(9)));
        assert_eq!(paths.voice, Some(tunnel.clone()));
        assert_eq!(paths.responded(&HOME, 9).udp, Some(true));
        assert_eq!((&paths.voice, &paths.camera), (&Some(HOME), &Some(HOME)));
        // Nor does a late question over the WebSocket take over again.
        assert_eq!(
            paths.arrived(NOW, &tunnel, Kind::Probe, true, || 10).udp,
            None
        );
        assert_eq!(paths.voice, Some(HOME));
        // A client that sends voice by UDP has seen an echo: it has returned by itself.
        paths.arrived(NOW, &tunnel, Kind::Voice, true, || 11);
        assert_eq!(
            paths.arrived(NOW, &HOME, Kind::Voice, true, || 12).udp,
            Some(true)
        );
    }

    #[actix::test]
    async fn a_socket_that_does_not_read_is_owed_no_more_than_its_limit() {
        struct Stuck;
        impl Actor for Stuck {
            type Context = Context<Self>;
            fn started(&mut self, ctx: &mut Self::Context) {
                ctx.set_mailbox_capacity(1_000);
            }
        }
        impl Handler<SendDatagrams> for Stuck {
            type Result = ();
            fn handle(&mut self, _: SendDatagrams, _: &mut Self::Context) {}
        }
        let socket = Stuck.start();
        socket.send(SendDatagrams(Vec::new())).await.unwrap();
        // From here on it does not run, because this test does not yield.
        let link = WebSocketLink::new(socket.recipient());
        let datagram = || vec![vec![0; 1_000]];
        let sent = (0..1_000)
            .filter(|_| link.send(datagram(), WEBSOCKET_CAMERA_BYTES_MAX))
            .count();
        assert_eq!(sent, WEBSOCKET_CAMERA_BYTES_MAX / 1_000);
        assert!(
            link.send(datagram(), WEBSOCKET_VOICE_BYTES_MAX),
            "voice passes camera"
        );
    }
}
