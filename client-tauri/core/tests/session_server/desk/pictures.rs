//! Cameras, screens and films.

use std::path::{Path, PathBuf};

use conclave_client::{
    desk::{FilmShown, Told},
    film::programs::PlayerKind,
};
use conclave_wire::{Settings, http::CreateRoom};
use serde_json::{Value, json};

use super::{CAMERA, Page, SCREEN, code, records};
use crate::served::Served;

#[tokio::test(flavor = "multi_thread")]
async fn cameras_and_screens_reach_the_page_and_wait_for_it_without_growing() {
    let served = Served::start().await;
    let room = CreateRoom {
        title: "Pictures".to_owned(),
        ..CreateRoom::default()
    };
    // Hosts present without asking anybody.
    let host = served.room(room).await;
    let guest = host.for_room(&host.slug, None).to_string();
    let (mut ada, bob) = (Page::open(), Page::open());
    let joined = ada.join(&host.to_string(), "Ada", true).await.unwrap();
    let you = joined["you"].clone();
    bob.join(&guest, "Bob", false).await.unwrap();
    let watch = json!([{ "source": you, "layer_max": "normal", "pinned": false }]);
    bob.ask(json!({ "type": "watch_cameras", "payload": { "watch": watch } }))
        .await
        .unwrap();
    let pictures = bob.pictures(CAMERA).await;
    assert!(pictures.iter().all(|jpeg| jpeg.starts_with(&[0xFF, 0xD8])));

    let share = json!({ "type": "share_screen", "payload": { "screen": "synthetic" } });
    ada.ask(share).await.unwrap();
    ada.heard(|told| match told {
        Told::Media { media } if media.screen.is_on() => Some(()),
        _ => None,
    })
    .await;
    bob.pictures(SCREEN).await;

    // Nobody fetches while dozens of pictures come; then one of the camera waits and no more.
    let mut painted = 0;
    while painted < 40 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        painted += 1;
    }
    let batch = records(&bob.desk.frames().next().await);
    let cameras = batch.iter().filter(|(kind, _)| *kind == CAMERA).count();
    let screen: usize = batch
        .iter()
        .filter(|(kind, _)| *kind == SCREEN)
        .map(|(_, bytes)| bytes.len())
        .sum();
    assert!(cameras <= 1, "{cameras} pictures of one camera");
    assert!(screen <= 256 * 1024, "{screen} bytes of screen at once");
    served.running.stop().await;
}

/// The film of `scripts/test-film`.
fn test_film() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/test-film");
    let made = std::process::Command::new(script).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_is_chosen_opened_in_mpv_led_and_closed() {
    if let Err(refused) = PlayerKind::Mpv.find() {
        assert!(std::env::var("CI").is_err(), "{refused}");
        eprintln!("SKIPPED: {refused}");
        return;
    }
    let served = Served::start().await;
    let settings = Settings {
        film: true,
        ..Settings::default()
    };
    let room = CreateRoom {
        title: "Cinema".to_owned(),
        settings,
        ..CreateRoom::default()
    };
    let link = served.room(room).await.to_string();
    let mut ada = Page::open();
    ada.join(&link, "Ada", false).await.unwrap();
    let players = ada.ask(json!({ "type": "film_players" })).await.unwrap();
    assert_eq!(players[0], json!({ "kind": "mpv", "can": true }));

    let open = json!({ "type": "open_film", "payload": { "id": 7, "player": "mpv" } });
    let nothing = ada.ask(open.clone()).await.unwrap_err();
    assert_eq!(code(&nothing), "invalid");
    let none = ada.ask(json!({ "type": "choose_film" })).await.unwrap();
    assert_eq!(none, Value::Null);
    let path = test_film();
    let size = std::fs::metadata(&path).unwrap().len();
    *ada.host.film.lock() = Some(path);
    let chosen = ada.ask(json!({ "type": "choose_film" })).await.unwrap();
    assert_eq!(chosen["sizeBytes"], size);
    ada.ask(open).await.unwrap();
    ada.ask(json!({ "type": "film_for_room" })).await.unwrap();

    let film = |told: &Told| match told {
        Told::Film { id: 7, film } => Some(FilmShown::clone(film)),
        _ => None,
    };
    let hashed = ada
        .heard(|told| {
            let whole = |shown: &FilmShown| shown.copy.as_ref().is_some_and(|c| c.sha256.is_some());
            film(told).filter(whole)
        })
        .await;
    assert_eq!((hashed.phase, hashed.hashed_bytes), ("open", size));
    assert_eq!(hashed.duration_ms.map(|ms| ms / 1_000), Some(40));
    assert!(!hashed.tracks.is_empty());
    let play = json!({ "type": "play_film", "payload": { "position_ms": 5_000 } });
    ada.ask(json!({ "type": "do", "payload": { "command": play } }))
        .await
        .unwrap();
    ada.heard(|told| {
        let follows = |shown: &FilmShown| {
            let near = shown.drift_ms.is_some_and(|ms| ms.abs() < 40.0);
            shown.playing && shown.position_ms > 5_000 && near
        };
        film(told).filter(follows)
    })
    .await;
    let tune = json!({ "volume_percent": 40, "muted": true, "duck": true });
    ada.ask(json!({ "type": "tune_film", "payload": tune }))
        .await
        .unwrap();
    ada.heard(|told| {
        let tuned =
            |shown: &FilmShown| shown.muted && shown.ducked && (shown.volume - 0.4).abs() < 0.01;
        film(told).filter(tuned)
    })
    .await;
    let pause = json!({ "type": "pause_film", "payload": { "position_ms": 10_000 } });
    ada.ask(json!({ "type": "do", "payload": { "command": pause } }))
        .await
        .unwrap();
    ada.heard(|told| {
        let stands = |shown: &FilmShown| !shown.playing && shown.position_ms.abs_diff(10_000) < 40;
        film(told).filter(stands)
    })
    .await;
    let step = json!({ "type": "step_film", "payload": { "back": false } });
    let there = ada.ask(step).await.unwrap().as_f64().unwrap();
    assert!((9_950.0..10_100.0).contains(&there), "{there}");

    ada.ask(json!({ "type": "close_film" })).await.unwrap();
    let closed = ada
        .heard(|told| film(told).filter(|shown| shown.phase != "open"))
        .await;
    assert_eq!((closed.phase, closed.failure), ("closed", None));
    let gone = ada.ask(json!({ "type": "film_for_room" })).await;
    assert_eq!(code(&gone.unwrap_err()), "no_film");
    served.running.stop().await;
}
