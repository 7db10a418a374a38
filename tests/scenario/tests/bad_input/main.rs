//! What cannot be read, or comes out of turn, is refused with a code, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use conclave_client::link::{
    dial::Dialer,
    http::{HttpClient, HttpError, Upload, success},
    invite::Invite,
};
use conclave_scenario::{
    raw::{RawClient, join_as, refusal_of, upgrade},
    server::{Server, SharedServer},
};
use conclave_wire::{
    ClientMessage, Command, Encoding, LeaveReason, ParticipantId, RefusalCode, ServerMessage,
    Settings,
    command::Reply,
    http::{CreateRoom, JoinRoom},
    limits::{CONTROL_DEPTH_MAX, CONTROL_MESSAGE_BYTES_MAX, LINE_BYTES_MAX},
    message::Enter,
};
use hyper::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

mod door;
mod frames;
mod turns;

static SERVER: SharedServer = SharedServer::new(&[]);
const BOTH: [Encoding; 2] = [Encoding::Json, Encoding::MessagePack];

/// Somebody in the room whose day must not be spoiled.
struct Witness(RawClient);

impl Witness {
    async fn join(invite: &Invite) -> Witness {
        Witness(RawClient::join(invite, "Witness", Encoding::Json).await.0)
    }

    /// The room still works, and nobody was told more than that people came and went.
    async fn is_well(&mut self, mark: &str) {
        self.0.say(mark).await;
    }
}
