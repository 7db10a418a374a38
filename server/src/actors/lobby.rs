//! One actor per server: it knows the rooms by their slug, opens them and lets them go.

use actix::prelude::*;
use conclave_wire::{EndReason, Refusal, SharedFile, http};

use crate::actors::room::RoomActor;

/// Open a new room.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<RoomOpened, Refusal>")]
pub struct CreateRoom {
    pub room: http::CreateRoom,
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

/// The file of a share link, and the slug of its room.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(String, SharedFile), Refusal>")]
pub struct FindShareToken {
    pub token: String,
}

/// The server stops: everybody is told, rooms stay in the store. Answered when all links were told.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct StopAll {
    pub reason: EndReason,
}

pub struct LobbyActor {}

impl Actor for LobbyActor {
    type Context = Context<Self>;
}

impl Handler<CreateRoom> for LobbyActor {
    type Result = ResponseFuture<Result<RoomOpened, Refusal>>;

    fn handle(&mut self, _: CreateRoom, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(conclave_wire::RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<FindRoom> for LobbyActor {
    type Result = ResponseFuture<Result<Addr<RoomActor>, Refusal>>;

    fn handle(&mut self, _: FindRoom, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(conclave_wire::RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<RestoreRooms> for LobbyActor {
    type Result = ResponseFuture<Result<usize, Refusal>>;

    fn handle(&mut self, _: RestoreRooms, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(conclave_wire::RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<FindShareToken> for LobbyActor {
    type Result = ResponseFuture<Result<(String, SharedFile), Refusal>>;

    fn handle(&mut self, _: FindShareToken, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(conclave_wire::RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<ListRooms> for LobbyActor {
    type Result = Vec<OpenRoom>;

    fn handle(&mut self, _: ListRooms, _: &mut Self::Context) -> Self::Result {
        Vec::new()
    }
}

impl Handler<StopAll> for LobbyActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopAll, _: &mut Self::Context) -> Self::Result {
        Box::pin(async {})
    }
}
