//! The control link: one actor per WebSocket, which turns bytes into words and back, and does nothing
//! else, because a client that stops reading freezes it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix::prelude::*;
use actix_http::ws::Item;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes, BytesMut},
};
use actix_web_actors::ws::{
    CloseCode, CloseReason, Message as Frame, ProtocolError, WebsocketContext, WsResponseBuilder,
};
use conclave_core::link::attachment::{AttachmentLimits, OutboxLimits, PaceLimits};
use conclave_wire::{
    Encoding, Refusal, RefusalCode, ServerMessage, encoding::DecodeError,
    limits::CONTROL_MESSAGE_BYTES_MAX, message::Enter,
};

use super::{
    http::{
        callers::{Spend, shown_invite},
        limits::Attempt,
    },
    sockets::SocketHandle,
    upgrade::{admit, refuse},
};
use crate::{
    actors::{
        lobby::VisitRoom,
        participant::{
            self, Answering, Finding, FromLink, LinkParts, ParticipantActor, RoomLine, Rooms,
            ToLink,
        },
    },
    auth::token,
    config::Config,
    server::AppState,
    telemetry::refusals,
};

/// Messages that may wait for a link. A participant gives one for each that waits for itself, all in one
/// go, so that fewer would take a busy link for a frozen one; a frozen one is known by its outbox.
const MAILBOX_MESSAGES: usize = 2 * participant::MAILBOX_MESSAGES;
/// Frames of one message that comes in pieces.
const PIECES_MAX: usize = 64;

/// The way in at `/ws`.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/ws", web::get().to(open));
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
    let Some(encoding) = asked_encoding(&request) else {
        return Ok(refuse(RefusalCode::UnsupportedVersion));
    };
    let link = LinkActor {
        encoding,
        door: Door {
            state: state.get_ref().clone(),
            address: upgrade.address,
            invite: shown_invite(&request),
        },
        socket: upgrade.socket,
        participant: None,
        pieces: None,
        closing: false,
    };
    let subprotocols = [Encoding::MessagePack, Encoding::Json].map(Encoding::subprotocol);
    WsResponseBuilder::new(link, &request, payload)
        .protocols(&subprotocols)
        .frame_size(CONTROL_MESSAGE_BYTES_MAX)
        .start()
}

fn limits_of(config: &Config) -> AttachmentLimits {
    let standard = AttachmentLimits::default();
    AttachmentLimits {
        join_within: Duration::from_secs(config.join_deadline_seconds.into()),
        offers_burst: config.webrtc_offers_burst,
        offers_per_minute: config.webrtc_offers_per_minute,
        pace: PaceLimits {
            commands_burst: config.commands_burst,
            commands_per_second: config.commands_per_second,
            ..standard.pace
        },
        outbox: OutboxLimits {
            messages_max: config.outbox_messages_max,
            bytes_max: config.outbox_bytes_max,
            ..standard.outbox
        },
        ..standard
    }
}

/// The first subprotocol that we speak of those the client offers; MessagePack when it offers none.
fn asked_encoding(request: &HttpRequest) -> Option<Encoding> {
    let Some(offered) = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL) else {
        return Some(Encoding::MessagePack);
    };
    let mut names = offered.to_str().ok()?.split(',').map(str::trim);
    names.find_map(Encoding::from_subprotocol)
}

/// The way to the rooms, for somebody at one address.
#[derive(Clone)]
struct Door {
    state: Arc<AppState>,
    address: Option<IpAddr>,
    /// What of a room's link was shown with the connection.
    invite: Option<String>,
}

impl Rooms for Door {
    fn offer_media(&self, session: u64, sdp: String) -> Answering {
        Box::pin(self.state.sessions.offer(session, sdp))
    }

    fn may_try(&self, enter: &Enter) -> Result<(), Refusal> {
        let address = self.address.ok_or(RefusalCode::Internal)?;
        let limits = &self.state.limits;
        match enter {
            Enter::Join { slug, .. } if self.is_invited(slug) => {
                limits.spend(address, Attempt::Join)?;
            }
            Enter::Join { .. } => self.state.callers.stranger(address, Spend::Join)?,
            // A token is too long to be guessed; who shows one that is none is counted afterwards.
            Enter::Resume { seat_token, .. } => {
                limits.spend(address, Attempt::Join)?;
                self.state.callers.seat(token::hash(seat_token))?;
            }
        }
        match enter {
            Enter::Join {
                password: None,
                host_key: None,
                ..
            }
            | Enter::Resume { .. } => Ok(()),
            Enter::Join { .. } => limits.may_try_secret(address),
        }
    }

    fn find(&self, slug: String) -> Finding {
        let asked = self.state.lobby.send(VisitRoom { slug });
        Box::pin(async move {
            let found = asked.await.unwrap_or(Err(RefusalCode::Stopping.into()));
            found.map(RoomLine::from)
        })
    }

    fn turned_away(&self, code: RefusalCode) {
        let Some(address) = self.address else {
            return;
        };
        // What is refused next is the next attempt; this one was made.
        if matches!(code, RefusalCode::PasswordWrong | RefusalCode::HostKeyWrong) {
            self.state.limits.spend(address, Attempt::WrongSecret).ok();
        } else if code == RefusalCode::SeatUnknown {
            self.state.callers.stranger(address, Spend::Join).ok();
        }
    }
}

impl Door {
    fn is_invited(&self, slug: &str) -> bool {
        let invite = self.invite.as_deref();
        invite.is_some_and(|invite| self.state.links.is_invite(slug, invite))
    }
}

/// The socket.
struct LinkActor {
    encoding: Encoding,
    door: Door,
    socket: Arc<SocketHandle>,
    participant: Option<Addr<ParticipantActor>>,
    /// A message that comes in several frames.
    pieces: Option<Pieces>,
    /// We have said that we close.
    closing: bool,
}

#[derive(Default)]
struct Pieces {
    bytes: BytesMut,
    count: usize,
    /// Text or binary, whichever this link does not speak, or too much of it.
    refused: Option<RefusalCode>,
}

impl LinkActor {
    fn is_text(&self) -> bool {
        self.encoding == Encoding::Json
    }

    fn message(&mut self, ctx: &mut WebsocketContext<Self>, is_text: bool, bytes: &[u8]) {
        let said = match is_text == self.is_text() {
            false => FromLink::Unreadable(RefusalCode::Malformed),
            true => match self.encoding.decode(bytes) {
                Ok(message) => FromLink::Said(message),
                Err(error) => FromLink::Unreadable(code_of(error)),
            },
        };
        self.tell(ctx, said);
    }

    fn piece(&mut self, ctx: &mut WebsocketContext<Self>, item: Item) {
        let (first, bytes, last) = match item {
            Item::FirstText(bytes) => (Some(true), bytes, false),
            Item::FirstBinary(bytes) => (Some(false), bytes, false),
            Item::Continue(bytes) => (None, bytes, false),
            Item::Last(bytes) => (None, bytes, true),
        };
        if let Some(is_text) = first {
            let refused = (is_text != self.is_text()).then_some(RefusalCode::Malformed);
            self.pieces = Some(Pieces {
                refused,
                ..Pieces::default()
            });
        }
        let Some(pieces) = &mut self.pieces else {
            return self.tell(ctx, FromLink::Unreadable(RefusalCode::Malformed));
        };
        pieces.count += 1;
        if pieces.bytes.len() + bytes.len() > CONTROL_MESSAGE_BYTES_MAX || pieces.count > PIECES_MAX
        {
            pieces.refused.get_or_insert(RefusalCode::TooLarge);
        }
        if pieces.refused.is_none() {
            pieces.bytes.extend_from_slice(&bytes);
        }
        if last && let Some(pieces) = self.pieces.take() {
            match pieces.refused {
                Some(code) => self.tell(ctx, FromLink::Unreadable(code)),
                None => self.message(ctx, self.is_text(), &pieces.bytes),
            }
        }
    }

    fn tell(&mut self, ctx: &mut WebsocketContext<Self>, said: FromLink) {
        if let Some(participant) = &self.participant
            && participant.try_send(said).is_err()
        {
            // Hundreds of messages in one read of the socket: a flood, or the other side is gone.
            self.end(ctx, RefusalCode::TooFast, CloseCode::Policy);
        }
    }

    /// What cannot go on: says why and closes.
    fn end(&mut self, ctx: &mut WebsocketContext<Self>, code: RefusalCode, close: CloseCode) {
        refusals::count(code);
        let refused = self.encoding.encode(&ServerMessage::Refused {
            reference: None,
            refusal: code.into(),
        });
        self.write(ctx, refused.into());
        ctx.close(Some(CloseReason::from(close)));
        ctx.stop();
    }

    fn write(&self, ctx: &mut WebsocketContext<Self>, frame: Bytes) {
        match self.encoding {
            Encoding::MessagePack => ctx.binary(frame),
            Encoding::Json => match frame.try_into() {
                Ok(text) => ctx.write_raw(Frame::Text(text)),
                Err(_) => tracing::error!("a JSON message is not UTF-8"),
            },
        }
    }
}

fn code_of(error: DecodeError) -> RefusalCode {
    match error {
        DecodeError::TooLarge => RefusalCode::TooLarge,
        DecodeError::TooDeep => RefusalCode::TooDeep,
        DecodeError::Malformed => RefusalCode::Malformed,
    }
}

impl Actor for LinkActor {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES);
        let parts = LinkParts {
            link: ctx.address().recipient(),
            socket: self.socket.clone(),
            encoding: self.encoding,
            limits: limits_of(&self.door.state.config),
        };
        let clock = self.door.state.clock;
        let participant = ParticipantActor::new(parts, Box::new(self.door.clone()), clock);
        self.participant = Some(participant.start());
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(participant) = &self.participant {
            // Once a link, and never to be lost: a full mailbox must take it.
            participant.do_send(FromLink::Closed);
        }
    }
}

impl StreamHandler<Result<Frame, ProtocolError>> for LinkActor {
    fn handle(&mut self, frame: Result<Frame, ProtocolError>, ctx: &mut Self::Context) {
        match frame {
            Ok(Frame::Close(_)) if self.closing => ctx.stop(),
            Ok(_) if self.closing => {}
            Ok(Frame::Text(text)) => self.message(ctx, true, text.as_bytes()),
            Ok(Frame::Binary(bytes)) => self.message(ctx, false, &bytes),
            Ok(Frame::Continuation(item)) => self.piece(ctx, item),
            Ok(Frame::Ping(payload)) => ctx.pong(&payload),
            Ok(Frame::Pong(payload)) => {
                if let Ok(mark) = payload[..].try_into() {
                    self.tell(ctx, FromLink::Returned(u64::from_be_bytes(mark)));
                }
            }
            Ok(Frame::Close(_)) => {
                ctx.close(None);
                ctx.stop();
            }
            Ok(Frame::Nop) => {}
            // The decoder stands where it stood, and would say the same for ever.
            Err(ProtocolError::Overflow) => {
                self.end(ctx, RefusalCode::TooLarge, CloseCode::Size);
            }
            Err(_) => self.end(ctx, RefusalCode::Malformed, CloseCode::Protocol),
        }
    }
}

impl Handler<ToLink> for LinkActor {
    type Result = ();

    fn handle(&mut self, to: ToLink, ctx: &mut Self::Context) {
        for frame in to.frames {
            self.write(ctx, Bytes::from_owner(frame));
        }
        if let Some(mark) = to.ping {
            ctx.ping(&mark.to_be_bytes());
        }
        if to.close {
            ctx.close(Some(CloseReason::from(CloseCode::Normal)));
            // The client answers with its own close frame, and what it has sent until then is read: to
            // hang up on it could take back what it was told last (RFC 6455 section 7.1.1). If it does
            // not, the participant shuts the socket down.
            self.closing = true;
        }
    }
}
