//! The media link against a server of sockets and seals.

#![allow(clippy::unwrap_used)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use conclave_client::media::{
    clock::MediaClock,
    link::{
        LinkConfig, MediaInlet, MediaLink, MediaOutlet, OpenTunnel, Sent, Tunnel, TunnelRefused,
        Way, tunnel_over,
    },
};
use conclave_core::Moment;
use conclave_wire::{
    MediaSession, ParticipantId, Suite,
    datagram::{self, Class, Fragment, Header, Kind, Probe, ReRequest, Voice},
    sealing::{Direction, Opener, Sealer},
};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

/// Longer than anything here takes, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: [u8; 32] = [9; 32];

/// The server's side of one session.
struct ServerSide {
    session: u64,
    open_voice: Opener,
    open_camera: Opener,
    seal_voice: Sealer,
}

impl ServerSide {
    fn new(session: u64) -> ServerSide {
        let suite = Suite::Aes256Gcm;
        let opener = |class| Opener::new(suite, &SECRET, session, Direction::Up, class);
        ServerSide {
            session,
            open_voice: opener(Class::Voice),
            open_camera: opener(Class::Camera),
            seal_voice: Sealer::new(suite, &SECRET, session, Direction::Down, Class::Voice),
        }
    }

    fn offer(&self, address: SocketAddr) -> MediaSession {
        MediaSession {
            addresses: vec![address.to_string()],
            session: format!("{:016x}", self.session),
            suite: Suite::Aes256Gcm,
            secret: hex::encode(SECRET),
        }
    }

    fn open(&self, datagram: &[u8]) -> Option<(Kind, Vec<u8>)> {
        let header = Header::parse(datagram)?;
        let opener = match header.kind.class() {
            Class::Voice => &self.open_voice,
            Class::Camera => &self.open_camera,
        };
        let mut datagram = datagram.to_vec();
        let body = opener.open(&header, &mut datagram)?;
        Some((header.kind, body.to_vec()))
    }

    fn seal(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut datagram = Vec::new();
        self.seal_voice
            .seal(kind, &mut datagram, write_body)
            .unwrap();
        datagram
    }

    /// The echo to a hello or a probe.
    fn echo(&self, question: &[u8]) -> Vec<u8> {
        let asked = Probe::parse(question).unwrap();
        let echo = Probe {
            room_clock_us: 7_000_000,
            ..asked
        };
        self.seal(Kind::Echo, |body| echo.write(body))
    }
}

/// A socket that is read with patience.
struct ServerSocket(UdpSocket);

impl ServerSocket {
    async fn bind() -> (ServerSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        (ServerSocket(socket), address)
    }

    async fn next(&self, side: &ServerSide) -> (Kind, Vec<u8>, SocketAddr) {
        let mut buffer = [0; 2_048];
        loop {
            let received = timeout(PATIENCE, self.0.recv_from(&mut buffer)).await;
            let (len, from) = received.expect("a datagram in time").unwrap();
            if let Some((kind, body)) = side.open(&buffer[..len]) {
                return (kind, body, from);
            }
        }
    }

    /// Answers hellos and probes until something else comes.
    async fn serve_until(&self, side: &ServerSide, wanted: Kind) -> (Vec<u8>, SocketAddr) {
        loop {
            let (kind, body, from) = self.next(side).await;
            if kind == wanted {
                return (body, from);
            }
            if matches!(kind, Kind::Hello | Kind::Probe) {
                self.0.send_to(&side.echo(&body), from).await.unwrap();
            }
        }
    }
}

/// Hands on the media times of the voice that arrives.
struct Heard(mpsc::UnboundedSender<u32>);

impl MediaInlet for Heard {
    fn voice(&self, _: Moment, _: u64, voice: &Voice<'_>) {
        self.0.send(voice.media_time).unwrap();
    }
    fn fragment(&self, _: Moment, _: &Fragment<'_>) {}
    fn re_request(&self, _: Moment, _: &ReRequest) {}
    fn missing(&self, _: Moment) -> Vec<ReRequest> {
        Vec::new()
    }
    fn next_wakeup(&self) -> Option<Moment> {
        None
    }
}

fn voice(media_time: u32) -> Voice<'static> {
    Voice {
        source: ParticipantId(0),
        spurt_start: false,
        level: 30,
        media_time,
        opus: b"opus",
    }
}

async fn link(
    offer: &MediaSession,
    tunnel: Option<Arc<dyn OpenTunnel>>,
) -> (MediaLink, mpsc::UnboundedReceiver<u32>) {
    let (heard, arrived) = mpsc::unbounded_channel();
    let config = LinkConfig {
        clock: MediaClock::start(),
        inlet: Arc::new(Heard(heard)),
        tunnel,
        addresses: None,
    };
    (MediaLink::open(config, offer).await.unwrap(), arrived)
}

async fn until(way: &mut watch::Receiver<Way>, wanted: Way) {
    let reached = timeout(PATIENCE, way.wait_for(|way| *way == wanted)).await;
    reached.expect("the way in time").unwrap();
}

/// A link that has found its server.
async fn met() -> (
    MediaLink,
    mpsc::UnboundedReceiver<u32>,
    ServerSocket,
    ServerSide,
    SocketAddr,
) {
    let (socket, address) = ServerSocket::bind().await;
    let side = ServerSide::new(1);
    let (link, arrived) = link(&side.offer(address), None).await;
    let (hello, from) = socket.serve_until(&side, Kind::Hello).await;
    assert_eq!(link.sender().send_voice(&voice(0)), Sent::NoWay);
    socket.0.send_to(&side.echo(&hello), from).await.unwrap();
    until(&mut link.way(), Way::Udp).await;
    (link, arrived, socket, side, from)
}

#[tokio::test]
async fn voice_goes_both_ways_once_the_hello_is_answered() {
    let (link, mut arrived, socket, side, from) = met().await;
    assert_eq!(link.sender().send_voice(&voice(4_800)), Sent::Sent);
    let (body, _) = socket.serve_until(&side, Kind::Voice).await;
    assert_eq!(Voice::parse(&body), Some(voice(4_800)));

    let down = side.seal(Kind::Voice, |body| voice(960).write(body));
    socket.0.send_to(&down, from).await.unwrap();
    assert_eq!(timeout(PATIENCE, arrived.recv()).await.unwrap(), Some(960));
    assert!(link.room_clock_us().is_some_and(|clock| clock >= 7_000_000));
    link.close().await;
}

#[tokio::test]
async fn what_is_replayed_forged_or_of_a_stranger_is_not_heard() {
    let (link, mut arrived, socket, side, from) = met().await;
    let first = side.seal(Kind::Voice, |body| voice(1).write(body));
    let mut forged = side.seal(Kind::Voice, |body| voice(2).write(body));
    *forged.last_mut().unwrap() ^= 1;
    let stranger = ServerSide::new(2).seal(Kind::Voice, |body| voice(3).write(body));
    let last = side.seal(Kind::Voice, |body| voice(4).write(body));
    for datagram in [
        &first[..],
        &first[..],
        &forged[..],
        &stranger[..],
        &[0; 60][..],
        &last[..],
    ] {
        socket.0.send_to(datagram, from).await.unwrap();
    }
    assert_eq!(timeout(PATIENCE, arrived.recv()).await.unwrap(), Some(1));
    assert_eq!(timeout(PATIENCE, arrived.recv()).await.unwrap(), Some(4));
    assert_eq!(link.figures().refused, 4);
}

#[tokio::test]
async fn a_challenge_is_answered_with_its_own_number() {
    let (_link, _arrived, socket, side, from) = met().await;
    let challenge = side.seal(Kind::Challenge, |body| {
        datagram::write_nonce(0xfeed_f00d, body);
    });
    socket.0.send_to(&challenge, from).await.unwrap();
    let (body, _) = socket.serve_until(&side, Kind::Response).await;
    assert_eq!(datagram::parse_nonce(&body), Some(0xfeed_f00d));
}

#[tokio::test]
async fn what_came_is_reported() {
    let (_link, _arrived, socket, side, from) = met().await;
    let datagrams: Vec<Vec<u8>> = (0..10)
        .map(|i| side.seal(Kind::Voice, |body| voice(i * 960).write(body)))
        .collect();
    // The third and the fourth are lost.
    for datagram in datagrams
        .iter()
        .enumerate()
        .filter(|(i, _)| !(2..4).contains(i))
    {
        socket.0.send_to(datagram.1, from).await.unwrap();
    }
    let (mut received, mut lost) = (0, 0);
    while received < 8 {
        let (body, _) = socket.serve_until(&side, Kind::Report).await;
        let report = datagram::Report::parse(&body).unwrap();
        received += report.voice_received;
        lost += report.voice_lost;
    }
    assert_eq!(lost, 2);
}

#[tokio::test]
async fn a_new_session_is_taken_over_between_two_packets() {
    let (link, mut arrived, socket, side, from) = met().await;
    let next = ServerSide::new(77);
    let sender = link.sender();
    assert_eq!(sender.send_voice(&voice(0)), Sent::Sent);
    let offer = next.offer(socket.0.local_addr().unwrap());
    link.renew(&offer).await.unwrap();
    assert_eq!(sender.send_voice(&voice(960)), Sent::Sent);

    let (body, _) = socket.serve_until(&side, Kind::Voice).await;
    assert_eq!(Voice::parse(&body).unwrap().media_time, 0);
    let (body, _) = socket.serve_until(&next, Kind::Voice).await;
    assert_eq!(Voice::parse(&body).unwrap().media_time, 960);

    // What was under way in the old session is still heard, and so is the new one.
    for (side, media_time) in [(&side, 5), (&next, 6)] {
        let down = side.seal(Kind::Voice, |body| voice(media_time).write(body));
        socket.0.send_to(&down, from).await.unwrap();
        let heard = timeout(PATIENCE, arrived.recv()).await.unwrap();
        assert_eq!(heard, Some(media_time));
    }
    assert_eq!(*link.way().borrow(), Way::Udp);
}

#[tokio::test]
async fn after_a_change_of_address_the_server_is_told_at_once() {
    let (link, _arrived, socket, side, from) = met().await;
    socket.serve_until(&side, Kind::Probe).await;
    link.rebind().await;
    let (_, moved) = socket.serve_until(&side, Kind::Probe).await;
    assert_ne!(from, moved);
    link.sender().send_voice(&voice(0));
    assert_eq!(socket.serve_until(&side, Kind::Voice).await.1, moved);
}

/// Opens tunnels to a task that acts as the server.
struct MemoryTunnels(mpsc::UnboundedSender<WebSocketStream<tokio::io::DuplexStream>>);

impl OpenTunnel for MemoryTunnels {
    fn open(
        &self,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Tunnel, TunnelRefused>> + Send>> {
        let opened = self.0.clone();
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(16 * 1024);
            let far = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
            opened
                .send(far)
                .map_err(|error| TunnelRefused(error.to_string()))?;
            Ok(tunnel_over(
                WebSocketStream::from_raw_socket(near, Role::Client, None).await,
            ))
        })
    }
}

#[tokio::test]
async fn where_udp_is_blocked_voice_goes_through_the_tunnel_and_comes_back_when_it_is_not() {
    let (socket, address) = ServerSocket::bind().await;
    let side = ServerSide::new(1);
    let (opened, mut tunnels) = mpsc::unbounded_channel();
    let (link, mut arrived) =
        link(&side.offer(address), Some(Arc::new(MemoryTunnels(opened)))).await;
    let mut way = link.way();

    let mut far = timeout(PATIENCE, tunnels.recv()).await.unwrap().unwrap();
    until(&mut way, Way::Tunnel).await;
    assert_eq!(link.sender().send_voice(&voice(960)), Sent::Sent);
    let came = loop {
        let message = timeout(PATIENCE, far.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        match side.open(&message.into_data()) {
            Some((Kind::Voice, body)) => break body,
            Some((Kind::Probe, _)) => {}
            other => panic!("{other:?} in the tunnel"),
        }
    };
    assert_eq!(Voice::parse(&came).unwrap().media_time, 960);
    let down = side.seal(Kind::Voice, |body| voice(3).write(body));
    far.send(Message::binary(down)).await.unwrap();
    assert_eq!(timeout(PATIENCE, arrived.recv()).await.unwrap(), Some(3));

    // Now UDP is answered.
    socket.serve_until(&side, Kind::Hello).await;
    let answering = async { socket.serve_until(&side, Kind::Voice).await };
    let speaking = async {
        until(&mut way, Way::Udp).await;
        link.sender().send_voice(&voice(1_920));
    };
    let ((body, _), ()) = tokio::join!(answering, speaking);
    assert_eq!(Voice::parse(&body).unwrap().media_time, 1_920);
    // The tunnel is closed then.
    let closed = async { while let Some(Ok(_)) = far.next().await {} };
    timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test]
async fn in_a_clogged_tunnel_voice_goes_before_camera() {
    let (near, far) = tokio::io::duplex(256);
    let near = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
    let mut far = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
    let tunnel = tunnel_over(near);
    let camera = [1; 1_000];
    while tunnel.sender.send(Class::Camera, &camera) == Sent::Sent {
        tokio::task::yield_now().await;
    }
    assert_eq!(tunnel.sender.send(Class::Voice, b"voice"), Sent::Sent);
    let mut before = 0;
    while far.next().await.unwrap().unwrap().into_data() != b"voice"[..] {
        before += 1;
    }
    // One picture may be on its way already.
    assert!(before <= 2, "{before}");
}
