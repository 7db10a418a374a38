//! A bad network between real sockets on loopback: delay, jitter, loss, duplication and reordering,
//! drawn from a seed, so that a story meets the same weather each time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

/// Datagrams under way at once; what comes beyond is lost, as in a router.
const QUEUE_DATAGRAMS_MAX: usize = 20_000;
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// What is carried at once over TCP.
const PIECE_BYTES_MAX: usize = 64 * 1_024;

/// What a network does to each datagram, in each direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub delay: Duration,
    /// Added to the delay, uniformly from nothing up to this; datagrams overtake each other by it.
    pub jitter: Duration,
    pub loss_permille: u32,
    pub duplicate_permille: u32,
    /// Nothing comes through at all.
    pub blocked: bool,
}

/// A UDP proxy with weather. Every client gets a socket of its own towards the server, so the server
/// sees as many addresses as there are.
pub struct UdpProxy {
    address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    weather: Arc<Mutex<Weather>>,
    rebind: mpsc::Sender<()>,
    counted: Arc<Mutex<Counted>>,
    task: JoinHandle<()>,
}

/// What the weather did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    pub passed: u64,
    pub lost: u64,
    pub duplicated: u64,
}

impl UdpProxy {
    /// # Errors
    /// When no port is free.
    pub async fn start(seed: u64, weather: Weather) -> io::Result<UdpProxy> {
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        let address = socket.local_addr()?;
        let (target, targets) = watch::channel(None);
        let (rebind, rebinds) = mpsc::channel(1);
        let weather = Arc::new(Mutex::new(weather));
        let counted = Arc::default();
        let proxy = Proxying {
            socket,
            targets,
            weather: weather.clone(),
            counted: Arc::clone(&counted),
            chance: StdRng::seed_from_u64(seed),
            ways: BTreeMap::new(),
            queue: BinaryHeap::new(),
            serial: 0,
        };
        let task = tokio::spawn(proxy.run(rebinds));
        Ok(UdpProxy {
            address,
            target,
            weather,
            rebind,
            counted,
            task,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn lead_to(&self, server: SocketAddr) {
        self.target.send_replace(Some(server));
    }

    pub fn set(&self, weather: Weather) {
        *self.weather.lock() = weather;
    }

    /// From now on the server sees every client at a new address.
    pub async fn move_clients(&self) {
        // The task only ends with the proxy.
        let _ = self.rebind.send(()).await;
    }

    pub fn counted(&self) -> Counted {
        *self.counted.lock()
    }
}

impl Drop for UdpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Proxying {
    socket: Arc<UdpSocket>,
    targets: watch::Receiver<Option<SocketAddr>>,
    weather: Arc<Mutex<Weather>>,
    counted: Arc<Mutex<Counted>>,
    chance: StdRng,
    /// The socket towards the server of each client.
    ways: BTreeMap<SocketAddr, Way>,
    queue: BinaryHeap<Reverse<(Instant, u64, Flight)>>,
    serial: u64,
}

struct Way {
    socket: Arc<UdpSocket>,
    reader: JoinHandle<()>,
}

impl Drop for Way {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Flight {
    Up {
        client: SocketAddr,
        datagram: Vec<u8>,
    },
    Down {
        client: SocketAddr,
        datagram: Vec<u8>,
    },
}

impl Proxying {
    async fn run(mut self, mut rebinds: mpsc::Receiver<()>) {
        let (down, mut coming_down) = mpsc::channel::<(SocketAddr, Vec<u8>)>(QUEUE_DATAGRAMS_MAX);
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let socket = self.socket.clone();
        loop {
            let due = self.queue.peek().map(|Reverse((at, _, _))| *at);
            let landing = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                got = socket.recv_from(&mut buffer) => if let Ok((length, client)) = got {
                    self.take_off(Flight::Up { client, datagram: buffer[..length].to_vec() });
                },
                Some((client, datagram)) = coming_down.recv() => self.take_off(Flight::Down { client, datagram }),
                Some(()) = rebinds.recv() => self.ways.clear(),
                () = landing => self.land(&down).await,
            }
        }
    }

    fn take_off(&mut self, flight: Flight) {
        let weather = *self.weather.lock();
        let mut counted = self.counted.lock();
        let lost = weather.blocked || self.chance.random_range(0..1_000) < weather.loss_permille;
        if lost || self.queue.len() >= QUEUE_DATAGRAMS_MAX {
            counted.lost += 1;
            return;
        }
        counted.passed += 1;
        let copies =
            1 + usize::from(self.chance.random_range(0..1_000) < weather.duplicate_permille);
        counted.duplicated += copies as u64 - 1;
        for _ in 0..copies {
            let jitter = weather.jitter.mul_f64(self.chance.random_range(0.0..1.0));
            self.serial += 1;
            self.queue.push(Reverse((
                Instant::now() + weather.delay + jitter,
                self.serial,
                flight.clone(),
            )));
        }
    }

    async fn land(&mut self, down: &mpsc::Sender<(SocketAddr, Vec<u8>)>) {
        let now = Instant::now();
        while self
            .queue
            .peek()
            .is_some_and(|Reverse((at, _, _))| *at <= now)
        {
            let Some(Reverse((_, _, flight))) = self.queue.pop() else {
                return;
            };
            // An error here is a datagram lost, which is what datagrams are.
            match flight {
                Flight::Up { client, datagram } => {
                    let Some(target) = *self.targets.borrow() else {
                        continue;
                    };
                    if let Some(socket) = self.way(client, down).await {
                        let _ = socket.send_to(&datagram, target).await;
                    }
                }
                Flight::Down { client, datagram } => {
                    let _ = self.socket.send_to(&datagram, client).await;
                }
            }
        }
    }

    async fn way(
        &mut self,
        client: SocketAddr,
        down: &mpsc::Sender<(SocketAddr, Vec<u8>)>,
    ) -> Option<Arc<UdpSocket>> {
        if let Some(way) = self.ways.get(&client) {
            return Some(way.socket.clone());
        }
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?);
        let (listening, down) = (socket.clone(), down.clone());
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
            while let Ok((length, _)) = listening.recv_from(&mut buffer).await {
                if down
                    .send((client, buffer[..length].to_vec()))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        });
        self.ways.insert(
            client,
            Way {
                socket: socket.clone(),
                reader,
            },
        );
        Some(socket)
    }
}

/// A TCP proxy whose connections can be cut, and which can refuse new ones for a while. It counts what it carries.
pub struct TcpProxy {
    address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    open: watch::Sender<bool>,
    cuts: watch::Sender<u64>,
    carried: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl TcpProxy {
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<TcpProxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (target, targets) = watch::channel(None);
        let (open, is_open) = watch::channel(true);
        let (cuts, cut) = watch::channel(0);
        let carried = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&carried);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Some(target) = *targets.borrow() else {
                    continue;
                };
                if *is_open.borrow() {
                    tokio::spawn(join(client, target, cut.clone(), Arc::clone(&counted)));
                }
            }
        });
        Ok(TcpProxy {
            address,
            target,
            open,
            cuts,
            carried,
            task,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn lead_to(&self, server: SocketAddr) {
        self.target.send_replace(Some(server));
    }

    /// Bytes of all connections so far, both ways, as they are on the wire but for headers of TCP.
    pub fn carried_bytes(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }

    /// Cuts every connection; new ones are taken again at once.
    pub fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    /// While closed, new connections are dropped at once.
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
        if !open {
            self.cut();
        }
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn join(
    mut client: TcpStream,
    target: SocketAddr,
    mut cut: watch::Receiver<u64>,
    carried: Arc<AtomicU64>,
) {
    cut.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::join!(
                carry(from_client, to_server, &carried),
                carry(from_server, to_client, &carried)
            )
        };
        tokio::select! {
            _ = both => {}
            _ = cut.changed() => {}
        }
    }
    let _ = client.shutdown().await;
    let _ = server.shutdown().await;
}

/// One direction, to its end.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    carried: &AtomicU64,
) {
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    // An error is the end, too: what is on the other side finds out.
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        carried.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let _ = socket.send_to(&buffer[..length], from).await;
            }
        });
        address
    }

    async fn round_trips(weather: Weather) -> (usize, Counted) {
        let proxy = UdpProxy::start(7, weather).await.unwrap();
        proxy.lead_to(echo().await);
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        for number in 0..200u8 {
            client.send_to(&[number], proxy.address()).await.unwrap();
        }
        let mut buffer = [0; 64];
        let mut back = 0;
        while tokio::time::timeout(Duration::from_millis(500), client.recv(&mut buffer))
            .await
            .is_ok()
        {
            back += 1;
        }
        (back, proxy.counted())
    }

    #[tokio::test]
    async fn fair_weather_loses_nothing() {
        let (back, counted) = round_trips(Weather::default()).await;
        assert_eq!((back, counted.lost, counted.passed), (200, 0, 400));
    }

    #[tokio::test]
    async fn a_storm_loses_and_doubles() {
        let weather = Weather {
            loss_permille: 300,
            duplicate_permille: 300,
            ..Weather::default()
        };
        let (_, counted) = round_trips(weather).await;
        assert!(counted.lost > 40 && counted.duplicated > 40, "{counted:?}");
    }
}
