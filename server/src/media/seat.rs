//! What a seat is to the media threads, and what they tell its room.

use std::sync::Arc;

use actix::prelude::*;
use conclave_core::{
    Moment,
    media::voices::{Outgoing, VoiceFrame},
};
use conclave_wire::{Layer, ParticipantId, datagram::Report};

use super::routes::CameraRoutes;

/// A room among those of this server, given by [`MediaSessions::next_room`](super::sessions::MediaSessions::next_room)
/// and never used again while the server runs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomKey(pub u32);

/// Everything the media threads must know to serve a seat.
#[derive(Clone)]
pub struct MediaSeat {
    pub room: RoomKey,
    pub id: ParticipantId,
    /// The room's mixer.
    pub voice: Recipient<VoiceArrived>,
    pub reports: Recipient<CameraReports>,
    pub udp: Recipient<UdpStatus>,
    pub cameras: Arc<CameraRoutes>,
    /// Where the room clock is zero, on the server's clock.
    pub room_opened: Moment,
}

/// Gateway to mixer: what came in one batch of datagrams, in order of arrival.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct VoiceArrived(pub Vec<(ParticipantId, VoiceFrame)>);

/// Gateway to room, one batch every 250 ms while cameras run.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "()")]
pub struct CameraReports {
    /// The newest report of each viewer.
    pub viewers: Vec<(ParticipantId, Report)>,
    /// What was measured of each camera layer: bits a second, frames a second.
    pub published: Vec<(ParticipantId, Layer, u32, u8)>,
    /// How busy the thread that forwards cameras is, in percent of its time.
    pub load_percent: u8,
}

/// Gateway to room: whether somebody's media come and go over UDP, or over the control port.
#[derive(Clone, Copy, Debug, Eq, Message, PartialEq)]
#[rtype(result = "()")]
pub struct UdpStatus {
    pub id: ParticipantId,
    pub udp: bool,
}

/// Mixer to room, at most four times a second: who began or ceased to speak, or is louder or quieter now;
/// with the level in -dBov.
#[derive(Clone, Debug, Eq, Message, PartialEq)]
#[rtype(result = "()")]
pub struct Speaking(pub Vec<(ParticipantId, bool, u8)>);

/// Mixer to the voice thread: the packets of one tick, or of one batch that is passed on.
#[derive(Clone, Debug)]
pub struct VoiceBatch {
    pub room: RoomKey,
    pub packets: Vec<Outgoing>,
}

/// Where mixers send. Never waits; what does not fit is dropped and counted.
pub trait VoiceSink: Send + Sync {
    fn send(&self, batch: VoiceBatch);
}
