//! What travels on the control link, one message a WebSocket frame, in either encoding.

use serde::{Deserialize, Serialize};

use crate::{
    command::{Command, Reply},
    event::{Numbered, Signs},
    film::Pulse,
    id::Cursor,
    model::{AtTheDoor, LeaveReason, Welcome},
    refusal::Refusal,
};

/// How a client comes in; it is the first message on a link.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Enter {
    /// Take a new seat.
    Join {
        slug: String,
        name: String,
        #[serde(default)]
        #[cfg_attr(feature = "bindings", ts(optional = nullable))]
        password: Option<String>,
        /// From the creator's link: makes the newcomer host.
        #[serde(default)]
        #[cfg_attr(feature = "bindings", ts(optional = nullable))]
        host_key: Option<String>,
        /// False to join without sound.
        sound: bool,
        /// A secret that a program draws once and keeps, by which a ban knows it again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "bindings", ts(optional))]
        device: Option<String>,
        /// SHA-256 of one's copy of the film, for rooms that are strict about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "bindings", ts(optional))]
        file_hash: Option<String>,
    },
    /// Open a seat again. With a cursor the events since follow, if the room still has them.
    Resume {
        seat_token: String,
        #[serde(default)]
        #[cfg_attr(feature = "bindings", ts(optional = nullable))]
        cursor: Option<Cursor>,
    },
}

/// Client to server.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum ClientMessage {
    Hello {
        enter: Enter,
        /// The program and its version, for the operator's eyes.
        client: String,
    },
    /// `ref` is unique in a seat and rises; sent again after a lost link it is answered, not done twice.
    Do {
        #[serde(rename = "ref")]
        reference: u32,
        command: Command,
    },
    /// The highest event number that was taken.
    Ack { number: u32 },
    /// A sign of life, with the sender's own clock, which comes back in `beat`.
    Beat { sent_ms: u64 },
    /// A browser's offer for sound and picture by WebRTC, in place of datagrams, any time after the
    /// welcome; a new one replaces what an older one made. Answered by `media_answer`, or by `refused`
    /// without a `ref` and with one of the codes that only offers are refused with.
    OfferMedia {
        /// At most [`SDP_BYTES_MAX`](crate::limits::SDP_BYTES_MAX) bytes.
        sdp: String,
    },
}

/// Server to client.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum ServerMessage {
    Welcome(Box<Welcome>),
    /// You wait at the door: keep the link open. A `welcome` or a `refused` follows, and this again
    /// whenever your place changes.
    Waiting(AtTheDoor),
    Events {
        events: Vec<Numbered>,
    },
    /// The client was too far behind: the whole state again.
    Snapshot {
        cursor: Cursor,
        state: Box<crate::model::RoomState>,
    },
    Signs(Signs),
    Done {
        #[serde(rename = "ref")]
        reference: u32,
        reply: Reply,
    },
    Refused {
        /// Absent when it is not an answer to a command.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "bindings", ts(optional))]
        reference: Option<u32>,
        refusal: Refusal,
    },
    Beat {
        sent_ms: u64,
        room_clock_ms: u64,
        /// How clock and film stand, said again; absent when there are none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "bindings", ts(optional))]
        pulse: Option<Pulse>,
    },
    /// The answer to the oldest offer that is not answered yet, with all candidates in it.
    MediaAnswer {
        sdp: String,
    },
    /// The last message on a link.
    Goodbye {
        reason: LeaveReason,
        text: String,
    },
    /// Reserved: the room has moved to another server.
    Moved {
        addresses: Vec<String>,
    },
}
