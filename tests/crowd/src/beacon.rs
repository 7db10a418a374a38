//! Mouth to ear: one person beeps, another listens for the beeps, and both times are compared.
//!
//! The beep is one high tone, which is found in a mix of voices by its frequency (Goertzel's algorithm).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_client::media::devices::{Frame, Recording, SAMPLE_RATE, Sound, Tone};
use parking_lot::Mutex;

/// Above the voices of the crowd, within wideband.
const HERTZ: f32 = 3_000.0;
/// Frames of 10 ms that a beep lasts, and from one to the next.
const BEEP_FRAMES: u32 = 20;
const PERIOD_FRAMES: u32 = 100;
/// Samples looked at together: 5 ms.
const WINDOW: usize = 240;
/// Power of a beep's window at its frequency, of full scale; voices have a thousandth there.
const POWER_MIN: f64 = 1e-3;
/// A beep is not heard later than this.
const LATE_MAX: Duration = Duration::from_millis(800);

/// Beeps once a second and notes when.
pub struct Beacon {
    tone: Tone,
    frame: u32,
    beeps: Arc<Mutex<Vec<Instant>>>,
}

impl Beacon {
    /// The sound, and when its beeps began at the microphone.
    pub fn new() -> (Beacon, Arc<Mutex<Vec<Instant>>>) {
        let beeps = Arc::new(Mutex::new(Vec::new()));
        let beacon = Beacon {
            tone: Tone::new(HERTZ, 0.4),
            frame: 0,
            beeps: Arc::clone(&beeps),
        };
        (beacon, beeps)
    }
}

impl Sound for Beacon {
    fn fill(&mut self, frame: &mut Frame) -> bool {
        let at = self.frame % PERIOD_FRAMES;
        self.frame += 1;
        if at >= BEEP_FRAMES {
            frame.fill(0);
            return true;
        }
        if at == 0 {
            // A frame is handed over when its last sample was captured.
            let captured = Instant::now() - Duration::from_millis(10);
            self.beeps.lock().push(captured);
        }
        self.tone.fill(frame)
    }
}

/// How long each beep took from the microphone to the speaker; those that were not heard are left out.
pub fn mouth_to_ear(beeps: &[Instant], heard: &Recording) -> Vec<Duration> {
    let Some(since) = heard.since else {
        return Vec::new();
    };
    let mut onsets = Vec::new();
    let mut before = false;
    for (i, window) in heard.samples.chunks_exact(WINDOW).enumerate() {
        let now = power(window) >= POWER_MIN;
        if now && !before {
            let samples = (i * WINDOW) as f64;
            onsets.push(since + Duration::from_secs_f64(samples / f64::from(SAMPLE_RATE)));
        }
        before = now;
    }
    beeps
        .iter()
        .filter_map(|beep| {
            let onset = onsets.iter().find(|onset| **onset >= *beep)?;
            Some(onset.duration_since(*beep)).filter(|took| *took <= LATE_MAX)
        })
        .collect()
}

fn power(window: &[i16]) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (i, &sample) in window.iter().enumerate() {
        let angle = std::f64::consts::TAU * f64::from(HERTZ) * i as f64 / f64::from(SAMPLE_RATE);
        let sample = f64::from(sample) / 32_768.0;
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
    }
    let half = window.len() as f64 / 2.0;
    (real * real + imaginary * imaginary) / (half * half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beep_is_found_where_it_sounds() {
        let (mut beacon, beeps) = Beacon::new();
        let mut frame = [0; 480];
        let mut samples = vec![0; 4_800];
        for _ in 0..30 {
            beacon.fill(&mut frame);
            samples.extend(frame);
        }
        let beep = beeps.lock()[0];
        let heard = Recording {
            samples,
            since: Some(beep),
            dry_samples: 0,
        };
        let took = mouth_to_ear(&[beep], &heard);
        assert_eq!(took, [Duration::from_millis(100)]);
    }
}
