//! The UDP port for voice, camera and probes.
//!
//! Three threads of its own: one receives, answers probes, hands voice to the mixers and forwards camera from
//! socket to sockets; one sends voice, so that no camera frame stands before a word; one speaks WebRTC with
//! browsers.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use super::webrtc::{GuestConfig, GuestThread};
use crate::{clock::Clock, media::sessions::MediaSessions};

mod forward;
mod gate;
mod intake;
mod measure;
mod receive;
mod send;
mod socket;
mod voice;

use socket::MediaSocket;

/// Where the media port is.
#[derive(Debug)]
pub struct UdpConfig {
    /// `[::]` serves IPv4 too; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Of browsers, which share the port.
    pub guests: GuestConfig,
}

/// Why the media port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("UDP port {0} is taken by another program; stop it, or choose another port")]
    PortTaken(u16),
    #[error("UDP port {0} may not be used by this user; choose a port above 1023")]
    NotAllowed(u16),
    #[error("the address {0} is not one of this machine; choose another address to listen on")]
    NoSuchAddress(SocketAddr),
    #[error("the UDP port could not be opened: {0}")]
    Other(#[source] io::Error),
    #[error("these media sessions have a UDP port already")]
    HasPort,
}

/// The open port. Dropping it closes the port and ends its threads.
pub struct UdpGateway {
    local: SocketAddr,
    stop: Arc<AtomicBool>,
    stop_waiting: Vec<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl UdpGateway {
    /// Opens the port and starts its threads.
    ///
    /// # Errors
    /// [`BindError`], in words for the operator.
    pub fn bind(
        config: UdpConfig,
        sessions: MediaSessions,
        clock: Clock,
    ) -> Result<UdpGateway, BindError> {
        let socket = MediaSocket::bind(config.bind)?;
        UdpGateway::start(socket, config.guests, sessions, clock)
    }

    /// Starts its threads on a port that is open already.
    ///
    /// # Errors
    /// [`BindError`], in words for the operator.
    pub fn on(
        socket: UdpSocket,
        config: UdpConfig,
        sessions: MediaSessions,
        clock: Clock,
    ) -> Result<UdpGateway, BindError> {
        let socket = MediaSocket::adopt(socket)?;
        UdpGateway::start(socket, config.guests, sessions, clock)
    }

    fn start(
        socket: MediaSocket,
        guests: GuestConfig,
        sessions: MediaSessions,
        clock: Clock,
    ) -> Result<UdpGateway, BindError> {
        let socket = Arc::new(socket);
        let local = socket.local_address().map_err(BindError::Other)?;
        let queues = sessions.take_queues().ok_or(BindError::HasPort)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stop_receiving, receiving_stopped) = oneshot::channel();
        let (stop_guests, guests_stopped) = oneshot::channel();

        let sender = voice::VoiceSender::new(socket.clone(), sessions.clone());
        let (taken, stop_sending) = (queues.voice, stop.clone());
        let voice = spawn("media-voice", move || sender.run(&taken, &stop_sending))?;
        let sent_by = socket.clone();
        let send = Arc::new(move |to, datagram: &[u8]| sent_by.send(to, datagram, None).is_ok());
        let guests =
            GuestThread::new(guests, send, sessions.clone(), clock).map_err(BindError::Other)?;
        let receiver = receive::Receiver::new(socket, sessions, clock, guests.inlet())
            .map_err(BindError::Other)?;
        let arriving = receive::Arriving {
            websockets: queues.websockets,
            guests: queues.from_guests,
        };
        let receive = spawn("media-receive", move || {
            receiver.run(arriving, receiving_stopped);
        })?;
        let (taken, run) = (queues.guests, GuestThread::run);
        let guests = spawn("media-webrtc", move || run(guests, taken, guests_stopped))?;
        Ok(UdpGateway {
            local,
            stop,
            stop_waiting: vec![stop_receiving, stop_guests],
            threads: vec![voice, receive, guests],
        })
    }

    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    pub fn local_port(&self) -> u16 {
        self.local.port()
    }

    /// Closes the port and waits for its threads, at most a quarter of a second.
    pub fn stop(mut self) {
        self.tell_to_stop();
        for thread in self.threads.drain(..) {
            // One that has panicked has said so when it did.
            thread.join().ok();
        }
    }

    fn tell_to_stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for stop in self.stop_waiting.drain(..) {
            // It may have ended by itself.
            let _ended = stop.send(());
        }
    }
}

impl Drop for UdpGateway {
    fn drop(&mut self) {
        self.tell_to_stop();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, BindError> {
    let thread = thread::Builder::new().name(name.to_owned());
    let run = move || {
        let _watch = Watch;
        run();
    };
    thread.spawn(run).map_err(BindError::Other)
}

/// Says when a thread ends by a panic, at once: nobody waits for it before the server stops.
struct Watch;

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            let name = thread::current().name().unwrap_or_default().to_owned();
            tracing::error!(
                thread = name,
                "a media thread has ended by a panic; restart the server"
            );
        }
    }
}
