//! The link's task: receives, carries out what the path asks for, reports, takes over new sessions.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use conclave_core::Moment;
use conclave_wire::{
    datagram::{Kind, Probe},
    limits::DATAGRAM_BYTES_MAX,
};
use parking_lot::Mutex;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    LinkConfig,
    measure::Measured,
    path::{Path, Step, Way},
    route::{Route, Target},
    sockets::{Receivers, Sockets},
    tunnel::{Tunnel, TunnelRefused},
};
use crate::media::keys::Incoming;

/// What still arrives of an older session is heard for so long; the server keeps it as long.
const OLD_SESSION_LIFE: Duration = Duration::from_secs(5);
/// A tunnel must open within this time.
const TUNNEL_OPEN_MAX: Duration = Duration::from_secs(5);
/// Longer than any datagram: what is cut off was none of ours.
const BUFFER_BYTES: usize = DATAGRAM_BYTES_MAX + 1;

mod take;

/// What the link's owner wants.
pub enum Order {
    Renew {
        incoming: Box<Incoming>,
        addresses: Vec<SocketAddr>,
    },
    Rebind,
    Close,
}

/// Where a datagram came from.
#[derive(Clone, Debug)]
enum From {
    Udp(SocketAddr),
    Tunnel,
}

pub struct LinkTask {
    config: LinkConfig,
    route: Arc<Route>,
    measured: Arc<Mutex<Measured>>,
    told: watch::Sender<Way>,
    incoming: Incoming,
    older: Option<(Incoming, Moment)>,
    addresses: Vec<SocketAddr>,
    /// The address that answered.
    remote: Option<SocketAddr>,
    path: Path,
    tunnel: Option<Tunnel>,
    opening: Option<JoinHandle<Result<Tunnel, TunnelRefused>>>,
}

impl LinkTask {
    pub fn new(
        config: LinkConfig,
        route: Arc<Route>,
        measured: Arc<Mutex<Measured>>,
        told: watch::Sender<Way>,
        incoming: Incoming,
        addresses: Vec<SocketAddr>,
    ) -> LinkTask {
        let path = Path::new(config.clock.now(), config.tunnel.is_some());
        LinkTask {
            config,
            route,
            measured,
            told,
            incoming,
            older: None,
            addresses,
            remote: None,
            path,
            tunnel: None,
            opening: None,
        }
    }

    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let Ok(mut receivers) = self.route.sockets().receivers() else {
            tracing::error!("the media sockets cannot be read; there will be no voice");
            return;
        };
        let (mut buffer_v4, mut buffer_v6) = ([0; BUFFER_BYTES], [0; BUFFER_BYTES]);
        loop {
            self.wake();
            let wakeup =
                tokio::time::Instant::from_std(self.config.clock.instant(self.next_wakeup()));
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Renew { incoming, addresses }) => self.renew(*incoming, addresses),
                    Some(Order::Rebind) => receivers = self.rebind().unwrap_or(receivers),
                    Some(Order::Close) | None => break,
                },
                came = receive(&receivers.v4, &mut buffer_v4) => {
                    self.take_burst(&receivers.v4, came, &mut buffer_v4);
                }
                came = receive(&receivers.v6, &mut buffer_v6) => {
                    self.take_burst(&receivers.v6, came, &mut buffer_v6);
                }
                came = through(&mut self.tunnel) => match came {
                    Some(datagram) => self.take(&mut Vec::from(datagram), From::Tunnel),
                    None => self.lose_tunnel(),
                },
                opened = opening(&mut self.opening) => self.opened(opened),
                () = self.route.stirred() => {}
                () = tokio::time::sleep_until(wakeup) => {}
            }
        }
        if let Some(opening) = self.opening.take() {
            opening.abort();
        }
    }

    fn renew(&mut self, incoming: Incoming, addresses: Vec<SocketAddr>) {
        let now = self.config.clock.now();
        let older = std::mem::replace(&mut self.incoming, incoming);
        self.older = Some((older, now + OLD_SESSION_LIFE));
        let same = self
            .remote
            .is_some_and(|remote| addresses.contains(&remote));
        self.addresses = addresses;
        let mut steps = Vec::new();
        self.path.renewed(now, same, &mut steps);
        self.carry_out(steps);
    }

    fn rebind(&mut self) -> Option<Receivers> {
        let sockets = Sockets::open(&self.addresses).ok()?;
        let receivers = sockets.receivers().ok()?;
        self.route.rebind(sockets);
        // The server learns the new address from the next datagram.
        self.carry_out(vec![Step::Probe]);
        Some(receivers)
    }

    fn opened(&mut self, opened: Result<Tunnel, TunnelRefused>) {
        self.opening = None;
        let mut steps = Vec::new();
        match opened {
            Ok(tunnel) => {
                self.tunnel = Some(tunnel);
                self.path.tunnel_opened(&mut steps);
            }
            Err(error) => {
                tracing::debug!(%error, "no tunnel for voice and camera");
                self.path.tunnel_lost(self.config.clock.now(), &mut steps);
            }
        }
        self.carry_out(steps);
    }

    fn lose_tunnel(&mut self) {
        self.tunnel = None;
        let mut steps = Vec::new();
        self.path.tunnel_lost(self.config.clock.now(), &mut steps);
        self.carry_out(steps);
    }

    /// Does what is due of the path, the reports and the re-requests.
    fn wake(&mut self) {
        let now = self.config.clock.now();
        if (self.path.is_quiet() || now >= self.path.ask_at()) && self.route.take_use() {
            self.path.used(now);
        }
        let mut steps = Vec::new();
        self.path.wake(now, &mut steps);
        self.carry_out(steps);
        if self.older.as_ref().is_some_and(|(_, until)| now >= *until) {
            self.older = None;
        }
        let mut measured = self.measured.lock();
        if measured.report_at().is_some_and(|due| now >= due) {
            let report = measured.report(now, &mut self.incoming);
            drop(measured);
            self.route.send(Kind::Report, |body| report.write(body));
        } else {
            drop(measured);
        }
        if self
            .config
            .inlet
            .next_wakeup()
            .is_some_and(|due| now >= due)
        {
            for request in self.config.inlet.missing(now) {
                self.route.send(Kind::ReRequest, |body| request.write(body));
            }
        }
    }

    fn next_wakeup(&self) -> Moment {
        let due = [
            Some(self.path.next_wakeup()),
            self.measured.lock().report_at(),
            self.config.inlet.next_wakeup(),
            self.older.as_ref().map(|(_, until)| *until),
        ];
        due.into_iter().flatten().min().unwrap_or_default()
    }

    fn carry_out(&mut self, steps: Vec<Step>) {
        for step in steps {
            let probe = Probe {
                sent_us: self.config.clock.now().0,
                room_clock_us: 0,
            };
            match step {
                Step::Hello => {
                    for address in &self.addresses {
                        let target = Target::Udp(*address);
                        self.route
                            .send_to(&target, Kind::Hello, |body| probe.write(body));
                    }
                }
                Step::Probe => {
                    self.route.send(Kind::Probe, |body| probe.write(body));
                }
                Step::OpenTunnel => self.open_tunnel(),
                Step::CloseTunnel => {
                    self.tunnel = None;
                    if let Some(opening) = self.opening.take() {
                        opening.abort();
                    }
                }
                Step::Use(way) => self.use_way(way),
            }
        }
    }

    fn open_tunnel(&mut self) {
        let Some(tunnel) = &self.config.tunnel else {
            return;
        };
        let open = tunnel.open();
        self.opening = Some(tokio::spawn(async move {
            let too_slow = |_| TunnelRefused("it took too long to open".into());
            tokio::time::timeout(TUNNEL_OPEN_MAX, open)
                .await
                .map_err(too_slow)?
        }));
    }

    fn use_way(&mut self, way: Way) {
        let target = match (way, self.remote, &self.tunnel) {
            (Way::Udp, Some(remote), _) => Target::Udp(remote),
            (Way::Tunnel, _, Some(tunnel)) => Target::Tunnel(tunnel.sender.clone()),
            (Way::Searching | Way::Udp | Way::Tunnel, _, _) => Target::Nowhere,
        };
        self.route.aim(target);
        self.measured.lock().take_way(way);
        tracing::info!(?way, "voice and camera take another way");
        self.told.send_replace(way);
    }
}

async fn receive(
    socket: &Option<UdpSocket>,
    buffer: &mut [u8],
) -> std::io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(buffer).await,
        None => std::future::pending().await,
    }
}

async fn through(tunnel: &mut Option<Tunnel>) -> Option<Bytes> {
    match tunnel {
        Some(tunnel) => tunnel.arrived.recv().await,
        None => std::future::pending().await,
    }
}

async fn opening(
    opening: &mut Option<JoinHandle<Result<Tunnel, TunnelRefused>>>,
) -> Result<Tunnel, TunnelRefused> {
    match opening {
        Some(opening) => opening
            .await
            .unwrap_or_else(|error| Err(TunnelRefused(error.to_string()))),
        None => std::future::pending().await,
    }
}
