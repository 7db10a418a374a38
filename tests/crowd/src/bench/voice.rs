//! One room, two hundred listeners: three talk, then one.

use std::{sync::Arc, time::Duration};

use conclave_client::media::{
    clock::MediaClock,
    figures::{Summary, record},
    voice_down::VoiceTally,
};
use conclave_core::{Moment, media::quality::Histogram};
use conclave_wire::datagram::Voice;
use parking_lot::Mutex;

use crate::{
    Outcome,
    light::Seat,
    light_media::{Deaf, Inlet, Media, VOICE_BUFFER_BYTES},
    load::{Load, Way, pass},
    page::{Section, number, percentiles},
    served::Served,
    speech::{Script, Talker, Talking},
};

const TALKERS: usize = 3;
const LISTENERS: usize = 200;
const LISTENERS_QUICK: usize = 20;
/// After this the way of the voices has settled: pass-on begins a second after the last other voice.
const SETTLE_SECONDS: f64 = 2.5;

const ABOUT: &str = "One room. Three talk without pauses, in packets of 20 ms, and are mixed; then one \
talks alone and is passed on. Each listener has a control link and a UDP socket, opens each datagram and \
counts it; nothing is decoded. Times are those at which the load's one media thread reads a datagram. \
Latency is from before the send of a talker's packet to the read of the same packet at each listener.";

/// What one listener got.
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

/// What all listeners got in one phase.
struct Came {
    cpu: f64,
    packets: u64,
    missing_percent_worst: f64,
    inter_arrival: Summary,
    inter_arrival_p99_worst_ms: f64,
    latency: Summary,
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let listeners = load.scale(LISTENERS, LISTENERS_QUICK);
    let seconds = load.scale(10.0, 2.0);
    let served = Served::start()?;
    let way = load.to(&served)?;
    way.room("voice", (listeners + TALKERS) as u32).await?;
    let length = Duration::from_secs_f64(seconds + SETTLE_SECONDS + 1.0);
    let talkers = talkers(load, &way, "voice", TALKERS, length).await?;
    let first = talkers.first().ok_or("nobody talks")?.script.clone();

    let seats = way.people(listeners, |_| "voice".to_owned()).await?;
    let (mut media, mut heard) = (Vec::new(), Vec::new());
    for seat in &seats {
        let listener = Listener {
            heard: Arc::default(),
            script: first.clone(),
        };
        heard.push(listener.heard.clone());
        media.push(open(load, seat, listener)?);
    }
    for one in &media {
        one.alive().await?;
    }

    let idle = cpu_of(&served, seconds / 2.0).await?;
    let three = phase(load.clock, &served, &talkers, TALKERS, seconds, &heard).await?;
    let one = phase(load.clock, &served, &talkers, 1, seconds / 2.0, &heard).await?;
    way.check()?;
    Ok(section(listeners, idle, &three, &one))
}

/// People whose microphones are on, each with a script.
pub async fn talkers(
    load: &Load,
    way: &Way,
    slug: &str,
    count: usize,
    length: Duration,
) -> Outcome<Vec<Speaker>> {
    let mut speakers = Vec::new();
    for index in 0..count {
        let mut seat = way.person(slug, &format!("Talker {index}")).await?;
        seat.switch(true, false)?;
        let media = Arc::new(open(load, &seat, Deaf)?);
        media.alive().await?;
        speakers.push(Speaker {
            script: Script::speech(index as u64 + 1, length)?,
            media,
            _seat: seat,
        });
    }
    Ok(speakers)
}

/// Somebody who may talk.
pub struct Speaker {
    pub script: Arc<Script>,
    pub media: Arc<Media>,
    _seat: Seat,
}

impl Speaker {
    pub fn talker(&self) -> Talker {
        Talker {
            media: self.media.clone(),
            script: self.script.clone(),
            pause: None,
        }
    }
}

pub fn open(load: &Load, seat: &Seat, inlet: impl Inlet) -> Outcome<Media> {
    let session = &seat.welcome.media;
    Media::open(load.media(), load.clock, session, VOICE_BUFFER_BYTES, inlet)
}

/// Share of one core that the server takes while so much time passes.
pub async fn cpu_of(served: &Served, seconds: f64) -> Outcome<f64> {
    let (began, before) = (std::time::Instant::now(), served.cpu_seconds()?);
    pass(seconds).await;
    Ok((served.cpu_seconds()? - before) / began.elapsed().as_secs_f64())
}

async fn phase(
    clock: MediaClock,
    served: &Served,
    speakers: &[Speaker],
    talking: usize,
    seconds: f64,
    heard: &[Arc<Mutex<Heard>>],
) -> Outcome<Came> {
    let talkers = speakers.iter().take(talking).map(Speaker::talker);
    let talking = Talking::start(clock, talkers.collect());
    pass(SETTLE_SECONDS).await;
    for one in heard {
        *one.lock() = Heard::default();
    }
    let cpu = cpu_of(served, seconds).await?;
    let came: Vec<Heard> = heard
        .iter()
        .map(|one| std::mem::take(&mut *one.lock()))
        .collect();
    drop(talking);
    Ok(add_up(cpu, &came, (seconds * 50.0) as u64))
}

/// `expected` packets each; who got far fewer has missed them, also where none came behind them.
fn add_up(cpu: f64, came: &[Heard], expected: u64) -> Came {
    let (mut inter_arrival, mut latency) = (Histogram::new(), Histogram::new());
    let (mut packets, mut missing_worst, mut p99_worst) = (0, 0.0, 0.0);
    for Heard {
        tally,
        latency: own,
    } in came
    {
        let figures = tally.figures();
        packets += figures.packets;
        let due = (figures.packets + figures.missing).max(expected.saturating_sub(2));
        let missing = (due - figures.packets.min(due)) as f64 * 100.0 / due.max(1) as f64;
        missing_worst = f64::max(missing_worst, missing);
        p99_worst = f64::max(p99_worst, figures.inter_arrival.p99_ms);
        inter_arrival.merge(tally.inter_arrival());
        latency.merge(own);
    }
    Came {
        cpu,
        packets,
        missing_percent_worst: missing_worst,
        inter_arrival: Summary::of(&inter_arrival),
        inter_arrival_p99_worst_ms: p99_worst,
        latency: Summary::of(&latency),
    }
}

fn section(listeners: usize, idle: f64, three: &Came, one: &Came) -> Section {
    let mut section = Section::new(&format!("Voice: {listeners} listeners"), ABOUT);
    let core = |share: f64| format!("{} of a core", number(share));
    section.row("server, nobody talks", core(idle));
    section.row("server, three talk", core(three.cpu));
    section.row("server, one talks", core(one.cpu));
    let people = |came: &Came| number((listeners + TALKERS) as f64 / came.cpu);
    section.row("people per core, three talk", people(three));
    section.row("people per core, one talks", people(one));
    for (what, came) in [("three talk", three), ("one talks", one)] {
        section.row(
            format!("packets received, {what}"),
            came.packets.to_string(),
        );
        section.row(
            format!("missing frames of the worst listener, {what}"),
            format!("{} %", number(came.missing_percent_worst)),
        );
        section.row(
            format!("between two packets, {what}"),
            percentiles(&came.inter_arrival),
        );
    }
    section.row("through the server, one talks", percentiles(&one.latency));
    section.at_most(
        "Voice, 3 talkers and 200 listeners: the server's processor time",
        0.25,
        three.cpu,
        "of a core",
        "nearly all of it is one send a listener and packet, and on loopback a send includes the receiver's side of the network stack",
    );
    section.at_most(
        "Voice: missing frames of the worst listener",
        1.0,
        three.missing_percent_worst,
        "%",
        "the machine's cores were taken by others for longer than a frame",
    );
    section.at_most(
        "Voice: inter-arrival p99 of the worst listener",
        40.0,
        three.inter_arrival_p99_worst_ms,
        "ms",
        "the machine's cores were taken by others for longer than a frame",
    );
    section.at_most(
        "Voice through the server, one speaks: p50",
        3.0,
        one.latency.p50_ms,
        "ms",
        "two hundred sends stand one behind the other",
    );
    section
}
