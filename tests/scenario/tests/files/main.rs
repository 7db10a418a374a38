//! Files up and down, whatever happens on the way.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command as Process,
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use conclave_client::{
    files::{Files, TransferError},
    link::{
        http::{HttpClient, HttpError, Upload, success},
        invite::Invite,
    },
};
use conclave_scenario::{
    raw::RawClient,
    server::{DEADLINE, Server, SharedServer},
};
use conclave_wire::{
    Command, Encoding, Event, FileId, Refusal, RefusalCode, ServerMessage, SharedFile,
};
use hyper::{Method, Request, StatusCode, header};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

mod refused;
mod resume;
mod rights;

static SERVER: SharedServer = SharedServer::new(&[]);
const MIB: u64 = 1024 * 1024;
/// The server looks at its disk every few seconds.
const HEALTH_PATIENCE: Duration = Duration::from_secs(60);
/// What may be sent again after a failure.
const AGAIN_BYTES_MAX: u64 = MIB;

/// Somebody in a room, with files.
struct Person {
    control: RawClient,
    token: String,
    slug: String,
    http: HttpClient,
}

impl Person {
    async fn join(server: &Server, invite: &Invite, name: &str) -> Person {
        let (control, welcome) = RawClient::join(invite, name, Encoding::MessagePack).await;
        Person {
            control,
            token: welcome.seat_token,
            slug: invite.slug.clone(),
            http: server.http(),
        }
    }

    fn files(&self, journal: Option<PathBuf>) -> Files {
        Files::new(self.http.clone(), &self.slug, &self.token, journal)
    }

    /// Waits until a file is there for this person.
    async fn sees_file(&mut self) -> SharedFile {
        self.control
            .until("a file", |message| {
                let ServerMessage::Events { events } = message else {
                    return None;
                };
                events.iter().find_map(|numbered| match &numbered.event {
                    Event::FileShared { file } => Some(file.clone()),
                    _ => None,
                })
            })
            .await
    }

    async fn sees_removed(&mut self, gone: FileId) {
        self.control
            .until("that a file is gone", |message| {
                let ServerMessage::Events { events } = message else {
                    return None;
                };
                let removed =
                    |event: &Event| matches!(event, Event::FileRemoved { file } if *file == gone);
                events
                    .iter()
                    .any(|numbered| removed(&numbered.event))
                    .then_some(())
            })
            .await;
    }

    /// Shares a few bytes.
    async fn share(&mut self, name: &str, bytes: &[u8]) -> SharedFile {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        self.files(None).share(&path).done().await.unwrap();
        self.sees_file().await
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Result<Bytes, HttpError> {
        let mut request = Request::builder().method(Method::GET).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Upload::empty()).unwrap();
        let response = success(self.http.send(request).await?).await?;
        response.into_body().whole(64 * MIB as usize).await
    }

    fn path_of(&self, file: &SharedFile) -> String {
        format!("/api/rooms/{}/files/{}", self.slug, file.id.0)
    }

    /// Begins an upload by hand.
    async fn begin(
        &self,
        name: &str,
        size: u64,
        sha256: Option<&str>,
    ) -> Result<String, HttpError> {
        let mut metadata = format!("filename {}", BASE64_STANDARD.encode(name));
        if let Some(sha256) = sha256 {
            metadata.push_str(&format!(",sha256 {}", BASE64_STANDARD.encode(sha256)));
        }
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/rooms/{}/files", self.slug))
            .header("tus-resumable", "1.0.0")
            .header("upload-length", size)
            .header("upload-metadata", metadata)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Upload::empty())
            .unwrap();
        let response = success(self.http.send(request).await?).await?;
        let location = response.headers()["location"].to_str().unwrap();
        Ok(location.to_owned())
    }

    /// A piece by hand.
    async fn append(
        &self,
        location: &str,
        offset: u64,
        body: Upload,
        more: &[(&'static str, String)],
    ) -> Result<(), HttpError> {
        let mut request = Request::builder()
            .method(Method::PATCH)
            .uri(location)
            .header("tus-resumable", "1.0.0")
            .header("upload-offset", offset)
            .header(header::CONTENT_TYPE, "application/offset+octet-stream");
        for (name, value) in more {
            request = request.header(*name, value);
        }
        let request = request.body(body).unwrap();
        success(self.http.send(request).await?).await.map(drop)
    }

    /// Where an upload stands; `None` when it is gone.
    async fn offset(&self, location: &str) -> Option<u64> {
        let request = Request::builder()
            .method(Method::HEAD)
            .uri(location)
            .header("tus-resumable", "1.0.0")
            .body(Upload::empty())
            .unwrap();
        let response = self.http.send(request).await.unwrap();
        let offset = response.headers().get("upload-offset")?;
        offset.to_str().unwrap().parse().ok()
    }

    /// The files of the room, as a newcomer sees them.
    async fn files_of_room(&self, server: &Server) -> Vec<SharedFile> {
        let invite = server.invite().for_room(&self.slug, None);
        let (_, welcome) = RawClient::join(&invite, "Newcomer", Encoding::Json).await;
        welcome.snapshot.expect("a newcomer gets the state").files
    }
}

/// Waits until the server's health has this status, and gives how its disk stands.
async fn health_becomes(person: &Person, status: StatusCode) -> serde_json::Value {
    let asked = async {
        loop {
            let request = Request::builder().uri("/api/health").body(Upload::empty());
            let response = person.http.send(request.unwrap()).await.unwrap();
            let is = response.status();
            let body = response.into_body().whole(64 * 1024).await.unwrap();
            if is == status {
                let health: serde_json::Value = serde_json::from_slice(&body).unwrap();
                return health["services"]["disk"].clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let health = timeout(HEALTH_PATIENCE, asked).await;
    health.unwrap_or_else(|_| panic!("the health did not become {status}"))
}

fn noise(seed: u64, bytes: u64) -> Vec<u8> {
    let mut noise = vec![0; usize::try_from(bytes).unwrap()];
    StdRng::seed_from_u64(seed).fill_bytes(&mut noise);
    noise
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, HttpError>) -> RefusalCode {
    match result {
        Err(HttpError::Refused { refusal, status }) => {
            assert_eq!(status, refusal.code.status());
            refusal.code
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, TransferError>) -> RefusalCode {
    match result {
        Err(TransferError::Refused(Refusal { code, .. })) => code,
        other => panic!("not refused: {other:?}"),
    }
}

/// Files of the server's data folder that hold something of what people have sent.
fn on_disk(server: &Server) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["files", "uploads"] {
        gather(&server.data().join(folder), &mut found);
    }
    found
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => gather(&path, found),
            false => found.push(path),
        }
    }
}

/// Waits until the server has removed what it said that it would.
async fn nothing_on_disk(server: &Server) {
    let empty = async {
        while !on_disk(server).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = timeout(DEADLINE, empty).await;
    assert!(waited.is_ok(), "left behind: {:?}", on_disk(server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_as_it_was_sent() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut sender = Person::join(&server, &invite, "Sender").await;
    let mut receiver = Person::join(&server, &invite, "Receiver").await;
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (seed, size) in [(1, 0), (2, 1), (3, 64 * 1024), (4, 5 * MIB + 321)] {
        let name = format!("Zahlen & Fakten {size} ½.bin");
        let bytes = noise(seed, size);
        let path = from.path().join(&name);
        fs::write(&path, &bytes).unwrap();
        sender.files(None).share(&path).done().await.unwrap();
        let file = receiver.sees_file().await;
        assert_eq!(
            (&file.name, file.size_bytes, &file.sha256),
            (&name, size, &sha256(&bytes))
        );
        let fetched = receiver
            .files(None)
            .fetch(&file, to.path())
            .done()
            .await
            .unwrap();
        assert_eq!(fetched, to.path().join(&name));
        assert!(fs::read(fetched).unwrap() == bytes, "{size} bytes differ");
        sender.sees_file().await;
    }
    // Nothing but the files themselves is left in the folder they were fetched into.
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 4);
}

#[tokio::test]
async fn a_part_of_a_file_can_be_fetched_and_runs_nowhere() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut person = Person::join(&server, &invite, "Person").await;
    let file = person
        .share("page.html", b"<script>alert(1)</script>")
        .await;
    let get = |range: &str| {
        let request = Request::builder()
            .method(Method::GET)
            .uri(person.path_of(&file))
            .header(header::AUTHORIZATION, format!("Bearer {}", person.token))
            .header(header::RANGE, range)
            .body(Upload::empty())
            .unwrap();
        person.http.send(request)
    };
    let part = get("bytes=8-12").await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    let headers = part.headers();
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let disposition = headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    assert_eq!(part.into_body().whole(100).await.unwrap(), "alert");
    let beyond = get("bytes=1000-").await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}
