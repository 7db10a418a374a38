//! Pages for browsers. They are built into the program; a page that is not there yet says so.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use conclave_wire::RefusalCode;
use rust_embed::RustEmbed;

use super::{refused, ui};

#[derive(RustEmbed)]
#[folder = "assets"]
struct Assets;

/// Pages for everybody.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/", web::get().to(start))
        .route("/r/{slug}", web::get().to(start));
    asset_routes(cfg);
}

/// What all pages need.
pub fn asset_routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/assets/{file}", web::get().to(asset));
}

/// What is not there.
pub async fn nothing() -> HttpResponse {
    page(StatusCode::NOT_FOUND, "nothing.html")
}

/// The same page for every room: whether there is one is asked by whoever has the link.
async fn start(request: HttpRequest) -> HttpResponse {
    ui::page(&request).unwrap_or_else(|| page(StatusCode::OK, "start.html"))
}

async fn asset(request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    if let Some(answer) = ui::asset(&request, &file) {
        return answer;
    }
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

fn page(status: StatusCode, name: &str) -> HttpResponse {
    match Assets::get(name) {
        Some(page) => HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(page.data.into_owned()),
        None => refused(&RefusalCode::Internal.into()),
    }
}
