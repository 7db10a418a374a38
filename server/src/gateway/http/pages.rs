//! Pages for browsers. They are built into the program; a page that is not there yet says so.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use conclave_wire::RefusalCode;
use rust_embed::RustEmbed;

use super::refused;
use crate::{auth::token, server::AppState};

#[derive(RustEmbed)]
#[folder = "assets"]
struct Assets;

type State = web::Data<Arc<AppState>>;

/// Pages for everybody.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/", web::get().to(start))
        .route("/r/{slug}", web::get().to(start))
        .route("/authority.crt", web::get().to(authority));
    asset_routes(cfg);
}

/// What all pages need.
pub fn asset_routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/assets/{file}", web::get().to(asset));
}

/// Pages for the operator; on a port of their own when there is one.
pub fn admin_routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/admin", web::get().to(admin_closed))
        .route("/admin/setup/{token}", web::get().to(admin_setup));
}

/// What is not there.
pub async fn nothing() -> HttpResponse {
    page(StatusCode::NOT_FOUND, "nothing.html")
}

/// The same page for every room: whether there is one is asked by whoever has the link.
async fn start() -> HttpResponse {
    page(StatusCode::OK, "start.html")
}

async fn asset(file: web::Path<String>) -> HttpResponse {
    let kind = match file.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => return nothing().await,
    };
    match Assets::get(&file) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, kind))
            .body(asset.data.into_owned()),
        None => nothing().await,
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

async fn admin_closed() -> HttpResponse {
    page(StatusCode::FORBIDDEN, "admin_closed.html")
}

async fn admin_setup(given: web::Path<String>, state: State) -> HttpResponse {
    if token::same(&token::hash(&given), &state.setup_token_hash) {
        page(StatusCode::OK, "admin_setup.html")
    } else {
        page(StatusCode::FORBIDDEN, "admin_closed.html")
    }
}

fn page(status: StatusCode, name: &str) -> HttpResponse {
    match Assets::get(name) {
        Some(page) => HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(page.data.into_owned()),
        None => refused(&RefusalCode::Internal.into()),
    }
}
