//! A network that loses, delays, doubles, reorders, blocks and moves.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::{collections::BTreeMap, fs, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use conclave_client::{
    client::ClientEvent,
    media::{
        devices::{SyntheticCamera, read_frame_counter},
        link::Way,
    },
};
use conclave_scenario::{
    network::{TcpProxy, UdpProxy, Weather},
    people::{Coming, Person},
    raw::{RawClient, RawMedia},
    server::{DEADLINE, Server, SharedServer, through},
    sound::{Found, aligned, espeak, find, follow},
    stoi::stoi,
};
use conclave_wire::{
    Encoding, Event, Layer, ParticipantId,
    command::Watch,
    datagram::{Kind, MIX, Voice},
    event::Hint,
};
use opus::{Channels, Decoder};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use tokio::time::timeout;

static SERVER: SharedServer = SharedServer::new(&[]);
const MS: usize = 48;

/// 10 % loss, 50 ms jitter (by which datagrams overtake each other), duplicates.
const STORM: Weather = Weather {
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(50),
    loss_permille: 100,
    duplicate_permille: 50,
    blocked: false,
};

fn speech() -> Vec<i16> {
    espeak(
        "The committee will come to order. Please open the report at page seven, where the figures of \
         the last quarter are shown beside those of the year before.",
        "en",
    )
}

async fn proxy_to(server: &Server, seed: u64, weather: Weather) -> UdpProxy {
    let proxy = UdpProxy::start(seed, weather).await.expect("a free port");
    proxy.lead_to(server.udp());
    proxy
}

fn by(proxy: &UdpProxy) -> Coming {
    Coming {
        media_by: Some(proxy.address()),
        ..Coming::default()
    }
}

/// Where the beginning of a speech is in a recording.
fn lag_of(speech: &[i16], recording: &[i16]) -> i64 {
    let start = speech
        .iter()
        .position(|sample| sample.abs() > 500)
        .unwrap_or(0);
    let (at, _) = find(&speech[start..start + 1_000 * MS], recording);
    at as i64 - start as i64
}

/// How much of a speech can be understood in a recording.
fn understood(speech: &[i16], recording: &[i16]) -> (f64, Vec<Found>) {
    let piece = 250 * MS;
    let found = follow(
        speech,
        recording,
        piece,
        lag_of(speech, recording),
        100 * MS,
    );
    let heard = aligned(speech, recording, &found, piece);
    (stoi(speech, &heard), found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_through_a_storm_is_understood_both_ways() {
    let server = SERVER.get();
    let invite = server.room().await;
    let storm = proxy_to(&server, 1, STORM).await;
    let anna = Person::come(&invite, "Anna", by(&storm)).await;
    let bert = Person::join(&invite, "Bert").await;
    anna.connected().await;
    bert.connected().await;
    let speech = speech();
    for (speaker, listener) in [(&anna, &bert), (&bert, &anna)] {
        // The first words teach the playout what the network is like.
        let greeting = espeak("Good morning to all of you.", "en");
        speaker.say_aloud(&greeting).await;
        listener.listen(500).await;
        let start = listener.heard_samples();
        speaker.say_aloud(&speech).await;
        listener.listen(1_000).await;
        let (understood, found) = understood(&speech, &listener.heard_since(start));
        let figures = listener.client.figures().voice_down;
        assert!(
            understood >= 0.85,
            "STOI {understood:.3}; {figures:?}; {found:?}"
        );
    }
    let counted = storm.counted();
    assert!(counted.lost * 20 > counted.passed, "{counted:?}");
    anna.leave().await;
    bert.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_through_a_storm_are_made_whole_again() {
    let server = SERVER.get();
    let invite = server.room().await;
    let filming = || Some(Box::new(SyntheticCamera::with_size(1, 640, 360)) as _);
    for (anna_is_out, bert_is_out) in [(true, false), (false, true)] {
        let storm = proxy_to(&server, 3, STORM).await;
        let way = |out: bool| out.then(|| storm.address());
        let anna = Coming {
            camera: filming(),
            media_by: way(anna_is_out),
            ..Coming::default()
        };
        let bert = Coming {
            media_by: way(bert_is_out),
            ..Coming::default()
        };
        let anna = Person::come(&invite, "Anna", anna).await;
        let bert = Person::come(&invite, "Bert", bert).await;
        anna.connected().await;
        bert.connected().await;
        let watch = Watch {
            source: anna.id(),
            layer_max: Layer::Normal,
            pinned: true,
        };
        bert.client.watch(vec![watch]).await.unwrap();
        let mut counters = Vec::new();
        let watching = async {
            while counters.len() < 30 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if let Some(frame) = bert.client.take_camera_frame(anna.id()) {
                    let picture = frame.decode().expect("a frame is whole or not there");
                    counters.push(read_frame_counter(&picture).expect("a test picture"));
                }
            }
        };
        let watched = timeout(DEADLINE, watching).await;
        let figures = (
            anna.client.figures().camera_up,
            bert.client.figures().camera_down,
        );
        assert!(watched.is_ok(), "{counters:?} {figures:?}");
        assert!(
            counters.is_sorted_by(|before, after| before < after),
            "pictures come again or go back: {counters:?}"
        );
        // Each of a frame's half-dozen fragments would be missing in one of ten.
        assert!(figures.1.recovered > 0, "{figures:?}");
        assert!(figures.1.frames > figures.1.lost, "{figures:?}");
        anna.leave().await;
        bert.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chat_and_files_lose_nothing_when_links_are_cut() {
    let server = SERVER.get();
    let invite = server.room().await;
    let (annas, berts) = (
        TcpProxy::start().await.unwrap(),
        TcpProxy::start().await.unwrap(),
    );
    annas.lead_to(server.tcp());
    berts.lead_to(server.tcp());
    let anna = Person::join(&through(&invite, annas.address()), "Anna").await;
    let bert = Person::join(&through(&invite, berts.address()), "Bert").await;
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = vec![0; 24 * 1024 * 1024];
    StdRng::seed_from_u64(5).fill_bytes(&mut bytes);
    let path = folder.path().join("minutes.bin");
    fs::write(&path, &bytes).unwrap();
    let sharing = anna.client.files(None).share(&path);

    let cutting = async {
        for cut in 0..6 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            match cut % 2 {
                0 => annas.cut(),
                _ => berts.cut(),
            }
        }
    };
    let talking = async {
        for number in 0..60 {
            anna.client.say(format!("line {number}")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let (shared, (), ()) = tokio::join!(sharing.done(), cutting, talking);
    shared.unwrap();
    anna.client.say("the end").await.unwrap();

    // What happened, as it was told, one by one.
    bert.sees("the last line", |numbered| match &numbered.event {
        Event::LineSaid { line } => (line.text == "the end").then_some(()),
        _ => None,
    })
    .await;
    let mut said: Vec<String> = Vec::new();
    for event in bert.events().iter() {
        if let ClientEvent::Session(conclave_client::session::SessionEvent::Happened(numbered)) =
            event
            && let Event::LineSaid { line } = &numbered.event
            && line.text.starts_with("line ")
        {
            said.push(line.text.clone());
        }
    }
    let expected: Vec<String> = (0..60).map(|number| format!("line {number}")).collect();
    assert_eq!(said, expected);
    assert!(
        anna.client.session().figures().borrow().resumes > 0,
        "no link was cut"
    );

    let file = bert
        .client
        .state()
        .borrow()
        .files
        .first()
        .cloned()
        .expect("the file is there");
    assert_eq!(file.sha256, hex::encode(digest(&SHA256, &bytes)));
    let to = tempfile::tempdir().unwrap();
    let fetching = bert.client.files(None).fetch(&file, to.path());
    let cutting = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            berts.cut();
        }
    };
    let (fetched, ()) = tokio::join!(fetching.done(), cutting);
    assert!(fs::read(fetched.unwrap()).unwrap() == bytes);
    anna.leave().await;
    bert.leave().await;
}

/// What a listener with nothing but a socket gets, laid out on the room's clock: no playout hides anything.
#[derive(Default)]
struct Tape {
    decoders: BTreeMap<ParticipantId, Decoder>,
    first: Option<u32>,
    samples: Vec<i16>,
    /// How often each sample came.
    covered: Vec<u8>,
    sources: Vec<ParticipantId>,
}

impl Tape {
    fn take(&mut self, voice: &Voice<'_>) {
        const PACKET_SAMPLES_MAX: usize = 5_760;
        let decoder = self
            .decoders
            .entry(voice.source)
            .or_insert_with(|| Decoder::new(48_000, Channels::Mono).expect("Opus works here"));
        let mut pcm = [0; PACKET_SAMPLES_MAX];
        let length = decoder
            .decode(voice.opus, &mut pcm, false)
            .expect("it is Opus");
        let at = voice
            .media_time
            .wrapping_sub(*self.first.get_or_insert(voice.media_time)) as usize;
        if self.samples.len() < at + length {
            self.samples.resize(at + length, 0);
            self.covered.resize(at + length, 0);
        }
        self.samples[at..at + length].copy_from_slice(&pcm[..length]);
        self.covered[at..at + length]
            .iter_mut()
            .for_each(|count| *count += 1);
        if self.sources.last() != Some(&voice.source) {
            self.sources.push(voice.source);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_change_between_passing_on_and_mixing_repeats_and_skips_no_speech() {
    let server = SERVER.get();
    let invite = server.room().await;
    let anna = Person::join(&invite, "Anna").await;
    let cara = Person::join(&invite, "Cara").await;
    let (mut control, welcome) = RawClient::join(&invite, "Bert", Encoding::MessagePack).await;
    let ears = RawMedia::greeted(&welcome.media).await;
    anna.connected().await;
    cara.connected().await;
    let sentences = [
        "Peter Piper picked a peck of pickled peppers.",
        "A peck of pickled peppers Peter Piper picked.",
        "Nobody knows where the peck of pickled peppers that Peter Piper picked has gone in the meantime.",
        "She sells sea shells by the sea shore.",
    ]
    .map(|words| espeak(words, "en"));
    let long = sentences.concat();
    let interjection: Vec<i16> = espeak("Yes, indeed.", "en+f3")
        .iter()
        .map(|sample| sample / 4)
        .collect();
    let talking = async {
        anna.begin(&long);
        // Three times somebody else joins in, and falls silent again.
        for _ in 0..3 {
            anna.listen(1_200).await;
            cara.say_aloud(&interjection).await;
        }
        anna.finished().await;
        anna.listen(1_000).await;
    };
    let mut tape = Tape::default();
    let taping = async {
        loop {
            tokio::select! {
                voice = ears.receive(Kind::Voice) => tape.take(&voice.voice()),
                // It answers the signs of life.
                heard = control.next() => assert!(heard.is_some(), "the link is gone"),
            }
        }
    };
    tokio::select! {
        () = talking => {}
        () = taping => {}
    }

    let (alone, mixed) = (anna.id(), MIX);
    let changes = tape
        .sources
        .windows(2)
        .filter(|pair| **pair == [alone, mixed]);
    assert!(changes.count() >= 3, "{:?}", tape.sources);
    let back = tape
        .sources
        .windows(2)
        .filter(|pair| **pair == [mixed, alone]);
    assert!(back.count() >= 2, "{:?}", tape.sources);
    let twice = tape.covered.iter().filter(|&&count| count > 1).count();
    assert_eq!(twice, 0, "samples came twice");

    // Every piece of what Anna said is there, and all of a sentence equally late but for the 6.5 ms that an
    // Opus encoder looks ahead, of which a mix has one more (RFC 7845 section 4.2). After a pause a talk
    // spurt begins at a border of 20 ms, which may be one earlier or later than the last spurt's;
    // no sentence has a comma. Each piece is looked for within 40 ms of the one before.
    let lag = lag_of(&long, &tape.samples);
    let found = follow(&long, &tape.samples, 300 * MS, lag, 40 * MS);
    let known: Vec<_> = found.iter().filter(|found| found.likeness > 0.6).collect();
    assert!(known.len() * 10 >= found.len() * 9, "{found:?}");
    let mut begin = 0;
    for sentence in &sentences {
        let end = begin + sentence.len();
        // A piece over the border belongs to neither.
        let within = |found: &&&Found| (begin..=end - 300 * MS).contains(&found.said_at);
        let mut here: Vec<i64> = known.iter().filter(within).map(|found| found.lag).collect();
        here.sort_unstable();
        let median = *here.get(here.len() / 2).expect("a sentence was not found");
        let elsewhere = here
            .iter()
            .find(|&lag| (lag - median).abs() > 8 * MS as i64);
        assert!(elsewhere.is_none(), "a sentence is torn apart: {here:?}");
        begin = end;
    }
    anna.leave().await;
    cara.leave().await;
}

async fn hint(person: &Person, wanted: Hint) {
    person
        .notices("what becomes of UDP", |signs| {
            (signs.hint == Some(wanted)).then_some(())
        })
        .await;
}

async fn takes(person: &Person, wanted: Way) {
    person
        .told("another way", |event| {
            matches!(event, ClientEvent::WayChanged(way) if *way == wanted).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn voice_takes_the_control_port_where_udp_is_blocked_and_comes_back() {
    let server = SERVER.get();
    let invite = server.room().await;
    let blocked = Weather {
        blocked: true,
        ..Weather::default()
    };
    let proxy = proxy_to(&server, 6, blocked).await;
    let anna = Person::come(&invite, "Anna", by(&proxy)).await;
    let bert = Person::join(&invite, "Bert").await;
    takes(&anna, Way::Tunnel).await;
    hint(&anna, Hint::UdpBlocked).await;
    bert.connected().await;

    let speech = espeak("Can you hear me through the wall?", "en");
    for (speaker, listener) in [(&anna, &bert), (&bert, &anna)] {
        let start = listener.heard_samples();
        speaker.say_aloud(&speech).await;
        listener.listen(1_000).await;
        let (understood, found) = understood(&speech, &listener.heard_since(start));
        assert!(understood > 0.9, "STOI {understood:.3}: {found:?}");
    }
    assert!(
        bert.events()
            .iter()
            .all(|event| !matches!(event, ClientEvent::WayChanged(Way::Tunnel))),
        "whose UDP comes through stays with it"
    );

    proxy.set(Weather::default());
    takes(&anna, Way::Udp).await;
    hint(&anna, Hint::UdpBack).await;
    let start = bert.heard_samples();
    anna.say_aloud(&speech).await;
    bert.listen(1_000).await;
    let (understood, found) = understood(&speech, &bert.heard_since(start));
    assert!(understood > 0.9, "STOI {understood:.3}: {found:?}");
    anna.leave().await;
    bert.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_changes_in_the_middle_of_a_word_costs_no_word() {
    let server = SERVER.get();
    let invite = server.room().await;
    let (annas, berts) = (
        proxy_to(&server, 7, Weather::default()).await,
        proxy_to(&server, 8, Weather::default()).await,
    );
    let anna = Person::come(&invite, "Anna", by(&annas)).await;
    let bert = Person::come(&invite, "Bert", by(&berts)).await;
    anna.connected().await;
    bert.connected().await;
    let speech = speech();
    anna.say_aloud(&espeak("Hello.", "en")).await;
    bert.listen(300).await;
    let start = bert.heard_samples();
    anna.begin(&speech);
    bert.listen(1_500).await;
    annas.move_clients().await;
    bert.listen(1_500).await;
    annas.move_clients().await;
    anna.finished().await;
    bert.listen(1_000).await;
    let (speaker_moved, found) = understood(&speech, &bert.heard_since(start));
    assert!(speaker_moved > 0.93, "STOI {speaker_moved:.3}: {found:?}");

    // The listener's new address is only known when they send something: a probe within a second.
    let start = bert.heard_samples();
    anna.begin(&speech);
    bert.listen(1_500).await;
    berts.move_clients().await;
    anna.finished().await;
    bert.listen(1_000).await;
    let heard = bert.heard_since(start);
    let last = &speech[speech.len() - 2_500 * MS..];
    let (listener_moved, found) = understood(last, &heard);
    assert!(listener_moved > 0.93, "STOI {listener_moved:.3}: {found:?}");
    anna.leave().await;
    bert.leave().await;
}
