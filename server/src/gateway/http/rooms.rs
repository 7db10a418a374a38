//! Rooms over HTTP: create, look, join, end.

use std::{net::IpAddr, sync::Arc};

use actix::Addr;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    web,
};
use conclave_wire::{
    Refusal, RefusalCode,
    http::{CreateRoom, JoinRoom, Joined, RoomCreated, RoomEnded, RoomLook, TemplateList},
};
use serde::Serialize;

use super::{ask, bearer, deadline, limits::Attempt, refused, server_info};
use crate::{
    actors::{
        lobby::{self, FindRoom, ListTemplates, ReopenRoom, RoomOpened},
        room::{DescribeRoom, EndKey, EndRoomBy, EnterRoom, Entrance, RoomActor},
    },
    auth::token,
    gateway::upgrade::check_origin,
    server::AppState,
};

/// What a program calls itself, in bytes, as the operator sees it.
const CLIENT_BYTES_MAX: usize = 100;

type State = web::Data<Arc<AppState>>;

/// The rooms part of the interface.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/rooms")
            .wrap(from_fn(deadline))
            .route(web::get().to(server_info::list))
            .route(web::post().to(create)),
    )
    .service(
        web::resource("/api/rooms/{slug}")
            .wrap(from_fn(deadline))
            .route(web::get().to(look))
            .route(web::delete().to(end)),
    )
    .service(
        web::resource("/api/rooms/{slug}/join")
            .wrap(from_fn(deadline))
            .route(web::post().to(join)),
    )
    .service(
        web::resource("/api/rooms/{slug}/reopen")
            .wrap(from_fn(deadline))
            .route(web::post().to(reopen)),
    )
    .service(
        web::resource("/api/templates")
            .wrap(from_fn(deadline))
            .route(web::get().to(templates)),
    );
}

async fn create(request: HttpRequest, state: State, body: web::Json<CreateRoom>) -> HttpResponse {
    answer(
        StatusCode::CREATED,
        make(&request, &state, body.into_inner()).await,
    )
}

async fn make(
    request: &HttpRequest,
    state: &AppState,
    room: CreateRoom,
) -> Result<RoomCreated, Refusal> {
    check_origin(request)?;
    if !state.config.anybody_makes_rooms {
        return Err(RefusalCode::CreationForbidden.into());
    }
    state.limits.spend(peer(request)?, Attempt::MakeRoom)?;
    let opened = ask(state.lobby.send(lobby::CreateRoom {
        room,
        after_ended: false,
    }))
    .await??;
    Ok(created(state, opened))
}

fn created(state: &AppState, opened: RoomOpened) -> RoomCreated {
    RoomCreated {
        join_link: state.links.join(&opened.slug),
        host_link: state.links.host(&opened.slug, &opened.host_key),
        slug: opened.slug,
        host_key: opened.host_key,
    }
}

async fn reopen(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    answer(StatusCode::OK, open_again(&request, &state, &slug).await)
}

/// Opens a room again that has ended and is still kept, for whoever has its host key.
async fn open_again(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
) -> Result<RoomCreated, Refusal> {
    check_origin(request)?;
    let address = peer(request)?;
    state.limits.spend(address, Attempt::MakeRoom)?;
    state.limits.may_try_secret(address)?;
    let host_key = bearer(request).ok_or(RefusalCode::HostKeyWrong)?.to_owned();
    let slug = slug.to_owned();
    let opened = ask(state.lobby.send(ReopenRoom { slug, host_key })).await?;
    counted(state, address, opened).map(|opened| created(state, opened))
}

async fn templates(state: State) -> HttpResponse {
    let listed = async { ask(state.lobby.send(ListTemplates)).await? };
    let listed = listed.await.map(|templates| TemplateList { templates });
    answer(StatusCode::OK, listed)
}

async fn look(slug: web::Path<String>, state: State) -> HttpResponse {
    let look = async {
        let room = find(&state, &slug).await?;
        ask(room.send(DescribeRoom)).await
    };
    answer::<RoomLook>(StatusCode::OK, look.await)
}

async fn join(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<JoinRoom>,
) -> HttpResponse {
    answer(
        StatusCode::CREATED,
        take_seat(&request, &state, &slug, body.into_inner()).await,
    )
}

async fn take_seat(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
    who: JoinRoom,
) -> Result<Joined, Refusal> {
    check_origin(request)?;
    let address = peer(request)?;
    state.limits.spend(address, Attempt::Join)?;
    if who.password.is_some() || who.host_key.is_some() {
        state.limits.may_try_secret(address)?;
    }
    let room = find(state, slug).await?;
    let enter = EnterRoom {
        enter: Entrance::Join {
            name: who.name,
            password: who.password,
            host_key: who.host_key,
            sound: true,
            device: who.device,
        },
        seat: None,
        client: client(request),
    };
    let admitted = ask(room.send(enter)).await?;
    let welcome = counted(state, address, admitted)?.welcome;
    Ok(Joined {
        participant: welcome.you,
        role: welcome.role,
        seat_token: welcome.seat_token,
    })
}

async fn end(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    answer::<RoomEnded>(StatusCode::OK, close(&request, &state, &slug).await)
}

/// Ends a room for whoever has the token of a seat that may, or the host key.
async fn close(request: &HttpRequest, state: &AppState, slug: &str) -> Result<RoomEnded, Refusal> {
    check_origin(request)?;
    let address = peer(request)?;
    state.limits.may_try_secret(address)?;
    let secret = bearer(request).ok_or(RefusalCode::SeatUnknown)?.to_owned();
    let room = find(state, slug).await?;
    // Seat tokens name their room, host keys do not.
    let key = match token::room_of(&secret) {
        Some(_) => EndKey::Seat(secret),
        None => EndKey::Host(secret),
    };
    let ended = ask(room.send(EndRoomBy { key })).await?;
    counted(state, address, ended)
}

async fn find(state: &AppState, slug: &str) -> Result<Addr<RoomActor>, Refusal> {
    let slug = slug.to_owned();
    ask(state.lobby.send(FindRoom { slug })).await?
}

/// Counts a wrong secret against the address that tried it.
fn counted<T>(state: &AppState, address: IpAddr, result: Result<T, Refusal>) -> Result<T, Refusal> {
    if let Err(refusal) = &result
        && matches!(
            refusal.code,
            RefusalCode::PasswordWrong | RefusalCode::HostKeyWrong | RefusalCode::SeatUnknown
        )
    {
        // What is refused next is the next attempt; this one was made.
        state.limits.spend(address, Attempt::WrongSecret).ok();
    }
    result
}

fn peer(request: &HttpRequest) -> Result<IpAddr, Refusal> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    peer.ok_or_else(|| RefusalCode::Internal.into())
}

fn client(request: &HttpRequest) -> String {
    let name = request.headers().get(header::USER_AGENT);
    let name = name.and_then(|name| name.to_str().ok()).unwrap_or("http");
    // Header values that are strings are ASCII, so any cut is between characters.
    name[..name.len().min(CLIENT_BYTES_MAX)].to_owned()
}

fn answer<T: Serialize>(status: StatusCode, result: Result<T, Refusal>) -> HttpResponse {
    match result {
        Ok(body) => HttpResponse::build(status).json(body),
        Err(refusal) => refused(&refusal),
    }
}
