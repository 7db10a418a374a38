//! Sealing and sending to one client, on whichever way it is reached.

use std::{io, sync::Arc, thread, time::Duration};

use conclave_wire::datagram::Kind;

use super::socket::MediaSocket;
use crate::media::sessions::{
    Session, UdpPath, WEBSOCKET_CAMERA_BYTES_MAX, WEBSOCKET_VOICE_BYTES_MAX, Way,
};

/// A full send buffer drains within a frame's time, or the network stands still: a batch of voice waits so
/// often and so long for it, 5 ms in all.
const BATCH_WAITS_MAX: u32 = 20;
const BATCH_WAIT: Duration = Duration::from_micros(250);

/// How long a thread may still wait for room in the send buffer. Shared by all that it sends in one go, so
/// that many listeners behind a full buffer do not add up their waits.
#[derive(Debug)]
pub struct Patience {
    waits_left: u32,
}

impl Patience {
    /// For a thread that others wait for: what does not fit is dropped.
    pub fn none() -> Patience {
        Patience { waits_left: 0 }
    }

    /// For one batch of voice: 5 ms.
    pub fn for_batch() -> Patience {
        Patience {
            waits_left: BATCH_WAITS_MAX,
        }
    }

    /// Tries again while the buffer is full and patience lasts. False when it was not sent.
    fn send(&mut self, mut send: impl FnMut() -> io::Result<()>) -> bool {
        loop {
            match send() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.waits_left > 0 => {
                    self.waits_left -= 1;
                    thread::sleep(BATCH_WAIT);
                }
                sent => return sent.is_ok(),
            }
        }
    }
}

/// What was given to the network, and what was dropped, in datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub datagrams: u64,
    pub bytes: u64,
    pub dropped: u64,
}

/// Seals and sends with buffers of its own; one for each thread.
pub struct Courier {
    socket: Arc<MediaSocket>,
    datagram: Vec<u8>,
    /// Datagrams of one frame, one behind the other.
    train: Vec<u8>,
}

impl Courier {
    pub fn new(socket: Arc<MediaSocket>) -> Courier {
        Courier {
            socket,
            datagram: Vec::new(),
            train: Vec::new(),
        }
    }

    /// Sends a datagram of the voice class. Waits for room in the send buffer as long as `patience` lasts.
    /// False when it was dropped.
    pub fn voice(
        &mut self,
        session: &Session,
        way: &Way,
        kind: Kind,
        patience: &mut Patience,
        write_body: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        if !session.seal(kind, &mut self.datagram, write_body) {
            return false;
        }
        match way {
            // Voice of guests goes in batches, and they answer no challenges.
            Way::Guest(_) => false,
            Way::WebSocket(link) => {
                link.send(vec![self.datagram.clone()], WEBSOCKET_VOICE_BYTES_MAX)
            }
            Way::Udp(path) => patience.send(|| self.socket.send(*path, &self.datagram, None)),
        }
    }

    /// Sends bodies of the camera class, those of equal length in as few system calls as possible. Never
    /// waits: what does not fit is dropped.
    pub fn camera(
        &mut self,
        session: &Session,
        way: &Way,
        kind: Kind,
        bodies: &[Arc<[u8]>],
    ) -> Sent {
        match way {
            Way::Udp(path) => self.camera_by_udp(session, *path, kind, bodies),
            Way::Guest(link) => {
                let count = bodies.len() as u64;
                match link.send_camera(kind, bodies) {
                    true => Sent {
                        datagrams: count,
                        bytes: bodies.iter().map(|body| body.len() as u64).sum(),
                        dropped: 0,
                    },
                    false => Sent {
                        dropped: count,
                        ..Sent::default()
                    },
                }
            }
            Way::WebSocket(link) => {
                let mut datagrams = Vec::with_capacity(bodies.len());
                for body in bodies {
                    if self.seal(session, kind, body.as_ref()) {
                        datagrams.push(self.datagram.clone());
                    }
                }
                let count = datagrams.len() as u64;
                let bytes = datagrams.iter().map(|datagram| datagram.len() as u64).sum();
                match link.send(datagrams, WEBSOCKET_CAMERA_BYTES_MAX) {
                    true => Sent {
                        datagrams: count,
                        bytes,
                        dropped: 0,
                    },
                    false => Sent {
                        dropped: count,
                        ..Sent::default()
                    },
                }
            }
        }
    }

    fn camera_by_udp(
        &mut self,
        session: &Session,
        path: UdpPath,
        kind: Kind,
        bodies: &[Arc<[u8]>],
    ) -> Sent {
        let mut sent = Sent::default();
        let (mut segment, mut segments) = (0, 0);
        self.train.clear();
        for body in bodies {
            if !self.seal(session, kind, body.as_ref()) {
                sent.dropped += 1;
                continue;
            }
            let bytes = self.datagram.len();
            // Only the last datagram of a train may be shorter.
            let ended = !self.train.is_empty() && self.train.len() != segment * segments;
            let full = segments > 0 && segments >= self.socket.segments_max(segment);
            if ended || full || bytes > segment {
                self.depart(path, segment, segments, &mut sent);
                (segment, segments) = (bytes, 0);
            }
            self.train.extend_from_slice(&self.datagram);
            segments += 1;
        }
        self.depart(path, segment, segments, &mut sent);
        sent
    }

    fn depart(&mut self, path: UdpPath, segment: usize, segments: usize, sent: &mut Sent) {
        if segments == 0 {
            return;
        }
        let split = (segments > 1).then_some(segment);
        match self.socket.send(path, &self.train, split) {
            Ok(()) => {
                sent.datagrams += segments as u64;
                sent.bytes += self.train.len() as u64;
            }
            Err(error) => {
                tracing::trace!(%error, "camera not sent");
                sent.dropped += segments as u64;
            }
        }
        self.train.clear();
    }

    fn seal(&mut self, session: &Session, kind: Kind, body: &[u8]) -> bool {
        session.seal(kind, &mut self.datagram, |datagram| {
            datagram.extend_from_slice(body);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(patience: &mut Patience, listeners: u32) -> u32 {
        let mut attempts = 0;
        for _ in 0..listeners {
            let sent = patience.send(|| {
                attempts += 1;
                Err(io::ErrorKind::WouldBlock.into())
            });
            assert!(!sent);
        }
        attempts
    }

    #[test]
    fn all_listeners_of_a_batch_share_one_wait() {
        let listeners = 200;
        let attempts = attempts(&mut Patience::for_batch(), listeners);
        assert_eq!(attempts, listeners + BATCH_WAITS_MAX);
    }

    #[test]
    fn without_patience_nothing_waits() {
        assert_eq!(attempts(&mut Patience::none(), 3), 3);
    }

    #[test]
    fn what_fits_after_a_wait_is_sent() {
        let mut full = true;
        let sent = Patience::for_batch().send(|| match std::mem::take(&mut full) {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => Ok(()),
        });
        assert!(sent);
    }
}
