//! From a device's samples to ours and back: another rate, and a clock that drifts.

use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, Slip,
    WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

/// The ratio may be moved by this factor at most: far more than clocks drift.
const RELATIVE_MAX: f64 = 1.01;
/// Taps of the filter: 32 samples of delay, and the band of speech untouched.
const SINC_LEN: usize = 64;
const OVERSAMPLING: usize = 128;
/// Changes smaller than this are not worth a word to the resampler: a part in a million.
const STEP_MIN: f64 = 1e-6;

/// Turns samples of one rate into samples of another, and follows a drift. Equal rates are only slipped,
/// which costs nothing and delays nothing.
pub(super) struct Converter {
    resampler: Box<dyn Resampler<f32>>,
    pending: Vec<f32>,
    converted: Vec<f32>,
    chunk: usize,
    relative: f64,
}

/// The rates cannot be brought together.
#[derive(Debug, thiserror::Error)]
#[error("its rate of {0} Hz cannot be converted")]
pub(super) struct RateRefused(u32);

impl Converter {
    /// From a rate to another, taking `chunk` samples at a time.
    pub(super) fn new(from_hz: u32, to_hz: u32, chunk: usize) -> Result<Converter, RateRefused> {
        let refused = |_| RateRefused(from_hz.max(to_hz));
        let resampler: Box<dyn Resampler<f32>> = match from_hz == to_hz {
            true => Box::new(Slip::new(chunk, 1, FixedAsync::Input).map_err(refused)?),
            false => {
                let parameters = SincInterpolationParameters {
                    sinc_len: SINC_LEN,
                    f_cutoff: None,
                    oversampling_factor: OVERSAMPLING,
                    interpolation: SincInterpolationType::Quadratic,
                    window: WindowFunction::BlackmanHarris2,
                };
                let ratio = f64::from(to_hz) / f64::from(from_hz.max(1));
                Box::new(
                    Async::new_sinc(
                        ratio,
                        RELATIVE_MAX,
                        &parameters,
                        chunk,
                        1,
                        FixedAsync::Input,
                    )
                    .map_err(refused)?,
                )
            }
        };
        Ok(Converter {
            pending: Vec::with_capacity(2 * chunk),
            converted: vec![0.0; resampler.output_frames_max()],
            resampler,
            chunk,
            relative: 1.0,
        })
    }

    /// Gives `relative` times as many samples as the rates alone say.
    pub(super) fn follow(&mut self, relative: f64) {
        let relative = relative.clamp(1.0 / RELATIVE_MAX, RELATIVE_MAX);
        if (relative - self.relative).abs() < STEP_MIN {
            return;
        }
        if let Some(adjustable) = self.resampler.as_adjustable()
            && adjustable
                .set_resample_ratio_relative(relative, true)
                .is_ok()
        {
            self.relative = relative;
        }
    }

    /// Takes samples of the one rate and appends those of the other.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut impl Extend<f32>) {
        self.pending.extend_from_slice(samples);
        let mut taken = 0;
        while self.pending.len() - taken >= self.chunk {
            let input = &self.pending[taken..taken + self.chunk];
            taken += self.chunk;
            let room = self.converted.len();
            let (Ok(input), Ok(mut output)) = (
                InterleavedSlice::new(input, 1, self.chunk),
                InterleavedSlice::new_mut(&mut self.converted, 1, room),
            ) else {
                continue;
            };
            match self
                .resampler
                .process_into_buffer(&input, &mut output, None)
            {
                Ok((_, count)) => out.extend(self.converted[..count].iter().copied()),
                Err(error) => tracing::debug!(%error, "samples were not converted"),
            }
        }
        self.pending.drain(..taken);
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    fn tone(rate: u32, seconds: u32) -> Vec<f32> {
        (0..rate * seconds)
            .map(|i| (TAU * 1_000.0 * i as f32 / rate as f32).sin() * 0.5)
            .collect()
    }

    /// How often the tone crosses zero upwards in a second, over its middle.
    fn pitch(samples: &[f32], rate: u32) -> f64 {
        let middle = &samples[rate as usize / 2..samples.len() - rate as usize / 2];
        let ups = middle
            .windows(2)
            .filter(|two| two[0] < 0.0 && two[1] >= 0.0)
            .count();
        ups as f64 * f64::from(rate) / middle.len() as f64
    }

    #[test]
    fn a_tone_of_another_rate_keeps_its_pitch() {
        for (from, to) in [
            (44_100, 48_000),
            (48_000, 44_100),
            (16_000, 48_000),
            (96_000, 48_000),
        ] {
            let mut converter = Converter::new(from, to, 120).unwrap();
            let mut out = Vec::new();
            for part in tone(from, 4).chunks(333) {
                converter.push(part, &mut out);
            }
            assert!(out.len().abs_diff(to as usize * 4) < 600, "{}", out.len());
            let heard = pitch(&out, to);
            assert!((heard - 1_000.0).abs() < 1.0, "{from} to {to}: {heard}");
        }
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        for relative in [1.0 - 3e-4, 1.0 + 3e-4] {
            let mut converter = Converter::new(48_000, 48_000, 240).unwrap();
            converter.follow(relative);
            let mut out = Vec::new();
            converter.push(&tone(48_000, 20), &mut out);
            let wanted = 960_000.0 * relative;
            assert!((out.len() as f64 - wanted).abs() < 10.0, "{}", out.len());
            let step = out.windows(2).map(|two| (two[1] - two[0]).abs());
            // A tone of this height and pitch moves by 0.065 from sample to sample: nothing clicks.
            assert!(step.fold(0.0, f32::max) < 0.1);
        }
    }
}
