//! HTTPS to a server with a pinned key: rooms, and whole files as streams.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use conclave_wire::{
    Refusal,
    http::{
        CreateRoom, JoinRoom, Joined, RoomCreated, RoomEnded, RoomLook, TemplateList,
        spelling::to_snake_case,
    },
};
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::dial::{DialError, Dialer, PROOF_HEADER};

/// Answers that are not files.
pub const JSON_BYTES_MAX: usize = 1024 * 1024;
/// The server has so long to begin its answer, counted from the last byte that was sent to it.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// The next piece of a body must come within this.
pub const PIECE_DEADLINE: Duration = Duration::from_secs(30);
/// Read of a connection before somebody wants it. It is lost when the program is.
const BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Connections kept for the next request.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// Answer to `GET /api/rooms/{slug}`; what only people in the room are told is left out.
#[derive(Deserialize)]
struct Looked {
    room: RoomLook,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The server said no; its sentence is for the person.
    #[error("{refusal}")]
    Refused { status: u16, refusal: Refusal },
    /// A status that means failure, without a refusal.
    #[error("The server answered with status {status}.")]
    Status { status: u16 },
    #[error("The connection to the server broke: {0}")]
    Broken(String),
    #[error("The server did not answer in time. Try again.")]
    Late,
    #[error("The server's answer is larger than it may be.")]
    TooLarge,
    #[error("The server's answer cannot be read.")]
    Unreadable,
}

impl HttpError {
    /// Whether the same request may go through later: nobody has said no to it.
    pub fn may_be_repeated(&self) -> bool {
        match self {
            HttpError::Dial(DialError::Unreachable { .. })
            | HttpError::Broken(_)
            | HttpError::Late => true,
            HttpError::Status { status } | HttpError::Refused { status, .. } => {
                matches!(status, 429 | 502..=504)
            }
            HttpError::Dial(_) | HttpError::TooLarge | HttpError::Unreadable => false,
        }
    }
}

/// What a request carries.
pub struct Upload {
    body: UnsyncBoxBody<Bytes, io::Error>,
}

impl Upload {
    pub fn empty() -> Upload {
        let body = Empty::new().map_err(|never| match never {});
        Upload {
            body: body.boxed_unsync(),
        }
    }

    pub fn bytes(bytes: impl Into<Bytes>) -> Upload {
        let body = Full::new(bytes.into()).map_err(|never| match never {});
        Upload {
            body: body.boxed_unsync(),
        }
    }

    /// Set `content-length` yourself when the length is known.
    pub fn stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Upload {
        let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)));
        Upload {
            body: body.boxed_unsync(),
        }
    }
}

/// A body that comes piece by piece, at the reader's own pace.
pub struct Download {
    body: Incoming,
    /// Given back when the body has been read.
    connection: Option<(Arc<Idle>, Sender)>,
}

impl Download {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`HttpError::Broken`] or [`HttpError::Late`].
    pub async fn next(&mut self) -> Option<Result<Bytes, HttpError>> {
        loop {
            let frame = match timeout(PIECE_DEADLINE, self.body.frame()).await {
                Err(_) => return Some(Err(HttpError::Late)),
                Ok(Some(Err(error))) => return Some(Err(HttpError::Broken(error.to_string()))),
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => {
                    if let Some((idle, sender)) = self.connection.take() {
                        idle.keep(sender);
                    }
                    return None;
                }
            };
            if let Ok(bytes) = frame.into_data()
                && !bytes.is_empty()
            {
                return Some(Ok(bytes));
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] as soon as it is more than `bytes_max`; else as for `next`.
    pub async fn whole(mut self, bytes_max: usize) -> Result<Bytes, HttpError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if whole.len() + piece.len() > bytes_max {
                return Err(HttpError::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

type Sender = SendRequest<UnsyncBoxBody<Bytes, io::Error>>;

#[derive(Default)]
struct Idle(Mutex<Vec<Sender>>);

impl Idle {
    fn take(&self) -> Option<Sender> {
        let mut senders = self.0.lock();
        senders.retain(|sender| !sender.is_closed());
        let ready = senders.iter().position(SendRequest::is_ready)?;
        Some(senders.swap_remove(ready))
    }

    fn keep(&self, sender: Sender) {
        let mut senders = self.0.lock();
        if senders.len() < IDLE_CONNECTIONS_MAX && !sender.is_closed() {
            senders.push(sender);
        }
    }
}

/// Requests to one server, over a few connections that are used again.
#[derive(Clone)]
pub struct HttpClient {
    dialer: Dialer,
    idle: Arc<Idle>,
}

impl HttpClient {
    pub fn new(dialer: Dialer) -> HttpClient {
        HttpClient {
            dialer,
            idle: Arc::default(),
        }
    }

    /// `POST /api/rooms`
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn create_room(&self, room: &CreateRoom) -> Result<RoomCreated, HttpError> {
        self.json(Method::POST, "/api/rooms", None, Some(room))
            .await
    }

    /// `GET /api/rooms/{slug}`
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn look(&self, slug: &str) -> Result<RoomLook, HttpError> {
        let path = format!("/api/rooms/{slug}");
        let looked: Looked = self.json(Method::GET, &path, None, None::<&()>).await?;
        Ok(looked.room)
    }

    /// `POST /api/rooms/{slug}/join`
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn join(&self, slug: &str, join: &JoinRoom) -> Result<Joined, HttpError> {
        let path = format!("/api/rooms/{slug}/join");
        self.json(Method::POST, &path, None, Some(join)).await
    }

    /// `DELETE /api/rooms/{slug}`, by a seat's token or the host's key.
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn end(&self, slug: &str, token: &str) -> Result<RoomEnded, HttpError> {
        let path = format!("/api/rooms/{slug}");
        self.json(Method::DELETE, &path, Some(token), None::<&()>)
            .await
    }

    /// `POST /api/rooms/{slug}/reopen`, by the host's key: for a room that has ended and is still kept.
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn reopen(&self, slug: &str, host_key: &str) -> Result<RoomCreated, HttpError> {
        let path = format!("/api/rooms/{slug}/reopen");
        self.json(Method::POST, &path, Some(host_key), None::<&()>)
            .await
    }

    /// `GET /api/templates`
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn templates(&self) -> Result<TemplateList, HttpError> {
        self.json(Method::GET, "/api/templates", None, None::<&()>)
            .await
    }

    /// A request with a body in JSON, and such an answer. `token` goes into `Authorization: Bearer`.
    ///
    /// # Errors
    /// [`HttpError`]
    pub async fn json<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&impl Serialize>,
    ) -> Result<A, HttpError> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Upload::bytes(serde_json::to_vec(body).map_err(|_| HttpError::Unreadable)?)
            }
            None => Upload::empty(),
        };
        let request = request.body(body).map_err(|_| HttpError::Unreadable)?;
        let response = success(self.send(request).await?).await?;
        let whole = response.into_body().whole(JSON_BYTES_MAX).await?;
        let answer = serde_json::from_slice(&whole).map_err(|_| HttpError::Unreadable)?;
        serde_json::from_value(to_snake_case(answer)).map_err(|_| HttpError::Unreadable)
    }

    /// Any request, its URI a path; the answer whatever its status, as soon as its head is there.
    ///
    /// # Errors
    /// [`HttpError::Dial`], [`HttpError::Broken`] or [`HttpError::Late`].
    pub async fn send(&self, request: Request<Upload>) -> Result<Response<Download>, HttpError> {
        let (mut head, upload) = request.into_parts();
        if !head.headers.contains_key(header::HOST) {
            let host = self
                .dialer
                .host()
                .parse()
                .map_err(|_| HttpError::Unreadable)?;
            head.headers.insert(header::HOST, host);
        }
        if let Some(proof) = self.dialer.proof() {
            let proof = proof.parse().map_err(|_| HttpError::Unreadable)?;
            head.headers.insert(PROOF_HEADER, proof);
        }
        let pieces = Arc::new(AtomicU64::new(0));
        let counted = pieces.clone();
        let body = upload.body.map_frame(move |frame| {
            counted.fetch_add(1, Ordering::Relaxed);
            frame
        });
        let mut request = Request::from_parts(head, body.boxed_unsync());
        let (response, sender) = loop {
            let (mut sender, kept) = match self.idle.take() {
                Some(sender) => (sender, true),
                None => (self.connect().await?, false),
            };
            match while_moving(sender.try_send_request(request), &pieces).await? {
                Ok(response) => break (response, sender),
                Err(mut error) => match error.take_message() {
                    // The server had closed a connection that was kept: nothing was sent on it.
                    Some(unsent) if kept => request = unsent,
                    _ => return Err(HttpError::Broken(error.into_error().to_string())),
                },
            }
        };
        let connection = (!is_last(&response)).then(|| (self.idle.clone(), sender));
        Ok(response.map(|body| Download { body, connection }))
    }

    async fn connect(&self) -> Result<Sender, HttpError> {
        let stream = TokioIo::new(self.dialer.dial().await?);
        let broken = |error: hyper::Error| HttpError::Broken(error.to_string());
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(stream)
            .await
            .map_err(broken)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "HTTP connection lost");
            }
        });
        Ok(sender)
    }
}

/// Whether the server closes the connection behind this answer: it may not have read all that was sent.
fn is_last<B>(response: &Response<B>) -> bool {
    let connection = response.headers().get(header::CONNECTION);
    connection.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// The answer itself when it is a success, else what it says.
///
/// # Errors
/// [`HttpError::Refused`] or [`HttpError::Status`], and what reading the body may bring.
pub async fn success(response: Response<Download>) -> Result<Response<Download>, HttpError> {
    let code = response.status();
    if code.is_success() {
        return Ok(response);
    }
    let status = code.as_u16();
    if code == StatusCode::NOT_MODIFIED {
        return Err(HttpError::Status { status });
    }
    let whole = response.into_body().whole(JSON_BYTES_MAX).await?;
    Err(match serde_json::from_slice(&whole) {
        Ok(refusal) => HttpError::Refused { status, refusal },
        Err(_) => HttpError::Status { status },
    })
}

/// Waits for an answer as long as the body moves, and [`ANSWER_DEADLINE`] beyond.
async fn while_moving<T>(
    answer: impl Future<Output = T>,
    pieces: &AtomicU64,
) -> Result<T, HttpError> {
    let mut answer = std::pin::pin!(answer);
    let mut before = pieces.load(Ordering::Relaxed);
    loop {
        match timeout(ANSWER_DEADLINE, answer.as_mut()).await {
            Ok(answer) => return Ok(answer),
            Err(_) => {
                let now = pieces.load(Ordering::Relaxed);
                if now == before {
                    return Err(HttpError::Late);
                }
                before = now;
            }
        }
    }
}
