//! Handles on TCP connections: how many an address has, and how to end one from outside.

use std::{
    any::Any,
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, Shutdown},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{dev::Extensions, rt::net::TcpStream};
use parking_lot::Mutex;
use socket2::{SockRef, Socket};

/// Connections over the limit that are kept open just long enough to be told so; more are cut.
pub const REFUSED_CONNECTIONS_MAX: u32 = 16;

/// A second handle on a connection's socket. A WebSocket actor whose client does not read is frozen
/// and runs nothing any more; this ends it from outside.
#[derive(Debug)]
pub struct SocketHandle(Socket);

impl SocketHandle {
    /// A handle on a socket of any kind that has one.
    ///
    /// # Errors
    /// When the system has no more file descriptors.
    pub fn of(socket: SockRef<'_>) -> std::io::Result<SocketHandle> {
        socket.try_clone().map(SocketHandle)
    }

    /// Ends the connection at once in both directions. Whoever reads or writes it gets an error.
    pub fn shut_down(&self) {
        if let Err(error) = self.0.shutdown(Shutdown::Both) {
            tracing::debug!(%error, "the socket was already closed");
        }
    }
}

/// What a connection is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkKind {
    /// Requests and answers, or nothing yet.
    Http,
    Control,
    Screen,
    Media,
}

impl LinkKind {
    pub const ALL: [LinkKind; 4] = [
        LinkKind::Http,
        LinkKind::Control,
        LinkKind::Screen,
        LinkKind::Media,
    ];

    /// As figures name it.
    pub fn name(self) -> &'static str {
        match self {
            LinkKind::Http => "http",
            LinkKind::Control => "control",
            LinkKind::Screen => "screen",
            LinkKind::Media => "media",
        }
    }

    fn of_number(number: u8) -> LinkKind {
        let kind = LinkKind::ALL.get(usize::from(number));
        kind.copied().unwrap_or(LinkKind::Http)
    }
}

/// Counts the connections of each address, and of each kind.
#[derive(Clone, Debug)]
pub struct Connections {
    open: Arc<Mutex<BTreeMap<IpAddr, u32>>>,
    by_kind: Arc<[AtomicU64; LinkKind::ALL.len()]>,
    per_address_max: u32,
}

impl Connections {
    pub fn new(per_address_max: u32) -> Connections {
        Connections {
            open: Arc::default(),
            by_kind: Arc::default(),
            per_address_max,
        }
    }

    /// Open connections of a kind, now.
    pub fn of_kind(&self, kind: LinkKind) -> u64 {
        self.by_kind[kind as usize].load(Ordering::Relaxed)
    }

    /// Counts one more connection of `address` until the ticket is dropped.
    pub fn count(&self, address: IpAddr) -> Ticket {
        let address = network_of(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        *count += 1;
        let over = count.saturating_sub(self.per_address_max);
        drop(open);
        self.by_kind[LinkKind::Http as usize].fetch_add(1, Ordering::Relaxed);
        Ticket {
            connections: self.clone(),
            address,
            over,
            kind: AtomicU8::new(LinkKind::Http as u8),
        }
    }
}

/// What one household or machine has for sure: an IPv4 address, or an IPv6 network of 64 bits
/// (RFC 4291 section 2.5.1), within which it may choose.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        other => other,
    }
}

/// One connection among those of its address.
#[derive(Debug)]
pub struct Ticket {
    connections: Connections,
    address: IpAddr,
    over: u32,
    /// A [`LinkKind`].
    kind: AtomicU8,
}

impl Ticket {
    /// This connection is one too many; it should be told and closed.
    pub fn is_over_limit(&self) -> bool {
        self.over > 0
    }

    /// The connection is used for this from now on.
    pub fn becomes(&self, kind: LinkKind) {
        let before = LinkKind::of_number(self.kind.swap(kind as u8, Ordering::Relaxed));
        let by_kind = &self.connections.by_kind;
        by_kind[before as usize].fetch_sub(1, Ordering::Relaxed);
        by_kind[kind as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let kind = LinkKind::of_number(self.kind.load(Ordering::Relaxed));
        self.connections.by_kind[kind as usize].fetch_sub(1, Ordering::Relaxed);
        let mut open = self.connections.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// For `HttpServer::on_connect`: counts each connection, turns Nagle's algorithm off, and keeps a
/// [`SocketHandle`] and a [`Ticket`] with it.
pub fn on_connect(connections: Connections) -> impl Fn(&dyn Any, &mut Extensions) + Send + Sync {
    move |io, kept| {
        let tls = io.downcast_ref::<TlsStream<TcpStream>>();
        let tcp = match tls {
            Some(tls) => Some(tls.get_ref().0),
            None => io.downcast_ref::<TcpStream>(),
        };
        if let Some(tcp) = tcp
            && let Err(error) = keep(tcp, &connections, kept)
        {
            tracing::debug!(%error, "a connection is served without a handle on it");
        }
    }
}

fn keep(tcp: &TcpStream, connections: &Connections, kept: &mut Extensions) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let ticket = connections.count(tcp.peer_addr()?.ip());
    let handle = SocketHandle::of(SockRef::from(tcp))?;
    if ticket.over > REFUSED_CONNECTIONS_MAX {
        handle.shut_down();
    }
    kept.insert(Arc::new(handle));
    kept.insert(ticket);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn a_connection_is_counted_until_its_ticket_is_dropped() {
        let connections = Connections::new(2);
        let address = "192.0.2.7".parse().unwrap();
        let other = "192.0.2.8".parse().unwrap();
        let first = connections.count(address);
        let second = connections.count(address);
        assert!(!first.is_over_limit() && !second.is_over_limit());
        assert!(connections.count(address).is_over_limit());
        assert!(!connections.count(other).is_over_limit());
        drop(first);
        assert!(!connections.count(address).is_over_limit());
        drop(second);
        assert!(connections.open.lock().is_empty());
    }

    #[test]
    fn a_connection_counts_as_what_it_is_used_for() {
        let connections = Connections::new(2);
        let ticket = connections.count("192.0.2.7".parse().unwrap());
        assert_eq!(connections.of_kind(LinkKind::Http), 1);
        ticket.becomes(LinkKind::Control);
        assert_eq!(connections.of_kind(LinkKind::Http), 0);
        assert_eq!(connections.of_kind(LinkKind::Control), 1);
        drop(ticket);
        for kind in LinkKind::ALL {
            assert_eq!(connections.of_kind(kind), 0, "{}", kind.name());
        }
    }

    #[test]
    fn a_mapped_address_is_the_same_as_its_ipv4() {
        let connections = Connections::new(1);
        let _kept = connections.count("192.0.2.7".parse().unwrap());
        let mapped = "::ffff:192.0.2.7".parse().unwrap();
        assert!(connections.count(mapped).is_over_limit());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_counted_together() {
        let connections = Connections::new(1);
        let _kept = connections.count("2001:db8:0:1::7".parse().unwrap());
        let neighbour = "2001:db8:0:1:ffff::8".parse().unwrap();
        assert!(connections.count(neighbour).is_over_limit());
        let other = "2001:db8:0:2::7".parse().unwrap();
        assert!(!connections.count(other).is_over_limit());
    }

    #[test]
    fn shutting_a_handle_down_ends_the_connection_for_whoever_has_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        let handle = SocketHandle::of(SockRef::from(&far)).unwrap();
        handle.shut_down();
        assert_eq!(near.read(&mut [0; 1]).unwrap(), 0);
        assert_eq!(far.read(&mut [0; 1]).unwrap(), 0);
    }
}
