//! The mixer under paused time, with real Opus.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod media;

use std::{
    collections::BTreeMap,
    f32::consts::TAU,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix::prelude::*;
use conclave_core::{
    media::{
        level::level,
        voices::{Codecs, VoiceDecoder, VoiceFrame, opus_samples},
    },
    room::VoiceOrder,
};
use conclave_server::{
    actors::mixer::{DescribeVoices, MixerActor, MixerSeed, Order},
    clock::Clock,
    media::{
        codecs::OpusCodecs,
        figures::{Count, MediaFigures},
        seat::{RoomKey, VoiceArrived, VoiceBatch, VoiceSink},
    },
};
use conclave_wire::ParticipantId;
use media::*;
use tokio::{sync::mpsc, time::Instant};

const FRAME: Duration = Duration::from_millis(20);
const LOW_HZ: f32 = 400.0;
const HIGH_HZ: f32 = 1_100.0;

/// Keeps what the mixer sends, with the time at which it was sent.
#[derive(Default)]
struct MemorySink(Mutex<Vec<(Instant, VoiceBatch)>>);

impl VoiceSink for MemorySink {
    fn send(&self, batch: VoiceBatch) {
        self.0.lock().unwrap().push((Instant::now(), batch));
    }
}

impl MemorySink {
    fn take(&self) -> Vec<(Instant, VoiceBatch)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Somebody who hums one tone, in syllables: a steady one would be taken for noise and left out by DTX.
struct Talker {
    id: ParticipantId,
    hz: f32,
    encoder: opus::Encoder,
    packets: u32,
}

const SYLLABLES_HZ: f32 = 5.0;

impl Talker {
    fn new(id: ParticipantId, hz: f32) -> Talker {
        let encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip);
        Talker {
            id,
            hz,
            encoder: encoder.unwrap(),
            packets: 0,
        }
    }

    fn packet(&mut self) -> (ParticipantId, VoiceFrame) {
        let at = |sample: u32| (self.packets * 960 + sample) as f32 / 48_000.0;
        let loud = |time: f32| 8_000.0 * (0.6 + 0.4 * (TAU * SYLLABLES_HZ * time).sin());
        let tone = |sample| (loud(at(sample)) * (TAU * self.hz * at(sample)).sin()) as i16;
        let pcm: Vec<i16> = (0..960).map(tone).collect();
        let opus = self.encoder.encode_vec(&pcm, 1_275).unwrap();
        let frame = VoiceFrame {
            number: self.packets.into(),
            media_time: self.packets * 960,
            spurt_start: self.packets == 0,
            level: level(&pcm),
            samples: opus_samples(&opus).unwrap(),
            opus: opus.into(),
        };
        self.packets += 1;
        (self.id, frame)
    }
}

/// How much of a tone is in sound, 1.0 being all (Goertzel 1958).
fn share(pcm: &[i16], hz: f32) -> f32 {
    let (mut re, mut im, mut energy) = (0.0f32, 0.0f32, 0.0f32);
    for (at, &sample) in pcm.iter().enumerate() {
        let (sin, cos) = (TAU * hz * at as f32 / 48_000.0).sin_cos();
        let sample = f32::from(sample);
        re += sample * cos;
        im += sample * sin;
        energy += sample * sample;
    }
    2.0 * (re * re + im * im) / (pcm.len() as f32 * energy.max(1.0))
}

struct Studio {
    mixer: Addr<MixerActor>,
    sink: Arc<MemorySink>,
    told: mpsc::UnboundedReceiver<Told>,
    figures: Arc<MediaFigures>,
    /// Keeps the room's end open.
    _ear: Addr<RoomEar>,
}

impl Studio {
    async fn open(people: &[ParticipantId]) -> Studio {
        tokio::time::pause();
        let sink = Arc::new(MemorySink::default());
        let (ear, told) = RoomEar::start_one();
        let seed = MixerSeed {
            room: RoomKey(3),
            clock: Clock::start(),
            sink: sink.clone(),
            speaking: ear.clone().recipient(),
            figures: Arc::default(),
        };
        let figures = seed.figures.clone();
        let mixer = MixerActor::open(seed).start();
        let studio = Studio {
            mixer,
            sink,
            told,
            figures,
            _ear: ear,
        };
        for &seat in people {
            studio.order(VoiceOrder::Enter { seat, ears: true }).await;
            studio
                .order(VoiceOrder::Allow {
                    seat,
                    may_speak: true,
                })
                .await;
        }
        studio
    }

    async fn order(&self, order: VoiceOrder) {
        self.mixer.send(Order(order)).await.unwrap().unwrap();
    }

    async fn talk(&self, talkers: &mut [Talker], frames: u32) {
        for _ in 0..frames {
            let packets = talkers.iter_mut().map(Talker::packet).collect();
            self.mixer.send(VoiceArrived(packets)).await.unwrap();
            tokio::time::sleep(FRAME).await;
        }
    }
}

/// What each listener was sent, decoded in order of media time; and how many packets that were.
fn heard_by(batches: &[(Instant, VoiceBatch)], listener: ParticipantId) -> (Vec<i16>, usize) {
    let packets = batches.iter().flat_map(|(_, batch)| &batch.packets);
    let mine = packets.filter(|packet| packet.to.contains(&listener.0));
    let by_time: BTreeMap<u32, _> = mine
        .map(|packet| (packet.frame.media_time, &packet.frame))
        .collect();
    let mut decoders = BTreeMap::new();
    let mut pcm = Vec::new();
    for frame in by_time.values() {
        let decoder = decoders
            .entry(frame.source)
            .or_insert_with(|| OpusCodecs::default().decoder());
        let mut out = vec![0; frame.samples as usize];
        assert_eq!(decoder.decode(&frame.opus, &mut out), out.len());
        pcm.extend(out);
    }
    (pcm, by_time.len())
}

#[actix::test]
async fn everybody_hears_all_others_and_not_themselves() {
    let studio = Studio::open(&[ANNA, BERT, CARA]).await;
    let mut talkers = [Talker::new(ANNA, LOW_HZ), Talker::new(BERT, HIGH_HZ)];
    studio.talk(&mut talkers, 150).await;
    let batches = studio.sink.take();
    for (listener, low, high) in [(ANNA, false, true), (BERT, true, false), (CARA, true, true)] {
        let (pcm, packets) = heard_by(&batches, listener);
        // Who begins is placed behind what others have heard already: a few frames more than were said.
        assert!(
            (140..=155).contains(&packets),
            "{listener:?} got {packets} packets"
        );
        // The first second is the change from silence; then both are there or not.
        let steady = &pcm[48_000..];
        let (of_low, of_high) = (share(steady, LOW_HZ), share(steady, HIGH_HZ));
        assert_eq!(of_low > 0.2, low, "{listener:?}: {of_low} of the low tone");
        assert_eq!(
            of_high > 0.2,
            high,
            "{listener:?}: {of_high} of the high tone"
        );
        assert!(
            low || of_low < 0.01,
            "{listener:?}: {of_low} of the low tone"
        );
        assert!(
            high || of_high < 0.01,
            "{listener:?}: {of_high} of the high tone"
        );
    }
}

#[actix::test]
async fn two_talkers_and_many_listeners_cost_one_encode_a_frame() {
    let listeners: Vec<_> = (1..=40).map(ParticipantId).collect();
    let studio = Studio::open(&listeners).await;
    let mut talkers = [Talker::new(ANNA, LOW_HZ), Talker::new(BERT, HIGH_HZ)];
    studio.talk(&mut talkers, 100).await;
    let figures = studio.mixer.send(DescribeVoices).await.unwrap();
    // Both talkers hear one other voice, passed on; the other 38 share a mix.
    assert!((90..=101).contains(&figures.encodes), "{figures:?}");
    assert_eq!(figures.encodes, figures.mixed_shared, "{figures:?}");
}

#[actix::test]
async fn what_a_mixer_does_is_counted_for_the_whole_server_until_it_is_gone() {
    let studio = Studio::open(&[ANNA, BERT, CARA]).await;
    let mut talkers = [Talker::new(ANNA, LOW_HZ), Talker::new(BERT, HIGH_HZ)];
    studio.talk(&mut talkers, 100).await;
    let own = studio.mixer.send(DescribeVoices).await.unwrap();
    let figures = studio.figures.clone();
    for (count, its) in [
        (Count::MixedShared, own.mixed_shared),
        (Count::VoicePassedOn, own.passed_on),
        (Count::VoiceEncoded, own.encodes),
        (Count::VoiceDecoded, own.decodes),
    ] {
        assert!(its > 0, "{own:?}");
        assert_eq!(figures.get(count), its, "{count:?}");
    }
    assert_eq!(figures.encode_time.spread().count(), own.encodes);
    // Time stands still but for sleeps, so that no tick is late.
    let ticks = figures.tick_lateness.spread();
    assert!(
        ticks.count() >= 90 && ticks.quantile_us(1.0) <= Some(1_000),
        "{ticks:?}"
    );
    assert_eq!(figures.voices(), 2);
    let Studio { mixer, .. } = studio;
    drop(mixer);
    // It ends when the last word has faded.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(figures.voices(), 0, "nobody speaks in a room that is gone");
}

#[actix::test]
async fn a_lone_voice_is_passed_on_at_once_and_untouched() {
    let studio = Studio::open(&[ANNA, BERT]).await;
    let mut anna = Talker::new(ANNA, LOW_HZ);
    for _ in 0..20 {
        let (id, frame) = anna.packet();
        let before = Instant::now();
        studio
            .mixer
            .send(VoiceArrived(vec![(id, frame.clone())]))
            .await
            .unwrap();
        let [(sent_at, batch)] = &studio.sink.take()[..] else {
            panic!("one batch for one packet");
        };
        assert_eq!(*sent_at, before);
        let [packet] = &batch.packets[..] else {
            panic!("one packet");
        };
        assert_eq!(
            (packet.frame.source, &packet.frame.opus),
            (ANNA.0, &frame.opus)
        );
        assert_eq!(*packet.to, [BERT.0]);
        tokio::time::sleep(FRAME).await;
    }
    let figures = studio.mixer.send(DescribeVoices).await.unwrap();
    assert_eq!((figures.encodes, figures.decodes), (0, 0));
}

#[actix::test]
async fn the_room_is_told_who_speaks_and_that_they_ceased_at_most_four_times_a_second() {
    let mut studio = Studio::open(&[ANNA, BERT]).await;
    let began = Instant::now();
    let mut talkers = [Talker::new(ANNA, LOW_HZ)];
    studio.talk(&mut talkers, 100).await;
    // The room is told without anything else coming in.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seconds = began.elapsed().as_secs() as usize;
    let mut signs = Vec::new();
    while let Ok(told) = studio.told.try_recv() {
        match told {
            Told::Speaking(speaking) => signs.push(speaking.0),
            other => panic!("{other:?}"),
        }
    }
    assert!(signs.len() <= 4 * seconds, "{signs:?}");
    let (first, last) = (&signs[0], signs.last().unwrap());
    assert_eq!((first[0].0, first[0].1), (ANNA, true));
    assert_eq!((last[0].0, last[0].1), (ANNA, false));
    assert_eq!(signs.iter().flatten().filter(|sign| !sign.1).count(), 1);
}

#[actix::test]
async fn in_silence_nothing_is_sent_and_nothing_wakes_the_mixer() {
    let studio = Studio::open(&[ANNA, BERT, CARA]).await;
    let mut talkers = [Talker::new(ANNA, LOW_HZ), Talker::new(BERT, HIGH_HZ)];
    studio.talk(&mut talkers, 50).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    studio.sink.take();
    let before = studio.mixer.send(DescribeVoices).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(studio.sink.take().is_empty());
    assert_eq!(studio.mixer.send(DescribeVoices).await.unwrap(), before);
}

#[actix::test]
async fn a_volume_beyond_what_the_room_mixes_is_refused() {
    let people: Vec<_> = (1..=20).map(ParticipantId).collect();
    let studio = Studio::open(&people).await;
    let mut refused = 0;
    for &listener in &people[1..] {
        let order = VoiceOrder::Volume {
            listener,
            of: ANNA,
            percent: 50,
        };
        refused += usize::from(studio.mixer.send(Order(order)).await.unwrap().is_err());
    }
    let mixes_max = conclave_core::media::voices::PERSONAL_MIXES_MAX;
    assert_eq!(refused, people.len() - 1 - mixes_max);
}
