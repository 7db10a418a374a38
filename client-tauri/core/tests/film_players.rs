//! Real players with a real film: mpv and VLC, started without window and sound, and what they do when they are
//! hurt. Where a player is not installed its tests say so; under CI that is a failure.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use conclave_client::{
    film::{
        controls::TrackKind,
        mpv::{Mpv, MpvStart},
        player::{ByHand, Player, PlayerError},
        programs::PlayerKind,
        vlc::{VLC_GRAIN, Vlc, VlcStart},
    },
    media::clock::MediaClock,
};
use conclave_core::watch::{Order, Seen};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Only ends a test that would fail anyway.
const DEADLINE: Duration = Duration::from_secs(15);
/// Frames of the test film.
const FRAME: Duration = Duration::from_micros(16_667);

/// The film of `scripts/test-film`.
fn film() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/test-film");
    let made = Command::new(script).output().unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

/// Whether this player is there; a test without it is skipped visibly, and fails under CI.
fn has(kind: PlayerKind) -> bool {
    match kind.find() {
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

/// Looks until what is seen is as it should be.
async fn seen(player: &mut dyn Player, clock: MediaClock, good: impl Fn(&Seen) -> bool) -> Seen {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let seen = player.look(clock).await.unwrap();
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn near(seen: &Seen, position: Duration, off: Duration) -> bool {
    seen.position.abs_diff(position) <= off
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn mpv_plays_pauses_jumps_and_changes_its_rate() {
    if !has(PlayerKind::Mpv) {
        return;
    }
    let (clock, mut mpv) = (MediaClock::start(), mpv().await);
    mpv.open(&film()).await.unwrap();
    let opened = seen(&mut mpv, clock, |seen| seen.duration.is_some()).await;
    assert!(
        !opened.playing && near(&opened, Duration::ZERO, FRAME),
        "{opened:?}"
    );
    assert!(opened.duration.unwrap().abs_diff(secs(40.0)) < secs(0.1));

    mpv.order(Order::Seek { to: secs(10.0) }).await.unwrap();
    seen(&mut mpv, clock, |seen| {
        near(seen, secs(10.0), FRAME) && !seen.buffering
    })
    .await;

    mpv.order(Order::Rate { permille: 1_500 }).await.unwrap();
    mpv.order(Order::Play).await.unwrap();
    let moving = seen(&mut mpv, clock, |seen| {
        seen.playing && seen.position > secs(10.5)
    })
    .await;
    assert_eq!(moving.rate_permille, 1_500);
    let later = seen(&mut mpv, clock, |seen| seen.position > secs(14.0)).await;
    // Positions are true at their instants, so the rate is in them.
    let rate =
        (later.position - moving.position).as_secs_f64() / later.at.since(moving.at).as_secs_f64();
    assert!((rate - 1.5).abs() < 0.1, "{rate}");

    mpv.order(Order::Pause).await.unwrap();
    let paused = seen(&mut mpv, clock, |seen| !seen.playing).await;
    let still = seen(&mut mpv, clock, |seen| seen.at.since(paused.at) > secs(0.1)).await;
    assert!(
        near(&still, paused.position, 2 * FRAME),
        "{paused:?} {still:?}"
    );
    assert_eq!(mpv.by_hand(), None, "all of it was our doing");
    mpv.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mpv_has_tracks_volume_and_single_pictures() {
    if !has(PlayerKind::Mpv) {
        return;
    }
    let (clock, mut mpv) = (MediaClock::start(), mpv().await);
    mpv.open(&film()).await.unwrap();
    let knobs = mpv.controls();
    mpv.order(Order::Seek { to: secs(5.0) }).await.unwrap();
    let before = seen(&mut mpv, clock, |seen| {
        near(seen, secs(5.0), FRAME) && !seen.buffering
    })
    .await;
    for back in [false, false, true] {
        let from = seen(&mut mpv, clock, |seen| !seen.buffering).await.position;
        let middle = knobs.step(back).await.unwrap();
        let shown = middle - FRAME / 2;
        let expected = if back { from - FRAME } else { from + FRAME };
        assert!(shown.abs_diff(expected) < FRAME / 4, "{from:?} {middle:?}");
    }
    assert!(near(&before, secs(5.0), FRAME));
    assert_eq!(mpv.by_hand(), None, "all of it was our doing");

    let audio = |tracks: &[conclave_client::film::controls::Track]| {
        tracks
            .iter()
            .find(|track| track.kind == TrackKind::Audio)
            .cloned()
    };
    assert!(audio(&knobs.status().tracks).unwrap().chosen);
    knobs.choose_track(TrackKind::Audio, None).await.unwrap();
    let mut changed = knobs.changed();
    while audio(&knobs.status().tracks).unwrap().chosen {
        changed.changed().await.unwrap();
    }
    knobs.set_volume(60).await.unwrap();
    knobs.duck(true).await.unwrap();
    let status = knobs.status();
    assert_eq!((status.volume_percent, status.ducked), (60, true));
    mpv.order(Order::Play).await.unwrap();
    assert!(matches!(
        knobs.step(false).await,
        Err(PlayerError::Refused(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_in_the_window_of_mpv_is_told() {
    if !has(PlayerKind::Mpv) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let mut theirs = tokio::process::Command::new("mpv")
        .args([
            "--no-config",
            "--vo=null",
            "--ao=null",
            "--pause",
            "--no-terminal",
        ])
        .arg(format!("--input-ipc-server={}", socket.display()))
        .arg(film())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + DEADLINE;
    let attached = || async {
        loop {
            match Mpv::attach(&socket).await {
                Ok(mpv) => return mpv,
                Err(refused) => assert!(Instant::now() < deadline, "{refused}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    // The second one is a person's hand.
    let (clock, mut mpv, mut hand) = (MediaClock::start(), attached().await, attached().await);
    mpv.open(&film()).await.unwrap();
    seen(&mut mpv, clock, |seen| {
        seen.duration.is_some() && !seen.buffering
    })
    .await;
    seen(&mut hand, clock, |seen| seen.duration.is_some()).await;
    while mpv.by_hand().is_some() {}
    hand.order(Order::Play).await.unwrap();
    hand.order(Order::Seek { to: secs(20.0) }).await.unwrap();
    hand.order(Order::Pause).await.unwrap();
    let mut done = Vec::new();
    while done.len() < 3 {
        seen(&mut mpv, clock, |_| true).await;
        done.extend(std::iter::from_fn(|| mpv.by_hand()));
        assert!(Instant::now() < deadline + DEADLINE, "{done:?}");
    }
    assert_eq!((done[0], done[2]), (ByHand::Resumed, ByHand::Paused));
    let ByHand::Sought { to } = done[1] else {
        panic!("{done:?}");
    };
    assert!(to.abs_diff(secs(20.0)) < secs(0.2), "{to:?}");
    theirs.kill().await.unwrap();
    while mpv.look(clock).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(mpv.look(clock).await, Err(PlayerError::Gone));
    assert_eq!(
        Mpv::attach(&socket).await.err().unwrap().code,
        "player_gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mpv_that_stands_still_is_seen_to_stand_still_and_goes_on() {
    if !has(PlayerKind::Mpv) {
        return;
    }
    let (clock, mut mpv) = (MediaClock::start(), mpv().await);
    mpv.open(&film()).await.unwrap();
    mpv.order(Order::Play).await.unwrap();
    seen(&mut mpv, clock, |seen| seen.position > secs(0.5)).await;
    let process = mpv.process_id().unwrap();
    signal(process, "STOP");
    let stopped = clock.now();
    let frozen = seen(&mut mpv, clock, |seen| seen.at.since(stopped) > secs(0.5)).await;
    assert!(frozen.playing && frozen.position < secs(2.0), "{frozen:?}");
    assert_eq!(mpv.order(Order::Pause).await, Err(PlayerError::Hung));
    let asked = Instant::now();
    assert_eq!(mpv.order(Order::Play).await, Err(PlayerError::Hung));
    assert!(asked.elapsed() < secs(0.5), "it is not asked twice");
    signal(process, "CONT");
    // The pause that it was asked for is done when it wakes, and then it listens again.
    seen(&mut mpv, clock, |seen| !seen.playing).await;
    mpv.order(Order::Play).await.unwrap();
    seen(&mut mpv, clock, |seen| {
        seen.position > frozen.position + secs(0.5)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_and_dead_players_are_refused_in_words() {
    if !has(PlayerKind::Mpv) {
        return;
    }
    let (clock, mut mpv) = (MediaClock::start(), mpv().await);
    let folder = tempfile::tempdir().unwrap();
    let here = |name: &str| folder.path().join(name);
    let refused = |answer: Result<(), PlayerError>| match answer {
        Err(PlayerError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(mpv.open(&here("gone.mkv")).await).contains("not there any more"));
    fs::write(here("text.mkv"), "no film at all").unwrap();
    assert!(refused(mpv.open(&here("text.mkv")).await).contains("cannot play"));
    assert_eq!(
        mpv.controls().status().failure.unwrap().code,
        "cannot_decode"
    );

    // A file that is deleted while it plays goes on: it is open.
    fs::copy(film(), here("film.mp4")).unwrap();
    mpv.open(&here("film.mp4")).await.unwrap();
    mpv.order(Order::Play).await.unwrap();
    seen(&mut mpv, clock, |seen| seen.position > secs(0.2)).await;
    fs::remove_file(here("film.mp4")).unwrap();
    mpv.order(Order::Seek { to: secs(30.0) }).await.unwrap();
    seen(&mut mpv, clock, |seen| seen.position > secs(30.2)).await;
    assert!(refused(mpv.open(&here("film.mp4")).await).contains("not there any more"));

    signal(mpv.process_id().unwrap(), "KILL");
    while mpv.look(clock).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(mpv.order(Order::Play).await, Err(PlayerError::Gone));
    assert_eq!(mpv.controls().status().failure.unwrap().code, "player_gone");
    mpv.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_player_is_refused() {
    let wish = |program: &str| MpvStart {
        program: Some(PathBuf::from(program)),
        ..MpvStart::default()
    };
    assert_eq!(
        Mpv::start(wish("/nowhere/mpv")).await.err().unwrap().code,
        "player_missing"
    );
    let refused = Mpv::start(wish("/bin/false")).await.err().unwrap();
    assert_eq!(refused.code, "player_failed");
    assert!(refused.message.contains("ended at once"), "{refused}");
}

/// VLC does not run for root: where a test does, it is another person's.
fn vlc_program(folder: &TempDir) -> PathBuf {
    let program = PlayerKind::Vlc.find().unwrap();
    if !is_root() {
        return program;
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let wrapper = folder.path().join("vlc");
    let script = format!(
        "#!/bin/sh\nfor option in \"$@\"; do case \"$option\" in --config=*)\n\
         chown -R 65534:65534 \"$(dirname \"${{option#--config=}}\")\";; esac; done\n\
         HOME={home} exec setpriv --reuid=65534 --regid=65534 --clear-groups {program} \"$@\"\n",
        home = folder.path().display(),
        program = program.display(),
    );
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    wrapper
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0")
}

#[tokio::test(flavor = "multi_thread")]
async fn vlc_follows_as_exactly_as_its_clock_allows() {
    if !has(PlayerKind::Vlc) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("a film & more.mp4");
    fs::copy(film(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    let wish = VlcStart {
        program: Some(vlc_program(&folder)),
        headless: true,
        ..VlcStart::default()
    };
    let (clock, mut vlc) = (MediaClock::start(), Vlc::start(wish).await.unwrap());
    vlc.open(&copy).await.unwrap();
    let opened = seen(&mut vlc, clock, |seen| seen.duration.is_some()).await;
    assert!(!opened.playing);
    assert!(
        opened.duration.unwrap().abs_diff(secs(40.0)) <= secs(1.0),
        "{opened:?}"
    );
    assert!(vlc.abilities().precise.is_err() && vlc.abilities().frame_step.is_err());

    vlc.order(Order::Play).await.unwrap();
    let started = seen(&mut vlc, clock, |seen| {
        seen.playing && seen.position > secs(1.0)
    })
    .await;
    let later = seen(&mut vlc, clock, |seen| seen.position > secs(4.0)).await;
    let rate = (later.position - started.position).as_secs_f64()
        / later.at.since(started.at).as_secs_f64();
    assert!((rate - 1.0).abs() < 0.3, "{rate}");
    vlc.order(Order::Seek { to: secs(20.5) }).await.unwrap();
    let sought = seen(&mut vlc, clock, |seen| seen.position > secs(15.0)).await;
    assert!(
        near(&sought, secs(20.5), VLC_GRAIN + secs(0.5)),
        "{sought:?}"
    );
    vlc.order(Order::Rate { permille: 1_500 }).await.unwrap();
    seen(&mut vlc, clock, |seen| {
        seen.rate_permille.abs_diff(1_500) < 20
    })
    .await;
    vlc.order(Order::Pause).await.unwrap();
    seen(&mut vlc, clock, |seen| !seen.playing).await;
    let knobs = vlc.controls();
    assert_eq!(knobs.status().tracks[0].kind, TrackKind::Audio);
    knobs.duck(true).await.unwrap();
    assert!(knobs.status().ducked);

    signal(vlc.process_id().unwrap(), "KILL");
    while vlc.look(clock).await.is_ok() {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(vlc.look(clock).await, Err(PlayerError::Gone));
    assert_eq!(knobs.status().failure.unwrap().code, "player_gone");
}
