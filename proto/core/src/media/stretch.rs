//! Lengthens or shortens a decoded frame by one pitch period, unheard: waveform similarity overlap-add
//! (WSOLA, Verhelst and Roelands 1993), as NetEq's accelerate and pre-emptive expand.

/// Pitch periods searched, in samples at 48 kHz: 400 Hz down to 100 Hz (and half of the frame at most).
const PERIOD_MIN: usize = 120;
const PERIOD_MAX: usize = 480;
/// Periods are first searched in steps of so many samples, then refined.
const COARSE: usize = 4;
/// How alike neighbouring periods must be (normalised correlation) to be overlapped unheard.
const ALIKE_MIN: f32 = 0.6;
/// Frames with a root mean square below this (of full scale, -50 dBFS) are changed without looking.
const QUIET_RMS: f32 = 0.003;

/// A sample of sound, 16-bit or floating.
pub trait Sample: Copy {
    /// Full scale is 1.0.
    fn to_float(self) -> f32;
    fn from_float(sample: f32) -> Self;
}

impl Sample for i16 {
    fn to_float(self) -> f32 {
        f32::from(self) / 32_768.0
    }

    fn from_float(sample: f32) -> i16 {
        // The cast saturates.
        (sample * 32_768.0).round() as i16
    }
}

impl Sample for f32 {
    fn to_float(self) -> f32 {
        self
    }

    fn from_float(sample: f32) -> f32 {
        sample
    }
}

/// Appends `frame` without one of its pitch periods to `out`; says how many samples were left out. Zero,
/// and the frame as it is, when no two neighbouring periods are alike.
pub fn shorten<S: Sample>(frame: &[S], out: &mut Vec<S>) -> usize {
    let Some(period) = pitch_period(frame) else {
        out.extend_from_slice(frame);
        return 0;
    };
    overlap(&frame[..period], &frame[period..2 * period], out);
    out.extend_from_slice(&frame[2 * period..]);
    period
}

/// Appends `frame` with one of its pitch periods twice to `out`; says how many samples were added. Zero,
/// and the frame as it is, when no two neighbouring periods are alike.
pub fn lengthen<S: Sample>(frame: &[S], out: &mut Vec<S>) -> usize {
    let Some(period) = pitch_period(frame) else {
        out.extend_from_slice(frame);
        return 0;
    };
    out.extend_from_slice(&frame[..period]);
    overlap(&frame[period..2 * period], &frame[..period], out);
    out.extend_from_slice(&frame[period..]);
    period
}

/// Cross-fades from one stretch of sound to another of the same length.
fn overlap<S: Sample>(from: &[S], to: &[S], out: &mut Vec<S>) {
    let step = 1.0 / from.len() as f32;
    out.extend(from.iter().zip(to).enumerate().map(|(i, (from, to))| {
        let share = i as f32 * step;
        S::from_float(from.to_float() * (1.0 - share) + to.to_float() * share)
    }));
}

/// The distance at which the beginning of the frame is most like what follows it; at most half a frame.
fn pitch_period<S: Sample>(frame: &[S]) -> Option<usize> {
    let longest = PERIOD_MAX.min(frame.len() / 2);
    if longest < PERIOD_MIN {
        return None;
    }
    let sound: Vec<f32> = frame.iter().map(|sample| sample.to_float()).collect();
    let energy: f32 = sound.iter().map(|sample| sample * sample).sum();
    if energy <= QUIET_RMS * QUIET_RMS * sound.len() as f32 {
        return Some(longest);
    }
    let coarse = best(&sound, (PERIOD_MIN..=longest).step_by(COARSE), COARSE)?;
    let near = coarse.saturating_sub(COARSE).max(PERIOD_MIN)..=(coarse + COARSE).min(longest);
    let period = best(&sound, near, 1)?;
    (likeness(&sound, period, 1) >= ALIKE_MIN).then_some(period)
}

fn best(sound: &[f32], periods: impl Iterator<Item = usize>, step: usize) -> Option<usize> {
    let scored = periods.map(|period| (likeness(sound, period, step), period));
    scored
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, period)| period)
}

/// Normalised correlation of two neighbouring periods, looking at every `step`th sample.
fn likeness(sound: &[f32], period: usize, step: usize) -> f32 {
    let (mut product, mut energy_a, mut energy_b) = (0.0f32, 0.0f32, 0.0f32);
    let pairs = sound[..period].iter().zip(&sound[period..2 * period]);
    for (a, b) in pairs.step_by(step) {
        product += a * b;
        energy_a += a * a;
        energy_b += b * b;
    }
    product / (energy_a * energy_b).sqrt().max(f32::MIN_POSITIVE)
}
