//! Two recordings of one machine, and how much later the one is than the other.

use std::time::{Duration, Instant};

const RATE_HZ: u32 = 48_000;
/// Speech is compared at 12 kHz: a twelfth of a millisecond is fine enough.
const COARSE: usize = 4;
/// Pieces of 200 ms, each compared as a whole.
const PIECE: usize = RATE_HZ as usize / COARSE / 5;
/// Nothing is later than this: 250 ms.
const LATE_MAX: usize = RATE_HZ as usize / COARSE / 4;
/// A piece that is less like what was said than this was not found.
const LIKENESS_MIN: f64 = 0.6;
/// A piece this quiet holds no speech (mean power of 16-bit samples).
const POWER_MIN: f64 = 90_000.0;

/// What was recorded, and when its first sample was there.
#[derive(Default)]
pub struct Heard {
    samples: Vec<i16>,
    began: Option<Instant>,
}

impl Heard {
    /// At `at` these samples could be read. A piece that comes late says nothing: the promptest tells the time.
    pub fn push(&mut self, at: Instant, samples: impl Iterator<Item = i16>) {
        self.samples.extend(samples);
        let began = at.checked_sub(duration(self.samples.len()));
        self.began = match (self.began, began) {
            (Some(known), Some(began)) => Some(known.min(began)),
            (known, began) => known.or(began),
        };
    }

    fn coarse(&self) -> Vec<f64> {
        let coarse = self.samples.chunks_exact(COARSE);
        coarse
            .map(|few| few.iter().map(|&sample| f64::from(sample)).sum::<f64>() / COARSE as f64)
            .collect()
    }
}

fn duration(samples: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(RATE_HZ))
}

/// How much later each piece of speech was heard than said, from `after` on.
pub fn lags(said: &Heard, heard: &Heard, after: Duration) -> Vec<Duration> {
    let (Some(said_began), Some(heard_began)) = (said.began, heard.began) else {
        return Vec::new();
    };
    // Where the recording of the ear begins, counted on that of the mouth, in coarse samples.
    let ahead = |left: Instant, right: Instant| left.saturating_duration_since(right).as_secs_f64();
    let apart = ahead(heard_began, said_began) - ahead(said_began, heard_began);
    let per_second = f64::from(RATE_HZ) / COARSE as f64;
    let offset = apart * per_second;
    let (said, heard) = (said.coarse(), heard.coarse());
    let skipped = (after.as_secs_f64() * per_second) as usize / PIECE;
    let pieces = said.chunks_exact(PIECE).enumerate().skip(skipped);
    let found = pieces.filter_map(|(i, piece)| {
        let from = (i * PIECE) as f64 - offset;
        let from = (from >= 0.0).then_some(from as usize)?;
        let place = heard.get(from..from + PIECE + LATE_MAX)?;
        let late = find(piece, place)? as f64 + from as f64 + offset - (i * PIECE) as f64;
        Some(Duration::from_secs_f64((late / per_second).max(0.0)))
    });
    found.collect()
}

/// Where a piece is most like a place, by correlation.
fn find(piece: &[f64], place: &[f64]) -> Option<usize> {
    let energy: f64 = piece.iter().map(|sample| sample * sample).sum();
    if energy < POWER_MIN * piece.len() as f64 {
        return None;
    }
    let likeness = |at: usize| {
        let (mut product, mut other) = (0.0, 0.0);
        for (left, right) in piece.iter().zip(&place[at..]) {
            product += left * right;
            other += right * right;
        }
        product / (energy * other).sqrt().max(1.0)
    };
    let all = (0..=place.len() - piece.len()).map(|at| (at, likeness(at)));
    let (at, best) = all.max_by(|left, right| left.1.total_cmp(&right.1))?;
    (best >= LIKENESS_MIN).then_some(at)
}

#[cfg(test)]
mod tests {
    use conclave_client::media::devices::{FRAME_SAMPLES, Sound, SyntheticSpeech};

    use super::*;

    #[test]
    fn a_lag_is_found_whenever_either_recording_began() {
        let mut speech = SyntheticSpeech::new(3);
        let mut frame = [0; FRAME_SAMPLES];
        let sound: Vec<i16> = (0..1_000)
            .flat_map(|_| {
                speech.fill(&mut frame);
                frame
            })
            .collect();
        let start = Instant::now() + Duration::from_secs(100);
        // The ear hears everything 57 ms later, and was recorded from 300 ms on.
        let (mut said, mut heard) = (Heard::default(), Heard::default());
        for (i, piece) in sound.chunks_exact(240).enumerate() {
            let at = start + duration((i + 1) * 240);
            said.push(at, piece.iter().copied());
            if i >= 60 {
                heard.push(
                    at + Duration::from_millis(57),
                    piece.iter().map(|sample| sample / 3),
                );
            }
        }
        let lags = lags(&said, &heard, Duration::from_secs(1));
        assert!(lags.len() > 10, "{}", lags.len());
        for lag in lags {
            assert!(
                lag.abs_diff(Duration::from_millis(57)) < Duration::from_micros(300),
                "{lag:?}"
            );
        }
    }
}
