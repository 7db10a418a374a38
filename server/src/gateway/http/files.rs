//! Files over HTTP: uploads by tus 1.0 (creation, checksum, expiration, termination), downloads with
//! ranges by seat or by share link.

mod download;
mod tus;

use actix_web::{HttpRequest, web};
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

fn seat_token(request: &HttpRequest) -> Result<String, Refusal> {
    let token = super::bearer(request).ok_or(RefusalCode::SeatUnknown)?;
    Ok(token.to_owned())
}
