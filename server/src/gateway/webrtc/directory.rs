//! Which guest a datagram is for, in constant time: a STUN request by the place that its user name carries,
//! everything else by the address that authentic requests came from.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use conclave_core::Moment;
use parking_lot::RwLock;

use super::stun::{self, Protocol};
use crate::{
    auth::token,
    media::guests::{GuestKey, GuestLink, GuestSenders},
};

/// Addresses that one guest may come from: each network of theirs, and moving house.
pub const ADDRESSES_PER_GUEST_MAX: usize = 32;
/// Another guest may take an address over when its owner was not heard there for so long. Browsers send
/// checks at least every few seconds (RFC 7675 section 5.1: 5 s).
const ADDRESS_KEPT: Duration = Duration::from_secs(15);
/// Hexadecimal digits of a user name that are the place; the others are random.
const SLOT_DIGITS: usize = 8;

/// Shared by the threads that receive and the one that speaks WebRTC.
pub struct Directory {
    inner: RwLock<Inner>,
    guests_max: usize,
    /// How busy the thread of guests is.
    load_percent: AtomicU8,
}

#[derive(Default)]
struct Inner {
    places: Vec<Place>,
    free: Vec<u32>,
    addresses: HashMap<SocketAddr, Owner>,
    generation: u64,
}

impl Inner {
    fn taken(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

/// A guest's, or nobody's.
type Place = Option<Entry>;

struct Entry {
    ufrag: String,
    link: Arc<GuestLink>,
    addresses: Vec<SocketAddr>,
}

struct Owner {
    key: GuestKey,
    heard_at: Moment,
}

/// Where a datagram goes.
#[derive(Debug)]
pub enum Routed {
    To(Arc<GuestLink>),
    /// Of nobody whom we know.
    Stranger,
    /// Of no protocol that guests speak.
    NotOurs,
}

impl Directory {
    pub fn new(guests_max: u32) -> Directory {
        Directory {
            inner: RwLock::default(),
            guests_max: guests_max as usize,
            load_percent: AtomicU8::new(0),
        }
    }

    /// A place for a guest, and the user name that leads to it. `None` when there are too many.
    pub fn open(&self, queues: &GuestSenders) -> Option<(Arc<GuestLink>, String)> {
        let mut inner = self.inner.write();
        if inner.taken() >= self.guests_max {
            return None;
        }
        let slot = match inner.free.pop() {
            Some(slot) => slot,
            None => {
                inner.places.push(None);
                u32::try_from(inner.places.len() - 1).ok()?
            }
        };
        inner.generation += 1;
        let generation = inner.generation;
        let link = GuestLink::new(GuestKey { slot, generation }, queues);
        let ufrag = format!("{slot:08x}{}", hex::encode(token::random_bytes::<8>()));
        inner.places[slot as usize] = Some(Entry {
            ufrag: ufrag.clone(),
            link: link.clone(),
            addresses: Vec::new(),
        });
        Some((link, ufrag))
    }

    pub fn close(&self, key: GuestKey) {
        let mut inner = self.inner.write();
        let place = inner.places.get_mut(key.slot as usize);
        let entry = place.and_then(|place| place.take_if(|entry| entry.link.key == key));
        let Some(entry) = entry else {
            return;
        };
        for address in entry.addresses {
            if inner
                .addresses
                .get(&address)
                .is_some_and(|owner| owner.key == key)
            {
                inner.addresses.remove(&address);
            }
        }
        inner.free.push(key.slot);
    }

    /// An authentic request of this guest came from there. False when the address is another's, or one too
    /// many: then nothing is to be done with it.
    pub fn claim(&self, key: GuestKey, address: SocketAddr, now: Moment) -> bool {
        let mut inner = self.inner.write();
        let inner = &mut *inner;
        let place = inner.places.get_mut(key.slot as usize);
        let entry = place.and_then(Option::as_mut);
        let Some(entry) = entry.filter(|entry| entry.link.key == key) else {
            return false;
        };
        if let Some(owner) = inner.addresses.get_mut(&address) {
            let stale = now.since(owner.heard_at) > ADDRESS_KEPT;
            if owner.key != key && !stale {
                return false;
            }
            if owner.key == key {
                owner.heard_at = now;
                return true;
            }
        }
        if entry.addresses.len() >= ADDRESSES_PER_GUEST_MAX && !entry.addresses.contains(&address) {
            return false;
        }
        if !entry.addresses.contains(&address) {
            entry.addresses.push(address);
        }
        let owner = Owner { key, heard_at: now };
        inner.addresses.insert(address, owner);
        true
    }

    /// Says whose a datagram is that came from `address` (IPv4 as IPv4). Nothing about it is verified yet.
    pub fn route(&self, address: SocketAddr, datagram: &[u8]) -> Routed {
        match stun::protocol_of(datagram) {
            Protocol::Stun => match stun::request(datagram) {
                Some(request) => self.by_ufrag(request.ufrag),
                None => Routed::NotOurs,
            },
            Protocol::Dtls | Protocol::Rtp => self.by_address(address),
            Protocol::Ours | Protocol::Unknown => Routed::NotOurs,
        }
    }

    pub fn set_load(&self, percent: u8) {
        self.load_percent.store(percent, Ordering::Relaxed);
    }

    pub fn load_percent(&self) -> u8 {
        self.load_percent.load(Ordering::Relaxed)
    }

    fn by_ufrag(&self, ufrag: &str) -> Routed {
        let slot = ufrag
            .get(..SLOT_DIGITS)
            .and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let inner = self.inner.read();
        let entry = slot
            .and_then(|slot| inner.places.get(slot)?.as_ref())
            .filter(|entry| entry.ufrag == ufrag);
        entry.map_or(Routed::Stranger, |entry| Routed::To(entry.link.clone()))
    }

    fn by_address(&self, address: SocketAddr) -> Routed {
        let inner = self.inner.read();
        let owner = inner.addresses.get(&address);
        let place = owner.and_then(|owner| inner.places.get(owner.key.slot as usize));
        match (owner, place) {
            (Some(owner), Some(Some(entry))) if entry.link.key == owner.key => {
                Routed::To(entry.link.clone())
            }
            _ => Routed::Stranger,
        }
    }
}

/// An address as browsers know it: a dual-stack socket sees IPv4 inside of IPv6.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::guests::queues;

    const NOW: Moment = Moment::from_ms(1_000);

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn owner(directory: &Directory, at: SocketAddr) -> Option<GuestKey> {
        match directory.route(at, &[20, 0]) {
            Routed::To(link) => Some(link.key),
            Routed::Stranger => None,
            Routed::NotOurs => panic!("DTLS is spoken here"),
        }
    }

    #[test]
    fn only_an_address_that_was_claimed_leads_to_a_guest_and_only_while_they_are_there() {
        let (senders, ..) = queues();
        let directory = Directory::new(4);
        let (link, _) = directory.open(&senders).unwrap();
        assert_eq!(owner(&directory, address(1)), None);
        assert!(directory.claim(link.key, address(1), NOW));
        assert_eq!(owner(&directory, address(1)), Some(link.key));
        directory.close(link.key);
        assert_eq!(owner(&directory, address(1)), None);
        assert!(!directory.claim(link.key, address(1), NOW));
        assert_eq!(directory.inner.read().taken(), 0);
    }

    #[test]
    fn nobody_takes_an_address_from_somebody_who_is_heard_there() {
        let (senders, ..) = queues();
        let directory = Directory::new(4);
        let (one, _) = directory.open(&senders).unwrap();
        let (other, _) = directory.open(&senders).unwrap();
        assert!(directory.claim(one.key, address(1), NOW));
        assert!(!directory.claim(other.key, address(1), NOW + ADDRESS_KEPT));
        assert_eq!(owner(&directory, address(1)), Some(one.key));
        let later = NOW + ADDRESS_KEPT + Duration::from_secs(1);
        assert!(directory.claim(other.key, address(1), later));
        assert_eq!(owner(&directory, address(1)), Some(other.key));
        // The first one's leaving does not take it from the second.
        directory.close(one.key);
        assert_eq!(owner(&directory, address(1)), Some(other.key));
    }

    #[test]
    fn guests_and_their_addresses_are_bounded() {
        let (senders, ..) = queues();
        let directory = Directory::new(1);
        let (link, _) = directory.open(&senders).unwrap();
        assert!(directory.open(&senders).is_none());
        for port in 1..=ADDRESSES_PER_GUEST_MAX as u16 {
            assert!(directory.claim(link.key, address(port), NOW));
        }
        assert!(!directory.claim(link.key, address(9_999), NOW));
        assert!(directory.claim(link.key, address(1), NOW), "a known one");
        directory.close(link.key);
        let (next, _) = directory.open(&senders).unwrap();
        assert_ne!(next.key, link.key, "the place is used again, the key never");
        assert_eq!(next.key.slot, link.key.slot);
    }

    #[test]
    fn a_place_with_another_random_part_is_a_stranger() {
        let (senders, ..) = queues();
        let directory = Directory::new(1);
        let (_, ufrag) = directory.open(&senders).unwrap();
        assert!(matches!(directory.by_ufrag(&ufrag), Routed::To(_)));
        let mut guessed = ufrag.clone();
        guessed.replace_range(SLOT_DIGITS.., "0000000000000000");
        for other in [guessed.as_str(), "", "0000", "zzzzzzzz", "ffffffffabc", "ü"] {
            assert!(
                matches!(directory.by_ufrag(other), Routed::Stranger),
                "{other}"
            );
        }
    }
}
