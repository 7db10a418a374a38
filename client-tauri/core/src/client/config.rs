//! What a client is made of.

use std::net::SocketAddr;

use conclave_wire::{MediaState, QualityChoice};

use crate::{
    media::{
        clock::MediaClock,
        devices::{Camera, Microphone, Speaker},
        voice_up::VoiceSettings,
    },
    session::SessionConfig,
};

/// Everything that [`Client::join`](super::Client::join) needs. Begin with [`ClientConfig::new`].
pub struct ClientConfig {
    pub session: SessionConfig,
    pub microphone: Option<Box<dyn Microphone>>,
    /// Without one, voice is counted but not decoded.
    pub speaker: Option<Box<dyn Speaker>>,
    pub camera: Option<Box<dyn Camera>>,
    /// What is switched on at first.
    pub media: MediaState,
    pub voice: VoiceSettings,
    /// Of the pictures that this client sends.
    pub quality: QualityChoice,
    /// Fall back to the control port where UDP does not come through.
    pub tunnel: bool,
    /// Send media here instead of where the server says: for relays and forwarded ports.
    pub media_addresses: Option<Vec<SocketAddr>>,
    /// Clients of one process may share a clock, to compare capture with arrival.
    pub clock: MediaClock,
}

impl ClientConfig {
    /// A client without devices, everything switched off.
    pub fn new(session: SessionConfig) -> ClientConfig {
        ClientConfig {
            session,
            microphone: None,
            speaker: None,
            camera: None,
            media: MediaState::default(),
            voice: VoiceSettings::default(),
            quality: QualityChoice::Auto,
            tunnel: true,
            media_addresses: None,
            clock: MediaClock::start(),
        }
    }
}
