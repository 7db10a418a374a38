//! A browser's page against the whole server: the control link, sound and picture, the screen link. A page
//! cannot set headers, so whatever it is let in by stands in messages.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::time::Duration;

use conclave_server::{
    config::Config,
    server::{Running, Server},
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

mod browser;
mod https;

use browser::*;
use https::Https;

/// Only ends a test that would fail anyway.
const DEADLINE: Duration = Duration::from_secs(10);
/// What a browser on another network would offer as its own.
const OWN_ADDRESS: &str = "10.66.77.88";

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn start(change: impl FnOnce(&mut Config)) -> (TempDir, Running) {
    let folder = tempdir().unwrap();
    let mut config = Config {
        data: folder.path().to_owned(),
        tcp_bind: "127.0.0.1".parse().unwrap(),
        udp_bind: "127.0.0.1".parse().unwrap(),
        tcp_port: 0,
        udp_port: 0,
        ..Config::default()
    };
    change(&mut config);
    let running = Server::start(config).await.unwrap();
    (folder, running)
}

/// A WebSocket as a page of that origin opens it.
async fn open(
    running: &Running,
    path: &str,
    origin: &str,
    subprotocol: Option<&'static str>,
) -> Result<Socket, Error> {
    let stream = Https::to(running).connect().await.unwrap();
    let url = format!("wss://127.0.0.1:{}{path}", running.tcp_port);
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", origin.parse().unwrap());
    if let Some(subprotocol) = subprotocol {
        headers.insert("sec-websocket-protocol", subprotocol.parse().unwrap());
    }
    client_async(request, stream)
        .await
        .map(|(socket, _)| socket)
}

fn own_origin(running: &Running) -> String {
    format!("https://127.0.0.1:{}", running.tcp_port)
}

/// A page in the first room.
struct Page {
    socket: Socket,
    /// All that it was told, as it came.
    told: Vec<String>,
    welcome: Value,
}

impl Page {
    async fn join(running: &Running, name: &str) -> Page {
        let origin = own_origin(running);
        let socket = open(running, "/ws", &origin, Some("conclave.1.json")).await;
        let mut page = Page {
            socket: socket.unwrap(),
            told: Vec::new(),
            welcome: Value::Null,
        };
        let join = json!({"slug": "lobby", "name": name, "password": null, "host_key": null, "sound": true});
        page.say(json!({"type": "hello", "payload": {
            "client": "page 1", "enter": {"type": "join", "payload": join}}}))
            .await;
        page.welcome = page.next("welcome").await;
        page
    }

    async fn say(&mut self, message: Value) {
        let text = Message::text(message.to_string());
        self.socket.send(text).await.unwrap();
    }

    /// The payload of the next message of a type.
    async fn next(&mut self, kind: &str) -> Value {
        let found = async {
            loop {
                let frame = self.socket.next().await.expect("an open link").unwrap();
                if let Message::Text(text) = frame {
                    self.told.push(text.to_string());
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] == kind {
                        return message["payload"].clone();
                    }
                }
            }
        };
        let found = timeout(DEADLINE, found).await;
        found.unwrap_or_else(|_| panic!("no {kind} came"))
    }

    async fn offer(&mut self, sdp: &str) {
        self.say(json!({"type": "offer_media", "payload": {"sdp": sdp}}))
            .await;
    }

    async fn refusal(&mut self) -> Value {
        let refused = self.next("refused").await;
        assert_eq!(refused.get("ref"), None);
        refused["refusal"]["code"].clone()
    }

    /// Turns the microphone on, and makes the connection.
    async fn connect(&mut self, offering: Offering) -> Browser {
        let media = json!({"microphone": true, "camera": false, "sound": true});
        let command = json!({"type": "set_media", "payload": {"media": media}});
        self.say(json!({"type": "do", "payload": {"ref": 1, "command": command}}))
            .await;
        self.next("done").await;
        let own = format!("a=candidate:9 1 udp 1 {OWN_ADDRESS} 5000 typ host\r\na=mid:");
        self.offer(&offering.sdp.replacen("a=mid:", &own, 1)).await;
        let answer = self.next("media_answer").await;
        let browser = offering.answered(answer["sdp"].as_str().unwrap());
        browser.stands().await;
        browser
    }
}

fn opus(fill: u8) -> Vec<u8> {
    let mut packet = vec![9 << 3];
    packet.resize(60, fill);
    packet
}

#[actix::test]
async fn two_pages_hear_each_other_and_neither_learns_where_the_other_is() {
    let (_folder, running) = start(|_| {}).await;
    let mut anna = Page::join(&running, "Anna").await;
    let mut bert = Page::join(&running, "Bert").await;
    let mut anna_speaks = anna.connect(Offering::new().await).await;
    let mut bert_speaks = bert.connect(Offering::new().await).await;
    anna_speaks.say(0, 30, &opus(1));
    assert_eq!(bert_speaks.hears(1).await[0].opus, opus(1));
    bert_speaks.say(0, 30, &opus(2));
    anna_speaks.hears(1).await;
    // Something that both are told after all of that.
    let line = json!({"type": "say", "payload": {"text": "the last word"}});
    anna.say(json!({"type": "do", "payload": {"ref": 2, "command": line}}))
        .await;
    for page in [&mut anna, &mut bert] {
        while !page.told.last().unwrap().contains("the last word") {
            page.next("events").await;
        }
    }
    for (page, other) in [(&anna, &bert_speaks), (&bert, &anna_speaks)] {
        let (ip, port) = (other.address.ip(), other.address.port());
        for told in &page.told {
            assert!(!told.contains(OWN_ADDRESS), "{told}");
            assert!(!told.contains(&format!("{ip}:{port}")), "{told}");
            assert!(!told.contains(&format!("{ip} {port}")), "{told}");
        }
    }
}

#[actix::test]
async fn a_page_that_leaves_loses_its_connection() {
    let (_folder, running) = start(|_| {}).await;
    let mut anna = Page::join(&running, "Anna").await;
    let browser = anna.connect(Offering::new().await).await;
    anna.say(json!({"type": "do", "payload": {"ref": 2, "command": {"type": "leave"}}}))
        .await;
    browser.is_closed().await;
}

#[actix::test]
async fn offers_are_refused_with_codes_of_their_own_and_the_link_goes_on() {
    let (_folder, running) = start(|config| config.webrtc_offers_burst = 2).await;
    let mut anna = Page::join(&running, "Anna").await;
    anna.offer(&"a".repeat(20_000)).await;
    assert_eq!(anna.refusal().await, "offer_too_large");
    anna.offer("v=0").await;
    assert_eq!(anna.refusal().await, "offer_invalid");
    anna.offer("v=0").await;
    assert_eq!(anna.refusal().await, "offer_invalid");
    anna.offer("v=0").await;
    assert_eq!(anna.refusal().await, "offers_too_fast");
    anna.say(json!({"type": "beat", "payload": {"sent_ms": 7}}))
        .await;
    assert_eq!(anna.next("beat").await["sent_ms"], 7);
}

#[actix::test]
async fn where_no_udp_comes_through_a_tcp_port_of_its_own_serves() {
    let (_folder, running) = start(|config| config.webrtc_tcp_port = Some(0)).await;
    let tcp = running.state.sessions.candidates().tcp[0];
    let mut anna = Page::join(&running, "Anna").await;
    let mut bert = Page::join(&running, "Bert").await;
    let mut by_tcp = anna.connect(Offering::by_tcp(tcp).await).await;
    let by_udp = bert.connect(Offering::new().await).await;
    by_tcp.say(0, 30, &opus(1));
    assert_eq!(by_udp.hears(1).await[0].opus, opus(1));
}

#[actix::test]
async fn a_stranger_on_the_tcp_port_is_hung_up_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_folder, running) = start(|config| config.webrtc_tcp_port = Some(0)).await;
    let tcp = running.state.sessions.candidates().tcp[0];
    for noise in [&b"\x00\x04\x16\xfe\xfd\x00"[..], b"\xff\xffGET / HTTP/1.1"] {
        let mut stranger = TcpStream::connect(tcp).await.unwrap();
        stranger.write_all(noise).await.unwrap();
        let mut answer = Vec::new();
        let hung_up = timeout(DEADLINE, stranger.read_to_end(&mut answer)).await;
        // With or without a word for it, as long as nothing is said.
        hung_up.expect("hung up").ok();
        assert_eq!(answer, b"");
    }
}

#[actix::test]
async fn without_a_setting_there_is_no_tcp_candidate() {
    let (_folder, running) = start(|_| {}).await;
    let candidates = running.state.sessions.candidates();
    assert_eq!(candidates.tcp, []);
    assert_eq!(
        candidates.udp,
        [format!("127.0.0.1:{}", running.udp_port).parse().unwrap()]
    );
}

/// The first message on a screen link, and what is said to it; `None` when the link stays.
async fn screen(running: &Running, seat_token: &str) -> Option<Value> {
    let socket = open(running, "/screen", &own_origin(running), None).await;
    let mut socket = socket.unwrap();
    let hello = json!({"slug": "lobby", "seat_token": seat_token, "purpose": "view"});
    socket.send(Message::text(hello.to_string())).await.unwrap();
    socket.send(Message::Ping("there?".into())).await.unwrap();
    loop {
        let frame = timeout(DEADLINE, socket.next()).await.expect("an answer");
        match frame.expect("an open link").unwrap() {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Message::Pong(_) => return None,
            _ => {}
        }
    }
}

#[actix::test]
async fn a_page_opens_the_screen_link_with_its_first_message_and_no_header() {
    let (_folder, running) = start(|_| {}).await;
    let anna = Page::join(&running, "Anna").await;
    let token = anna.welcome["seat_token"].as_str().unwrap();
    assert_eq!(screen(&running, token).await, None);
    let refused = screen(&running, "lobby.forged").await.unwrap();
    assert_eq!(refused["code"], "seat_unknown");
}

#[actix::test]
async fn no_other_sites_page_opens_any_link() {
    let (_folder, running) = start(|_| {}).await;
    for path in ["/ws", "/screen", "/media"] {
        let opened = open(&running, path, "https://evil.example", None).await;
        match opened {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{path}"),
            other => panic!("{path} was not refused: {other:?}"),
        }
    }
}
