//! What travels on the screen link (`/screen`), one message a WebSocket binary frame.
//!
//! The first frame is text, a [`ScreenHello`] in JSON. Then, big-endian, a byte of type and its
//! fields. Positions and widths of runs are in tiles of 64 by 64 pixels.

use serde::{Deserialize, Serialize};

use crate::{datagram::Reader, limits::SCREEN_MESSAGE_BYTES_MAX};

/// Side of a tile in pixels.
pub const TILE_PX: u32 = 64;
/// Widest and highest screen, in pixels: two 8K displays beside each other.
pub const SCREEN_SIDE_PX_MAX: u32 = 15_360;
/// Type, generation, x, y, width, codec.
pub const RUN_HEADER_BYTES: usize = 1 + 4 + 2 + 2 + 2 + 1;
/// What a run's picture may weigh.
pub const RUN_BYTES_MAX: usize = SCREEN_MESSAGE_BYTES_MAX - RUN_HEADER_BYTES;

/// The first message on a screen link.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScreenHello {
    /// Of the room that the seat is in.
    pub slug: String,
    pub seat_token: String,
    pub purpose: ScreenPurpose,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenPurpose {
    Present,
    View,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum RunCodec {
    Jpeg = 0,
    Png = 1,
}

/// Adjacent changed tiles of one row in one picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Run<'a> {
    /// The frame it belongs to; rises, wrapping.
    pub generation: u32,
    pub x: u16,
    pub y: u16,
    /// At least one.
    pub width: u16,
    pub codec: RunCodec,
    pub bytes: &'a [u8],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ScreenMessage<'a> {
    /// Presenter to viewers: what follows is a picture of this size; forget what was before.
    Start {
        width_px: u16,
        height_px: u16,
    },
    Run(Run<'a>),
    /// All runs of this generation have been sent.
    FrameEnd {
        generation: u32,
        captured_ms: u32,
    },
    /// Where the pointer is, in pixels; `None` when it is not on the screen.
    Pointer {
        at: Option<(u16, u16)>,
    },
    /// Nobody presents any more.
    Stop,
    /// Receiver to sender: how many bytes of messages it has taken since the link began, wrapping.
    Ack {
        bytes: u32,
    },
    /// Server to presenter: a new frame at most this often.
    Pace {
        interval_ms: u16,
    },
    /// Server to presenter: send everything again.
    Refresh,
}

const START: u8 = 1;
const RUN: u8 = 2;
const FRAME_END: u8 = 3;
const POINTER: u8 = 4;
const STOP: u8 = 5;
const ACK: u8 = 6;
const PACE: u8 = 7;
const REFRESH: u8 = 8;

impl<'a> ScreenMessage<'a> {
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            ScreenMessage::Start {
                width_px,
                height_px,
            } => {
                out.push(START);
                out.extend_from_slice(&width_px.to_be_bytes());
                out.extend_from_slice(&height_px.to_be_bytes());
            }
            ScreenMessage::Run(run) => {
                out.push(RUN);
                out.extend_from_slice(&run.generation.to_be_bytes());
                out.extend_from_slice(&run.x.to_be_bytes());
                out.extend_from_slice(&run.y.to_be_bytes());
                out.extend_from_slice(&run.width.to_be_bytes());
                out.push(run.codec as u8);
                out.extend_from_slice(run.bytes);
            }
            ScreenMessage::FrameEnd {
                generation,
                captured_ms,
            } => {
                out.push(FRAME_END);
                out.extend_from_slice(&generation.to_be_bytes());
                out.extend_from_slice(&captured_ms.to_be_bytes());
            }
            ScreenMessage::Pointer { at } => {
                let (x, y) = at.unwrap_or_default();
                out.push(POINTER);
                out.push(u8::from(at.is_some()));
                out.extend_from_slice(&x.to_be_bytes());
                out.extend_from_slice(&y.to_be_bytes());
            }
            ScreenMessage::Stop => out.push(STOP),
            ScreenMessage::Ack { bytes } => {
                out.push(ACK);
                out.extend_from_slice(&bytes.to_be_bytes());
            }
            ScreenMessage::Pace { interval_ms } => {
                out.push(PACE);
                out.extend_from_slice(&interval_ms.to_be_bytes());
            }
            ScreenMessage::Refresh => out.push(REFRESH),
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// `None` when it is not a message of the protocol.
    pub fn parse(message: &'a [u8]) -> Option<ScreenMessage<'a>> {
        if message.len() > SCREEN_MESSAGE_BYTES_MAX {
            return None;
        }
        let mut reader = Reader(message);
        let parsed = match reader.u8()? {
            START => {
                let (width_px, height_px) = (reader.u16()?, reader.u16()?);
                let side = 1..=SCREEN_SIDE_PX_MAX;
                if !side.contains(&width_px.into()) || !side.contains(&height_px.into()) {
                    return None;
                }
                ScreenMessage::Start {
                    width_px,
                    height_px,
                }
            }
            RUN => {
                let generation = reader.u32()?;
                let (x, y, width) = (reader.u16()?, reader.u16()?, reader.u16()?);
                let codec = match reader.u8()? {
                    0 => RunCodec::Jpeg,
                    1 => RunCodec::Png,
                    _ => return None,
                };
                let bytes = std::mem::take(&mut reader.0);
                if width == 0 || x.checked_add(width).is_none() || bytes.is_empty() {
                    return None;
                }
                ScreenMessage::Run(Run {
                    generation,
                    x,
                    y,
                    width,
                    codec,
                    bytes,
                })
            }
            FRAME_END => ScreenMessage::FrameEnd {
                generation: reader.u32()?,
                captured_ms: reader.u32()?,
            },
            POINTER => {
                let visible = reader.u8()? != 0;
                let at = (reader.u16()?, reader.u16()?);
                ScreenMessage::Pointer {
                    at: visible.then_some(at),
                }
            }
            STOP => ScreenMessage::Stop,
            ACK => ScreenMessage::Ack {
                bytes: reader.u32()?,
            },
            PACE => ScreenMessage::Pace {
                interval_ms: reader.u16()?,
            },
            REFRESH => ScreenMessage::Refresh,
            _ => return None,
        };
        reader.0.is_empty().then_some(parsed)
    }
}
