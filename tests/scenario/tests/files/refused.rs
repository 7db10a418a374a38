//! What cannot be kept is refused, and nothing is left of it.

use super::*;

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
