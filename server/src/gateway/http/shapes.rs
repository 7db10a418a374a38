//! Bodies of the interface that are nowhere else: names are spelled `likeThis` on the wire, and `like_this`
//! here; what turns one into the other is `conclave_wire::http::spelling`.

use conclave_wire::{
    FileId, Floor, Line, LineId, Member, ParticipantId, Question, QuestionId, Role, Settings,
    SharedFile,
    http::{CreateRoom, RoomLook},
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    pub success: bool,
}

/// A room that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewRoom {
    #[serde(flatten)]
    pub room: CreateRoom,
    /// In the place of `settings.membersMax`.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub max_participants: Option<u32>,
}

/// A room that was made; the host's link and key are for its creator alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoomMade {
    /// The room's address: what all paths call `slug`.
    pub room_id: String,
    pub slug: String,
    /// For everybody.
    pub join_url: String,
    pub host_url: String,
    pub host_key: String,
}

/// A room: for strangers what they may know, for its people more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoomDetails {
    pub room: RoomLook,
    pub is_active: bool,
    /// Who is there; only for people in the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<Member>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// Milliseconds since the room was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_clock_ms: Option<u64>,
}

/// What is to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub struct ChangeRoom {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    #[serde(default)]
    pub locked: Option<bool>,
    /// `null` takes the password away.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 72)]
    pub password: Option<Option<String>>,
    /// Any part of the settings.
    #[serde(default)]
    #[schema(value_type = Option<Settings>)]
    pub settings: Option<serde_json::Value>,
}

/// A seat that was taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SeatTaken {
    pub participant_id: ParticipantId,
    pub role: Role,
    /// Keep it: it acts for the seat.
    pub seat_token: String,
    pub room_details: RoomDetails,
}

/// How a meeting went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SessionStats {
    pub max_concurrent_participants: u64,
    pub total_participants: u64,
    pub total_messages: u64,
    pub total_questions: u64,
    pub session_duration_minutes: u64,
}

/// A room that was ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoomOver {
    pub success: bool,
    /// `null` of a room that keeps nothing.
    pub session_stats: Option<SessionStats>,
    pub slug: String,
    /// Who was there at the end.
    pub members: u32,
    pub duration_ms: u64,
}

/// What a program needs to open the seat's control link, and with it sound and picture.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LinkPass {
    pub participant_id: ParticipantId,
    pub role: Role,
    pub name: String,
    pub control_url: String,
    pub screen_url: String,
    pub media_url: String,
    /// Of the control link; choose one.
    pub subprotocols: Vec<String>,
    /// The first message on a control link with `conclave.1.json`. Its answer holds the media session.
    pub hello: String,
}

/// What somebody has switched on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OwnMedia {
    pub microphone: bool,
    pub camera: bool,
    pub sound: bool,
    /// Muted by a host, and may not unmute.
    pub held_mute: bool,
}

/// A command of the protocol, as on a control link; its names may be spelled either way.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AnyCommand {
    /// The command, in words such as `raise_hand`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<serde_json::Value>,
}

/// What came of a command.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandDone {
    pub success: bool,
    /// `{type, payload}` as on a control link.
    #[schema(value_type = Object)]
    pub reply: conclave_wire::command::Reply,
}

/// A page of chat, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MessagePage {
    pub messages: Vec<Line>,
    /// Whether there are older ones.
    pub has_more: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewMessage {
    #[schema(min_length = 1, max_length = 4096)]
    pub text: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MessageSaid {
    pub message_id: LineId,
}

/// The questions that one may see, most votes first, then the oldest; and which are one's own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct QuestionPage {
    pub questions: Vec<Question>,
    pub asked: Vec<QuestionId>,
    pub voted: Vec<QuestionId>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewQuestion {
    #[serde(alias = "text")]
    #[schema(min_length = 1, max_length = 2000)]
    pub question: String,
    #[serde(default)]
    pub anonymous: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct QuestionAsked {
    pub question_id: QuestionId,
}

/// `false` takes a vote back.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewVote {
    #[serde(default = "yes")]
    pub voted: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Voted {
    pub votes: u32,
}

/// `null` for a question that was answered live.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewAnswer {
    #[schema(min_length = 1, max_length = 4096)]
    pub answer: Option<String>,
}

/// What is to change about a question; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeQuestion {
    #[serde(default)]
    pub pinned: Option<bool>,
    #[serde(default)]
    pub hidden: Option<bool>,
    /// `true` lets a question in review be seen.
    #[serde(default)]
    pub approved: Option<bool>,
}

/// What runs in a room.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Timers {
    /// Milliseconds since the room was opened, now.
    pub room_clock_ms: u64,
    /// `null` without a limit.
    pub time_limit: Option<TimeLimit>,
}

/// When the meeting ends.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TimeLimit {
    /// On the room clock.
    pub ends_at_ms: u64,
    pub left_ms: u64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewTimeLimit {
    /// Milliseconds from now; `null` lifts the limit.
    pub in_ms: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FileList {
    pub files: Vec<FileEntry>,
}

/// A file that was shared.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FileEntry {
    #[serde(flatten)]
    pub file: SharedFile,
    /// Where it is.
    pub download_path: String,
}

impl FileEntry {
    pub fn of(slug: &str, file: SharedFile) -> FileEntry {
        let FileId(id) = file.id;
        FileEntry {
            download_path: format!("/api/rooms/{slug}/files/{id}"),
            file,
        }
    }
}

fn yes() -> bool {
    true
}

/// Tells `null` from what is absent.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}
