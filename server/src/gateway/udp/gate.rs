//! Thins a camera to what a viewer is to get, whole frames at a time.

use conclave_core::Moment;

/// Frames whose fragments may be on their way at the same time.
const FRAMES_REMEMBERED: usize = 4;

/// Decides frame by frame, by the first fragment that comes of each; the others follow it.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameGate {
    /// The newest decisions, in a ring.
    decided: [Option<(u32, bool)>; FRAMES_REMEMBERED],
    next_slot: usize,
    /// When the next frame is due at the viewer's rate.
    due: Moment,
    pub used_at: Moment,
}

/// Whether a fragment passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Passage {
    Pass,
    /// Its frame is left out; `first` is the first fragment of it.
    LeftOut {
        first: bool,
    },
}

impl FrameGate {
    /// Whether fragments of this frame pass, at no more than `fps_max` frames a second. Frames may come up
    /// to half an interval early: they jitter, and none is left out for that.
    pub fn passes(&mut self, now: Moment, frame: u32, fps_max: u8) -> Passage {
        self.used_at = now;
        let decided = self
            .decided
            .iter()
            .flatten()
            .find(|(other, _)| *other == frame);
        if let Some(&(_, passes)) = decided {
            return match passes {
                true => Passage::Pass,
                false => Passage::LeftOut { first: false },
            };
        }
        let interval_us = 1_000_000 / u64::from(fps_max.max(1));
        let passes = now.0 + interval_us / 2 >= self.due.0;
        if passes {
            self.due = Moment(self.due.0.max(now.0) + interval_us);
        }
        self.decided[self.next_slot] = Some((frame, passes));
        self.next_slot = (self.next_slot + 1) % FRAMES_REMEMBERED;
        match passes {
            true => Passage::Pass,
            false => Passage::LeftOut { first: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `frames` at `fps` pass a gate of `fps_max`, with arrivals early and late in turn.
    fn passed(frames: u32, fps: u64, fps_max: u8, jitter_us: u64) -> u32 {
        let mut gate = FrameGate::default();
        let late = |frame: u32| {
            if frame.is_multiple_of(2) {
                jitter_us
            } else {
                0
            }
        };
        let at = |frame: u32| Moment(10_000_000 + u64::from(frame) * 1_000_000 / fps + late(frame));
        let passes = |frame: &u32| gate.passes(at(*frame), *frame, fps_max) == Passage::Pass;
        (0..frames).filter(passes).count() as u32
    }

    #[test]
    fn a_rate_that_is_allowed_loses_no_frame_to_jitter() {
        assert_eq!(passed(150, 15, 15, 30_000), 150);
    }

    #[test]
    fn a_rate_above_is_thinned_evenly_to_what_is_allowed() {
        let ten_seconds = passed(300, 30, 10, 5_000);
        assert!((99..=102).contains(&ten_seconds), "{ten_seconds}");
    }

    #[test]
    fn all_fragments_of_a_frame_share_its_fate() {
        let mut gate = FrameGate::default();
        let start = Moment(1_000_000);
        assert_eq!(gate.passes(start, 1, 5), Passage::Pass);
        assert_eq!(gate.passes(start, 2, 5), Passage::LeftOut { first: true });
        let later = Moment(start.0 + 400_000);
        assert_eq!(gate.passes(later, 1, 5), Passage::Pass);
        assert_eq!(gate.passes(later, 2, 5), Passage::LeftOut { first: false });
    }
}
