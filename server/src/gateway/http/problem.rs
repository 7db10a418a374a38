//! Answers that say no, as problem details (RFC 9457): whatever goes wrong in the interface, in our words.

use actix_web::{
    HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
};
use conclave_wire::{Refusal, RefusalCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::api;
use crate::telemetry::{refusals, requests};

pub const PROBLEM_TYPE: &str = "application/problem+json";
const MS_PER_S: u32 = 1_000;

/// What is wrong: RFC 9457's members, and beside them the refusal as it stands on control links.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained, relative to the server.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words.
    title: String,
    /// Of the answer.
    status: u16,
    /// For a person: what to do.
    detail: String,
    /// Never changes; programs match on it.
    code: RefusalCode,
    /// As `detail`.
    message: String,
    /// When trying again may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u32>,
}

impl Problem {
    fn of(refusal: &Refusal, status: StatusCode) -> Problem {
        let code = word(refusal.code);
        Problem {
            kind: format!("/api/docs#{code}"),
            title: code.replace('_', " "),
            status: status.as_u16(),
            detail: refusal.message.clone(),
            code: refusal.code,
            message: refusal.message.clone(),
            retry_after_ms: refusal.retry_after_ms,
        }
    }
}

/// A refusal as an answer: the code's status, the problem, when to come back as a header.
pub fn refused(refusal: &Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.code.status());
    refused_as(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), refusal)
}

/// As [`refused`], where a standard wants another status.
pub fn refused_as(status: StatusCode, refusal: &Refusal) -> HttpResponse {
    refusals::count(refusal.code);
    let mut answer = HttpResponse::build(status);
    if let Some(ms) = refusal.retry_after_ms {
        let seconds = ms.div_ceil(MS_PER_S).to_string();
        answer.insert_header((header::RETRY_AFTER, seconds));
    }
    let mut answer = answer.json(Problem::of(refusal, status));
    let kind = HeaderValue::from_static(PROBLEM_TYPE);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

/// The code as it stands on the wire.
pub fn word(code: RefusalCode) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(word)) => word,
        // Codes are words; another value would only be ugly.
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// Middleware: what the framework itself refuses under `/api` is a problem, too; and requests are counted by
/// what became of them.
pub async fn problems<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let endpoint = api::endpoint_of(&request);
    let is_api = request.path() == "/api" || request.path().starts_with("/api/");
    let allowed = api::methods_of(&request);
    let counted = |status: StatusCode| {
        if is_api {
            requests::count(endpoint.map(|endpoint| endpoint.place()), status.as_u16());
        }
    };
    match next.call(request).await {
        Ok(answer) => {
            counted(answer.status());
            let is_error = answer.status().is_client_error() || answer.status().is_server_error();
            if !is_api || !is_error || is_ours(answer.headers()) {
                return Ok(answer.map_into_boxed_body());
            }
            let (request, before) = answer.into_parts();
            let after = explained(before.status(), before.headers(), allowed.as_deref());
            Ok(ServiceResponse::new(request, after))
        }
        Err(error) => {
            // It gives its answer once only, so that it has to be wrapped again.
            let before = error.error_response();
            counted(before.status());
            let answer = match !is_api || is_ours(before.headers()) {
                true => before,
                false => explained(before.status(), before.headers(), allowed.as_deref()),
            };
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

/// Whether it says a problem, or something of its own, as the health does.
fn is_ours(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind == PROBLEM_TYPE.as_bytes() || kind.starts_with(b"application/json")
    })
}

/// What the framework refused, in our words; its headers stay.
fn explained(status: StatusCode, headers: &HeaderMap, allowed: Option<&str>) -> HttpResponse {
    let code = match status.as_u16() {
        401 => RefusalCode::SeatUnknown,
        403 => RefusalCode::NotAllowed,
        404 => RefusalCode::NoSuchEndpoint,
        405 => RefusalCode::MethodNotAllowed,
        408 => RefusalCode::Timeout,
        413 => RefusalCode::TooLarge,
        415 => RefusalCode::MediaTypeUnsupported,
        416 => RefusalCode::RangeInvalid,
        429 => RefusalCode::TooFast,
        503 => RefusalCode::Busy,
        400..=499 => RefusalCode::Malformed,
        _ => RefusalCode::Internal,
    };
    let mut answer = refused_as(status, &code.into());
    for (name, value) in headers {
        let of_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH];
        if !of_the_body.contains(name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    if let (StatusCode::METHOD_NOT_ALLOWED, Some(methods)) = (status, allowed)
        && let Ok(methods) = HeaderValue::from_str(methods)
    {
        answer.headers_mut().insert(header::ALLOW, methods);
    }
    answer
}
