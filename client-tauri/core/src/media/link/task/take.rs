//! What is done with each datagram that arrives.

use std::net::SocketAddr;

use conclave_core::Moment;
use conclave_wire::{
    datagram::{self, Fragment, Header, Kind, Probe, ReRequest, Voice},
    limits::DATAGRAM_BYTES_MAX,
};
use tokio::net::UdpSocket;

use super::{BUFFER_BYTES, From, LinkTask};
use crate::media::link::{path::Way, route::Target};

/// Datagrams taken from one socket before anything else gets its turn.
const BURST_MAX: usize = 64;

impl LinkTask {
    pub(super) fn take_burst(
        &mut self,
        socket: &Option<UdpSocket>,
        came: std::io::Result<(usize, SocketAddr)>,
        buffer: &mut [u8; BUFFER_BYTES],
    ) {
        let (Some(socket), Ok((len, from))) = (socket, came) else {
            return;
        };
        self.take(&mut buffer[..len], From::Udp(from));
        for _ in 1..BURST_MAX {
            let Ok((len, from)) = socket.try_recv_from(buffer) else {
                break;
            };
            self.take(&mut buffer[..len], From::Udp(from));
        }
    }

    pub(super) fn take(&mut self, datagram: &mut [u8], from: From) {
        let now = self.config.clock.now();
        let bytes = datagram.len();
        let header = Header::parse(datagram).filter(|_| bytes <= DATAGRAM_BYTES_MAX);
        let current = header.is_some_and(|header| header.session == self.incoming.session);
        let body = match &header {
            Some(header) if current => self.incoming.open(header, datagram),
            Some(header) => self
                .older
                .as_mut()
                .filter(|(older, until)| older.session == header.session && now < *until)
                .and_then(|(older, _)| older.open(header, datagram)),
            None => None,
        };
        let (Some(header), Some(body)) = (header, body) else {
            self.measured.lock().refused();
            return;
        };
        self.measured.lock().received(bytes);
        if matches!(header.kind, Kind::Voice | Kind::Camera) {
            self.path.used(now);
        }
        let body: &[u8] = body;
        match header.kind {
            Kind::Voice => {
                if let Some(voice) = Voice::parse(body) {
                    let mut measured = self.measured.lock();
                    measured.voice(now, voice.media_time, voice.spurt_start);
                    drop(measured);
                    self.config.inlet.voice(now, header.number, &voice);
                }
            }
            Kind::Camera => {
                if let Some(fragment) = Fragment::parse(body) {
                    let (source, captured_ms) = (fragment.source, fragment.captured_ms);
                    self.measured.lock().camera(now, source, captured_ms, bytes);
                    self.config.inlet.fragment(now, &fragment);
                }
            }
            Kind::ReRequest => {
                if let Some(request) = ReRequest::parse(body) {
                    self.config.inlet.re_request(now, &request);
                }
            }
            Kind::Echo => {
                if let Some(probe) = Probe::parse(body) {
                    self.echoed(now, &probe, from, current);
                }
            }
            Kind::Challenge => {
                if let Some(nonce) = datagram::parse_nonce(body) {
                    let target = self.back_to(&from);
                    let write = |body: &mut Vec<u8>| datagram::write_nonce(nonce, body);
                    self.route.send_to(&target, Kind::Response, write);
                }
            }
            // These go up only.
            Kind::Hello | Kind::Report | Kind::Probe | Kind::Response => {}
        }
    }

    fn echoed(&mut self, now: Moment, probe: &Probe, from: From, current: bool) {
        self.measured.lock().echoed(now, probe);
        let From::Udp(address) = from else {
            return;
        };
        if !current {
            return;
        }
        let mut steps = Vec::new();
        // The first answer wins; another address only after that one fell silent.
        if self.path.way() != Way::Udp || self.remote.is_none() {
            self.remote = Some(address);
        }
        if self.remote == Some(address) {
            self.path.echoed(now, &mut steps);
        }
        self.carry_out(steps);
    }

    fn back_to(&self, from: &From) -> Target {
        match (from, &self.tunnel) {
            (From::Udp(address), _) => Target::Udp(*address),
            (From::Tunnel, Some(tunnel)) => Target::Tunnel(tunnel.sender.clone()),
            (From::Tunnel, None) => Target::Nowhere,
        }
    }
}
