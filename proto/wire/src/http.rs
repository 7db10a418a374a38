//! Bodies of the HTTP interface, in JSON. A refusal has its code's status and a [`crate::Refusal`]
//! as its body.

use serde::{Deserialize, Serialize};

use crate::{
    film::Film,
    id::ParticipantId,
    model::{EndReason, Role, Settings, TimerPlan},
    study::StudyClock,
    template::Template,
};

pub mod spelling;

/// `POST /api/rooms`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct CreateRoom {
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: String,
    /// Made from the title when absent.
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 50, pattern = "^[a-z0-9-]{1,50}$")
    )]
    pub slug: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    #[cfg_attr(feature = "openapi", schema(max_length = 72))]
    pub password: Option<String>,
    /// Not looked at when a template is named.
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional, as = "Option<Settings>"))]
    pub settings: Settings,
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub time_limit_ms: Option<u64>,
    /// The name of the template that the room is set up by.
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub template: Option<String>,
}

/// Answer to `POST /api/rooms`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomCreated {
    pub slug: String,
    /// For everybody: `https://host:port/r/slug#k=fingerprint`.
    #[serde(alias = "join_url")]
    pub join_link: String,
    /// For the creator alone: the same with `&h=host key`.
    #[serde(alias = "host_url")]
    pub host_link: String,
    pub host_key: String,
}

/// Answer to `GET /api/server`: what the page shows before anybody has entered a room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct ServerInfo {
    pub version: String,
    /// Whether `GET /api/rooms` lists the rooms that are open.
    pub lists_rooms: bool,
    /// The largest file that may be shared.
    pub file_bytes_max: u64,
    pub organisation: Organisation,
}

/// Whose server it is; all of it may be empty.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Organisation {
    pub name: String,
    /// `#rrggbb`, from which the page makes its accents.
    pub colour: Option<String>,
    /// Whether there is a picture at `/logo`.
    pub has_logo: bool,
}

/// Answer to `GET /api/rooms`, in order of their titles.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomList {
    pub rooms: Vec<RoomLook>,
}

/// Answer to `GET /api/rooms/{slug}`: what a stranger may know before joining.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomLook {
    pub slug: String,
    pub title: String,
    pub has_password: bool,
    pub locked: bool,
    pub members: u32,
    pub members_max: u32,
    pub ended: Option<EndReason>,
    /// People wait at its door until they are let in.
    #[serde(default)]
    pub waiting_room: bool,
    /// Who joins must name the SHA-256 of the film that is open there.
    #[serde(default)]
    pub film_strict: bool,
}

/// Answer to `GET /api/templates`: the built-in ones, and behind them those that were saved, by name.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct TemplateList {
    pub templates: Vec<Template>,
}

/// `POST /api/rooms/{slug}/join`: takes a seat, which waits for its control link.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct JoinRoom {
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    #[cfg_attr(feature = "openapi", schema(max_length = 72))]
    pub password: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub host_key: Option<String>,
    /// As in [`crate::message::Enter::Join`].
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub device: Option<String>,
    /// As in [`crate::message::Enter::Join`].
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub file_hash: Option<String>,
}

/// Answer to `GET /api/rooms/{slug}/timer` and `POST /api/rooms/{slug}/timer/reset`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct TimerLook {
    pub clock: StudyClock,
    /// What is left of the span now.
    pub left_ms: u64,
    pub goal: String,
    pub focus_ms: u64,
    pub plan: Option<TimerPlan>,
    pub room_clock_ms: u64,
}

/// Answer to `GET /api/rooms/{slug}/film`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct FilmLook {
    pub film: Film,
    /// Where it should be now.
    pub position_ms: u64,
    pub room_clock_ms: u64,
}

/// Answer to `POST /api/rooms/{slug}/join`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Joined {
    #[serde(alias = "participant_id")]
    pub participant: ParticipantId,
    pub role: Role,
    pub seat_token: String,
}

/// Answer to `DELETE /api/rooms/{slug}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomEnded {
    pub slug: String,
    pub members: u32,
    pub duration_ms: u64,
}
