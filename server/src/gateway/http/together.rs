//! What a room studies by and watches, over HTTP.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use conclave_core::{Moment, watch::Aim};
use conclave_wire::{
    Command,
    RefusalCode::*,
    http::{FilmLook, TimerLook},
};

use super::{
    State, answer,
    api::{Endpoint, Who},
    seats::{act, view},
};
use crate::actors::room::SeatView;

const GROUP: &str = "Study and film";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/api/rooms/{slug}/timer", "readTimer", || {
        web::get().to(timer)
    })
    .says(
        GROUP,
        "The shared clock of focus and breaks, and what is left of its span.",
    )
    .by(Who::Seat)
    .gives::<TimerLook>(200),
    Endpoint::new(
        "POST",
        "/api/rooms/{slug}/timer/reset",
        "resetTimer",
        || web::post().to(reset),
    )
    .says(
        GROUP,
        "Sets the shared clock back to before its first span.",
    )
    .by(Who::Seat)
    .gives::<TimerLook>(200)
    .refuses(&[NotAllowed, NoTimer, DiskFull]),
    Endpoint::new("GET", "/api/rooms/{slug}/film", "readFilm", || {
        web::get().to(film)
    })
    .says(GROUP, "The film that is open, and where it should be now.")
    .by(Who::Seat)
    .gives::<FilmLook>(200),
];

async fn timer(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let view = view(&request, &state, &slug).await;
    answer(StatusCode::OK, view.map(timer_of))
}

async fn reset(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let reset = async {
        act(&request, &state, &slug, Command::ResetTimer).await?;
        view(&request, &state, &slug).await
    };
    answer(StatusCode::OK, reset.await.map(timer_of))
}

async fn film(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let view = view(&request, &state, &slug).await;
    answer(StatusCode::OK, view.map(film_of))
}

fn timer_of(view: SeatView) -> TimerLook {
    let study = view.state.study;
    let left = |ends_at_ms: u64| ends_at_ms.saturating_sub(view.room_clock_ms);
    TimerLook {
        left_ms: study.clock.ends_at_ms.map_or(study.clock.left_ms, left),
        clock: study.clock,
        goal: study.goal,
        focus_ms: study.focus_ms,
        plan: view.state.settings.timer,
        room_clock_ms: view.room_clock_ms,
    }
}

fn film_of(view: SeatView) -> FilmLook {
    let film = view.state.film;
    let aim = Aim::of(&film);
    let now = Moment::from_ms(view.room_clock_ms);
    let position = aim.map(|aim| aim.position_at(now)).unwrap_or_default();
    FilmLook {
        film,
        position_ms: u64::try_from(position.as_millis()).unwrap_or(u64::MAX),
        room_clock_ms: view.room_clock_ms,
    }
}
