//! The link for a screen: a WebSocket of its own, so that pixels never stand before words.

use std::{future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use conclave_core::link::backoff::Backoff;
use conclave_wire::{
    Encoding, Refusal, RefusalCode, Welcome,
    screen::{ScreenHello, ScreenPurpose},
};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::{
    client::Client,
    link::{
        control::{OpenError, open_socket},
        dial::Dialer,
    },
};

/// One write; longer means that the server does not read.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// A link that is lost is opened again for so long. The seat is kept for 30 s.
const RETRY_FOR: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// What it takes to open links for the screen of a room.
#[derive(Clone)]
pub struct ScreenAccess {
    pub dialer: Dialer,
    pub slug: String,
    /// The newest welcome: its token opens the links.
    pub welcome: watch::Receiver<Arc<Welcome>>,
}

/// Why there is no link.
#[derive(Debug)]
pub(super) enum Ended {
    /// It may come back.
    Lost,
    /// It will not.
    Refused(Refusal),
}

pub(super) struct Outgoing(SplitSink<Socket, Message>);
pub(super) struct Incoming(SplitStream<Socket>);

impl ScreenAccess {
    /// To the screen of the room that a client is in.
    pub fn of(client: &Client) -> ScreenAccess {
        ScreenAccess {
            dialer: client.dialer().clone(),
            slug: client.state().borrow().slug.clone(),
            welcome: client.session().welcomes(),
        }
    }

    /// Opens a link and says what for. The answer to that is the first message, or a refusal.
    pub(super) async fn open(&self, purpose: ScreenPurpose) -> Result<(Outgoing, Incoming), Ended> {
        let socket = open_socket(&self.dialer, "/screen", None).await;
        let socket = socket.map_err(|error| match error {
            OpenError::Refused(refusal) => ended_by(refusal),
            OpenError::Dial(_) | OpenError::Protocol(_) | OpenError::Late => {
                tracing::debug!(%error, "no screen link");
                Ended::Lost
            }
        })?;
        let (sink, stream) = socket.split();
        let (mut outgoing, incoming) = (Outgoing(sink), Incoming(stream));
        let hello = ScreenHello {
            slug: self.slug.clone(),
            seat_token: self.welcome.borrow().seat_token.clone(),
            purpose,
        };
        let hello = String::from_utf8(Encoding::Json.encode(&hello)).map_err(|_| Ended::Lost)?;
        outgoing.write(Message::Text(hello.into())).await?;
        Ok((outgoing, incoming))
    }
}

impl Outgoing {
    pub(super) async fn send(&mut self, message: Bytes) -> Result<(), Ended> {
        self.write(Message::Binary(message)).await
    }

    pub(super) async fn close(&mut self) {
        // The other side may have gone already.
        let _ = timeout(WRITE_DEADLINE, self.0.close()).await;
    }

    async fn write(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(WRITE_DEADLINE, self.0.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended::Lost),
        }
    }
}

impl Incoming {
    /// The next message of the server. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Bytes, Ended> {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => Ok(bytes),
                Some(Ok(Message::Text(text))) => {
                    let refusal = Encoding::Json.decode(text.as_bytes());
                    Err(refusal.map_or(Ended::Lost, ended_by))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Ended::Lost),
            };
        }
    }
}

/// Waits before the next attempt to open a link.
#[derive(Default)]
pub(super) struct Retry {
    backoff: Backoff,
    since: Option<Instant>,
}

impl Retry {
    /// The link works: a loss after this is a new one.
    pub(super) fn succeeded(&mut self) {
        *self = Retry::default();
    }

    /// Waits a little longer each time; false when it has gone on for too long.
    pub(super) async fn wait(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= RETRY_FOR {
            return false;
        }
        sleep(self.backoff.next_wait(rand::random())).await;
        true
    }
}

/// The newest value of a watched one, once it changes; never when there will be no more.
pub(super) async fn changed<T: Copy>(watched: &mut watch::Receiver<T>) -> T {
    match watched.changed().await {
        Ok(()) => *watched.borrow_and_update(),
        Err(_) => pending().await,
    }
}

/// Whether trying again may help.
fn ended_by(refusal: Refusal) -> Ended {
    match refusal.code {
        // The seat is away for a moment, or the server has just begun or is about to end.
        RefusalCode::SeatUnknown
        | RefusalCode::Busy
        | RefusalCode::Timeout
        | RefusalCode::Stopping
        | RefusalCode::TooManyConnections => {
            tracing::debug!(code = ?refusal.code, "the screen link was closed");
            Ended::Lost
        }
        _ => Ended::Refused(refusal),
    }
}
