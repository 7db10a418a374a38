//! What goes into and comes out of [`Voices`](super::Voices), and the codec it is handed.

use std::sync::Arc;

/// The source of a mix; a person's packets carry their seat instead.
pub const SOURCE_MIX: u32 = 0;

/// One Opus packet of a speaker, opened and authenticated.
#[derive(Clone, Debug)]
pub struct VoiceFrame {
    /// Packet number of the speaker's session.
    pub number: u64,
    /// When it sounds, on the speaker's 48 kHz clock; wraps.
    pub media_time: u32,
    /// First packet after a pause, as the speaker says.
    pub spurt_start: bool,
    /// Level in -dBov, 0 to 127 (RFC 6464).
    pub level: u8,
    /// Duration in samples, 480 or 960: see [`opus_samples`].
    pub samples: u32,
    /// Its length was checked when the datagram was parsed: see `conclave_wire::datagram::Voice`.
    pub opus: Arc<[u8]>,
}

/// One packet to send, and to whom.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub frame: OutFrame,
    /// The listeners; shared between packets until the group changes.
    pub to: Arc<[u32]>,
}

/// A packet on the room's media clock.
#[derive(Clone, Debug)]
pub struct OutFrame {
    /// The speaker's seat, or [`SOURCE_MIX`].
    pub source: u32,
    /// First packet after a pause, for those it goes to.
    pub spurt_start: bool,
    /// When it sounds, on the room's 48 kHz clock; wraps.
    pub media_time: u32,
    /// Duration in samples, 480 or 960.
    pub samples: u32,
    /// Level in -dBov.
    pub level: u8,
    pub opus: Arc<[u8]>,
}

/// Decodes one speaker's packets, in order. Mono at 48 kHz.
pub trait VoiceDecoder {
    /// Decodes a packet into `out`, which has room for 20 ms; says how many samples it wrote, 0 when the
    /// packet is no Opus.
    fn decode(&mut self, opus: &[u8], out: &mut [i16]) -> usize;
    /// Fills all of `out` (a multiple of 10 ms, at most 20) in place of a lost packet; `next` is the
    /// packet behind it, whose in-band FEC may hold it. Says how many samples it wrote.
    fn conceal(&mut self, next: Option<&[u8]>, out: &mut [i16]) -> usize;
}

/// Encodes one mix. Mono at 48 kHz.
pub trait VoiceEncoder {
    /// Encodes a frame of 20 ms into `out`, which is empty. What is left empty or has at most two bytes
    /// is silence under DTX and is not sent.
    fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>);
}

/// Where decoders and encoders come from.
pub trait Codecs {
    type Decoder: VoiceDecoder;
    type Encoder: VoiceEncoder;
    fn decoder(&self) -> Self::Decoder;
    fn encoder(&self) -> Self::Encoder;
}

/// The duration of an Opus packet in samples at 48 kHz, from its TOC byte (RFC 6716 section 3.1). Only
/// 10 and 20 ms (480 and 960) are voice here; None for everything else.
pub fn opus_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame: u32 = match config {
        0..=11 => [480, 960, 1_920, 2_880][usize::from(config % 4)],
        12..=15 => [480, 960][usize::from(config % 2)],
        _ => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * frames).filter(|&samples| samples == 480 || samples == 960)
}
