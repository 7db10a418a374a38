//! The nouns: what a room is made of, as a client sees it.

use serde::{Deserialize, Serialize};

use crate::{
    film::{Film, Pulse},
    id::{Cursor, FileId, LineId, NoticeId, ParticipantId, WaitingId},
    question::{Mine, Question},
    study::Study,
};

/// The version of [`Settings`] that this crate writes. Settings of a newer one are refused.
pub const SETTINGS_VERSION: u32 = 1;

/// From most to least; the order is the order of the variants.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Host,
    CoHost,
    Presenter,
    Participant,
    Observer,
}

/// What a person has switched on. A microphone that the host has muted is not `microphone`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct MediaState {
    pub microphone: bool,
    pub camera: bool,
    /// False for a second screen in the same room, joined without sound.
    pub sound: bool,
}

/// A person in a room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Member {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub media: MediaState,
    /// Muted by a host, and may not unmute until the host allows it.
    pub held_mute: bool,
    /// The link is lost; the seat is kept for a while.
    pub away: bool,
    /// Milliseconds since the Unix epoch.
    pub joined_at_ms: u64,
}

/// What participants may do without being given a higher role.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct ParticipantsMay {
    pub present: bool,
    pub speak: bool,
    pub chat: bool,
    pub files: bool,
    pub timer: bool,
    pub film: bool,
}

impl Default for ParticipantsMay {
    fn default() -> Self {
        ParticipantsMay {
            present: true,
            speak: true,
            chat: true,
            files: true,
            timer: true,
            film: true,
        }
    }
}

/// What observers may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct ObserversMay {
    pub react: bool,
    pub vote: bool,
    pub ask: bool,
}

impl Default for ObserversMay {
    fn default() -> Self {
        ObserversMay {
            react: true,
            vote: true,
            ask: true,
        }
    }
}

/// How questions are taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct QuestionSettings {
    /// Whether any are taken.
    pub open: bool,
    /// Whether they may be asked without a name.
    pub anonymous: bool,
    /// Whether somebody who may answer must let each be seen first.
    pub reviewed: bool,
}

/// How long the spans of the shared clock are (P1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct TimerPlan {
    pub focus_minutes: u32,
    pub short_break_minutes: u32,
    pub long_break_minutes: u32,
    /// Spans of focus until the long break.
    pub cycles: u32,
    /// After a break the next span of focus starts by itself; else it waits for somebody to start it.
    pub focus_starts_itself: bool,
    /// Who is not host or co-host is muted while the room focuses, and unmutes again in the break.
    pub focus_mutes: bool,
    /// Programs show no banners while the room focuses.
    pub hush_banners: bool,
}

impl Default for TimerPlan {
    fn default() -> Self {
        TimerPlan {
            focus_minutes: 25,
            short_break_minutes: 5,
            long_break_minutes: 15,
            cycles: 4,
            focus_starts_itself: false,
            focus_mutes: false,
            hush_banners: true,
        }
    }
}

/// How a room is set up. Changed by its host and co-hosts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct Settings {
    /// [`SETTINGS_VERSION`] of whoever wrote them.
    pub version: u32,
    pub newcomers: Role,
    /// People wait at the door until they are let in, but for who has the host key.
    pub waiting_room: bool,
    pub members_max: u32,
    pub participants: ParticipantsMay,
    pub observers: ObserversMay,
    /// People enter muted: a program leaves the microphone off when its person enters, whatever it was set
    /// to, until they switch it on. The server switches no microphone on by itself, with or without this.
    pub muted_on_entry: bool,
    /// Whether participants and observers who enter muted may unmute themselves; else a host allows it.
    pub may_unmute: bool,
    /// Somebody who may present but is not host, co-host or presenter must be granted the slot.
    pub present_by_asking: bool,
    pub questions: QuestionSettings,
    /// The plan of the shared clock; `None` for a room without one.
    pub timer: Option<TimerPlan>,
    /// Cameras show how everybody sits there, and no more: a picture of 160 by 90 pixels every 8 s.
    pub quiet_company: bool,
    /// Whether the room watches films together.
    pub film: bool,
    /// Whether who joins must have the very film that is open.
    pub film_strict: bool,
    /// Files, chat and seats are kept so long after the room has ended; 0 keeps nothing.
    pub keep_hours: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            version: SETTINGS_VERSION,
            newcomers: Role::Participant,
            waiting_room: false,
            members_max: 50,
            participants: ParticipantsMay::default(),
            observers: ObserversMay::default(),
            muted_on_entry: false,
            may_unmute: true,
            present_by_asking: true,
            questions: QuestionSettings::default(),
            timer: None,
            quiet_company: false,
            film: false,
            film_strict: false,
            keep_hours: 7 * 24,
        }
    }
}

/// Who presents, who waits for it, whose hands are up: each in order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Floor {
    pub presenter: Option<ParticipantId>,
    pub queue: Vec<ParticipantId>,
    pub hands: Vec<ParticipantId>,
}

/// Somebody at the door.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Waiter {
    pub id: WaitingId,
    pub name: String,
    /// Milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// What somebody at the door is told, and told again when their place changes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct AtTheDoor {
    /// The title of the room.
    pub title: String,
    /// 1 is next.
    pub position: u32,
    /// Keep it: after a lost link it brings back the place, or the seat when it was given meanwhile.
    pub seat_token: String,
}

/// What kind of line it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum LineKind {
    /// Somebody wrote it.
    Said,
    /// The room says it.
    System,
    /// Somebody shared this file.
    File { file: FileId },
}

/// A line of chat. Text is plain, with the marks of safe formatting (`*bold*`, `_italic_`,
/// `` `code` ``) left for the reader's program.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Line {
    pub id: LineId,
    pub from: ParticipantId,
    /// The name at the time, so that lines of people who are gone still say whose they are.
    pub name: String,
    pub kind: LineKind,
    pub text: String,
    pub at_ms: u64,
    /// Taken back by its author or a host; `text` is empty then.
    pub deleted: bool,
}

/// A finished file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct SharedFile {
    pub id: FileId,
    pub owner: ParticipantId,
    pub name: String,
    pub size_bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub shared_at_ms: u64,
    /// Unguessable; downloads work with it alone, until it is revoked or the file is gone.
    pub share_token: Option<String>,
}

/// What a host or the operator tells everybody.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Notice {
    pub id: NoticeId,
    pub text: String,
    pub at_ms: u64,
}

/// When the meeting ends, and what was announced.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Agenda {
    /// On the room clock (milliseconds since the room was opened); absent without a limit.
    pub ends_at_ms: Option<u64>,
    pub notices: Vec<Notice>,
}

/// The room as a whole: a snapshot, and what events change afterwards.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomState {
    pub slug: String,
    pub title: String,
    pub locked: bool,
    pub has_password: bool,
    pub settings: Settings,
    /// In order of ids.
    pub members: Vec<Member>,
    pub floor: Floor,
    /// The newest lines, in order; older ones by `Command::ListLines`.
    pub lines: Vec<Line>,
    /// In order of ids.
    pub files: Vec<SharedFile>,
    pub agenda: Agenda,
    /// Who everybody shall see large.
    #[serde(default)]
    pub spotlight: Option<ParticipantId>,
    /// Who waits at the door, in order; empty for those who may not let them in.
    #[serde(default)]
    pub waiting: Vec<Waiter>,
    /// Those that one may see, in order of ids.
    #[serde(default)]
    pub questions: Vec<Question>,
    #[serde(default)]
    pub mine: Mine,
    #[serde(default)]
    pub study: Study,
    #[serde(default)]
    pub film: Film,
}

/// Which suite seals the datagrams of a media session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Suite {
    Aes256Gcm,
    ChaCha20Poly1305,
}

/// Where and how this seat's media travel. A new control link means a new one of these.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct MediaSession {
    /// `address:port`, IPv6 in brackets; tried in parallel.
    pub addresses: Vec<String>,
    /// 64 bits, as 16 hexadecimal digits: it names the sender in every datagram.
    pub session: String,
    pub suite: Suite,
    /// 256 bits, as 64 hexadecimal digits. Keys are derived from it, it is never used itself.
    pub secret: String,
}

/// What a person is told when they are in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Welcome {
    pub you: ParticipantId,
    pub role: Role,
    /// Keep it: it opens the seat again after a lost link, and authorises HTTP and screen links.
    pub seat_token: String,
    pub cursor: Cursor,
    /// Present unless the events since the cursor follow instead.
    pub snapshot: Option<RoomState>,
    pub media: MediaSession,
    /// The room clock now, in milliseconds since the room was opened.
    pub room_clock_ms: u64,
    /// Beats are expected at least this often.
    pub beat_interval_ms: u32,
    /// The host's own secret, only for the host, so that they can come back as host elsewhere.
    pub host_key: Option<String>,
    /// How clock and film stand; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub pulse: Option<Pulse>,
}

/// Why somebody's link or seat ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    Left,
    Kicked,
    /// Taken out, and not to come back to this meeting.
    Banned,
    LinkLost,
    /// The same seat was opened by another link.
    TakenOver,
    /// It did not read fast enough, or flooded.
    TooSlow,
    Flooding,
    RoomEnded,
    ServerStopping,
}

/// Why a meeting ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    HostEnded,
    TimeLimit,
    Idle,
    OperatorEnded,
    ServerStopping,
}

/// A camera layer by its height.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Thumbnail,
    Normal,
    Large,
}

impl Layer {
    pub const ALL: [Layer; 3] = [Layer::Thumbnail, Layer::Normal, Layer::Large];

    /// Picture height in pixels.
    pub const fn height_px(self) -> u32 {
        match self {
            Layer::Thumbnail => 180,
            Layer::Normal => 360,
            Layer::Large => 720,
        }
    }
}

/// A person's choice of picture quality.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum QualityChoice {
    #[default]
    Auto,
    Low,
    Normal,
    High,
}
