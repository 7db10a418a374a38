//! A room's end of the media gateway, and clients made of a socket and keys.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use conclave_core::{Moment, media::cameras::Cameras, room::VoiceOrder};
use conclave_server::{
    actors::mixer::{MixerActor, MixerSeed, Order},
    clock::Clock,
    gateway::{
        udp::{UdpConfig, UdpGateway},
        webrtc::GuestConfig,
    },
    media::{
        figures::Count,
        routes::CameraRoutes,
        seat::{CameraReports, MediaSeat, RoomKey, Speaking, UdpStatus, VoiceArrived},
        sessions::MediaSessions,
    },
};
use conclave_wire::{
    MediaSession, ParticipantId,
    datagram::{Class, Header, Kind, Probe},
    sealing::{Direction, Opener, SECRET_BYTES, Sealer},
};
use tokio::{net::UdpSocket, sync::mpsc, time::timeout};

pub const ANNA: ParticipantId = ParticipantId(1);
pub const BERT: ParticipantId = ParticipantId(2);
pub const CARA: ParticipantId = ParticipantId(3);

/// Only ends a test that would fail anyway.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What a room was told.
#[derive(Debug)]
pub enum Told {
    Voice(VoiceArrived),
    Cameras(CameraReports),
    Udp(UdpStatus),
    Speaking(Speaking),
}

/// Stands for the room, and for its mixer where a test has none.
pub struct RoomEar(mpsc::UnboundedSender<Told>);

impl RoomEar {
    pub fn start_one() -> (Addr<RoomEar>, mpsc::UnboundedReceiver<Told>) {
        let (ear, told) = mpsc::unbounded_channel();
        (RoomEar(ear).start(), told)
    }
}

impl Actor for RoomEar {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(4_096);
    }
}

macro_rules! hear {
    ($message:ident, $told:ident) => {
        impl Handler<$message> for RoomEar {
            type Result = ();

            fn handle(&mut self, message: $message, _: &mut Self::Context) {
                let _test_is_over = self.0.send(Told::$told(message));
            }
        }
    };
}

hear!(VoiceArrived, Voice);
hear!(CameraReports, Cameras);
hear!(UdpStatus, Udp);
hear!(Speaking, Speaking);

/// A gateway on loopback with one room.
pub struct Hall {
    pub clock: Clock,
    pub sessions: MediaSessions,
    pub gateway: UdpGateway,
    pub room: RoomKey,
    pub routes: Arc<CameraRoutes>,
    pub cameras: Cameras,
    pub mixer: Addr<MixerActor>,
    pub ear: Addr<RoomEar>,
    pub told: mpsc::UnboundedReceiver<Told>,
}

impl Hall {
    pub fn open() -> Hall {
        Hall::open_with(GuestConfig::default())
    }

    /// With room for so many browsers.
    pub fn open_for(guests_max: u32) -> Hall {
        Hall::open_with(GuestConfig {
            guests_max,
            ..GuestConfig::default()
        })
    }

    pub fn open_with(guests: GuestConfig) -> Hall {
        let clock = Clock::start();
        let sessions = MediaSessions::new(clock);
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let gateway =
            UdpGateway::bind(UdpConfig { bind, guests }, sessions.clone(), clock).unwrap();
        let room = sessions.next_room();
        let (ear, told) = RoomEar::start_one();
        let mixer = MixerActor::start_on(
            &Arbiter::current(),
            MixerSeed {
                room,
                clock,
                sink: sessions.voice_sink(),
                speaking: ear.clone().recipient(),
                figures: sessions.figures().clone(),
            },
        );
        Hall {
            clock,
            sessions,
            gateway,
            room,
            routes: CameraRoutes::new(),
            cameras: Cameras::new(),
            mixer,
            ear,
            told,
        }
    }

    pub fn seat(&self, id: ParticipantId) -> MediaSeat {
        MediaSeat {
            room: self.room,
            id,
            voice: self.mixer.clone().recipient(),
            reports: self.ear.clone().recipient(),
            udp: self.ear.clone().recipient(),
            cameras: self.routes.clone(),
            room_opened: Moment::default(),
        }
    }

    /// Somebody with ears and a microphone who has not said hello yet.
    pub async fn join(&self, id: ParticipantId) -> Caller {
        for order in [
            VoiceOrder::Enter {
                seat: id,
                ears: true,
            },
            VoiceOrder::Allow {
                seat: id,
                may_speak: true,
            },
        ] {
            self.mixer.send(Order(order)).await.unwrap().unwrap();
        }
        let session = self.sessions.open(self.seat(id));
        Caller::new(&session, self.gateway.local_address()).await
    }

    /// Somebody whom voice and camera reach.
    pub async fn greeted(&self, id: ParticipantId) -> Caller {
        let caller = self.join(id).await;
        caller.greet().await;
        caller
    }

    pub fn count(&self, count: Count) -> u64 {
        self.sessions.figures().get(count)
    }

    /// Waits until a counter has come so far.
    pub async fn counted(&self, count: Count, at_least: u64) {
        let arrived = async {
            while self.count(count) < at_least {
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = timeout(DEADLINE, arrived).await;
        waited.unwrap_or_else(|_| panic!("{} is {}", count.name(), self.count(count)));
    }

    /// Waits for what the room is told next, of those that `pick` takes.
    pub async fn hears<T>(&mut self, mut pick: impl FnMut(Told) -> Option<T>) -> T {
        let heard = async {
            loop {
                let told = self
                    .told
                    .recv()
                    .await
                    .expect("the ear lives as long as the hall");
                if let Some(picked) = pick(told) {
                    return picked;
                }
            }
        };
        timeout(DEADLINE, heard)
            .await
            .expect("the room was not told")
    }
}

/// One client's keys.
pub struct Keys {
    pub session: u64,
    up: [Sealer; 2],
    down: [Opener; 2],
}

impl Keys {
    pub fn new(session: &MediaSession) -> Keys {
        let mut secret = [0; SECRET_BYTES];
        hex::decode_to_slice(&session.secret, &mut secret).unwrap();
        let id = u64::from_str_radix(&session.session, 16).unwrap();
        let (suite, classes) = (session.suite, [Class::Voice, Class::Camera]);
        Keys {
            session: id,
            up: classes.map(|class| Sealer::new(suite, &secret, id, Direction::Up, class)),
            down: classes.map(|class| Opener::new(suite, &secret, id, Direction::Down, class)),
        }
    }

    pub fn seal(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut datagram = Vec::new();
        let sealer = &self.up[kind.class() as usize];
        sealer
            .seal(kind, &mut datagram, write_body)
            .expect("it fits");
        datagram
    }

    pub fn open(&self, datagram: &mut [u8]) -> Received {
        let header = Header::parse(datagram).expect("the server sends datagrams of the protocol");
        assert_eq!(header.session, self.session);
        let opener = &self.down[header.kind.class() as usize];
        let body = opener.open(&header, datagram).expect("sealed for us");
        Received {
            kind: header.kind,
            number: header.number,
            body: body.to_vec(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Received {
    pub kind: Kind,
    pub number: u64,
    pub body: Vec<u8>,
}

/// A client on a UDP socket.
pub struct Caller {
    pub keys: Keys,
    pub socket: UdpSocket,
    pub server: SocketAddr,
}

impl Caller {
    pub async fn new(session: &MediaSession, server: SocketAddr) -> Caller {
        Caller {
            keys: Keys::new(session),
            socket: new_socket().await,
            server,
        }
    }

    /// The client's address changes.
    pub async fn move_house(&mut self) -> UdpSocket {
        std::mem::replace(&mut self.socket, new_socket().await)
    }

    pub async fn send(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) {
        self.send_raw(&self.keys.seal(kind, write_body)).await;
    }

    pub async fn send_raw(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.server).await.unwrap();
    }

    pub async fn receive(&self) -> Received {
        let mut datagram = self.receive_raw().await;
        self.keys.open(&mut datagram)
    }

    pub async fn receive_raw(&self) -> Vec<u8> {
        let mut datagram = vec![0; 2_048];
        let came = timeout(DEADLINE, self.socket.recv_from(&mut datagram)).await;
        let (bytes, from) = came.expect("nothing came").unwrap();
        assert_eq!(from, self.server);
        datagram.truncate(bytes);
        datagram
    }

    /// The next datagram of a kind; others are left out.
    pub async fn receive_kind(&self, kind: Kind) -> Received {
        loop {
            let received = self.receive().await;
            if received.kind == kind {
                return received;
            }
        }
    }

    pub async fn probe(&self, kind: Kind, sent_us: u64) {
        let probe = Probe {
            sent_us,
            room_clock_us: 0,
        };
        self.send(kind, |body| probe.write(body)).await;
    }

    /// Says hello and answers the challenge, so that voice and camera come here.
    pub async fn greet(&self) {
        self.probe(Kind::Hello, 1).await;
        self.receive_kind(Kind::Challenge).await.respond(self).await;
        // The echo of a later probe says that the response was taken.
        self.probe(Kind::Probe, 2).await;
        loop {
            let echo = self.receive_kind(Kind::Echo).await;
            if Probe::parse(&echo.body).unwrap().sent_us == 2 {
                return;
            }
        }
    }

    /// Proves that nothing was sent here before: the next datagram is the answer to this question.
    pub async fn expect_nothing_before_echo(&self) {
        self.probe(Kind::Probe, 99).await;
        let received = self.receive().await;
        assert_eq!(received.kind, Kind::Echo);
        assert_eq!(Probe::parse(&received.body).unwrap().sent_us, 99);
    }
}

impl Received {
    /// Answers a challenge.
    pub async fn respond(&self, caller: &Caller) {
        assert_eq!(self.kind, Kind::Challenge);
        caller
            .send(Kind::Response, |body| body.extend_from_slice(&self.body))
            .await;
    }
}

async fn new_socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}
