//! The listening TCP sockets.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::StartError;

/// Connections that the system keeps until they are accepted: a full room coming back at once.
const BACKLOG: i32 = 1_024;

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
