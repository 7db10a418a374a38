//! Short-time objective intelligibility: Taal, Hendriks, Heusdens, Jensen, "An Algorithm for
//! Intelligibility Prediction of Time-Frequency Weighted Noisy Speech", IEEE TASLP 19(7), 2011.

use rustfft::{FftPlanner, num_complex::Complex};

/// The paper's sample rate.
const RATE: f64 = 10_000.0;
const FRAME: usize = 256;
const HOP: usize = 128;
const FFT: usize = 512;
const BANDS: usize = 15;
const LOWEST_BAND_HZ: f64 = 150.0;
/// Frames of one segment: 384 ms.
const SEGMENT: usize = 30;
/// Lower bound of the signal-to-distortion ratio, in dB.
const BETA_DB: f64 = -15.0;
/// Frames this far below the loudest one are silence.
const RANGE_DB: f64 = 40.0;

/// How much of the clean speech can be understood from the degraded one: 1 is all. Both at 48 kHz,
/// aligned; the longer one is cut. `NaN` when there is less than one segment of speech.
pub fn stoi(clean: &[i16], degraded: &[i16]) -> f64 {
    let length = clean.len().min(degraded.len());
    let (clean, degraded) = (to_10_khz(&clean[..length]), to_10_khz(&degraded[..length]));
    let (clean, degraded) = without_silence(&clean, &degraded);
    let (clean, degraded) = (bands(&clean), bands(&degraded));
    let frames = clean.len();
    let clip = 10f64.powf(-BETA_DB / 20.0);
    let (mut sum, mut count) = (0.0, 0);
    for end in SEGMENT..=frames {
        for band in 0..BANDS {
            let x: Vec<f64> = clean[end - SEGMENT..end]
                .iter()
                .map(|frame| frame[band])
                .collect();
            let y: Vec<f64> = degraded[end - SEGMENT..end]
                .iter()
                .map(|frame| frame[band])
                .collect();
            let alpha = norm(&x) / (norm(&y) + f64::EPSILON);
            let y: Vec<f64> = y
                .iter()
                .zip(&x)
                .map(|(y, x)| (y * alpha).min(x * (1.0 + clip)))
                .collect();
            sum += correlation(&x, &y);
            count += 1;
        }
    }
    sum / f64::from(count)
}

/// 48 kHz to 10 kHz by a windowed-sinc low-pass at 4.8 kHz, sampled at the new times.
fn to_10_khz(samples: &[i16]) -> Vec<f64> {
    const HALF: i64 = 96;
    let ratio = 48_000.0 / RATE;
    let cutoff = 4_800.0 / 48_000.0;
    let count = (samples.len() as f64 / ratio) as usize;
    (0..count)
        .map(|index| {
            let centre = index as f64 * ratio;
            let first = centre as i64 - HALF;
            (first..=first + 2 * HALF)
                .filter(|&at| at >= 0 && (at as usize) < samples.len())
                .map(|at| {
                    let distance = at as f64 - centre;
                    let sinc = match distance.abs() < 1e-9 {
                        true => 2.0 * cutoff,
                        false => {
                            (2.0 * std::f64::consts::PI * cutoff * distance).sin()
                                / (std::f64::consts::PI * distance)
                        }
                    };
                    let window =
                        0.5 + 0.5 * (std::f64::consts::PI * distance / (HALF as f64 + 1.0)).cos();
                    f64::from(samples[at as usize]) * sinc * window
                })
                .sum()
        })
        .collect()
}

fn window() -> Vec<f64> {
    (1..=FRAME)
        .map(|n| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * n as f64 / (FRAME as f64 + 1.0)).cos())
        .collect()
}

/// Takes out the frames in which the clean speech is silent, from both, by overlap and add.
fn without_silence(clean: &[f64], degraded: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let window = window();
    let starts: Vec<usize> = (0..clean.len().saturating_sub(FRAME))
        .step_by(HOP)
        .collect();
    let level = |start: usize| {
        let energy: f64 = clean[start..start + FRAME]
            .iter()
            .zip(&window)
            .map(|(x, w)| (x * w).powi(2))
            .sum();
        20.0 * (energy.sqrt() + f64::EPSILON).log10()
    };
    let levels: Vec<f64> = starts.iter().map(|&start| level(start)).collect();
    let loudest = levels.iter().copied().fold(f64::MIN, f64::max);
    let kept: Vec<usize> = starts
        .iter()
        .zip(&levels)
        .filter(|(_, level)| **level > loudest - RANGE_DB)
        .map(|(&start, _)| start)
        .collect();
    let rebuild = |signal: &[f64]| {
        let mut out = vec![0.0; kept.len() * HOP + FRAME];
        for (index, &start) in kept.iter().enumerate() {
            for n in 0..FRAME {
                out[index * HOP + n] += signal[start + n] * window[n];
            }
        }
        out
    };
    (rebuild(clean), rebuild(degraded))
}

/// Magnitudes of one-third octave bands, frame by frame.
fn bands(signal: &[f64]) -> Vec<[f64; BANDS]> {
    let fft = FftPlanner::new().plan_fft_forward(FFT);
    let window = window();
    let edges: Vec<(usize, usize)> = (0..BANDS)
        .map(|band| {
            let centre = LOWEST_BAND_HZ * 2f64.powf(band as f64 / 3.0);
            let bin = |hz: f64| (hz * FFT as f64 / RATE).round() as usize;
            (
                bin(centre * 2f64.powf(-1.0 / 6.0)),
                bin(centre * 2f64.powf(1.0 / 6.0)),
            )
        })
        .collect();
    (0..signal.len().saturating_sub(FRAME))
        .step_by(HOP)
        .map(|start| {
            let mut spectrum = vec![Complex::new(0.0, 0.0); FFT];
            for n in 0..FRAME {
                spectrum[n].re = signal[start + n] * window[n];
            }
            fft.process(&mut spectrum);
            let mut frame = [0.0; BANDS];
            for (value, &(low, high)) in frame.iter_mut().zip(&edges) {
                *value = spectrum[low..high]
                    .iter()
                    .map(|bin| bin.norm_sqr())
                    .sum::<f64>()
                    .sqrt();
            }
            frame
        })
        .collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let x: Vec<f64> = x.iter().map(|value| value - mean_x).collect();
    let y: Vec<f64> = y.iter().map(|value| value - mean_y).collect();
    let dot: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
    dot / (norm(&x) * norm(&y) + f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;
    use crate::sound::espeak;

    #[test]
    fn speech_understands_itself_and_not_noise() {
        let speech = espeak(
            "the quick brown fox jumps over the lazy dog and runs away",
            "en",
        );
        let mut chance = StdRng::seed_from_u64(1);
        let noise: Vec<i16> = speech
            .iter()
            .map(|_| chance.random_range(-8_000..8_000))
            .collect();
        let noisy = |share: f64| -> Vec<i16> {
            speech
                .iter()
                .zip(&noise)
                .map(|(s, n)| {
                    (f64::from(*s) * 0.5 + f64::from(*n) * share).clamp(-32_768.0, 32_767.0) as i16
                })
                .collect()
        };
        assert!(stoi(&speech, &speech) > 0.999);
        let (slightly, badly) = (stoi(&speech, &noisy(0.02)), stoi(&speech, &noisy(2.0)));
        assert!(slightly > 0.9 && badly < 0.6, "{slightly} {badly}");
        assert!(stoi(&speech, &noise) < 0.4);
    }
}
