//! The server is stopped from its pages: once, in order, with or without its files.
#![allow(clippy::unwrap_used)]

mod https;
mod operator;
mod room;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use conclave_server::{
    actors::lobby::FindRoom,
    server::{Running, Server},
};
use conclave_wire::{LeaveReason, ParticipantId, RefusalCode, ServerMessage};
use operator::*;
use room::{Person, join};

const CONFIRMED: (&str, &str) = ("name", "Test school");
const CLEARED: (&str, &str) = ("clear_files", "yes");

async fn enter(running: &Running) -> Person {
    let slug = "lobby".to_owned();
    let lobby = running.state.lobby.send(FindRoom { slug }).await.unwrap();
    Person::enter(&lobby.unwrap(), join("Eve")).await.unwrap()
}

/// Puts a file where a finished upload would, through the room.
async fn share(running: &Running, owner: ParticipantId) {
    use conclave_server::actors::room::ShareFile;
    let sha256 = "ab".repeat(32);
    let upload = running.state.config.data.join("upload");
    std::fs::write(&upload, b"12345").unwrap();
    let hold = running.state.uploads.shelf().hold("lobby", &sha256);
    hold.put(&upload).unwrap();
    hold.keep();
    let slug = "lobby".to_owned();
    let lobby = running.state.lobby.send(FindRoom { slug }).await.unwrap();
    let shared = lobby.unwrap().send(ShareFile {
        owner,
        name: "a.txt".to_owned(),
        size_bytes: 5,
        sha256,
        share_token: "token".to_owned(),
    });
    shared.await.unwrap().unwrap();
}

fn files_on_disk(running: &Running) -> usize {
    let shelf = running.state.uploads.shelf();
    usize::from(shelf.path("lobby", &"ab".repeat(32)).exists())
}

#[actix::test]
async fn without_the_servers_name_nothing_is_stopped() {
    let (_folder, running, ada) = start_with_operator().await;
    for name in ["", "test school", "Conclave", "yes"] {
        let refused = ada
            .post("/admin/server/stop", &[("name", name), CLEARED])
            .await;
        assert_eq!(refused.status, 422, "{name}");
    }
    entered(&running, "stop_and_clear", "confirmation_wrong").await;
    assert_eq!(ada.get("/admin").await.status, 200);
    running.stop().await;
}

#[actix::test]
async fn everybody_is_told_why_files_go_and_who_asks_again_is_told_how_far_it_is() {
    let (folder, running, ada) = start_with_operator().await;
    let bob = Browser::sign_in(&running, "Bob").await;
    let eve = enter(&running).await;
    share(&running, eve.id).await;
    assert_eq!(files_on_disk(&running), 1);

    let fields = [CONFIRMED, CLEARED, ("reason", "New disks")];
    let stopped = ada.post("/admin/server/stop", &fields).await;
    assert_eq!(stopped.status, 202, "{}", stopped.body);
    // The second order wants the files kept: it changes nothing.
    let again = bob.post("/admin/server/stop", &[CONFIRMED]).await;
    assert_eq!(again.status, 202, "{}", again.body);

    running.stop_asked().await;
    assert!(!running.stop_has_failed());
    assert_eq!(files_on_disk(&running), 0);
    for _ in 0..500 {
        if eve.goodbye().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(matches!(
        eve.got().last(),
        Some(ServerMessage::Goodbye { reason: LeaveReason::ServerStopping, text })
            if text == "New disks"
    ));
    let lobby = running.state.lobby.send(FindRoom {
        slug: "lobby".to_owned(),
    });
    assert_eq!(
        lobby.await.unwrap().err().unwrap().code,
        RefusalCode::Stopping
    );
    entered(&running, "stop_and_clear", "done").await;
    entered(&running, "stop", "done").await;
    running.stop().await;

    // Rooms are there again, their files are not.
    let running = Server::start(config(folder.path())).await.unwrap();
    let eve = enter(&running).await;
    let files = eve.welcome.snapshot.as_ref().unwrap().files.clone();
    assert!(files.is_empty(), "{files:?}");
    assert_eq!(running.state.uploads.taken_bytes(), 0);
    running.stop().await;
}

#[actix::test]
async fn without_clearing_files_stay() {
    let (folder, running, ada) = start_with_operator().await;
    let eve = enter(&running).await;
    share(&running, eve.id).await;
    ada.post("/admin/server/stop", &[CONFIRMED]).await;
    running.stop_asked().await;
    assert_eq!(files_on_disk(&running), 1);
    running.stop().await;
    let running = Server::start(config(folder.path())).await.unwrap();
    let eve = enter(&running).await;
    assert_eq!(eve.welcome.snapshot.as_ref().unwrap().files.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn the_program_ends_with_success_when_it_was_stopped_from_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_conclave-server"))
        .args([
            "--set",
            "tcp_bind=\"127.0.0.1\"",
            "--set",
            "udp_bind=\"127.0.0.1\"",
        ])
        .args(["--set", "server_name=\"Test school\""])
        .args(["--tcp-port", "0", "--udp-port", "0", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.as_mut().unwrap()).lines();
    let link = lines
        .map(Result::unwrap)
        .find_map(|line| {
            line.strip_prefix("Admin:")
                .map(|link| link.trim().to_owned())
        })
        .unwrap();
    let (start, path) = link.split_once("/admin").unwrap();
    let port = start.rsplit_once(':').unwrap().1.parse().unwrap();
    let authority = std::fs::read_to_string(folder.path().join("authority.crt")).unwrap();
    let mut ada = Browser {
        https: https::Https::trusting(&authority, port),
        origin: format!("https://127.0.0.1:{port}"),
        cookie: String::new(),
        csrf: String::new(),
    };
    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    let let_in = ada.post(&format!("/admin{path}"), &fields).await;
    ada.keep_cookie(&let_in).await;
    let stopped = ada.post("/admin/server/stop", &[CONFIRMED, CLEARED]).await;
    assert_eq!(stopped.status, 202, "{}", stopped.body);
    let ended = tokio::task::spawn_blocking(move || server.wait().unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(0));
}
