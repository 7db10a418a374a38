//! Bodies of the HTTP interface, in JSON. A refusal has its code's status and a [`crate::Refusal`]
//! as its body.

use serde::{Deserialize, Serialize};

use crate::{
    id::ParticipantId,
    model::{EndReason, Role, Settings},
    template::Template,
};

/// `POST /api/rooms`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct CreateRoom {
    pub title: String,
    /// Made from the title when absent.
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub slug: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
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
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomCreated {
    pub slug: String,
    /// For everybody: `https://host:port/r/slug#k=fingerprint`.
    pub join_link: String,
    /// For the creator alone: the same with `&h=host key`.
    pub host_link: String,
    pub host_key: String,
}

/// Answer to `GET /api/server`: what the page shows before anybody has entered a room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomList {
    pub rooms: Vec<RoomLook>,
}

/// Answer to `GET /api/rooms/{slug}`: what a stranger may know before joining.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
}

/// Answer to `GET /api/templates`: the built-in ones, and behind them those that were saved, by name.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct TemplateList {
    pub templates: Vec<Template>,
}

/// `POST /api/rooms/{slug}/join`: takes a seat, which waits for its control link.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct JoinRoom {
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub password: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub host_key: Option<String>,
    /// As in [`crate::message::Enter::Join`].
    #[serde(default)]
    #[cfg_attr(feature = "bindings", ts(optional = nullable))]
    pub device: Option<String>,
}

/// Answer to `POST /api/rooms/{slug}/join`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Joined {
    pub participant: ParticipantId,
    pub role: Role,
    pub seat_token: String,
}

/// Answer to `DELETE /api/rooms/{slug}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct RoomEnded {
    pub slug: String,
    pub members: u32,
    pub duration_ms: u64,
}
