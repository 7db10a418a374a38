//! Somebody with a camera that is published in the layers that were asked for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use conclave_core::{
    Moment,
    media::assemble::{EncodedFrame, FragmentCache, FragmentKey, split},
};
use conclave_wire::{
    Layer, ParticipantId,
    datagram::{CameraCodec, ReRequest},
};

use super::Datagram;

/// 15 frames a second.
const FRAME_EVERY: Duration = Duration::from_micros(66_667);
/// Bytes of a frame of each layer: JPEGs of a face at quality 70.
const FRAME_BYTES: [usize; Layer::ALL.len()] = [6_000, 20_000, 60_000];

pub struct Publisher {
    /// What is published.
    pub layers: Vec<Layer>,
    id: ParticipantId,
    next_frame: Moment,
    /// Numbers of the next frames, and of the next datagram.
    frames: BTreeMap<Layer, u32>,
    number: u64,
    cache: FragmentCache<Arc<[u8]>>,
}

impl Publisher {
    pub(super) fn new(id: ParticipantId, now: Moment) -> Publisher {
        Publisher {
            layers: Vec::new(),
            id,
            next_frame: now + FRAME_EVERY,
            frames: BTreeMap::new(),
            number: 0,
            cache: FragmentCache::new(),
        }
    }

    pub(super) fn next_frame(&self) -> Moment {
        self.next_frame
    }

    /// The fragments of one frame of each layer.
    pub(super) fn publish(&mut self, now: Moment) -> Vec<Datagram> {
        self.next_frame = self.next_frame + FRAME_EVERY;
        let mut out = Vec::new();
        for layer in self.layers.clone() {
            let next = self.frames.entry(layer).or_default();
            let frame = EncodedFrame {
                number: *next,
                codec: CameraCodec::Jpeg,
                keyframe: true,
                captured_ms: now.as_ms() as u32,
                bytes: picture(self.id, layer, *next),
            };
            *next = next.wrapping_add(1);
            let Ok(fragments) = split(&frame, self.id, layer) else {
                continue;
            };
            for fragment in fragments {
                let mut body = Vec::new();
                fragment.write(&mut body);
                let body: Arc<[u8]> = Arc::from(body);
                let key = FragmentKey {
                    layer,
                    frame: fragment.frame,
                    index: fragment.index,
                };
                self.cache.insert(key, body.clone(), now);
                out.push(numbered(&mut self.number, body));
            }
        }
        out
    }

    /// What the server asks for once more.
    pub(super) fn again(&mut self, now: Moment, request: &ReRequest) -> Vec<Datagram> {
        let (layer, frame) = (request.layer, request.frame);
        let mut out = Vec::new();
        for &index in &request.indices {
            let key = FragmentKey {
                layer,
                frame,
                index,
            };
            if let Some(body) = self.cache.get(key, now) {
                out.push(numbered(&mut self.number, body));
            }
        }
        out
    }
}

fn numbered(next: &mut u64, body: Arc<[u8]>) -> Datagram {
    let number = *next;
    *next += 1;
    Datagram::Fragment { number, body }
}

/// What a frame shows: no two are alike.
pub(super) fn picture(source: ParticipantId, layer: Layer, frame: u32) -> Vec<u8> {
    let busy = (frame % 7) as usize * 150;
    let mark = source.0 ^ frame.rotate_left(16) ^ (layer as u32) << 8;
    let marks = mark.to_le_bytes();
    let bytes = (0..FRAME_BYTES[layer as usize] + busy).map(|at| marks[at % 4] ^ (at >> 4) as u8);
    bytes.collect()
}
