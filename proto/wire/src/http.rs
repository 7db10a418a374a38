//! Bodies of the HTTP interface, in JSON. A refusal has its code's status and a [`crate::Refusal`]
//! as its body.

use serde::{Deserialize, Serialize};

use crate::{
    id::ParticipantId,
    model::{EndReason, Role, Settings},
};

/// `POST /api/rooms`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CreateRoom {
    pub title: String,
    /// Made from the title when absent.
    #[serde(default)]
    pub slug: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
    #[serde(default)]
    pub settings: Settings,
    #[serde(default)]
    pub time_limit_ms: Option<u64>,
}

/// Answer to `POST /api/rooms`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RoomCreated {
    pub slug: String,
    /// For everybody: `https://host:port/r/slug#k=fingerprint`.
    pub join_link: String,
    /// For the creator alone: the same with `&h=host key`.
    pub host_link: String,
    pub host_key: String,
}

/// Answer to `GET /api/rooms/{slug}`: what a stranger may know before joining.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RoomLook {
    pub slug: String,
    pub title: String,
    pub has_password: bool,
    pub locked: bool,
    pub members: u32,
    pub members_max: u32,
    pub ended: Option<EndReason>,
}

/// `POST /api/rooms/{slug}/join`: takes a seat, which waits for its control link.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JoinRoom {
    pub name: String,
    #[serde(default)]
    pub password: Option<String>,
    #[serde(default)]
    pub host_key: Option<String>,
}

/// Answer to `POST /api/rooms/{slug}/join`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Joined {
    pub participant: ParticipantId,
    pub role: Role,
    pub seat_token: String,
}

/// Answer to `DELETE /api/rooms/{slug}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RoomEnded {
    pub slug: String,
    pub members: u32,
    pub duration_ms: u64,
}
