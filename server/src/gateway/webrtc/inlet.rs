//! The way from the threads that receive to the one that speaks WebRTC: what is of no guest goes no further.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::mpsc;

use super::directory::{Directory, Routed, canonical};
use crate::media::{
    figures::Count,
    guests::{GuestDatagram, GuestLink, GuestPath},
    sessions::{MediaSessions, UdpPath},
};

/// The largest datagram that is passed on: what browsers send has at most 1,280 bytes with its headers.
pub const GUEST_DATAGRAM_BYTES_MAX: usize = 1_500;

/// Whose a datagram is.
enum Found {
    Guest(Arc<GuestLink>),
    /// Too much of this guest waits already.
    Full,
    Nobody,
}

/// One for each thread that receives.
pub struct Inlet {
    directory: Arc<Directory>,
    sessions: MediaSessions,
    to_guests: mpsc::Sender<Vec<GuestDatagram>>,
    batch: Vec<GuestDatagram>,
}

impl Inlet {
    pub fn new(directory: Arc<Directory>, sessions: MediaSessions) -> Inlet {
        Inlet {
            to_guests: sessions.guests().datagrams.clone(),
            directory,
            sessions,
            batch: Vec::new(),
        }
    }

    /// Takes a datagram of one of WebRTC's protocols.
    pub fn datagram(&mut self, from: UdpPath, datagram: &[u8]) {
        if let Found::Guest(to) = self.find(canonical(from.peer), datagram) {
            self.batch.push(GuestDatagram {
                to,
                from: GuestPath::Udp(from),
                bytes: datagram.to_vec(),
            });
        }
    }

    /// Hands on what this batch has brought.
    pub fn depart(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.send(batch);
    }

    /// Takes a frame of a TCP connection; false when it is of nobody's. One that there is no room for is
    /// lost, as a datagram would be.
    pub fn frame(&mut self, from: GuestPath, peer: SocketAddr, bytes: Vec<u8>) -> bool {
        match self.find(canonical(peer), &bytes) {
            Found::Guest(to) => self.send(vec![GuestDatagram { to, from, bytes }]),
            Found::Full => {}
            Found::Nobody => return false,
        }
        true
    }

    /// How busy the thread of guests is, in percent of its time.
    pub fn guests_load_percent(&self) -> u8 {
        self.directory.load_percent()
    }

    fn find(&self, from: SocketAddr, datagram: &[u8]) -> Found {
        let routed = match datagram.len() <= GUEST_DATAGRAM_BYTES_MAX {
            true => self.directory.route(from, datagram),
            false => Routed::NotOurs,
        };
        let (found, ignored) = match routed {
            Routed::To(guest) if guest.may_arrive() => return Found::Guest(guest),
            Routed::To(_) => (Found::Full, Count::GuestQueueFull),
            Routed::Stranger => (Found::Nobody, Count::Stranger),
            Routed::NotOurs => (Found::Nobody, Count::NotOurs),
        };
        self.sessions.figures().one(ignored);
        found
    }

    fn send(&self, batch: Vec<GuestDatagram>) {
        if let Err(full) = self.to_guests.try_send(batch) {
            let dropped = full.into_inner();
            let figures = self.sessions.figures();
            figures.add(Count::GuestQueueFull, dropped.len() as u64);
            for datagram in dropped {
                datagram.to.arrived();
            }
        }
    }
}
