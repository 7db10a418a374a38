//! What monitors ask: health and figures.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    web,
};
use conclave_wire::{Refusal, RefusalCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{api::Endpoint, bearer, callers::Spend, deadline, problem::word, refused};
use crate::{
    actors::lobby::{DescribeRooms, RoomsDescribed},
    auth::token,
    clock::unix_ms,
    gateway::{sockets::LinkKind, upgrade::client_of},
    server::AppState,
    telemetry::{
        alerts::AlertKind,
        beat::LoopKind,
        health::Health,
        metrics::{CONTENT_TYPE, Exposition},
        refusals, requests,
        system::{ProcessUse, udp_receive_drops},
    },
};

/// Rooms that have not answered by then are left out of the count of people.
const ROOMS_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);
const MS_PER_S: f64 = 1_000.0;

type State = web::Data<Arc<AppState>>;

/// Health for everybody. Not ready is told with 503, and in the body why.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/api/health", "readHealth", || web::get().to(health))
        .says(
            "Server",
            "Whether meetings can be held, and each service with its state.",
        )
        .spends(Spend::Nothing)
        .gives::<HealthAnswer>(200)
        .or(&[503]),
    Endpoint::new("GET", "/api/health/live", "isAlive", || web::get().to(live))
        .says("Server", "Whether only a restart would help.")
        .spends(Spend::Nothing)
        .gives::<Alive>(200)
        .or(&[503]),
    Endpoint::new("GET", "/api/health/ready", "isReady", || {
        web::get().to(ready)
    })
    .says("Server", "Whether meetings can be held.")
    .spends(Spend::Nothing)
    .gives::<Ready>(200)
    .or(&[503]),
];

/// Figures for who may see them.
pub fn metrics_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/metrics")
            .wrap(from_fn(deadline))
            .route(web::get().to(metrics)),
    );
}

/// Answer to `GET /api/health`.
#[derive(Serialize, ToSchema)]
struct HealthAnswer {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    health: Health,
    version: &'static str,
    rooms: usize,
}

#[derive(Serialize, ToSchema)]
struct Alive {
    alive: bool,
}

#[derive(Serialize, ToSchema)]
struct Ready {
    ready: bool,
}

/// 200 when meetings can be held, else 503; the body says why.
async fn health(state: State) -> HttpResponse {
    let health = state.health();
    HttpResponse::build(status(health.ready)).json(HealthAnswer {
        health,
        version: env!("CARGO_PKG_VERSION"),
        rooms: state.watch.rooms(),
    })
}

/// 200 unless only a restart helps.
async fn live(state: State) -> HttpResponse {
    let alive = state.health().alive;
    HttpResponse::build(status(alive)).json(Alive { alive })
}

/// 200 when meetings can be held.
async fn ready(state: State) -> HttpResponse {
    let ready = state.health().ready;
    HttpResponse::build(status(ready)).json(Ready { ready })
}

fn status(well: bool) -> StatusCode {
    match well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn metrics(request: HttpRequest, state: State) -> HttpResponse {
    if let Err(refusal) = may_see(&request, &state) {
        return refused(&refusal);
    }
    let rooms = state.lobby.send(DescribeRooms {
        within: ROOMS_WITHIN,
    });
    // A lobby that does not answer leaves gaps, which monitors show.
    let rooms = tokio::time::timeout(ROOMS_WITHIN * 2, rooms).await;
    let rooms = rooms.ok().and_then(Result::ok);
    let port = state.udp_port;
    let system = web::block(move || (ProcessUse::now(), udp_receive_drops(port))).await;
    let (process, drops) = system.unwrap_or((None, None));
    let mut page = Exposition::default();
    meetings(&mut page, &state, rooms.as_ref());
    if let Some(drops) = drops {
        page.counter(
            "udp_receive_drops_total",
            "Datagrams that the kernel dropped because nobody had read them in time.",
            drops,
        );
    }
    page.media(state.sessions.figures());
    parts(&mut page, &state);
    machine(&mut page, &state, process);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
        .body(page.into_text())
}

/// Whoever shows the token; without one, programs on this machine.
fn may_see(request: &HttpRequest, state: &AppState) -> Result<(), Refusal> {
    let (may, message) = match &state.config.metrics_token {
        Some(token) => (
            bearer(request.headers())
                .is_some_and(|shown| token::same(&token::hash(shown), &token::hash(token))),
            "Show the metrics_token as a bearer token.",
        ),
        None => (
            client_of(request, state).is_some_and(|address| address.is_loopback()),
            "Figures are for programs on the server's own machine, unless a metrics_token is set.",
        ),
    };
    match may {
        true => Ok(()),
        false => Err(Refusal {
            message: message.to_owned(),
            ..RefusalCode::NotAllowed.into()
        }),
    }
}

fn meetings(page: &mut Exposition, state: &AppState, rooms: Option<&RoomsDescribed>) {
    if let Some(described) = rooms {
        let people = described.rooms.iter().map(|room| room.people.len());
        page.gauge(
            "rooms",
            "Open rooms.",
            described.rooms.len() + described.silent.len(),
        );
        page.gauge("people", "People in rooms.", people.sum::<usize>());
        page.gauge(
            "rooms_silent",
            "Rooms that did not answer in time; their people are not counted.",
            described.silent.len(),
        );
    }
    page.gauges(
        "links",
        "Open connections, by what they are used for.",
        "kind",
        LinkKind::ALL.map(|kind| (kind.name(), state.connections.of_kind(kind))),
    );
    page.gauge(
        "media_sessions",
        "Sessions for voice and cameras.",
        state.sessions.len(),
    );
    let codes: Vec<(String, u64)> = refusals::counts()
        .map(|(code, count)| (word(code), count))
        .collect();
    page.counters(
        "refusals_total",
        "Refusals given, by code.",
        "code",
        codes.iter().map(|(code, count)| (code.as_str(), count)),
    );
    let requests = requests::counts();
    let requests: Vec<(String, String, u64)> = requests
        .into_iter()
        .map(|((place, status), count)| {
            let place = place.map_or("none".to_owned(), |(method, path)| {
                format!("{method} {path}")
            });
            (place, status.to_string(), count)
        })
        .collect();
    page.counters_by_two(
        "http_requests_total",
        "Requests of the interface, by endpoint and status.",
        ["endpoint", "status"],
        requests
            .iter()
            .map(|(place, status, count)| ([place, status].map(String::as_str), count)),
    );
    page.counter(
        "upload_bytes_total",
        "Bytes of uploads that were written.",
        state.uploads.received_bytes(),
    );
    page.gauge("uploads", "Uploads under way.", state.uploads.open_count());
    page.gauge(
        "files_bytes",
        "Bytes of files and of uploads under way.",
        state.uploads.taken_bytes(),
    );
}

fn parts(page: &mut Exposition, state: &AppState) {
    let store = state.store.load();
    let idle = store.readers_idle.min(store.readers);
    page.gauges(
        "store_readers",
        "Connections that read the database.",
        "state",
        [("busy", store.readers - idle), ("idle", idle)],
    );
    page.gauge(
        "store_writes_waiting",
        "Writes that wait for the database.",
        store.writes_waiting,
    );
    page.histograms(
        "event_loop_lag_seconds",
        "How late event loops were.",
        "loop",
        LoopKind::ALL.map(|kind| (kind.name(), state.loops.lateness(kind).spread())),
    );
    page.counter(
        "log_lines_dropped_total",
        "Log lines that were dropped because the terminal or the disk did not follow.",
        state.logs.lines_dropped(),
    );
    let current = state.alerts.current();
    let is_on = |kind| u8::from(current.iter().any(|alert| alert.kind == kind));
    page.gauges(
        "alert",
        "1 while the alert lasts.",
        "kind",
        AlertKind::ALL.map(|kind| (kind.name(), is_on(kind))),
    );
    let health = state.health();
    page.gauge(
        "alive",
        "1 unless only a restart helps.",
        u8::from(health.alive),
    );
    page.gauge(
        "ready",
        "1 when meetings can be held.",
        u8::from(health.ready),
    );
}

fn machine(page: &mut Exposition, state: &AppState, process: Option<ProcessUse>) {
    page.gauges(
        "build_info",
        "Always 1.",
        "version",
        [(env!("CARGO_PKG_VERSION"), 1)],
    );
    let uptime = state.clock.now().0 as f64 / 1_000_000.0;
    page.gauge("uptime_seconds", "Time since the server started.", uptime);
    let ends_in = state.identity.ends_unix_ms().saturating_sub(unix_ms());
    page.gauge(
        "certificate_ends_in_seconds",
        "Until the first of the presented certificates ends.",
        ends_in as f64 / MS_PER_S,
    );
    if let Some(disk) = state.watch.disk() {
        page.gauge(
            "disk_free_bytes",
            "Free on the disk of the data folder.",
            disk.free_bytes,
        );
        page.gauge(
            "disk_bytes",
            "Size of the disk of the data folder.",
            disk.total_bytes,
        );
    }
    if let Some(process) = process {
        page.counter(
            "cpu_seconds_total",
            "Processor time used.",
            process.cpu_seconds,
        );
        page.gauge("resident_bytes", "Memory in use.", process.resident_bytes);
        page.gauge("threads", "Threads of the process.", process.threads);
    }
}
