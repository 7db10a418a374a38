//! The ways in: bytes to the words of the protocol, and back.

pub mod client_address;
pub mod http;
pub mod media_ws;
pub mod screen;
pub mod sockets;
pub mod udp;
pub mod upgrade;
pub mod webrtc;
pub mod ws;
