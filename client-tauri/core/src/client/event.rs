//! What a client tells whoever shows it.

use conclave_wire::{ParticipantId, event::Quality};

use crate::{media::link::Way, session::SessionEvent};

/// One stream of everything. Who speaks, levels, latencies and hints are in the signs of the session.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// The room and the control link.
    Session(SessionEvent),
    /// A new picture waits; [`Client::take_camera_frame`](super::Client::take_camera_frame) takes the
    /// newest. Not told again before it is taken.
    CameraFrame {
        source: ParticipantId,
    },
    /// The person talks but is muted.
    TalkingWhileMuted,
    /// The microphone or the camera gives no more; give the client another one.
    MicrophoneGone,
    CameraGone,
    /// Voice and camera take another way: [`Way::Tunnel`] is slower and worth a word.
    WayChanged(Way),
    /// The verdict on this client's own link has changed.
    QualityChanged(Quality),
}
