//! The socket: buffers, dual stack, segmentation offload, and the address that replies leave from.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
};

use quinn_udp::{Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::BindError;
use crate::media::sessions::UdpPath;

/// Asked of the kernel for what has come and is not read yet: 60 ms of 1 Gbit/s. The default (208 KiB)
/// overflows in a burst of camera frames, and voice is lost with them.
pub const RECEIVE_BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// For what is to be sent: a frame to each of many viewers.
pub const SEND_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// One send with segmentation is one IP packet to the kernel: at most 65,535 bytes with its headers.
const TRAIN_BYTES_MAX: usize = 65_000;

/// The media port. Sending is possible from several threads.
#[derive(Debug)]
pub struct MediaSocket {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl MediaSocket {
    pub fn bind(address: SocketAddr) -> Result<MediaSocket, BindError> {
        let socket = open(address).map_err(|error| refusal(error, address))?;
        MediaSocket::of(UdpSocket::from(socket))
    }

    /// A socket that is bound already.
    pub fn adopt(socket: UdpSocket) -> Result<MediaSocket, BindError> {
        let socket = Socket::from(socket);
        enlarge_buffers(&socket);
        MediaSocket::of(UdpSocket::from(socket))
    }

    fn of(socket: UdpSocket) -> Result<MediaSocket, BindError> {
        let state = UdpSocketState::new((&socket).into()).map_err(BindError::Other)?;
        Ok(MediaSocket { socket, state })
    }

    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Another handle of the same socket, for waiting.
    pub fn socket(&self) -> io::Result<UdpSocket> {
        self.socket.try_clone()
    }

    pub fn state(&self) -> &UdpSocketState {
        &self.state
    }

    /// How many datagrams of `bytes` one send may carry.
    pub fn segments_max(&self, bytes: usize) -> usize {
        let fitting = TRAIN_BYTES_MAX / bytes.max(1);
        self.state.max_gso_segments().min(fitting).max(1)
    }

    /// Sends one datagram, or several of `segment` bytes of which the last may be shorter.
    ///
    /// # Errors
    /// `WouldBlock` when the send buffer is full; others as the system says. Nothing was sent then.
    pub fn send(&self, to: UdpPath, contents: &[u8], segment: Option<usize>) -> io::Result<()> {
        let transmit = Transmit {
            destination: to.peer,
            ecn: None,
            contents,
            segment_size: segment,
            src_ip: to.local,
        };
        self.state.try_send((&self.socket).into(), &transmit)
    }
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let any_ipv6 = address.ip() == IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
    match open_one(address, any_ipv6) {
        // A machine without IPv6.
        Err(error) if any_ipv6 && error.kind() != io::ErrorKind::AddrInUse => {
            tracing::info!(%error, "no IPv6 here, listening on IPv4 alone");
            open_one(
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())),
                false,
            )
        }
        opened => opened,
    }
}

fn open_one(address: SocketAddr, dual_stack: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if dual_stack {
        socket.set_only_v6(false)?;
    }
    enlarge_buffers(&socket);
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The kernel gives less where its limits are lower; that is a matter for the operator.
fn enlarge_buffers(socket: &Socket) {
    let asked = socket
        .set_recv_buffer_size(RECEIVE_BUFFER_BYTES)
        .and_then(|()| socket.set_send_buffer_size(SEND_BUFFER_BYTES));
    let given = (socket.recv_buffer_size(), socket.send_buffer_size());
    let (Ok(()), (Ok(receive_bytes), Ok(send_bytes))) = (asked, given) else {
        tracing::warn!("the buffers of the UDP port could not be enlarged");
        return;
    };
    tracing::info!(receive_bytes, send_bytes, "UDP buffers");
    if receive_bytes < RECEIVE_BUFFER_BYTES {
        tracing::warn!(
            receive_bytes,
            asked_bytes = RECEIVE_BUFFER_BYTES,
            "the system allows a smaller UDP buffer than asked for; raise net.core.rmem_max"
        );
    }
}

fn refusal(error: io::Error, address: SocketAddr) -> BindError {
    match error.kind() {
        io::ErrorKind::AddrInUse => BindError::PortTaken(address.port()),
        io::ErrorKind::PermissionDenied => BindError::NotAllowed(address.port()),
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress(address),
        _ => BindError::Other(error),
    }
}
