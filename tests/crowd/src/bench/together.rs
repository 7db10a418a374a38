//! A film for 500, and the shared clocks of 1,000 rooms.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use conclave_client::media::figures::{Summary, record};
use conclave_core::{Moment, media::quality::Histogram};
use conclave_wire::{
    Command, Encoding, Event, FilmFile, FilmReadiness, ServerMessage, Settings, TimerPlan,
    film::Unchecked, http::CreateRoom,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use crate::{
    Outcome,
    light::Seat,
    load::{Load, Way, pass},
    page::{Section, number, percentiles},
    served::Served,
    voice::cpu_of,
};

const JOINING_MAX: usize = 16;
/// Further apart than moves are folded.
const MOVE_EVERY_S: f64 = 0.2;
const MS_PER_MOVE: usize = 1_000;
const ROOMS: usize = 1_000;
const ROOMS_QUICK: usize = 20;

const ABOUT: &str = "A film for everybody: one person seeks 5 times a second, in MessagePack over TLS, and the others \
are told. Latency is from before the command is handed to the leader's link to when each person's link has decoded \
the new anchor; a thread reads the links of all. Everybody marks their copy as ready, and beats every 2 s. Traffic is \
what one of them is sent, before TLS, while that goes on. \
The clocks: rooms with one silent person each, first with clocks that stand, then with clocks of 1 minute of focus and \
1 minute of break that start by themselves, over more than one span of each; the difference is what they cost.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let mut section = Section::new("Study and film", ABOUT);
    film(load, &mut section).await?;
    clocks(load, &mut section).await?;
    Ok(section)
}

async fn film(load: &Load, section: &mut Section) -> Outcome<()> {
    let people = load.scale(500, 20);
    let moves = load.scale(50, 10);
    let served = Served::start()?;
    let way = load.to(&served)?;
    let settings = Settings {
        film: true,
        members_max: people as u32,
        ..Settings::default()
    };
    make(&way, "film", settings).await?;
    let sent: Arc<Mutex<Vec<Moment>>> = Arc::default();
    let latency: Arc<Mutex<Histogram>> = Arc::default();
    let bytes: Arc<AtomicU64> = Arc::default();
    let clock = load.clock;
    let joining = stream::iter(0..people).map(|person| {
        let way = &way;
        let (sent, latency, bytes) = (sent.clone(), latency.clone(), bytes.clone());
        async move {
            let hear = move |message: &ServerMessage| {
                if person == 1 {
                    let length = Encoding::MessagePack.encode(message).len();
                    bytes.fetch_add(length as u64, Ordering::Relaxed);
                }
                for number in moves_in(message) {
                    let at = sent.lock().get(number).copied();
                    if let Some(at) = at {
                        record(&mut latency.lock(), clock.now().since(at));
                    }
                }
            };
            way.hearing("film", &format!("Person {person}"), hear).await
        }
    });
    let mut seats: Vec<Seat> = joining.buffered(JOINING_MAX).try_collect().await?;
    let (leader, others) = seats.split_first_mut().ok_or("nobody is there")?;
    leader.order(Command::OpenFilm { film: copy() })?;
    pass(0.5).await;
    for seat in others {
        seat.order(Command::HaveFilm { film: copy() })?;
        seat.order(Command::MarkFilm {
            readiness: FilmReadiness::Ready,
        })?;
    }
    leader.order(Command::MarkFilm {
        readiness: FilmReadiness::Ready,
    })?;
    pass(2.0).await;
    bytes.store(0, Ordering::Relaxed);
    let seconds = moves as f64 * MOVE_EVERY_S;
    let moving = async {
        for number in 0..moves {
            sent.lock().push(clock.now());
            leader.order(Command::SeekFilm {
                position_ms: Unchecked((number * MS_PER_MOVE) as f64),
            })?;
            pass(MOVE_EVERY_S).await;
        }
        Outcome::Ok(())
    };
    let (moved, cpu) = tokio::join!(moving, cpu_of(&served, seconds));
    moved?;
    let cpu = cpu?;
    let kilobytes = bytes.load(Ordering::Relaxed) as f64 / seconds / 1_000.0;
    pass(1.0).await;
    way.check()?;
    let summary = Summary::of(&latency.lock());
    section.row(
        format!("a move to {people} followers"),
        format!(
            "{}; {} of {} deliveries; server {} % of a core",
            percentiles(&summary),
            summary.count,
            moves * people,
            number(cpu * 100.0)
        ),
    );
    section.row(
        "sync traffic to a follower",
        format!("{} kB/s", number(kilobytes)),
    );
    section.at_most(
        "A film with 500 followers: a move is everywhere, p99",
        15.0,
        summary.p99_ms,
        "ms",
        "500 people are 500 encryptions and writes at the server and 500 reads at the load for each move, on the same cores",
    );
    section.at_most(
        "A film with 500 followers: sync traffic to each",
        5.0,
        kilobytes,
        "kB/s",
        "moves are told to everybody, and so are marks, four times a second at most",
    );
    Ok(())
}

async fn clocks(load: &Load, section: &mut Section) -> Outcome<()> {
    let rooms = load.scale(ROOMS, ROOMS_QUICK);
    let served = Served::start()?;
    let way = load.to(&served)?;
    let plan = TimerPlan {
        focus_minutes: 1,
        short_break_minutes: 1,
        long_break_minutes: 1,
        focus_starts_itself: true,
        ..TimerPlan::default()
    };
    let settings = Settings {
        timer: Some(plan),
        ..Settings::default()
    };
    let slug = |room: usize| format!("study-{room}");
    let making = stream::iter(0..rooms).map(|room| make_named(&way, slug(room), settings.clone()));
    let making = making.buffer_unordered(JOINING_MAX);
    making.try_for_each(|()| async { Ok(()) }).await?;
    let mut seats = way.people(rooms, slug).await?;
    pass(2.0).await;
    let standing = cpu_of(&served, load.scale(20.0, 2.0)).await?;
    for seat in &mut seats {
        seat.order(Command::StartFocus)?;
        // Not all at the same instant, as nowhere.
        pass(0.005).await;
    }
    let running = cpu_of(&served, load.scale(70.0, 4.0)).await?;
    way.check()?;
    let percent = |share: f64| format!("{} % of a core", number(share * 100.0));
    section.row(
        format!("{rooms} rooms, clocks that stand"),
        percent(standing),
    );
    section.row(format!("{rooms} rooms, clocks that run"), percent(running));
    section.at_most(
        "The clocks of 1,000 rooms",
        1.0,
        (running - standing).max(0.0) * 100.0,
        "% of a core",
        "each span that ends is told and stored; both measures have the beats of 1,000 links in them, which vary",
    );
    Ok(())
}

async fn make(way: &Way, slug: &str, settings: Settings) -> Outcome<()> {
    make_named(way, slug.to_owned(), settings).await
}

async fn make_named(way: &Way, slug: String, settings: Settings) -> Outcome<()> {
    let room = CreateRoom {
        title: slug.clone(),
        slug: Some(slug),
        settings,
        ..CreateRoom::default()
    };
    way.http.create_room(&room).await?;
    Ok(())
}

fn copy() -> FilmFile {
    FilmFile {
        name: "film.mkv".to_owned(),
        size_bytes: 4_000_000_000,
        duration_ms: 9_000_000,
        sample: Some("5a".repeat(32)),
        sha256: None,
    }
}

/// The numbers of the moves that a message tells, by the positions that they go to.
fn moves_in(message: &ServerMessage) -> impl Iterator<Item = usize> + '_ {
    let events = match message {
        ServerMessage::Events { events } => events.as_slice(),
        _ => &[],
    };
    events.iter().filter_map(|numbered| match &numbered.event {
        Event::FilmMoved { anchor, .. } => Some(anchor.position_ms as usize / MS_PER_MOVE),
        _ => None,
    })
}
