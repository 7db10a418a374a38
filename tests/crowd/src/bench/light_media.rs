//! Somebody's voice and camera without devices or codecs: a sealed session on a UDP socket, what comes
//! handed over with the time at which it was read.

use std::{
    io::IoSliceMut,
    net::{SocketAddr, UdpSocket as StdSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use conclave_client::media::{
    clock::MediaClock,
    keys::{Incoming, Outgoing, derive},
    link::{PROBE_EVERY, PROBE_QUIET_EVERY},
};
use conclave_core::Moment;
use conclave_wire::{
    MediaSession,
    datagram::{Fragment, Header, Kind, Probe, Report, Voice, parse_nonce, write_nonce},
};
use quinn_udp::{RecvMeta, UdpSocketState};
use tokio::{
    io::Interest,
    net::UdpSocket,
    runtime::Handle,
    task::AbortHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::Outcome;

/// Datagrams of one sender arrive joined up to the size of an IP packet; voice comes one by one.
pub const CAMERA_BUFFER_BYTES: usize = 64 * 1024;
pub const VOICE_BUFFER_BYTES: usize = 2 * 1024;
/// As a whole client has it.
const SOCKET_BUFFER_BYTES: usize = 2 * 1024 * 1024;
/// How often a whole client asks while it has no answer, and once it has.
const HELLO_EVERY: Duration = Duration::from_millis(100);
const REPORT_EVERY: Duration = Duration::from_millis(250);
const ALIVE_MAX: Duration = Duration::from_secs(5);

/// What is done with what comes. Called on the media thread.
pub trait Inlet: Send + 'static {
    fn voice(&mut self, _at: Moment, _number: u64, _voice: &Voice<'_>) {}
    fn fragment(&mut self, _at: Moment, _fragment: &Fragment<'_>) {}
}

/// Takes no notice.
pub struct Deaf;

impl Inlet for Deaf {}

/// The media of one seat. Dropping it closes the socket.
pub struct Media {
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    socket: StdSocket,
    server: SocketAddr,
    outgoing: Outgoing,
    alive: AtomicBool,
    /// Voice or camera went this way or that since the last question.
    used: AtomicBool,
    clock: MediaClock,
}

impl Media {
    pub fn open(
        runtime: &Handle,
        clock: MediaClock,
        session: &MediaSession,
        buffer_bytes: usize,
        inlet: impl Inlet,
    ) -> Outcome<Media> {
        let (outgoing, incoming) = derive(session)?;
        let server = session.addresses.first().ok_or("no media address")?;
        let server: SocketAddr = server.parse()?;
        let socket = StdSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        // Less buffer is a worse link, not a reason to have none.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let shared = Arc::new(Shared {
            server,
            outgoing,
            alive: AtomicBool::new(false),
            used: AtomicBool::new(true),
            clock,
            socket: socket.try_clone()?,
        });
        let _entered = runtime.enter();
        let ears = Ears {
            state: UdpSocketState::new((&socket).into())?,
            socket: UdpSocket::from_std(socket)?,
            shared: shared.clone(),
            incoming,
            inlet,
            buffer: vec![0; buffer_bytes],
            camera_bytes: 0,
        };
        Ok(Media {
            shared,
            task: runtime.spawn(ears.run()).abort_handle(),
        })
    }

    /// Waits until the server has answered.
    pub async fn alive(&self) -> Outcome<()> {
        let deadline = Instant::now() + ALIVE_MAX;
        while !self.shared.alive.load(Ordering::Relaxed) {
            if Instant::now() >= deadline {
                return Err("the media port does not answer".into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    pub fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.shared.socket.local_addr()?)
    }

    /// Sends a datagram of voice, from any thread.
    pub fn voice(&self, voice: &Voice<'_>) {
        self.shared.send(Kind::Voice, |body| voice.write(body));
    }

    pub fn fragment(&self, fragment: &Fragment<'_>) {
        self.shared.send(Kind::Camera, |body| fragment.write(body));
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// What the network does not take is lost, as it would be further on.
    fn send(&self, kind: Kind, write_body: impl FnOnce(&mut Vec<u8>)) {
        if matches!(kind, Kind::Voice | Kind::Camera) {
            self.used.store(true, Ordering::Relaxed);
        }
        let mut datagram = Vec::new();
        let sealer = self.outgoing.sealer(kind.class());
        if sealer.seal(kind, &mut datagram, write_body).is_some() {
            let _ = self.socket.send_to(&datagram, self.server);
        }
    }

    fn ask(&self) {
        let kind = match self.alive.load(Ordering::Relaxed) {
            true => Kind::Probe,
            false => Kind::Hello,
        };
        let probe = Probe {
            sent_us: self.clock.now().0,
            room_clock_us: 0,
        };
        self.send(kind, |body| probe.write(body));
    }
}

/// The receiving side.
struct Ears<I> {
    socket: UdpSocket,
    state: UdpSocketState,
    shared: Arc<Shared>,
    incoming: Incoming,
    inlet: I,
    buffer: Vec<u8>,
    camera_bytes: u32,
}

impl<I: Inlet> Ears<I> {
    async fn run(mut self) {
        self.shared.ask();
        let mut ask_at = Instant::now() + HELLO_EVERY;
        let mut reports = interval(REPORT_EVERY);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watches = self.buffer.len() > VOICE_BUFFER_BYTES;
        loop {
            tokio::select! {
                ready = self.socket.readable() => {
                    if ready.is_err() {
                        return;
                    }
                    self.read();
                }
                () = tokio::time::sleep_until(ask_at) => {
                    self.shared.ask();
                    let alive = self.shared.alive.load(Ordering::Relaxed);
                    let every = match (alive, self.shared.used.swap(false, Ordering::Relaxed)) {
                        (false, _) => HELLO_EVERY,
                        (true, true) => PROBE_EVERY,
                        (true, false) => PROBE_QUIET_EVERY,
                    };
                    ask_at = Instant::now() + every;
                }
                _ = reports.tick(), if watches => self.report(),
            }
        }
    }

    fn read(&mut self) {
        let mut meta = [RecvMeta::default()];
        loop {
            let Ears {
                socket,
                state,
                buffer,
                ..
            } = self;
            let received = socket.try_io(Interest::READABLE, || {
                let mut slices = [IoSliceMut::new(buffer)];
                state.recv((&*socket).into(), &mut slices, &mut meta)
            });
            if !matches!(received, Ok(1..)) {
                return;
            }
            let at = self.shared.clock.now();
            let [RecvMeta { len, stride, .. }] = meta;
            let mut buffer = std::mem::take(&mut self.buffer);
            for datagram in buffer[..len].chunks_mut(stride.max(1)) {
                self.take(at, datagram);
            }
            self.buffer = buffer;
        }
    }

    fn take(&mut self, at: Moment, datagram: &mut [u8]) {
        let bytes = datagram.len() as u32;
        let Some(header) = Header::parse(datagram) else {
            return;
        };
        if header.session != self.incoming.session {
            return;
        }
        let Some(body) = self.incoming.open(&header, datagram) else {
            return;
        };
        if matches!(header.kind, Kind::Voice | Kind::Camera) {
            self.shared.used.store(true, Ordering::Relaxed);
        }
        match header.kind {
            Kind::Voice => {
                if let Some(voice) = Voice::parse(body) {
                    self.inlet.voice(at, header.number, &voice);
                }
            }
            Kind::Camera => {
                self.camera_bytes += bytes;
                if let Some(fragment) = Fragment::parse(body) {
                    self.inlet.fragment(at, &fragment);
                }
            }
            Kind::Echo => self.shared.alive.store(true, Ordering::Relaxed),
            Kind::Challenge => {
                if let Some(nonce) = parse_nonce(body) {
                    let answer = |body: &mut Vec<u8>| write_nonce(nonce, body);
                    self.shared.send(Kind::Response, answer);
                }
            }
            _ => {}
        }
    }

    fn report(&mut self) {
        let camera = self.incoming.camera_loss.report();
        if camera.received == 0 {
            return;
        }
        let report = Report {
            interval_ms: REPORT_EVERY.as_millis() as u16,
            camera_received: camera.received as u32,
            camera_lost: camera.lost as u32,
            camera_bytes: std::mem::take(&mut self.camera_bytes),
            ..Report::default()
        };
        self.shared.send(Kind::Report, |body| report.write(body));
    }
}
