//! Opus for the server's mixers: 48 kHz mono, frames of 10 and 20 ms.

use std::sync::Arc;

use conclave_core::media::voices::{Codecs, VoiceDecoder, VoiceEncoder};
use conclave_wire::limits::OPUS_PACKET_BYTES_MAX;
use opus::{Application, Bitrate, Channels, Decoder, Encoder};

use super::figures::MediaFigures;
use crate::clock::Clock;

const SAMPLE_RATE: u32 = 48_000;
/// Fullband speech is transparent enough at this rate (RFC 7587 section 3.1.1 recommends 28 to 40 kbit/s
/// for fullband mono speech).
pub const MIX_BITS_PER_SECOND: i32 = 32_000;
/// In-band FEC is tuned to this loss, in percent.
pub const EXPECTED_LOSS_PERCENT: i32 = 10;
/// Encoding is nearly all that mixing costs. A frame costs 200 us at 5 and 260 us at 9; what 9 does better
/// is to find silence for DTX, and mixes are made only while somebody speaks.
pub const MIX_COMPLEXITY: i32 = 5;

/// Makes Opus decoders and encoders.
#[derive(Clone, Debug, Default)]
pub struct OpusCodecs {
    measure: Option<Measure>,
}

/// Where the time that encoding takes is told.
#[derive(Clone, Debug)]
struct Measure {
    clock: Clock,
    figures: Arc<MediaFigures>,
}

/// Opus that could not be set up (no memory) is silent; the packets of others still pass.
pub struct OpusDecoder(Option<Decoder>);

pub struct OpusEncoder {
    opus: Option<Encoder>,
    measure: Option<Measure>,
}

impl OpusCodecs {
    /// Codecs that tell how long each frame takes to encode.
    pub fn measured(clock: Clock, figures: Arc<MediaFigures>) -> OpusCodecs {
        OpusCodecs {
            measure: Some(Measure { clock, figures }),
        }
    }
}

impl Codecs for OpusCodecs {
    type Decoder = OpusDecoder;
    type Encoder = OpusEncoder;

    fn decoder(&self) -> OpusDecoder {
        let decoder = Decoder::new(SAMPLE_RATE, Channels::Mono);
        OpusDecoder(decoder.inspect_err(report).ok())
    }

    fn encoder(&self) -> OpusEncoder {
        OpusEncoder {
            opus: mix_encoder().inspect_err(report).ok(),
            measure: self.measure.clone(),
        }
    }
}

impl VoiceDecoder for OpusDecoder {
    fn decode(&mut self, opus: &[u8], out: &mut [i16]) -> usize {
        self.run(opus, out, false)
    }

    fn conceal(&mut self, next: Option<&[u8]>, out: &mut [i16]) -> usize {
        // A lost frame is in the FEC of the one behind it, if at all; libopus falls back to concealment
        // when it is not (RFC 6716 section 2.1.7).
        match next {
            Some(next) => match self.run(next, out, true) {
                0 => self.run(&[], out, false),
                written => written,
            },
            None => self.run(&[], out, false),
        }
    }
}

impl OpusDecoder {
    fn run(&mut self, opus: &[u8], out: &mut [i16], fec: bool) -> usize {
        let decoder = self.0.as_mut();
        decoder.map_or(0, |decoder| decoder.decode(opus, out, fec).unwrap_or(0))
    }
}

impl VoiceEncoder for OpusEncoder {
    fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        let Some(encoder) = &mut self.opus else {
            return;
        };
        let began = self.measure.as_ref().map(|measure| measure.clock.now());
        out.resize(OPUS_PACKET_BYTES_MAX, 0);
        let written = encoder.encode(pcm, out).unwrap_or(0);
        out.truncate(written);
        if let (Some(measure), Some(began)) = (&self.measure, began) {
            let took = measure.clock.now().since(began);
            measure.figures.encode_time.record(took);
        }
    }
}

fn mix_encoder() -> opus::Result<Encoder> {
    let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::Bits(MIX_BITS_PER_SECOND))?;
    encoder.set_complexity(MIX_COMPLEXITY)?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
    encoder.set_dtx(true)?;
    Ok(encoder)
}

fn report(error: &opus::Error) {
    tracing::warn!(%error, "an Opus codec could not be set up; this voice is left out of mixes");
}
