//! Counts voice packets without decoding them: what a listener gets, misses, and how evenly it comes.

use std::time::Duration;

use conclave_core::{
    Moment,
    media::{quality::Histogram, sequence::is_after},
};
use conclave_wire::datagram::Voice;
use serde::Serialize;

use crate::media::figures::{Summary, record};

/// A hole longer than this is a pause that nobody marked, in samples: 1 s. And a clock that went back
/// further has started anew.
const HOLE_SAMPLES_MAX: u32 = 48_000;

/// Figures of a tally.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TallyFigures {
    pub packets: u64,
    pub bytes: u64,
    /// Packets of 20 ms, or of as much as each holds, that never came within a spurt.
    pub missing: u64,
    /// Came after one with a later media time.
    pub out_of_order: u64,
    pub spurts: u64,
    /// Time between packets of one spurt.
    pub inter_arrival: Summary,
}

/// The tally of one listener. Everything a listener gets lies on the room's one media clock, so that a
/// hole in it is a loss, whoever the packets are from.
#[derive(Debug, Default)]
pub struct VoiceTally {
    figures: TallyFigures,
    inter_arrival: Histogram,
    last: Option<(Moment, u32)>,
    first_at: Option<Moment>,
}

impl VoiceTally {
    pub fn push(&mut self, at: Moment, voice: &Voice<'_>) {
        let figures = &mut self.figures;
        figures.packets += 1;
        figures.bytes += voice.opus.len() as u64;
        self.first_at.get_or_insert(at);
        let samples = opus::packet::get_nb_samples(voice.opus, 48_000).unwrap_or(960) as u32;
        let end = voice.media_time.wrapping_add(samples);
        let Some((last_at, expected)) = self.last else {
            figures.spurts += 1;
            self.last = Some((at, end));
            return;
        };
        let hole = voice.media_time.wrapping_sub(expected);
        let before = is_after(expected, voice.media_time);
        let behind = expected.wrapping_sub(voice.media_time);
        if before && behind <= HOLE_SAMPLES_MAX && !voice.spurt_start {
            figures.out_of_order += 1;
            // It was counted as missing when the later one came.
            figures.missing = figures.missing.saturating_sub(1);
            return;
        }
        let pause = voice.spurt_start || before || hole > HOLE_SAMPLES_MAX;
        if pause {
            figures.spurts += 1;
        } else {
            figures.missing += u64::from(hole / samples.max(1));
            record(&mut self.inter_arrival, at.since(last_at));
        }
        self.last = Some((at, end));
    }

    /// The media clock has started anew: what comes next is not compared with what came before.
    pub fn restart(&mut self) {
        self.last = None;
    }

    /// Times between packets within spurts, in microseconds.
    pub fn inter_arrival(&self) -> &Histogram {
        &self.inter_arrival
    }

    /// When the first packet came.
    pub fn first_at(&self) -> Option<Moment> {
        self.first_at
    }

    pub fn figures(&self) -> TallyFigures {
        TallyFigures {
            inter_arrival: Summary::of(&self.inter_arrival),
            ..self.figures
        }
    }

    /// Missing packets per thousand that should have come.
    pub fn missing_permille(&self) -> u64 {
        let expected = self.figures.packets + self.figures.missing;
        (self.figures.missing * 1_000)
            .checked_div(expected)
            .unwrap_or(0)
    }

    /// The longest time between two packets of a spurt.
    pub fn longest_gap(&self) -> Duration {
        let micros = self.inter_arrival.percentile(1_000).unwrap_or(0);
        Duration::from_micros(micros.into())
    }
}

#[cfg(test)]
mod tests {
    use conclave_wire::ParticipantId;

    use super::*;

    /// An Opus packet of 20 ms: SILK, wideband, mono, one frame (RFC 6716 section 3.1).
    const OPUS_20_MS: &[u8] = &[0b0100_1000, 1, 2, 3];

    fn voice(media_time: u32, spurt_start: bool) -> Voice<'static> {
        Voice {
            source: ParticipantId(1),
            spurt_start,
            level: 30,
            media_time,
            opus: OPUS_20_MS,
        }
    }

    fn tally_of(packets: &[(u64, u32, bool)]) -> VoiceTally {
        let mut tally = VoiceTally::default();
        for &(at, media, start) in packets {
            tally.push(Moment::from_ms(at), &voice(media, start));
        }
        tally
    }

    #[test]
    fn a_hole_in_a_spurt_is_missing_and_a_pause_is_not() {
        let start = u32::MAX - 959;
        let tally = tally_of(&[
            (0, start, true),
            (20, 0, false),
            (80, 2_880, false),
            (900, 48_000, true),
        ]);
        let figures = tally.figures();
        assert_eq!(
            (figures.packets, figures.missing, figures.spurts),
            (4, 2, 2)
        );
        assert_eq!(figures.inter_arrival.count, 2);
        assert_eq!(tally.longest_gap(), Duration::from_millis(60));
    }

    #[test]
    fn a_clock_that_starts_anew_loses_nothing() {
        let tally = tally_of(&[
            (0, 480_000, true),
            (20, 480_960, false),
            (900, 960, false),
            (920, 1_920, false),
        ]);
        let figures = tally.figures();
        assert_eq!(
            (figures.missing, figures.out_of_order, figures.spurts),
            (0, 0, 2)
        );
        assert_eq!(tally.longest_gap(), Duration::from_millis(20));
    }

    #[test]
    fn a_packet_that_comes_late_was_not_lost() {
        let tally = tally_of(&[(0, 0, true), (40, 1_920, false), (41, 960, false)]);
        let figures = tally.figures();
        assert_eq!((figures.missing, figures.out_of_order), (0, 1));
        assert_eq!(tally.missing_permille(), 0);
    }
}
