//! The UDP sockets of one link: one for each family of addresses, sent to from any thread.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// Buffers of a socket, in bytes: half a second of large pictures. The system may give less.
const BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// The sending ends; the receiving ends belong to the link's task.
#[derive(Debug)]
pub struct Sockets {
    v4: Option<StdSocket>,
    v6: Option<StdSocket>,
}

/// The receiving ends of the same sockets.
#[derive(Debug)]
pub struct Receivers {
    pub v4: Option<UdpSocket>,
    pub v6: Option<UdpSocket>,
}

impl Sockets {
    /// Opens sockets on ports of the system's choice, for the families that the addresses have. An error
    /// when none can be opened.
    pub fn open(addresses: &[SocketAddr]) -> io::Result<Sockets> {
        let v4 = addresses
            .iter()
            .any(SocketAddr::is_ipv4)
            .then(|| bind(Domain::IPV4));
        let v6 = addresses
            .iter()
            .any(SocketAddr::is_ipv6)
            .then(|| bind(Domain::IPV6));
        match (v4, v6) {
            (Some(Err(error)), None) | (None, Some(Err(error))) => Err(error),
            (Some(Err(error)), Some(Err(_))) => Err(error),
            (v4, v6) => Ok(Sockets {
                v4: v4.and_then(Result::ok),
                v6: v6.and_then(Result::ok),
            }),
        }
    }

    /// The receiving ends. Must be called within a tokio runtime.
    pub fn receivers(&self) -> io::Result<Receivers> {
        let receiver = |socket: &Option<StdSocket>| {
            let copy = socket.as_ref().map(StdSocket::try_clone).transpose()?;
            copy.map(UdpSocket::from_std).transpose()
        };
        Ok(Receivers {
            v4: receiver(&self.v4)?,
            v6: receiver(&self.v6)?,
        })
    }

    /// Sends without waiting.
    pub fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        let socket = match to {
            SocketAddr::V4(_) => &self.v4,
            SocketAddr::V6(_) => &self.v6,
        };
        let socket = socket.as_ref().ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.send_to(datagram, to).map(|_| ())
    }
}

fn bind(domain: Domain) -> io::Result<StdSocket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    let any: SocketAddr = match domain {
        Domain::IPV6 => {
            socket.set_only_v6(true)?;
            (Ipv6Addr::UNSPECIFIED, 0).into()
        }
        _ => (Ipv4Addr::UNSPECIFIED, 0).into(),
    };
    // Less buffer is a worse link, not a reason to have none.
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    socket.bind(&any.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
