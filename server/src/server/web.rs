//! The HTTP server: TLS on the listening sockets, limits before the handshake, routes behind it.

use std::{any::Any, io, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, TlsAcceptorConfig, error::DispatchError};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_web::{
    App,
    dev::{AppConfig, Server, ServerHandle},
    middleware::{Condition, from_fn},
    rt::net::TcpStream,
    web,
};
use rustls::ServerConfig;

use super::AppState;
use crate::admin::routes as admin_routes;
use crate::gateway::{
    http::{self, limits::Attempt, request_id::request_id},
    media_ws, screen,
    sockets::on_connect,
    ws,
};
use crate::telemetry::beat::LoopKind;

/// Idle connections are closed after so long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Time for the last bytes of a connection that ends.
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// The listening socket for everybody.
const MAIN: &str = "main";
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
    let mut server = Server::build()
        .workers(threads)
        .max_concurrent_connections(state.config.connections_max.div_ceil(threads))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    let admin_is_apart = admin.is_some();
    server = add(server, MAIN, main, state, &tls, {
        move |routes| {
            ws::routes(routes);
            screen::routes(routes);
            media_ws::routes(routes);
            http::api::routes(routes);
            http::files::share_routes(routes);
            http::pages::routes(routes);
            http::server_info::routes(routes);
            if !admin_is_apart {
                http::watching::metrics_routes(routes);
                admin_routes(routes);
            }
            // Names of files that are nobody else's.
            http::ui::routes(routes);
        }
    })?;
    if let Some(admin) = admin {
        server = add(server, "admin", admin, state, &tls, {
            |routes| {
                http::api::health_routes(routes);
                http::watching::metrics_routes(routes);
                admin_routes(routes);
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
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<ServerBuilder> {
    let address = listener.local_addr()?;
    let (state, tls) = (state.clone(), tls.clone());
    let loops = (name == MAIN).then(|| state.loops.clone());
    server.listen(name, listener, move || {
        // This runs once on each worker's own loop.
        if let Some(loops) = &loops {
            actix_rt::spawn(loops.follow(LoopKind::Http));
        }
        let gate = fn_service({
            let state = state.clone();
            move |stream| std::future::ready(admit(&state, stream))
        });
        let has_other_origins = !state.config.allowed_origins.is_empty();
        let app = App::new()
            .app_data(web::Data::new(state.clone()))
            .app_data(http::json_bodies(state.config.request_body_bytes_max))
            .app_data(http::plain_bodies(state.config.request_body_bytes_max))
            .wrap(from_fn(http::callers::limited))
            .wrap(from_fn(http::problem::problems))
            .wrap(Condition::new(
                has_other_origins,
                http::cors::cors(&state.config),
            ))
            .wrap(from_fn(http::security_headers))
            .wrap(from_fn(request_id))
            .configure(routes.clone())
            .default_service(web::to(http::pages::nothing))
            .into_factory()
            .map_err(|error: actix_web::Error| error.error_response());
        let opened = on_connect(state.connections.clone());
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
    // Many people stand behind a proxy; what it asks for them is counted by their own addresses.
    if state.proxies.trusts(peer.ip()) {
        return Ok(stream);
    }
    match state.limits.spend(peer.ip(), Attempt::Handshake) {
        Ok(()) => Ok(stream),
        Err(refusal) => {
            tracing::debug!(%peer, "too many handshakes");
            Err(TlsError::Tls(io::Error::other(refusal.message)))
        }
    }
}
