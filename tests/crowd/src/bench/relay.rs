//! A TCP relay that counts what really crosses the network, also from a process that is killed.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const PIECE_BYTES: usize = 16 * 1024;
/// A cable holds nothing; the buffers here are as small as the system allows without slowing it down.
const BUFFER_BYTES: usize = 32 * 1024;

/// Stands between client and server. Dropping it ends it.
pub struct Relay {
    pub port: u16,
    counted: Arc<Counted>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counted {
    up: AtomicU64,
    down: AtomicU64,
}

impl Relay {
    pub async fn start(server_port: u16) -> io::Result<Relay> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let counted = Arc::new(Counted::default());
        let counting = counted.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server_port, counting.clone()));
            }
        });
        Ok(Relay {
            port,
            counted,
            accepting,
        })
    }

    /// Bytes to the server and from it, TLS and all.
    pub fn bytes(&self) -> (u64, u64) {
        let counted = &self.counted;
        (
            counted.up.load(Ordering::Relaxed),
            counted.down.load(Ordering::Relaxed),
        )
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_on(client: TcpStream, server_port: u16, counted: Arc<Counted>) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server_port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    for side in [&client, &server] {
        let socket = SockRef::from(side);
        socket.set_recv_buffer_size(BUFFER_BYTES)?;
        socket.set_send_buffer_size(BUFFER_BYTES)?;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = copy(&mut from_client, &mut to_server, &counted.up);
    let down = copy(&mut from_server, &mut to_client, &counted.down);
    // When one side has gone the other is of no use.
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}

async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    count: &AtomicU64,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let bytes = from.read(&mut piece).await?;
        if bytes == 0 {
            return Ok(());
        }
        count.fetch_add(bytes as u64, Ordering::Relaxed);
        to.write_all(&piece[..bytes]).await?;
    }
}
