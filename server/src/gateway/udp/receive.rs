//! The thread that receives: reads batches from the socket, voice first, and keeps the interval.

use std::{
    io::{self, IoSliceMut},
    net::UdpSocket,
    sync::Arc,
};

use conclave_core::Moment;
use quinn_udp::RecvMeta;
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};

use super::{
    intake::{Intake, goes_first},
    measure::REPORT_EVERY,
    socket::MediaSocket,
};
use crate::{
    clock::Clock,
    gateway::webrtc::Inlet,
    media::{
        figures::MediaFigures,
        guests::FromGuest,
        scale::{SCALED_QUEUED_MAX, Scaled, Scaler},
        sessions::{FromWebSocket, MediaSessions, UdpPath, Way},
    },
};

/// The kernel joins datagrams of one sender up to the size of an IP packet.
const BUFFER_BYTES: usize = 64 * 1024;
/// Buffers offered to the kernel at once: each costs a little whether it is filled or not.
const BUFFERS: usize = 16;
/// Batches that are read before anything else gets its turn.
const BATCHES_IN_A_ROW_MAX: usize = 8;
/// Datagrams from WebSockets that are taken at once.
const WEBSOCKET_BATCH_MAX: usize = 64;
/// Messages of guests that are taken at once: a large frame.
const GUEST_BATCH_MAX: usize = 128;

/// What comes otherwise than by the socket.
pub struct Arriving {
    pub websockets: mpsc::Receiver<FromWebSocket>,
    pub guests: mpsc::Receiver<FromGuest>,
}

pub struct Receiver {
    socket: Arc<MediaSocket>,
    runtime: Runtime,
    clock: Clock,
    figures: Arc<MediaFigures>,
    intake: Intake,
    scaled: mpsc::Receiver<Scaled>,
    load: Load,
}

impl Receiver {
    /// # Errors
    /// When the system has no threads or descriptors left.
    pub fn new(
        socket: Arc<MediaSocket>,
        sessions: MediaSessions,
        clock: Clock,
        guests: Inlet,
    ) -> io::Result<Receiver> {
        let (to_us, scaled) = mpsc::channel(SCALED_QUEUED_MAX);
        let scaler = Scaler::start(to_us)?;
        Ok(Receiver {
            runtime: Builder::new_current_thread().enable_all().build()?,
            figures: sessions.figures().clone(),
            intake: Intake::new(socket.clone(), sessions, scaler, guests),
            socket,
            load: Load::new(clock.now()),
            clock,
            scaled,
        })
    }

    /// Receives until told to stop.
    pub fn run(self, arriving: Arriving, stopped: oneshot::Receiver<()>) {
        let Receiver {
            socket,
            runtime,
            clock,
            figures,
            intake,
            scaled,
            load,
        } = self;
        let inner = Inner {
            socket,
            clock,
            figures,
            intake,
            load,
            buffers: Buffers::new(),
        };
        if let Err(error) = runtime.block_on(inner.run(arriving, scaled, stopped)) {
            tracing::error!(%error, "the media port is closed");
        }
    }
}

struct Inner {
    socket: Arc<MediaSocket>,
    clock: Clock,
    figures: Arc<MediaFigures>,
    intake: Intake,
    load: Load,
    buffers: Buffers,
}

impl Inner {
    async fn run(
        mut self,
        arriving: Arriving,
        mut scaled: mpsc::Receiver<Scaled>,
        mut stopped: oneshot::Receiver<()>,
    ) -> io::Result<()> {
        // Readable alone: each datagram that the voice thread sends makes the socket writable again, and
        // would wake this thread.
        #[expect(
            deprecated,
            reason = "its replacement is unsafe, asking for a descriptor that stays: a UdpSocket of ours does"
        )]
        let socket = AsyncFd::with_interest(self.socket.socket()?, Interest::READABLE)?;
        let mut interval = tokio::time::interval(REPORT_EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let Arriving {
            mut websockets,
            mut guests,
        } = arriving;
        let mut from_websockets = Vec::with_capacity(WEBSOCKET_BATCH_MAX);
        let mut from_guests = Vec::with_capacity(GUEST_BATCH_MAX);
        loop {
            let departure = self.intake.next_departure();
            let until = departure.map(|due| self.clock.now().until(due));
            tokio::select! {
                _ = &mut stopped => return Ok(()),
                readable = socket.readable() => {
                    let mut readable = readable?;
                    if self.read(socket.get_ref()) {
                        readable.clear_ready();
                    }
                }
                _ = websockets.recv_many(&mut from_websockets, WEBSOCKET_BATCH_MAX) => {
                    let began = self.clock.now();
                    for from in from_websockets.drain(..) {
                        self.intake.by_websocket(began, from);
                    }
                    self.intake.voice_ended();
                    self.intake.camera_ended(began);
                    self.load.worked(began, self.clock.now());
                }
                _ = guests.recv_many(&mut from_guests, GUEST_BATCH_MAX) => {
                    let began = self.clock.now();
                    for from in from_guests.drain(..) {
                        self.intake.by_guest(began, from);
                    }
                    self.intake.camera_ended(began);
                    self.load.worked(began, self.clock.now());
                }
                Some(scaled) = scaled.recv() => self.intake.scaled(self.clock.now(), &scaled),
                () = tokio::time::sleep(until.unwrap_or_default()), if until.is_some() => {
                    let began = self.clock.now();
                    self.intake.camera_ended(began);
                    self.load.worked(began, self.clock.now());
                }
                _ = interval.tick() => {
                    let now = self.clock.now();
                    self.figures.receive_beat.leave(now);
                    let percent = self.load.end_interval(now);
                    self.intake.interval_ended(now, percent);
                }
            }
        }
    }

    /// Reads what has come; true when that was all.
    fn read(&mut self, socket: &UdpSocket) -> bool {
        for _ in 0..BATCHES_IN_A_ROW_MAX {
            let count = match self.buffers.fill(self.socket.state(), socket) {
                Ok(count) => count,
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        tracing::debug!(%error, "reading from the media port");
                    }
                    return true;
                }
            };
            let began = self.clock.now();
            let intake = &mut self.intake;
            self.buffers.each(count, true, |from, datagram| {
                intake.datagram(began, from, datagram)
            });
            intake.voice_ended();
            self.buffers.each(count, false, |from, datagram| {
                intake.datagram(began, from, datagram)
            });
            intake.camera_ended(began);
            self.load.worked(began, self.clock.now());
            if count < BUFFERS {
                // That was all; what comes from now on wakes us again.
                return true;
            }
        }
        false
    }
}

struct Buffers {
    bytes: Vec<u8>,
    metas: [RecvMeta; BUFFERS],
}

impl Buffers {
    fn new() -> Buffers {
        Buffers {
            bytes: vec![0; BUFFER_BYTES * BUFFERS],
            metas: [RecvMeta::default(); BUFFERS],
        }
    }

    fn fill(&mut self, state: &quinn_udp::UdpSocketState, socket: &UdpSocket) -> io::Result<usize> {
        let mut slices = self
            .bytes
            .chunks_exact_mut(BUFFER_BYTES)
            .map(IoSliceMut::new);
        let mut slices: [IoSliceMut<'_>; BUFFERS] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        state.recv(socket.into(), &mut slices, &mut self.metas)
    }

    /// Visits the datagrams that go first, or the others. An opened datagram is visited once only: its
    /// header stays as it was.
    fn each(&mut self, count: usize, first: bool, mut visit: impl FnMut(&Way, &mut [u8])) {
        let metas = &self.metas[..count];
        for (meta, buffer) in metas.iter().zip(self.bytes.chunks_exact_mut(BUFFER_BYTES)) {
            let from = Way::Udp(UdpPath {
                peer: meta.addr,
                local: meta.dst_ip,
            });
            for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                if goes_first(datagram) == first {
                    visit(&from, datagram);
                }
            }
        }
    }
}

/// How much of its time the thread works.
struct Load {
    worked_us: u64,
    since: Moment,
}

impl Load {
    fn new(now: Moment) -> Load {
        Load {
            worked_us: 0,
            since: now,
        }
    }

    fn worked(&mut self, began: Moment, now: Moment) {
        self.worked_us += now.0.saturating_sub(began.0);
    }

    fn end_interval(&mut self, now: Moment) -> u8 {
        let passed_us = now.0.saturating_sub(self.since.0).max(1);
        let percent = (self.worked_us * 100 / passed_us).min(100);
        *self = Load::new(now);
        u8::try_from(percent).unwrap_or(100)
    }
}
