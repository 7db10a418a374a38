//! Goal: mixes are exact, never clip, never click; stretching keeps the pitch; levels are RFC 6464's.
//! Method: signals with known sums, and random ones against simple bounds.

use std::{f32::consts::TAU, time::Duration};

use conclave_core::{
    Moment,
    media::{level::*, mixer::*, stretch::*},
};
use proptest::prelude::*;

fn sine(hz: f32, amplitude: f32, from: usize) -> Frame {
    let sample = |i: usize| (amplitude * (TAU * hz * (from + i) as f32 / 48_000.0).sin()) as i16;
    std::array::from_fn(sample)
}

fn voice() -> impl Strategy<Value = Frame> {
    (50.0f32..4_000.0, 0.0f32..32_767.0, 0usize..960)
        .prop_map(|(hz, loud, from)| sine(hz, loud, from))
}

proptest! {
    #[test]
    fn a_mix_minus_is_the_sum_of_the_others(voices in prop::collection::vec(voice(), 1..7)) {
        let mut bus = MixBus::new();
        voices.iter().for_each(|voice| bus.add(voice));
        for (own, voice) in voices.iter().enumerate() {
            let mut minus = [0.0; FRAME_SAMPLES];
            bus.all_but(voice, &mut minus);
            for (i, &sample) in minus.iter().enumerate() {
                let others: i32 = voices.iter().enumerate().filter(|&(who, _)| who != own).map(|(_, other)| i32::from(other[i])).sum();
                prop_assert_eq!(sample, others as f32);
            }
        }
    }

    #[test]
    fn the_limiter_never_passes_full_scale_and_keeps_the_sign(
        frames in prop::collection::vec(prop::collection::vec(voice(), 1..7), 1..6),
    ) {
        let mut limiter = Limiter::new();
        for voices in frames {
            let mut sum = [0.0; FRAME_SAMPLES];
            voices.iter().for_each(|voice| add_with_gain(voice, 2.0, &mut sum));
            let mut out = [0; FRAME_SAMPLES];
            limiter.limit(&sum, &mut out);
            prop_assert!(limiter.gain() > 0.0 && limiter.gain() <= 1.0);
            for (&before, &after) in sum.iter().zip(&out) {
                // Casting saturates, so a wrap or a clip would show as i16::MIN or as more than was there.
                prop_assert!(after > i16::MIN);
                prop_assert!(before * f32::from(after) >= 0.0);
                prop_assert!(f32::from(after).abs() <= before.abs());
            }
        }
    }

    #[test]
    fn the_limiter_leaves_alone_what_fits(voices in prop::collection::vec(voice(), 1..4)) {
        let mut sum = [0.0; FRAME_SAMPLES];
        voices.iter().for_each(|voice| add_with_gain(voice, 0.25, &mut sum));
        let mut out = [0; FRAME_SAMPLES];
        Limiter::new().limit(&sum, &mut out);
        let peak = sum.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        prop_assume!(peak <= LIMITER_THRESHOLD);
        for (&before, &after) in sum.iter().zip(&out) {
            prop_assert_eq!(after, before as i16);
        }
    }

    #[test]
    fn stretching_invents_no_clicks(hz in 100.0f32..350.0, from in 0usize..960) {
        let frame = sine(hz, 10_000.0, from);
        let steepest = frame.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap();
        for stretch in [shorten::<i16>, lengthen::<i16>] {
            let mut out = Vec::new();
            prop_assert!(stretch(&frame, &mut out) >= 120);
            prop_assert_eq!((out[0], out[out.len() - 1]), (frame[0], frame[959]));
            for pair in out.windows(2) {
                let step = (i32::from(pair[1]) - i32::from(pair[0])).abs();
                prop_assert!(step <= steepest * 3 / 2 + 50, "{} over {}", step, steepest);
            }
        }
    }

    #[test]
    fn the_loudest_are_chosen(levels in prop::collection::vec(0u8..127, 1..20)) {
        let candidates: Vec<(u32, u8)> = levels.iter().enumerate().map(|(who, &level)| (who as u32, level)).collect();
        let chosen = loudest(&candidates, &[], 6);
        prop_assert_eq!(chosen.len(), levels.len().min(6));
        prop_assert!(chosen.is_sorted());
        let worst_in = chosen.iter().map(|&who| levels[who as usize]).max().unwrap();
        let best_out = candidates.iter().filter(|(who, _)| !chosen.contains(who)).map(|&(_, level)| level).min();
        prop_assert!(best_out.is_none_or(|best| best >= worst_in));
    }
}

#[test]
fn the_limiter_neither_clicks_at_borders_nor_pumps() {
    let mut limiter = Limiter::new();
    let mut all = Vec::new();
    let mut gains = Vec::new();
    for n in 0..100 {
        // Three loud voices for a second, then one quiet one.
        let loud = if n < 50 { 25_000.0 } else { 4_000.0 };
        let mut sum = [0.0; FRAME_SAMPLES];
        for hz in [150.0, 220.0, 310.0] {
            add_with_gain(&sine(hz, loud, n * FRAME_SAMPLES), 1.0, &mut sum);
        }
        let mut out = [0; FRAME_SAMPLES];
        limiter.limit(&sum, &mut out);
        all.extend(out);
        gains.push(limiter.gain());
    }
    // The steepest the unlimited sum can be: 2 pi f A / 48000 for each voice.
    let steepest = TAU * (150.0 + 220.0 + 310.0) * 25_000.0 / 48_000.0;
    let jump = all
        .windows(2)
        .map(|pair| (f32::from(pair[1]) - f32::from(pair[0])).abs())
        .fold(0.0, f32::max);
    assert!(jump <= steepest, "{jump} over {steepest}");
    // Recovery is slow: from one frame to the next the gain rises by less than 4 %.
    assert!(gains.windows(2).all(|pair| pair[1] <= pair[0] * 1.04));
    assert!(
        gains[99] > 0.95,
        "the gain comes back within a second: {}",
        gains[99]
    );
}

#[test]
fn a_place_in_the_mix_is_kept_until_somebody_is_clearly_louder() {
    let candidates = [(1, 30), (2, 30), (3, 27)];
    assert_eq!(loudest(&candidates, &[1, 2], 2), [1, 2]);
    assert_eq!(loudest(&[(1, 30), (2, 31), (3, 20)], &[1, 2], 2), [1, 3]);
}

#[test]
fn a_fade_runs_from_one_gain_to_the_other() {
    let mut frame = [10_000i16; FRAME_SAMPLES];
    fade(&mut frame, 1.0, 0.0);
    assert_eq!(frame[0], 10_000);
    assert_eq!(frame[480], 5_000);
    assert!(frame[959] < 20);
}

#[test]
fn a_pitch_period_is_taken_out_or_put_in() {
    // 200 Hz: a period is 240 samples; one or two of them fit the search.
    let frame = sine(200.0, 8_000.0, 0);
    let mut out = Vec::new();
    let removed = shorten(&frame, &mut out);
    assert!(
        removed.abs_diff(240) <= 2 || removed.abs_diff(480) <= 2,
        "{removed}"
    );
    assert_eq!(out.len(), 960 - removed);
    let floats: Vec<f32> = frame
        .iter()
        .map(|&sample| f32::from(sample) / 32_768.0)
        .collect();
    let mut out = Vec::new();
    let added = lengthen(&floats, &mut out);
    assert_eq!(out.len(), 960 + added);
    assert!(
        added.abs_diff(240) <= 2 || added.abs_diff(480) <= 2,
        "{added}"
    );
}

#[test]
fn noise_is_not_stretched_and_quiet_always_is() {
    let mut state = 1u32;
    let noise: Vec<i16> = (0..960)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        })
        .collect();
    let mut out = Vec::new();
    assert_eq!(shorten(&noise, &mut out), 0);
    assert_eq!(out, noise);
    out.clear();
    assert_eq!(shorten(&[0i16; 960], &mut out), 480);
    out.clear();
    assert_eq!(lengthen(&[0i16; 480], &mut out), 240);
    assert_eq!(lengthen(&[0i16; 100], &mut Vec::new()), 0);
}

#[test]
fn levels_are_those_of_rfc_6464() {
    assert_eq!(level(&[i16::MAX; 960]), 0);
    assert_eq!(level(&[0; 960]), 127);
    assert_eq!(level(&[]), 127);
    assert_eq!(level(&[1; 960]), 90, "one step is 90 dB below full scale");
    // A sine of full scale is 3 dB below a square wave.
    assert_eq!(level(&sine(1_000.0, 32_767.0, 0)), 3);
}

#[test]
fn a_voice_goes_on_over_short_pauses_and_ends_after_long_ones() {
    let mut speaking = Speaking::new();
    let at = |ms| Moment::from_ms(ms);
    assert!(!speaking.push(at(0), 80, 50), "noise");
    assert!(
        speaking.push(at(20), 30, 50),
        "no attack where sound is carried"
    );
    assert!(
        !speaking.is_speaking(at(20)),
        "but nobody lights up at once"
    );
    assert!(speaking.push(at(60), 30, 50));
    assert!(speaking.push(at(80), 30, 50));
    assert!(speaking.is_speaking(at(80)));
    assert!(
        speaking.push(at(300), 30, 1),
        "a packet of DTX within the hangover"
    );
    assert!(
        !speaking.is_active(at(80) + HANGOVER),
        "and it prolongs nothing"
    );
}

#[test]
fn who_claims_to_be_loud_is_checked_against_the_sound() {
    let mut speaking = Speaking::new();
    let mut at = Moment::default();
    for _ in 0..60 {
        speaking.push(at, 5, 50);
        speaking.heard(at, 127);
        at = at + Duration::from_millis(20);
    }
    assert!(!speaking.push(at, 5, 50));
    // Nobody decodes it any more, so it gets another chance.
    assert!(speaking.push(at + Duration::from_secs(2), 5, 50));
}

#[test]
fn talking_while_muted_is_told_once() {
    let mut notice = TalkingWhileMuted::new();
    let mut told = Vec::new();
    for n in 0..1_000u64 {
        let muted = n >= 100;
        let talks = !(250..=900).contains(&n);
        if notice.push(Moment::from_ms(n * 20), if talks { 30 } else { 90 }, muted) {
            told.push(n);
        }
    }
    // 400 ms after the mute, and again at the second word more than ten seconds later.
    assert_eq!(told, [120, 921]);
}
