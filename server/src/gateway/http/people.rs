//! What somebody with a seat does for themselves: media state, the way to a control link, any other command.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use conclave_wire::{
    ClientMessage, Command, Encoding, MediaState, Refusal,
    RefusalCode::{self, *},
    message::Enter,
};
use serde_json::{Value, json};

use super::{
    State, answer,
    api::{Endpoint, Who},
    ask,
    seats::{act, seat, view},
    shapes::{AnyCommand, CommandDone, LinkPass, OwnMedia},
    words,
};
use crate::{actors::room::AuthenticateSeat, server::AppState};

const GROUP: &str = "People";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/api/rooms/{slug}/media", "readMedia", || {
        web::get().to(read)
    })
    .says(GROUP, "What the seat has switched on.")
    .by(Who::Seat)
    .gives::<OwnMedia>(200),
    Endpoint::new("PUT", "/api/rooms/{slug}/media", "setMedia", || {
        web::put().to(set)
    })
    .says(
        GROUP,
        "Says what the seat has switched on. Sound and picture themselves need a link.",
    )
    .by(Who::Seat)
    .takes::<MediaState>()
    .gives::<OwnMedia>(200)
    .refuses(&[NotAllowed, MutedByHost]),
    Endpoint::new("POST", "/api/rooms/{slug}/token", "passToLink", || {
        web::post().to(token)
    })
    .says(
        GROUP,
        "What a program needs to open the seat's control link, and a media session with it.",
    )
    .by(Who::Seat)
    .gives::<LinkPass>(200),
    Endpoint::new("POST", "/api/rooms/{slug}/commands", "doCommand", || {
        web::post().to(command)
    })
    .says(
        GROUP,
        "Any command of the control link, with its refusals; see the protocol.",
    )
    .by(Who::Seat)
    .takes::<AnyCommand>()
    .gives::<CommandDone>(200)
    .refuses(RefusalCode::ALL),
];

async fn read(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    answer(StatusCode::OK, own_media(&request, &state, &slug).await)
}

async fn own_media(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
) -> Result<OwnMedia, Refusal> {
    let view = view(request, state, slug).await?;
    let mut members = view.state.members.iter();
    let own = members.find(|member| member.id == view.id);
    let own = own.ok_or(RefusalCode::SeatUnknown)?;
    Ok(OwnMedia {
        microphone: own.media.microphone,
        camera: own.media.camera,
        sound: own.media.sound,
        held_mute: own.held_mute,
    })
}

async fn set(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let set = async {
        let media: MediaState = words(body.into_inner())?;
        act(&request, &state, &slug, Command::SetMedia { media }).await?;
        own_media(&request, &state, &slug).await
    };
    answer(StatusCode::OK, set.await)
}

async fn token(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let pass = async {
        crate::gateway::upgrade::check_origin(&request)?;
        let (room, token) = seat(&request, &state, &slug).await?;
        let pass = ask(room.send(AuthenticateSeat {
            token: token.clone(),
        }))
        .await??;
        let client = request.headers().get(header::USER_AGENT);
        let client = client
            .and_then(|client| client.to_str().ok())
            .unwrap_or("http");
        let hello = ClientMessage::Hello {
            enter: Enter::Resume {
                seat_token: token,
                cursor: None,
            },
            client: client.to_owned(),
        };
        let hello = serde_json::to_string(&hello).map_err(|_| RefusalCode::Internal)?;
        let at = |path| format!("wss://{}{path}", state.links.authority());
        Ok(LinkPass {
            participant_id: pass.id,
            role: pass.role,
            name: pass.name,
            control_url: at("/ws"),
            screen_url: at("/screen"),
            media_url: at("/media"),
            subprotocols: [Encoding::MessagePack, Encoding::Json]
                .map(|encoding| encoding.subprotocol().to_owned())
                .to_vec(),
            hello,
        })
    };
    answer(StatusCode::OK, pass.await)
}

async fn command(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let done = async {
        let AnyCommand { kind, payload } = words(body.into_inner())?;
        let command = match payload {
            Some(payload) => words(json!({"type": kind, "payload": payload})),
            None => words(json!({"type": kind})),
        };
        let reply = act(&request, &state, &slug, command?).await?;
        Ok(CommandDone {
            success: true,
            reply,
        })
    };
    answer(StatusCode::OK, done.await)
}
