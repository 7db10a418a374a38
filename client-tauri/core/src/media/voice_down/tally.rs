//! Counts voice packets without decoding them: what a listener gets, misses, and how evenly it comes.

use std::time::Duration;

use conclave_core::{
    Moment,
    media::{quality::Histogram, sequence::is_after},
};
use conclave_wire::datagram::Voice;
use serde::Serialize;

use crate::media::figures::{Summary, record};

/// A media clock that went back further than this has started anew, in samples: 1 s.
const BEHIND_SAMPLES_MAX: u32 = 48_000;

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
    last: Option<Last>,
    first_at: Option<Moment>,
}

/// The newest packet.
#[derive(Clone, Copy, Debug)]
struct Last {
    at: Moment,
    number: u64,
    /// The media time behind it.
    end: u32,
}

impl VoiceTally {
    /// Takes a packet that came at `at` as number `number` of its class.
    pub fn push(&mut self, at: Moment, number: u64, voice: &Voice<'_>) {
        let figures = &mut self.figures;
        figures.packets += 1;
        figures.bytes += voice.opus.len() as u64;
        self.first_at.get_or_insert(at);
        let samples = opus::packet::get_nb_samples(voice.opus, 48_000).unwrap_or(960) as u32;
        let end = voice.media_time.wrapping_add(samples);
        let Some(last) = self.last.replace(Last { at, number, end }) else {
            figures.spurts += 1;
            return;
        };
        let expected = last.end;
        let hole = voice.media_time.wrapping_sub(expected);
        let before = is_after(expected, voice.media_time);
        let behind = expected.wrapping_sub(voice.media_time);
        if before && behind <= BEHIND_SAMPLES_MAX && !voice.spurt_start {
            figures.out_of_order += 1;
            // It was counted as missing when the later one came.
            figures.missing = figures.missing.saturating_sub(1);
            self.last = Some(last);
            return;
        }
        // Numbers that went back are those of a new session.
        let unseen = number.checked_sub(last.number + 1);
        let Some(unseen) = unseen.filter(|_| !voice.spurt_start && !before) else {
            figures.spurts += 1;
            return;
        };
        // Only what was sent can be missing: the rest of a hole is a pause whose first packet was lost.
        let frames = u64::from(hole / samples.max(1));
        let missing = frames.min(unseen);
        figures.missing += missing;
        match frames > missing {
            true => figures.spurts += 1,
            false => record(&mut self.inter_arrival, at.since(last.at)),
        }
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

    /// Packets by arrival (ms), number, media time and spurt start.
    fn tally_of(packets: &[(u64, u64, u32, bool)]) -> VoiceTally {
        let mut tally = VoiceTally::default();
        for &(at, number, media, start) in packets {
            tally.push(Moment::from_ms(at), number, &voice(media, start));
        }
        tally
    }

    #[test]
    fn a_hole_in_a_spurt_is_missing_and_a_pause_is_not() {
        let start = u32::MAX - 959;
        let tally = tally_of(&[
            (0, 1, start, true),
            (20, 2, 0, false),
            (80, 5, 2_880, false),
            (900, 6, 48_000, true),
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
    fn a_pause_whose_first_packet_was_lost_is_still_a_pause() {
        // The numbers say that one packet is missing; the hole has room for forty.
        let tally = tally_of(&[(0, 1, 0, true), (820, 3, 39_360, false)]);
        let figures = tally.figures();
        assert_eq!((figures.missing, figures.spurts), (1, 2));
        assert_eq!(figures.inter_arrival.count, 0);
    }

    #[test]
    fn a_clock_that_starts_anew_loses_nothing() {
        let tally = tally_of(&[
            (0, 1, 480_000, true),
            (20, 2, 480_960, false),
            (900, 0, 960, false),
            (920, 1, 1_920, false),
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
        let tally = tally_of(&[
            (0, 1, 0, true),
            (40, 3, 1_920, false),
            (41, 2, 960, false),
            (60, 4, 2_880, false),
        ]);
        let figures = tally.figures();
        assert_eq!((figures.missing, figures.out_of_order), (0, 1));
        assert_eq!(tally.missing_permille(), 0);
    }
}
