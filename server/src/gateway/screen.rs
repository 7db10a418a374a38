//! The WebSocket for screens: one actor per link, which holds the socket and nothing else.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes},
};
use actix_web_actors::ws::{
    CloseCode, CloseReason, Message as Frame, ProtocolError, WebsocketContext, WsResponseBuilder,
};
use conclave_core::Moment;
use conclave_wire::{
    Encoding, Refusal, RefusalCode, limits::SCREEN_MESSAGE_BYTES_MAX, screen::ScreenHello,
};

use super::{sockets::SocketHandle, upgrade::admit};
use crate::{
    actors::{
        lobby::{FindRoom, LobbyActor},
        presenter_slot::{CloseScreen, FromScreen, OpenScreen, PresenterSlotActor, ToScreen},
        room::AuthenticateSeat,
    },
    clock::Clock,
    server::AppState,
};

/// Batches that may wait for a link. A frozen link takes none, so that more say that it is frozen.
const MAILBOX_BATCHES: usize = 64;
/// The first message.
const HELLO_BYTES_MAX: usize = 1_024;
/// How often a quiet client is asked whether it is there, and after how long it is not.
const PING_EVERY: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long a room may take to say whether it knows a seat.
const ENTRY_DEADLINE: Duration = Duration::from_secs(10);

/// The way in at `/screen`.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/screen", web::get().to(open));
}

async fn open(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<Arc<AppState>>,
) -> Result<HttpResponse, actix_web::Error> {
    let upgrade = match admit(&request) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return Ok(refusal),
    };
    let link = ScreenLinkActor {
        lobby: state.lobby.clone(),
        clock: state.clock,
        hello_within: Duration::from_secs(state.config.join_deadline_seconds.into()),
        socket: upgrade.socket,
        heard_at: state.clock.now(),
        open: None,
    };
    WsResponseBuilder::new(link, &request, payload)
        .frame_size(SCREEN_MESSAGE_BYTES_MAX)
        .start()
}

/// The socket.
struct ScreenLinkActor {
    lobby: Addr<LobbyActor>,
    clock: Clock,
    hello_within: Duration,
    socket: Arc<SocketHandle>,
    heard_at: Moment,
    /// The slot and the link's number there, when it has been let in.
    open: Option<(Addr<PresenterSlotActor>, u64)>,
}

impl ScreenLinkActor {
    fn text(&mut self, text: &[u8], ctx: &mut WebsocketContext<Self>) {
        if self.open.is_some() {
            return end(ctx, RefusalCode::HelloTwice.into());
        }
        if text.len() > HELLO_BYTES_MAX {
            return end(ctx, RefusalCode::TooLarge.into());
        }
        let Ok(hello) = Encoding::Json.decode(text) else {
            return end(ctx, RefusalCode::Malformed.into());
        };
        let link = ctx.address().recipient();
        let entry = enter(self.lobby.clone(), hello, link, self.socket.clone());
        let entry = tokio::time::timeout(ENTRY_DEADLINE, entry);
        // Nothing more is read meanwhile.
        ctx.wait(entry.into_actor(self).map(|entered, actor, ctx| {
            match entered.unwrap_or_else(|_| Err(RefusalCode::Timeout.into())) {
                Ok(open) => actor.open = Some(open),
                Err(refusal) => end(ctx, refusal),
            }
        }));
    }

    fn binary(&mut self, bytes: &Bytes, ctx: &mut WebsocketContext<Self>) {
        let Some((slot, link)) = &self.open else {
            return end(ctx, RefusalCode::HelloExpected.into());
        };
        // A copy: the frame is a part of a larger buffer, which the cache would hold on to.
        let message = Bytes::copy_from_slice(bytes);
        let message = FromScreen {
            link: *link,
            message,
        };
        match slot.try_send(message) {
            Ok(()) => {}
            // Until there is room nothing more is read, so that the sender waits.
            Err(SendError::Full(message)) => {
                ctx.wait(slot.send(message).into_actor(self).map(|_, _, _| ()));
            }
            Err(SendError::Closed(_)) => end(ctx, RefusalCode::RoomEnded.into()),
        }
    }
}

/// Finds the room, shows it the token, and opens the link at its slot.
async fn enter(
    lobby: Addr<LobbyActor>,
    hello: ScreenHello,
    link: Recipient<ToScreen>,
    socket: Arc<SocketHandle>,
) -> Result<(Addr<PresenterSlotActor>, u64), Refusal> {
    let busy = |_| Refusal::from(RefusalCode::Busy);
    let room = lobby
        .send(FindRoom { slug: hello.slug })
        .await
        .map_err(busy)??;
    let token = hello.seat_token;
    let pass = room
        .send(AuthenticateSeat { token })
        .await
        .map_err(busy)??;
    let open = OpenScreen {
        seat: pass.id,
        purpose: hello.purpose,
        link,
        socket,
    };
    let number = pass.slot.send(open).await.map_err(busy)??;
    Ok((pass.slot, number))
}

/// What cannot go on: says why and closes.
fn end(ctx: &mut WebsocketContext<ScreenLinkActor>, refusal: Refusal) {
    crate::telemetry::refusals::count(refusal.code);
    let close = match refusal.code {
        RefusalCode::TooLarge => CloseCode::Size,
        RefusalCode::Malformed => CloseCode::Protocol,
        _ => CloseCode::Policy,
    };
    let refusal = Encoding::Json.encode(&refusal);
    if let Ok(text) = Bytes::from(refusal).try_into() {
        ctx.write_raw(Frame::Text(text));
    }
    ctx.close(Some(CloseReason::from(close)));
    ctx.stop();
}

impl Actor for ScreenLinkActor {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_BATCHES);
        ctx.run_later(self.hello_within, |actor, ctx| {
            if actor.open.is_none() {
                end(ctx, RefusalCode::Timeout.into());
            }
        });
        ctx.run_interval(PING_EVERY, |actor, ctx| {
            if actor.clock.now().since(actor.heard_at) > SILENCE_MAX {
                return end(ctx, RefusalCode::Timeout.into());
            }
            ctx.ping(&[]);
        });
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some((slot, link)) = &self.open {
            // Once a link, and never to be lost: a full mailbox must take it.
            slot.do_send(CloseScreen { link: *link });
        }
    }
}

impl StreamHandler<Result<Frame, ProtocolError>> for ScreenLinkActor {
    fn handle(&mut self, frame: Result<Frame, ProtocolError>, ctx: &mut Self::Context) {
        self.heard_at = self.clock.now();
        match frame {
            Ok(Frame::Text(text)) => self.text(text.as_bytes(), ctx),
            Ok(Frame::Binary(bytes)) => self.binary(&bytes, ctx),
            Ok(Frame::Ping(payload)) => ctx.pong(&payload),
            Ok(Frame::Pong(_) | Frame::Nop) => {}
            Ok(Frame::Close(_)) => {
                ctx.close(None);
                ctx.stop();
            }
            // No message is so long that it has to come in pieces.
            Ok(Frame::Continuation(_)) => end(ctx, RefusalCode::Malformed.into()),
            Err(ProtocolError::Overflow) => end(ctx, RefusalCode::TooLarge.into()),
            Err(error) => {
                tracing::debug!(%error, "on a screen link");
                end(ctx, RefusalCode::Malformed.into());
            }
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<ToScreen> for ScreenLinkActor {
    type Result = ();

    fn handle(&mut self, to: ToScreen, ctx: &mut Self::Context) {
        for message in to.messages {
            ctx.binary(message);
        }
        if let Some(code) = to.end {
            end(ctx, code.into());
        }
    }
}
