//! The strong mode of echo cancellation: what is left of an echo while the others speak is lowered.

use std::time::Duration;

/// A speaker that was heard this long ago may still echo.
const ECHO_LASTS: Duration = Duration::from_millis(250);
/// Quieter than this the speaker leaves no echo worth a gate (in full scale, squared): -60 dBFS.
const PLAYED_POWER_MIN: f32 = 1e-6;
/// When the canceller took away more than three quarters of the power it was mostly echo.
const ECHO_SHARE: f32 = 0.25;
/// What is left is lowered by 20 dB.
const CLOSED: f32 = 0.1;
/// A frame's step when it closes, and when it opens: fast enough for a first syllable.
const CLOSE_STEP: f32 = 0.3;
const OPEN_STEP: f32 = 0.5;
const FRAME: Duration = Duration::from_millis(10);

/// A gain that falls while only the others are heard.
#[derive(Clone, Debug)]
pub(super) struct EchoGate {
    played: Duration,
    gain: f32,
}

impl EchoGate {
    pub(super) fn new() -> EchoGate {
        EchoGate {
            played: ECHO_LASTS,
            gain: 1.0,
        }
    }

    /// Takes the mean power of 10 ms that are played.
    pub(super) fn played(&mut self, power: f32) {
        self.played = match power > PLAYED_POWER_MIN {
            true => Duration::ZERO,
            false => self.played.saturating_add(FRAME),
        };
    }

    /// Lowers 10 ms, whose mean power was `raw` before the echo was cancelled.
    pub(super) fn pass(&mut self, raw: f32, samples: &mut [f32]) {
        let left = power(samples);
        let echo = self.played < ECHO_LASTS && left < raw * ECHO_SHARE;
        let target = match echo {
            true => (self.gain - CLOSE_STEP).max(CLOSED),
            false => (self.gain + OPEN_STEP).min(1.0),
        };
        let (from, len) = (self.gain, samples.len() as f32);
        for (i, sample) in samples.iter_mut().enumerate() {
            *sample *= from + (target - from) * (i as f32 + 1.0) / len;
        }
        self.gain = target;
    }
}

/// Mean power of samples in -1 to 1.
pub(super) fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_mostly_echo_is_lowered() {
        let mut gate = EchoGate::new();
        let mut passed = |played: f32, raw: f32| {
            let mut samples = [0.1; 480];
            for _ in 0..10 {
                samples = [0.1; 480];
                gate.played(played);
                gate.pass(raw, &mut samples);
            }
            samples[479]
        };
        assert_eq!(passed(0.0, 1.0), 0.1, "nothing was played");
        assert!((passed(0.1, 1.0) - 0.01).abs() < 1e-4, "mostly echo");
        assert_eq!(passed(0.1, 0.01), 0.1, "the person speaks");
    }
}
