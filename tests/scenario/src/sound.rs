//! Speech to say, and ears to hear it with.

use std::process::Command;

use rustfft::{FftPlanner, num_complex::Complex};

/// The sample rate of everything here.
pub const RATE_HZ: u32 = 48_000;

/// Real speech, mono at 48 kHz. `voice` is one of espeak-ng's, like `en` or `en+f3`.
///
/// # Panics
/// When espeak-ng is not installed; the test command installs it.
pub fn espeak(text: &str, voice: &str) -> Vec<i16> {
    let spoken = Command::new("espeak-ng")
        .args(["--stdout", "-s", "150", "-v", voice, text])
        .output()
        .expect("espeak-ng is installed");
    // espeak-ng cannot know the length when it writes to a pipe, so the header's sizes are not true.
    let data = spoken
        .stdout
        .windows(4)
        .position(|four| four == b"data")
        .expect("a WAV file")
        + 8;
    let rate = u32::from_le_bytes(spoken.stdout[24..28].try_into().expect("four bytes"));
    let samples: Vec<i16> = spoken.stdout[data..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    resample(&samples, rate)
}

fn resample(samples: &[i16], rate: u32) -> Vec<i16> {
    let step = f64::from(rate) / f64::from(RATE_HZ);
    let count = (samples.len() as f64 / step) as usize;
    (0..count)
        .map(|index| {
            let at = index as f64 * step;
            let (whole, part) = (at as usize, at.fract());
            let first = f64::from(samples[whole]);
            let second = f64::from(*samples.get(whole + 1).unwrap_or(&samples[whole]));
            (first + part * (second - first)) as i16
        })
        .collect()
}

/// Silence of so many milliseconds.
pub fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * RATE_HZ as usize / 1_000]
}

/// Root mean square, 0 to 32,768.
pub fn rms(samples: &[i16]) -> f64 {
    let energy: f64 = samples
        .iter()
        .map(|&sample| f64::from(sample).powi(2))
        .sum();
    (energy / samples.len().max(1) as f64).sqrt()
}

/// Where `pattern` fits best in `recording`, in samples, and how well: 0 is not at all, 1 exactly but for
/// loudness. Found by cross-correlation over the whole recording (by FFT).
pub fn find(pattern: &[i16], recording: &[i16]) -> (usize, f64) {
    if pattern.is_empty() || recording.len() < pattern.len() {
        return (0, 0.0);
    }
    let size = (pattern.len() + recording.len()).next_power_of_two();
    let mut planner = FftPlanner::<f64>::new();
    let (forward, inverse) = (
        planner.plan_fft_forward(size),
        planner.plan_fft_inverse(size),
    );
    let spectrum = |samples: &[i16]| {
        let mut buffer = vec![Complex::new(0.0, 0.0); size];
        for (value, &sample) in buffer.iter_mut().zip(samples) {
            value.re = f64::from(sample);
        }
        forward.process(&mut buffer);
        buffer
    };
    let mut product: Vec<Complex<f64>> = spectrum(recording)
        .iter()
        .zip(spectrum(pattern))
        .map(|(r, p)| r * p.conj())
        .collect();
    inverse.process(&mut product);
    let pattern_energy: f64 = pattern
        .iter()
        .map(|&sample| f64::from(sample).powi(2))
        .sum();
    let mut sums = vec![0.0];
    for &sample in recording {
        sums.push(sums[sums.len() - 1] + f64::from(sample).powi(2));
    }
    (0..=recording.len() - pattern.len())
        .map(|at| {
            let energy = sums[at + pattern.len()] - sums[at];
            let likeness = product[at].re / size as f64 / (pattern_energy * energy).sqrt().max(1.0);
            (at, likeness)
        })
        .max_by(|left, right| left.1.total_cmp(&right.1))
        .unwrap_or((0, 0.0))
}

/// One piece of speech, found again in a recording.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// In the speech, in samples.
    pub said_at: usize,
    /// How much later it was heard, in samples; both counted from their beginning.
    pub lag: i64,
    /// As [`find`] says.
    pub likeness: f64,
}

/// Finds every piece of `speech` of so many samples again, near the place that the one before was found
/// at: `first_lag` says where the first is to be expected, and no piece lies further than `reach` from there. Silent pieces are left out.
pub fn follow(
    speech: &[i16],
    recording: &[i16],
    piece: usize,
    first_lag: i64,
    reach: usize,
) -> Vec<Found> {
    const SILENCE_RMS: f64 = 500.0;
    let mut expected = first_lag;
    let mut found = Vec::new();
    for (index, said) in speech.chunks_exact(piece).enumerate() {
        if rms(said) < SILENCE_RMS {
            continue;
        }
        let said_at = index * piece;
        let from = (said_at as i64 + expected - reach as i64).max(0) as usize;
        let to = (from + piece + 2 * reach).min(recording.len());
        let Some(place) = recording.get(from..to) else {
            break;
        };
        let (at, likeness) = find(said, place);
        let lag = (from + at) as i64 - said_at as i64;
        found.push(Found {
            said_at,
            lag,
            likeness,
        });
        // What was not recognised says nothing about where the next one is.
        if likeness > 0.5 {
            expected = lag;
        }
    }
    found
}

/// The recording as long as the speech, each piece where it belongs: what the ear makes of a playout that
/// changes its delay.
pub fn aligned(speech: &[i16], recording: &[i16], found: &[Found], piece: usize) -> Vec<i16> {
    let mut out = vec![0; speech.len()];
    for (index, place) in out.chunks_mut(piece).enumerate() {
        let said_at = index * piece;
        let nearest = found
            .iter()
            .filter(|found| found.likeness > 0.5)
            .min_by_key(|found| found.said_at.abs_diff(said_at));
        let lag = nearest.map_or(0, |found| found.lag);
        let from = said_at as i64 + lag;
        for (n, sample) in place.iter_mut().enumerate() {
            let at = usize::try_from(from + n as i64).ok();
            *sample = at.and_then(|at| recording.get(at)).copied().unwrap_or(0);
        }
    }
    out
}

/// Power in each of `edges.len() - 1` bands between these frequencies in Hz, summed over the recording.
pub fn band_powers(samples: &[i16], edges: &[f64]) -> Vec<f64> {
    const SIZE: usize = 2_048;
    let fft = FftPlanner::<f64>::new().plan_fft_forward(SIZE);
    let mut powers = vec![0.0; edges.len() - 1];
    for frame in samples.chunks_exact(SIZE) {
        let mut buffer: Vec<Complex<f64>> = frame
            .iter()
            .enumerate()
            .map(|(n, &sample)| {
                let window =
                    0.5 - 0.5 * (2.0 * std::f64::consts::PI * n as f64 / SIZE as f64).cos();
                Complex::new(f64::from(sample) * window, 0.0)
            })
            .collect();
        fft.process(&mut buffer);
        for (power, pair) in powers.iter_mut().zip(edges.windows(2)) {
            let bin = |hz: f64| (hz * SIZE as f64 / f64::from(RATE_HZ)) as usize;
            *power += buffer[bin(pair[0])..bin(pair[1])]
                .iter()
                .map(|value| value.norm_sqr())
                .sum::<f64>();
        }
    }
    powers
}

/// How alike the spectrum of a recording is to that of speech over time, -1 to 1: the correlation of their band
/// levels, frame by frame of 100 ms while somebody speaks. It does not mind phase, so it also compares what a
/// codec has touched; and what all speech has in common, the mean of each band, is taken out first.
pub fn spectral_likeness(speech: &[i16], recording: &[i16]) -> f64 {
    const FRAME: usize = 4_800;
    const SILENCE_RMS: f64 = 300.0;
    const EDGES: [f64; 9] = [
        100.0, 300.0, 600.0, 1_000.0, 1_600.0, 2_400.0, 3_600.0, 5_000.0, 8_000.0,
    ];
    let levels = |frame: &[i16]| -> Vec<f64> {
        let powers = band_powers(frame, &EDGES);
        powers.iter().map(|power| (power + 1e9).log10()).collect()
    };
    let (mut left, mut right): (Vec<_>, Vec<_>) = speech
        .chunks_exact(FRAME)
        .zip(recording.chunks_exact(FRAME))
        .filter(|(speech, _)| rms(speech) > SILENCE_RMS)
        .map(|(speech, recording)| (levels(speech), levels(recording)))
        .unzip();
    for side in [&mut left, &mut right] {
        for band in 0..EDGES.len() - 1 {
            let mean = side.iter().map(|frame| frame[band]).sum::<f64>() / side.len().max(1) as f64;
            side.iter_mut().for_each(|frame| frame[band] -= mean);
        }
    }
    let (mut dot, mut energy_left, mut energy_right) = (0.0, 0.0, 0.0);
    for (l, r) in left.iter().flatten().zip(right.iter().flatten()) {
        dot += l * r;
        energy_left += l.powi(2);
        energy_right += r.powi(2);
    }
    dot / (energy_left * energy_right).sqrt().max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_where_it_was_said() {
        let word = espeak("hello", "en");
        let other = espeak("goodbye and farewell", "en+f3");
        let mut recording = silence(700);
        recording.extend(word.iter().map(|sample| sample / 2));
        recording.extend(silence(300));
        let (at, likeness) = find(&word, &recording);
        assert_eq!(at, 700 * 48);
        assert!(likeness > 0.99, "{likeness}");
        assert!(find(&word, &other).1 < 0.6);
    }

    #[test]
    fn spectra_tell_speakers_apart() {
        let (one, two) = (
            espeak("one two three four five", "en"),
            espeak("the weather is fine today", "en+f3"),
        );
        assert!(spectral_likeness(&one, &one) > 0.999);
        let likeness = spectral_likeness(&one, &two);
        assert!(likeness < 0.5, "{likeness}");
    }
}
