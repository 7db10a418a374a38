//! The HTTP server: TLS on the listening sockets, limits before the handshake, routes behind it.

use std::{any::Any, io, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, TlsAcceptorConfig, error::DispatchError};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_web::{
    App,
    dev::{AppConfig, Server, ServerHandle},
    middleware::from_fn,
    rt::net::TcpStream,
    web,
};
use rustls::ServerConfig;

use super::AppState;
use crate::gateway::{
    http::{self, limits::Attempt},
    media_ws, screen,
    sockets::{Connections, on_connect},
    ws,
};

/// Idle connections are closed after so long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Time for the last bytes of a connection that ends.
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// Time for requests under way when the server stops.
const SHUTDOWN_SECONDS: u64 = 2;

/// Serves until the handle stops it.
pub(super) fn serve(
    state: &Arc<AppState>,
    tls: ServerConfig,
    main: TcpListener,
    admin: Option<TcpListener>,
) -> io::Result<ServerHandle> {
    let threads = state.config.http_threads;
    let connections = Connections::new(state.config.connections_per_address_max);
    let mut server = Server::build()
        .workers(threads)
        .max_concurrent_connections(state.config.connections_max.div_ceil(threads))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    let admin_is_apart = admin.is_some();
    server = add(server, "main", main, state, &tls, &connections, {
        move |routes| {
            ws::routes(routes);
            screen::routes(routes);
            media_ws::routes(routes);
            http::rooms::routes(routes);
            http::files::routes(routes);
            http::pages::routes(routes);
            if !admin_is_apart {
                http::pages::admin_routes(routes);
            }
        }
    })?;
    if let Some(admin) = admin {
        server = add(server, "admin", admin, state, &tls, &connections, {
            |routes| {
                http::pages::admin_routes(routes);
                http::pages::asset_routes(routes);
            }
        })?;
    }
    let server = server.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}

/// The service of one listening socket: the gate, TLS, HTTP, the routes.
fn add(
    server: ServerBuilder,
    name: &str,
    listener: TcpListener,
    state: &Arc<AppState>,
    tls: &ServerConfig,
    connections: &Connections,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<ServerBuilder> {
    let address = listener.local_addr()?;
    let (state, tls, connections) = (state.clone(), tls.clone(), connections.clone());
    server.listen(name, listener, move || {
        let gate = fn_service({
            let state = state.clone();
            move |stream| std::future::ready(admit(&state, stream))
        });
        let app = App::new()
            .app_data(web::Data::new(state.clone()))
            .app_data(http::json_bodies(state.config.request_body_bytes_max))
            .wrap(from_fn(http::security_headers))
            .configure(routes.clone())
            .default_service(web::to(http::pages::nothing))
            .into_factory()
            .map_err(|error: actix_web::Error| error.error_response());
        let opened = on_connect(connections.clone());
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let handshake = seconds(state.config.handshake_deadline_seconds);
        let acceptor = TlsAcceptorConfig::default().handshake_timeout(handshake);
        let http = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(seconds(state.config.request_deadline_seconds))
            .client_disconnect_timeout(DISCONNECT_DEADLINE)
            .secure()
            .local_addr(address)
            .on_connect_ext(move |stream: &_, kept: &mut _| opened(stream as &dyn Any, kept))
            .finish(map_config(app, |()| AppConfig::default()))
            .rustls_0_23_with_config(tls.clone(), acceptor);
        gate.and_then(http)
    })
}

type Rejected = TlsError<io::Error, DispatchError>;

/// Lets a connection in before anything is computed for it, or closes it.
fn admit(state: &AppState, stream: TcpStream) -> Result<TcpStream, Rejected> {
    let peer = stream.peer_addr().map_err(TlsError::Tls)?;
    match state.limits.spend(peer.ip(), Attempt::Handshake) {
        Ok(()) => Ok(stream),
        Err(refusal) => {
            tracing::debug!(%peer, "too many handshakes");
            Err(TlsError::Tls(io::Error::other(refusal.message)))
        }
    }
}
