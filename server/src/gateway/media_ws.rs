//! The fallback for media where no UDP comes through: the same sealed datagrams over a WebSocket at
//! `/media`, each one binary frame.
//!
//! There is nothing to say first: the first datagram that opens under a session's keys names the session. A
//! socket over which none comes is closed.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use actix::prelude::*;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use actix_web_actors::ws;
use conclave_wire::limits::DATAGRAM_BYTES_MAX;

use super::{sockets::SocketHandle, upgrade::admit};
use crate::{
    media::sessions::{FromWebSocket, MediaSessions, SendDatagrams, WebSocketLink},
    server::AppState,
};

/// A socket over which no authentic datagram has come for so long is shut: at first, and ever after.
pub const AUTHENTIC_WITHIN: Duration = Duration::from_secs(10);
/// What may come before one has opened: a client sends hello, and again after a second.
pub const STRANGE_DATAGRAMS_MAX: usize = 16;
/// Messages towards the socket, each one or more datagrams; their bytes are bounded too.
const MAILBOX_MAX: usize = 256;

pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/media", web::get().to(open));
}

async fn open(
    request: HttpRequest,
    stream: web::Payload,
    state: web::Data<Arc<AppState>>,
) -> Result<HttpResponse, Error> {
    connect(&request, stream, state.sessions.clone())
}

/// Answers the handshake and starts the socket's actor.
///
/// # Errors
/// When the request is no WebSocket handshake.
pub fn connect(
    request: &HttpRequest,
    stream: web::Payload,
    sessions: MediaSessions,
) -> Result<HttpResponse, Error> {
    let upgrade = match admit(request) {
        Ok(upgrade) => upgrade,
        Err(refused) => return Ok(refused),
    };
    let actor = MediaSocketActor {
        sessions,
        socket: upgrade.socket,
        link: None,
        strange: 0,
    };
    ws::WsResponseBuilder::new(actor, request, stream)
        .frame_size(DATAGRAM_BYTES_MAX)
        .start()
}

/// Holds the socket, and nothing else: a client that stops reading freezes it.
struct MediaSocketActor {
    sessions: MediaSessions,
    socket: Arc<SocketHandle>,
    /// Made when the actor has an address.
    link: Option<Arc<WebSocketLink>>,
    /// Datagrams that came before any was authentic.
    strange: usize,
}

/// Shuts a socket over which nothing authentic comes. It runs beside the actor, which may be frozen: then it
/// does not read either.
async fn watch(link: Weak<WebSocketLink>, socket: Arc<SocketHandle>) {
    loop {
        tokio::time::sleep(AUTHENTIC_WITHIN).await;
        match link.upgrade() {
            None => return,
            Some(link) if link.was_authenticated_since() => {}
            Some(_) => {
                tracing::debug!("a media WebSocket was silent for too long");
                socket.shut_down();
                return;
            }
        }
    }
}

impl Actor for MediaSocketActor {
    type Context = ws::WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MAX);
        let link = WebSocketLink::new(ctx.address().recipient());
        actix::spawn(watch(Arc::downgrade(&link), self.socket.clone()));
        self.link = Some(link);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        tracing::debug!("a media WebSocket was closed");
    }
}

impl MediaSocketActor {
    fn datagram(&mut self, datagram: &[u8], ctx: &mut ws::WebsocketContext<Self>) {
        let Some(link) = &self.link else {
            return;
        };
        if !link.has_proven_itself() {
            self.strange += 1;
            if self.strange > STRANGE_DATAGRAMS_MAX {
                close(ctx, ws::CloseCode::Policy);
                return;
            }
        }
        self.sessions.arrived_by_websocket(FromWebSocket {
            link: link.clone(),
            datagram: datagram.to_vec(),
        });
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for MediaSocketActor {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Binary(datagram)) => self.datagram(&datagram, ctx),
            Ok(ws::Message::Ping(payload)) => ctx.pong(&payload),
            Ok(ws::Message::Pong(_) | ws::Message::Nop) => {}
            Ok(ws::Message::Text(_) | ws::Message::Continuation(_)) => {
                close(ctx, ws::CloseCode::Unsupported);
            }
            Ok(ws::Message::Close(_)) => close(ctx, ws::CloseCode::Normal),
            Err(error) => {
                tracing::debug!(%error, "on a media WebSocket");
                close(ctx, ws::CloseCode::Protocol);
            }
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<SendDatagrams> for MediaSocketActor {
    type Result = ();

    fn handle(&mut self, SendDatagrams(datagrams): SendDatagrams, ctx: &mut Self::Context) {
        for datagram in datagrams {
            if let Some(link) = &self.link {
                link.written(datagram.len());
            }
            ctx.binary(datagram);
        }
    }
}

fn close(ctx: &mut ws::WebsocketContext<MediaSocketActor>, code: ws::CloseCode) {
    ctx.close(Some(code.into()));
    ctx.stop();
}
