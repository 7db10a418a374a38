//! What the page is told.

use conclave_wire::{
    AtTheDoor, Cursor, Layer, LeaveReason, Numbered, Pulse, QualityChoice, RoomState, Signs,
    Welcome, event::Hint,
};
use serde::Serialize;

use crate::{
    desk::{FilmShown, FoundServer, SettingsTrouble},
    media::devices::{DeviceInfo, DeviceKind},
};

/// What the page is told.
#[derive(Clone, Debug, Serialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Told {
    Waiting {
        door: AtTheDoor,
    },
    Welcome {
        welcome: Box<Welcome>,
    },
    Events {
        events: Vec<Numbered>,
    },
    /// Too much was missed to be told one by one: the room as it is. Events up to the cursor are in it.
    Snapshot {
        cursor: Cursor,
        state: Box<RoomState>,
    },
    Signs {
        signs: Signs,
    },
    Link {
        link: LinkState,
    },
    /// The room clock of now.
    Clock {
        room_clock_ms: u64,
    },
    /// How the shared clock and the film stand, said again.
    Pulse {
        pulse: Pulse,
    },
    Media {
        media: LocalMedia,
    },
    Quality {
        figures: Figures,
    },
    Screen {
        screen: ScreenState,
    },
    Transfer {
        transfer: Transfer,
    },
    /// How our copy of the film does, in a player with a window of its own.
    Film {
        id: u32,
        film: Box<FilmShown>,
    },
    Ended {
        reason: EndReason,
        text: String,
    },
    /// Outside of meetings: a link was opened, servers were found, devices changed, a meter moves.
    Opened {
        link: String,
    },
    Servers {
        servers: Vec<FoundServer>,
    },
    Devices,
    /// Why what is set is not on the disk; nothing when it is there again.
    Settings {
        trouble: Option<SettingsTrouble>,
    },
    Note {
        note: DeviceNote,
    },
    Level {
        id: u32,
        level: f32,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(
    tag = "state",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum LinkState {
    Up,
    Lost { retry_in_ms: u32, attempt: u32 },
}

/// Why a device is not on though it was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaFailure {
    Refused,
    None,
    Busy,
    Unplugged,
    Cancelled,
    Unsupported,
    MutedByHost,
    Failed,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LocalDevice {
    #[default]
    Off,
    Starting,
    On {
        device: Option<String>,
        label: String,
        /// Why nothing comes of it now, in a sentence; it is tried again.
        #[serde(skip_serializing_if = "Option::is_none")]
        failing: Option<String>,
    },
    Failed {
        why: MediaFailure,
        /// What we say of it, in a sentence that says what to do.
        #[serde(skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
}

impl LocalDevice {
    pub fn is_on(&self) -> bool {
        matches!(self, LocalDevice::On { .. })
    }

    /// Off, though it was asked for; `said` is a sentence that says what to do.
    pub fn failed(why: MediaFailure, said: impl ToString) -> LocalDevice {
        LocalDevice::Failed {
            why,
            said: Some(said.to_string()),
        }
    }
}

/// All of what is ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalMedia {
    pub microphone: LocalDevice,
    pub camera: LocalDevice,
    pub screen: LocalDevice,
    pub sound: bool,
    /// 0 is silence, 1 as loud as it goes, even to the ear.
    pub level: f32,
    pub talking_while_muted: bool,
    pub sound_blocked: bool,
    pub send: QualityChoice,
    pub publishing: Vec<Layer>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub round_trip_ms: Option<u32>,
    pub jitter_ms: Option<u32>,
    pub loss_permille: Option<u32>,
    pub receive_kbps: u32,
    pub send_kbps: u32,
    /// `udp`, `tcp` or `none`.
    pub path: &'static str,
    pub hint: Option<Hint>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ScreenState {
    None,
    Waiting,
    Shown { width: u32, height: u32 },
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TransferState {
    Waiting,
    Hashing,
    Going,
    Paused,
    Interrupted,
    Done,
    Cancelled,
    Failed { code: String, text: String },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    pub id: u32,
    /// `up` or `down`.
    pub direction: &'static str,
    pub name: String,
    pub size_bytes: u64,
    pub done_bytes: u64,
    pub bytes_per_second: u64,
    pub file: Option<u32>,
    pub state: TransferState,
}

/// Why a meeting is over: the server's reason, or that it does not answer any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EndReason {
    Said(LeaveReason),
    Bridge(&'static str),
}

/// What happened to a device, for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum DeviceNote {
    Appeared {
        device: DeviceInfo,
    },
    FellBack {
        kind: DeviceKind,
        lost: String,
        instead: Option<String>,
    },
    Returned {
        name: String,
    },
    Failing {
        kind: DeviceKind,
        text: String,
    },
    Working {
        name: String,
    },
}
