//! A browser made of str0m: it offers, comes to stand, says and hears RTP, and has the data channel.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    collections::VecDeque,
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use conclave_wire::{datagram::Kind, limits::CHANNEL_MESSAGE_BYTES_MAX};
use str0m::{
    Candidate, Event, IceConnectionState, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    channel::{ChannelConfig, ChannelId, Reliability},
    media::{Direction, MediaKind, Mid, Pt},
    net::{Protocol, Receive, TcpType},
    rtp::{ExtensionValues, RtpWrite, SeqNo},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(20);
const OPUS: u8 = 111;

/// One RTP packet, as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeardPacket {
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub opus: Vec<u8>,
}

/// What the browser has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub connected: bool,
    pub channel_open: bool,
    pub closed: bool,
    pub voice: Vec<HeardPacket>,
    pub messages: Vec<Vec<u8>>,
}

impl Seen {
    /// Bodies of one kind.
    pub fn of_kind(&self, kind: Kind) -> Vec<Vec<u8>> {
        let of_kind = self
            .messages
            .iter()
            .filter(|message| message[0] == kind as u8);
        of_kind.map(|message| message[1..].to_vec()).collect()
    }
}

enum Do {
    Say {
        sequence: u64,
        timestamp: u32,
        marker: bool,
        level: u8,
        opus: Vec<u8>,
    },
    Send(Vec<u8>, bool),
    /// Puts bytes on the wire as they are.
    Raw(Vec<u8>),
    /// The next datagrams of RTP are lost on the way.
    Lose(usize),
    /// Sends the last datagram of RTP again.
    Replay,
    /// Opens a channel that nobody has agreed on.
    OpenAnother,
    /// Takes nothing from the socket until told otherwise.
    Pause(bool),
}

/// An offer that waits for its answer.
pub struct Offering {
    pub sdp: String,
    rtc: Rtc,
    pending: SdpPendingOffer,
    channel: ChannelId,
    mid: Mid,
    wire: Wire,
}

/// A browser that runs.
pub struct Browser {
    seen: Arc<(Mutex<Seen>, Notify)>,
    orders: mpsc::UnboundedSender<Do>,
    pub address: SocketAddr,
    running: JoinHandle<()>,
    sequence: u64,
}

enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Wire {
    fn local(&self) -> SocketAddr {
        match self {
            Wire::Udp(socket) => socket.local_addr().unwrap(),
            Wire::Tcp(stream) => stream.local_addr().unwrap(),
        }
    }

    async fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        match self {
            Wire::Udp(socket) => drop(socket.send_to(datagram, to).await),
            Wire::Tcp(stream) => {
                let mut frame = (datagram.len() as u16).to_be_bytes().to_vec();
                frame.extend_from_slice(datagram);
                stream.write_all(&frame).await.ok();
            }
        }
    }

    async fn receive(&mut self) -> (SocketAddr, Vec<u8>) {
        let mut datagram = vec![0; 2_000];
        match self {
            Wire::Udp(socket) => {
                let (bytes, from) = socket.recv_from(&mut datagram).await.unwrap();
                datagram.truncate(bytes);
                (from, datagram)
            }
            Wire::Tcp(stream) => {
                // Not cancelled in the middle of a frame: the test has nothing else to do then.
                if stream.readable().await.is_err() {
                    return pending().await;
                }
                let Ok(length) = stream.read_u16().await else {
                    return pending().await;
                };
                datagram.truncate(usize::from(length));
                stream.read_exact(&mut datagram).await.unwrap();
                (stream.peer_addr().unwrap(), datagram)
            }
        }
    }
}

impl Offering {
    /// Over UDP, on loopback.
    pub async fn new() -> Offering {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Offering::on(Wire::Udp(socket), Direction::SendRecv)
    }

    /// Without a microphone.
    pub async fn listening() -> Offering {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Offering::on(Wire::Udp(socket), Direction::RecvOnly)
    }

    /// Over TCP alone.
    pub async fn by_tcp(server: SocketAddr) -> Offering {
        let stream = TcpStream::connect(server).await.unwrap();
        Offering::on(Wire::Tcp(stream), Direction::SendRecv)
    }

    fn on(wire: Wire, voice: Direction) -> Offering {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .set_mtu(1_240..=1_240)
            .build(Instant::now());
        let candidate = match &wire {
            Wire::Udp(_) => Candidate::host(wire.local(), "udp").unwrap(),
            Wire::Tcp(_) => {
                let tcp = Candidate::builder().tcp().host(wire.local());
                tcp.tcptype(TcpType::Active).build().unwrap()
            }
        };
        rtc.add_local_candidate(candidate).unwrap();
        let mut change = rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, voice, None, None, None);
        let channel = change.add_channel_with_config(ChannelConfig {
            label: "camera".to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            negotiated: Some(1),
            protocol: String::new(),
        });
        let (offer, pending) = change.apply().unwrap();
        Offering {
            sdp: offer.to_sdp_string(),
            rtc,
            pending,
            channel,
            mid,
            wire,
        }
    }

    /// Takes the answer and runs from now on.
    pub fn answered(self, answer: &str) -> Browser {
        let Offering {
            mut rtc,
            pending,
            channel,
            mid,
            wire,
            ..
        } = self;
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let (orders, taken) = mpsc::unbounded_channel();
        let seen: Arc<(Mutex<Seen>, Notify)> = Arc::default();
        let address = wire.local();
        let page = Page {
            rtc,
            channel,
            mid,
            wire,
            seen: seen.clone(),
            lose: 0,
            last_rtp: None,
            server: None,
            outgoing: VecDeque::new(),
        };
        Browser {
            seen,
            orders,
            address,
            running: actix::spawn(page.run(taken)),
            sequence: 1_000,
        }
    }
}

impl Browser {
    pub fn seen(&self) -> Seen {
        self.seen.0.lock().unwrap().clone()
    }

    /// Waits until it has seen something.
    pub async fn sees<T>(&self, what: &str, mut look: impl FnMut(&Seen) -> Option<T>) -> T {
        let seeing = async {
            loop {
                let noticed = self.seen.1.notified();
                if let Some(found) = look(&self.seen()) {
                    return found;
                }
                noticed.await;
            }
        };
        let found = timeout(DEADLINE, seeing).await;
        found.unwrap_or_else(|_| {
            let seen = self.seen();
            let (packets, messages) = (seen.voice.len(), seen.messages.len());
            panic!("{what} never came; {packets} packets and {messages} messages did")
        })
    }

    /// Waits until voice and the data channel stand.
    pub async fn stands(&self) {
        self.sees("the connection", |seen| {
            (seen.connected && seen.channel_open).then_some(())
        })
        .await;
    }

    pub async fn is_closed(&self) {
        self.sees("the end", |seen| seen.closed.then_some(())).await;
    }

    /// The packets that were heard, once there are so many.
    pub async fn hears(&self, count: usize) -> Vec<HeardPacket> {
        self.sees("voice", |seen| {
            (seen.voice.len() >= count).then(|| seen.voice.clone())
        })
        .await
    }

    /// Bodies of one kind that came over the channel, once there are so many.
    pub async fn gets(&self, kind: Kind, count: usize) -> Vec<Vec<u8>> {
        self.sees("a message", |seen| {
            let bodies = seen.of_kind(kind);
            (bodies.len() >= count).then_some(bodies)
        })
        .await
    }

    /// Says one packet; the sequence number goes on by itself.
    pub fn say(&mut self, timestamp: u32, level: u8, opus: &[u8]) {
        self.sequence += 1;
        self.order(Do::Say {
            sequence: self.sequence,
            timestamp,
            marker: false,
            level,
            opus: opus.to_vec(),
        });
    }

    pub fn send(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) {
        let mut message = vec![kind as u8];
        write_body(&mut message);
        assert!(message.len() <= CHANNEL_MESSAGE_BYTES_MAX);
        self.send_message(message, true);
    }

    pub fn send_message(&self, message: Vec<u8>, is_binary: bool) {
        self.order(Do::Send(message, is_binary));
    }

    pub fn raw(&self, datagram: Vec<u8>) {
        self.order(Do::Raw(datagram));
    }

    pub fn lose(&self, datagrams: usize) {
        self.order(Do::Lose(datagrams));
    }

    pub fn replay(&self) {
        self.order(Do::Replay);
    }

    pub fn open_another_channel(&self) {
        self.order(Do::OpenAnother);
    }

    pub fn pause(&self, paused: bool) {
        self.order(Do::Pause(paused));
    }

    fn order(&self, order: Do) {
        assert!(self.orders.send(order).is_ok(), "the browser has ended");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.running.abort();
    }
}

struct Page {
    rtc: Rtc,
    channel: ChannelId,
    mid: Mid,
    wire: Wire,
    seen: Arc<(Mutex<Seen>, Notify)>,
    lose: usize,
    last_rtp: Option<Vec<u8>>,
    server: Option<SocketAddr>,
    outgoing: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Page {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Do>) {
        let mut paused = false;
        loop {
            let due = self.drain();
            while let Some((to, datagram)) = self.outgoing.pop_front() {
                self.put(to, datagram).await;
            }
            let wait = due.saturating_duration_since(Instant::now());
            tokio::select! {
                order = orders.recv() => match order {
                    None => return,
                    Some(Do::Pause(pause)) => paused = pause,
                    Some(order) => self.carry_out(order).await,
                },
                (from, datagram) = self.wire.receive(), if !paused => self.receive(from, &datagram),
                () = tokio::time::sleep(wait.min(DEADLINE)) => {}
            }
            self.rtc.handle_input(Input::Timeout(Instant::now())).ok();
        }
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return at,
                Ok(Output::Transmit(datagram)) => {
                    let bytes = datagram.contents.to_vec();
                    self.outgoing.push_back((datagram.destination, bytes));
                }
                Ok(Output::Event(event)) => self.happened(event),
                Err(error) => panic!("the browser broke: {error}"),
            }
        }
    }

    async fn put(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        self.server = Some(to);
        let payload_type = datagram.get(1).map(|byte| byte & 0x7f);
        if (128..192).contains(&datagram[0]) && payload_type == Some(OPUS) {
            self.last_rtp = Some(datagram.clone());
            if self.lose > 0 {
                self.lose -= 1;
                return;
            }
        }
        self.wire.send(to, &datagram).await;
    }

    fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let protocol = match self.wire {
            Wire::Udp(_) => Protocol::Udp,
            Wire::Tcp(_) => Protocol::Tcp,
        };
        let local = self.wire.local();
        let receive = Receive::new(protocol, from, local, datagram).expect("of WebRTC");
        self.rtc
            .handle_input(Input::Receive(Instant::now(), receive))
            .unwrap();
    }

    async fn carry_out(&mut self, order: Do) {
        match order {
            Do::Say {
                sequence,
                timestamp,
                marker,
                level,
                opus,
            } => {
                let mut direct = self.rtc.direct_api();
                let stream = direct.stream_tx_by_mid(self.mid, None).unwrap();
                let extensions = ExtensionValues {
                    audio_level: Some(-i8::try_from(level).unwrap()),
                    voice_activity: Some(true),
                    ..ExtensionValues::default()
                };
                let packet = RtpWrite::new(
                    Pt::from(OPUS),
                    SeqNo::from(sequence),
                    timestamp,
                    Instant::now(),
                    opus,
                );
                stream.write_rtp(packet.marker(marker).ext_vals(extensions));
            }
            Do::Send(message, is_binary) => {
                let mut channel = self.rtc.channel(self.channel).expect("an open channel");
                assert!(channel.write(is_binary, &message).unwrap(), "it is full");
            }
            Do::Raw(datagram) => {
                let to = self.server.expect("something was sent before");
                self.wire.send(to, &datagram).await;
            }
            Do::Lose(datagrams) => self.lose = datagrams,
            Do::Replay => {
                let to = self.server.expect("something was sent before");
                let datagram = self.last_rtp.clone().expect("something was said before");
                self.wire.send(to, &datagram).await;
            }
            Do::OpenAnother => {
                let mut change = self.rtc.sdp_api();
                change.add_channel("another".to_owned());
                assert!(change.apply().is_none(), "no new offer is needed");
            }
            Do::Pause(_) => unreachable!("carried out where the socket is"),
        }
    }

    fn happened(&mut self, event: Event) {
        let (seen, notify) = &*self.seen;
        let mut seen = seen.lock().unwrap();
        match event {
            Event::Connected => seen.connected = true,
            Event::ChannelOpen(id, _) if id == self.channel => seen.channel_open = true,
            Event::ChannelData(data) => seen.messages.push(data.data),
            Event::RtpPacket(packet) => seen.voice.push(HeardPacket {
                sequence: *packet.seq_no,
                timestamp: packet.header.timestamp,
                marker: packet.header.marker,
                opus: packet.payload.to_vec(),
            }),
            Event::Closed | Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                seen.closed = true;
            }
            _ => {}
        }
        notify.notify_waiters();
    }
}
