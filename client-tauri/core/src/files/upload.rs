//! Sending a file, by tus 1.0.

use std::{path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use conclave_wire::RefusalCode;
use futures_util::{StreamExt, stream};
use hyper::{Method, Request, Response, header};
use tokio::sync::watch;

use super::{
    Desk, Shared, TransferError,
    journal::Note,
    source::{PIECE_BYTES, Source},
};
use crate::link::http::{Download, HttpError, Upload, success};

/// Sent before the server has said that it has what came before, which is what a failure can cost: 1 MiB.
const UNCONFIRMED_PIECES_MAX: usize = 1024 * 1024 / PIECE_BYTES;
/// The last piece goes by itself, with the hash of the whole, which is known only then.
const TAIL_BYTES: u64 = 64 * 1024;
/// How often a person sees the progress.
const SHOW_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn run(
    shared: Arc<Shared>,
    path: PathBuf,
    mut desk: Desk,
) -> Result<(), TransferError> {
    let size = tokio::fs::metadata(&path).await?.len();
    let note = Note::of(shared.journal.as_deref(), &shared.slug, &path)?;
    let mut sending = Sending {
        shared,
        path,
        size,
        note,
        location: None,
    };
    sending.location = sending.note.read();
    desk.stands(size, 0);
    loop {
        desk.unpaused().await?;
        match sending.go_on(&mut desk).await {
            Ok(true) => {
                sending.note.remove();
                return Ok(());
            }
            Ok(false) => {}
            Err(Fault::Final(error)) => {
                sending.note.remove();
                return Err(error);
            }
            Err(Fault::Http(error)) => sending.recover(error, &mut desk).await?,
        }
    }
}

struct Sending {
    shared: Arc<Shared>,
    path: PathBuf,
    size: u64,
    note: Note,
    location: Option<String>,
}

enum Fault {
    Http(HttpError),
    Final(TransferError),
}

impl From<HttpError> for Fault {
    fn from(error: HttpError) -> Fault {
        Fault::Http(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Fault {
        Fault::Final(TransferError::Disk(error))
    }
}

impl Sending {
    /// Sends what is left. False when it was paused on the way.
    async fn go_on(&mut self, desk: &mut Desk) -> Result<bool, Fault> {
        let (location, offset) = match self.location.clone() {
            Some(location) => {
                let offset = self.offset(&location).await?;
                (location, offset)
            }
            None => {
                let location = self.create().await?;
                (location, 0)
            }
        };
        if self.size == 0 {
            return Ok(true);
        }
        desk.moved(offset, 0);
        let path = self.path.clone();
        let opened = tokio::task::spawn_blocking(move || Source::open(&path, offset)).await;
        let source = opened.map_err(|_| Fault::Final(TransferError::Cancelled))??;
        let tail = self.size.saturating_sub(TAIL_BYTES).max(offset);
        let mut at = offset;
        // The next pieces are read and hashed while the server takes these.
        let mut ahead = source.read_ahead(tail);
        while at < tail {
            let pieces = ahead.take(UNCONFIRMED_PIECES_MAX).await;
            if pieces.is_empty() {
                break;
            }
            match self.append(&location, pieces, at, None, desk).await? {
                Some(sent) => at += sent,
                None => return Ok(false),
            }
        }
        let source = ahead.source().await?;
        // The hash of the whole needs the last piece, which is read twice.
        let path = self.path.clone();
        let hashed = tokio::task::spawn_blocking(move || source.sha256_with_rest(&path)).await;
        let (source, sha256) = hashed.map_err(|_| Fault::Final(TransferError::Cancelled))??;
        let mut ahead = source.read_ahead(self.size);
        let pieces = ahead.take(UNCONFIRMED_PIECES_MAX).await;
        ahead.source().await?;
        let sent = self
            .append(&location, pieces, tail, Some(&sha256), desk)
            .await?;
        Ok(sent.is_some())
    }

    async fn create(&mut self) -> Result<String, Fault> {
        let name = self
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/rooms/{}/files", self.shared.slug))
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", self.size)
            .header(
                "Upload-Metadata",
                format!("filename {}", BASE64_STANDARD.encode(name)),
            )
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.shared.seat_token),
            );
        let response = self.ask(request, Upload::empty()).await?;
        let location = text(&response, "location").ok_or(Fault::Final(TransferError::Protocol))?;
        self.note.write(&location);
        self.location = Some(location.clone());
        Ok(location)
    }

    async fn offset(&self, location: &str) -> Result<u64, Fault> {
        let request = Request::builder()
            .method(Method::HEAD)
            .uri(location)
            .header("Tus-Resumable", "1.0.0");
        let response = self.ask(request, Upload::empty()).await?;
        let offset = text(&response, "upload-offset").and_then(|offset| offset.parse().ok());
        offset
            .filter(|&offset| offset <= self.size)
            .ok_or(Fault::Final(TransferError::Protocol))
    }

    /// Sends pieces that begin at `offset`, and says how many bytes they were; `None` when it was paused on
    /// the way.
    async fn append(
        &self,
        location: &str,
        pieces: Vec<Bytes>,
        offset: u64,
        sha256: Option<&str>,
        desk: &mut Desk,
    ) -> Result<Option<u64>, Fault> {
        let bytes: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let (counter, counted) = watch::channel(0u64);
        let pieces = stream::iter(pieces).map(move |piece| {
            counter.send_modify(|sent| *sent += piece.len() as u64);
            Ok(piece)
        });
        let mut request = Request::builder()
            .method(Method::PATCH)
            .uri(location)
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Offset", offset)
            .header(header::CONTENT_TYPE, "application/offset+octet-stream")
            .header(header::CONTENT_LENGTH, bytes);
        if let Some(sha256) = sha256 {
            request = request.header("Conclave-Sha256", sha256);
        }
        let asking = self.ask(request, Upload::stream(pieces));
        let mut asking = std::pin::pin!(asking);
        let mut ticking = tokio::time::interval(SHOW_EVERY);
        let mut shown = 0;
        let answered = loop {
            tokio::select! {
                answered = &mut asking => break answered,
                _ = ticking.tick() => {
                    let sent = *counted.borrow();
                    desk.moved(offset + sent, sent - shown);
                    shown = sent;
                    if desk.is_paused() {
                        return Ok(None);
                    }
                }
            }
        };
        let sent = *counted.borrow();
        desk.moved(offset + sent, sent - shown);
        answered?;
        Ok(Some(bytes))
    }

    async fn ask(
        &self,
        request: hyper::http::request::Builder,
        body: Upload,
    ) -> Result<Response<Download>, Fault> {
        let request = request
            .body(body)
            .map_err(|_| Fault::Final(TransferError::Protocol))?;
        Ok(success(self.shared.http.send(request).await?).await?)
    }

    /// After a failure: what can be tried again is, from where the server says that it stands.
    async fn recover(&mut self, error: HttpError, desk: &mut Desk) -> Result<(), TransferError> {
        let refused = match &error {
            HttpError::Refused { refusal, .. } => Some(refusal.code),
            // The answer to a HEAD has no body that could say which refusal it was.
            HttpError::Status { status: 404 | 410 } => Some(RefusalCode::UploadGone),
            _ => None,
        };
        match refused {
            Some(RefusalCode::OffsetMismatch) => return Ok(()),
            // It expired, or the server has forgotten it: from the start.
            Some(RefusalCode::UploadGone) if self.location.is_some() => {
                self.location = None;
                self.note.remove();
                return Ok(());
            }
            Some(RefusalCode::ChecksumMismatch) => {
                self.note.remove();
                return Err(TransferError::Changed);
            }
            _ => {}
        }
        desk.retry(error).await
    }
}

fn text(response: &Response<Download>, name: &str) -> Option<String> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
}
