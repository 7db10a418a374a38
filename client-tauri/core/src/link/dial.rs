//! Connections to a server that may be reached at several addresses.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use socket2::SockRef;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    invite::{Address, Fingerprint, Invite},
    tls::{self, TlsFailure},
};

/// Name lookup, TCP and TLS together.
pub const DIAL_DEADLINE: Duration = Duration::from_secs(5);
/// Between the beginnings of attempts, so that a server whose first address answers makes one handshake
/// and not one for each (RFC 8305 section 5, its least Connection Attempt Delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(100);
/// What has come and was not read is fetched again after a crash, so the system's own choice of several
/// MiB is too much. 192 KiB fill 1 Gbit/s up to a round trip of 1.5 ms, and 300 Mbit/s up to 5 ms.
const RECEIVE_BUFFER_BYTES: usize = 192 * 1024;
/// Numbers that are tried for one name.
const NUMBERS_PER_NAME_MAX: usize = 8;

/// With this every request shows that it is no stranger's.
pub const PROOF_HEADER: &str = "conclave-invite";

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Somebody answers at that address, but it is not the server of the link.
    #[error(
        "The server at {address} has another key than the link says: it may be a different server, or \
         somebody between you and it. Nothing was sent. Ask for a new link from somebody you trust."
    )]
    OtherKey { address: Address },
    #[error("The connection to {address} is not secure: {source}")]
    Insecure { address: Address, source: io::Error },
    #[error("The server at {address} cannot be reached: {source}")]
    Unreachable { address: Address, source: io::Error },
    #[error("This machine cannot make secure connections: {0}")]
    Cryptography(#[from] rustls::Error),
}

impl DialError {
    /// What to show when every address has failed: the failure that says most comes last.
    fn weight(&self) -> u8 {
        match self {
            DialError::Unreachable { .. } => 0,
            DialError::Cryptography(_) => 1,
            DialError::Insecure { .. } => 2,
            DialError::OtherKey { .. } => 3,
        }
    }
}

/// Opens connections to one server.
#[derive(Clone)]
pub struct Dialer {
    addresses: Arc<[Address]>,
    fingerprint: Fingerprint,
    proof: Option<Arc<str>>,
    connector: TlsConnector,
    /// Which address answered last: it is the first to be tried again.
    answered: Arc<AtomicUsize>,
}

impl Dialer {
    /// # Errors
    /// [`DialError::Cryptography`] only.
    pub fn new(invite: &Invite) -> Result<Dialer, DialError> {
        let config = tls::pinned(invite.fingerprint)?;
        Ok(Dialer {
            addresses: invite.addresses.as_slice().into(),
            fingerprint: invite.fingerprint,
            proof: invite.proof.as_deref().map(Arc::from),
            connector: TlsConnector::from(config),
            answered: Arc::default(),
        })
    }

    /// The key that the server must have.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What proves that one has the room's link, for [`PROOF_HEADER`].
    pub fn proof(&self) -> Option<&str> {
        self.proof.as_deref()
    }

    /// The first address, for the `Host` header.
    pub fn host(&self) -> String {
        self.addresses
            .first()
            .map(Address::to_string)
            .unwrap_or_default()
    }

    /// Tries all addresses in parallel, each a little later than the one before, and takes the first that
    /// has the right key. The others are dropped.
    ///
    /// # Errors
    /// When none does: what is most worth knowing of their failures.
    pub async fn dial(&self) -> Result<TlsStream<TcpStream>, DialError> {
        let first = self.answered.load(Ordering::Relaxed);
        let count = self.addresses.len();
        let mut attempts: FuturesUnordered<_> = (0..count)
            .map(|turn| (turn, (first + turn) % count))
            .map(|(turn, index)| async move {
                sleep(ATTEMPT_DELAY * u32::try_from(turn).unwrap_or(u32::MAX)).await;
                (index, self.attempt(&self.addresses[index]).await)
            })
            .collect();
        let mut worst: Option<DialError> = None;
        while let Some((index, attempt)) = attempts.next().await {
            match attempt {
                Ok(stream) => {
                    self.answered.store(index, Ordering::Relaxed);
                    return Ok(stream);
                }
                Err(error) => {
                    tracing::debug!(%error, "an address did not answer");
                    if worst
                        .as_ref()
                        .is_none_or(|worst| worst.weight() < error.weight())
                    {
                        worst = Some(error);
                    }
                }
            }
        }
        Err(worst.unwrap_or_else(|| DialError::Unreachable {
            address: Address {
                host: String::new(),
                port: 0,
            },
            source: io::ErrorKind::AddrNotAvailable.into(),
        }))
    }

    async fn attempt(&self, address: &Address) -> Result<TlsStream<TcpStream>, DialError> {
        let unreachable = |source| DialError::Unreachable {
            address: address.clone(),
            source,
        };
        let dialled = timeout(DIAL_DEADLINE, async {
            let stream = self.connect(address).await.map_err(unreachable)?;
            let secured = self.connector.connect(tls::server_name(), stream).await;
            secured.map_err(|source| {
                let address = address.clone();
                match tls::failure(&source) {
                    TlsFailure::AnotherKey => DialError::OtherKey { address },
                    TlsFailure::Insecure => DialError::Insecure { address, source },
                    // It went away during the handshake, as a server does that is stopped.
                    TlsFailure::None => DialError::Unreachable { address, source },
                }
            })
        });
        let late = |_| unreachable(io::ErrorKind::TimedOut.into());
        dialled.await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    /// The first number of a name that answers.
    async fn connect(&self, address: &Address) -> io::Result<TcpStream> {
        let numbers = lookup_host((address.host.as_str(), address.port)).await?;
        let mut attempts: FuturesUnordered<_> = numbers
            .take(NUMBERS_PER_NAME_MAX)
            .map(TcpStream::connect)
            .collect();
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Ok(stream) => {
                    // Small messages must not wait for one another's acknowledgement.
                    stream.set_nodelay(true)?;
                    SockRef::from(&stream).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
