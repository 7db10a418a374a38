//! What a guest says: RTP packets as voice like everybody's.

use std::sync::Arc;

use conclave_core::media::{
    level::DTX_PACKET_BYTES_MAX,
    voices::{VoiceFrame, opus_samples},
};
use conclave_wire::limits::OPUS_PACKET_BYTES_MAX;

/// The level of a packet that does not say one, in -dBov: quiet speech.
const LEVEL_UNSAID: u8 = 45;
/// A timestamp may be so much further on than the packets before it account for, in samples, before that
/// is a pause: one frame.
const PAUSE_SAMPLES: i64 = 960;

/// One RTP packet of Opus.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    pub ssrc: u32,
    /// With its rollovers.
    pub sequence: u64,
    pub timestamp: u32,
    /// The sender says that a talk spurt begins (RFC 3551 section 4.1).
    pub marker: bool,
    /// In -dBov (RFC 6464).
    pub level: Option<u8>,
    pub opus: &'a Arc<[u8]>,
}

/// What becomes of a packet.
#[derive(Debug)]
pub enum Heard {
    Voice(VoiceFrame),
    /// A frame that was left out under DTX.
    Silence,
    /// No Opus of 10 or 20 ms.
    Malformed,
}

/// Numbers packets so that a gap means loss and nothing else, and finds where talk spurts begin.
#[derive(Debug, Default)]
pub struct Mouth {
    newest: Option<Newest>,
    /// From sequence numbers to ours, which have no gaps where DTX left frames out.
    shift: i64,
    /// The shift for sequence numbers before this one was another.
    shifted_at: u64,
    shift_before: i64,
}

#[derive(Debug)]
struct Newest {
    ssrc: u32,
    sequence: u64,
    timestamp: u32,
    samples: u32,
    silent: bool,
}

impl Mouth {
    pub fn take(&mut self, packet: &Packet<'_>) -> Heard {
        let bytes = packet.opus.len();
        let silent = bytes <= DTX_PACKET_BYTES_MAX;
        // What is left out under DTX may be as long as it likes.
        let samples = match opus_samples(packet.opus) {
            Some(samples) if bytes <= OPUS_PACKET_BYTES_MAX => samples,
            _ if silent && bytes > 0 => PAUSE_SAMPLES as u32,
            _ => return Heard::Malformed,
        };
        self.change_source(packet);
        let sequence = packet.sequence;
        let before = self.newest.as_ref();
        let is_newest = before.is_none_or(|newest| sequence > newest.sequence);
        let begins = before.is_none_or(|newest| newest.silent || newest.is_before_pause(packet));
        let in_order = before.is_none_or(|newest| sequence == newest.sequence + 1);
        if is_newest {
            self.newest = Some(Newest {
                ssrc: packet.ssrc,
                sequence,
                timestamp: packet.timestamp,
                samples,
                silent,
            });
        }
        if silent {
            if is_newest && in_order {
                self.shift_from(sequence, self.shift - 1);
            }
            return Heard::Silence;
        }
        Heard::Voice(VoiceFrame {
            number: self.number(sequence),
            media_time: packet.timestamp,
            spurt_start: is_newest && (begins || packet.marker),
            level: packet.level.unwrap_or(LEVEL_UNSAID),
            samples,
            opus: packet.opus.clone(),
        })
    }

    /// A new source begins to count anew; our numbers go on, with a gap.
    fn change_source(&mut self, packet: &Packet<'_>) {
        if let Some(older) = self.newest.take_if(|newest| newest.ssrc != packet.ssrc) {
            let next = self.number(older.sequence) + 2;
            let shift =
                i64::try_from(next).unwrap_or(0) - i64::try_from(packet.sequence).unwrap_or(0);
            self.shift = shift;
            self.shift_from(packet.sequence, shift);
        }
    }

    fn shift_from(&mut self, sequence: u64, shift: i64) {
        self.shift_before = self.shift;
        self.shifted_at = sequence;
        self.shift = shift;
    }

    fn number(&self, sequence: u64) -> u64 {
        let shift = match sequence < self.shifted_at {
            true => self.shift_before,
            false => self.shift,
        };
        sequence.saturating_add_signed(shift)
    }
}

impl Newest {
    /// Whether the timestamps of both are further apart than their sequence numbers explain.
    fn is_before_pause(&self, next: &Packet<'_>) -> bool {
        let packets = next.sequence.saturating_sub(self.sequence);
        let explained = i64::try_from(packets).unwrap_or(i64::MAX);
        let explained = explained.saturating_mul(i64::from(self.samples));
        let elapsed = next.timestamp.wrapping_sub(self.timestamp) as i32;
        i64::from(elapsed) > explained + PAUSE_SAMPLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms of SILK wideband, mono.
    fn sound() -> Arc<[u8]> {
        let mut opus = vec![9 << 3];
        opus.resize(60, 1);
        opus.into()
    }

    fn dtx() -> Arc<[u8]> {
        vec![9 << 3].into()
    }

    fn say(mouth: &mut Mouth, sequence: u64, timestamp: u32, opus: &Arc<[u8]>) -> Heard {
        mouth.take(&Packet {
            ssrc: 1,
            sequence,
            timestamp,
            marker: false,
            level: Some(30),
            opus,
        })
    }

    fn voice(heard: Heard) -> VoiceFrame {
        match heard {
            Heard::Voice(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn packets_in_a_row_are_numbered_in_a_row_and_only_the_first_begins_a_spurt() {
        let mut mouth = Mouth::default();
        let start = u32::MAX - 1_000;
        let said: Vec<_> = (0..4)
            .map(|at| {
                let time = start.wrapping_add(at * 960);
                voice(say(&mut mouth, 100 + u64::from(at), time, &sound()))
            })
            .collect();
        let numbers: Vec<_> = said.iter().map(|frame| frame.number).collect();
        assert_eq!(numbers, [100, 101, 102, 103]);
        let starts: Vec<_> = said.iter().map(|frame| frame.spurt_start).collect();
        assert_eq!(starts, [true, false, false, false]);
        assert_eq!(said[2].media_time, start.wrapping_add(1_920));
    }

    #[test]
    fn silence_under_dtx_leaves_no_gap_in_the_numbers_and_the_next_word_begins_a_spurt() {
        let mut mouth = Mouth::default();
        let before = voice(say(&mut mouth, 10, 0, &sound()));
        assert!(matches!(say(&mut mouth, 11, 960, &dtx()), Heard::Silence));
        // Only every 20th frame of silence is sent.
        assert!(matches!(
            say(&mut mouth, 12, 20_160, &dtx()),
            Heard::Silence
        ));
        let after = voice(say(&mut mouth, 13, 30_720, &sound()));
        assert_eq!(after.number, before.number + 1);
        assert!(after.spurt_start);
        let next = voice(say(&mut mouth, 14, 31_680, &sound()));
        assert_eq!((next.number, next.spurt_start), (after.number + 1, false));
    }

    #[test]
    fn a_loss_is_a_gap_in_the_numbers_and_no_spurt() {
        let mut mouth = Mouth::default();
        let before = voice(say(&mut mouth, 10, 0, &sound()));
        let after = voice(say(&mut mouth, 13, 2_880, &sound()));
        assert_eq!(
            (after.number - before.number, after.spurt_start),
            (3, false)
        );
    }

    #[test]
    fn a_pause_without_any_packet_begins_a_spurt() {
        let mut mouth = Mouth::default();
        voice(say(&mut mouth, 10, 0, &sound()));
        let after = voice(say(&mut mouth, 11, 48_000, &sound()));
        assert!(after.spurt_start);
        assert_eq!(after.number, 11);
    }

    #[test]
    fn what_comes_late_keeps_its_number_across_a_silence() {
        let mut mouth = Mouth::default();
        let first = voice(say(&mut mouth, 10, 0, &sound()));
        // 11 is delayed.
        let third = voice(say(&mut mouth, 12, 1_920, &sound()));
        assert!(matches!(say(&mut mouth, 13, 2_880, &dtx()), Heard::Silence));
        let late = voice(say(&mut mouth, 11, 960, &sound()));
        assert_eq!(late.number, first.number + 1);
        assert!(!late.spurt_start);
        let next = voice(say(&mut mouth, 14, 48_000, &sound()));
        assert_eq!(next.number, third.number + 1);
    }

    #[test]
    fn a_new_source_goes_on_behind_the_older_one() {
        let mut mouth = Mouth::default();
        let before = voice(say(&mut mouth, 70_000, 5, &sound()));
        let other = mouth.take(&Packet {
            ssrc: 2,
            sequence: 3,
            timestamp: 77,
            marker: false,
            level: None,
            opus: &sound(),
        });
        let other = voice(other);
        assert!(other.number > before.number && other.spurt_start);
        assert_eq!(other.level, LEVEL_UNSAID);
    }

    #[test]
    fn what_is_no_opus_of_10_or_20_ms_is_refused() {
        let mut mouth = Mouth::default();
        let sixty_ms: Arc<[u8]> = vec![3 << 3, 1, 2, 3].into();
        for opus in [sixty_ms, Vec::new().into(), vec![9 << 3; 1_276].into()] {
            assert!(matches!(say(&mut mouth, 1, 0, &opus), Heard::Malformed));
        }
    }
}
