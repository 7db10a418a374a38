//! What runs in a room, over HTTP: the time limit.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use conclave_wire::{Command, RefusalCode::*};
use serde_json::Value;

use super::{
    State, answer,
    api::{Endpoint, Who},
    seats::{act, view},
    shapes::{NewTimeLimit, TimeLimit, Timers},
    words,
};
use crate::actors::room::SeatView;

const GROUP: &str = "Timers";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/api/rooms/{slug}/timers", "readTimers", || {
        web::get().to(read)
    })
    .says(GROUP, "What runs, on the room clock.")
    .by(Who::Seat)
    .gives::<Timers>(200),
    Endpoint::new(
        "PUT",
        "/api/rooms/{slug}/timers/limit",
        "setTimeLimit",
        || web::put().to(limit),
    )
    .says(
        GROUP,
        "Ends the meeting so long from now, or lifts the limit.",
    )
    .by(Who::Seat)
    .takes::<NewTimeLimit>()
    .gives::<Timers>(200)
    .refuses(&[NotAllowed, Invalid, DiskFull]),
];

async fn read(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let view = view(&request, &state, &slug).await;
    answer(StatusCode::OK, view.map(|view| timers(&view)))
}

async fn limit(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let limited = async {
        let NewTimeLimit { in_ms } = words(body.into_inner())?;
        act(&request, &state, &slug, Command::SetTimeLimit { in_ms }).await?;
        view(&request, &state, &slug).await
    };
    answer(StatusCode::OK, limited.await.map(|view| timers(&view)))
}

fn timers(view: &SeatView) -> Timers {
    let now = view.room_clock_ms;
    let ends = view.state.agenda.ends_at_ms;
    Timers {
        room_clock_ms: now,
        time_limit: ends.map(|ends_at_ms| TimeLimit {
            ends_at_ms,
            left_ms: ends_at_ms.saturating_sub(now),
        }),
    }
}
