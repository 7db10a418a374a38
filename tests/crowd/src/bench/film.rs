//! A film watched by four mpv: how far each is from the room, through all that happens on an evening; how soon a
//! command has moved them all; and how fast a film is hashed.

mod hashing;
mod watcher;

use std::{path::PathBuf, time::Duration};

use conclave_client::film::programs::PlayerKind;
use conclave_core::watch::{Aim, Course};
use conclave_scenario::network::{UdpProxy, Weather};
use conclave_wire::{Command, FilmReadiness, Settings, film::Unchecked, http::CreateRoom};
use tokio::time::{Instant, sleep, timeout};

use self::watcher::{Place, Watcher};
use crate::{
    Outcome,
    load::Load,
    page::{Section, number},
    served::Served,
};

const ABOUT: &str = "Four mpv without window and sound play a film of 60 frames/s, each steered by a client of its own; two of \
the clients have their media behind a proxy, which adds up to 30 ms to each datagram in the last part. *Drift* is where a \
player's picture is, by the instant that a second connection to it is told of the picture, less where the room wants it, by \
the room clock of a fifth client without a player. All looks count from 10 s after the start on: also those of a player \
while it is stopped for 2 s (SIGSTOP) and while it makes good. *Moved* is from before the command is sent until the last of \
the four has done it. *Hashing* is of a file that the system has in memory, beside SHA-256 of as much memory.";

const PLAYERS: usize = 4;
/// Looks at each player.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const JITTER: Duration = Duration::from_millis(30);
const STALL: Duration = Duration::from_secs(2);
/// Only ends a measure that would fail anyway.
const DEADLINE: Duration = Duration::from_secs(15);
/// Between two commands, so that none is folded into another.
const APART: Duration = Duration::from_millis(900);
const MOVED_LOOK_EVERY: Duration = Duration::from_millis(1);

pub async fn measure(load: &Load) -> Outcome<Section> {
    let mut section = Section::new("Watching together", ABOUT);
    match PlayerKind::Mpv.find() {
        Ok(_) => evening(load, &mut section).await?,
        Err(refused) => {
            // To be seen, not to be taken for met.
            section.skipped("A film with four mpv", &refused.message);
        }
    }
    hashing::measure(load, &mut section).await?;
    Ok(section)
}

async fn evening(load: &Load, section: &mut Section) -> Outcome<()> {
    let served = Served::start()?;
    let way = load.to(&served)?;
    let room = CreateRoom {
        title: "Film".to_owned(),
        slug: Some("film".to_owned()),
        settings: Settings {
            film: true,
            ..Settings::default()
        },
        ..CreateRoom::default()
    };
    let created = way.http.create_room(&room).await?;
    let invite = way.invite.for_room(&created.slug, Some(created.host_key));
    let proxy = UdpProxy::start(30, Weather::default()).await?;
    proxy.lead_to(([127, 0, 0, 1], served.udp_port()).into());
    let film = test_film()?;
    let reference = watcher::client(load, &invite, "clock", None).await?;
    let mut watchers = Vec::new();
    for number in 0..PLAYERS {
        let by = (number % 2 == 1).then(|| proxy.address());
        watchers.push(Watcher::come(load, &invite, number, by, &film).await?);
    }
    watchers[0].watch.open_for_room().await?;
    let mut state = reference.state();
    let ready = state.wait_for(|state| {
        let marks = &state.film.marks;
        marks.len() == PLAYERS
            && marks
                .iter()
                .all(|mark| mark.readiness == FilmReadiness::Ready)
    });
    timeout(DEADLINE, ready)
        .await
        .map_err(|_| "the four are not ready")??;

    let ask = async |command: Command| watchers[0].client.ask(command).await;
    ask(Command::PlayFilm { position_ms: None }).await?;
    sleep(load.scale(Duration::from_secs(10), Duration::from_secs(2))).await;
    let mut looks = Looks::default();
    let part = load.scale(Duration::from_secs(5), Duration::from_secs(2));
    looks.watch(&watchers, &reference, part).await?;
    section.row("drift while it plays", looks.part());
    ask(Command::SeekFilm {
        position_ms: Unchecked(4_000.0),
    })
    .await?;
    looks.watch(&watchers, &reference, part).await?;
    section.row("drift after a jump", looks.part());
    ask(Command::SetFilmSpeed {
        rate_permille: Unchecked(1_250.0),
    })
    .await?;
    looks.watch(&watchers, &reference, part).await?;
    section.row("drift after a change of speed", looks.part());
    watchers[1].signal("STOP")?;
    looks.watch(&watchers, &reference, STALL).await?;
    watchers[1].signal("CONT")?;
    looks.watch(&watchers, &reference, part).await?;
    section.row("drift while one stalls for 2 s, and after", looks.part());
    proxy.set(Weather {
        jitter: JITTER,
        ..Weather::default()
    });
    looks.watch(&watchers, &reference, 2 * part).await?;
    section.row("drift with jitter of 30 ms for two", looks.part());
    section.row("first and last of the four are apart", millis(&looks.apart));
    section.at_most(
        "Film: drift of four mpv, p95",
        40.0,
        looks.all.percentile_ms(95),
        "ms",
        "the players share two cores with the server and the load",
    );

    proxy.set(Weather::default());
    let mut moved = Offs::default();
    let commands = load.scale(24, 6);
    for number in 0..commands {
        let (command, done): (Command, fn(&Place, &Place) -> bool) = match number % 3 {
            0 => (Command::PauseFilm { position_ms: None }, |_, now| {
                !now.playing
            }),
            1 => (Command::PlayFilm { position_ms: None }, |before, now| {
                now.playing && now.position > before.position
            }),
            _ => {
                let position_ms = Unchecked(if number % 2 == 0 { 30_000.0 } else { 5_000.0 });
                (Command::SeekFilm { position_ms }, |before, now| {
                    now.position.abs_diff(before.position) > Duration::from_secs(4)
                })
            }
        };
        let before = watcher::places(&watchers).await?;
        let asked = Instant::now();
        let (answer, last) = tokio::join!(
            watchers[0].client.ask(command),
            all_moved(&watchers, &before, done)
        );
        answer?;
        moved.0.push(last?.duration_since(asked).as_micros() as u64);
        sleep(APART).await;
    }
    section.row("command until all have moved", millis(&moved));
    section.at_most(
        "Film: command until all four have moved, p95",
        130.0,
        moved.percentile_ms(95),
        "ms",
        "the players share two cores with the server and the load",
    );
    for watcher in watchers {
        watcher.leave().await;
    }
    reference.leave().await;
    Ok(())
}

/// When the last of them has moved.
async fn all_moved(
    watchers: &[Watcher],
    before: &[Place],
    done: fn(&Place, &Place) -> bool,
) -> Outcome<Instant> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let now = watcher::places(watchers).await?;
        if before
            .iter()
            .zip(&now)
            .all(|(before, now)| done(before, now))
        {
            return Ok(Instant::now());
        }
        if Instant::now() >= deadline {
            return Err("a command has not moved all players".into());
        }
        sleep(MOVED_LOOK_EVERY).await;
    }
}

/// How far off everybody was.
#[derive(Default)]
struct Looks {
    all: Offs,
    part: Offs,
    apart: Offs,
    course: Course,
}

/// Distances, in microseconds.
#[derive(Clone, Debug, Default)]
struct Offs(Vec<u64>);

impl Looks {
    /// Looks at all players for so long.
    async fn watch(
        &mut self,
        watchers: &[Watcher],
        reference: &conclave_client::client::Client,
        time: Duration,
    ) -> Outcome<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            sleep(LOOK_EVERY).await;
            let places = watcher::places(watchers).await?;
            let told = Aim::of(&reference.state().borrow().film).ok_or("no film is open")?;
            if self.course.newest() != Some(told) {
                self.course.turn(told);
            }
            let clock = reference
                .room_clock()
                .ok_or("the room clock is not known")?;
            let now = watchers[0].clock.now();
            let mut offs = Vec::new();
            for place in &places {
                let age = now.since(place.at).as_micros() as u64;
                let room = conclave_core::Moment(clock.remote.0.saturating_sub(age));
                let aim = self.course.at(room).unwrap_or(told);
                let wanted = aim.position_at(room).as_micros() as i64;
                offs.push(place.position.as_micros() as i64 - wanted);
            }
            for off in &offs {
                self.all.0.push(off.unsigned_abs());
                self.part.0.push(off.unsigned_abs());
            }
            let (first, last) = (offs.iter().max(), offs.iter().min());
            self.apart
                .0
                .extend(first.zip(last).map(|(first, last)| first.abs_diff(*last)));
        }
        Ok(())
    }

    /// Of the part that is over.
    fn part(&mut self) -> String {
        let part = std::mem::take(&mut self.part);
        millis(&part)
    }
}

impl Offs {
    fn percentile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).map_or(0.0, |&off| off as f64 / 1_000.0)
    }
}

fn millis(offs: &Offs) -> String {
    format!(
        "p50 {} ms, p95 {} ms, furthest {} ms (of {})",
        number(offs.percentile_ms(50)),
        number(offs.percentile_ms(95)),
        number(offs.percentile_ms(100)),
        offs.0.len()
    )
}

/// The film of `scripts/test-film`.
fn test_film() -> Outcome<PathBuf> {
    let made = std::process::Command::new("scripts/test-film").output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into());
    }
    Ok(PathBuf::from(String::from_utf8(made.stdout)?.trim()))
}
