//! Frames of sound to Opus packets, with silence left out. Time is an input.

use conclave_core::{
    Moment,
    media::{
        jitter::samples_at,
        level::{DTX_PACKET_BYTES_MAX, Speaking, level},
    },
};
use conclave_wire::limits::OPUS_PACKET_BYTES_MAX;
use opus::{Application, Bitrate, Channels, Encoder};

use crate::media::devices::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// Complexity of the encoder, of 10: 9 finds silence far better than 5 and costs a quarter more.
const COMPLEXITY: i32 = 9;
/// Bits a second: wideband speech with room for error correction.
const BITS_PER_SECOND: i32 = 32_000;
/// Loss that the error correction is always made for, in percent: without any, Opus leaves it out.
const LOSS_PERCENT_MIN: u8 = 5;
/// And at most; beyond, the copy costs more than it saves.
const LOSS_PERCENT_MAX: u8 = 30;

/// How voice is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VoiceSettings {
    /// Frames of 10 ms in one packet: 1 for the least delay, 2 for half the packets.
    pub frames_per_packet: u8,
    pub bits_per_second: i32,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        VoiceSettings {
            frames_per_packet: 2,
            bits_per_second: BITS_PER_SECOND,
        }
    }
}

/// One packet to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EncodedVoice<'a> {
    /// The first one after silence.
    pub spurt_start: bool,
    /// In -dBov.
    pub level: u8,
    /// When its first sample was captured, on a 48 kHz clock that wraps.
    pub media_time: u32,
    pub opus: &'a [u8],
}

/// Encodes one voice: 48 kHz, mono, in-band FEC, DTX. What is not voice gives no packets.
pub struct VoiceEncoder {
    opus: Encoder,
    /// Samples of the packet that is being collected.
    collected: Vec<i16>,
    packet_samples: usize,
    speaking: Speaking,
    /// The media time behind the last sample given out, in samples.
    end: i64,
    in_spurt: bool,
    loss_percent: u8,
    packet: Vec<u8>,
}

impl VoiceEncoder {
    pub fn new(settings: VoiceSettings) -> Result<VoiceEncoder, opus::Error> {
        let mut opus = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
        opus.set_complexity(COMPLEXITY)?;
        opus.set_bitrate(Bitrate::Bits(settings.bits_per_second))?;
        opus.set_inband_fec(true)?;
        opus.set_packet_loss_perc(LOSS_PERCENT_MIN.into())?;
        opus.set_dtx(true)?;
        let frames = usize::from(settings.frames_per_packet.clamp(1, 2));
        Ok(VoiceEncoder {
            opus,
            collected: Vec::with_capacity(frames * FRAME_SAMPLES),
            packet_samples: frames * FRAME_SAMPLES,
            speaking: Speaking::new(),
            end: 0,
            in_spurt: false,
            loss_percent: LOSS_PERCENT_MIN,
            packet: vec![0; OPUS_PACKET_BYTES_MAX],
        })
    }

    /// Takes 10 ms of sound that ended at `now`. Gives a packet when one is full and holds voice.
    pub fn push(
        &mut self,
        now: Moment,
        frame: &Frame,
    ) -> Result<Option<EncodedVoice<'_>>, opus::Error> {
        self.collected.extend_from_slice(frame);
        if self.collected.len() < self.packet_samples {
            return Ok(None);
        }
        let samples = self.collected.len() as i64;
        let level = level(&self.collected);
        let encoded = self.opus.encode(&self.collected, &mut self.packet);
        self.collected.clear();
        let len = encoded?;
        let voiced = self.speaking.push(now, level, len) && len > DTX_PACKET_BYTES_MAX;
        if !voiced {
            self.in_spurt = false;
            return Ok(None);
        }
        // Within a spurt samples count, so that the sound has no seams; a spurt begins where it was
        // captured, and never within the one before.
        let spurt_start = !std::mem::replace(&mut self.in_spurt, true);
        let start = match spurt_start {
            true => self.end.max(samples_at(now) - samples),
            false => self.end,
        };
        self.end = start + samples;
        Ok(Some(EncodedVoice {
            spurt_start,
            level,
            media_time: start as u32,
            opus: &self.packet[..len],
        }))
    }

    /// No sound came, or none is to be sent: the next voice begins a spurt.
    pub fn pause(&mut self) {
        self.collected.clear();
        self.speaking.silence();
        self.in_spurt = false;
    }

    /// How much loss the error correction is to be made for, in percent.
    pub fn expect_loss(&mut self, percent: u8) {
        let percent = percent.clamp(LOSS_PERCENT_MIN, LOSS_PERCENT_MAX);
        if percent != self.loss_percent && self.opus.set_packet_loss_perc(percent.into()).is_ok() {
            self.loss_percent = percent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::devices::{Silence, Sound, SyntheticSpeech};

    /// Feeds sound for `ms` from `from_ms` on; gives (media time, spurt start) of each packet.
    fn feed(
        encoder: &mut VoiceEncoder,
        sound: &mut dyn Sound,
        from_ms: u64,
        ms: u64,
    ) -> Vec<(u32, bool)> {
        let mut frame = [0; FRAME_SAMPLES];
        let mut packets = Vec::new();
        for at in (from_ms..from_ms + ms).step_by(10) {
            sound.fill(&mut frame);
            let packet = encoder.push(Moment::from_ms(at + 10), &frame).unwrap();
            packets.extend(packet.map(|packet| (packet.media_time, packet.spurt_start)));
        }
        packets
    }

    #[test]
    fn silence_gives_no_packets() {
        let mut encoder = VoiceEncoder::new(VoiceSettings::default()).unwrap();
        assert_eq!(feed(&mut encoder, &mut Silence, 0, 5_000), []);
    }

    #[test]
    fn a_spurt_begins_where_it_was_captured_and_goes_on_by_samples() {
        let mut encoder = VoiceEncoder::new(VoiceSettings::default()).unwrap();
        feed(&mut encoder, &mut Silence, 0, 1_000);
        let mut speech = SyntheticSpeech::without_pauses(1);
        let packets = feed(&mut encoder, &mut speech, 1_000, 200);
        let expected: Vec<(u32, bool)> = (0..10).map(|i| (48_000 + i * 960, i == 0)).collect();
        assert_eq!(packets, expected);
    }

    #[test]
    fn packets_of_ten_milliseconds_come_twice_as_often() {
        let settings = VoiceSettings {
            frames_per_packet: 1,
            ..VoiceSettings::default()
        };
        let mut encoder = VoiceEncoder::new(settings).unwrap();
        let packets = feed(
            &mut encoder,
            &mut SyntheticSpeech::without_pauses(1),
            0,
            100,
        );
        assert_eq!(packets.len(), 10);
        assert!(packets.windows(2).all(|two| two[1].0 - two[0].0 == 480));
    }

    #[test]
    fn after_a_pause_a_new_spurt_begins_and_time_has_not_gone_back() {
        let mut encoder = VoiceEncoder::new(VoiceSettings::default()).unwrap();
        let mut speech = SyntheticSpeech::without_pauses(1);
        feed(&mut encoder, &mut speech, 0, 1_000);
        encoder.pause();
        let packets = feed(&mut encoder, &mut speech, 3_000, 40);
        assert_eq!(packets, [(144_000, true), (144_960, false)]);
        // A microphone that gives its frames too fast must not say one moment twice.
        encoder.pause();
        let packets = feed(&mut encoder, &mut speech, 3_010, 20);
        assert_eq!(packets, [(145_920, true)]);
    }
}
