//! The ways into rooms, and what is read of one afterwards.

use conclave_client::{
    desk::{Ask, RoomLink, Told},
    link::invite::Invite,
};
use conclave_wire::{Event, Settings, http::CreateRoom};
use serde_json::json;
use tokio::time::timeout;

use super::{Page, code};
use crate::served::{PATIENCE, Served};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_joins_by_a_link_hears_the_welcome_first_and_talks() {
    let served = Served::start().await;
    let link = served.invite("lobby").to_string();
    let (mut ada, mut bob) = (Page::open(), Page::open());
    let wish = json!({ "name": "Ada", "microphone": true, "camera": true });
    let joined = ada.join_with(&link, wish).await.unwrap();
    assert_eq!(joined["joinLink"], link);
    let first = ada
        .heard(|told| match told {
            Told::Link { .. } | Told::Events { .. } | Told::Media { .. } => Some(false),
            Told::Welcome { welcome } => Some(welcome.snapshot.is_some()),
            _ => None,
        })
        .await;
    assert!(
        first,
        "a page that begins needs the whole room before anything else"
    );
    bob.join(&link, "Bob", false).await.unwrap();
    let say = json!({ "type": "say", "payload": { "text": "hello" } });
    ada.ask(json!({ "type": "do", "payload": { "command": say } }))
        .await
        .unwrap();
    let line = |event: &Event| match event {
        Event::LineSaid { line } => Some(line.text.clone()),
        _ => None,
    };
    assert_eq!(bob.happened(line).await, "hello");
    // Told in order: by now the room of the welcome is remembered.
    assert_eq!(ada.happened(line).await, "hello");
    assert_eq!(ada.desk.kept().recent[0].link.slug, "lobby");
    ada.ask(json!({ "type": "leave" })).await.unwrap();
    ada.heard(|told| matches!(told, Told::Ended { .. }).then_some(()))
        .await;
    let refused = ada
        .ask(json!({ "type": "set_microphone", "payload": { "on": true } }))
        .await
        .unwrap_err();
    assert_eq!(code(&refused), "seat_unknown");
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_strict_about_its_film_lets_in_who_has_it() {
    let served = Served::start().await;
    let settings = Settings {
        film: true,
        film_strict: true,
        ..Settings::default()
    };
    let room = CreateRoom {
        title: "Cinema".to_owned(),
        settings,
        ..CreateRoom::default()
    };
    let host = served.room(room).await;
    let link = host.to_string();
    let (ada, bob) = (Page::open(), Page::open());
    ada.join(&link, "Ada", false).await.unwrap();
    let film = json!({ "name": "film.mp4", "size_bytes": 1_000, "sha256": "ab".repeat(32) });
    let open = json!({ "type": "open_film", "payload": { "film": film } });
    ada.ask(json!({ "type": "do", "payload": { "command": open } }))
        .await
        .unwrap();

    let guest = host.for_room(&host.slug, None).to_string();
    let refused = bob.join(&guest, "Bob", false).await.unwrap_err();
    assert_eq!(code(&refused), "file_hash_mismatch");
    let wish = json!({ "name": "Bob", "fileHash": "ab".repeat(32) });
    bob.join_with(&guest, wish).await.unwrap();
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_found_on_the_network_and_trusted_by_its_key_alone() {
    let served = Served::start_with(|config| {
        config.announce = true;
        config.announce_interfaces = vec!["lo".to_owned()];
    })
    .await;
    let key = served.running.fingerprint().to_string();
    let mut ada = Page::open();
    ada.ask(json!({ "type": "find_servers", "payload": { "on": true } }))
        .await
        .unwrap();
    let port = served.running.tcp_port;
    let found = ada
        .heard(|told| match told {
            Told::Servers { servers } => {
                let ours = |server: &&conclave_client::desk::FoundServer| {
                    server.server.ends_with(&format!(":{port}"))
                };
                servers.iter().find(ours).cloned()
            }
            _ => None,
        })
        .await;
    assert_eq!(found.fingerprint, key);
    assert!(!found.known);

    let trust = |key: &str| json!({ "type": "trust", "payload": { "server": found.server, "fingerprint": key, "name": "Home" } });
    let refused = ada.ask(trust(&"A".repeat(43))).await.unwrap_err();
    assert_eq!(code(&refused), "untrusted", "somebody else's key");
    ada.ask(trust(&key)).await.unwrap();
    let info = ada.ask(json!({ "type": "server_info" })).await.unwrap();
    assert!(info["version"].is_string());

    // From now on another key at that address stops, before anything is sent.
    let link = format!("https://{}/r/lobby#k={}", found.server, "A".repeat(43));
    let refused = ada.join(&link, "Ada", false).await.unwrap_err();
    assert_eq!(code(&refused), "untrusted");
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_reads_and_keeps_what_came_of_the_meeting() {
    let served = Served::start().await;
    let room = CreateRoom {
        title: "Physics".to_owned(),
        ..CreateRoom::default()
    };
    let host = served.room(room).await;
    let (mut ada, bob) = (Page::open(), Page::open());
    ada.join(&host.to_string(), "Ada", false).await.unwrap();
    let guest = host.for_room(&host.slug, None).to_string();
    bob.join(&guest, "Bob", false).await.unwrap();
    let report = |page: &Page, kind: &str, link: &str| {
        let link = Invite::parse(link).unwrap();
        let link = serde_json::to_value(RoomLink::of(&link)).unwrap();
        let payload = json!({ "link": link, "kind": "csv" });
        let ask = json!({ "type": kind, "payload": payload });
        let ask: Ask = serde_json::from_value(ask).unwrap();
        let desk = page.desk.clone();
        async move { timeout(PATIENCE, desk.ask(ask)).await.unwrap() }
    };
    // The guest has a seat there, but no host's.
    let refused = report(&bob, "read_report", &guest).await.unwrap_err();
    assert_eq!(code(&refused), "not_allowed");
    ada.ask(json!({ "type": "do", "payload": { "command": { "type": "end_room" } } }))
        .await
        .unwrap();
    ada.heard(|told| matches!(told, Told::Ended { .. }).then_some(()))
        .await;
    // By the seat that Ada had: her link was that of everybody else.
    let read = async {
        loop {
            let found = report(&ada, "read_report", &guest).await.unwrap();
            // Everybody is told of the end at once; it is stored a moment later.
            if found["end_reason"] == "host_ended" {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let found = timeout(PATIENCE, read).await.unwrap();
    assert_eq!(found["title"], "Physics");
    assert_eq!(found["people"].as_array().map(Vec::len), Some(2));
    let saved = report(&ada, "save_report", &guest).await.unwrap();
    assert_eq!(saved, format!("{}-report.csv", host.slug));
    let table = ada.folder.path().join("downloads");
    let table = std::fs::read_to_string(table.join(saved.as_str().unwrap())).unwrap();
    assert!(table.contains("\"Bob\""), "{table}");
    let link = host.to_string();
    report(&ada, "reopen_room", &link).await.unwrap();
    ada.join(&link, "Ada", false).await.unwrap();
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_gets_the_room_as_a_whole_when_too_much_was_missed() {
    let served = Served::start().await;
    let link = served.invite("lobby").to_string();
    let mut ada = Page::open();
    ada.join(&link, "Ada", false).await.unwrap();
    let say = |text: &str| {
        let say = json!({ "type": "say", "payload": { "text": text } });
        json!({ "type": "do", "payload": { "command": say } })
    };
    ada.ask(say("before")).await.unwrap();
    // A server that begins anew has another count of what happened.
    let served = served.crash_and_start().await;
    let (cursor, state) = ada
        .heard(|told| match told {
            Told::Snapshot { cursor, state } => Some((*cursor, state.clone())),
            _ => None,
        })
        .await;
    let lines: Vec<&str> = state.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!((state.slug.as_str(), lines), ("lobby", vec!["before"]));
    ada.ask(say("after")).await.unwrap();
    let number = ada
        .heard(|told| match told {
            Told::Events { events } => events.iter().find_map(|one| match &one.event {
                Event::LineSaid { line } if line.text == "after" => Some(one.number),
                _ => None,
            }),
            _ => None,
        })
        .await;
    assert!(number > cursor.number, "{number} is behind {cursor:?}");
    served.running.stop().await;
}
