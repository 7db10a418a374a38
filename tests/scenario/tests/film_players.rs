//! A film evening: two with mpv, one who shows nothing and follows all the same, and one with another copy. The film
//! itself never crosses the network.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]
#![cfg(unix)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command as Program,
    time::Duration,
};

use conclave_client::{
    client::Client,
    film::{
        mpv::{Mpv, MpvStart},
        player::Player,
        programs::PlayerKind,
        synthetic::Synthetic,
        watch::{FilmFigures, FilmWatch},
    },
};
use conclave_core::watch::{Aim, synthetic::Habits};
use conclave_scenario::{
    network::{TcpProxy, UdpProxy, Weather},
    people::{Coming, Person},
    server::{DEADLINE, Server, through},
};
use conclave_wire::{
    Command, FilmMark, FilmReadiness, RefusalCode, RoomState, command::Reply, film::Unchecked,
    http::CreateRoom,
};
use tokio::time::{Instant, sleep, timeout};

/// As close as everybody must be: two and a half frames.
const TOGETHER_US: u64 = 40_000;
/// A film without its picture and sound, beside whose bytes a few words would be lost.
const FILM_MB_MIN: u64 = 24;

fn film() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/test-film");
    let made = Program::new(script).output().unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

fn has_mpv() -> bool {
    match PlayerKind::Mpv.find() {
        Ok(_) => true,
        Err(refused) => {
            assert!(std::env::var("CI").is_err(), "{refused}");
            eprintln!("SKIPPED: {refused}");
            false
        }
    }
}

async fn mpv() -> Mpv {
    let wish = MpvStart {
        headless: true,
        ..MpvStart::default()
    };
    Mpv::start(wish).await.unwrap()
}

async fn watch_room(server: &Server) -> conclave_client::link::invite::Invite {
    let room = CreateRoom {
        template: Some("watch".to_owned()),
        ..serde_json::from_str(r#"{"title": "Film"}"#).unwrap()
    };
    server.room_with(room).await
}

/// Waits for figures.
async fn follows(
    watch: &FilmWatch,
    what: &str,
    good: impl Fn(&FilmFigures) -> bool,
) -> FilmFigures {
    let mut figures = watch.figures();
    match timeout(DEADLINE, figures.wait_for(|figures| good(figures))).await {
        Ok(found) => found.unwrap().clone(),
        Err(_) => panic!("{what}: {:?}", watch.figures().borrow()),
    }
}

async fn sees(client: &Client, what: &str, good: impl Fn(&RoomState) -> bool) {
    let mut state = client.state();
    let waited = timeout(DEADLINE, state.wait_for(|state| good(state))).await;
    assert!(waited.is_ok(), "{what}: {:?}", client.state().borrow().film);
}

fn together(figures: &FilmFigures) -> bool {
    figures.playing
        && figures
            .drift_us
            .is_some_and(|off| off.unsigned_abs() <= TOGETHER_US)
}

/// Where the room says that everybody should be now.
fn wanted(client: &Client) -> Duration {
    let aim = Aim::of(&client.state().borrow().film).unwrap();
    aim.position_at(client.room_clock().unwrap().remote)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_evening_with_two_mpv_and_one_who_shows_nothing() {
    if !has_mpv() {
        return;
    }
    let server = Server::start();
    let invite = watch_room(&server).await;
    // Everything but voice and pictures goes this way: the control links, and whatever is asked over HTTP.
    let wire = TcpProxy::start().await.unwrap();
    wire.lead_to(server.tcp());
    let invite = through(&invite, wire.address());
    let weather = Weather {
        jitter: Duration::from_millis(30),
        ..Weather::default()
    };
    let rough = UdpProxy::start(7, weather).await.unwrap();
    rough.lead_to(server.udp());
    let coming = Coming {
        media_by: Some(rough.address()),
        microphone: false,
        ..Coming::default()
    };
    let quiet = || Coming {
        microphone: false,
        ..Coming::default()
    };
    let ada = Person::come(&invite, "Ada", quiet()).await;
    let bob = Person::come(&invite, "Bob", coming).await;
    let cleo = Person::come(&invite, "Cleo", quiet()).await;

    // A film that is large beside all that is said about it: what players skip stands behind it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let mut bytes = fs::read(film()).unwrap();
    let padding = (FILM_MB_MIN << 20) as usize - 8;
    bytes.extend((padding as u32).to_be_bytes());
    bytes.extend(b"free");
    bytes.resize(bytes.len() + padding - 8, 7);
    fs::write(&path, &bytes).unwrap();

    let first = FilmWatch::open(&ada.client, Box::new(mpv().await), &path)
        .await
        .unwrap();
    first.open_for_room().await.unwrap();
    let second_mpv = mpv().await;
    let process = second_mpv.process_id().unwrap();
    let second = FilmWatch::open(&bob.client, Box::new(second_mpv), &path)
        .await
        .unwrap();
    let shows_nothing = Synthetic::new(
        conclave_client::media::clock::MediaClock::start(),
        Habits::default(),
        Some(Duration::from_secs(40)),
    );
    let third = FilmWatch::open(&cleo.client, Box::new(shows_nothing), &path)
        .await
        .unwrap();
    let everybody = [&first, &second, &third];
    sees(&cleo.client, "three have it, surely", |state| {
        state.film.marks.len() == 3
            && state
                .film
                .marks
                .iter()
                .all(|mark| mark.sure && mark.readiness == FilmReadiness::Ready)
    })
    .await;

    // Play, and go to another place, and faster.
    ada.client
        .ask(Command::PlayFilm { position_ms: None })
        .await
        .unwrap();
    for watch in everybody {
        follows(watch, "plays", together).await;
    }
    let to = Command::SeekFilm {
        position_ms: Unchecked(15_000.0),
    };
    bob.client.ask(to).await.unwrap();
    for watch in everybody {
        follows(watch, "has jumped", |figures| {
            figures.position_ms >= 15_000 && together(figures)
        })
        .await;
    }
    let faster = Command::SetFilmSpeed {
        rate_permille: Unchecked(1_250.0),
    };
    cleo.client.ask(faster).await.unwrap();
    for watch in everybody {
        follows(watch, "is faster", |figures| {
            figures.rate_permille.abs_diff(1_250) <= 65 && together(figures)
        })
        .await;
    }

    // One stalls: it is waited for, and nobody waits for ever.
    signal(process, "STOP");
    sees(&ada.client, "Bob is waited for", |state| {
        state
            .film
            .anchor
            .hold
            .as_ref()
            .is_some_and(|hold| hold.waiting_for == [bob.id()])
    })
    .await;
    follows(&first, "stands while Bob is waited for", |figures| {
        !figures.playing
    })
    .await;
    signal(process, "CONT");
    sees(&ada.client, "it goes on", |state| {
        state.film.anchor.hold.is_none()
    })
    .await;
    for watch in everybody {
        follows(watch, "is together again", together).await;
    }
    let there = wanted(&ada.client);
    assert!(
        there > Duration::from_secs(15) && there < Duration::from_secs(40),
        "{there:?}"
    );

    // Another copy is told what is wrong with it, and leaves the others alone.
    let other = folder.path().join("other cut.mp4");
    bytes.truncate(bytes.len() - 1_000);
    fs::write(&other, &bytes).unwrap();
    let dora = Person::come(&invite, "Dora", quiet()).await;
    let fourth = FilmWatch::open(&dora.client, Box::new(mpv().await), &other)
        .await
        .unwrap();
    let refused = follows(&fourth, "is refused", |figures| figures.refused.is_some()).await;
    assert_eq!(refused.refused.unwrap().code, RefusalCode::FileHashMismatch);
    sleep(Duration::from_millis(300)).await;
    assert!(!fourth.figures().borrow().playing, "it does not follow");

    // Everybody stops when the film is closed for all.
    ada.client.ask(Command::StopFilm).await.unwrap();
    sees(&bob.client, "the film is closed", |state| {
        state.film.file.is_none()
    })
    .await;

    // So much went over the network for all of it; the film alone has more than ten times of it.
    let datagrams: u64 = [&ada, &bob, &cleo, &dora]
        .iter()
        .map(|person| {
            let link = person.client.figures().link;
            link.bytes_sent + link.bytes_received
        })
        .sum();
    let (carried, kept) = (wire.carried_bytes(), bytes_within(server.data()));
    println!(
        "a film of {FILM_MB_MIN} MiB: {carried} bytes by TCP, {datagrams} by UDP, {kept} kept"
    );
    assert!(carried > 1_000, "the links were counted");
    for bytes in [carried, datagrams, kept] {
        assert!(
            bytes < (FILM_MB_MIN << 20) / 10,
            "{carried} bytes by TCP, {datagrams} by UDP, {kept} are kept"
        );
    }
    for watch in [first, second, third, fourth] {
        watch.close().await;
    }
    sees(&dora.client, "nobody has a copy open", |state| {
        state.film.marks.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_by_hand_in_one_players_window_is_everybodys() {
    if !has_mpv() {
        return;
    }
    let server = Server::start();
    let invite = watch_room(&server).await;
    let ada = Person::join(&invite, "Ada").await;
    let bob = Person::join(&invite, "Bob").await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let mut theirs = Program::new("mpv")
        .args([
            "--no-config",
            "--vo=null",
            "--ao=null",
            "--pause",
            "--no-terminal",
            "--idle=yes",
        ])
        .arg(format!("--input-ipc-server={}", socket.display()))
        .spawn()
        .unwrap();
    let attach = || async {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match Mpv::attach(&socket).await {
                Ok(mpv) => return mpv,
                Err(refused) => assert!(Instant::now() < deadline, "{refused}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let path = film();
    let first = FilmWatch::open(&ada.client, Box::new(attach().await), &path)
        .await
        .unwrap();
    let mut hand = attach().await;
    assert!(matches!(
        first.open_for_room().await,
        Ok(Reply::Nothing | Reply::FilmMatched { .. })
    ));
    let second = FilmWatch::open(&bob.client, Box::new(mpv().await), &path)
        .await
        .unwrap();
    sees(&ada.client, "both are ready", |state| {
        state.film.marks.len() == 2
            && state
                .film
                .marks
                .iter()
                .all(|mark| mark.readiness == FilmReadiness::Ready)
    })
    .await;
    bob.client
        .ask(Command::PlayFilm { position_ms: None })
        .await
        .unwrap();
    follows(&first, "plays", together).await;
    follows(&second, "plays", together).await;
    hand.order(conclave_core::watch::Order::Pause)
        .await
        .unwrap();
    follows(&second, "stands, as Ada's does", |figures| !figures.playing).await;
    let state = bob.client.state().borrow().clone();
    assert!(!state.film.anchor.playing);
    // A player that is closed by hand is the end of following, and says so.
    theirs.kill().unwrap();
    theirs.wait().unwrap();
    let gone = follows(&first, "is gone", |figures| figures.failure.is_some()).await;
    assert_eq!(gone.failure.unwrap().code, "player_gone");
    sees(&bob.client, "Ada's copy is closed", |state| {
        state.film.marks.len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_goes_on_from_the_right_place_when_its_server_is_killed() {
    if !has_mpv() {
        return;
    }
    let server = Server::start();
    let invite = watch_room(&server).await;
    let quiet = || Coming {
        microphone: false,
        ..Coming::default()
    };
    let ada = Person::come(&invite, "Ada", quiet()).await;
    let bob = Person::come(&invite, "Bob", quiet()).await;
    let path = film();
    let first = FilmWatch::open(&ada.client, Box::new(mpv().await), &path)
        .await
        .unwrap();
    first.open_for_room().await.unwrap();
    let second = FilmWatch::open(&bob.client, Box::new(mpv().await), &path)
        .await
        .unwrap();
    let both_have_it = |state: &RoomState| {
        let ready = |mark: &FilmMark| mark.readiness == FilmReadiness::Ready;
        state.film.marks.iter().filter(|mark| ready(mark)).count() == 2
    };
    sees(&bob.client, "both are ready", both_have_it).await;
    let from = Command::PlayFilm {
        position_ms: Some(Unchecked(5_000.0)),
    };
    ada.client.ask(from).await.unwrap();
    for watch in [&first, &second] {
        follows(watch, "plays", together).await;
    }
    let (began, place) = (Instant::now(), wanted(&ada.client));

    server.kill();
    // Nobody says anything any more, and both play on.
    let alone = first.figures().borrow().position_ms + 500;
    follows(&first, "plays on without a server", |figures| {
        figures.playing && figures.position_ms >= alone
    })
    .await;
    server.start_again();
    for person in [&ada, &bob] {
        sees(&person.client, "who has a copy says so again", |state| {
            let away = state.members.iter().any(|member| member.away);
            !away && both_have_it(state)
        })
        .await;
    }
    for watch in [&first, &second] {
        let figures = follows(watch, "is in its place", together).await;
        assert_eq!(figures.failure, None);
    }
    let off = (place + began.elapsed()).abs_diff(wanted(&bob.client));
    assert!(off < Duration::from_millis(250), "the film is {off:?} off");
    first.close().await;
    second.close().await;
}

/// Of all files in a folder and what is in it.
fn bytes_within(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_within(&entry.path()),
            Ok(found) => found.len(),
            // A file of the database that has just gone.
            Err(_) => 0,
        })
        .sum()
}

fn signal(process: u32, name: &str) {
    let sent = Program::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}
