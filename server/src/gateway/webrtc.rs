//! The gateway for browsers: voice by RTP, cameras over a data channel, on the media port and, where the
//! operator wants it, on a TCP port of its own.
//!
//! One thread speaks the protocols (ICE, DTLS, SRTP, SCTP) for all guests, so that none of what they cost
//! stands before native media. The receiving thread tells guests' datagrams from ours by their first byte
//! and hands them over in batches; cameras go back to it, because one forwarder serves everybody. The
//! mixers and the forwarder do not know who is a guest.

use std::{net::TcpListener, sync::Arc, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::MissedTickBehavior,
};

use crate::{
    clock::Clock,
    media::{
        guests::{GuestCamera, GuestDatagram, GuestQueues, GuestVoice},
        sessions::{MediaSessions, UdpPath},
    },
};

mod camera;
mod directory;
mod due;
mod ears;
mod inlet;
mod mouth;
mod offer;
mod peer;
mod peers;
mod shell;
mod stun;
mod tcp;

pub use camera::{CHANNEL_ID, WAITING_MAX};
pub use directory::Directory;
pub use inlet::Inlet;
pub use peer::CONNECTED_WITHIN;
pub use stun::{Protocol, protocol_of};

use offer::Answerer;
use peers::Peers;
use shell::{Present, Shell};

/// How often what is over is looked for.
const SWEPT_EVERY: Duration = Duration::from_millis(250);
/// What is taken of each queue before the others get their turn.
const BATCH_MAX: usize = 64;

/// What the gateway for browsers may do.
#[derive(Debug)]
pub struct GuestConfig {
    pub guests_max: u32,
    /// The TCP port for media, open already; `None` when there is none.
    pub tcp: Option<TcpListener>,
}

impl Default for GuestConfig {
    fn default() -> GuestConfig {
        GuestConfig {
            guests_max: 1_000,
            tcp: None,
        }
    }
}

/// Sends one datagram; false when it was dropped.
pub type SendDatagram = Arc<dyn Fn(UdpPath, &[u8]) -> bool + Send + Sync>;

/// The thread for guests, before it runs.
pub struct GuestThread {
    runtime: Runtime,
    clock: Clock,
    send: SendDatagram,
    sessions: MediaSessions,
    directory: Arc<Directory>,
    tcp: Option<TcpListener>,
}

impl GuestThread {
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new(
        config: GuestConfig,
        send: SendDatagram,
        sessions: MediaSessions,
        clock: Clock,
    ) -> std::io::Result<GuestThread> {
        Ok(GuestThread {
            runtime: Builder::new_current_thread().enable_all().build()?,
            directory: Arc::new(Directory::new(config.guests_max)),
            tcp: config.tcp,
            clock,
            send,
            sessions,
        })
    }

    /// What leads to this thread, for a thread that receives.
    pub fn inlet(&self) -> Inlet {
        Inlet::new(self.directory.clone(), self.sessions.clone())
    }

    /// Serves guests until told to stop.
    pub fn run(self, queues: GuestQueues, stopped: oneshot::Receiver<()>) {
        let answerer = Answerer::new();
        if answerer.is_none() {
            tracing::error!("no certificate can be made: browsers get neither sound nor picture");
        }
        let shell = Shell::new(self.send, self.sessions.clone(), self.directory.clone());
        let peers = Peers::new(shell, answerer);
        let (directory, sessions, clock) = (self.directory, self.sessions, self.clock);
        self.runtime.block_on(async move {
            if let Some(listener) = self.tcp {
                tokio::spawn(async move {
                    if let Err(error) = tcp::serve(listener, directory, sessions).await {
                        tracing::error!(%error, "the TCP port for media is closed");
                    }
                });
            }
            serve(peers, queues, clock, stopped).await;
        });
    }
}

/// What each queue has given.
#[derive(Default)]
struct Taken {
    voice: Vec<GuestVoice>,
    datagrams: Vec<Vec<GuestDatagram>>,
    camera: Vec<GuestCamera>,
}

async fn serve(
    mut peers: Peers,
    mut queues: GuestQueues,
    clock: Clock,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut sweep = tokio::time::interval(SWEPT_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut taken = Taken::default();
    let mut load = Load::new(Present::of(clock));
    loop {
        let next_wakeup = peers.next_wakeup();
        let due = async {
            match next_wakeup {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let mut offer = None;
        let mut is_sweep = false;
        tokio::select! {
            _ = &mut stopped => {
                peers.end_all(Present::of(clock));
                return;
            }
            _ = queues.voice.recv_many(&mut taken.voice, BATCH_MAX) => {}
            _ = queues.datagrams.recv_many(&mut taken.datagrams, BATCH_MAX) => {}
            _ = queues.camera.recv_many(&mut taken.camera, BATCH_MAX) => {}
            Some(asked) = queues.offers.recv() => offer = Some(asked),
            () = due => {}
            _ = sweep.tick() => is_sweep = true,
        }
        let now = Present::of(clock);
        // Whatever woke us: words go before pictures.
        while taken.voice.len() < BATCH_MAX
            && let Ok(voice) = queues.voice.try_recv()
        {
            taken.voice.push(voice);
        }
        for voice in taken.voice.drain(..) {
            peers.voice(now, voice);
        }
        for datagram in taken.datagrams.drain(..).flatten() {
            peers.datagram(now, datagram);
        }
        peers.batch_ended();
        for camera in taken.camera.drain(..) {
            peers.camera(now, camera);
        }
        if let Some(offer) = offer {
            peers.offer(now, offer);
        }
        peers.wake(now);
        load.worked(now, Present::of(clock));
        if is_sweep {
            peers.sweep(now);
            peers.set_load(load.end_interval(now));
        }
    }
}

/// How much of its time the thread works.
struct Load {
    worked: Duration,
    since: Present,
}

impl Load {
    fn new(since: Present) -> Load {
        Load {
            worked: Duration::ZERO,
            since,
        }
    }

    fn worked(&mut self, began: Present, now: Present) {
        self.worked += now.moment.since(began.moment);
    }

    fn end_interval(&mut self, now: Present) -> u8 {
        let passed_us = now.moment.since(self.since.moment).as_micros().max(1);
        let percent = (self.worked.as_micros() * 100 / passed_us).min(100);
        *self = Load::new(now);
        u8::try_from(percent).unwrap_or(100)
    }
}
