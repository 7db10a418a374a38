//! A transfer that was cut goes on where it stood.

use super::*;

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
