//! Who may open a WebSocket: pages of this server and programs, and not too many of them.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Uri, header},
    web,
};
use conclave_wire::RefusalCode;

use super::{
    http::refused,
    sockets::{LinkKind, SocketHandle, Ticket},
};
use crate::server::AppState;

/// A connection that may become a WebSocket.
#[derive(Clone, Debug)]
pub struct Upgrade {
    pub socket: Arc<SocketHandle>,
    /// Whose connection it is, behind proxies that are trusted.
    pub address: Option<IpAddr>,
}

/// Checks an upgrade request before anything else is done for it.
///
/// # Errors
/// The answer to send instead: `origin_refused` for another site's page, `too_many_connections`, or
/// `internal` when the connection has no handle to end it by.
#[expect(
    clippy::result_large_err,
    reason = "the answer is made once a connection and returned at once"
)]
pub fn admit(request: &HttpRequest) -> Result<Upgrade, HttpResponse> {
    check_origin(request).map_err(refuse)?;
    if request
        .conn_data::<Ticket>()
        .is_some_and(Ticket::is_over_limit)
    {
        return Err(refuse(RefusalCode::TooManyConnections));
    }
    match request.conn_data::<Arc<SocketHandle>>() {
        Some(socket) => {
            if let (Some(ticket), Some(kind)) = (request.conn_data::<Ticket>(), kind_of(request)) {
                ticket.becomes(kind);
            }
            Ok(Upgrade {
                socket: socket.clone(),
                address: request
                    .app_data::<web::Data<Arc<AppState>>>()
                    .and_then(|state| client_of(request, state)),
            })
        }
        None => Err(refuse(RefusalCode::Internal)),
    }
}

/// What the way in is for.
fn kind_of(request: &HttpRequest) -> Option<LinkKind> {
    match request.path() {
        "/ws" => Some(LinkKind::Control),
        "/screen" => Some(LinkKind::Screen),
        "/media" => Some(LinkKind::Media),
        _ => None,
    }
}

/// A refusal as an HTTP answer.
pub fn refuse(code: RefusalCode) -> HttpResponse {
    refused(&code.into())
}

/// Whose address a request comes from, behind proxies that are trusted.
pub(crate) fn client_of(request: &HttpRequest, state: &AppState) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    Some(state.proxies.client(peer, request.headers()))
}

/// A browser says which page it acts for, and a page may not leave that out; programs leave it out.
/// Without this check any web site could speak through the browser of somebody on the network
/// (RFC 6455 section 10.2).
pub(crate) fn check_origin(request: &HttpRequest) -> Result<(), RefusalCode> {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return Ok(());
    };
    let host = request.headers().get(header::HOST);
    let same = host
        .and_then(|host| host.to_str().ok())
        .zip(origin.to_str().ok())
        .is_some_and(|(host, origin)| is_same_host(origin, host));
    let allowed = request
        .app_data::<web::Data<Arc<AppState>>>()
        .is_some_and(|state| {
            let mut origins = state.config.allowed_origins.iter();
            origins.any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
        });
    if same || allowed {
        Ok(())
    } else {
        Err(RefusalCode::OriginRefused)
    }
}

pub(crate) fn is_same_host(origin: &str, host: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else {
        return false;
    };
    let default_port = match uri.scheme_str() {
        Some("https") => 443,
        Some("http") => 80,
        _ => return false,
    };
    let Some((authority, host)) = uri.authority().zip(host.parse::<Uri>().ok()) else {
        return false;
    };
    let Some(host) = host.authority() else {
        return false;
    };
    authority.host().eq_ignore_ascii_case(host.host())
        && authority.port_u16().unwrap_or(default_port) == host.port_u16().unwrap_or(default_port)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn verdict(origin: Option<&str>, host: &str) -> Result<(), RefusalCode> {
        let request = TestRequest::get().insert_header((header::HOST, host));
        let request = match origin {
            Some(origin) => request.insert_header((header::ORIGIN, origin)),
            None => request,
        };
        check_origin(&request.to_http_request())
    }

    #[test]
    fn programs_and_the_servers_own_pages_may_speak() {
        for (origin, host) in [
            (None, "conclave.lan:7443"),
            (Some("https://conclave.lan:7443"), "conclave.lan:7443"),
            (Some("https://Conclave.LAN:7443"), "conclave.lan:7443"),
            (Some("https://conclave.lan"), "conclave.lan:443"),
            (Some("https://[fe80::1]:7443"), "[fe80::1]:7443"),
            (Some("http://localhost:8080"), "localhost:8080"),
        ] {
            assert_eq!(verdict(origin, host), Ok(()), "{origin:?} to {host}");
        }
    }

    #[test]
    fn pages_of_other_sites_may_not() {
        for (origin, host) in [
            ("https://evil.example", "conclave.lan:7443"),
            ("https://conclave.lan", "conclave.lan:7443"),
            (
                "https://conclave.lan:7443.evil.example",
                "conclave.lan:7443",
            ),
            (
                "https://conclave.lan:7443@evil.example",
                "conclave.lan:7443",
            ),
            ("null", "conclave.lan:7443"),
            ("", "conclave.lan:7443"),
            ("file://conclave.lan:7443", "conclave.lan:7443"),
        ] {
            assert_eq!(
                verdict(Some(origin), host),
                Err(RefusalCode::OriginRefused),
                "{origin} to {host}"
            );
        }
    }
}
