//! The words between the page and the desk. What is of the protocol stays as it is on the wire; the rest
//! is in the shapes of `ui/src/bridge/types.ts`.

use conclave_wire::{
    AtTheDoor, Command, Layer, LeaveReason, Numbered, ParticipantId, QualityChoice, Refusal,
    RefusalCode, SharedFile, Signs, Welcome, command::Watch, event::Hint, http::CreateRoom,
};
use serde::{Deserialize, Serialize};

use super::{FoundServer, Keys, RoomLink};
use crate::{
    files::TransferError,
    link::{control::OpenError, dial::DialError, http::HttpError},
    media::{
        devices::{DeviceInfo, DeviceKind},
        enhance::Enhancement,
    },
    session::{AskError, JoinError},
};

/// What the page asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Ask {
    /// The first question of a page.
    Hello,
    ReadLink {
        text: String,
    },
    /// Looks for servers on the network, until it is switched off.
    FindServers {
        on: bool,
    },
    /// The person has compared the key and wants this server.
    Trust {
        server: String,
        fingerprint: String,
        name: String,
    },
    /// Which server is asked for its rooms.
    UseServer {
        server: String,
    },
    ForgetServer {
        server: String,
    },
    Servers,
    Recent,
    ForgetRecent {
        slug: String,
        server: String,
    },
    ServerInfo,
    ListRooms,
    ListTemplates,
    LookAtRoom {
        link: RoomLink,
    },
    CreateRoom {
        wish: CreateRoom,
    },
    Join {
        wish: JoinWish,
    },
    GiveUp,
    Leave,
    /// A command of the protocol.
    Do {
        command: Command,
    },
    SetMicrophone {
        on: bool,
    },
    SetCamera {
        on: bool,
    },
    SetSound {
        on: bool,
    },
    ListScreens,
    /// `None` ends it.
    ShareScreen {
        screen: Option<String>,
    },
    ChooseSending {
        choice: QualityChoice,
    },
    WatchCameras {
        watch: Vec<Watch>,
    },
    /// Begins a file that comes piece by piece.
    BeginUpload {
        id: u32,
        name: String,
        size_bytes: u64,
    },
    /// All pieces are there.
    SendUpload {
        id: u32,
    },
    /// A file of this machine.
    Upload {
        id: u32,
        path: String,
    },
    Download {
        id: u32,
        file: SharedFile,
    },
    Pause {
        id: u32,
        paused: bool,
    },
    Cancel {
        id: u32,
    },
    ListDevices,
    ChooseDevice {
        kind: DeviceKind,
        id: Option<String>,
    },
    Enhance {
        enhancement: Enhancement,
    },
    OpenPreview,
    OpenMeter {
        id: u32,
    },
    CloseTry {
        id: u32,
    },
    EchoBack {
        ms: u32,
    },
    PlayTone,
    Settings,
    Keep {
        ask_where: bool,
        start_hidden: bool,
        keys: Keys,
    },
    Notify {
        title: String,
        body: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinWish {
    pub link: RoomLink,
    pub name: String,
    pub password: Option<String>,
    pub sound: bool,
    pub microphone: bool,
    pub camera: bool,
}

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
    },
    Failed {
        why: MediaFailure,
    },
}

impl LocalDevice {
    pub fn is_on(&self) -> bool {
        matches!(self, LocalDevice::On { .. })
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

/// Why the page does not get what it asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Trouble {
    Refusal {
        /// A code of the protocol, or `unreachable`, `untrusted`, `given_up`, `other_version`.
        code: String,
        message: String,
        retry_after_ms: Option<u32>,
    },
    Device {
        why: MediaFailure,
        message: String,
    },
}

/// The code of a server that cannot be understood: it is older or newer than this program.
pub(super) const OTHER_VERSION: &str = "other_version";

impl Trouble {
    /// Whether program and server speak different versions of the protocol.
    pub(super) fn is_of_versions(&self) -> bool {
        matches!(self, Trouble::Refusal { code, .. } if code == OTHER_VERSION)
    }

    pub fn refusal(code: &str, message: impl Into<String>) -> Trouble {
        Trouble::Refusal {
            code: code.to_owned(),
            message: message.into(),
            retry_after_ms: None,
        }
    }

    pub fn invalid(message: impl Into<String>) -> Trouble {
        Trouble::refusal("invalid", message)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Trouble {
        Trouble::Refusal {
            code: code_of(refusal.code),
            retry_after_ms: refusal.retry_after_ms,
            message: refusal.message,
        }
    }
}

impl From<&DialError> for Trouble {
    fn from(error: &DialError) -> Trouble {
        let code = match error {
            DialError::OtherKey { .. } => "untrusted",
            DialError::Insecure { .. }
            | DialError::Unreachable { .. }
            | DialError::Cryptography(_) => "unreachable",
        };
        Trouble::refusal(code, error.to_string())
    }
}

impl From<OpenError> for Trouble {
    fn from(error: OpenError) -> Trouble {
        match error {
            OpenError::Dial(error) => (&error).into(),
            OpenError::Refused(refusal) if refusal.code == RefusalCode::UnsupportedVersion => {
                Trouble::refusal(OTHER_VERSION, refusal.message)
            }
            OpenError::Refused(refusal) => refusal.into(),
            OpenError::Protocol(_) => Trouble::refusal(OTHER_VERSION, error.to_string()),
            OpenError::Late => Trouble::refusal("unreachable", error.to_string()),
        }
    }
}

impl From<JoinError> for Trouble {
    fn from(error: JoinError) -> Trouble {
        match error {
            JoinError::Link(error) => error.into(),
            JoinError::Refused(refusal) => refusal.into(),
            JoinError::Lost | JoinError::Late => Trouble::refusal("unreachable", error.to_string()),
        }
    }
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Trouble {
        match error {
            HttpError::Dial(error) => (&error).into(),
            HttpError::Refused { refusal, .. } => refusal.into(),
            HttpError::Unreadable => Trouble::refusal(OTHER_VERSION, error.to_string()),
            other => Trouble::refusal("unreachable", other.to_string()),
        }
    }
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Trouble {
        match error {
            AskError::Refused(refusal) => refusal.into(),
            AskError::TooMany => Trouble::refusal("too_fast", error.to_string()),
            AskError::Late => Trouble::refusal("timeout", error.to_string()),
            AskError::Ended => Trouble::refusal("seat_unknown", error.to_string()),
        }
    }
}

/// What a person is told of a transfer that ended before its end.
pub(super) fn transfer_failure(error: &TransferError) -> TransferState {
    let code = match error {
        TransferError::Disk(_) => "storage".to_owned(),
        TransferError::Refused(refusal) => code_of(refusal.code),
        TransferError::Unreachable => "unreachable".to_owned(),
        TransferError::Cancelled => return TransferState::Cancelled,
        TransferError::Changed | TransferError::Damaged | TransferError::Protocol => {
            "internal".to_owned()
        }
    };
    TransferState::Failed {
        code,
        text: error.to_string(),
    }
}

/// The stable code, as on the wire.
fn code_of(code: RefusalCode) -> String {
    let word = serde_json::to_value(code).ok();
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    word.unwrap_or_else(|| "internal".to_owned())
}

/// A camera that somebody watches, as the page names it.
pub(super) fn sources(watch: &[Watch]) -> Vec<ParticipantId> {
    watch.iter().map(|watch| watch.source).collect()
}
