//! Voice from a sound to a sound, over a virtual network with virtual time.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, f64::consts::TAU};

use conclave_client::media::{
    devices::{FRAME_SAMPLES, Sound, SyntheticSpeech, Tone},
    voice_down::{Arrived, VoicePlayout},
    voice_up::{VoiceEncoder, VoiceSettings},
};
use conclave_core::{Moment, media::level::level};
use conclave_wire::{ParticipantId, datagram::Voice};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// A network by seed.
struct Network {
    random: StdRng,
    loss: f64,
    delay_ms: std::ops::Range<u64>,
    lost: u64,
}

impl Network {
    fn new(seed: u64, loss: f64, delay_ms: std::ops::Range<u64>) -> Network {
        Network {
            random: StdRng::seed_from_u64(seed),
            loss,
            delay_ms,
            lost: 0,
        }
    }

    /// When a packet that is sent now arrives, if it does.
    fn carry(&mut self, now_ms: u64) -> Option<u64> {
        if self.random.random_bool(self.loss) {
            self.lost += 1;
            return None;
        }
        Some(now_ms + self.random.random_range(self.delay_ms.clone()))
    }
}

struct Heard {
    sound: Vec<i16>,
    said: Vec<i16>,
    playout: VoicePlayout,
    packets: u64,
}

/// Says `sound` for `ms` over `network` and hears it.
fn converse(
    sound: &mut dyn Sound,
    network: &mut Network,
    ms: u64,
    settings: VoiceSettings,
) -> Heard {
    let mut encoder = VoiceEncoder::new(settings).unwrap();
    let mut under_way: BTreeMap<(u64, u64), Arrived> = BTreeMap::new();
    let mut heard = Heard {
        sound: Vec::new(),
        said: Vec::new(),
        playout: VoicePlayout::new(),
        packets: 0,
    };
    let mut frame = [0; FRAME_SAMPLES];
    for now_ms in (0..ms).step_by(10) {
        sound.fill(&mut frame);
        heard.said.extend(frame);
        let now = Moment::from_ms(now_ms + 10);
        if let Some(packet) = encoder.push(now, &frame).unwrap() {
            let voice = Voice {
                source: ParticipantId(3),
                spurt_start: packet.spurt_start,
                level: packet.level,
                media_time: packet.media_time,
                opus: packet.opus,
            };
            heard.packets += 1;
            if let Some(at) = network.carry(now_ms + 10) {
                let arrived = Arrived::of(Moment::from_ms(at), heard.packets, &voice);
                under_way.insert((at, heard.packets), arrived);
            }
        }
        while let Some(first) = under_way
            .first_entry()
            .filter(|first| first.key().0 <= now_ms + 10)
        {
            heard.playout.push(first.remove());
        }
        heard.playout.pull(now, &mut frame);
        heard.sound.extend(frame);
    }
    heard
}

/// The share of the power at `hertz` (Goertzel's algorithm).
fn share_at(sound: &[i16], hertz: f64) -> f64 {
    let (mut real, mut imaginary, mut power) = (0.0, 0.0, 0.0);
    for (i, &sample) in sound.iter().enumerate() {
        let angle = TAU * hertz * i as f64 / 48_000.0;
        real += f64::from(sample) * angle.cos();
        imaginary += f64::from(sample) * angle.sin();
        power += f64::from(sample).powi(2);
    }
    2.0 * (real * real + imaginary * imaginary) / (power * sound.len() as f64).max(1.0)
}

/// The middle of what was heard, one second from either end.
fn middle(sound: &[i16]) -> &[i16] {
    &sound[48_000..sound.len() - 48_000]
}

#[test]
fn a_tone_comes_out_at_its_pitch_and_level() {
    let mut network = Network::new(1, 0.0, 5..6);
    let heard = converse(
        &mut Tone::new(400.0, 0.3),
        &mut network,
        4_000,
        VoiceSettings::default(),
    );
    let (said, sound) = (middle(&heard.said), middle(&heard.sound));
    // Within a tenth of a second, because a change of delay breaks the phase.
    let shares: Vec<f64> = sound
        .chunks_exact(4_800)
        .map(|part| share_at(part, 400.0))
        .collect();
    assert!(shares.iter().all(|&share| share > 0.9), "{shares:?}");
    assert!(level(said).abs_diff(level(sound)) <= 1);
    assert_eq!(heard.playout.figures().lost, 0);
}

#[test]
fn both_packet_lengths_are_heard() {
    for frames_per_packet in [1, 2] {
        let settings = VoiceSettings {
            frames_per_packet,
            ..VoiceSettings::default()
        };
        let mut network = Network::new(1, 0.0, 5..6);
        let heard = converse(&mut Tone::new(400.0, 0.3), &mut network, 3_000, settings);
        assert!(share_at(&middle(&heard.sound)[..4_800], 400.0) > 0.9);
    }
}

#[test]
fn every_loss_is_concealed_and_the_level_stays() {
    let mut network = Network::new(5, 0.1, 10..60);
    let mut speech = SyntheticSpeech::without_pauses(2);
    let heard = converse(&mut speech, &mut network, 20_000, VoiceSettings::default());
    assert!(network.lost > 50, "{}", network.lost);
    let figures = heard.playout.figures();
    // The last ones are still under way, and a late packet counts as lost.
    assert!(
        figures.lost + 5 >= network.lost,
        "{figures:?}, {} lost",
        network.lost
    );
    assert!(
        figures.concealed_samples >= 900 * (network.lost - 5),
        "{figures:?}"
    );
    let (said, sound) = (middle(&heard.said), middle(&heard.sound));
    assert!(level(said).abs_diff(level(sound)) <= 2);
    // Nothing of the speech is a hole: no 20 ms of digital silence.
    let silent = sound
        .chunks_exact(960)
        .filter(|part| level(part) == 127)
        .count();
    assert_eq!(silent, 0);
}

#[test]
fn silence_is_not_sent_and_pauses_are_not_losses() {
    let mut network = Network::new(5, 0.0, 5..30);
    let heard = converse(
        &mut SyntheticSpeech::new(4),
        &mut network,
        20_000,
        VoiceSettings::default(),
    );
    assert!(heard.packets < 900, "{}", heard.packets);
    let figures = heard.playout.figures();
    assert!(figures.lost <= 2, "{figures:?}");
    assert!(
        figures.played + 10 > heard.packets,
        "{figures:?} of {}",
        heard.packets
    );
}

#[test]
fn nobody_speaks_means_silence() {
    let mut playout = VoicePlayout::new();
    let mut frame = [1; FRAME_SAMPLES];
    for ms in (0..1_000).step_by(10) {
        playout.pull(Moment::from_ms(ms), &mut frame);
        assert!(frame.iter().all(|&sample| sample == 0));
    }
}

#[test]
fn a_packet_that_is_no_opus_is_counted_and_harms_nothing() {
    let mut playout = VoicePlayout::new();
    let arrived = |number, media_time, opus: &[u8]| Arrived {
        at: Moment::from_ms(10),
        number,
        source: 1,
        spurt_start: false,
        media_time,
        opus: opus.to_vec(),
    };
    playout.push(arrived(1, 0, &[]));
    // Three frames of 60 ms are more than a packet may hold.
    playout.push(arrived(2, 960, &[0b0001_1011, 0x3f, 0, 0]));
    playout.push(arrived(3, 1_920, &[0xff; 40]));
    let mut frame = [0; FRAME_SAMPLES];
    for ms in (10..500).step_by(10) {
        playout.pull(Moment::from_ms(ms), &mut frame);
    }
    assert!(playout.malformed() >= 2, "{}", playout.malformed());
}
