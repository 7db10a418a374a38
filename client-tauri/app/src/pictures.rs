//! Pictures on their way to the page: the scheme `media`, on which one question waits for the newest.

use conclave_client::desk::Desk;
use tauri::{
    AppHandle, Manager, UriSchemeResponder,
    http::{Request, Response, StatusCode, header},
};

/// The only thing there is.
const NEWEST: &str = "/newest";

/// Answers when there is something to show, or nothing for a while.
pub fn answer(app: &AppHandle, request: &Request<Vec<u8>>, responder: UriSchemeResponder) {
    let Some(desk) = app.try_state::<Desk>() else {
        return responder.respond(response(StatusCode::SERVICE_UNAVAILABLE, Vec::new()));
    };
    if request.uri().path() != NEWEST {
        return responder.respond(response(StatusCode::NOT_FOUND, Vec::new()));
    }
    let frames = desk.frames().clone();
    tauri::async_runtime::spawn(async move {
        let batch = frames.next().await;
        responder.respond(response(StatusCode::OK, batch));
    });
}

/// The page is of another scheme, so that its engine wants to be told that it may read this; and what is
/// old must not come out of a store.
fn response(status: StatusCode, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let values = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in values {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}
