//! What a room can be asked, and what it says to its seats and to the lobby.

use std::sync::Arc;

use actix::prelude::*;
use conclave_wire::{
    Command, Cursor, EncodedOnce, EndReason, FileId, LeaveReason, ParticipantId, Refusal, Role,
    ServerMessage, SharedFile, Welcome,
    http::{RoomEnded, RoomLook},
};

use crate::actors::presenter_slot::PresenterSlotActor;

/// Take a seat, or open one again. Where people wait at the door the answer comes when somebody has let
/// them in or turned them away; until then [`Deliver`] says where they stand. With a `seat` recipient the link is attached: everything after the
/// welcome comes by [`Deliver`], which may arrive before the answer to this message does, so wait for the
/// answer (`ctx.wait`) before reading others. Without one (a join over HTTP) the seat is away until a link
/// resumes it.
#[derive(Message)]
#[rtype(result = "Result<Admitted, Refusal>")]
pub struct EnterRoom {
    pub enter: Entrance,
    pub seat: Option<Recipient<Deliver>>,
    /// The program and its version.
    pub client: String,
}

#[derive(Clone, Debug)]
pub enum Entrance {
    Join {
        name: String,
        password: Option<String>,
        host_key: Option<String>,
        sound: bool,
        /// The secret by which a ban knows the program again.
        device: Option<String>,
        /// SHA-256 of their copy of the film.
        file_hash: Option<String>,
    },
    Resume {
        seat_token: String,
        cursor: Option<Cursor>,
    },
}

#[derive(Debug)]
pub struct Admitted {
    /// Names this link of the seat; messages of an older one are ignored.
    pub attachment: u64,
    pub welcome: Welcome,
    /// Events since the cursor that was given, to be sent right after the welcome.
    pub missed: Vec<Arc<EncodedOnce<ServerMessage>>>,
}

/// A command of a seat. The answer comes by [`Deliver`]. Send with `try_send`.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Act {
    pub id: ParticipantId,
    pub attachment: u64,
    pub reference: u32,
    pub command: Command,
}

/// The link is gone: the seat is away, and kept for a while.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkLost {
    pub id: ParticipantId,
    pub attachment: u64,
    /// Why, for the log.
    pub reason: LeaveReason,
}

/// Round trip of the control link, from heartbeats.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Measured {
    pub id: ParticipantId,
    pub attachment: u64,
    pub round_trip_ms: u32,
}

/// Room to seat: pass these on, in this order. A `Goodbye`, always the last, means: close the link.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver(pub Vec<Arc<EncodedOnce<ServerMessage>>>);

/// Whose token this is, for HTTP requests and screen links.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<SeatPass, Refusal>")]
pub struct AuthenticateSeat {
    pub token: String,
}

#[derive(Clone)]
pub struct SeatPass {
    pub id: ParticipantId,
    pub role: Role,
    pub name: String,
    pub slot: Addr<PresenterSlotActor>,
    pub may_share_files: bool,
    /// Whether this seat holds the presenter slot now.
    pub presenting: bool,
}

/// Claim room for a file that is about to be uploaded.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct ReserveFile {
    pub owner: ParticipantId,
    pub size_bytes: u64,
    pub name: String,
}

/// Give the claim back: the upload was given up.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct ReleaseFile {
    pub owner: ParticipantId,
    pub size_bytes: u64,
}

/// The file stands, whole and checked: show it to everybody. Uses up its reservation. Answered after
/// the commit.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<SharedFile, Refusal>")]
pub struct ShareFile {
    pub owner: ParticipantId,
    pub name: String,
    pub size_bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub share_token: String,
}

#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<SharedFile, Refusal>")]
pub struct FindFile {
    pub file: FileId,
}

/// What a stranger may know.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "RoomLook")]
pub struct DescribeRoom;

/// End the meeting. Answered after the commit.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<RoomEnded, Refusal>")]
pub struct EndRoomBy {
    pub key: EndKey,
}

#[derive(Clone, Debug)]
pub enum EndKey {
    /// The token of a seat that may end the room.
    Seat(String),
    /// The host key.
    Host(String),
}

/// Lobby to room. With `ServerStopping` links end and the room stays in the store; with any other reason
/// it ends for good.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopRoom {
    pub reason: EndReason,
    /// Said to everybody with `ServerStopping`; may be empty.
    pub text: String,
}

/// Room to lobby: the room is over, its address answers no more.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct RoomClosed {
    pub slug: String,
    /// `None` when the server stops: the room will open again.
    pub ended: Option<EndReason>,
}
