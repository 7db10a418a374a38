//! A client made of nothing but the words on the wire, for what no proper client would say.

use std::{collections::VecDeque, fmt::Debug, net::SocketAddr, time::Duration};

use conclave_client::link::{dial::Dialer, invite::Invite};
use conclave_wire::{
    ClientMessage, Command, Cursor, Encoding, MediaSession, MediaState, Refusal, ServerMessage,
    Welcome,
    command::Reply,
    datagram::{Class, Header, Kind, Probe, Voice, parse_nonce, write_nonce},
    message::Enter,
    sealing::{Direction, Opener, SECRET_BYTES, Sealer},
};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use tokio::{
    net::{TcpStream, UdpSocket},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, http},
};

use crate::server::DEADLINE;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Events are acknowledged so many at a time.
const EVENTS_PER_ACK: u32 = 16;
/// Messages heard before the one that was waited for, shown when it does not come.
const HEARD_SHOWN: usize = 12;
const MESSAGE_BYTES_SHOWN: usize = 200;

/// A WebSocket on one of the server's paths, with headers of the story's own.
///
/// # Errors
/// What the server answers instead.
pub async fn upgrade(
    invite: &Invite,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, tungstenite::Error> {
    let dialer = Dialer::new(invite).expect("TLS works here");
    let stream = dialer.dial().await.expect("the server can be reached");
    let url = format!("wss://{}{path}", dialer.host());
    let mut request = url.into_client_request()?;
    for (name, value) in headers {
        let value = value.parse().expect("a value of a header");
        request.headers_mut().insert(*name, value);
    }
    client_async(request, stream)
        .await
        .map(|(socket, _)| socket)
}

/// What an upgrade was refused with.
///
/// # Panics
/// When it was not refused, or not with a refusal.
#[track_caller]
pub fn refusal_of<T: Debug>(
    upgraded: Result<T, tungstenite::Error>,
) -> (http::StatusCode, Refusal) {
    match upgraded {
        Err(tungstenite::Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            let refusal = serde_json::from_slice(body);
            (
                response.status(),
                refusal.unwrap_or_else(|error| panic!("no refusal: {error}: {body:?}")),
            )
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// A control link.
pub struct RawClient {
    encoding: Encoding,
    sink: SplitSink<Socket, Message>,
    incoming: mpsc::UnboundedReceiver<ServerMessage>,
    reader: JoinHandle<()>,
    heard: VecDeque<String>,
    next_reference: u32,
    acknowledged: u32,
}

impl RawClient {
    /// A link on which nothing was said yet.
    pub async fn open(invite: &Invite, encoding: Encoding) -> RawClient {
        let offered = [("sec-websocket-protocol", encoding.subprotocol())];
        let socket = upgrade(invite, "/ws", &offered).await;
        let (sink, mut stream) = socket.expect("the server takes links").split();
        let (heard, incoming) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            // Reading also answers pings.
            while let Some(Ok(frame)) = stream.next().await {
                let bytes = match frame {
                    Message::Binary(bytes) => bytes,
                    Message::Text(text) => text.into(),
                    Message::Close(_) => return,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                };
                let message = encoding
                    .decode_trusted(&bytes)
                    .expect("the server speaks the protocol");
                if heard.send(message).is_err() {
                    return;
                }
            }
        });
        RawClient {
            encoding,
            sink,
            incoming,
            reader,
            heard: VecDeque::new(),
            next_reference: 1,
            acknowledged: 0,
        }
    }

    /// Somebody who is in.
    pub async fn join(invite: &Invite, name: &str, encoding: Encoding) -> (RawClient, Welcome) {
        let mut client = RawClient::open(invite, encoding).await;
        client.hello(join_as(invite, name)).await;
        let welcome = client.welcomed().await;
        (client, welcome)
    }

    /// Somebody who was in before.
    pub async fn resume(
        invite: &Invite,
        seat_token: &str,
        cursor: Option<Cursor>,
        encoding: Encoding,
    ) -> (RawClient, Welcome) {
        let mut client = RawClient::open(invite, encoding).await;
        let seat_token = seat_token.to_owned();
        client.hello(Enter::Resume { seat_token, cursor }).await;
        let welcome = client.welcomed().await;
        (client, welcome)
    }

    pub async fn hello(&mut self, enter: Enter) {
        let client = "story".to_owned();
        self.send(&ClientMessage::Hello { enter, client }).await;
    }

    pub async fn welcomed(&mut self) -> Welcome {
        self.until("a welcome", |message| match message {
            ServerMessage::Welcome(welcome) => Some(*welcome.clone()),
            _ => None,
        })
        .await
    }

    /// # Panics
    /// When the link does not take it in time.
    pub async fn send(&mut self, message: &ClientMessage) {
        let bytes = self.encoding.encode(message);
        self.send_bytes(bytes).await;
    }

    /// Any bytes, in the frame that this encoding goes in. JSON must be UTF-8.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        let frame = self.frame_of(bytes);
        assert!(self.try_send(frame).await, "the link is gone");
    }

    fn frame(&self, message: &ClientMessage) -> Message {
        self.frame_of(self.encoding.encode(message))
    }

    fn frame_of(&self, bytes: Vec<u8>) -> Message {
        match self.encoding {
            Encoding::MessagePack => Message::Binary(bytes.into()),
            Encoding::Json => Message::Text(String::from_utf8(bytes).expect("UTF-8").into()),
        }
    }

    /// Any frame. False when the link is gone.
    pub async fn try_send(&mut self, frame: Message) -> bool {
        let sent = timeout(DEADLINE, self.sink.send(frame)).await;
        sent.expect("the server reads").is_ok()
    }

    /// As many messages at once as the socket takes, without waiting for answers. False when the link
    /// is gone.
    pub async fn flood(&mut self, messages: &[ClientMessage]) -> bool {
        for message in messages {
            let frame = self.frame(message);
            if self.sink.feed(frame).await.is_err() {
                return false;
            }
        }
        self.sink.flush().await.is_ok()
    }

    /// The next message; `None` when the link is closed.
    ///
    /// # Panics
    /// When nothing comes in time.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        let next = timeout(DEADLINE, self.incoming.recv()).await;
        let message = next.unwrap_or_else(|_| panic!("nothing more after {:#?}", self.heard))?;
        if self.heard.len() == HEARD_SHOWN {
            self.heard.pop_front();
        }
        let mut shown = format!("{message:?}");
        shown.truncate(shown.floor_char_boundary(MESSAGE_BYTES_SHOWN));
        self.heard.push_back(shown);
        self.acknowledge(&message).await;
        Some(message)
    }

    async fn acknowledge(&mut self, message: &ServerMessage) {
        let number = match message {
            ServerMessage::Events { events } => events.last().map_or(0, |last| last.number),
            ServerMessage::Welcome(welcome) => welcome.cursor.number,
            _ => 0,
        };
        if number >= self.acknowledged + EVENTS_PER_ACK {
            self.acknowledged = number;
            let ack = self.frame(&ClientMessage::Ack { number });
            // The link may be closing, which is for the story to notice.
            let _ = self.try_send(ack).await;
        }
    }

    /// Waits for a message; what comes before it is left out.
    ///
    /// # Panics
    /// When it does not come in time, or the link is closed.
    pub async fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> T {
        let waited = timeout(DEADLINE, async {
            loop {
                let message = self.next().await?;
                if let Some(picked) = pick(&message) {
                    return Some(picked);
                }
            }
        })
        .await;
        match waited {
            Ok(Some(picked)) => picked,
            Ok(None) => panic!("closed before {what}, after {:#?}", self.heard),
            Err(_) => panic!("no {what}, but {:#?}", self.heard),
        }
    }

    /// Waits for the answer that is not to a command.
    pub async fn refused(&mut self) -> Refusal {
        self.until("a refusal", |message| match message {
            ServerMessage::Refused {
                reference: None,
                refusal,
            } => Some(refusal.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the server closes the link; what it still said is given back.
    pub async fn closed(&mut self) -> Vec<ServerMessage> {
        let mut last_words = Vec::new();
        while let Some(message) = self.next().await {
            last_words.push(message);
        }
        last_words
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ask(&mut self, command: Command) -> Result<Reply, Refusal> {
        let reference = self.take_reference();
        self.ask_as(reference, command).await
    }

    /// Under a reference of the story's own choice.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ask_as(&mut self, reference: u32, command: Command) -> Result<Reply, Refusal> {
        self.next_reference = self.next_reference.max(reference + 1);
        self.send(&ClientMessage::Do { reference, command }).await;
        self.answer(reference).await
    }

    /// Waits for the answer to a command.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn answer(&mut self, wanted: u32) -> Result<Reply, Refusal> {
        self.until("the answer", |message| match message {
            ServerMessage::Done { reference, reply } if *reference == wanted => {
                Some(Ok(reply.clone()))
            }
            ServerMessage::Refused {
                reference: Some(reference),
                refusal,
            } if *reference == wanted => Some(Err(refusal.clone())),
            _ => None,
        })
        .await
    }

    pub fn take_reference(&mut self) -> u32 {
        let reference = self.next_reference;
        self.next_reference += 1;
        reference
    }

    /// Says a line and waits until it comes back as an event, with everything before it.
    pub async fn say(&mut self, text: &str) {
        let reference = self.take_reference();
        let command = Command::Say {
            text: text.to_owned(),
        };
        self.send(&ClientMessage::Do { reference, command }).await;
        self.hears(text).await;
    }

    /// Waits for a line.
    pub async fn hears(&mut self, text: &str) {
        self.until(text, |message| {
            lines_in(message).any(|line| line == text).then_some(())
        })
        .await;
    }

    /// Microphone on or off.
    pub async fn set_microphone(&mut self, on: bool) {
        let media = MediaState {
            microphone: on,
            sound: true,
            camera: false,
        };
        let answer = self.ask(Command::SetMedia { media }).await;
        answer.expect("everybody may use their microphone");
    }

    /// From now on nothing is read from the socket, not even pings.
    pub fn stop_reading(&self) {
        self.reader.abort();
    }
}

impl Drop for RawClient {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The texts of the lines that a message says were said.
pub fn lines_in(message: &ServerMessage) -> impl Iterator<Item = &str> {
    let events: &[_] = match message {
        ServerMessage::Events { events } => events,
        _ => &[],
    };
    events.iter().filter_map(|numbered| match &numbered.event {
        conclave_wire::Event::LineSaid { line } => Some(line.text.as_str()),
        _ => None,
    })
}

/// A new seat by this invite, as host when it has the key.
pub fn join_as(invite: &Invite, name: &str) -> Enter {
    Enter::Join {
        slug: invite.slug.clone(),
        name: name.to_owned(),
        password: None,
        host_key: invite.host_key.clone(),
        sound: true,
        device: None,
        file_hash: None,
    }
}

/// One client's end of the UDP port: a socket and the keys of its welcome.
pub struct RawMedia {
    pub session: u64,
    pub socket: UdpSocket,
    pub server: SocketAddr,
    up: [Sealer; 2],
    down: [Opener; 2],
}

/// A datagram, opened.
#[derive(Clone, Debug)]
pub struct Received {
    pub kind: Kind,
    pub body: Vec<u8>,
    /// As it came.
    pub sealed: Vec<u8>,
}

impl RawMedia {
    /// A socket that has not said hello.
    pub async fn open(session: &MediaSession) -> RawMedia {
        let mut secret = [0; SECRET_BYTES];
        hex::decode_to_slice(&session.secret, &mut secret).expect("64 hexadecimal digits");
        let id = u64::from_str_radix(&session.session, 16).expect("16 hexadecimal digits");
        let classes = [Class::Voice, Class::Camera];
        let suite = session.suite;
        let address = session.addresses.first().expect("an address");
        RawMedia {
            session: id,
            socket: UdpSocket::bind("127.0.0.1:0").await.expect("a free port"),
            server: address.parse().expect("the story's server has a number"),
            up: classes.map(|class| Sealer::new(suite, &secret, id, Direction::Up, class)),
            down: classes.map(|class| Opener::new(suite, &secret, id, Direction::Down, class)),
        }
    }

    /// One that voice reaches.
    pub async fn greeted(session: &MediaSession) -> RawMedia {
        let media = RawMedia::open(session).await;
        media.probe(Kind::Hello, 1).await;
        let challenge = media.receive(Kind::Challenge).await;
        let nonce = parse_nonce(&challenge.body).expect("a challenge has a number");
        media
            .send(Kind::Response, |body| write_nonce(nonce, body))
            .await;
        media.fence(2).await;
        media
    }

    pub fn seal(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut datagram = Vec::new();
        let sealer = &self.up[kind.class() as usize];
        sealer
            .seal(kind, &mut datagram, write_body)
            .expect("it fits");
        datagram
    }

    pub async fn send(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) {
        self.send_raw(&self.seal(kind, write_body)).await;
    }

    pub async fn send_raw(&self, datagram: &[u8]) {
        let sent = self.socket.send_to(datagram, self.server).await;
        sent.expect("loopback takes datagrams");
    }

    pub async fn probe(&self, kind: Kind, sent_us: u64) {
        let probe = Probe {
            sent_us,
            room_clock_us: 0,
        };
        self.send(kind, |body| probe.write(body)).await;
    }

    /// The next datagram of a kind; others are left out.
    ///
    /// # Panics
    /// When none comes in time, or one that is not for us.
    pub async fn receive(&self, kind: Kind) -> Received {
        let waited = timeout(DEADLINE, async {
            loop {
                let received = self.receive_any().await;
                if received.kind == kind {
                    return received;
                }
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("no datagram {kind:?} came"))
    }

    async fn receive_any(&self) -> Received {
        let mut sealed = vec![0; 2_048];
        let (length, from) = self
            .socket
            .recv_from(&mut sealed)
            .await
            .expect("loopback gives datagrams");
        assert_eq!(from, self.server, "somebody else sends here");
        sealed.truncate(length);
        let header = Header::parse(&sealed).expect("a datagram of the protocol");
        assert_eq!(header.session, self.session, "it is for another session");
        let opener = &self.down[header.kind.class() as usize];
        let mut opened = sealed.clone();
        let body = opener
            .open(&header, &mut opened)
            .expect("it is sealed for us")
            .to_vec();
        Received {
            kind: header.kind,
            body,
            sealed,
        }
    }

    /// Asks and waits for the answer: whatever was sent before has arrived by then. Returns the voice
    /// that came meanwhile.
    pub async fn fence(&self, mark: u64) -> Vec<Received> {
        self.probe(Kind::Probe, mark).await;
        let mut voice = Vec::new();
        let waited = timeout(DEADLINE, async {
            loop {
                let received = self.receive_any().await;
                match received.kind {
                    Kind::Echo => {
                        let echo = Probe::parse(&received.body).expect("an echo");
                        if echo.sent_us == mark {
                            return;
                        }
                    }
                    Kind::Voice => voice.push(received),
                    _ => {}
                }
            }
        });
        waited.await.expect("the server answers probes");
        voice
    }

    /// Whether something waits on the socket.
    pub fn has_something(&self) -> bool {
        let mut datagram = [0; 2_048];
        self.socket.try_recv_from(&mut datagram).is_ok()
    }

    /// Waits so long for anything at all.
    pub async fn hears_anything_within(&self, wait: Duration) -> bool {
        let mut datagram = [0; 2_048];
        let came = timeout(wait, self.socket.recv_from(&mut datagram)).await;
        came.is_ok()
    }
}

impl Received {
    /// What was said, of a voice datagram.
    pub fn voice(&self) -> Voice<'_> {
        Voice::parse(&self.body).expect("voice")
    }
}
