//! Everything that serde reads: the control link in both encodings, bodies of HTTP requests, and the
//! first words on a screen link.

use std::fmt::Debug;

use conclave_wire::{
    ClientMessage, Encoding, ServerMessage,
    http::{CreateRoom, JoinRoom},
    limits::CONTROL_MESSAGE_BYTES_MAX,
    screen::ScreenHello,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::Verdict;

pub(crate) fn client_message_msgpack(bytes: &[u8]) -> Verdict {
    message::<ClientMessage>(Encoding::MessagePack, bytes)
}

pub(crate) fn client_message_json(bytes: &[u8]) -> Verdict {
    message::<ClientMessage>(Encoding::Json, bytes)
}

pub(crate) fn server_message_msgpack(bytes: &[u8]) -> Verdict {
    message::<ServerMessage>(Encoding::MessagePack, bytes)
}

pub(crate) fn server_message_json(bytes: &[u8]) -> Verdict {
    message::<ServerMessage>(Encoding::Json, bytes)
}

pub(crate) fn http_create_room(bytes: &[u8]) -> Verdict {
    message::<CreateRoom>(Encoding::Json, bytes)
}

pub(crate) fn http_join_room(bytes: &[u8]) -> Verdict {
    message::<JoinRoom>(Encoding::Json, bytes)
}

pub(crate) fn screen_hello(bytes: &[u8]) -> Verdict {
    message::<ScreenHello>(Encoding::Json, bytes)
}

/// Reads a message, and holds that both encodings carry it without loss.
fn message<T>(encoding: Encoding, bytes: &[u8]) -> Verdict
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let Ok(message) = encoding.decode::<T>(bytes) else {
        return Verdict::Refused;
    };
    assert!(bytes.len() <= CONTROL_MESSAGE_BYTES_MAX);
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        // What came in compact form may be larger than a message may be when it is written in full.
        let again = encoding.decode_trusted::<T>(&encoding.encode(&message));
        assert_eq!(again.as_ref(), Ok(&message), "through {encoding:?}");
    }
    Verdict::Read
}
