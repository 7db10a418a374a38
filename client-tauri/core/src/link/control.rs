//! The control link: a WebSocket over pinned TLS, words in and out.

use std::{io, time::Duration};

use bytes::Bytes;
use conclave_wire::{ClientMessage, Encoding, Refusal, RefusalCode, ServerMessage};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

use super::dial::{DialError, Dialer, PROOF_HEADER};

/// The upgrade, after TLS.
pub const UPGRADE_DEADLINE: Duration = Duration::from_secs(5);
/// One message from the server: a snapshot of a large room is the largest.
pub const SERVER_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Messages that wait to be written.
const OUTGOING_MESSAGES_MAX: usize = 512;
/// One write; longer means that the server does not read.
const WRITE_DEADLINE: Duration = Duration::from_secs(6);
/// For the last messages and the close frame.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The server answered the upgrade with a refusal.
    #[error(transparent)]
    Refused(Refusal),
    #[error("The server does not answer as a Conclave server does: {0}")]
    Protocol(String),
    #[error("The server did not answer in time. Try again.")]
    Late,
}

/// A link that is open.
pub struct ControlLink {
    encoding: Encoding,
    incoming: SplitStream<Socket>,
    outgoing: mpsc::Sender<ClientMessage>,
    writer: JoinHandle<()>,
}

/// The link is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkGone;

impl ControlLink {
    /// Connects and asks for an encoding.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(dialer: &Dialer, encoding: Encoding) -> Result<ControlLink, OpenError> {
        let socket = open_socket(dialer, "/ws", Some(encoding.subprotocol())).await?;
        let (sink, incoming) = socket.split();
        let (outgoing, orders) = mpsc::channel(OUTGOING_MESSAGES_MAX);
        Ok(ControlLink {
            encoding,
            incoming,
            outgoing,
            writer: tokio::spawn(write(sink, orders, encoding)),
        })
    }

    /// Puts a message behind those that wait to be written.
    ///
    /// # Errors
    /// When the link is gone, or so many wait that the server does not seem to read.
    pub fn send(&self, message: ClientMessage) -> Result<(), LinkGone> {
        self.outgoing.try_send(message).map_err(|_| LinkGone)
    }

    /// The next message of the server. May be dropped and called again.
    ///
    /// # Errors
    /// When the link is gone, or the server says what no server of this version says.
    pub async fn next(&mut self) -> Result<ServerMessage, LinkGone> {
        loop {
            let frame = self.incoming.next().await.ok_or(LinkGone)?;
            let bytes = match frame {
                Ok(Message::Binary(bytes)) => bytes,
                Ok(Message::Text(text)) => Bytes::from(text),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Close(_)) => return Err(LinkGone),
                Err(error) => {
                    tracing::debug!(%error, "control link lost");
                    return Err(LinkGone);
                }
            };
            return self.encoding.decode_trusted(&bytes).map_err(|error| {
                tracing::warn!(%error, "the server sent what cannot be read");
                LinkGone
            });
        }
    }

    /// Writes what still waits and closes.
    pub async fn close(self) {
        let ControlLink {
            outgoing,
            incoming,
            mut writer,
            ..
        } = self;
        drop(outgoing);
        if timeout(CLOSE_DEADLINE, &mut writer).await.is_err() {
            writer.abort();
        }
        drop(incoming);
    }

    /// Drops the connection as a broken cable does: nothing more is said.
    pub fn cut(self) {
        self.writer.abort();
    }
}

/// A WebSocket on any of the server's paths, over pinned TLS.
///
/// # Errors
/// [`OpenError`]
pub async fn open_socket(
    dialer: &Dialer,
    path: &str,
    subprotocol: Option<&'static str>,
) -> Result<Socket, OpenError> {
    let stream = dialer.dial().await?;
    let url = format!("wss://{}{path}", dialer.host());
    let mut request = url
        .into_client_request()
        .map_err(|error| OpenError::Protocol(error.to_string()))?;
    if let Some(name) = subprotocol {
        let value = HeaderValue::from_static(name);
        request
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_PROTOCOL, value);
    }
    if let Some(proof) = dialer.proof() {
        let value = HeaderValue::from_str(proof);
        let value = value.map_err(|error| OpenError::Protocol(error.to_string()))?;
        request.headers_mut().insert(PROOF_HEADER, value);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(SERVER_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(SERVER_MESSAGE_BYTES_MAX));
    let upgrading = client_async_with_config(request, stream, Some(config));
    match timeout(UPGRADE_DEADLINE, upgrading).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => {
            let refusal = response.body().as_ref();
            let refusal = refusal.and_then(|body| serde_json::from_slice(body).ok());
            Err(OpenError::Refused(refusal.unwrap_or_else(|| {
                tracing::debug!(status = %response.status(), "upgrade refused without a code");
                RefusalCode::Busy.into()
            })))
        }
        Ok(Err(error)) => Err(OpenError::Protocol(error.to_string())),
        Err(_) => Err(OpenError::Late),
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut orders: mpsc::Receiver<ClientMessage>,
    encoding: Encoding,
) {
    while let Some(message) = orders.recv().await {
        let bytes = encoding.encode(&message);
        let frame = match encoding {
            Encoding::MessagePack => Message::Binary(bytes.into()),
            Encoding::Json => match String::from_utf8(bytes) {
                Ok(text) => Message::Text(text.into()),
                Err(_) => return,
            },
        };
        let written = timeout(WRITE_DEADLINE, sink.send(frame)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
    let deadline = Instant::now() + CLOSE_DEADLINE;
    let closed: Result<Result<(), tungstenite::Error>, _> =
        timeout_at(deadline, sink.close()).await;
    if let Ok(Err(error)) = closed {
        let error = io::Error::other(error);
        tracing::trace!(%error, "the other side had closed already");
    }
}
