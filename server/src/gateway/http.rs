//! The HTTP interface: rooms, files, pages; and what all of its answers have in common.

use std::{future::Future, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::{InternalError, JsonPayloadError},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use conclave_wire::{Refusal, RefusalCode};

use crate::{server::AppState, telemetry::refusals};

pub mod files;
pub mod limits;
pub mod pages;
pub mod request_id;
pub mod rooms;
pub mod server_info;
pub mod ui;
pub mod watching;

/// How long a request waits for an actor.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
const MS_PER_S: u32 = 1_000;

/// A refusal as an answer: the code's status, the refusal as JSON, when to come back as a header.
pub fn refused(refusal: &Refusal) -> HttpResponse {
    refusals::count(refusal.code);
    let status =
        StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    if let Some(ms) = refusal.retry_after_ms {
        let seconds = ms.div_ceil(MS_PER_S).to_string();
        answer.insert_header((header::RETRY_AFTER, seconds));
    }
    answer.json(refusal)
}

/// How JSON bodies are read: never more than `bytes_max` of them, and a refusal for what is none.
pub fn json_bodies(bytes_max: usize) -> web::JsonConfig {
    web::JsonConfig::default()
        .limit(bytes_max)
        .error_handler(|error, _| {
            let code = match &error {
                JsonPayloadError::Overflow { .. }
                | JsonPayloadError::OverflowKnownLength { .. } => RefusalCode::TooLarge,
                _ => RefusalCode::Malformed,
            };
            InternalError::from_response(error, refused(&code.into())).into()
        })
}

/// Middleware: a request whose body does not come, or that is not answered, is given up.
pub async fn deadline<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let state = request.app_data::<web::Data<Arc<AppState>>>();
    let seconds = state.map_or(0, |state| state.config.request_deadline_seconds);
    let answer = next.call(request);
    match tokio::time::timeout(Duration::from_secs(seconds.into()), answer).await {
        Ok(answer) => answer,
        Err(late) => {
            let answer = refused(&RefusalCode::Timeout.into());
            Err(InternalError::from_response(late, answer).into())
        }
    }
}

/// Waits for an actor's answer, within a deadline.
async fn ask<T, E>(asked: impl Future<Output = Result<T, E>>) -> Result<T, Refusal> {
    match tokio::time::timeout(ANSWER_DEADLINE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(RefusalCode::Busy.into()),
        Err(_) => Err(RefusalCode::Timeout.into()),
    }
}

/// The token of `Authorization: Bearer …`.
fn bearer(request: &HttpRequest) -> Option<&str> {
    request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        // Nothing but our own files: no inline script, no other site, no frames.
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Links hold secrets behind their `#`; other sites do not learn even the rest of them.
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Middleware: headers of every answer that has not set its own.
pub async fn security_headers<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut answer = next.call(request).await?;
    let headers = answer.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    Ok(answer)
}
