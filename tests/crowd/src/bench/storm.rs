//! Two hundred people come at once into a room with a password, while somebody talks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_client::media::{
    figures::{Summary, record},
    voice_down::VoiceTally,
};
use conclave_core::{Moment, media::quality::Histogram};
use conclave_wire::{Settings, datagram::Voice, http::CreateRoom};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use crate::{
    Outcome,
    light::Seat,
    light_media::{Deaf, Inlet},
    load::{Load, Way, pass},
    page::{Section, number, percentiles},
    served::Served,
    speech::{Script, Talker, Talking},
    voice::open,
};

const PEOPLE: usize = 200;
const PEOPLE_QUICK: usize = 20;
const LISTENERS: usize = 5;
const PASSWORD: &str = "correct horse";

const ABOUT: &str = "In a room with a password one person talks and five listen. Then two hundred people join it \
at the same moment, each with the password; who is told that the server has too much to do comes again after a \
quarter second, as a client does. What the five hear during the storm stands beside what they heard before it. \
The load makes two hundred TLS handshakes in that time, on the same cores.";

#[derive(Default)]
struct Heard {
    tally: VoiceTally,
    latency: Histogram,
}

struct Listener {
    heard: Arc<Mutex<Heard>>,
    script: Arc<Script>,
}

impl Inlet for Listener {
    fn voice(&mut self, at: Moment, number: u64, voice: &Voice<'_>) {
        let mut heard = self.heard.lock();
        heard.tally.push(at, number, voice);
        if let Some(sent) = self.script.sent_at(voice.opus) {
            record(&mut heard.latency, at.since(sent));
        }
    }
}

/// What all listeners heard in some time.
struct Came {
    latency: Summary,
    missing: u64,
    packets: u64,
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let people = load.scale(PEOPLE, PEOPLE_QUICK);
    let served = Served::start()?;
    let way = load.to(&served)?;
    let room = CreateRoom {
        title: "storm".to_owned(),
        slug: Some("storm".to_owned()),
        password: Some(PASSWORD.to_owned()),
        settings: Settings {
            members_max: 500,
            ..Settings::default()
        },
        ..CreateRoom::default()
    };
    way.http.create_room(&room).await?;

    let mut talker = way.with_password("storm", "Talker", PASSWORD).await?;
    talker.switch(true, false)?;
    let mouth = Arc::new(open(load, &talker, Deaf)?);
    mouth.alive().await?;
    let script = Script::speech(1, Duration::from_secs(20))?;
    let mut listeners = Vec::new();
    let mut heard = Vec::new();
    for number in 0..LISTENERS {
        let seat = way
            .with_password("storm", &format!("Listener {number}"), PASSWORD)
            .await?;
        let listener = Listener {
            heard: Arc::default(),
            script: script.clone(),
        };
        heard.push(listener.heard.clone());
        let media = open(load, &seat, listener)?;
        media.alive().await?;
        listeners.push((seat, media));
    }
    let _talking = Talking::start(
        load.clock,
        vec![Talker {
            media: mouth,
            script,
            pause: None,
        }],
    );
    pass(2.0).await;
    take(&heard);
    pass(load.scale(5.0, 1.0)).await;
    let before = take(&heard);

    let began = Instant::now();
    let seats: Vec<Seat> = stream::iter(0..people)
        .map(|person| come_in(&way, person))
        .buffer_unordered(people)
        .try_collect()
        .await?;
    let joined = began.elapsed();
    let during = take(&heard);
    way.check()?;

    let mut section = Section::new("A storm of joins", ABOUT);
    section.row(
        format!("all {} are in after", seats.len()),
        format!("{} s", number(joined.as_secs_f64())),
    );
    for (what, came) in [("before", &before), ("during the storm", &during)] {
        section.row(
            format!("voice through the server, {what}"),
            format!(
                "{}; {} of {} packets missing",
                percentiles(&came.latency),
                came.missing,
                came.packets + came.missing
            ),
        );
    }
    section.at_most(
        "Join storm of 200 into a room with a password: voice p99 through the server",
        20.0,
        during.latency.p99_ms,
        "ms",
        "two hundred TLS handshakes are made by both sides on the cores that carry the voice",
    );
    let missing = 100.0 * during.missing as f64 / (during.packets + during.missing).max(1) as f64;
    section.at_most(
        "Join storm of 200 into a room with a password: voice packets missing",
        1.0,
        missing,
        "%",
        "the machine's cores were taken by others for longer than a socket's buffer holds",
    );
    Ok(section)
}

/// Comes again while the server has too much to do.
async fn come_in(way: &Way, person: usize) -> Outcome<Seat> {
    const AGAIN: f64 = 0.25;
    const TRIES_MAX: usize = 120;
    let name = format!("Newcomer {person}");
    for _ in 0..TRIES_MAX {
        match way.with_password("storm", &name, PASSWORD).await {
            Err(error) if error.to_string().contains("too much to do") => pass(AGAIN).await,
            joined => return joined,
        }
    }
    Err("not let in for half a minute".into())
}

fn take(heard: &[Arc<Mutex<Heard>>]) -> Came {
    let mut latency = Histogram::new();
    let (mut missing, mut packets) = (0, 0);
    for one in heard {
        let heard = std::mem::take(&mut *one.lock());
        let figures = heard.tally.figures();
        packets += figures.packets;
        missing += figures.missing;
        latency.merge(&heard.latency);
    }
    Came {
        latency: Summary::of(&latency),
        missing,
        packets,
    }
}
