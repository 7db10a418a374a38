//! Studying and watching together, against the real server: what it does when it is killed in the middle, who
//! is let in, what quiet company costs. What takes an afternoon is told under paused time in
//! `server/tests/room_actor.rs`.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::time::{Duration, Instant};

use conclave_client::{
    film::{
        synthetic::Synthetic,
        watch::{FilmFigures, FilmWatch},
    },
    media::devices::SyntheticCamera,
};
use conclave_core::watch::{Aim, synthetic::Habits};
use conclave_scenario::{
    people::{Coming, Person},
    raw::RawClient,
    seats::{Seat, config, guest},
    server::{DEADLINE, Server},
};
use conclave_wire::{
    command::Watch,
    film::Unchecked,
    http::{CreateRoom, FilmLook, TimerLook},
    *,
};
use hyper::Method;
use tokio::time::timeout;

const FILM_MS: u64 = 3_600_000;
/// As far as a player may be off, once it has come to its place.
const DRIFT_US_MAX: i64 = 40_000;

fn film() -> FilmFile {
    FilmFile {
        name: "Metropolis.mkv".to_owned(),
        size_bytes: 4_000_000_000,
        duration_ms: FILM_MS,
        sample: Some("5a".repeat(32)),
        sha256: Some("aa".repeat(32)),
    }
}

fn room(settings: Settings) -> CreateRoom {
    CreateRoom {
        title: "Together".to_owned(),
        settings,
        ..CreateRoom::default()
    }
}

fn silent() -> Coming {
    Coming {
        microphone: false,
        ..Coming::default()
    }
}

/// Lets a player follow that shows nothing and has the habits of a real one.
fn follows(person: &Person, drift_ppm: i32) -> FilmWatch {
    let habits = Habits {
        starts_after: Duration::from_millis(25),
        seeks_for: Duration::from_millis(60),
        rates_after: Duration::ZERO,
        drift_ppm,
        grain: Duration::from_millis(5),
        coarse_rates: false,
    };
    let clock = conclave_client::media::clock::MediaClock::start();
    let duration = Some(Duration::from_millis(FILM_MS));
    let watch = FilmWatch::start(
        &person.client,
        Box::new(Synthetic::new(clock, habits, duration)),
    );
    watch.has(film());
    watch
}

async fn comes_to<T>(what: &str, watch: &FilmWatch, pick: impl Fn(&FilmFigures) -> Option<T>) -> T {
    let mut figures = watch.figures();
    let wait = async {
        loop {
            if let Some(picked) = pick(&figures.borrow_and_update()) {
                return picked;
            }
            figures.changed().await.expect("it is still followed");
        }
    };
    match timeout(DEADLINE, wait).await {
        Ok(picked) => picked,
        Err(_) => panic!("{what} was not seen: {:#?}", watch.figures().borrow()),
    }
}

/// Waits until a player plays and is where it should be.
async fn is_in_place(watch: &FilmWatch) {
    comes_to("a player in its place", watch, |figures| {
        let off = figures.drift_us?.abs();
        (figures.playing && off < DRIFT_US_MAX).then_some(())
    })
    .await;
}

/// Where the film should be now, by somebody's own reckoning.
fn position(person: &Person) -> Option<Duration> {
    let room = person.client.room_clock()?.remote;
    let state = person.client.state().borrow().clone();
    Aim::of(&state.film).map(|aim| aim.position_at(room))
}

fn left_ms(person: &Person) -> u64 {
    let clock = person.client.state().borrow().study.clock;
    let now = person.client.session().room_clock_ms();
    clock
        .ends_at_ms
        .map_or(clock.left_ms, |ends| ends.saturating_sub(now))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_goes_on_with_timer_and_film_from_the_right_place() {
    let server = Server::start();
    let settings = Settings {
        timer: Some(TimerPlan::default()),
        film: true,
        ..Settings::default()
    };
    let host = server.room_with(room(settings)).await;
    let ada = Person::come(&host, "Ada", silent()).await;
    let bob = Person::come(&guest(&host), "Bob", silent()).await;
    ada.client.ask(Command::StartFocus).await.unwrap();
    ada.client
        .ask(Command::OpenFilm { film: film() })
        .await
        .unwrap();
    let players = [follows(&ada, 120), follows(&bob, -200)];
    for person in [&ada, &bob] {
        let mut state = person.client.state();
        let ready = state.wait_for(|state| {
            let ready = |mark: &&FilmMark| mark.readiness == FilmReadiness::Ready;
            state.film.marks.iter().filter(ready).count() == 2
        });
        timeout(DEADLINE, ready)
            .await
            .expect("both are ready")
            .unwrap();
    }
    let play = Command::PlayFilm {
        position_ms: Some(Unchecked(1_800_000.0)),
    };
    bob.client.ask(play).await.unwrap();
    for player in &players {
        is_in_place(player).await;
    }
    let (began, place, left) = (Instant::now(), position(&ada).unwrap(), left_ms(&ada));

    server.kill();
    server.start_again();
    let epoch = |person: &Person| person.client.welcome().cursor.epoch;
    for person in [&ada, &bob] {
        let mut state = person.client.state();
        // Who has a copy says so again to a server that has forgotten it.
        let back = state.wait_for(|state| {
            state.film.marks.len() == 2 && state.members.iter().all(|member| !member.away)
        });
        timeout(DEADLINE * 2, back)
            .await
            .expect("they are back")
            .unwrap();
    }
    assert_eq!(epoch(&ada), epoch(&bob));
    for player in &players {
        is_in_place(player).await;
    }
    let known = async {
        while position(&ada).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, known)
        .await
        .expect("the room clock is known again");
    let gone = began.elapsed();
    let (now, left_now) = (position(&ada).unwrap(), left_ms(&ada));
    let off = (place + gone).abs_diff(now);
    assert!(off < Duration::from_millis(250), "the film is {off:?} off");
    let off = (left - gone.as_millis() as u64).abs_diff(left_now);
    assert!(off < 250, "the timer is {off} ms off");
    for player in players {
        player.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_evening_of_headless_players_waits_for_who_stalls_and_refuses_other_films() {
    let server = Server::start();
    let settings = Settings {
        film: true,
        film_strict: true,
        ..Settings::default()
    };
    let host = server.room_with(room(settings)).await;
    let ada = Person::come(&host, "Ada", silent()).await;
    ada.client
        .ask(Command::OpenFilm { film: film() })
        .await
        .unwrap();

    // Who joins a strict room brings the film.
    let coming = |file_hash: Option<String>| {
        let mut config = config(&guest(&host), "Bob");
        config.file_hash = file_hash;
        Seat::try_join(config)
    };
    for wrong in [None, Some("bb".repeat(32))] {
        let refused = coming(wrong).await.err().map(|error| error.to_string());
        let sentence = RefusalCode::FileHashMismatch.sentence();
        assert!(refused.is_some_and(|said| said.contains(sentence)));
    }
    let bob = coming(film().sha256).await.unwrap();
    let other = FilmFile {
        sha256: Some("bb".repeat(32)),
        ..film()
    };
    let have = Command::HaveFilm { film: other };
    assert_eq!(bob.refused(have).await, RefusalCode::FileHashMismatch);
    bob.ask(Command::HaveFilm { film: film() }).await;

    // Ada's player is ready, Bob's is not: the film waits, and plays when he is.
    let player = follows(&ada, 50);
    comes_to("a player that is looked at", &player, |figures| {
        figures.copy.clone()
    })
    .await;
    ada.client
        .ask(Command::PlayFilm { position_ms: None })
        .await
        .unwrap();
    bob.sees("a wait for Bob", |state| {
        let hold = state.film.anchor.hold.as_ref()?;
        hold.waiting_for.contains(&bob.id()).then_some(())
    })
    .await;
    let ready = Command::MarkFilm {
        readiness: FilmReadiness::Ready,
    };
    bob.ask(ready).await;
    bob.sees("the film", |state| {
        let anchor = &state.film.anchor;
        (anchor.playing && anchor.hold.is_none()).then_some(())
    })
    .await;
    is_in_place(&player).await;
    player.close().await;
    bob.sees("no copy of Ada's", |state| {
        let marks = &state.film.marks;
        marks.iter().all(|mark| mark.id != ada.id()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_small_player_may_send_is_done_or_refused_with_a_code() {
    let server = Server::start();
    let settings = Settings {
        film: true,
        timer: Some(TimerPlan::default()),
        ..Settings::default()
    };
    let host = server.room_with(room(settings)).await;
    let (mut small, welcome) = RawClient::join(&host, "Small", Encoding::MessagePack).await;
    small.ask(Command::OpenFilm { film: film() }).await.unwrap();
    for (ms, code) in [
        (f64::NAN, RefusalCode::PositionInvalid),
        (-1.0, RefusalCode::PositionInvalid),
        (FILM_MS as f64 + 10_000.0, RefusalCode::PositionInvalid),
    ] {
        let position_ms = Unchecked(ms);
        let refused = small
            .ask(Command::SeekFilm { position_ms })
            .await
            .unwrap_err();
        assert_eq!(refused.code, code);
    }
    for permille in [f64::INFINITY, 100.0, 2_100.0] {
        let rate_permille = Unchecked(permille);
        let refused = small
            .ask(Command::SetFilmSpeed { rate_permille })
            .await
            .unwrap_err();
        assert_eq!(refused.code, RefusalCode::RateInvalid);
    }
    small.ask(Command::StartFocus).await.unwrap();
    let position_ms = Unchecked(125_300.0);
    small.ask(Command::SeekFilm { position_ms }).await.unwrap();

    // The same over HTTP.
    let http = server.http();
    let token = welcome.seat_token;
    let path = |what: &str| format!("/api/rooms/{}/{what}", host.slug);
    let nothing = None::<&()>;
    let get = |what: &str| (Method::GET, path(what));
    let (method, at) = get("timer");
    let timer: TimerLook = http.json(method, &at, Some(&token), nothing).await.unwrap();
    assert_eq!(timer.clock.phase, StudyPhase::Focus);
    assert!(
        (1_490_000..=1_500_000).contains(&timer.left_ms),
        "{timer:?}"
    );
    let (method, at) = get("film");
    let look: FilmLook = http.json(method, &at, Some(&token), nothing).await.unwrap();
    assert_eq!((look.position_ms, look.film.file), (125_300, Some(film())));
    let at = path("timer/reset");
    let reset = http.json(Method::POST, &at, Some(&token), nothing);
    let timer: TimerLook = reset.await.unwrap();
    assert_eq!((timer.clock.phase, timer.left_ms), (StudyPhase::Idle, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_company_costs_a_room_of_25_less_than_100_kbit_s_each() {
    const CAMERAS: usize = 3;
    let watched = Duration::from_secs(17);
    let server = Server::start();
    let settings = Settings {
        quiet_company: true,
        ..Settings::default()
    };
    let host = server.room_with(room(settings)).await;
    let viewer = Person::come(&host, "Viewer", silent()).await;
    viewer.connected().await;
    let mut people = Vec::new();
    for at in 0..CAMERAS {
        let coming = Coming {
            camera: Some(Box::new(SyntheticCamera::new(at as u64))),
            ..silent()
        };
        people.push(Person::come(&guest(&host), &format!("Person {at}"), coming).await);
    }
    let watch = people.iter().map(|person| Watch {
        source: person.id(),
        layer_max: Layer::Large,
        pinned: false,
    });
    let before = viewer.client.figures().link.bytes_received;
    viewer.client.watch(watch.collect()).await.unwrap();
    let frames = viewer.client.frame_taker();
    let began = Instant::now();
    let mut seen = [0u32; CAMERAS];
    while began.elapsed() < watched {
        for (count, person) in seen.iter_mut().zip(&people) {
            if let Some(frame) = frames.take(person.id()) {
                assert_eq!(frame.layer, Layer::Thumbnail);
                assert!(frame.jpeg.len() <= limits::QUIET_FRAME_BYTES_MAX);
                *count += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(seen.iter().all(|count| (2..=3).contains(count)), "{seen:?}");
    let bytes = viewer.client.figures().link.bytes_received - before;
    let frames: u32 = seen.iter().sum();
    // Three pictures in 17 s are those of 24 s at most.
    let per_frame = bytes * 8 / u64::from(frames);
    let bits_a_second = 24 * per_frame * 1_000 / u64::from(limits::QUIET_INTERVAL_MS);
    println!(
        "24 cameras of quiet company: {} kbit/s",
        bits_a_second / 1_000
    );
    assert!(bits_a_second < 100_000, "{bits_a_second} bit/s");
}
