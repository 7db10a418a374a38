//! Files that go and come.

use conclave_client::desk::Told;
use conclave_wire::SharedFile;
use serde_json::{Value, json};

use super::{Page, code, shared};
use crate::served::Served;

fn notes() -> Vec<u8> {
    (0..300_000_u32).map(|at| (at % 251) as u8).collect()
}

async fn begins(page: &Page, bytes: &[u8]) {
    let begin = json!({ "id": 1, "name": "notes.bin", "size_bytes": bytes.len() });
    page.ask(json!({ "type": "begin_upload", "payload": begin }))
        .await
        .unwrap();
}

/// Ada sends them, and Bob sees the file.
async fn passes(ada: &Page, bob: &mut Page, bytes: &[u8]) -> SharedFile {
    begins(ada, bytes).await;
    ada.desk.take_piece(1, bytes.to_vec()).await.unwrap();
    ada.ask(json!({ "type": "send_upload", "payload": { "id": 1 } }))
        .await
        .unwrap();
    let file = bob.happened(shared).await;
    assert_eq!(
        (file.name.as_str(), file.size_bytes),
        ("notes.bin", 300_000)
    );
    file
}

async fn two_in_a_room() -> (Served, Page, Page) {
    let served = Served::start().await;
    let link = served.invite("lobby").to_string();
    let (ada, bob) = (Page::open(), Page::open());
    ada.join(&link, "Ada", false).await.unwrap();
    bob.join(&link, "Bob", false).await.unwrap();
    (served, ada, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_piece_by_piece_and_comes_whole() {
    let (served, ada, mut bob) = two_in_a_room().await;
    let bytes = notes();
    begins(&ada, &bytes).await;
    for piece in bytes.chunks(100_000) {
        ada.desk.take_piece(1, piece.to_vec()).await.unwrap();
    }
    let more = ada.desk.take_piece(1, vec![1]).await.unwrap_err();
    assert_eq!(
        code(&more),
        "storage",
        "it is longer than it was said to be"
    );

    let file = passes(&ada, &mut bob, &bytes).await;

    bob.ask(json!({ "type": "download", "payload": { "id": 2, "file": file } }))
        .await
        .unwrap();
    assert_eq!(bob.heard(transfer_state).await["state"], "done");
    let place = bob.folder.path().join("downloads/notes.bin");
    assert_eq!(std::fs::read(&place).unwrap(), bytes);

    let show = json!({ "type": "show_file", "payload": { "id": 2 } });
    bob.ask(show.clone()).await.unwrap();
    assert_eq!(*bob.host.shown.lock(), std::slice::from_ref(&place));
    let drag = json!({ "type": "drag_file", "payload": { "id": 2 } });
    bob.ask(drag.clone()).await.unwrap();
    assert_eq!(*bob.host.dragged.lock(), std::slice::from_ref(&place));
    std::fs::remove_file(place).unwrap();
    for ask in [show, drag] {
        let gone = bob.ask(ask).await.unwrap_err();
        assert_eq!(code(&gone), "invalid");
    }
    served.running.stop().await;
}

/// Of a transfer that is over.
fn transfer_state(told: &Told) -> Option<Value> {
    let told = serde_json::to_value(told).unwrap();
    let state = &told["transfer"]["state"];
    matches!(state["state"].as_str(), Some("done" | "failed")).then(|| state.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_the_file_comes_when_there_is_room() {
    let (served, ada, mut bob) = two_in_a_room().await;
    let bytes = notes();
    let file = passes(&ada, &mut bob, &bytes).await;

    // A device that is always full stands in for a disk that is.
    let downloads = bob.folder.path().join("downloads");
    #[cfg(target_os = "linux")]
    {
        let partial = downloads.join(format!(".{}.part", &file.sha256[..16]));
        std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
        bob.ask(json!({ "type": "download", "payload": { "id": 1, "file": file } }))
            .await
            .unwrap();
        let failed = bob.heard(transfer_state).await;
        assert_eq!(failed["state"], "failed");
        assert_eq!(failed["code"], "storage");
        assert!(failed["text"].as_str().unwrap().contains("No space left"));
        std::fs::remove_file(&partial).unwrap();
    }
    bob.ask(json!({ "type": "download", "payload": { "id": 2, "file": file } }))
        .await
        .unwrap();
    assert_eq!(bob.heard(transfer_state).await["state"], "done");
    assert_eq!(std::fs::read(downloads.join("notes.bin")).unwrap(), bytes);
    served.running.stop().await;
}
