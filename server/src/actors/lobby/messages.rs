//! What the lobby can be asked.

use actix::prelude::*;
use conclave_wire::{EndReason, Refusal, SharedFile, Template, http};

use crate::actors::room::RoomActor;

/// Open a new room. Answered after the commit.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<RoomOpened, Refusal>")]
pub struct CreateRoom {
    pub room: http::CreateRoom,
    /// Whether it may have the address of a room that has ended while that one is still kept. Only for
    /// the operator's own room: whoever has the old link would come to the new room.
    pub after_ended: bool,
}

/// Open a room again that has ended and is still kept, with its chat, questions and files. Answered after
/// the commit.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<RoomOpened, Refusal>")]
pub struct ReopenRoom {
    pub slug: String,
    pub host_key: String,
}

/// What only the creator is told; links are made from it where the server's addresses are known.
#[derive(Clone, Debug)]
pub struct RoomOpened {
    pub slug: String,
    pub host_key: String,
    pub room: Addr<RoomActor>,
}

/// `RoomEnded` for a room that is over but still kept, `RoomNotFound` when there was none.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Addr<RoomActor>, Refusal>")]
pub struct FindRoom {
    pub slug: String,
}

/// The built-in templates, and behind them those that were saved, in order of names.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Vec<Template>, Refusal>")]
pub struct ListTemplates;

/// The open rooms, in order of slugs.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Vec<OpenRoom>")]
pub struct ListRooms;

#[derive(Clone, Debug)]
pub struct OpenRoom {
    pub slug: String,
    pub title: String,
    pub room: Addr<RoomActor>,
}

/// Open the rooms of the store again, once, at start. Answers with how many there are.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<usize, Refusal>")]
pub struct RestoreRooms;

/// The file of a share link, and the slug of its room, which may have ended.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(String, SharedFile), Refusal>")]
pub struct FindShareToken {
    pub token: String,
}

/// Everybody is told. With `ServerStopping` rooms stay in the store, with any other reason they end.
/// Answered when each room has told its links. No room opens afterwards.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopAll {
    pub reason: EndReason,
    /// Said to everybody with `ServerStopping`; may be empty.
    pub text: String,
}
