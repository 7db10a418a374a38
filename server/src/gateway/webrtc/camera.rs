//! The data channel for cameras: what waits for it, and for how long, and what comes over it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use conclave_core::Moment;
use conclave_wire::{datagram::Kind, limits::CHANNEL_MESSAGE_BYTES_MAX};
use str0m::{
    Rtc,
    channel::{ChannelConfig, ChannelId, Reliability},
};

/// The channel's id, as both ends know it (RFC 8832 section 4).
pub const CHANNEL_ID: u16 = 1;
/// Bytes that are handed over and not acknowledged: 10 ms at 100 Mbit/s, 50 ms at 20.
pub const CHANNEL_BYTES_MAX: usize = 128 * 1024;
/// Bytes that wait to be handed over: the frames of nine cameras at once.
pub const WAITING_BYTES_MAX: usize = 512 * 1024;
/// A fragment that has waited so long is of a frame that nobody shows any more; the server's own cache
/// forgets it too.
pub const WAITING_MAX: Duration = Duration::from_millis(200);

/// Unordered and never sent again: what is missing is asked for.
pub fn config() -> ChannelConfig {
    ChannelConfig {
        label: "camera".to_owned(),
        ordered: false,
        reliability: Reliability::MaxRetransmits { retransmits: 0 },
        negotiated: Some(CHANNEL_ID),
        protocol: String::new(),
    }
}

/// What waits for one guest's channel.
#[derive(Debug, Default)]
pub struct Outbound {
    waiting: VecDeque<(Moment, Kind, Arc<[u8]>)>,
    bytes: usize,
    message: Vec<u8>,
}

impl Outbound {
    /// Puts a message behind the others, or before them when it is an answer. False when too much waits.
    pub fn push(&mut self, now: Moment, kind: Kind, body: Arc<[u8]>) -> bool {
        if self.bytes + body.len() > WAITING_BYTES_MAX {
            return false;
        }
        self.bytes += body.len();
        match kind {
            Kind::Camera => self.waiting.push_back((now, kind, body)),
            _ => self.waiting.push_front((now, kind, body)),
        }
        true
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Drops what has waited too long; says how much.
    pub fn drop_late(&mut self, now: Moment) -> u64 {
        let before = self.waiting.len();
        let bytes = &mut self.bytes;
        self.waiting.retain(|(since, _, body)| {
            let late = now.since(*since) > WAITING_MAX;
            *bytes -= if late { body.len() } else { 0 };
            !late
        });
        (before - self.waiting.len()) as u64
    }

    /// Hands over as much as the channel takes; says how many messages that were.
    pub fn pump(&mut self, rtc: &mut Rtc, channel: ChannelId) -> usize {
        let mut written = 0;
        let Some(mut channel) = rtc.channel(channel) else {
            return 0;
        };
        while let Some((_, kind, body)) = self.waiting.front() {
            self.message.clear();
            self.message.push(*kind as u8);
            self.message.extend_from_slice(body);
            if !matches!(channel.write(true, &self.message), Ok(true)) {
                break;
            }
            self.bytes -= body.len();
            self.waiting.pop_front();
            written += 1;
        }
        written
    }
}

/// A message of the channel: of which kind, and its body. `None` when it is none that guests send.
pub fn parse(is_binary: bool, message: &[u8]) -> Option<(Kind, &[u8])> {
    if !is_binary || message.len() > CHANNEL_MESSAGE_BYTES_MAX {
        return None;
    }
    let (&number, body) = message.split_first()?;
    let kind = Kind::from_bits(number)?;
    let sent_by_guests = matches!(
        kind,
        Kind::Camera | Kind::ReRequest | Kind::Report | Kind::Probe
    );
    sent_by_guests.then_some((kind, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_ms(1_000);

    fn body(bytes: usize) -> Arc<[u8]> {
        vec![0; bytes].into()
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_in_time() {
        let mut outbound = Outbound::default();
        let taken = (0..1_000)
            .filter(|_| outbound.push(NOW, Kind::Camera, body(1_024)))
            .count();
        assert_eq!(taken, WAITING_BYTES_MAX / 1_024);
        assert_eq!(outbound.drop_late(NOW + WAITING_MAX), 0);
        let later = NOW + WAITING_MAX + Duration::from_millis(1);
        assert_eq!(outbound.drop_late(later), taken as u64);
        assert!(outbound.is_empty());
        assert!(outbound.push(later, Kind::Camera, body(WAITING_BYTES_MAX)));
    }

    #[test]
    fn answers_go_before_pictures() {
        let mut outbound = Outbound::default();
        outbound.push(NOW, Kind::Camera, body(10));
        outbound.push(NOW, Kind::Echo, body(16));
        let kinds: Vec<_> = outbound.waiting.iter().map(|(_, kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::Echo, Kind::Camera]);
    }

    #[test]
    fn only_what_guests_send_is_read() {
        assert_eq!(parse(true, &[2, 9, 9]), Some((Kind::Camera, &[9, 9][..])));
        assert_eq!(parse(true, &[5]), Some((Kind::Probe, &[][..])));
        // Voice comes as RTP, an echo comes from the server, 99 is nothing.
        for message in [&[1, 0][..], &[6, 0], &[99], &[]] {
            assert_eq!(parse(true, message), None);
        }
        assert_eq!(parse(false, &[2, 9, 9]), None, "text");
        assert_eq!(parse(true, &[2; CHANNEL_MESSAGE_BYTES_MAX + 1]), None);
    }
}
