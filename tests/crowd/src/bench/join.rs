//! From a join link to the first sound.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use conclave_client::{
    client::{Client, ClientConfig},
    link::invite::Invite,
    media::{
        devices::{SilentSpeaker, Speaker},
        figures::{Summary, record},
    },
    session::SessionConfig,
};
use conclave_core::media::quality::Histogram;
use conclave_wire::{Encoding, MediaState};

use crate::{
    Outcome,
    load::{Load, pass},
    page::{Section, percentiles},
    served::Served,
    speech::Talking,
    voice::{Speaker as Person, talkers},
};

const HEARD_MAX: Duration = Duration::from_secs(5);

const ABOUT: &str = "Somebody talks. A whole client is given the join link: it connects, verifies the \
server's key, takes a seat, opens its media session, and plays. *Joined* is when it is in the room, *heard* \
when the first decoded sound is given to the speaker; the client's jitter buffer is in it.";

/// Notes when the first sound is played.
struct FirstSound {
    speaker: SilentSpeaker,
    heard: Arc<OnceLock<Instant>>,
}

impl Speaker for FirstSound {
    fn play(&mut self, samples: &[i16]) {
        if samples.iter().any(|&sample| sample != 0) {
            self.heard.get_or_init(Instant::now);
        }
        self.speaker.play(samples);
    }

    fn queued_samples(&mut self) -> usize {
        self.speaker.queued_samples()
    }
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let served = Served::start()?;
    let way = load.to(&served)?;
    let invite = way.room("join", 10).await?.for_room("join", None);
    let speakers = talkers(load, &way, "join", 1, Duration::from_secs(5)).await?;
    let _talking = Talking::start(load.clock, speakers.iter().map(Person::talker).collect());
    pass(0.5).await;
    let (mut joined, mut heard) = (Histogram::new(), Histogram::new());
    for round in 0..load.scale(15, 3) {
        let (in_room, sound) = once(&invite, round).await?;
        record(&mut joined, in_room);
        record(&mut heard, sound);
    }
    way.check()?;
    let (joined, heard) = (Summary::of(&joined), Summary::of(&heard));
    let mut section = Section::new("Join", ABOUT);
    section.row("joined", percentiles(&joined));
    section.row("heard", percentiles(&heard));
    section.at_most(
        "Join, from the link to the first decoded sound: slowest",
        500.0,
        heard.max_ms,
        "ms",
        "TLS, a commit of the seat, the first echo of the media port and the jitter buffer stand one behind the other",
    );
    Ok(section)
}

async fn once(invite: &Invite, round: u64) -> Outcome<(Duration, Duration)> {
    let mut config = ClientConfig::new(SessionConfig {
        invite: invite.clone(),
        name: format!("Newcomer {round}"),
        password: None,
        sound: true,
        encoding: Encoding::MessagePack,
        seed: round,
        device: None,
        file_hash: None,
        waiting: None,
    });
    let heard = Arc::new(OnceLock::new());
    config.speaker = Some(Box::new(FirstSound {
        speaker: SilentSpeaker::default(),
        heard: heard.clone(),
    }));
    config.media = MediaState {
        sound: true,
        ..MediaState::default()
    };
    let began = Instant::now();
    let (client, _events) = Client::join(config).await?;
    let joined = began.elapsed();
    let first = loop {
        if let Some(at) = heard.get() {
            break at.duration_since(began);
        }
        if began.elapsed() >= HEARD_MAX {
            return Err("nothing was heard".into());
        }
        pass(0.002).await;
    };
    client.leave().await;
    Ok((joined, first))
}
