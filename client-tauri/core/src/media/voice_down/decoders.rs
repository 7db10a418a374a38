//! One Opus decoder for each voice that is heard.

use opus::{Channels, Decoder};

use crate::media::devices::SAMPLE_RATE;

/// Decoders kept: the mix and the voices that were passed on lately.
const DECODERS_MAX: usize = 6;
/// The longest Opus packet, in samples (RFC 6716 section 2.1.4: 120 ms).
pub const PACKET_SAMPLES_MAX: usize = 5_760;
/// Opus conceals in steps of 2.5 ms.
const CONCEAL_STEP: usize = 120;

/// Decoders by source, the one used last at the end.
#[derive(Default)]
pub struct Decoders {
    kept: Vec<(u32, Decoder)>,
}

impl Decoders {
    /// Decodes a packet of `source` into `out` (emptied first).
    pub fn decode(
        &mut self,
        source: u32,
        packet: &[u8],
        out: &mut Vec<i16>,
    ) -> Result<(), opus::Error> {
        let decoder = self.of(source)?;
        out.resize(PACKET_SAMPLES_MAX, 0);
        let decoded = decoder.decode(packet, out, false);
        out.truncate(*decoded.as_ref().unwrap_or(&0));
        decoded.map(|_| ())
    }

    /// Makes up `samples` that never came, into `out` (emptied first): from the packet after them, if it
    /// carries them (in-band FEC), else from what was heard before.
    pub fn conceal(
        &mut self,
        source: u32,
        samples: usize,
        next: Option<&[u8]>,
        out: &mut Vec<i16>,
    ) {
        let whole = samples
            .next_multiple_of(CONCEAL_STEP)
            .min(PACKET_SAMPLES_MAX);
        out.clear();
        out.resize(whole, 0);
        let Ok(decoder) = self.of(source) else {
            out.truncate(samples);
            return;
        };
        let made = match next {
            Some(next) => decoder.decode(next, out, true),
            None => decoder.decode(&[], out, false),
        };
        if made.is_err() {
            out.fill(0);
        }
        out.resize(samples, 0);
    }

    /// Whether sound of this source was decoded lately.
    pub fn knows(&self, source: u32) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == source)
    }

    fn of(&mut self, source: u32) -> Result<&mut Decoder, opus::Error> {
        match self.kept.iter().position(|(kept, _)| *kept == source) {
            Some(at) => self.kept[at..].rotate_left(1),
            None => {
                if self.kept.len() == DECODERS_MAX {
                    self.kept.remove(0);
                }
                let decoder = Decoder::new(SAMPLE_RATE, Channels::Mono)?;
                self.kept.push((source, decoder));
            }
        }
        let last = self.kept.len() - 1;
        Ok(&mut self.kept[last].1)
    }
}
