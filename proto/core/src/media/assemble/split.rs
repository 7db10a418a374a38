//! An encoded frame, and how it is cut.

use conclave_wire::{
    Layer, ParticipantId,
    datagram::{CameraCodec, FRAGMENT_PAYLOAD_BYTES_MAX, Fragment},
    limits::CAMERA_FRAME_BYTES_MAX,
};

/// One camera frame, encoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodedFrame {
    /// Rises by one a frame of a layer, wrapping.
    pub number: u32,
    pub codec: CameraCodec,
    pub keyframe: bool,
    /// Milliseconds on the publisher's clock, wrapping.
    pub captured_ms: u32,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FrameRefused {
    #[error("a frame has at least one byte")]
    Empty,
    #[error("a frame has at most {CAMERA_FRAME_BYTES_MAX} bytes")]
    TooLarge,
}

/// Cuts a frame into fragments, all but the last of them full.
///
/// # Errors
/// [`FrameRefused`] when the frame is empty or larger than 1 MiB.
pub fn split(
    frame: &EncodedFrame,
    source: ParticipantId,
    layer: Layer,
) -> Result<impl ExactSizeIterator<Item = Fragment<'_>>, FrameRefused> {
    if frame.bytes.is_empty() {
        return Err(FrameRefused::Empty);
    }
    if frame.bytes.len() > CAMERA_FRAME_BYTES_MAX {
        return Err(FrameRefused::TooLarge);
    }
    let count = frame.bytes.len().div_ceil(FRAGMENT_PAYLOAD_BYTES_MAX) as u16;
    let chunks = frame.bytes.chunks(FRAGMENT_PAYLOAD_BYTES_MAX);
    Ok(chunks.enumerate().map(move |(index, payload)| Fragment {
        source,
        layer,
        codec: frame.codec,
        keyframe: frame.keyframe,
        frame: frame.number,
        index: index as u16,
        count,
        captured_ms: frame.captured_ms,
        payload,
    }))
}
