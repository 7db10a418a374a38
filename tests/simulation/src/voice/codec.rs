//! A codec whose sound says what it is: each speaker writes the number of every 10 ms into a slot of their
//! own, so that any mix tells who said what.

use conclave_core::media::voices::{Codecs, VoiceDecoder, VoiceEncoder};

/// Speakers that a mix can tell apart: seats 1 to 6.
pub const SLOTS: usize = 6;
/// What each speaker says in 10 ms: the number of the step, 0 for nothing.
pub type Step = [u32; SLOTS];

/// Samples of 10 ms at 48 kHz.
const STEP_SAMPLES: usize = 480;
/// Samples of a slot: three digits and a mark, so that what was faded or torn is not taken for a number.
const SLOT_SAMPLES: usize = 60;
const DIGIT_SAMPLES: usize = SLOT_SAMPLES / 4;
const DIGIT_BASE: u32 = 100;
const DIGIT_HEIGHT: i16 = 64;
const MARK: i16 = 6_400;
/// Fills the rest of the 10 ms, so that a voice is as loud as voices are.
const CARRIER: i16 = 1_500;
/// On the wire a step is its numbers; the sound is made by the decoder.
const STEP_BYTES: usize = 4 * SLOTS;

/// Where the codec comes from; decoder and encoder have no state.
#[derive(Clone, Copy, Debug)]
pub struct NumberedSpeech;

impl Codecs for NumberedSpeech {
    type Decoder = NumberedSpeech;
    type Encoder = NumberedSpeech;

    fn decoder(&self) -> NumberedSpeech {
        NumberedSpeech
    }

    fn encoder(&self) -> NumberedSpeech {
        NumberedSpeech
    }
}

impl VoiceDecoder for NumberedSpeech {
    fn decode(&mut self, opus: &[u8], out: &mut [i16]) -> usize {
        let steps = parse(opus);
        for (step, out) in steps.iter().zip(out.chunks_exact_mut(STEP_SAMPLES)) {
            sound(step, out);
        }
        steps.len() * STEP_SAMPLES
    }

    fn conceal(&mut self, _next: Option<&[u8]>, out: &mut [i16]) -> usize {
        out.fill(0);
        out.len()
    }
}

impl VoiceEncoder for NumberedSpeech {
    fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        if pcm.iter().any(|&sample| sample != 0) {
            for pcm in pcm.chunks_exact(STEP_SAMPLES) {
                write(&hear(pcm), out);
            }
        }
    }
}

/// Appends a step to a packet.
pub(super) fn write(step: &Step, packet: &mut Vec<u8>) {
    packet.extend(step.iter().flat_map(|number| number.to_le_bytes()));
}

/// The steps of a packet.
pub(super) fn parse(packet: &[u8]) -> Vec<Step> {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
    let step = |bytes: &[u8]| std::array::from_fn(|slot| number(&bytes[4 * slot..4 * slot + 4]));
    packet.chunks_exact(STEP_BYTES).map(step).collect()
}

fn digits(number: u32) -> [u32; 3] {
    [1, DIGIT_BASE, DIGIT_BASE * DIGIT_BASE].map(|place| number / place % DIGIT_BASE)
}

fn sound(step: &Step, out: &mut [i16]) {
    out.fill(0);
    if step.iter().all(|&number| number == 0) {
        return;
    }
    out[SLOTS * SLOT_SAMPLES..].fill(CARRIER);
    for (&number, slot) in step.iter().zip(out.chunks_exact_mut(SLOT_SAMPLES)) {
        if number == 0 {
            continue;
        }
        let mut parts = slot.chunks_exact_mut(DIGIT_SAMPLES);
        for (digit, part) in digits(number).into_iter().zip(&mut parts) {
            part.fill((digit as i16 + 1) * DIGIT_HEIGHT);
        }
        parts.for_each(|mark| mark.fill(MARK));
    }
}

fn hear(pcm: &[i16]) -> Step {
    let middle = |slot: &[i16], part: usize| slot[part * DIGIT_SAMPLES + DIGIT_SAMPLES / 2];
    std::array::from_fn(|slot| {
        let slot = &pcm[slot * SLOT_SAMPLES..(slot + 1) * SLOT_SAMPLES];
        if middle(slot, 3) != MARK {
            return 0;
        }
        (0..3).rev().fold(0, |number, part| {
            let digit = u32::from((middle(slot, part) / DIGIT_HEIGHT - 1).unsigned_abs());
            number * DIGIT_BASE + digit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_being_mixed_with_all_others() {
        for number in [1, 99, 100, 12_345, 999_999] {
            let mut sum = [0; STEP_SAMPLES];
            let numbers: Step = std::array::from_fn(|slot| number - slot as u32 % number);
            for slot in 0..SLOTS {
                let mut alone = Step::default();
                alone[slot] = numbers[slot];
                let mut pcm = [0; STEP_SAMPLES];
                sound(&alone, &mut pcm);
                sum.iter_mut().zip(pcm).for_each(|(sum, pcm)| *sum += pcm);
            }
            assert_eq!(hear(&sum), numbers);
        }
    }
}
