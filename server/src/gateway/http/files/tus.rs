//! Uploads, by tus 1.0.0 (<https://tus.io/protocols/resumable-upload>).

use std::{sync::Arc, time::Duration};

use actix::{Actor, Addr};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use conclave_core::transfer::file_name;
use conclave_wire::{Refusal, RefusalCode};
use futures_util::{StreamExt, future::BoxFuture};

use super::seat_token;
use crate::{
    actors::{
        file_upload::{
            AbandonUpload, Append, DescribeUpload, FileUploadActor, Standing, UploadRoom,
            disk_refusal,
        },
        lobby::FindRoom,
        room::{AuthenticateSeat, ReleaseFile, ReserveFile, RoomActor},
    },
    clock,
    files::{Partial, Ticket, UploadId, discard},
    gateway::http::{ask, problem::refused_as, refused},
    server::AppState,
};

const VERSION: &str = "1.0.0";
/// Handed to the disk at once: so much waits for the disk while as much comes in, and a crash loses both.
const PIECE_BYTES: usize = 256 * 1024;
/// A body with a checksum is kept in memory until it has been checked.
const CHECKED_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Read and thrown away of a body that is refused, before the connection is closed instead.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A sender that pauses for so long waits for the answer.
const DISCARD_QUIET: Duration = Duration::from_millis(500);
/// A sender that does not pause waits no longer than so.
const DISCARD_DEADLINE: Duration = Duration::from_secs(10);
/// `Upload-Metadata`, before it is decoded.
const METADATA_BYTES_MAX: usize = 4 * 1024;
/// A sender that sends nothing for so long is cut off; it goes on from where it stood.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// `OPTIONS`: what this server can do.
pub async fn describe(state: web::Data<Arc<AppState>>) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header(("Tus-Resumable", VERSION))
        .insert_header(("Tus-Version", VERSION))
        .insert_header(("Tus-Extension", "creation,checksum,expiration,termination"))
        .insert_header(("Tus-Checksum-Algorithm", "sha256"))
        .insert_header((
            "Tus-Max-Size",
            state.uploads.limits().file_bytes_max.to_string(),
        ))
        .finish()
}

/// `POST /api/rooms/{slug}/files`: begins an upload.
pub async fn create(
    request: HttpRequest,
    slug: web::Path<String>,
    state: web::Data<Arc<AppState>>,
) -> HttpResponse {
    answer(async {
        let size_bytes = number(&request, "Upload-Length")?;
        let metadata = Metadata::parse(&request)?;
        let name = file_name(&metadata.name)?;
        let room = state.lobby.send(FindRoom { slug: slug.clone() });
        let room = ask(room).await??;
        let pass = ask(room.send(AuthenticateSeat {
            token: seat_token(&request)?,
        }))
        .await??;
        let ticket = Ticket {
            slug: slug.into_inner(),
            owner: pass.id,
            name,
            size_bytes,
            sha256: metadata.sha256,
        };
        let id = UploadId::draw();
        let reserve = ReserveFile {
            owner: ticket.owner,
            size_bytes,
            name: ticket.name.clone(),
        };
        state.uploads.admit(&id, &ticket)?;
        let begun = match ask(room.send(reserve)).await {
            Ok(Ok(())) => begin(&state, &id, ticket.clone()).await,
            Ok(Err(refusal)) | Err(refusal) => {
                state.uploads.close(&id);
                return Err(refusal);
            }
        };
        let partial = begun.inspect_err(|_| {
            state.uploads.close(&id);
            let release = ReleaseFile {
                owner: ticket.owner,
                size_bytes,
            };
            if room.try_send(release).is_err() {
                tracing::debug!("the room of a refused upload is gone or busy");
            }
        })?;
        let upload = start(&state, &id, ticket, partial, room).await?;
        let mut standing = ask(upload.send(DescribeUpload)).await?;
        if size_bytes == 0 {
            standing = ask(upload.send(Append {
                offset: 0,
                pieces: Vec::new(),
                sha256: None,
            }))
            .await??;
        }
        let location = format!("/api/uploads/{}", id.as_str());
        Ok(standing_response(StatusCode::CREATED, &standing)
            .insert_header(("Location", location))
            .finish())
    })
    .await
}

/// `HEAD /api/uploads/{id}`: where to go on.
pub async fn stand(id: web::Path<String>, state: web::Data<Arc<AppState>>) -> HttpResponse {
    answer(async {
        let upload = find(&state, &id).await?;
        let standing = ask(upload.send(DescribeUpload)).await?;
        let mut response = standing_response(StatusCode::OK, &standing);
        Ok(response
            .insert_header(("Cache-Control", "no-store"))
            .insert_header(("Upload-Length", standing.size_bytes.to_string()))
            .finish())
    })
    .await
}

/// `PATCH /api/uploads/{id}`: bytes that begin at `Upload-Offset`.
pub async fn append(
    request: HttpRequest,
    id: web::Path<String>,
    mut body: web::Payload,
    state: web::Data<Arc<AppState>>,
) -> HttpResponse {
    let taken = take(&request, &id, &mut body, &state).await;
    if taken.is_err() {
        discard_rest(&mut body).await;
    }
    answer(async { taken }).await
}

async fn take(
    request: &HttpRequest,
    id: &str,
    body: &mut web::Payload,
    state: &AppState,
) -> Result<HttpResponse, Refusal> {
    version(request)?;
    if header(request, "Content-Type") != Some("application/offset+octet-stream") {
        return Err(RefusalCode::Malformed.into());
    }
    let offset = number(request, "Upload-Offset")?;
    let upload = find(state, id).await?;
    let before = ask(upload.send(DescribeUpload)).await?;
    if offset != before.offset {
        return Err(RefusalCode::OffsetMismatch.into());
    }
    let left = before.size_bytes - before.offset;
    let announced = number(request, "Content-Length").unwrap_or(0);
    if announced > left {
        return Err(RefusalCode::FileTooLarge.into());
    }
    let disk = state.uploads.clone();
    let fits = actix_web::rt::task::spawn_blocking(move || disk.disk_has(announced)).await;
    if !matches!(fits, Ok(true)) {
        return Err(RefusalCode::DiskFull.into());
    }
    let sha256 = header(request, "Conclave-Sha256")
        .map(whole_hash)
        .transpose()?;
    let standing = match checksum(request)? {
        Some(expected) => append_checked(&upload, offset, body, &expected, sha256).await?,
        None => append_stream(&upload, before, body, sha256).await?,
    };
    Ok(standing_response(StatusCode::NO_CONTENT, &standing).finish())
}

/// Reads on for a while when an upload is refused: an answer to a body that nobody reads may never reach
/// its sender (RFC 9112 section 9.6).
async fn discard_rest(body: &mut web::Payload) {
    let discarded = async {
        let mut left = DISCARDED_BYTES_MAX;
        while let Ok(Some(Ok(piece))) =
            actix_web::rt::time::timeout(DISCARD_QUIET, body.next()).await
        {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whether it was all or not: the answer goes out now.
    actix_web::rt::time::timeout(DISCARD_DEADLINE, discarded)
        .await
        .ok();
}

/// `DELETE /api/uploads/{id}`: the sender has given up.
pub async fn terminate(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<Arc<AppState>>,
) -> HttpResponse {
    answer(async {
        version(&request)?;
        let upload = find(&state, &id).await?;
        ask(upload.send(AbandonUpload)).await?;
        Ok(HttpResponse::NoContent()
            .insert_header(("Tus-Resumable", VERSION))
            .finish())
    })
    .await
}

/// Passes the body on in pieces, one on its way to the disk while the next one comes in.
/// What has come is kept even when the sender breaks off.
async fn append_stream(
    upload: &Addr<FileUploadActor>,
    before: Standing,
    body: &mut web::Payload,
    sha256: Option<String>,
) -> Result<Standing, Refusal> {
    let mut offset = before.offset;
    let mut standing = before;
    let mut writing: Option<BoxFuture<'static, Result<Standing, Refusal>>> = None;
    let (mut pieces, mut gathered) = (Vec::new(), 0);
    loop {
        let next = actix_web::rt::time::timeout(QUIET_MAX, body.next()).await;
        let ended = match next {
            Ok(Some(Ok(piece))) => {
                gathered += piece.len();
                pieces.push(piece);
                false
            }
            Ok(Some(Err(_))) | Ok(None) | Err(_) => true,
        };
        if gathered >= PIECE_BYTES || (ended && gathered > 0) {
            if let Some(writing) = writing.take() {
                standing = writing.await?;
            }
            writing = Some(write(
                upload.clone(),
                offset,
                std::mem::take(&mut pieces),
                sha256.clone(),
            ));
            offset += gathered as u64;
            gathered = 0;
        }
        if ended {
            break;
        }
    }
    match writing {
        Some(writing) => writing.await,
        // A whole upload that the room could not take before is offered again.
        None if standing.offset == standing.size_bytes && standing.shared.is_none() => {
            write(upload.clone(), offset, Vec::new(), sha256).await
        }
        None => Ok(standing),
    }
}

/// Takes the body only as a whole and only when its SHA-256 is right.
async fn append_checked(
    upload: &Addr<FileUploadActor>,
    offset: u64,
    body: &mut web::Payload,
    expected: &[u8],
    sha256: Option<String>,
) -> Result<Standing, Refusal> {
    let (mut pieces, mut gathered) = (Vec::new(), 0);
    let mut hash = digest::Context::new(&digest::SHA256);
    while let Ok(Some(piece)) = actix_web::rt::time::timeout(QUIET_MAX, body.next()).await {
        let piece = piece.map_err(|_| RefusalCode::Malformed)?;
        gathered += piece.len();
        if gathered > CHECKED_BODY_BYTES_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        hash.update(&piece);
        pieces.push(piece);
    }
    match hash.finish().as_ref() == expected {
        true => write(upload.clone(), offset, pieces, sha256).await,
        false => Err(RefusalCode::ChecksumMismatch.into()),
    }
}

fn write(
    upload: Addr<FileUploadActor>,
    offset: u64,
    pieces: Vec<Bytes>,
    sha256: Option<String>,
) -> BoxFuture<'static, Result<Standing, Refusal>> {
    let sent = upload.send(Append {
        offset,
        pieces,
        sha256,
    });
    // Spawned, so that the disk works while the next piece comes in.
    let task =
        actix_web::rt::spawn(async move { sent.await.map_err(|_| RefusalCode::UploadGone)? });
    Box::pin(async move { task.await.map_err(|_| RefusalCode::Internal)? })
}

/// Who answers for this upload: an actor that runs, or one made from what an earlier run left.
async fn find(state: &AppState, id: &str) -> Result<Addr<FileUploadActor>, Refusal> {
    let id = UploadId::parse(id).ok_or(RefusalCode::UploadGone)?;
    if let Some(upload) = state.uploads.actor(&id) {
        return Ok(upload);
    }
    let turn = state.uploads.resuming(&id).ok_or(RefusalCode::UploadGone)?;
    let _turn = turn.lock().await;
    // Another request may have found it meanwhile.
    if let Some(upload) = state.uploads.actor(&id) {
        return Ok(upload);
    }
    let (folder, wanted) = (state.uploads.folder().to_owned(), id.clone());
    let found = actix_web::rt::task::spawn_blocking(move || Partial::find(&folder, &wanted)).await;
    let (partial, ticket) = found
        .map_err(|_| RefusalCode::Internal)?
        .map_err(|_| RefusalCode::UploadGone)?;
    let room = ask(state.lobby.send(FindRoom {
        slug: ticket.slug.clone(),
    }))
    .await??;
    let reserve = ReserveFile {
        owner: ticket.owner,
        size_bytes: ticket.size_bytes,
        name: ticket.name.clone(),
    };
    ask(room.send(reserve)).await??;
    start(state, &id, ticket, partial, room).await
}

async fn begin(state: &AppState, id: &UploadId, ticket: Ticket) -> Result<Partial, Refusal> {
    let (uploads, id) = (state.uploads.clone(), id.clone());
    let begun = actix_web::rt::task::spawn_blocking(move || {
        if !uploads.disk_has(ticket.size_bytes) {
            return Err(RefusalCode::DiskFull.into());
        }
        Partial::create(uploads.folder(), &id, &ticket).map_err(|error| disk_refusal(&error))
    });
    begun.await.map_err(|_| RefusalCode::Internal)?
}

/// Whoever is given up while it starts is gone: its person has left, or the room has ended.
async fn start(
    state: &AppState,
    id: &UploadId,
    ticket: Ticket,
    partial: Partial,
    room: Addr<RoomActor>,
) -> Result<Addr<FileUploadActor>, Refusal> {
    let upload_room = UploadRoom {
        share: room.clone().recipient(),
        release: room.recipient(),
    };
    let (release, uploads) = (upload_room.release.clone(), state.uploads.clone());
    let (owner, size_bytes) = (ticket.owner, ticket.size_bytes);
    let actor = FileUploadActor::new(
        id.clone(),
        ticket,
        partial,
        uploads,
        upload_room,
        state.clock,
    );
    if let Some(attached) = state.uploads.attach(id, || actor.start()) {
        return Ok(attached);
    }
    if release.try_send(ReleaseFile { owner, size_bytes }).is_err() {
        tracing::debug!("the room of an abandoned upload is gone or busy");
    }
    let (uploads, id) = (state.uploads.clone(), id.clone());
    actix_web::rt::task::spawn_blocking(move || discard(uploads.folder(), &id));
    Err(RefusalCode::UploadGone.into())
}

/// What a sender says about the file: `filename` (or `name`) and, if it knows, `sha256`.
struct Metadata {
    name: String,
    sha256: Option<String>,
}

impl Metadata {
    fn parse(request: &HttpRequest) -> Result<Metadata, Refusal> {
        version(request)?;
        let raw = header(request, "Upload-Metadata").unwrap_or_default();
        if raw.len() > METADATA_BYTES_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let (mut name, mut sha256) = (None, None);
        for pair in raw.split(',') {
            let mut words = pair.split_whitespace();
            let (Some(key), value) = (words.next(), words.next().unwrap_or_default()) else {
                continue;
            };
            let text = BASE64_STANDARD
                .decode(value)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or(RefusalCode::Malformed)?;
            match key {
                "filename" | "name" => name = Some(text),
                "sha256" => sha256 = Some(text),
                _ => {}
            }
        }
        let sha256 = sha256.as_deref().map(whole_hash).transpose()?;
        Ok(Metadata {
            name: name.ok_or(RefusalCode::FileNameInvalid)?,
            sha256,
        })
    }
}

/// The hash of the whole file: in the metadata, or with the last piece as `Conclave-Sha256`.
fn whole_hash(text: &str) -> Result<String, Refusal> {
    let hexadecimal = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match hexadecimal {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(RefusalCode::Malformed.into()),
    }
}

/// `Upload-Checksum: sha256 BASE64`; algorithms that were not offered are refused.
fn checksum(request: &HttpRequest) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(value) = header(request, "Upload-Checksum") else {
        return Ok(None);
    };
    let decoded = value
        .strip_prefix("sha256 ")
        .and_then(|text| BASE64_STANDARD.decode(text.trim()).ok());
    Ok(Some(decoded.ok_or(RefusalCode::Malformed)?))
}

fn version(request: &HttpRequest) -> Result<(), Refusal> {
    match header(request, "Tus-Resumable") {
        Some(VERSION) => Ok(()),
        _ => Err(RefusalCode::UnsupportedVersion.into()),
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
}

fn number(request: &HttpRequest, name: &str) -> Result<u64, Refusal> {
    header(request, name)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| RefusalCode::Malformed.into())
}

fn standing_response(status: StatusCode, standing: &Standing) -> actix_web::HttpResponseBuilder {
    let expires_ms = clock::unix_ms() + standing.expires_in.as_millis() as u64;
    let expires = std::time::UNIX_EPOCH + Duration::from_millis(expires_ms);
    let mut response = HttpResponse::build(status);
    response
        .insert_header(("Tus-Resumable", VERSION))
        .insert_header(("Upload-Offset", standing.offset.to_string()))
        .insert_header((
            "Upload-Expires",
            actix_web::http::header::HttpDate::from(expires).to_string(),
        ));
    response
}

/// A refusal becomes a response that tus clients understand, too.
async fn answer(work: impl Future<Output = Result<HttpResponse, Refusal>>) -> HttpResponse {
    match work.await {
        Ok(response) => response,
        Err(refusal) => {
            let wrong_version = refusal.code == RefusalCode::UnsupportedVersion;
            let mut response = match wrong_version {
                // As tus wants it.
                true => refused_as(StatusCode::PRECONDITION_FAILED, &refusal),
                false => refused(&refusal),
            };
            let name = |text| actix_web::http::header::HeaderName::from_static(text);
            let version = actix_web::http::header::HeaderValue::from_static(VERSION);
            response
                .headers_mut()
                .insert(name("tus-resumable"), version.clone());
            if wrong_version {
                response.headers_mut().insert(name("tus-version"), version);
            }
            response
        }
    }
}
