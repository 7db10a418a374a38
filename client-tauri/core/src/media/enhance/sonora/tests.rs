//! By measure: what is taken away, and what is left.

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::media::devices::{Sound, SyntheticSpeech};

const FRAMES_PER_SECOND: usize = 100;

fn speech(seed: u64, seconds: usize, pauses: bool) -> Vec<f32> {
    let mut sound = match pauses {
        true => SyntheticSpeech::new(seed),
        false => SyntheticSpeech::without_pauses(seed),
    };
    let mut frame = [0; FRAME_SAMPLES];
    (0..seconds * FRAMES_PER_SECOND)
        .flat_map(|_| {
            sound.fill(&mut frame);
            frame.map(|sample| f32::from(sample) / FULL_SCALE)
        })
        .collect()
}

fn noise(seed: u64, seconds: usize, height: f32) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..seconds * SAMPLE_RATE as usize)
        .map(|_| random.random_range(-height..height))
        .collect()
}

/// What a room makes of a sound: 40 ms later, weaker, and with a tail that dies away within 60 ms.
fn in_a_room(sound: &[f32]) -> Vec<f32> {
    const LATER: usize = 40 * 48;
    const TAIL: usize = 60 * 48;
    let mut random = StdRng::seed_from_u64(5);
    let response: Vec<(usize, f32)> = (0..TAIL)
        .step_by(37)
        .map(|at| {
            let height = 0.15 * (-5.0 * at as f32 / TAIL as f32).exp();
            (LATER + at, height * random.random_range(-1.0..1.0))
        })
        .chain([(LATER, 0.4)])
        .collect();
    let mut heard = vec![0.0; sound.len()];
    for (later, height) in response {
        for (to, from) in heard[later..].iter_mut().zip(sound) {
            *to += from * height;
        }
    }
    heard
}

fn to_frame(samples: &[f32]) -> Frame {
    let mut frame = [0; FRAME_SAMPLES];
    for (to, from) in frame.iter_mut().zip(samples) {
        *to = (from * FULL_SCALE) as i16;
    }
    frame
}

/// What comes out when `played` is played and `captured` is heard.
fn enhanced(wanted: Enhancement, played: &[f32], captured: &[f32]) -> Vec<f32> {
    let mut enhancer = SonoraEnhancer::new(wanted);
    let mut out = Vec::with_capacity(captured.len());
    for (i, heard) in captured.chunks_exact(FRAME_SAMPLES).enumerate() {
        if let Some(played) = played.chunks_exact(FRAME_SAMPLES).nth(i) {
            enhancer.played(&to_frame(played));
        }
        let mut frame = to_frame(heard);
        enhancer.captured(&mut frame);
        out.extend(frame.map(|sample| f32::from(sample) / FULL_SCALE));
    }
    out
}

fn decibels(more: f32, less: f32) -> f32 {
    10.0 * (more / less.max(1e-12)).log10()
}

/// From a second on.
fn from_second(samples: &[f32], second: usize) -> &[f32] {
    &samples[second * SAMPLE_RATE as usize..]
}

fn only(set: impl FnOnce(&mut Enhancement)) -> Enhancement {
    let mut wanted = Enhancement::OFF;
    set(&mut wanted);
    wanted
}

fn sum(left: &[f32], right: &[f32]) -> Vec<f32> {
    left.iter()
        .zip(right)
        .map(|(left, right)| left + right)
        .collect()
}

/// Echo return loss enhancement in dB after five seconds (ITU-T G.168): how much weaker the echo has become.
fn erle(strength: Strength) -> f32 {
    let played = speech(1, 12, false);
    let echo = in_a_room(&played);
    let left = enhanced(only(|wanted| wanted.echo = strength), &played, &echo);
    decibels(power(from_second(&echo, 5)), power(from_second(&left, 5)))
}

#[test]
fn an_echo_is_taken_away() {
    let off = erle(Strength::Off);
    assert!(off.abs() < 0.5, "{off}");
    let normal = erle(Strength::Normal);
    assert!(normal > 20.0, "{normal}");
    let strong = erle(Strength::Strong);
    assert!(strong > normal + 3.0, "{strong} against {normal}");
}

#[test]
fn who_speaks_without_an_echo_is_not_taken_away() {
    let said = speech(2, 10, false);
    let silence = vec![0.0; said.len()];
    for strength in [Strength::Normal, Strength::Strong] {
        let heard = enhanced(only(|wanted| wanted.echo = strength), &silence, &said);
        let lost = decibels(power(from_second(&said, 2)), power(from_second(&heard, 2)));
        assert!(lost.abs() < 3.0, "{strength:?}: {lost}");
    }
}

/// How much weaker noise became where nobody speaks, and speech, in dB.
fn suppressed(strength: Strength) -> (f32, f32) {
    let said = speech(3, 20, true);
    let hiss = noise(4, 20, 0.01);
    let heard = enhanced(
        only(|wanted| wanted.noise = strength),
        &[],
        &sum(&said, &hiss),
    );
    let (mut quiet, mut quieter, mut loud, mut louder) = (0.0, 0.0, 0.0, 0.0);
    // A frame of the pauses lies between frames of pauses: suppressors fade.
    let frames: Vec<f32> = said.chunks_exact(FRAME_SAMPLES).map(power).collect();
    let outs: Vec<f32> = heard.chunks_exact(FRAME_SAMPLES).map(power).collect();
    let ins: Vec<f32> = hiss.chunks_exact(FRAME_SAMPLES).map(power).collect();
    for i in 3 * FRAMES_PER_SECOND..frames.len() - 30 {
        if frames[i - 30..i + 5].iter().all(|&power| power == 0.0) {
            quiet += ins[i];
            quieter += outs[i];
        } else if frames[i] > 1e-3 {
            loud += frames[i];
            louder += outs[i];
        }
    }
    (decibels(quiet, quieter), decibels(loud, louder))
}

#[test]
fn noise_is_lowered_and_speech_stays() {
    for (strength, at_least_db) in [(Strength::Normal, 12.0), (Strength::Strong, 20.0)] {
        let (noise, speech) = suppressed(strength);
        assert!(noise > at_least_db, "{strength:?}: noise by {noise} dB");
        assert!(speech.abs() < 3.0, "{strength:?}: speech by {speech} dB");
    }
}

#[test]
fn a_quiet_talker_is_raised_and_a_loud_one_is_not_cut_off() {
    let said = speech(6, 20, true);
    let mut before = 0.0;
    for strength in [Strength::Normal, Strength::Strong] {
        let gain = |height: f32| {
            let said: Vec<f32> = said.iter().map(|sample| sample * height).collect();
            let heard = enhanced(only(|wanted| wanted.levelling = strength), &[], &said);
            let peak = heard
                .iter()
                .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(peak < 1.0, "{strength:?}: cut off");
            decibels(
                power(from_second(&heard, 10)),
                power(from_second(&said, 10)),
            )
        };
        let quiet = gain(0.03);
        assert!(quiet > before + 8.0, "{strength:?}: raised by {quiet} dB");
        before = quiet - 6.0;
        let loud = gain(1.0);
        assert!(loud < 6.0, "{strength:?}: {loud} dB");
    }
}

/// Everything at once, as people have it: both speak, and the near one is understood.
#[test]
fn with_everything_on_the_near_talker_is_louder_than_what_is_left_of_the_far_one() {
    let (far, near) = (speech(1, 16, true), speech(9, 16, true));
    let echo = in_a_room(&far);
    let captured = sum(&sum(&near, &echo), &noise(4, 16, 0.003));
    let heard = enhanced(Enhancement::default(), &far, &captured);
    let frames = near
        .chunks_exact(FRAME_SAMPLES)
        .zip(echo.chunks_exact(FRAME_SAMPLES))
        .zip(heard.chunks_exact(FRAME_SAMPLES))
        .skip(6 * FRAMES_PER_SECOND);
    let (mut speaks, mut echoes) = ((0.0, 0), (0.0, 0));
    for ((near, echo), heard) in frames {
        let count = match (power(near) > 1e-3, power(echo) > 1e-4) {
            (true, false) => &mut speaks,
            (false, true) if power(near) == 0.0 => &mut echoes,
            _ => continue,
        };
        count.0 += power(heard);
        count.1 += 1;
    }
    assert!(speaks.1 > 50 && echoes.1 > 50, "{speaks:?} {echoes:?}");
    let apart = decibels(speaks.0 / speaks.1 as f32, echoes.0 / echoes.1 as f32);
    // Levelling raises what is left, too.
    assert!(apart > 15.0, "{apart} dB");
}
