//! What a guest's protocols tell: the connection, voice, messages of the data channel.

use conclave_wire::datagram::{Kind, Probe};
use str0m::{
    Event, IceConnectionState,
    channel::ChannelData,
    format::Codec,
    media::{MediaAdded, MediaKind},
    rtp::RtpPacket,
};

use super::{
    super::{
        camera,
        ears::Ears,
        mouth::{Heard, Packet},
        shell::{Present, Shell},
    },
    Peer, Stage,
};
use crate::media::figures::Count;

impl Peer {
    pub(super) fn happened(&mut self, now: Present, event: Event, shell: &mut Shell) {
        match event {
            Event::Connected if self.stage == Stage::Opening => {
                self.stage = Stage::Connected;
                self.session.guest_connected(&self.link);
                shell.count(Count::GuestsConnected, 1);
            }
            // Before the first check nothing is lost yet.
            Event::IceConnectionStateChange(IceConnectionState::Disconnected)
                if self.stage == Stage::Connected =>
            {
                self.stage = Stage::Ended;
            }
            Event::MediaAdded(added) => self.media_added(&added),
            Event::ChannelOpen(id, _) if id == self.channel => {
                self.session.guest_channel_opened(&self.link);
            }
            // Of a channel that was not agreed on, or that is gone.
            Event::ChannelOpen(..) | Event::ChannelClose(_) | Event::Closed => {
                self.stage = self.stage.ended(shell);
            }
            Event::ChannelData(data) => self.message(now, &data, shell),
            Event::RtpPacket(packet) => self.packet(now, &packet, shell),
            // Statistics, and what only video has.
            _ => {}
        }
    }

    fn media_added(&mut self, added: &MediaAdded) {
        if added.kind != MediaKind::Audio || self.ears.is_some() {
            return;
        }
        let Some(media) = self.rtc.media(added.mid) else {
            return;
        };
        let agreed = media.remote_pts();
        let params = self.rtc.codec_config().params().iter();
        let opus = params
            .filter(|params| params.spec().codec == Codec::Opus)
            .find(|params| agreed.contains(&params.pt()));
        self.ears = opus.map(|opus| Ears::new(added.mid, opus.pt()));
    }

    fn packet(&mut self, now: Present, packet: &RtpPacket, shell: &mut Shell) {
        let header = &packet.header;
        let of_voice = self
            .ears
            .as_ref()
            .is_some_and(|ears| ears.payload_type() == header.payload_type);
        if !of_voice {
            return shell.count(Count::Unexpected, 1);
        }
        let bytes = packet.payload.len();
        if !self.session.allows_guest(now.moment, Kind::Voice, bytes) {
            return shell.count(Count::TooFast, 1);
        }
        let level = header.ext_vals.audio_level.map(i8::unsigned_abs);
        let heard = self.mouth.take(&Packet {
            ssrc: *header.ssrc,
            sequence: *packet.seq_no,
            timestamp: header.timestamp,
            marker: header.marker,
            level,
            opus: &packet.payload,
        });
        match heard {
            Heard::Voice(frame) => shell.voice(&self.session, frame),
            Heard::Silence => {}
            Heard::Malformed => shell.count(Count::Malformed, 1),
        }
    }

    fn message(&mut self, now: Present, data: &ChannelData, shell: &mut Shell) {
        let parsed = camera::parse(data.binary, &data.data).filter(|_| data.id == self.channel);
        let Some((kind, body)) = parsed else {
            return shell.count(Count::Malformed, 1);
        };
        shell.count(Count::GuestMessages, 1);
        if kind != Kind::Probe {
            return shell.camera(&self.session, kind, body);
        }
        if !self.session.allows_guest(now.moment, kind, body.len()) {
            return shell.count(Count::TooFast, 1);
        }
        let Some(probe) = Probe::parse(body) else {
            return shell.count(Count::Malformed, 1);
        };
        let echo = Probe {
            room_clock_us: self.session.room_clock_us(now.moment),
            ..probe
        };
        let mut body = Vec::with_capacity(Probe::BYTES);
        echo.write(&mut body);
        if self.camera.push(now.moment, Kind::Echo, body.into()) {
            shell.count(Count::Echoed, 1);
        }
    }
}
