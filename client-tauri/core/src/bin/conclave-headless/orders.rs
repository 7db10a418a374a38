//! What the client is told and what it says: one JSON object a line.

use conclave_client::{
    client::{ClientEvent, ClientFigures},
    media::{
        devices::{
            DeviceChoice, DeviceInfo, DeviceKind, DeviceSettings,
            real::{DeviceEvent, DeviceFigures, Levels},
        },
        enhance::Enhancement,
    },
    screen::real::{ScreenChoice, ScreenList, ScreenRefused},
};
use conclave_wire::{Layer, ParticipantId};
use serde::{Deserialize, Serialize};

/// The first line: where to, and as whom.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// A join link.
    pub link: String,
    pub name: String,
    #[serde(default)]
    pub devices: DeviceSettings,
    #[serde(default)]
    pub microphone: bool,
    #[serde(default)]
    pub camera: bool,
    /// Of 10 ms, 1 or 2.
    #[serde(default = "two")]
    pub frames_per_packet: u8,
}

fn two() -> u8 {
    2
}

/// Every other line.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    Media {
        microphone: bool,
        camera: bool,
    },
    Choose {
        kind: DeviceKind,
        choice: DeviceChoice,
    },
    Enhance {
        enhancement: Enhancement,
    },
    HearYourself {
        on: bool,
    },
    /// Everybody's camera at this size.
    Watch {
        layer: Layer,
    },
    Screens,
    Share {
        choice: ScreenChoice,
    },
    StopSharing,
    State,
    Leave,
}

/// What it says.
#[derive(Debug, Serialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum Said {
    Joined {
        you: ParticipantId,
    },
    /// Something was wrong with an order, or the room refused it.
    Refused {
        why: String,
    },
    Device {
        event: DeviceEvent,
    },
    Client {
        event: Heard,
    },
    Screens {
        screens: Result<ScreenList, ScreenRefused>,
    },
    Share {
        event: String,
    },
    State(Box<State>),
}

/// What the client tells, as far as it is about media.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    TalkingWhileMuted,
    MicrophoneGone,
    CameraGone,
}

impl Heard {
    pub fn of(event: &ClientEvent) -> Option<Heard> {
        match event {
            ClientEvent::TalkingWhileMuted => Some(Heard::TalkingWhileMuted),
            ClientEvent::MicrophoneGone => Some(Heard::MicrophoneGone),
            ClientEvent::CameraGone => Some(Heard::CameraGone),
            ClientEvent::Session(_)
            | ClientEvent::CameraFrame { .. }
            | ClientEvent::WayChanged(_)
            | ClientEvent::QualityChanged(_) => None,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct State {
    pub microphone: Option<DeviceInfo>,
    pub speaker: Option<DeviceInfo>,
    pub camera: Option<DeviceInfo>,
    pub levels: Levels,
    pub devices: DeviceFigures,
    pub client: ClientFigures,
    /// Camera frames taken since the beginning.
    pub frames_seen: u64,
}
