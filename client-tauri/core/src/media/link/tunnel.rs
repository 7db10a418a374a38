//! The way through the control port: the same sealed datagrams, one a binary WebSocket message.

use std::{future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use conclave_wire::{datagram::Class, limits::DATAGRAM_BYTES_MAX};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::route::Sent;

/// Datagrams of voice that wait for the tunnel: 640 ms. Older voice is of no use.
const VOICE_WAITING_MAX: usize = 32;
/// Datagrams of camera that wait for the tunnel: one large picture.
const CAMERA_WAITING_MAX: usize = 128;
/// A tunnel that closes waits this long for the other side.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Datagrams that came and wait for the link.
const ARRIVED_WAITING_MAX: usize = 256;

/// Why there is no tunnel.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("The way through the control port is closed: {0}")]
pub struct TunnelRefused(pub String);

/// Opens a tunnel. The one of a client connects to `/media` with the server's pinned key.
pub trait OpenTunnel: Send + Sync {
    fn open(&self) -> Pin<Box<dyn Future<Output = Result<Tunnel, TunnelRefused>> + Send>>;
}

/// An open tunnel. It closes when it is dropped; when the other side closes it, `arrived` ends.
#[derive(Debug)]
pub struct Tunnel {
    pub sender: TunnelSender,
    pub arrived: mpsc::Receiver<Bytes>,
}

/// The sending end. Voice goes before camera.
#[derive(Clone, Debug)]
pub struct TunnelSender {
    voice: mpsc::Sender<Bytes>,
    camera: mpsc::Sender<Bytes>,
}

impl TunnelSender {
    pub fn send(&self, class: Class, datagram: &[u8]) -> Sent {
        let queue = match class {
            Class::Voice => &self.voice,
            Class::Camera => &self.camera,
        };
        match queue.try_send(Bytes::copy_from_slice(datagram)) {
            Ok(()) => Sent::Sent,
            Err(mpsc::error::TrySendError::Full(_)) => Sent::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => Sent::NoWay,
        }
    }
}

/// Carries datagrams over an open WebSocket, until either end is gone.
pub fn tunnel_over<S>(socket: WebSocketStream<S>) -> Tunnel
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (voice, mut voice_waiting) = mpsc::channel::<Bytes>(VOICE_WAITING_MAX);
    let (camera, mut camera_waiting) = mpsc::channel::<Bytes>(CAMERA_WAITING_MAX);
    let (came, arrived) = mpsc::channel(ARRIVED_WAITING_MAX);
    let (mut sink, mut stream) = socket.split();
    let receiving = async move {
        while let Some(Ok(message)) = stream.next().await {
            let Message::Binary(datagram) = message else {
                continue;
            };
            // What the link has no room for is lost, as it would be on UDP.
            let fits = datagram.len() <= DATAGRAM_BYTES_MAX;
            if fits && let Err(mpsc::error::TrySendError::Closed(_)) = came.try_send(datagram) {
                break;
            }
        }
    };
    let sending = async move {
        loop {
            let datagram = tokio::select! {
                biased;
                Some(datagram) = voice_waiting.recv() => datagram,
                Some(datagram) = camera_waiting.recv() => datagram,
                else => break,
            };
            if sink.send(Message::Binary(datagram)).await.is_err() {
                break;
            }
        }
        // A goodbye that is not taken in time is not said.
        let _ = tokio::time::timeout(CLOSE_MAX, sink.close()).await;
    };
    tokio::spawn(async move {
        tokio::select! {
            () = receiving => {}
            () = sending => {}
        }
    });
    Tunnel {
        sender: TunnelSender { voice, camera },
        arrived,
    }
}
