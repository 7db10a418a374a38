//! Quiet company: everybody sees how the others sit there, for next to nothing. One small picture of each
//! camera every 8 s; what comes oftener, or is larger, goes no further.

use std::time::Duration;

use conclave_wire::{
    Layer,
    datagram::FRAGMENT_PAYLOAD_BYTES_MAX,
    limits::{QUIET_FRAME_BYTES_MAX, QUIET_INTERVAL_MS},
};

use crate::Moment;

/// The one layer that carries it.
pub const QUIET_LAYER: Layer = Layer::Thumbnail;
/// A camera's clock, and the way to here, may make a picture come so much early.
const EARLY_MAX: Duration = Duration::from_millis(400);
const FRAGMENTS_MAX: usize = QUIET_FRAME_BYTES_MAX.div_ceil(FRAGMENT_PAYLOAD_BYTES_MAX);

/// Lets the frames of one camera through. With 24 cameras and frames as large as they may be, a viewer gets
/// 93 kbit/s.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuietGate {
    /// The frame that was let through last, all fragments of which pass.
    frame: Option<u32>,
    due: Moment,
}

impl QuietGate {
    /// Whether a fragment of this frame, which has `count` of them, passes.
    pub fn passes(&mut self, now: Moment, layer: Layer, frame: u32, count: u16) -> bool {
        if layer != QUIET_LAYER || usize::from(count) > FRAGMENTS_MAX {
            return false;
        }
        if self.frame == Some(frame) {
            return true;
        }
        let passes = now + EARLY_MAX >= self.due;
        if passes {
            self.frame = Some(frame);
            self.due = now + Duration::from_millis(QUIET_INTERVAL_MS.into());
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_small_picture_passes_every_eight_seconds() {
        let mut gate = QuietGate::default();
        let mut passed = Vec::new();
        for frame in 0..900 {
            let now = Moment::from_ms(u64::from(frame) * 100);
            if gate.passes(now, QUIET_LAYER, frame, 3) {
                assert!(gate.passes(now, QUIET_LAYER, frame, 3), "and all of it");
                passed.push(frame);
            }
        }
        let apart: Vec<_> = passed.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.iter().all(|&frames| frames >= 76), "{apart:?}");
        assert_eq!(passed.len(), 12);
    }

    #[test]
    fn larger_pictures_and_other_layers_go_no_further() {
        let mut gate = QuietGate::default();
        let now = Moment::from_ms(1);
        assert!(!gate.passes(now, Layer::Normal, 1, 1));
        assert!(!gate.passes(now, QUIET_LAYER, 1, 4));
        assert!(gate.passes(now, QUIET_LAYER, 2, 3));
    }

    /// What the issue asks for: 25 people, each below 100 kbit/s, headers and all.
    #[test]
    fn twenty_four_cameras_cost_a_viewer_less_than_100_kbit_s() {
        let wire_bytes = conclave_wire::limits::DATAGRAM_BYTES_MAX + 28;
        let interval = u128::from(QUIET_INTERVAL_MS) - EARLY_MAX.as_millis();
        let bits = (24 * FRAGMENTS_MAX * wire_bytes * 8) as u128;
        let kbit_s = bits / interval;
        assert!(kbit_s < 100, "{kbit_s} kbit/s");
    }
}
