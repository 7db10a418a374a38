//! Brings recorded sound to 48 kHz, once, when it is loaded.

/// Samples on each side of a point that a value is made of, at the lower of both rates.
const REACH: f64 = 16.0;

/// Resamples mono sound by a windowed sinc (Hann), which also filters what the target rate cannot hold.
/// `from_hz` and `to_hz` are rates in samples a second; neither is 0.
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    if from_hz == to_hz || samples.is_empty() {
        return samples.to_vec();
    }
    let step = f64::from(from_hz) / f64::from(to_hz);
    // Going down, the filter must be as much wider as the target is slower.
    let cutoff = (1.0 / step).min(1.0);
    let reach = REACH / cutoff;
    let len = (samples.len() as f64 / step).floor() as usize;
    (0..len)
        .map(|i| {
            let at = i as f64 * step;
            let first = (at - reach).ceil().max(0.0) as usize;
            let last = ((at + reach).floor() as usize).min(samples.len() - 1);
            let (mut sum, mut weights) = (0.0, 0.0);
            for (n, sample) in samples[first..=last].iter().enumerate() {
                let away = (first + n) as f64 - at;
                let weight = sinc(away * cutoff) * hann(away / reach);
                sum += f64::from(*sample) * weight;
                weights += weight;
            }
            (sum / weights) as f32
        })
        .collect()
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
}

fn hann(x: f64) -> f64 {
    0.5 + 0.5 * (x * std::f64::consts::PI).cos()
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    #[test]
    fn a_tone_keeps_its_pitch_and_height_from_any_rate() {
        for from_hz in [8_000, 16_000, 22_050, 44_100, 96_000] {
            let tone = |rate: u32| {
                (0..rate / 2).map(move |i| (TAU * 440.0 * i as f32 / rate as f32).sin() * 0.5)
            };
            let resampled = resample(&tone(from_hz).collect::<Vec<_>>(), from_hz, 48_000);
            assert!(resampled.len().abs_diff(24_000) <= 1);
            let wrong = tone(48_000)
                .zip(&resampled)
                .skip(1_000)
                .take(20_000)
                .map(|(wanted, got)| (wanted - got).abs())
                .fold(0.0, f32::max);
            assert!(wrong < 0.01, "{from_hz} Hz: {wrong}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_filtered() {
        let high: Vec<f32> = (0..96_000)
            .map(|i| (TAU * 36_000.0 * i as f32 / 96_000.0).sin())
            .collect();
        let resampled = resample(&high, 96_000, 48_000);
        assert!(
            resampled[1_000..47_000]
                .iter()
                .all(|sample| sample.abs() < 0.02)
        );
    }
}
