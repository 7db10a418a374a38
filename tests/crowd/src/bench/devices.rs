//! Whole clients on the sound system of a machine: from a mouth to an ear, and what a client costs.

mod headless;
mod hearing;
mod sound_server;

use std::{thread::sleep, time::Duration};

use conclave_client::{
    client::{Client, ClientConfig},
    link::invite::Invite,
    media::{
        devices::{SyntheticCamera, SyntheticSpeech},
        enhance::Enhancement,
    },
    session::SessionConfig,
};
use conclave_wire::{Command, Encoding, Layer, MediaState, command::Watch};
use serde_json::{Value, json};

use self::{
    headless::Headless,
    hearing::{Heard, lags},
    sound_server::SoundServer,
};
use crate::{
    Outcome,
    load::{Load, Way, pass},
    page::{Section, number},
    process,
    served::Served,
};

/// A meeting begins with jitter buffers that have seen nothing, and take the least delay after ten calm seconds.
const SETTLES: Duration = Duration::from_secs(15);
/// Fewer pieces of speech that were found again say nothing.
const LAGS_MIN: usize = 20;
const CAMERAS: u32 = 9;
/// The ladder gives everybody their layer after this.
const CAMERAS_SETTLE_SECONDS: f64 = 10.0;
const COST_SECONDS: f64 = 10.0;

const ABOUT: &str = "Two clients in processes of their own (`conclave-headless`, no window) on a PulseAudio \
without sound cards: each has a null sink as its speaker and the monitor of another as its microphone. One \
talks, with the enhancement that people have (echo, noise and level normal) and without. *Mouth to ear* is from the sample in the \
microphone's sink to the same sample in the other's speaker's sink, both recorded at once; found in pieces of \
200 ms by correlation. The split is what clients and sound server say of themselves: *capture* lies between the \
sink and the client, *frame* is the length of a packet, *network* half of both clients' round trips, *jitter \
buffer* and *playout* are of the listener; a lone voice is passed on and never *mixed*. *The rest* is what is \
missing to the whole: the enhancement's filters, Opus, and the sinks' own periods. Processor and memory are of \
the client alone, without the sound server.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let mut section = Section::new("Real devices: from a mouth to an ear", ABOUT);
    let served = Served::start()?;
    let way = load.to(&served)?;
    let sound = SoundServer::start()?;
    let ways: [(u8, Enhancement, f64, Option<f64>); 4] = [
        (2, Enhancement::default(), 60.0, Some(90.0)),
        (1, Enhancement::default(), 45.0, None),
        (2, Enhancement::OFF, 60.0, Some(90.0)),
        (1, Enhancement::OFF, 45.0, None),
    ];
    for (nth, (frames, enhancement, p50_max, p99_max)) in ways.into_iter().enumerate() {
        let slug = format!("ear-{nth}");
        let invite = way.room(&slug, 10).await?.for_room(&slug, None);
        let ms = 10 * u32::from(frames);
        let what = match enhancement {
            Enhancement::OFF => format!("frames of {ms} ms, not enhanced"),
            _ => format!("frames of {ms} ms"),
        };
        let (heard, split) = mouth_to_ear(load, &sound, &invite, frames, enhancement)?;
        let (p50, p99) = (percentile(&heard, 50), percentile(&heard, 99));
        let longest = number(percentile(&heard, 100));
        let (shown_p50, shown_p99) = (number(p50), number(p99));
        section.row(
            format!("{what}: mouth to ear"),
            format!(
                "p50 {shown_p50} ms, p99 {shown_p99} ms, longest {longest} ms (of {})",
                heard.len()
            ),
        );
        for (part, figure) in split.rows(p50) {
            section.row(format!("{what}: {part}"), figure);
        }
        let why = "the sound server's own periods and the load on this machine's cores are in it";
        let name = format!("Mouth to ear, {what}");
        section.at_most(&format!("{name}: p50"), p50_max, p50, "ms", why);
        if let Some(p99_max) = p99_max {
            section.at_most(&format!("{name}: p99"), p99_max, p99, "ms", why);
        }
    }
    cost(load, &way, &sound, &mut section).await?;
    Ok(section)
}

/// What the parts of the way say of themselves, in ms.
struct Split {
    capture: f64,
    frame: f64,
    network: f64,
    jitter: f64,
    playout: f64,
}

impl Split {
    fn of(talker: &Value, listener: &Value, frames: u8) -> Split {
        let ms =
            |state: &Value, path: &str| state.pointer(path).and_then(Value::as_f64).unwrap_or(0.0);
        let us = |state: &Value, path: &str| ms(state, path) / 1e3;
        let round_trip = "/client/link/quality/round_trip_ms";
        Split {
            capture: us(talker, "/devices/capture_us"),
            frame: f64::from(frames) * 10.0,
            network: (ms(talker, round_trip) + ms(listener, round_trip)) / 2.0,
            jitter: ms(listener, "/client/voice_down/delay_ms"),
            playout: us(listener, "/devices/playback_us") + us(listener, "/devices/ahead_us"),
        }
    }

    fn rows(&self, whole: f64) -> Vec<(&'static str, String)> {
        let parts = [
            ("capture", self.capture),
            ("frame", self.frame),
            ("network", self.network),
            ("mix", 0.0),
            ("jitter buffer", self.jitter),
            ("playout", self.playout),
        ];
        let known: f64 = parts.iter().map(|(_, part)| part).sum();
        let rest = ("the rest", whole - known);
        let row = |(part, ms): (&'static str, f64)| (part, format!("{} ms", number(ms)));
        parts.into_iter().chain([rest]).map(row).collect()
    }
}

fn mouth_to_ear(
    load: &Load,
    sound: &SoundServer,
    invite: &Invite,
    frames: u8,
    enhancement: Enhancement,
) -> Outcome<(Vec<f64>, Split)> {
    let mut ada = Headless::join(invite, "ada", sound, frames, false)?;
    let mut bob = Headless::join(invite, "bob", sound, frames, false)?;
    for client in [&mut ada, &mut bob] {
        client.order(&json!({"do": "enhance", "enhancement": enhancement}))?;
    }
    let mouth = sound.record("ada_says")?;
    let ear = sound.record("bob_hears")?;
    let seconds = load.scale(40, 15);
    let mut talking = sound.talk(
        "ada_says",
        SyntheticSpeech::new(1),
        SETTLES.as_secs() + seconds,
    )?;
    sleep(SETTLES + Duration::from_secs(seconds / 2));
    let split = Split::of(&ada.state()?, &bob.state()?, frames);
    talking.wait()?;
    sleep(Duration::from_millis(500));
    let (said, heard): (Heard, Heard) = (mouth.stop(), ear.stop());
    let mut lags: Vec<f64> = lags(&said, &heard, SETTLES)
        .iter()
        .map(|lag| lag.as_secs_f64() * 1e3)
        .collect();
    lags.sort_by(f64::total_cmp);
    match lags.len() {
        0..LAGS_MIN => Err("too little of the speech was found again".into()),
        _ => Ok((lags, split)),
    }
}

/// Of sorted figures.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0.0)
}

/// What one client takes: muted in a silent room, and with a camera out and nine in.
async fn cost(load: &Load, way: &Way, sound: &SoundServer, section: &mut Section) -> Outcome<()> {
    let invite = way.room("cost", 20).await?.for_room("cost", None);
    let mut bob = Headless::join(&invite, "bob", sound, 2, false)?;
    bob.order(&json!({"do": "media", "microphone": false, "camera": false}))?;
    pass(10.0).await;
    let silent = share(&bob, load.scale(20.0, 5.0)).await?;
    section.row(
        "client, muted, nobody speaks",
        format!("{} of a core", number(silent)),
    );
    section.at_most(
        "Client, muted, nobody speaks: processor",
        2.0,
        silent * 100.0,
        "% of a core",
        "the sound server's connection wakes with every period of either stream",
    );
    let mut others = Vec::new();
    for i in 0..CAMERAS {
        others.push(film(&invite, i).await?);
    }
    bob.order(&json!({"do": "media", "microphone": true, "camera": true}))?;
    bob.order(&json!({"do": "watch", "layer": "normal"}))?;
    let you = bob.you;
    let watch = Watch {
        source: conclave_wire::ParticipantId(you),
        layer_max: Layer::Normal,
        pinned: false,
    };
    others[0].watch(vec![watch]).await?;
    pass(CAMERAS_SETTLE_SECONDS).await;
    let before = frames_seen(&bob.state()?);
    let busy = share(&bob, COST_SECONDS).await?;
    let seen = (frames_seen(&bob.state()?) - before) / COST_SECONDS;
    let memory = process::memory_mb(bob.id())?;
    section.row(
        "client, a camera out and nine in",
        format!("{} of a core", number(busy)),
    );
    section.row(
        "of it, pictures received",
        format!("{} a second", number(seen)),
    );
    section.row(
        "client, a camera out and nine in: memory",
        format!("{} MB", number(memory)),
    );
    let why = "drawing is not in it; encoding and receiving are";
    section.at_most(
        "Client, a camera out and nine in: processor",
        1.0,
        busy,
        "core",
        why,
    );
    section.at_most(
        "Client, a camera out and nine in: memory",
        250.0,
        memory,
        "MB",
        why,
    );
    for other in others {
        other.leave().await;
    }
    Ok(())
}

async fn share(of: &Headless, seconds: f64) -> Outcome<f64> {
    let before = process::cpu_seconds(of.id())?;
    pass(seconds).await;
    Ok((process::cpu_seconds(of.id())? - before) / seconds)
}

fn frames_seen(state: &Value) -> f64 {
    let seen = state.pointer("/frames_seen").and_then(Value::as_f64);
    seen.unwrap_or(0.0)
}

/// Somebody with a camera, in the load's own process.
async fn film(invite: &Invite, number: u32) -> Outcome<Client> {
    let mut config = ClientConfig::new(SessionConfig {
        invite: invite.clone(),
        name: format!("camera {number}"),
        password: None,
        sound: false,
        encoding: Encoding::MessagePack,
        seed: number.into(),
        device: None,
        waiting: None,
        file_hash: None,
    });
    config.camera = Some(Box::new(SyntheticCamera::with_size(
        number.into(),
        640,
        360,
    )));
    config.media = MediaState {
        camera: true,
        ..MediaState::default()
    };
    let (client, mut events) = Client::join(config).await?;
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let media = MediaState {
        camera: true,
        ..MediaState::default()
    };
    client.ask(Command::SetMedia { media }).await?;
    Ok(client)
}
