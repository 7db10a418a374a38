//! Datagrams that are forged, replayed, out of order, of a stranger or of a dead session.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use conclave_client::link::invite::Invite;
use conclave_scenario::{
    raw::{RawClient, RawMedia, Received},
    server::{Server, SharedServer},
};
use conclave_wire::{
    Command, Encoding, Event, MediaState, ParticipantId, RefusalCode, ServerMessage,
    datagram::{HEADER_BYTES, Kind, Probe, TAG_BYTES, VOICE_HEADER_BYTES, Voice},
    limits::DATAGRAM_BYTES_MAX,
};
use opus::{Application, Channels, Encoder};
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use tokio::{
    net::UdpSocket,
    time::{Interval, interval, timeout},
};

static SERVER: SharedServer = SharedServer::new(&[]);
/// 20 ms at 48 kHz.
const FRAME_SAMPLES: u32 = 960;
const PACKET: Duration = Duration::from_millis(20);
const A_WORD: Duration = Duration::from_millis(200);

/// Somebody in a room, with voice.
struct Person {
    control: RawClient,
    media: RawMedia,
    id: ParticipantId,
}

impl Person {
    async fn join(invite: &Invite, name: &str) -> Person {
        let (control, welcome) = RawClient::join(invite, name, Encoding::MessagePack).await;
        Person {
            control,
            media: RawMedia::greeted(&welcome.media).await,
            id: welcome.you,
        }
    }
}

/// A microphone whose packets can be told apart.
struct Speech {
    encoder: Encoder,
    frame: u32,
}

impl Speech {
    fn new() -> Speech {
        let encoder = Encoder::new(48_000, Channels::Mono, Application::Voip);
        Speech {
            encoder: encoder.expect("Opus works here"),
            frame: 0,
        }
    }

    /// The next 20 ms of a loud tone.
    fn packet(&mut self, media: &RawMedia) -> (Vec<u8>, Vec<u8>) {
        let samples: Vec<i16> = (0..FRAME_SAMPLES)
            .map(|n| {
                let at = f64::from(self.frame * FRAME_SAMPLES + n) / 48_000.0;
                let hertz = 200.0 + 10.0 * f64::from(self.frame);
                ((at * hertz * std::f64::consts::TAU).sin() * 12_000.0) as i16
            })
            .collect();
        let opus = self
            .encoder
            .encode_vec(&samples, 400)
            .expect("20 ms are a frame");
        let sealed = media.seal(Kind::Voice, |body| {
            Voice {
                source: ParticipantId(0),
                spurt_start: self.frame == 0,
                level: 20,
                media_time: self.frame * FRAME_SAMPLES,
                opus: &opus,
            }
            .write(body);
        });
        self.frame += 1;
        (sealed, opus)
    }
}

/// A speaker whom a listener hears.
struct Story {
    _server: Arc<Server>,
    speaker: Person,
    listener: Person,
    speech: Speech,
    invite: Invite,
    /// By the listener, and not looked at yet.
    heard: Vec<Received>,
    /// A microphone gives a packet each 20 ms; what comes faster is taken for a flood.
    pace: Interval,
}

impl Story {
    async fn begin() -> Story {
        let server = SERVER.get();
        let invite = server.room().await;
        let mut speaker = Person::join(&invite, "Speaker").await;
        let listener = Person::join(&invite, "Listener").await;
        speaker.control.set_microphone(true).await;
        let mut story = Story {
            _server: server,
            speaker,
            listener,
            speech: Speech::new(),
            invite,
            heard: Vec::new(),
            pace: interval(PACKET),
        };
        // The order to let them speak goes another way than their voice: speak until it is heard.
        while story.heard.is_empty() {
            let (sealed, _) = story.speech.packet(&story.speaker.media);
            story.speaker.media.send_raw(&sealed).await;
            let heard = story.listener.media.receive(Kind::Voice);
            story.heard.extend(timeout(A_WORD, heard).await.ok());
        }
        story.say().await;
        story.heard.clear();
        story
    }

    /// Says 20 ms and waits until the listener has heard it, and with it all that was said before.
    async fn say(&mut self) -> Vec<u8> {
        self.pace.tick().await;
        let (sealed, opus) = self.speech.packet(&self.speaker.media);
        self.speaker.media.send_raw(&sealed).await;
        self.hear(&opus).await;
        opus
    }

    async fn hear(&mut self, opus: &[u8]) {
        loop {
            let received = self.listener.media.receive(Kind::Voice).await;
            let it_is = received.voice().opus == opus;
            self.heard.push(received);
            if it_is {
                return;
            }
        }
    }

    /// These, each once, and nothing else was heard; nor is anything but the next words.
    async fn heard_once(&mut self, mut opus: Vec<Vec<u8>>) {
        for _ in 0..3 {
            opus.push(self.say().await);
        }
        heard_once(&self.heard, &opus, self.speaker.id);
        self.heard.clear();
    }

    /// After whatever was sent, the room is as it was.
    async fn nothing_happened(&mut self) {
        self.heard_once(Vec::new()).await;
    }
}

/// The very packets, in any order, and no others.
#[track_caller]
fn heard_once(heard: &[Received], opus: &[Vec<u8>], from: ParticipantId) {
    let mut expected: Vec<&[u8]> = opus.iter().map(Vec::as_slice).collect();
    let mut got: Vec<&[u8]> = heard.iter().map(|received| received.voice().opus).collect();
    expected.sort_unstable();
    got.sort_unstable();
    assert!(
        got == expected,
        "heard {} packets of {}",
        got.len(),
        expected.len()
    );
    assert!(heard.iter().all(|received| received.voice().source == from));
    let times: BTreeSet<u32> = heard
        .iter()
        .map(|received| received.voice().media_time)
        .collect();
    assert_eq!(times.len(), opus.len());
}

#[tokio::test]
async fn what_is_said_is_heard_once_by_the_others_and_not_by_oneself() {
    let mut story = Story::begin().await;
    story.nothing_happened().await;
    assert!(story.speaker.media.fence(50).await.is_empty());
}

#[tokio::test]
async fn a_datagram_that_comes_again_is_heard_once() {
    let mut story = Story::begin().await;
    let stranger = RawMedia::open(&session_of(&story.speaker.media)).await;
    let mut opus = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..5 {
        story.pace.tick().await;
        let (sealed, packet) = story.speech.packet(&story.speaker.media);
        for _ in 0..3 {
            story.speaker.media.send_raw(&sealed).await;
        }
        story.hear(&packet).await;
        opus.push(packet);
        kept.push(sealed);
    }
    // Later, by the speaker and by somebody who has listened on the way.
    for sealed in &kept {
        story.speaker.media.send_raw(sealed).await;
        stranger.send_raw(sealed).await;
    }
    story.heard_once(opus).await;
    assert!(!stranger.has_something(), "a stranger was answered");
    story.nothing_happened().await;
    assert!(!stranger.has_something(), "a stranger hears");
}

#[tokio::test]
async fn datagrams_that_overtake_each_other_are_all_heard_once() {
    let mut story = Story::begin().await;
    for order in [[1, 0, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let packets: Vec<_> = (0..4)
            .map(|_| story.speech.packet(&story.speaker.media))
            .collect();
        for index in order {
            story.pace.tick().await;
            story.speaker.media.send_raw(&packets[index].0).await;
        }
        let opus = packets.into_iter().map(|(_, packet)| packet).collect();
        story.heard_once(opus).await;
    }
}

#[tokio::test]
async fn no_bit_of_a_datagram_can_be_changed() {
    let mut story = Story::begin().await;
    let (sealed, opus) = story.speech.packet(&story.speaker.media);
    let interesting =
        (0..HEADER_BYTES + VOICE_HEADER_BYTES).chain(sealed.len() - TAG_BYTES..sealed.len());
    for byte in interesting {
        for bit in 0..8 {
            let mut forged = sealed.clone();
            forged[byte] ^= 1 << bit;
            story.speaker.media.send_raw(&forged).await;
        }
    }
    story.speaker.media.fence(60).await;
    for length in 0..sealed.len() {
        story.speaker.media.send_raw(&sealed[..length]).await;
    }
    // Not one of them has moved the window: the true one is still taken.
    story.speaker.media.send_raw(&sealed).await;
    story.heard_once(vec![opus]).await;
}

#[tokio::test]
async fn a_stranger_gets_no_reply_and_changes_nothing() {
    let mut story = Story::begin().await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = story.speaker.media.server;
    let mut chance = StdRng::seed_from_u64(2);
    let header = story.speaker.media.seal(Kind::Hello, |_| {});
    for length in 0..=DATAGRAM_BYTES_MAX + 100 {
        let mut datagram = vec![0; length];
        chance.fill_bytes(&mut datagram);
        stranger.send_to(&datagram, server).await.unwrap();
        // With a header that could be ours: version and kind right, session unknown or that of somebody.
        if length >= HEADER_BYTES {
            datagram[0] = 0b1101_0000 | chance.random_range(0..16);
            stranger.send_to(&datagram, server).await.unwrap();
            datagram[1..9].copy_from_slice(&header[1..9]);
            stranger.send_to(&datagram, server).await.unwrap();
        }
        // The server's buffer may be small.
        if length % 50 == 0 {
            story.speaker.media.fence(length as u64).await;
        }
    }
    story.nothing_happened().await;
    assert!(
        stranger.try_recv_from(&mut [0; 2_048]).is_err(),
        "a stranger was answered"
    );
}

#[tokio::test]
async fn what_the_server_sent_cannot_be_sent_back_to_it() {
    let mut story = Story::begin().await;
    story.say().await;
    let heard = std::mem::take(&mut story.heard);
    for received in heard {
        story.listener.media.send_raw(&received.sealed).await;
        story.speaker.media.send_raw(&received.sealed).await;
    }
    story.nothing_happened().await;
}

#[tokio::test]
async fn nobody_speaks_in_the_name_of_another() {
    let mut story = Story::begin().await;
    let media_time = story.speech.frame * FRAME_SAMPLES;
    let (_, opus) = story.speech.packet(&story.speaker.media);
    let voice = Voice {
        source: story.listener.id,
        spurt_start: false,
        level: 20,
        media_time,
        opus: &opus,
    };
    let media = &story.speaker.media;
    media.send(Kind::Voice, |body| voice.write(body)).await;
    story.heard_once(vec![opus]).await;
}

#[tokio::test]
async fn who_is_muted_by_the_host_is_heard_by_nobody_whatever_they_send() {
    let mut story = Story::begin().await;
    let guest = story.invite.for_room(&story.invite.slug, None);
    let mut stubborn = Person::join(&guest, "Stubborn").await;
    stubborn.control.set_microphone(true).await;
    let mut speech = Speech::new();
    // First they are heard, alone or in the mix.
    loop {
        story.pace.tick().await;
        let (sealed, _) = speech.packet(&stubborn.media);
        stubborn.media.send_raw(&sealed).await;
        let heard = story.listener.media.receive(Kind::Voice);
        if timeout(A_WORD, heard).await.is_ok() {
            break;
        }
    }
    let mute = Command::Mute {
        id: stubborn.id,
        may_unmute: false,
    };
    story.speaker.control.ask(mute).await.expect("a host may");
    let media = MediaState {
        microphone: true,
        sound: true,
        camera: false,
    };
    let refused = stubborn.control.ask(Command::SetMedia { media }).await;
    assert_eq!(
        refused.map_err(|refusal| refusal.code),
        Err(RefusalCode::MutedByHost)
    );
    // What is still in the mix of before ends with its talk spurt.
    while timeout(5 * A_WORD, story.listener.media.receive(Kind::Voice))
        .await
        .is_ok()
    {}
    for _ in 0..30 {
        story.pace.tick().await;
        let (sealed, _) = speech.packet(&stubborn.media);
        stubborn.media.send_raw(&sealed).await;
    }
    // Somebody else speaks after them, and is all that is heard.
    stubborn.media.fence(77).await;
    story.nothing_happened().await;

    // Allowed again, they are heard again.
    let allow = Command::AllowUnmute { id: stubborn.id };
    story.speaker.control.ask(allow).await.expect("a host may");
    stubborn.control.set_microphone(true).await;
    loop {
        story.pace.tick().await;
        let (sealed, _) = speech.packet(&stubborn.media);
        stubborn.media.send_raw(&sealed).await;
        let heard = story.listener.media.receive(Kind::Voice);
        if timeout(A_WORD, heard).await.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn a_session_whose_seat_was_left_is_dead() {
    let mut story = Story::begin().await;
    story.speaker.control.ask(Command::Leave).await.ok();
    let id = story.speaker.id;
    story
        .listener
        .control
        .until("that the speaker left", |message| {
            let ServerMessage::Events { events } = message else {
                return None;
            };
            let left = |event: &Event| matches!(event, Event::ParticipantLeft { id: who, .. } if *who == id);
            events.iter().any(|numbered| left(&numbered.event)).then_some(())
        })
        .await;
    let (sealed, _) = story.speech.packet(&story.speaker.media);
    story.speaker.media.send_raw(&sealed).await;
    for kind in [Kind::Hello, Kind::Probe] {
        story.speaker.media.probe(kind, 1).await;
    }
    let fresh = RawMedia::open(&session_of(&story.speaker.media)).await;
    fresh
        .send(Kind::Hello, |body| Probe::default().write(body))
        .await;
    // The server takes datagrams in order, so once the listener's question is answered, these were taken.
    let heard = story.listener.media.fence(1).await;
    assert!(heard.is_empty(), "somebody who left is heard");
    assert!(!fresh.has_something(), "a dead session was answered");
    let newcomer = Person::join(&story.invite, "Newcomer").await;
    assert_ne!(newcomer.id, id);
}

/// Another socket with the same session's number, and keys that are not its keys.
fn session_of(media: &RawMedia) -> conclave_wire::MediaSession {
    conclave_wire::MediaSession {
        addresses: vec![media.server.to_string()],
        session: format!("{:016x}", media.session),
        suite: conclave_wire::Suite::Aes256Gcm,
        secret: "00".repeat(32),
    }
}
