//! Sounds by formula: a tone, and bursts that are like speech to a voice codec.

use std::f32::consts::TAU;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{FRAME_SAMPLES, Frame, Paced, SAMPLE_RATE, Sound};

/// A steady sine.
#[derive(Clone, Copy, Debug)]
pub struct Tone {
    step: f32,
    phase: f32,
    peak: f32,
}

impl Tone {
    /// A sine of `hertz` with a peak of `peak` (1.0 is full scale).
    pub fn new(hertz: f32, peak: f32) -> Tone {
        Tone {
            step: TAU * hertz / SAMPLE_RATE as f32,
            phase: 0.0,
            peak,
        }
    }
}

impl Sound for Tone {
    fn fill(&mut self, frame: &mut Frame) -> bool {
        for sample in frame {
            *sample = to_i16(self.peak * self.phase.sin());
            self.phase = (self.phase + self.step) % TAU;
        }
        true
    }
}

/// A microphone that hears somebody who talks and pauses, or a tone.
pub type SyntheticMicrophone = Paced<SyntheticSpeech>;

impl SyntheticMicrophone {
    /// Talks and pauses as the seed has it.
    pub fn talking(seed: u64) -> SyntheticMicrophone {
        Paced::new(SyntheticSpeech::new(seed))
    }

    /// Talks without a pause.
    pub fn without_pauses(seed: u64) -> SyntheticMicrophone {
        Paced::new(SyntheticSpeech::without_pauses(seed))
    }
}

/// Voiced syllables with a pitch of the speaker's own, in bursts of a sentence's length. Not speech, but
/// to a codec, a level meter and a mixer much like it: harmonics under two formants, about four
/// syllables a second, and pauses.
#[derive(Clone, Debug)]
pub struct SyntheticSpeech {
    random: StdRng,
    pitch_hz: f32,
    phase: f32,
    /// Frames of 10 ms left of the sentence or the pause.
    left: u32,
    talking: bool,
    pauses: bool,
    syllable: Syllable,
}

#[derive(Clone, Copy, Debug)]
struct Syllable {
    frames: u32,
    at: u32,
    glide: f32,
    formants_hz: [f32; 2],
}

/// Harmonics summed; those above 4 kHz add nothing to a voice.
const HARMONICS: usize = 18;
/// Width of a formant, in Hz.
const FORMANT_WIDTH_HZ: f32 = 140.0;
/// Peak of a loud syllable: about -20 dBov as a level.
const PEAK: f32 = 0.35;

impl SyntheticSpeech {
    pub fn new(seed: u64) -> SyntheticSpeech {
        let mut random = StdRng::seed_from_u64(seed);
        let pitch_hz = random.random_range(95.0..230.0);
        let syllable = Syllable::draw(&mut random);
        SyntheticSpeech {
            random,
            pitch_hz,
            phase: 0.0,
            left: 0,
            talking: false,
            pauses: true,
            syllable,
        }
    }

    pub fn without_pauses(seed: u64) -> SyntheticSpeech {
        SyntheticSpeech {
            pauses: false,
            ..SyntheticSpeech::new(seed)
        }
    }

    fn turn(&mut self) {
        self.talking = !self.talking || !self.pauses;
        self.left = match self.talking {
            true => self.random.random_range(80..300),
            false => self.random.random_range(60..150),
        };
    }
}

impl Sound for SyntheticSpeech {
    fn fill(&mut self, frame: &mut Frame) -> bool {
        if self.left == 0 {
            self.turn();
        }
        self.left -= 1;
        if !self.talking {
            frame.fill(0);
            return true;
        }
        if self.syllable.at == self.syllable.frames {
            self.syllable = Syllable::draw(&mut self.random);
        }
        let syllable = self.syllable;
        let weights = syllable.weights(self.pitch_hz);
        for (i, sample) in frame.iter_mut().enumerate() {
            let place =
                (syllable.at as f32 + i as f32 / FRAME_SAMPLES as f32) / syllable.frames as f32;
            let pitch = self.pitch_hz * (1.0 + syllable.glide * (place - 0.5));
            self.phase = (self.phase + TAU * pitch / SAMPLE_RATE as f32) % TAU;
            // Never quite silent within a sentence, as speech is not.
            let swell = 0.08 + 0.92 * (place * TAU / 2.0).sin().max(0.0);
            let voiced: f32 = weights
                .iter()
                .enumerate()
                .map(|(n, weight)| weight * (self.phase * (n + 1) as f32).sin())
                .sum();
            *sample = to_i16(PEAK * swell * voiced);
        }
        self.syllable.at += 1;
        true
    }
}

impl Syllable {
    fn draw(random: &mut StdRng) -> Syllable {
        Syllable {
            frames: random.random_range(16..34),
            at: 0,
            glide: random.random_range(-0.2..0.2),
            formants_hz: [
                random.random_range(300.0..800.0),
                random.random_range(900.0..2_400.0),
            ],
        }
    }

    /// Strength of each harmonic, summing to one.
    fn weights(&self, pitch_hz: f32) -> [f32; HARMONICS] {
        let mut weights = [0.0; HARMONICS];
        for (n, weight) in weights.iter_mut().enumerate() {
            let hertz = pitch_hz * (n + 1) as f32;
            *weight = self
                .formants_hz
                .iter()
                .map(|formant| {
                    let away = (hertz - formant) / FORMANT_WIDTH_HZ;
                    1.0 / (1.0 + away * away)
                })
                .sum::<f32>()
                / (n + 1) as f32;
        }
        let sum: f32 = weights.iter().sum();
        weights.map(|weight| weight / sum.max(f32::MIN_POSITIVE))
    }
}

fn to_i16(sample: f32) -> i16 {
    // The cast saturates.
    (sample * f32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use conclave_core::media::level::{LEVEL_VOICE, level};

    use super::*;

    fn seconds_of(sound: &mut impl Sound, seconds: usize) -> Vec<i16> {
        let mut frame = [0; FRAME_SAMPLES];
        (0..seconds * 100)
            .flat_map(|_| {
                assert!(sound.fill(&mut frame));
                frame
            })
            .collect()
    }

    #[test]
    fn speech_is_the_same_for_a_seed_and_another_for_another() {
        let first = seconds_of(&mut SyntheticSpeech::new(7), 3);
        assert_eq!(first, seconds_of(&mut SyntheticSpeech::new(7), 3));
        assert_ne!(first, seconds_of(&mut SyntheticSpeech::new(8), 3));
    }

    #[test]
    fn speech_is_loud_in_sentences_and_silent_between_them() {
        let sound = seconds_of(&mut SyntheticSpeech::new(7), 20);
        let levels: Vec<u8> = sound.chunks(FRAME_SAMPLES).map(level).collect();
        let loud = levels.iter().filter(|&&level| level <= LEVEL_VOICE).count();
        let silent = levels.iter().filter(|&&level| level == 127).count();
        assert!(loud > levels.len() / 3, "{loud} of {}", levels.len());
        assert!(silent > levels.len() / 10, "{silent} of {}", levels.len());
    }

    #[test]
    fn speech_without_pauses_never_falls_silent() {
        let sound = seconds_of(&mut SyntheticSpeech::without_pauses(3), 10);
        assert!(
            sound
                .chunks(FRAME_SAMPLES)
                .all(|frame| level(frame) <= LEVEL_VOICE)
        );
    }
}
