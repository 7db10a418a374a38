//! Goal: a room has one film at one place, whoever asks for what; it waits for people, but never for ever.
//! Method: evenings of a room on a made-up clock, every refusal, and random people who stall and lie.
#![allow(clippy::unwrap_used)]

mod room_world;

use std::time::Duration;

use conclave_core::{
    Moment,
    room::*,
    watch::{
        Aim, Comparison, Difference, Leader, compare,
        leader::{FOLDED, HOLD_MAX, LEAD, Move, REGAINED_AFTER, SPEED_LEAD, Standing},
    },
};
use conclave_wire::{command::Reply, film::Unchecked, *};
use proptest::prelude::*;
use room_world::*;

const LENGTH_MS: u64 = 600_000;

fn file() -> FilmFile {
    FilmFile {
        name: "film.mkv".to_owned(),
        size_bytes: 1_000_000,
        duration_ms: LENGTH_MS,
        sample: Some("5a".repeat(32)),
        sha256: None,
    }
}

fn hashed(digits: &str) -> FilmFile {
    FilmFile {
        sha256: Some(digits.repeat(32)),
        ..file()
    }
}

fn cinema() -> Settings {
    Settings {
        film: true,
        ..Settings::default()
    }
}

fn play(ms: Option<f64>) -> Command {
    Command::PlayFilm {
        position_ms: ms.map(Unchecked),
    }
}

fn pause() -> Command {
    Command::PauseFilm { position_ms: None }
}

fn seek(ms: f64) -> Command {
    Command::SeekFilm {
        position_ms: Unchecked(ms),
    }
}

fn speed(permille: f64) -> Command {
    Command::SetFilmSpeed {
        rate_permille: Unchecked(permille),
    }
}

fn mark(readiness: FilmReadiness) -> Command {
    Command::MarkFilm { readiness }
}

/// A room with a film open, and so many people who have it and are ready.
fn evening(settings: Settings, people: usize) -> World {
    let mut world = World::new(settings);
    for at in 0..people {
        match at {
            0 => world.join_as_host("Ada"),
            _ => world.join(&format!("Guest {at}")),
        };
    }
    world.ask(0, Command::OpenFilm { film: file() }).unwrap();
    for at in 0..people {
        world.ask(at, Command::HaveFilm { film: file() }).unwrap();
        world.ask(at, mark(FilmReadiness::Ready)).unwrap();
    }
    world.wait(1_000);
    world
}

fn film(world: &World, client: usize) -> Film {
    world.clients[client].state.film.clone()
}

/// Where the film should be by a client's own reckoning.
fn position_ms(world: &World, client: usize) -> u64 {
    let room_clock = Moment::default() + world.now.moment.since(world.room.opened());
    let aim = Aim::of(&film(world, client)).unwrap();
    aim.position_at(room_clock).as_millis() as u64
}

fn moves(world: &World, client: usize) -> Vec<FilmMove> {
    let moved = |event: &Event| match event {
        Event::FilmMoved { why, .. } => Some(*why),
        _ => None,
    };
    world.clients[client]
        .events
        .iter()
        .filter_map(moved)
        .collect()
}

#[test]
fn everybody_reckons_the_same_place_through_play_seek_speed_and_pause() {
    let mut world = evening(cinema(), 2);
    let lead = LEAD.as_millis() as u64;
    world.ask(1, play(None)).unwrap();
    world.wait(lead + 10_000);
    assert_eq!(position_ms(&world, 0), 10_000);
    world.ask(0, seek(300_000.4)).unwrap();
    world.wait(lead + 1_000);
    assert_eq!(position_ms(&world, 1), 301_000);
    let speed_lead = SPEED_LEAD.as_millis() as u64;
    world.ask(0, speed(2_000.0)).unwrap();
    world.wait(speed_lead + 10_000);
    assert_eq!(position_ms(&world, 1), 301_000 + speed_lead + 20_000);
    let late = world.join("Late");
    assert_eq!(position_ms(&world, late), position_ms(&world, 0));
    world.ask(1, pause()).unwrap();
    world.wait(60_000);
    assert_eq!(position_ms(&world, 0), 321_000 + speed_lead + 2 * lead);
    assert_eq!(
        moves(&world, 0),
        [
            FilmMove::Played,
            FilmMove::Sought,
            FilmMove::Speed,
            FilmMove::Paused
        ]
    );
    world.ask(1, Command::StopFilm).unwrap();
    assert_eq!(film(&world, 0), Film::default());
}

#[test]
fn who_asks_for_more_while_another_speed_is_to_come_finds_the_film_where_it_is() {
    let lead = LEAD.as_millis() as u64;
    let speed_lead = SPEED_LEAD.as_millis() as u64;
    // Stopped before it is faster: it has run at the old speed throughout.
    let mut world = evening(cinema(), 2);
    world.ask(0, play(Some(0.0))).unwrap();
    world.wait(lead + 10_000);
    world.ask(0, speed(2_000.0)).unwrap();
    world.wait(100);
    world.ask(0, pause()).unwrap();
    world.wait(60_000);
    assert_eq!(position_ms(&world, 1), 10_000 + 100 + lead);
    // And it goes on at the new one.
    world.ask(0, play(None)).unwrap();
    world.wait(lead + 1_000);
    assert_eq!(position_ms(&world, 1), 12_100 + lead);

    // Changed again: the first change counts until the second does.
    let mut world = evening(cinema(), 2);
    world.ask(0, play(Some(0.0))).unwrap();
    world.wait(lead + 10_000);
    world.ask(0, speed(2_000.0)).unwrap();
    world.wait(200);
    world.ask(0, speed(500.0)).unwrap();
    world.wait(speed_lead + 4_000);
    assert_eq!(
        position_ms(&world, 1),
        10_000 + speed_lead + 2 * 200 + 2_000
    );

    // A film that stands changes as soon as it would do anything.
    world.ask(0, pause()).unwrap();
    world.wait(1_000);
    let stands = position_ms(&world, 0);
    world.ask(0, speed(1_000.0)).unwrap();
    world.wait(lead);
    world.ask(0, play(None)).unwrap();
    world.wait(lead + 1_000);
    assert_eq!(position_ms(&world, 0), stands + 1_000);
}

#[test]
fn after_a_restart_on_the_way_to_another_speed_nobody_is_sent_to_the_beginning() {
    let standing = Standing {
        file: file(),
        leader: None,
        playing: true,
        position: Duration::from_secs(100),
        ahead: SPEED_LEAD,
        rate_permille: 2_000,
    };
    let now = Moment::from_ms(1_000_000);
    let mut leader = Leader::restore(Some(standing), Moment::default(), now);
    leader
        .act(Move::Pause(None), ParticipantId(1), now)
        .unwrap();
    leader.settle(Moment::default(), now);
    assert_eq!(leader.told().unwrap().position_ms, 100_000);
}

#[test]
fn a_burst_is_folded_into_its_first_and_last() {
    let mut world = evening(cinema(), 2);
    for step in 0..20 {
        world.ask(0, seek(f64::from(step) * 1_000.0)).unwrap();
        world.wait(4);
    }
    world.wait(FOLDED.as_millis() as u64);
    assert_eq!(moves(&world, 1), [FilmMove::Sought; 2]);
    assert_eq!(film(&world, 1).anchor.position_ms, 19_000);
}

#[test]
fn what_cannot_be_is_refused_with_its_code() {
    let mut world = evening(cinema(), 1);
    let position = Err(RefusalCode::PositionInvalid);
    for ms in [
        -1.0,
        f64::NAN,
        f64::INFINITY,
        1e300,
        LENGTH_MS as f64 + 1_001.0,
    ] {
        for command in [
            seek(ms),
            play(Some(ms)),
            Command::PauseFilm {
                position_ms: Some(Unchecked(ms)),
            },
        ] {
            assert_eq!(world.ask(0, command), position, "{ms}");
        }
    }
    for permille in [249.0, 2_001.0, 0.0, -1_000.0, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(
            world.ask(0, speed(permille)),
            Err(RefusalCode::RateInvalid),
            "{permille}"
        );
    }
    for permille in [250.0, 2_000.0] {
        assert_eq!(world.ask(0, speed(permille)), Ok(Reply::Nothing));
    }
    world.ask(0, seek(LENGTH_MS as f64 + 900.0)).unwrap();
    world.wait(200);
    assert_eq!(
        film(&world, 0).anchor.position_ms,
        LENGTH_MS,
        "players differ about the end"
    );
    let odd = |change: fn(&mut FilmFile)| {
        let mut film = file();
        change(&mut film);
        film
    };
    let invalid = RefusalCode::FilmInvalid;
    let no_hash = RefusalCode::FileHashInvalid;
    for (film, code) in [
        (odd(|film| film.name.clear()), invalid),
        (odd(|film| film.name = "x".repeat(256)), invalid),
        (odd(|film| film.size_bytes = 0), invalid),
        (odd(|film| film.duration_ms = u64::MAX), invalid),
        (odd(|film| film.sample = None), no_hash),
        (odd(|film| film.sha256 = Some("ab".to_owned())), no_hash),
        (odd(|film| film.sha256 = Some("AB".repeat(32))), no_hash),
        (odd(|film| film.sample = Some("zz".repeat(32))), no_hash),
    ] {
        assert_eq!(
            world.ask(0, Command::OpenFilm { film: film.clone() }),
            Err(code)
        );
        assert_eq!(
            world.ask(0, Command::HaveFilm { film: film.clone() }),
            Err(code)
        );
        let playlist = vec![film];
        assert_eq!(world.ask(0, Command::SetPlaylist { playlist }), Err(code));
    }
    let playlist = vec![file(); 33];
    assert_eq!(
        world.ask(0, Command::SetPlaylist { playlist }),
        Err(RefusalCode::PlaylistInvalid)
    );
    assert_eq!(
        world.ask(0, mark(FilmReadiness::Mismatched)),
        Err(RefusalCode::Invalid)
    );
}

#[test]
fn without_a_film_there_is_nothing_to_move() {
    let mut world = World::new(cinema());
    let ada = world.join_as_host("Ada");
    let none = Err(RefusalCode::NoFilm);
    for command in [
        play(None),
        pause(),
        seek(0.0),
        speed(1_000.0),
        Command::StopFilm,
        Command::HaveFilm { film: file() },
        mark(FilmReadiness::Ready),
    ] {
        assert_eq!(world.ask(ada, command), none);
    }
    let mut other = World::new(Settings::default());
    let bob = other.join_as_host("Bob");
    assert_eq!(
        other.ask(bob, Command::OpenFilm { film: file() }),
        none,
        "a room without films"
    );
}

#[test]
fn who_is_not_allowed_leads_nothing_but_still_has_a_copy() {
    let mut settings = cinema();
    settings.participants.film = false;
    let mut world = evening(settings, 2);
    for command in [
        play(None),
        pause(),
        seek(0.0),
        speed(1_000.0),
        Command::StopFilm,
        Command::OpenFilm { film: file() },
    ] {
        assert_eq!(world.ask(1, command), Err(RefusalCode::NotAllowed));
    }
    assert_eq!(
        world.ask(1, mark(FilmReadiness::Buffering)),
        Ok(Reply::Nothing)
    );
}

#[test]
fn who_runs_dry_is_waited_for_and_then_it_goes_on() {
    let mut world = evening(cinema(), 3);
    world.ask(0, play(None)).unwrap();
    world.wait(10_000 + LEAD.as_millis() as u64);
    world.ask(2, mark(FilmReadiness::Buffering)).unwrap();
    world.wait(150);
    let hold = film(&world, 1).anchor.hold.unwrap();
    assert_eq!(hold.waiting_for, [world.clients[2].id]);
    let held_at = position_ms(&world, 1);
    world.wait(2_000);
    assert_eq!(position_ms(&world, 1), held_at, "it stands for everybody");
    world.ask(2, mark(FilmReadiness::Ready)).unwrap();
    world.wait(1_000);
    let anchor = film(&world, 1).anchor;
    assert_eq!((anchor.playing, anchor.hold), (true, None));
    assert_eq!(
        position_ms(&world, 1),
        held_at + 1_000 - LEAD.as_millis() as u64
    );
}

#[test]
fn who_is_not_ready_in_time_is_left_behind_until_they_are_ready() {
    let mut world = evening(cinema(), 2);
    world.ask(1, mark(FilmReadiness::NotReady)).unwrap();
    world.ask(0, play(None)).unwrap();
    world.wait(HOLD_MAX.as_millis() as u64 - 1);
    assert!(film(&world, 0).anchor.hold.is_some());
    world.wait(200);
    assert_eq!(film(&world, 0).anchor.hold, None);
    assert!(position_ms(&world, 0) > 0);
    world.wait(2 * REGAINED_AFTER.as_millis() as u64);
    assert_eq!(film(&world, 0).anchor.hold, None, "once is enough");
    world.ask(1, mark(FilmReadiness::Ready)).unwrap();
    world.ask(1, mark(FilmReadiness::Buffering)).unwrap();
    world.wait(150);
    assert!(
        film(&world, 0).anchor.hold.is_some(),
        "now they are one of them again"
    );
    world.lose_link(1);
    world.wait(150);
    assert_eq!(
        film(&world, 0).anchor.hold,
        None,
        "nobody waits for who is away"
    );
}

#[test]
fn who_comes_late_does_not_hold_up_those_who_watch() {
    let mut world = evening(cinema(), 1);
    world.ask(0, play(None)).unwrap();
    world.wait(5_000);
    let late = world.join("Late");
    world.ask(late, Command::HaveFilm { film: file() }).unwrap();
    world.wait(500);
    assert_eq!(film(&world, 0).anchor.hold, None);
    assert_eq!(film(&world, 0).marks.len(), 2);
}

#[test]
fn the_lead_passes_on_when_its_person_goes_and_the_film_plays_on() {
    let mut world = evening(cinema(), 3);
    let ids: Vec<_> = world.clients.iter().map(|client| client.id).collect();
    assert_eq!(film(&world, 1).leader, Some(ids[0]));
    world.ask(0, play(None)).unwrap();
    world.wait(1_000);
    world.lose_link(0);
    world.wait(9_000);
    assert_eq!(
        film(&world, 1).leader,
        Some(ids[0]),
        "a short loss changes nothing"
    );
    world.wait(2_000);
    assert_eq!(film(&world, 1).leader, Some(ids[1]));
    world.ask(1, mark(FilmReadiness::Closed)).unwrap();
    world.send(1, Command::Leave);
    assert_eq!(film(&world, 2).leader, Some(ids[2]));
    assert!(film(&world, 2).anchor.playing);
    world.wait(1_000);
    assert_eq!(position_ms(&world, 2), 13_000 - LEAD.as_millis() as u64);
}

#[test]
fn the_film_ends_and_is_played_again_from_its_beginning() {
    let mut world = evening(cinema(), 1);
    world
        .ask(0, play(Some(LENGTH_MS as f64 - 1_000.0)))
        .unwrap();
    world.wait(2_000);
    let anchor = film(&world, 0).anchor;
    assert_eq!((anchor.playing, anchor.position_ms), (false, LENGTH_MS));
    assert_eq!(moves(&world, 0).last(), Some(&FilmMove::Ended));
    world.ask(0, play(None)).unwrap();
    world.wait(1_000);
    assert_eq!(position_ms(&world, 0), 1_000 - LEAD.as_millis() as u64);
}

#[test]
fn a_copy_of_something_else_is_refused_also_when_that_is_found_out_late() {
    let mut world = evening(cinema(), 2);
    let bob = world.clients[1].id;
    let mismatch = Err(RefusalCode::FileHashMismatch);
    let other = FilmFile {
        sample: Some("6b".repeat(32)),
        ..file()
    };
    let cyd = world.join("Cyd");
    assert_eq!(world.ask(cyd, Command::HaveFilm { film: other }), mismatch);
    assert_eq!(
        world.ask(cyd, mark(FilmReadiness::Ready)),
        Err(RefusalCode::NoFilm)
    );
    let likely = Ok(Reply::FilmMatched { sure: false });
    assert_eq!(
        world.ask(1, Command::HaveFilm { film: hashed("bb") }),
        likely
    );
    let sure = Ok(Reply::FilmMatched { sure: true });
    assert_eq!(world.ask(0, Command::HaveFilm { film: hashed("aa") }), sure);
    world.wait(1_000);
    let now = film(&world, 0);
    assert_eq!(now.file.unwrap().sha256, Some("aa".repeat(32)));
    let theirs = now.marks.iter().find(|mark| mark.id == bob).unwrap();
    assert_eq!(theirs.readiness, FilmReadiness::Mismatched);
    assert_eq!(
        world.ask(cyd, Command::HaveFilm { film: hashed("aa") }),
        sure
    );
    assert_eq!(
        world.ask(1, Command::HaveFilm { film: hashed("bb") }),
        mismatch
    );
}

#[test]
fn what_differs_is_told_apart() {
    let film = hashed("aa");
    let with = |change: fn(&mut FilmFile)| {
        let mut other = hashed("bb");
        change(&mut other);
        compare(&film, &other)
    };
    assert_eq!(compare(&film, &hashed("aa")), Comparison::Same);
    assert_eq!(compare(&film, &file()), Comparison::Likely);
    assert_eq!(with(|_| {}), Comparison::Differs(Difference::OtherFile));
    assert_eq!(
        with(|other| other.size_bytes += 1),
        Comparison::Differs(Difference::OtherCut)
    );
    assert_eq!(
        with(|other| other.duration_ms += 5_000),
        Comparison::Differs(Difference::OtherLength)
    );
}

#[test]
fn a_strict_room_lets_in_who_has_the_very_film() {
    let mut settings = cinema();
    settings.film_strict = true;
    let mut world = evening(settings, 1);
    assert!(world.room.look().film_strict);
    let come = |world: &mut World, hash: Option<&str>, host: bool| {
        let newcomer = Newcomer {
            file_hash: hash.map(str::to_owned),
            host_key_hash: host.then_some(HOST_KEY),
            ..world.newcomer("Bob")
        };
        world.enter(newcomer).map(|_| ())
    };
    assert_eq!(
        come(&mut world, None, false),
        Ok(()),
        "its hash is not known yet"
    );
    world
        .ask(0, Command::HaveFilm { film: hashed("aa") })
        .unwrap();
    let mismatch = Err(RefusalCode::FileHashMismatch);
    assert_eq!(come(&mut world, None, false), mismatch);
    assert_eq!(come(&mut world, Some(&"bb".repeat(32)), false), mismatch);
    assert_eq!(
        come(&mut world, Some("bb"), false),
        Err(RefusalCode::FileHashInvalid)
    );
    assert_eq!(come(&mut world, Some(&"aa".repeat(32)), false), Ok(()));
    assert_eq!(
        come(&mut world, None, true),
        Ok(()),
        "the host may change the film"
    );
}

#[test]
fn the_playlist_loses_what_is_opened() {
    let mut world = evening(cinema(), 1);
    let next = FilmFile {
        name: "next.mkv".to_owned(),
        ..file()
    };
    let playlist = vec![next.clone(), file()];
    world.ask(0, Command::SetPlaylist { playlist }).unwrap();
    world
        .ask(0, Command::OpenFilm { film: next.clone() })
        .unwrap();
    let now = film(&world, 0);
    assert_eq!((now.file, now.playlist), (Some(next), vec![file()]));
    assert_eq!(now.anchor.position_ms, 0);
}

#[test]
fn the_film_goes_on_from_the_right_place_after_a_restart() {
    let mut world = evening(cinema(), 1);
    world.ask(0, play(None)).unwrap();
    world.wait(LEAD.as_millis() as u64 + 60_000);
    world.ask(0, speed(1_500.0)).unwrap();
    world.wait(10_000);
    world.finish_jobs(usize::MAX);
    let before = position_ms(&world, 0);
    world.set_now(world.now.moment + Duration::from_secs(4));
    world.restart();
    world.resume(0, None).unwrap();
    assert_eq!(film(&world, 0).marks, [], "who has it says so again");
    let after = position_ms(&world, 0);
    assert!(after.abs_diff(before + 6_000) <= 1, "{before} {after}");
}

#[derive(Clone, Copy, Debug)]
enum Trick {
    Mark(usize, FilmReadiness),
    Link(usize, bool),
    Wait(u64),
    Play,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever people say of their copies, those who watch get to see the film.
    #[test]
    fn nobody_holds_up_a_film_for_longer_than_its_patience(
        tricks in prop::collection::vec(prop_oneof![
            4 => (1..4usize, prop::sample::select(vec![FilmReadiness::Ready, FilmReadiness::Buffering, FilmReadiness::NotReady]))
                .prop_map(|(who, readiness)| Trick::Mark(who, readiness)),
            1 => (1..4usize, any::<bool>()).prop_map(|(who, up)| Trick::Link(who, up)),
            4 => (1..4_000u64).prop_map(Trick::Wait),
            1 => Just(Trick::Play),
        ], 1..120),
    ) {
        let mut world = evening(cinema(), 4);
        world.ask(0, play(None)).unwrap();
        let started = world.now.moment;
        for trick in tricks {
            match trick {
                Trick::Mark(who, readiness) => { world.send(who, mark(readiness)); }
                Trick::Link(who, true) => { world.resume(who, None).ok(); }
                Trick::Link(who, false) => world.lose_link(who),
                Trick::Wait(ms) => world.wait(ms),
                Trick::Play => { world.send(0, play(None)); }
            }
            world.finish_jobs(usize::MAX);
        }
        world.wait(150);
        let spent = world.now.moment.since(started);
        let waited = HOLD_MAX + spent * 10 / 60;
        // Each of the moves costs its lead, and is told a little late.
        let moved = moves(&world, 0).len() as u32 * (LEAD + FOLDED);
        let least = spent.saturating_sub(waited + moved).as_millis() as u64;
        prop_assert!(position_ms(&world, 0) >= least.min(LENGTH_MS), "{} of {least}", position_ms(&world, 0));
    }
}
