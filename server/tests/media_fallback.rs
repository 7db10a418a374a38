//! Media over the control port, where no UDP comes through, and back.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod media;

use std::net::{Ipv4Addr, SocketAddr};

use actix_web::{App, HttpRequest, HttpServer, dev::ServerHandle, web};
use conclave_server::{
    gateway::{
        media_ws::{self, AUTHENTIC_WITHIN, STRANGE_DATAGRAMS_MAX},
        sockets::{Connections, on_connect},
    },
    media::{figures::Count, sessions::MediaSessions},
};
use conclave_wire::datagram::{Kind, Probe, Voice};
use futures_util::{SinkExt, StreamExt};
use media::*;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

struct Port {
    address: SocketAddr,
    server: ServerHandle,
}

impl Port {
    async fn open(sessions: MediaSessions) -> Port {
        let serve = move || {
            let sessions = sessions.clone();
            App::new().route(
                "/media",
                web::get().to(move |request: HttpRequest, stream: web::Payload| {
                    let sessions = sessions.clone();
                    async move { media_ws::connect(&request, stream, sessions) }
                }),
            )
        };
        let server = HttpServer::new(serve)
            .workers(1)
            .disable_signals()
            .on_connect(on_connect(Connections::new(10)));
        let server = server.bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix::spawn(server);
        Port {
            address,
            server: handle,
        }
    }

    async fn connect(&self) -> Tunnel {
        let url = format!("ws://{}/media", self.address);
        let connected = timeout(DEADLINE, tokio_tungstenite::connect_async(url)).await;
        Tunnel(connected.unwrap().unwrap().0)
    }
}

struct Tunnel(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Tunnel {
    async fn send(&mut self, datagram: Vec<u8>) {
        self.0.send(Message::Binary(datagram.into())).await.unwrap();
    }

    async fn receive(&mut self, keys: &Keys) -> Received {
        loop {
            let message = timeout(DEADLINE, self.0.next())
                .await
                .expect("nothing came");
            match message.expect("the socket was closed").unwrap() {
                Message::Binary(datagram) => return keys.open(&mut datagram.to_vec()),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    async fn is_closed(&mut self) {
        let closed = async {
            while let Some(Ok(message)) = self.0.next().await {
                if message.is_close() {
                    return;
                }
            }
        };
        let patience = AUTHENTIC_WITHIN + DEADLINE;
        timeout(patience, closed).await.expect("it stays open");
    }
}

fn probe(sent_us: u64) -> impl FnOnce(&mut Vec<u8>) {
    move |body| {
        Probe {
            sent_us,
            room_clock_us: 0,
        }
        .write(body);
    }
}

async fn speak(from: &Caller, packet: u32) {
    let mut opus = vec![9 << 3];
    opus.resize(40, packet as u8);
    let voice = Voice {
        source: ANNA,
        spurt_start: packet == 0,
        level: 30,
        media_time: packet * 960,
        opus: &opus,
    };
    from.send(Kind::Voice, |body| voice.write(body)).await;
}

fn udp_status(told: Told) -> Option<bool> {
    match told {
        Told::Udp(status) => {
            assert_eq!(status.id, BERT);
            Some(status.udp)
        }
        Told::Voice(_) | Told::Cameras(_) | Told::Speaking(_) => None,
    }
}

#[actix::test]
async fn without_udp_voice_comes_over_the_control_port_and_returns_when_udp_answers() {
    let mut hall = Hall::open();
    let port = Port::open(hall.sessions.clone()).await;
    let anna = hall.greeted(ANNA).await;
    // Nothing of Bert's comes through by UDP.
    let bert = hall.join(BERT).await;
    let mut tunnel = port.connect().await;
    tunnel.send(bert.keys.seal(Kind::Hello, probe(1))).await;
    let echo = tunnel.receive(&bert.keys).await;
    assert_eq!(echo.kind, Kind::Echo);
    assert!(!hall.hears(udp_status).await);
    speak(&anna, 0).await;
    assert_eq!(tunnel.receive(&bert.keys).await.kind, Kind::Voice);

    // A probe by UDP asks whether it works again; until that is proven, voice stays where it arrives.
    bert.probe(Kind::Hello, 2).await;
    let challenge = bert.receive_kind(Kind::Challenge).await;
    bert.receive_kind(Kind::Echo).await;
    speak(&anna, 1).await;
    assert_eq!(tunnel.receive(&bert.keys).await.kind, Kind::Voice);

    challenge.respond(&bert).await;
    assert!(hall.hears(udp_status).await);
    speak(&anna, 2).await;
    bert.receive_kind(Kind::Voice).await;
    port.server.stop(false).await;
}

#[actix::test]
async fn voice_from_the_control_port_reaches_those_on_udp() {
    let hall = Hall::open();
    let port = Port::open(hall.sessions.clone()).await;
    let anna = hall.greeted(ANNA).await;
    let bert = hall.join(BERT).await;
    let mut tunnel = port.connect().await;
    let opus = [9 << 3, 1, 2, 3];
    let voice = Voice {
        source: BERT,
        spurt_start: true,
        level: 20,
        media_time: 0,
        opus: &opus,
    };
    tunnel
        .send(bert.keys.seal(Kind::Voice, |body| voice.write(body)))
        .await;
    let received = anna.receive_kind(Kind::Voice).await;
    assert_eq!(Voice::parse(&received.body).unwrap().source, BERT);
    port.server.stop(false).await;
}

#[actix::test]
async fn a_socket_that_says_anything_else_is_closed() {
    let hall = Hall::open();
    let port = Port::open(hall.sessions.clone()).await;

    let mut talker = port.connect().await;
    talker.0.send(Message::text("{}")).await.unwrap();
    talker.is_closed().await;

    let mut oversized = port.connect().await;
    oversized.send(vec![0xd0; 1_201]).await;
    oversized.is_closed().await;

    let mut stranger = port.connect().await;
    for _ in 0..=STRANGE_DATAGRAMS_MAX {
        stranger.send(vec![0xd0; 60]).await;
    }
    stranger.is_closed().await;
    hall.counted(Count::Stranger, STRANGE_DATAGRAMS_MAX as u64)
        .await;
    assert_eq!(hall.count(Count::Stranger), STRANGE_DATAGRAMS_MAX as u64);
    port.server.stop(false).await;
}

#[actix::test]
async fn datagrams_over_the_control_port_must_be_authentic_too() {
    let hall = Hall::open();
    let port = Port::open(hall.sessions.clone()).await;
    let bert = hall.greeted(BERT).await;
    let mut thief = port.connect().await;
    let mut forged = bert.keys.seal(Kind::Hello, probe(1));
    *forged.last_mut().unwrap() ^= 1;
    thief.send(forged).await;
    let whole = bert.keys.seal(Kind::Probe, probe(3));
    bert.send_raw(&whole).await;
    bert.receive_kind(Kind::Echo).await;
    thief.send(whole).await;
    hall.counted(Count::Forged, 1).await;
    hall.counted(Count::Replayed, 1).await;
    let anna = hall.greeted(ANNA).await;
    speak(&anna, 0).await;
    bert.receive_kind(Kind::Voice).await;
    port.server.stop(false).await;
}

#[actix::test]
async fn a_socket_over_which_nothing_authentic_comes_is_shut() {
    let hall = Hall::open();
    let port = Port::open(hall.sessions.clone()).await;
    let mut silent = port.connect().await;
    silent.is_closed().await;
    port.server.stop(false).await;
}
