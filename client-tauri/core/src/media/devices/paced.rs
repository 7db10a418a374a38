//! Makes a microphone of any source of samples by giving them out in real time.

use std::time::Duration;

use super::{Capture, Frame, Microphone};
use crate::media::pace::Pace;

/// Samples without a clock: each call gives the next 10 ms.
pub trait Sound: Send {
    /// Fills the frame; false when there are no more samples.
    fn fill(&mut self, frame: &mut Frame) -> bool;
}

/// A microphone that hears `sound` in real time.
pub struct Paced<S> {
    sound: S,
    pace: Pace,
}

impl<S: Sound> Paced<S> {
    pub fn new(sound: S) -> Paced<S> {
        Paced {
            sound,
            pace: Pace::new(Duration::from_millis(10)),
        }
    }
}

impl<S: Sound> Microphone for Paced<S> {
    fn read(&mut self, frame: &mut Frame) -> Capture {
        self.pace.wait();
        match self.sound.fill(frame) {
            true => Capture::Frame,
            false => Capture::Gone,
        }
    }
}

/// Digital silence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Sound for Silence {
    fn fill(&mut self, frame: &mut Frame) -> bool {
        frame.fill(0);
        true
    }
}

/// A microphone in an empty room.
pub type SilentMicrophone = Paced<Silence>;

impl SilentMicrophone {
    pub fn silent() -> SilentMicrophone {
        Paced::new(Silence)
    }
}
