//! The nouns: what a room is made of, as a client sees it.

use serde::{Deserialize, Serialize};

use crate::id::{Cursor, FileId, LineId, NoticeId, ParticipantId};

/// From most to least; the order is the order of the variants.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
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
pub struct MediaState {
    pub microphone: bool,
    pub camera: bool,
    /// False for a second screen in the same room, joined without sound.
    pub sound: bool,
}

/// A person in a room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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

/// How a room is set up. Changed by its host and co-hosts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    pub newcomers: Role,
    pub members_max: u32,
    pub participants: ParticipantsMay,
    pub observers: ObserversMay,
    /// People enter muted: a program leaves the microphone off when its person enters, whatever it was set
    /// to, until they switch it on. The server switches no microphone on by itself, with or without this.
    pub muted_on_entry: bool,
    /// Somebody who may present but is not host, co-host or presenter must be granted the slot.
    pub present_by_asking: bool,
    /// Files, chat and seats are kept so long after the room has ended; 0 keeps nothing.
    pub keep_hours: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            newcomers: Role::Participant,
            members_max: 50,
            participants: ParticipantsMay::default(),
            observers: ObserversMay::default(),
            muted_on_entry: false,
            present_by_asking: true,
            keep_hours: 7 * 24,
        }
    }
}

/// Who presents, who waits for it, whose hands are up: each in order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Floor {
    pub presenter: Option<ParticipantId>,
    pub queue: Vec<ParticipantId>,
    pub hands: Vec<ParticipantId>,
}

/// What kind of line it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
pub struct Notice {
    pub id: NoticeId,
    pub text: String,
    pub at_ms: u64,
}

/// When the meeting ends, and what was announced.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Agenda {
    /// On the room clock (milliseconds since the room was opened); absent without a limit.
    pub ends_at_ms: Option<u64>,
    pub notices: Vec<Notice>,
}

/// The room as a whole: a snapshot, and what events change afterwards.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
}

/// Which suite seals the datagrams of a media session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Suite {
    Aes256Gcm,
    ChaCha20Poly1305,
}

/// Where and how this seat's media travel. A new control link means a new one of these.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
}

/// Why somebody's link or seat ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    Left,
    Kicked,
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
#[serde(rename_all = "snake_case")]
pub enum QualityChoice {
    #[default]
    Auto,
    Low,
    Normal,
    High,
}
