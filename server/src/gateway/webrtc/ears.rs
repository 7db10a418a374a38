//! What a guest hears: packets on the room's media clock, as RTP of one stream.

use std::time::Instant;

use conclave_core::media::voices::OutFrame;
use str0m::{
    Rtc,
    media::{Mid, Pt},
    rtp::{ExtensionValues, RtpWrite, SeqNo},
};

use crate::auth::token;

/// A packet with its RTP and SRTP headers fits into what a datagram of ours may have.
const OPUS_BYTES_MAX: usize = 1_100;

/// The stream to one guest.
pub struct Ears {
    mid: Mid,
    payload_type: Pt,
    sequence: u64,
}

impl Ears {
    pub fn new(mid: Mid, payload_type: Pt) -> Ears {
        // Random, so that what is known of a packet helps nobody (RFC 3711 section 9.1), and in the lower
        // half, so that a loss of the first packets leaves no doubt about rollovers.
        let sequence = u64::from(token::random_u32() & 0x7fff);
        Ears {
            mid,
            payload_type,
            sequence,
        }
    }

    pub fn payload_type(&self) -> Pt {
        self.payload_type
    }

    /// Writes one packet; false when there is no way for it. The numbers rise by one with each packet that
    /// leaves: what did not come to the server is a gap of the timestamps alone, and none of this guest's
    /// own link.
    pub fn write(&mut self, rtc: &mut Rtc, frame: &OutFrame, now: Instant) -> bool {
        if frame.opus.len() > OPUS_BYTES_MAX {
            return false;
        }
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(self.mid, None) else {
            return false;
        };
        let level = i8::try_from(frame.level).unwrap_or(i8::MAX);
        let extensions = ExtensionValues {
            audio_level: Some(-level),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        let packet = RtpWrite::new(
            self.payload_type,
            SeqNo::from(self.sequence),
            frame.media_time,
            now,
            frame.opus.clone(),
        );
        stream.write_rtp(packet.marker(frame.spurt_start).ext_vals(extensions));
        self.sequence += 1;
        true
    }
}
