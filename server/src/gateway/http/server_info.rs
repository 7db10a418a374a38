//! What anybody may know of the server before they enter a room: whose it is, its rooms where the operator
//! lists them, and how to trust it.

use std::{io::Read, path::Path};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    web,
};
use askama::Template;
use conclave_wire::{
    Refusal, RefusalCode,
    http::{Organisation, RoomList, RoomLook, ServerInfo},
};
use futures_util::future::join_all;

use super::{State, answer, api::Endpoint, ask, callers::Spend, deadline, pages, refused};
use crate::{
    actors::{lobby::ListRooms, room::DescribeRoom},
    config::{LOGO_BYTES_MAX, logo_type},
    server::AppState,
};

/// What a picture may do when somebody opens it as a page: nothing. SVG could hold scripts.
const LOGO_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

pub const ENDPOINTS: &[Endpoint] =
    &[
        Endpoint::new("GET", "/api/server", "readServer", || web::get().to(info))
            .says(
                "Server",
                "Whose server it is, and what pages need to know of it.",
            )
            .spends(Spend::Nothing)
            .gives::<ServerInfo>(200),
    ];

/// For everybody.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/logo")
            .wrap(from_fn(deadline))
            .route(web::get().to(logo)),
    )
    .route("/trust", web::get().to(trust))
    .route("/authority.crt", web::get().to(authority));
}

async fn info(state: State) -> HttpResponse {
    let config = &state.config;
    let info = ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        lists_rooms: config.list_rooms,
        file_bytes_max: config.file_bytes_max,
        organisation: Organisation {
            name: config.organisation().unwrap_or_default().to_owned(),
            colour: config.theme_color.clone(),
            has_logo: config.logo.is_some(),
        },
    };
    answer(StatusCode::OK, Ok(info))
}

/// `GET /api/rooms`
pub async fn list(state: State) -> HttpResponse {
    let listed = looks(&state).await.map(|rooms| RoomList { rooms });
    answer(StatusCode::OK, listed)
}

/// How the open rooms look to a stranger, in order of their titles.
async fn looks(state: &AppState) -> Result<Vec<RoomLook>, Refusal> {
    if !state.config.list_rooms {
        return Err(RefusalCode::ListingForbidden.into());
    }
    let rooms = ask(state.lobby.send(ListRooms)).await?;
    let looks = rooms.iter().map(|open| ask(open.room.send(DescribeRoom)));
    let looks = join_all(looks).await.into_iter();
    // A room that ends meanwhile, or does not answer, is not one that could be joined.
    let mut looks: Vec<RoomLook> = looks.filter_map(Result::ok).collect();
    looks.retain(|look| look.ended.is_none());
    looks.sort_by(|left, right| (&left.title, &left.slug).cmp(&(&right.title, &right.slug)));
    Ok(looks)
}

/// The operator's picture, read anew each time, so that another one needs no restart.
pub async fn logo(state: State) -> HttpResponse {
    let Some(path) = state.config.logo.clone() else {
        return pages::nothing().await;
    };
    let Some(kind) = logo_type(&path) else {
        return pages::nothing().await;
    };
    match web::block(move || read_logo(&path)).await {
        Ok(Ok(picture)) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, kind))
            .insert_header((header::CONTENT_SECURITY_POLICY, LOGO_POLICY))
            .insert_header((header::CACHE_CONTROL, "max-age=300"))
            .body(picture),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the logo cannot be read");
            pages::nothing().await
        }
        Err(_) => refused(&RefusalCode::Internal.into()),
    }
}

fn read_logo(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut picture = Vec::new();
    let file = std::fs::File::open(path)?;
    // One byte more than may be, to know that it is too large.
    file.take(LOGO_BYTES_MAX + 1).read_to_end(&mut picture)?;
    match picture.len() as u64 > LOGO_BYTES_MAX {
        true => Err(std::io::Error::other("it is larger than 256 KiB")),
        false => Ok(picture),
    }
}

/// How a browser comes to trust the server.
#[derive(Template)]
#[template(path = "trust.html")]
struct TrustPage<'a> {
    organisation: &'a str,
    authority: String,
    sha256: String,
    key: &'a str,
    has_own: bool,
}

async fn trust(state: State) -> HttpResponse {
    let page = TrustPage {
        organisation: state.config.server_name.trim(),
        authority: state.identity.authority_name(),
        sha256: state.identity.authority_sha256(),
        key: state.identity.fingerprint(),
        has_own: state.identity.has_own(),
    };
    match page.render() {
        Ok(page) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(page),
        Err(error) => {
            tracing::error!(%error, "the page about trust cannot be written");
            refused(&RefusalCode::Internal.into())
        }
    }
}

/// The authority's certificate, for people who want their browser to trust it.
async fn authority(state: State) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/x-x509-ca-cert"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"conclave-authority.crt\"",
        ))
        .body(state.identity.authority_pem().to_owned())
}
