//! The listening TCP sockets, and sockets that somebody else has opened for us.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};

use super::StartError;

/// Connections that the system keeps until they are accepted: a full room coming back at once.
const BACKLOG: i32 = 1_024;

/// Sockets that were open before the program started. What is absent is opened by the server.
#[derive(Debug, Default)]
pub struct GivenSockets {
    pub tcp: Option<TcpListener>,
    /// For the operator's pages.
    pub admin: Option<TcpListener>,
    pub udp: Option<UdpSocket>,
}

impl GivenSockets {
    /// Those of systemd's socket activation (sd_listen_fds(3)): the first TCP listener is for everybody, a
    /// second one for the operator's pages, the first UDP socket for media. Others are left alone.
    pub fn from_environment() -> GivenSockets {
        let mut open = ListenFd::from_env();
        let mut given = GivenSockets::default();
        for place in 0..open.len() {
            // An error says that it is a socket of another kind.
            if let Ok(Some(listener)) = open.take_tcp_listener(place) {
                match given.tcp {
                    None => given.tcp = Some(listener),
                    Some(_) => given.admin = given.admin.or(Some(listener)),
                }
            } else if let Ok(Some(socket)) = open.take_udp_socket(place) {
                given.udp = given.udp.or(Some(socket));
            }
        }
        given
    }
}

/// Listens on `bind`; `::` takes IPv4 too, and is `0.0.0.0` where the system has no IPv6.
pub(super) fn listen(
    bind: IpAddr,
    port: u16,
    flag: &'static str,
) -> Result<TcpListener, StartError> {
    let listener = open(bind, port).or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => Err(error),
        _ if bind.is_ipv6() && bind.is_unspecified() => open(Ipv4Addr::UNSPECIFIED.into(), port),
        _ => Err(error),
    });
    listener.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { port, flag },
        io::ErrorKind::PermissionDenied => StartError::PortForbidden { port, flag },
        _ => StartError::Listen {
            address: SocketAddr::new(bind, port).to_string(),
            source,
        },
    })
}

fn open(bind: IpAddr, port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::new(bind, port);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if bind.is_ipv6() {
        socket.set_only_v6(!bind.is_unspecified())?;
    }
    // So that a server that was stopped can start again while old connections fade away.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
