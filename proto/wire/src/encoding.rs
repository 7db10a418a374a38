//! Messages as bytes: MessagePack for programs, JSON for people, scripts and tests.

mod message_pack;

use std::sync::{Arc, OnceLock};

use serde::{Serialize, de::DeserializeOwned};

use crate::limits::{CONTROL_DEPTH_MAX, CONTROL_MESSAGE_BYTES_MAX};

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Encoding {
    MessagePack,
    Json,
}

/// Why bytes were not a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    #[error("the message is larger than {CONTROL_MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the message is nested deeper than {CONTROL_DEPTH_MAX} levels")]
    TooDeep,
    #[error("the message is not of the protocol")]
    Malformed,
}

impl Encoding {
    /// The WebSocket subprotocol that asks for this encoding.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Encoding::MessagePack => "conclave.1.msgpack",
            Encoding::Json => "conclave.1.json",
        }
    }

    pub fn from_subprotocol(name: &str) -> Option<Encoding> {
        [Encoding::MessagePack, Encoding::Json]
            .into_iter()
            .find(|encoding| encoding.subprotocol() == name)
    }

    /// Writes a message. Our own messages hold nothing that either encoding cannot write.
    pub fn encode<T: Serialize>(self, message: &T) -> Vec<u8> {
        match self {
            Encoding::MessagePack => rmp_serde::to_vec_named(message)
                .expect("messages hold only strings, numbers, lists and maps"),
            Encoding::Json => serde_json::to_vec(message)
                .expect("messages hold only strings, numbers, lists and maps"),
        }
    }

    /// Reads a message from outside. Size and depth are checked before anything is built.
    ///
    /// # Errors
    /// [`DecodeError`]; the bytes are refused as a whole.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, DecodeError> {
        if bytes.len() > CONTROL_MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLarge);
        }
        self.decode_trusted(bytes)
    }

    /// Reads a message from the server, whose snapshots may be larger than what a client may send.
    ///
    /// # Errors
    /// [`DecodeError`]; the bytes are refused as a whole.
    pub fn decode_trusted<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, DecodeError> {
        match self {
            Encoding::MessagePack => {
                message_pack::check_shape(bytes)?;
                rmp_serde::from_slice(bytes).map_err(|_| DecodeError::Malformed)
            }
            Encoding::Json => {
                if json_depth(bytes) > CONTROL_DEPTH_MAX {
                    return Err(DecodeError::TooDeep);
                }
                serde_json::from_slice(bytes).map_err(|_| DecodeError::Malformed)
            }
        }
    }
}

/// A message for many, encoded at most once in each encoding and shared from then on.
#[derive(Debug)]
pub struct EncodedOnce<T> {
    pub message: T,
    message_pack: OnceLock<Arc<[u8]>>,
    json: OnceLock<Arc<[u8]>>,
}

impl<T: Serialize> EncodedOnce<T> {
    pub fn new(message: T) -> Arc<EncodedOnce<T>> {
        Arc::new(EncodedOnce {
            message,
            message_pack: OnceLock::new(),
            json: OnceLock::new(),
        })
    }

    pub fn bytes(&self, encoding: Encoding) -> Arc<[u8]> {
        let cell = match encoding {
            Encoding::MessagePack => &self.message_pack,
            Encoding::Json => &self.json,
        };
        cell.get_or_init(|| encoding.encode(&self.message).into())
            .clone()
    }
}

/// Deepest nesting of brackets outside of strings.
fn json_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for &byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
