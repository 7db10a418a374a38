//! The way in for browsers whose network lets no UDP through: passive ICE-TCP (RFC 6544), each frame
//! behind its length (RFC 4571).

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};

use super::{
    directory::Directory,
    inlet::{GUEST_DATAGRAM_BYTES_MAX, Inlet},
};
use crate::media::{
    guests::{GuestPath, GuestStream},
    sessions::MediaSessions,
};

/// Connections at once, and of one address.
const CONNECTIONS_MAX: usize = 1_024;
const CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
/// Whoever has not named a guest by then is no browser.
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(5);
/// Browsers send checks at least every few seconds.
const FRAME_WITHIN: Duration = Duration::from_secs(30);
/// Frames that wait for one connection: 100 ms at 20 Mbit/s. More are lost, as datagrams would be.
const FRAMES_QUEUED_MAX: usize = 256;
/// A connection that takes nothing for so long is gone.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
/// After the system has had no descriptor left.
const ACCEPTED_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Takes connections until its runtime ends.
pub async fn serve(
    listener: std::net::TcpListener,
    directory: Arc<Directory>,
    sessions: MediaSessions,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let crowd = Arc::new(Crowd::default());
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "on the TCP port for media");
                sleep(ACCEPTED_AGAIN_AFTER).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let Some(guest) = Crowd::enter(&crowd, peer) else {
            continue;
        };
        let inlet = Inlet::new(directory.clone(), sessions.clone());
        tokio::spawn(async move {
            if let Err(error) = carry(stream, peer, inlet).await {
                tracing::debug!(%error, "a TCP connection for media has ended");
            }
            drop((place, guest));
        });
    }
}

/// How many connections each address has.
#[derive(Default)]
struct Crowd(parking_lot::Mutex<std::collections::HashMap<std::net::IpAddr, usize>>);

/// One of them.
struct Guest {
    crowd: Arc<Crowd>,
    address: std::net::IpAddr,
}

impl Crowd {
    fn enter(crowd: &Arc<Crowd>, peer: SocketAddr) -> Option<Guest> {
        let address = peer.ip().to_canonical();
        let mut counts = crowd.0.lock();
        let count = counts.entry(address).or_default();
        if *count >= CONNECTIONS_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Guest {
            crowd: crowd.clone(),
            address,
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

async fn carry(stream: TcpStream, peer: SocketAddr, inlet: Inlet) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let (frames, queued) = mpsc::channel(FRAMES_QUEUED_MAX);
    let path = GuestPath::Tcp(GuestStream { peer, frames });
    tokio::select! {
        read = read(reader, peer, path, inlet) => read,
        written = write(writer, queued) => written,
    }
}

async fn read(
    mut reader: OwnedReadHalf,
    peer: SocketAddr,
    path: GuestPath,
    mut inlet: Inlet,
) -> io::Result<()> {
    let mut within = FIRST_FRAME_WITHIN;
    loop {
        let frame = timeout(within, read_frame(&mut reader)).await??;
        if !inlet.frame(path.clone(), peer, frame) {
            return Err(io::Error::other("a frame of no guest"));
        }
        within = FRAME_WITHIN;
    }
}

async fn read_frame(reader: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let length = usize::from(reader.read_u16().await?);
    if length > GUEST_DATAGRAM_BYTES_MAX {
        return Err(io::Error::other("a frame that is too long"));
    }
    let mut frame = vec![0; length];
    reader.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn write(mut writer: OwnedWriteHalf, mut queued: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(datagram) = queued.recv().await {
        let Ok(length) = u16::try_from(datagram.len()) else {
            continue;
        };
        let mut frame = Vec::with_capacity(2 + datagram.len());
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&datagram);
        timeout(WRITTEN_WITHIN, writer.write_all(&frame)).await??;
    }
    Ok(())
}
