//! What a window needs, with no window: the page's questions asked, and what it is told listened to.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use conclave_client::{
    desk::{Ask, Desk, FilmShown, Host, Keys, Places, RoomLink, SyntheticRack, Told, Trouble},
    film::programs::PlayerKind,
    link::invite::Invite,
};
use conclave_wire::{
    Event, Settings, SharedFile,
    http::CreateRoom,
    limits::{FOCUS_ON_CHARS_MAX, GOALS_MAX},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

use crate::served::{PATIENCE, Served};

const CAMERA: u8 = 1;
const SCREEN: u8 = 3;

/// A host that shows nothing and gives no place to save at; it notes the files that it should show or drag.
#[derive(Default)]
struct NoHost {
    shown: Mutex<Vec<PathBuf>>,
    dragged: Mutex<Vec<PathBuf>>,
    /// What the person chooses to watch.
    film: Mutex<Option<PathBuf>>,
}

impl Host for NoHost {
    fn save_as(&self, _: String) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>> {
        Box::pin(async { None })
    }
    fn open_film(&self) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>> {
        let film = self.film.lock().clone();
        Box::pin(async move { film })
    }
    fn show_file(&self, path: &Path) {
        self.shown.lock().push(path.to_owned());
    }
    fn drag_file(&self, path: &Path) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.dragged.lock().push(path.to_owned());
        Box::pin(async {})
    }
    fn notify(&self, _: &str, _: &str) {}
    fn meeting(&self, _: bool) {}
    fn microphone(&self, _: Option<bool>) {}
    fn keys(&self, _: &Keys) -> Result<(), String> {
        Ok(())
    }
    fn lacks(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

/// A page that listens.
struct Page {
    desk: Desk,
    host: Arc<NoHost>,
    told: mpsc::UnboundedReceiver<Told>,
    folder: TempDir,
}

impl Page {
    fn open() -> Page {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            config: folder.path().join("config"),
            data: folder.path().join("data"),
            downloads: folder.path().join("downloads"),
        };
        std::fs::create_dir_all(&places.downloads).unwrap();
        std::fs::create_dir_all(&places.config).unwrap();
        std::fs::write(
            places.config.join("settings.json"),
            r#"{"ask_where": false}"#,
        )
        .unwrap();
        let host = Arc::new(NoHost::default());
        let desk = Desk::open(places, SyntheticRack::new(), Arc::clone(&host) as _);
        let (telling, told) = mpsc::unbounded_channel();
        desk.listen(Arc::new(move |told| {
            let _ = telling.send(told);
        }));
        Page {
            desk,
            host,
            told,
            folder,
        }
    }

    async fn ask(&self, ask: Value) -> Result<Value, Trouble> {
        let ask: Ask = serde_json::from_value(ask).unwrap();
        timeout(PATIENCE, self.desk.ask(ask)).await.unwrap()
    }

    /// From a pasted link into the room.
    async fn join(&self, link: &str, name: &str, camera: bool) -> Result<Value, Trouble> {
        let wish = json!({ "name": name, "camera": camera });
        self.join_with(link, wish).await
    }

    /// With a wish of one's own.
    async fn join_with(&self, link: &str, wish: Value) -> Result<Value, Trouble> {
        let link = self
            .ask(json!({ "type": "read_link", "payload": { "text": link } }))
            .await?;
        let mut whole = json!({
            "link": link, "password": null,
            "sound": true, "microphone": false, "camera": false,
        });
        let (parts, wish) = (whole.as_object_mut().unwrap(), wish.as_object().unwrap());
        parts.extend(wish.clone());
        self.ask(json!({ "type": "join", "payload": { "wish": whole } }))
            .await
    }

    async fn heard<T>(&mut self, what: impl Fn(&Told) -> Option<T>) -> T {
        let hearing = async {
            loop {
                let told = self.told.recv().await.unwrap();
                if let Some(found) = what(&told) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, hearing).await.expect("it was not told")
    }

    async fn happened<T>(&mut self, what: impl Fn(&Event) -> Option<T>) -> T {
        self.heard(|told| match told {
            Told::Events { events } => events.iter().find_map(|one| what(&one.event)),
            _ => None,
        })
        .await
    }

    /// Pictures of this kind in the next answer that has any.
    async fn pictures(&self, wanted: u8) -> Vec<Vec<u8>> {
        let fetching = async {
            loop {
                let found: Vec<Vec<u8>> = records(&self.desk.frames().next().await)
                    .into_iter()
                    .filter(|(kind, _)| *kind == wanted)
                    .map(|(_, bytes)| bytes)
                    .collect();
                if !found.is_empty() {
                    return found;
                }
            }
        };
        timeout(PATIENCE, fetching).await.expect("no picture came")
    }
}

fn records(mut batch: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let [kind, _, _, _, _, a, b, c, d, rest @ ..] = batch {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        found.push((*kind, rest[..length].to_vec()));
        batch = &rest[length..];
    }
    assert!(batch.is_empty(), "a batch is whole");
    found
}

fn code(trouble: &Trouble) -> &str {
    match trouble {
        Trouble::Refusal { code, .. } => code,
        Trouble::Device { .. } => "device",
    }
}

fn shared(event: &Event) -> Option<SharedFile> {
    match event {
        Event::FileShared { file } => Some(file.clone()),
        _ => None,
    }
}

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

#[tokio::test]
async fn our_own_studies_stay_in_the_settings() {
    let page = Page::open();
    let found = page.ask(json!({ "type": "own_study" })).await.unwrap();
    assert_eq!(found, Value::Null);
    let keep = |study: &Value| json!({ "type": "keep_study", "payload": { "study": study } });
    let goal = |id: usize| json!({ "id": id, "text": format!("Page {id}"), "done": id == 1 });
    let study = json!({
        "focusOn": "Waves", "goals": [goal(1), goal(2)], "shares": true, "days": { "2026-03-01": 60_000 },
    });
    page.ask(keep(&study)).await.unwrap();

    // More than a room takes of anybody is refused, and what was kept stays.
    let mut many = study.clone();
    many["goals"] = (1..=GOALS_MAX + 1).map(goal).collect();
    let mut long = study.clone();
    long["focusOn"] = "x".repeat(FOCUS_ON_CHARS_MAX + 1).into();
    let mut odd = study.clone();
    odd["days"] = json!({ "some day": 60_000 });
    for wrong in [many, long, odd] {
        let refused = page.ask(keep(&wrong)).await.unwrap_err();
        assert_eq!(code(&refused), "invalid");
    }

    let file = page.folder.path().join("config/settings.json");
    let stored: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(stored["study"], study);
    let found = page.ask(json!({ "type": "own_study" })).await.unwrap();
    assert_eq!(found, study);
}

fn notes() -> Vec<u8> {
    (0..300_000_u32).map(|at| (at % 251) as u8).collect()
}

async fn begins(page: &Page, bytes: &[u8]) {
    let begin = json!({ "id": 1, "name": "notes.bin", "size_bytes": bytes.len() });
    page.ask(json!({ "type": "begin_upload", "payload": begin }))
        .await
        .unwrap();
}

async fn sends(page: &Page, bytes: &[u8]) {
    begins(page, bytes).await;
    page.desk.take_piece(1, bytes.to_vec()).await.unwrap();
    page.ask(json!({ "type": "send_upload", "payload": { "id": 1 } }))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_piece_by_piece_and_comes_whole() {
    let served = Served::start().await;
    let link = served.invite("lobby").to_string();
    let (ada, mut bob) = (Page::open(), Page::open());
    ada.join(&link, "Ada", false).await.unwrap();
    bob.join(&link, "Bob", false).await.unwrap();
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

    sends(&ada, &bytes).await;
    let file = bob.happened(shared).await;
    assert_eq!(
        (file.name.as_str(), file.size_bytes),
        ("notes.bin", 300_000)
    );

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

/// Of a transfer that is over.
fn transfer_state(told: &Told) -> Option<Value> {
    let told = serde_json::to_value(told).unwrap();
    let state = &told["transfer"]["state"];
    matches!(state["state"].as_str(), Some("done" | "failed")).then(|| state.clone())
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
async fn a_full_disk_is_told_and_the_file_comes_when_there_is_room() {
    let served = Served::start().await;
    let link = served.invite("lobby").to_string();
    let (ada, mut bob) = (Page::open(), Page::open());
    ada.join(&link, "Ada", false).await.unwrap();
    bob.join(&link, "Bob", false).await.unwrap();
    let bytes = notes();
    sends(&ada, &bytes).await;
    let file = bob.happened(shared).await;
    assert_eq!(
        (file.name.as_str(), file.size_bytes),
        ("notes.bin", 300_000)
    );

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
