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

/// A transfer that is watched until so many bytes are through.
async fn until_done(transfer: &conclave_client::files::Transfer<impl Send + 'static>, bytes: u64) {
    let mut state = transfer.state();
    let reached = state.wait_for(|state| state.done_bytes >= bytes);
    timeout(DEADLINE, reached)
        .await
        .expect("it gets on")
        .expect("it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_the_server_was_killed() {
    let server = Server::start();
    let invite = server.invite();
    let mut person = Person::join(&server, &invite, "Person").await;
    let folder = tempfile::tempdir().unwrap();
    let size = 96 * MIB;
    let bytes = noise(5, size);
    let path = folder.path().join("large.bin");
    fs::write(&path, &bytes).unwrap();

    let transfer = person.files(None).share(&path);
    until_done(&transfer, 24 * MIB).await;
    server.kill();
    server.start_again();
    // The seat is kept for half a minute, for its holder's link.
    let (control, welcome) =
        RawClient::resume(&invite, &person.token, None, Encoding::MessagePack).await;
    person.control = control;
    let state = transfer.state();
    transfer.done().await.unwrap();
    let moved = state.borrow().moved_bytes;
    let again = moved - size;
    assert!(again <= AGAIN_BYTES_MAX, "{again} bytes were sent again");

    let in_snapshot = welcome
        .snapshot
        .and_then(|state| state.files.first().cloned());
    let file = match in_snapshot {
        Some(file) => file,
        None => person.sees_file().await,
    };
    assert_eq!((file.size_bytes, file.sha256), (size, sha256(&bytes)));
    assert_eq!(person.files_of_room(&server).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_the_client_was_gone() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut person = Person::join(&server, &invite, "Person").await;
    let (folder, journal) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let size = 96 * MIB;
    let bytes = noise(6, size);
    let path = folder.path().join("large.bin");
    fs::write(&path, &bytes).unwrap();

    let mut moved = 0;
    for reached in [20 * MIB, 50 * MIB] {
        let journal = Some(journal.path().to_owned());
        let transfer = person.files(journal).share(&path);
        until_done(&transfer, reached).await;
        let state = transfer.state();
        // A program that ends takes its connections with it.
        drop(transfer);
        person.http = server.http();
        moved += state.borrow().moved_bytes;
    }
    let transfer = person.files(Some(journal.path().to_owned())).share(&path);
    let state = transfer.state();
    transfer.done().await.unwrap();
    moved += state.borrow().moved_bytes;
    let again = moved.saturating_sub(size);
    assert!(
        again <= 2 * AGAIN_BYTES_MAX,
        "{again} bytes were sent again"
    );
    let file = person.sees_file().await;
    assert_eq!(file.sha256, sha256(&bytes));
    assert_eq!(
        fs::read_dir(journal.path()).unwrap().count(),
        0,
        "the journal is empty again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_goes_on_after_the_server_was_killed() {
    let server = Server::start();
    let invite = server.invite();
    let mut person = Person::join(&server, &invite, "Person").await;
    let size = 64 * MIB;
    let bytes = noise(7, size);
    let file = person.share("large.bin", &bytes).await;
    let to = tempfile::tempdir().unwrap();

    let transfer = person.files(None).fetch(&file, to.path());
    until_done(&transfer, 8 * MIB).await;
    server.kill();
    server.start_again();
    let (control, welcome) =
        RawClient::resume(&invite, &person.token, None, Encoding::MessagePack).await;
    person.control = control;
    assert_eq!(welcome.snapshot.unwrap().files, [file]);
    let state = transfer.state();
    let fetched = transfer.done().await.unwrap();
    assert!(fs::read(fetched).unwrap() == bytes);
    let again = state.borrow().moved_bytes - size;
    assert!(again <= AGAIN_BYTES_MAX, "{again} bytes were fetched again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_goes_on_after_the_client_was_gone() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut person = Person::join(&server, &invite, "Person").await;
    let size = 64 * MIB;
    let bytes = noise(8, size);
    let file = person.share("large.bin", &bytes).await;
    let to = tempfile::tempdir().unwrap();
    let transfer = person.files(None).fetch(&file, to.path());
    until_done(&transfer, 8 * MIB).await;
    let first = transfer.state();
    drop(transfer);
    let moved = first.borrow().moved_bytes;
    person.http = server.http();
    let transfer = person.files(None).fetch(&file, to.path());
    let second = transfer.state();
    let fetched = transfer.done().await.unwrap();
    assert!(fs::read(fetched).unwrap() == bytes);
    let again = (moved + second.borrow().moved_bytes).saturating_sub(size);
    assert!(again <= AGAIN_BYTES_MAX, "{again} bytes were fetched again");
}

#[tokio::test]
async fn an_upload_stands_where_it_stood_whatever_is_tried() {
    let server = SERVER.get();
    let invite = server.room().await;
    let person = Person::join(&server, &invite, "Person").await;
    let location = person.begin("a.bin", 10, None).await.unwrap();
    let bytes = |text: &'static str| Upload::bytes(text);
    person
        .append(&location, 0, bytes("01234"), &[])
        .await
        .unwrap();
    assert_eq!(person.offset(&location).await, Some(5));
    let early = person.append(&location, 3, bytes("34"), &[]).await;
    assert_eq!(code(early), RefusalCode::OffsetMismatch);
    let late = person.append(&location, 6, bytes("6"), &[]).await;
    assert_eq!(code(late), RefusalCode::OffsetMismatch);
    let large = person
        .append(
            &location,
            5,
            bytes("56789and more"),
            &[("content-length", "13".into())],
        )
        .await;
    assert_eq!(code(large), RefusalCode::FileTooLarge);
    let wrong = (
        "upload-checksum",
        format!("sha256 {}", BASE64_STANDARD.encode([0; 32])),
    );
    let damaged = person.append(&location, 5, bytes("56789"), &[wrong]).await;
    assert_eq!(code(damaged), RefusalCode::ChecksumMismatch);
    assert_eq!(person.offset(&location).await, Some(5));
    let right = digest(&SHA256, b"56789");
    let right = (
        "upload-checksum",
        format!("sha256 {}", BASE64_STANDARD.encode(right)),
    );
    person
        .append(&location, 5, bytes("56789"), &[right])
        .await
        .unwrap();
    let files = person.files_of_room(&server).await;
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].sha256, sha256(b"0123456789"));
    let unknown = person
        .append(
            &format!("/api/uploads/{}", "0".repeat(64)),
            0,
            bytes("x"),
            &[],
        )
        .await;
    assert_eq!(code(unknown), RefusalCode::UploadGone);
    let nonsense = person
        .append("/api/uploads/..%2f..%2fserver.key", 0, bytes("x"), &[])
        .await;
    assert!(nonsense.is_err());
}

#[tokio::test]
async fn a_file_that_is_not_what_was_announced_is_refused_and_forgotten() {
    let server = Server::start();
    let invite = server.invite();
    let person = Person::join(&server, &invite, "Person").await;
    let announced = sha256(b"what was meant");
    let location = person.begin("a.txt", 4, Some(&announced)).await.unwrap();
    let damaged = person
        .append(&location, 0, Upload::bytes("what"), &[])
        .await;
    assert_eq!(code(damaged), RefusalCode::ChecksumMismatch);
    assert_eq!(person.offset(&location).await, None, "the upload is gone");

    let location = person.begin("a.txt", 4, None).await.unwrap();
    let hash = ("conclave-sha256", announced);
    let damaged = person
        .append(&location, 0, Upload::bytes("what"), &[hash])
        .await;
    assert_eq!(code(damaged), RefusalCode::ChecksumMismatch);
    assert!(person.files_of_room(&server).await.is_empty());
    nothing_on_disk(&server).await;
}

#[tokio::test]
async fn names_that_could_leave_a_folder_are_refused_or_made_harmless() {
    let server = SERVER.get();
    let invite = server.room().await;
    let person = Person::join(&server, &invite, "Person").await;
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "../../etc/passwd",
        "a\\b",
        "a\0b",
        "a\nb",
        &"x".repeat(256),
    ] {
        match person.begin(name, 1, None).await {
            Err(HttpError::Refused { refusal, .. }) => {
                assert_eq!(refusal.code, RefusalCode::FileNameInvalid, "{name:?}");
            }
            Err(other) => panic!("{name:?}: {other}"),
            Ok(location) => {
                person
                    .append(&location, 0, Upload::bytes("x"), &[])
                    .await
                    .unwrap();
                let files = person.files_of_room(&server).await;
                let kept = &files.last().expect("it was taken").name;
                assert!(
                    !kept.contains(['/', '\\', '\0', '\n'])
                        && !matches!(kept.as_str(), "" | "." | ".."),
                    "{name:?} became {kept:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_quota_that_is_reached_refuses_and_leaves_nothing_behind() {
    let server = Server::with(&[
        "file_bytes_max=3000000",
        "room_files_bytes_max=4000000",
        "server_files_bytes_max=6000000",
        "uploads_per_person_max=2",
    ]);
    let first = server.room().await;
    let mut person = Person::join(&server, &first, "Person").await;
    let too_large = person.begin("a.bin", 3_000_001, None).await;
    assert_eq!(code(too_large), RefusalCode::FileTooLarge);

    // By the client, as a person would meet it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.bin");
    fs::write(&path, noise(9, 3_500_000)).unwrap();
    let shared = person.files(None).share(&path).done().await;
    assert_eq!(refused(shared), RefusalCode::FileTooLarge);
    nothing_on_disk(&server).await;

    let kept = person.share("kept.bin", &noise(10, 2_500_000)).await;
    let over_room = person.begin("b.bin", 1_500_001, None).await;
    assert_eq!(code(over_room), RefusalCode::RoomQuotaReached);

    // What is reserved counts as well as what is there.
    let second = server.room().await;
    let other = Person::join(&server, &second, "Other").await;
    let reserved = other.begin("c.bin", 2_500_000, None).await.unwrap();
    let over_server = other.begin("d.bin", 1_000_001, None).await;
    assert_eq!(code(over_server), RefusalCode::ServerQuotaReached);
    other.begin("e.bin", 1_000, None).await.unwrap();
    let too_many = other.begin("f.bin", 1_000, None).await;
    assert_eq!(code(too_many), RefusalCode::TooManyUploads);

    // Giving up, and removing, makes room again.
    let request = Request::builder()
        .method(Method::DELETE)
        .uri(&reserved)
        .header("tus-resumable", "1.0.0")
        .body(Upload::empty())
        .unwrap();
    success(other.http.send(request).await.unwrap())
        .await
        .unwrap();
    person
        .control
        .ask(Command::RemoveFile { file: kept.id })
        .await
        .unwrap();
    let again = eventually(|| person.begin("g.bin", 2_900_000, None)).await;
    assert!(again.starts_with("/api/uploads/"));
    assert!(person.files_of_room(&server).await.is_empty());
}

/// Until the server has done what it was asked to do in the background.
async fn eventually<F>(mut ask: impl FnMut() -> F) -> String
where
    F: Future<Output = Result<String, HttpError>>,
{
    let asked = async {
        loop {
            match ask().await {
                Ok(location) => return location,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(DEADLINE, asked).await.expect("there is room again")
}

/// A disk of its own, as large as it says.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where this user may not mount; that must not go unseen.
    fn mount(mebibytes: u64) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Process::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(folder));
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "a small disk cannot be mounted here, and in CI nothing is skipped"
        );
        eprintln!("SKIPPED: a full disk; a small one cannot be mounted by this user");
        None
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Takes what is free.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut filler = fs::File::create(&path).unwrap();
        let block = vec![0; 64 * 1024];
        while std::io::Write::write_all(&mut filler, &block).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Process::new("umount").arg("-l").arg(self.0.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("a small disk stays mounted at {}", self.0.path().display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_refuses_and_leaves_nothing_half_visible() {
    let Some(disk) = SmallDisk::mount(48) else {
        return;
    };
    let server = Server::with_data(&disk.data(), &["disk_free_bytes_min=1"]);
    let invite = server.invite();
    let mut person = Person::join(&server, &invite, "Person").await;

    // It would never fit: refused before a byte is taken.
    let hopeless = person.begin("a.bin", 100 * MIB, None).await;
    assert_eq!(code(hopeless), RefusalCode::DiskFull);

    // It would have fitted when it began, and no more when the next piece comes.
    let location = person.begin("b.bin", 8 * MIB, None).await.unwrap();
    let first = noise(11, 4 * MIB);
    person
        .append(&location, 0, Upload::bytes(first), &[])
        .await
        .unwrap();

    // And one that is under way when the disk becomes full.
    let (pieces, body) = mpsc::channel::<std::io::Result<Bytes>>(1);
    let body = Upload::stream(futures_util::stream::unfold(body, |mut body| async {
        body.recv().await.map(|piece| (piece, body))
    }));
    let under_way = person.begin("c.bin", 8 * MIB, None).await.unwrap();
    let length = ("content-length", (8 * MIB).to_string());
    let appending = person.append(&under_way, 0, body, std::slice::from_ref(&length));
    let filling = async {
        pieces.send(Ok(noise(12, 2 * MIB).into())).await.unwrap();
        let arrives = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|data| (MIB..=2 * MIB).contains(&data.len()))
        };
        while !on_disk(&server).iter().any(arrives) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let filler = disk.fill();
        // The server stops listening to it when the disk says no.
        pieces.send(Ok(noise(13, 6 * MIB).into())).await.ok();
        drop(pieces);
        filler
    };
    let (appended, filler) = timeout(DEADLINE, async { tokio::join!(appending, filling) })
        .await
        .expect("it is refused");
    match appended {
        Err(HttpError::Refused { refusal, .. }) => assert_eq!(refusal.code, RefusalCode::DiskFull),
        // The server may close while the rest of the body is under way, and the answer is lost with it.
        Err(HttpError::Broken(_)) => {}
        other => panic!("not refused: {other:?}"),
    }
    let next = person
        .append(&location, 4 * MIB, Upload::bytes(noise(14, 4 * MIB)), &[])
        .await;
    assert_eq!(code(next), RefusalCode::DiskFull);
    assert_eq!(person.offset(&location).await, Some(4 * MIB));

    // The server lives and says how it stands; the meeting goes on as far as it needs no disk.
    assert!(server.is_running());
    assert_eq!(
        health_becomes(&person, StatusCode::SERVICE_UNAVAILABLE).await,
        "failed"
    );
    let raised = Command::RaiseHand { raised: true };
    person.control.ask(raised).await.expect("it is not stored");
    let said = Command::Say {
        text: "Hello".to_owned(),
    };
    // What the database has room for in the space that it holds is kept.
    if let Err(refusal) = person.control.ask(said).await {
        assert_eq!(refusal.code, RefusalCode::DiskFull);
    }

    // With space again all of it goes on, and shows nothing of that.
    fs::remove_file(filler).unwrap();
    assert_eq!(health_becomes(&person, StatusCode::OK).await, "ok");
    let said = Command::Say {
        text: "There is room again".to_owned(),
    };
    person.control.ask(said).await.expect("it is stored");
    assert!(person.files_of_room(&server).await.is_empty());

    // Both go on from where they stood.
    let rest = Upload::bytes(noise(14, 4 * MIB));
    person.append(&location, 4 * MIB, rest, &[]).await.unwrap();
    let file = person.sees_file().await;
    let whole = [noise(11, 4 * MIB), noise(14, 4 * MIB)].concat();
    assert_eq!(file.sha256, sha256(&whole));
    let offset = person.offset(&under_way).await.expect("it is kept");
    let whole = [noise(12, 2 * MIB), noise(13, 6 * MIB)].concat();
    let rest = Bytes::from(whole[usize::try_from(offset).unwrap()..].to_vec());
    person
        .append(&under_way, offset, Upload::bytes(rest), &[])
        .await
        .unwrap();
    assert_eq!(person.sees_file().await.sha256, sha256(&whole));
}

#[tokio::test]
async fn a_share_link_works_until_it_is_revoked() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut host = Person::join(&server, &invite, "Host").await;
    let guest = invite.for_room(&invite.slug, None);
    let mut owner = Person::join(&server, &guest, "Owner").await;
    let mut other = Person::join(&server, &guest, "Other").await;
    for revoker in ["owner", "host"] {
        let text = format!("revoked by the {revoker}");
        let file = owner.share("a.txt", text.as_bytes()).await;
        let token = file.share_token.clone().expect("a fresh file has a link");
        let link = format!("/s/{token}");
        assert_eq!(other.get(&link, None).await.unwrap(), text);
        let revoke = Command::RevokeShare { file: file.id };
        let refused = other.control.ask(revoke.clone()).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::NotAllowed);
        assert_eq!(other.get(&link, None).await.unwrap(), text);
        match revoker {
            "owner" => owner.control.ask(revoke).await.unwrap(),
            _ => host.control.ask(revoke).await.unwrap(),
        };
        assert_eq!(
            code(other.get(&link, None).await),
            RefusalCode::FileNotFound
        );
        // For people in the room it is still there.
        let path = other.path_of(&file);
        assert_eq!(other.get(&path, Some(&other.token)).await.unwrap(), text);
    }
    let guess = "A".repeat(43);
    assert_eq!(
        code(other.get(&format!("/s/{guess}"), None).await),
        RefusalCode::FileNotFound
    );
}

#[tokio::test]
async fn a_file_is_removed_by_its_owner_or_the_host_and_nobody_else() {
    let server = Server::start();
    let invite = server.host_invite();
    let mut host = Person::join(&server, &invite, "Host").await;
    let mut owner = Person::join(&server, &server.invite(), "Owner").await;
    let mut other = Person::join(&server, &server.invite(), "Other").await;
    for remover in ["owner", "host"] {
        let file = owner.share("a.txt", remover.as_bytes()).await;
        let link = format!("/s/{}", file.share_token.clone().unwrap());
        let remove = Command::RemoveFile { file: file.id };
        let refused = other.control.ask(remove.clone()).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::NotAllowed);
        match remover {
            "owner" => owner.control.ask(remove).await.unwrap(),
            _ => host.control.ask(remove).await.unwrap(),
        };
        other.sees_removed(file.id).await;
        let gone = other.get(&other.path_of(&file), Some(&other.token)).await;
        assert_eq!(code(gone), RefusalCode::FileNotFound);
        assert_eq!(
            code(other.get(&link, None).await),
            RefusalCode::FileNotFound
        );
        nothing_on_disk(&server).await;
    }
}

#[tokio::test]
async fn the_same_content_twice_is_two_files_and_removing_one_keeps_the_other() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut person = Person::join(&server, &invite, "Person").await;
    let first = person.share("first.txt", b"the same").await;
    let second = person.share("second.txt", b"the same").await;
    assert_ne!(first.id, second.id);
    person
        .control
        .ask(Command::RemoveFile { file: first.id })
        .await
        .unwrap();
    let path = person.path_of(&second);
    assert_eq!(
        person.get(&path, Some(&person.token)).await.unwrap(),
        "the same"
    );
}

#[tokio::test]
async fn a_stranger_gets_no_file_and_sends_none() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut owner = Person::join(&server, &invite, "Owner").await;
    let file = owner.share("secret.txt", b"for us alone").await;
    let elsewhere = server.room().await;
    let stranger = Person::join(&server, &elsewhere, "Stranger").await;
    let path = owner.path_of(&file);
    for token in [None, Some("nonsense"), Some(&*stranger.token), Some("")] {
        let got = owner.get(&path, token).await;
        assert_eq!(code(got), RefusalCode::SeatUnknown, "{token:?}");
    }
    // With their own token for a room that is not theirs.
    let intruder = Person {
        slug: owner.slug.clone(),
        ..stranger
    };
    assert_eq!(
        code(intruder.begin("a.txt", 1, None).await),
        RefusalCode::SeatUnknown
    );

    // And who was taken out has nothing more to look for there.
    let guest = invite.for_room(&invite.slug, None);
    let mut kicked = Person::join(&server, &guest, "Kicked").await;
    assert_eq!(
        kicked.get(&path, Some(&kicked.token)).await.unwrap(),
        "for us alone"
    );
    let id = member_id(&mut owner, "Kicked").await;
    let kick = Command::Kick {
        id,
        reason: String::new(),
    };
    owner.control.ask(kick).await.unwrap();
    kicked.control.closed().await;
    let got = kicked.get(&path, Some(&kicked.token)).await;
    assert_eq!(code(got), RefusalCode::Kicked);
}

async fn member_id(owner: &mut Person, name: &str) -> conclave_wire::ParticipantId {
    owner
        .control
        .until("the newcomer", |message| {
            let ServerMessage::Events { events } = message else {
                return None;
            };
            events.iter().find_map(|numbered| match &numbered.event {
                Event::ParticipantJoined { member } if member.name == name => Some(member.id),
                _ => None,
            })
        })
        .await
}

#[tokio::test]
async fn who_may_not_share_files_is_refused() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut host = Person::join(&server, &invite, "Host").await;
    let guest = Person::join(&server, &invite.for_room(&invite.slug, None), "Guest").await;
    let mut settings = conclave_wire::Settings::default();
    settings.participants.files = false;
    host.control
        .ask(Command::ChangeSettings { settings })
        .await
        .unwrap();
    assert_eq!(
        code(guest.begin("a.txt", 1, None).await),
        RefusalCode::NotAllowed
    );
    assert!(host.begin("a.txt", 1, None).await.is_ok());
}

#[tokio::test]
async fn files_end_with_their_room() {
    let server = Server::start();
    let keep_nothing = conclave_wire::Settings {
        keep_hours: 0,
        ..conclave_wire::Settings::default()
    };
    let invite = server
        .room_with(conclave_wire::http::CreateRoom {
            title: "Short".to_owned(),
            settings: keep_nothing,
            ..Default::default()
        })
        .await;
    let mut host = Person::join(&server, &invite, "Host").await;
    let file = host.share("a.txt", b"soon gone").await;
    host.control.ask(Command::EndRoom).await.ok();
    host.control.closed().await;
    let got = code(host.get(&host.path_of(&file), Some(&host.token)).await);
    assert!(
        matches!(got, RefusalCode::RoomEnded | RefusalCode::RoomNotFound),
        "{got:?}"
    );
    nothing_on_disk(&server).await;
}
