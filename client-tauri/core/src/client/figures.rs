//! Everything that a client counts.

use serde::Serialize;

use crate::media::{
    camera_down::CameraDownFigures, camera_up::CameraUpFigures, link::LinkFigures,
    voice_down::VoiceDownFigures, voice_up::VoiceUpFigures,
};

/// Figures of one client since it joined.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClientFigures {
    pub link: LinkFigures,
    pub voice_up: VoiceUpFigures,
    pub voice_down: VoiceDownFigures,
    pub camera_up: CameraUpFigures,
    pub camera_down: CameraDownFigures,
}
