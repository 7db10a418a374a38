//! Files over HTTP: uploads by tus 1.0 (creation, checksum, expiration, termination), downloads with
//! ranges by seat or by share link.

mod download;
mod tus;

use actix_web::{HttpRequest, http::header, web};
use conclave_wire::{Refusal, RefusalCode};

/// The files part of the interface.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/rooms/{slug}/files")
            .route(web::post().to(tus::create))
            .route(web::method(actix_web::http::Method::OPTIONS).to(tus::describe)),
    )
    .service(
        web::resource("/api/uploads/{id}")
            .route(web::head().to(tus::stand))
            .route(web::patch().to(tus::append))
            .route(web::delete().to(tus::terminate))
            .route(web::method(actix_web::http::Method::OPTIONS).to(tus::describe)),
    )
    .service(
        web::resource("/api/rooms/{slug}/files/{file}")
            .route(web::get().to(download::by_seat))
            .route(web::head().to(download::by_seat)),
    )
    .service(
        web::resource("/s/{token}")
            .route(web::get().to(download::by_share_link))
            .route(web::head().to(download::by_share_link)),
    );
}

/// The seat token of `Authorization: Bearer …`.
fn bearer(request: &HttpRequest) -> Result<String, Refusal> {
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned)
        .ok_or_else(|| RefusalCode::SeatUnknown.into())
}
