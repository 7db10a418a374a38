//! A number for every request, in all log lines about it and in the answer, so that somebody who was
//! refused can be helped by whoever reads the log.

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};
use tracing::Instrument;

use crate::auth::token;

/// The header that carries it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// 64 bits: two requests of one log never share it by accident.
const ID_BYTES: usize = 8;

/// Middleware: draws the number, and logs how the request ended. Paths hold secrets; the log names only
/// their pattern.
pub async fn request_id<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let id = hex::encode(token::random_bytes::<ID_BYTES>());
    let header = HeaderValue::from_str(&id).expect("hexadecimal digits may stand in a header");
    let method = request.method().clone();
    let span = tracing::info_span!("request", request = %id);
    let answer = next.call(request).instrument(span.clone()).await;
    let _entered = span.enter();
    match answer {
        Ok(mut answer) => {
            answer.headers_mut().insert(REQUEST_ID, header);
            let pattern = answer.request().match_pattern().unwrap_or_default();
            ended(&method, &pattern, answer.status().as_u16());
            Ok(answer)
        }
        Err(error) => {
            let mut answer = error.error_response();
            answer.headers_mut().insert(REQUEST_ID, header);
            ended(&method, "", answer.status().as_u16());
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

fn ended(method: &actix_web::http::Method, pattern: &str, status: u16) {
    match status {
        // 503 says that the server knows: it is busy, or not ready.
        500 => tracing::warn!(%method, pattern, status, "a request failed"),
        _ => tracing::debug!(%method, pattern, status, "a request ended"),
    }
}
