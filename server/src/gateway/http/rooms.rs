//! Rooms over HTTP: create, look, change, join, end, open again.

use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use conclave_wire::{
    Command, Refusal,
    RefusalCode::{self, *},
    Settings,
    http::{
        JoinRoom, RoomList, TemplateList,
        spelling::{to_camel_case, to_snake_case},
    },
};
use serde_json::Value;

use super::{
    State, answer,
    api::{Endpoint, Who},
    ask, bearer,
    callers::Spend,
    limits::Attempt,
    seats::{act, find, view, visit},
    server_info,
    shapes::{ChangeRoom, Done, NewRoom, RoomDetails, RoomMade, RoomOver, SeatTaken, SessionStats},
    words,
};
use crate::{
    actors::{
        lobby::{self, ListTemplates, ReopenRoom, RoomOpened},
        room::{DescribeFor, DescribeRoom, EndKey, EndRoomBy, EnterRoom, Entrance, SeatView},
    },
    auth::token,
    gateway::upgrade::{check_origin, client_of},
    server::AppState,
};

/// What a program calls itself, in bytes, as the operator sees it.
const CLIENT_BYTES_MAX: usize = 100;

const GROUP: &str = "Rooms";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("POST", "/api/rooms", "createRoom", || {
        web::post().to(create)
    })
    .says(GROUP, "Makes a room.")
    .spends(Spend::MakeRoom)
    .takes::<NewRoom>()
    .gives::<RoomMade>(201)
    .refuses(&[
        CreationForbidden,
        TitleInvalid,
        SlugInvalid,
        SlugTaken,
        PasswordTooLong,
        Invalid,
        SettingsVersion,
        NoSuchTemplate,
        TooManyRooms,
        DiskFull,
    ]),
    Endpoint::new("GET", "/api/rooms", "listRooms", || {
        web::get().to(server_info::list)
    })
    .says(
        GROUP,
        "The open rooms, by title, where the operator lists them.",
    )
    .gives::<RoomList>(200)
    .refuses(&[ListingForbidden]),
    Endpoint::new("GET", "/api/rooms/{slug}", "lookAtRoom", || {
        web::get().to(look)
    })
    .says(
        GROUP,
        "How a room stands: for its people, with who is there.",
    )
    .by(Who::AnybodyOrSeat)
    .gives::<RoomDetails>(200)
    .refuses(&[SeatUnknown, Kicked, Banned]),
    Endpoint::new("PATCH", "/api/rooms/{slug}", "changeRoom", || {
        web::patch().to(change)
    })
    .says(
        GROUP,
        "Changes the title, then settings, then the lock, then the password; stops at what is refused.",
    )
    .by(Who::Seat)
    .takes::<ChangeRoom>()
    .gives::<RoomDetails>(200)
    .refuses(&[
        NotAllowed,
        TitleInvalid,
        Invalid,
        SettingsVersion,
        PasswordTooLong,
        DiskFull,
    ]),
    Endpoint::new("DELETE", "/api/rooms/{slug}", "endRoom", || {
        web::delete().to(end)
    })
    .says(GROUP, "Ends the meeting, with how it went.")
    .by(Who::SeatOrHost)
    .gives::<RoomOver>(200)
    .refuses(&[NotAllowed, DiskFull]),
    Endpoint::new("POST", "/api/rooms/{slug}/join", "joinRoom", || {
        web::post().to(join)
    })
    .says(
        GROUP,
        "Takes a seat, which is away until a control link opens it.",
    )
    .spends(Spend::Join)
    .takes::<JoinRoom>()
    .gives::<SeatTaken>(201)
    .refuses(&[
        RoomFull,
        RoomLocked,
        PasswordNeeded,
        PasswordWrong,
        PasswordTooLong,
        NameInvalid,
        HostKeyWrong,
        Banned,
        WaitingRoom,
        FileHashInvalid,
        FileHashMismatch,
        Invalid,
        DiskFull,
    ]),
    Endpoint::new("POST", "/api/rooms/{slug}/leave", "leaveRoom", || {
        web::post().to(leave)
    })
    .says(GROUP, "Gives the seat up.")
    .by(Who::Seat)
    .gives::<Done>(200)
    .refuses(&[DiskFull]),
    Endpoint::new("POST", "/api/rooms/{slug}/reopen", "reopenRoom", || {
        web::post().to(reopen)
    })
    .says(
        GROUP,
        "Opens a room again that has ended and is still kept.",
    )
    .spends(Spend::MakeRoom)
    .by(Who::Host)
    .gives::<RoomMade>(200)
    .refuses(&[SlugTaken, TooManyRooms, DiskFull]),
    Endpoint::new("GET", "/api/templates", "listTemplates", || {
        web::get().to(templates)
    })
    .says(GROUP, "The ways in which a room can be set up.")
    .gives::<TemplateList>(200),
];

async fn create(request: HttpRequest, state: State, body: web::Json<Value>) -> HttpResponse {
    answer(
        StatusCode::CREATED,
        make(&request, &state, body.into_inner()).await,
    )
}

async fn make(request: &HttpRequest, state: &AppState, body: Value) -> Result<RoomMade, Refusal> {
    check_origin(request)?;
    if !state.config.anybody_makes_rooms {
        return Err(RefusalCode::CreationForbidden.into());
    }
    let NewRoom {
        mut room,
        max_participants,
    } = words(body)?;
    if let Some(most) = max_participants {
        room.settings.members_max = most;
    }
    let opened = ask(state.lobby.send(lobby::CreateRoom {
        room,
        after_ended: false,
    }))
    .await??;
    Ok(made(state, opened))
}

fn made(state: &AppState, opened: RoomOpened) -> RoomMade {
    RoomMade {
        room_id: opened.slug.clone(),
        join_url: state.links.join(&opened.slug),
        host_url: state.links.host(&opened.slug, &opened.host_key),
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
) -> Result<RoomMade, Refusal> {
    check_origin(request)?;
    let address = client_of(request, state).ok_or(RefusalCode::Internal)?;
    state.limits.may_try_secret(address)?;
    let host_key = bearer(request.headers()).ok_or(RefusalCode::HostKeyWrong)?;
    let (slug, host_key) = (slug.to_owned(), host_key.to_owned());
    let opened = ask(state.lobby.send(ReopenRoom { slug, host_key })).await?;
    counted(state, address, opened).map(|opened| made(state, opened))
}

async fn templates(state: State) -> HttpResponse {
    let listed = async { ask(state.lobby.send(ListTemplates)).await? };
    let listed = listed.await.map(|templates| TemplateList { templates });
    answer(StatusCode::OK, listed)
}

async fn look(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let looked = async {
        match bearer(request.headers()) {
            Some(_) => details(&state, &slug, Some(view(&request, &state, &slug).await?)).await,
            None => details(&state, &slug, None).await,
        }
    };
    answer(StatusCode::OK, looked.await)
}

/// What a stranger may know, and beside it what a seat sees.
async fn details(
    state: &AppState,
    slug: &str,
    view: Option<SeatView>,
) -> Result<RoomDetails, Refusal> {
    let room = visit(state, slug).await?;
    let look = ask(room.send(DescribeRoom)).await?;
    let room_clock_ms = view.as_ref().map(|view| view.room_clock_ms);
    let (participants, settings, floor) = match view.map(|view| view.state) {
        Some(state) => (Some(state.members), Some(state.settings), Some(state.floor)),
        None => (None, None, None),
    };
    Ok(RoomDetails {
        is_active: look.ended.is_none(),
        room: look,
        participants,
        settings,
        floor,
        room_clock_ms,
    })
}

async fn change(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let changed = async {
        let ChangeRoom {
            title,
            locked,
            password,
            settings,
        } = words(body.into_inner())?;
        let before = view(&request, &state, &slug).await?;
        if let Some(title) = title {
            act(&request, &state, &slug, Command::Retitle { title }).await?;
        }
        if let Some(part) = settings {
            let settings = merged(&before.state.settings, part)?;
            act(
                &request,
                &state,
                &slug,
                Command::ChangeSettings { settings },
            )
            .await?;
        }
        if let Some(locked) = locked {
            act(&request, &state, &slug, Command::Lock { locked }).await?;
        }
        if let Some(password) = password {
            act(&request, &state, &slug, Command::SetPassword { password }).await?;
        }
        let after = view(&request, &state, &slug).await?;
        details(&state, &slug, Some(after)).await
    };
    answer(StatusCode::OK, changed.await)
}

/// Settings in which a part has changed (RFC 7396).
fn merged(settings: &Settings, part: Value) -> Result<Settings, Refusal> {
    let whole = serde_json::to_value(settings).map_err(|_| RefusalCode::Internal)?;
    let mut whole = to_camel_case(whole);
    merge(&mut whole, to_camel_case(part))?;
    let changed = serde_json::from_value(to_snake_case(whole));
    changed.map_err(|_| RefusalCode::Malformed.into())
}

/// Nothing in settings is a list; a reader would take one for the values of a structure, in their order.
fn merge(whole: &mut Value, part: Value) -> Result<(), RefusalCode> {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                merge(whole.entry(name).or_insert(Value::Null), value)?;
            }
            Ok(())
        }
        (_, Value::Array(_)) => Err(RefusalCode::Malformed),
        (whole, part) => {
            *whole = part;
            Ok(())
        }
    }
}

async fn join(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<Value>,
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
    body: Value,
) -> Result<SeatTaken, Refusal> {
    check_origin(request)?;
    let who: JoinRoom = words(body)?;
    let address = client_of(request, state).ok_or(RefusalCode::Internal)?;
    if who.password.is_some() || who.host_key.is_some() {
        state.limits.may_try_secret(address)?;
    }
    let room = visit(state, slug).await?;
    let enter = EnterRoom {
        enter: Entrance::Join {
            name: who.name,
            password: who.password,
            host_key: who.host_key,
            sound: true,
            device: who.device,
            file_hash: who.file_hash,
        },
        seat: None,
        client: client(request),
    };
    let admitted = ask(room.send(enter)).await?;
    let welcome = counted(state, address, admitted)?.welcome;
    let token = welcome.seat_token.clone();
    let view = ask(room.send(DescribeFor { token })).await??;
    Ok(SeatTaken {
        participant_id: welcome.you,
        role: welcome.role,
        seat_token: welcome.seat_token,
        room_details: details(state, slug, Some(view)).await?,
    })
}

async fn leave(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let left = act(&request, &state, &slug, Command::Leave).await;
    answer(StatusCode::OK, left.map(|_| Done { success: true }))
}

async fn end(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    answer(StatusCode::OK, close(&request, &state, &slug).await)
}

/// Ends a room for whoever has the token of a seat that may, or the host key.
async fn close(request: &HttpRequest, state: &AppState, slug: &str) -> Result<RoomOver, Refusal> {
    check_origin(request)?;
    let address = client_of(request, state).ok_or(RefusalCode::Internal)?;
    state.limits.may_try_secret(address)?;
    let secret = bearer(request.headers())
        .ok_or(RefusalCode::SeatUnknown)?
        .to_owned();
    let room = find(state, slug).await?;
    // Seat tokens name their room, host keys do not.
    let key = match token::room_of(&secret) {
        Some(_) => EndKey::Seat(secret),
        None => EndKey::Host(secret),
    };
    // A room that keeps nothing may be gone once it has ended.
    let stats = state.store.session_figures(slug).await;
    let stats = stats.inspect_err(|error| tracing::warn!(%error, "a meeting has no figures"));
    let stats = stats.ok().flatten().map(|stats| SessionStats {
        max_concurrent_participants: stats.people_max,
        total_participants: stats.people,
        total_messages: stats.messages,
        total_questions: stats.questions,
        session_duration_minutes: stats.minutes,
    });
    let ended = ask(room.send(EndRoomBy { key })).await?;
    let ended = counted(state, address, ended)?;
    Ok(RoomOver {
        success: true,
        session_stats: stats,
        slug: ended.slug,
        members: ended.members,
        duration_ms: ended.duration_ms,
    })
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

fn client(request: &HttpRequest) -> String {
    let name = request.headers().get(header::USER_AGENT);
    let name = name.and_then(|name| name.to_str().ok()).unwrap_or("http");
    // Header values that are strings are ASCII, so any cut is between characters.
    name[..name.len().min(CLIENT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_of_the_settings_changes_and_the_rest_stays() {
        let before = Settings::default();
        let part = json!({"membersMax": 7, "participants": {"chat": false}, "keep_hours": 1});
        let after = merged(&before, part).unwrap();
        assert_eq!((after.members_max, after.keep_hours), (7, 1));
        assert!(!after.participants.chat && after.participants.speak);
        assert_eq!(after.waiting_room, before.waiting_room);
        let wrong = merged(&before, json!({"membersMax": "many"})).unwrap_err();
        assert_eq!(wrong.code, RefusalCode::Malformed);
        for list in [json!([]), json!({"participants": []}), json!({"timer": []})] {
            assert!(merged(&before, list.clone()).is_err(), "{list}");
        }
    }
}
