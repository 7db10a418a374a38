//! Whoever has a seat acts with its token, and goes the way of every command: to the room, by its rules.

use actix::Addr;
use actix_web::HttpRequest;
use conclave_wire::{Command, Refusal, RefusalCode, command::Reply};

use super::{ask, bearer};
use crate::{
    actors::{
        lobby::{FindRoom, VisitRoom},
        room::{ActFor, DescribeFor, RoomActor, SeatView},
    },
    auth::token,
    gateway::upgrade::check_origin,
    server::AppState,
};

/// The room of that address.
///
/// # Errors
/// `RoomNotFound`, `RoomEnded`, `Stopping`.
pub(super) async fn find(state: &AppState, slug: &str) -> Result<Addr<RoomActor>, Refusal> {
    let slug = slug.to_owned();
    ask(state.lobby.send(FindRoom { slug })).await?
}

/// As [`find`], for somebody who has opened the room's link: where the operator allows it, that opens a room
/// that was never there.
///
/// # Errors
/// As [`find`]; `TooManyRooms`.
pub(super) async fn visit(state: &AppState, slug: &str) -> Result<Addr<RoomActor>, Refusal> {
    let slug = slug.to_owned();
    ask(state.lobby.send(VisitRoom { slug })).await?
}

/// Does what the seat of the request's token asks for.
///
/// # Errors
/// Whatever the command is refused with on a control link.
pub(super) async fn act(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
    command: Command,
) -> Result<Reply, Refusal> {
    check_origin(request)?;
    let (room, token) = seat(request, state, slug).await?;
    ask(room.send(ActFor { token, command })).await?
}

/// The room as the seat of the request's token sees it.
///
/// # Errors
/// `SeatUnknown`, and why there is no such room.
pub(super) async fn view(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
) -> Result<SeatView, Refusal> {
    let (room, token) = seat(request, state, slug).await?;
    ask(room.send(DescribeFor { token })).await?
}

/// The room, and the token that is shown to it.
pub(super) async fn seat(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
) -> Result<(Addr<RoomActor>, String), Refusal> {
    let room = find(state, slug).await?;
    let token = bearer(request.headers()).ok_or(RefusalCode::SeatUnknown)?;
    match token::room_of(token) == Some(slug) {
        true => Ok((room, token.to_owned())),
        false => Err(RefusalCode::SeatUnknown.into()),
    }
}
