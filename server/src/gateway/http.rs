//! The HTTP interface: rooms, files, pages; and what all of its answers have in common.

use std::{future::Future, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::{InternalError, JsonPayloadError},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use conclave_wire::{
    Refusal, RefusalCode,
    http::spelling::{to_camel_case, to_snake_case},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::server::AppState;

pub mod api;
pub mod callers;
pub mod cors;
pub mod files;
pub mod limits;
pub mod messages;
pub mod pages;
pub mod people;
pub mod problem;
pub mod questions;
pub mod report;
pub mod request_id;
pub mod rooms;
pub mod seats;
pub mod server_info;
pub mod shapes;
pub mod timers;
pub mod together;
pub mod ui;
pub mod watching;

pub use problem::refused;

/// How long a request waits for an actor.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

type State = web::Data<Arc<AppState>>;

/// How JSON bodies are read: never more than `bytes_max` of them, and a refusal for what is none.
pub fn json_bodies(bytes_max: usize) -> web::JsonConfig {
    web::JsonConfig::default()
        .limit(bytes_max)
        .error_handler(|error, _| {
            let code = match &error {
                JsonPayloadError::Overflow { .. }
                | JsonPayloadError::OverflowKnownLength { .. } => RefusalCode::TooLarge,
                JsonPayloadError::ContentType => RefusalCode::MediaTypeUnsupported,
                JsonPayloadError::Deserialize(error) => unreadable(error),
                _ => RefusalCode::Malformed,
            };
            InternalError::from_response(error, refused(&code.into())).into()
        })
}

/// How bodies are read that may be empty: never more than `bytes_max` of them.
pub fn plain_bodies(bytes_max: usize) -> web::PayloadConfig {
    web::PayloadConfig::new(bytes_max)
}

fn unreadable(error: &serde_json::Error) -> RefusalCode {
    // The parser has no other way to say that it stopped at its limit of 128 levels.
    match error.is_syntax() && error.to_string().starts_with("recursion limit exceeded") {
        true => RefusalCode::TooDeep,
        false => RefusalCode::Malformed,
    }
}

/// The words of a body, however its names are spelled.
fn words<T: DeserializeOwned>(body: Value) -> Result<T, Refusal> {
    // A list would be taken for the values of a structure, in their order.
    if !body.is_object() {
        return Err(RefusalCode::Malformed.into());
    }
    let words = serde_json::from_value(to_snake_case(body));
    words.map_err(|_| RefusalCode::Malformed.into())
}

/// As [`words`], of a body that may be empty, which means `{}`.
fn words_or_none<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, Refusal> {
    if body.is_empty() {
        return words(Value::Object(serde_json::Map::new()));
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind
        .split(';')
        .next()
        .is_none_or(|kind| kind.trim() != "application/json")
    {
        return Err(RefusalCode::MediaTypeUnsupported.into());
    }
    words(serde_json::from_slice(body).map_err(|error| unreadable(&error))?)
}

/// An answer with its names spelled `likeThis`, or the refusal.
fn answer<T: Serialize>(status: StatusCode, result: Result<T, Refusal>) -> HttpResponse {
    match result.map(|body| serde_json::to_value(body)) {
        Ok(Ok(words)) => HttpResponse::build(status).json(to_camel_case(words)),
        Ok(Err(error)) => {
            tracing::error!(%error, "an answer cannot be written");
            refused(&RefusalCode::Internal.into())
        }
        Err(refusal) => refused(&refusal),
    }
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
fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
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
