//! What a client hears, plays and sees with, behind three traits. The devices here need no hardware;
//! those of this machine are in [`real`], behind the feature `devices`, and implement the same traits.

use crate::media::{pace::Pace, picture::Picture};

mod choice;
mod folder;
mod memory;
mod paced;
#[cfg(feature = "devices")]
pub mod real;
mod resample;
mod synthetic;
mod test_picture;
mod wav;

pub use choice::{
    DEVICES_MAX, DeviceChoice, DeviceInfo, DeviceKind, DeviceList, DeviceSettings, TEST_PICTURE,
};
pub use folder::FolderCamera;
pub use memory::{MemorySpeaker, RECORDING_SAMPLES_MAX, Recording, SilentSpeaker, WavSpeaker};
pub use paced::{Paced, Silence, SilentMicrophone, Sound};
pub use resample::resample;
pub use synthetic::{SyntheticMicrophone, SyntheticSpeech, Tone};
pub use test_picture::{SyntheticCamera, read_frame_counter};
pub use wav::{WavMicrophone, WavOptions, WavSound};

/// Samples of one captured frame: 10 ms of mono sound at 48 kHz.
pub const FRAME_SAMPLES: usize = 480;
/// Samples a second.
pub const SAMPLE_RATE: u32 = 48_000;

/// 10 ms of mono sound at 48 kHz.
pub type Frame = [i16; FRAME_SAMPLES];

/// What a microphone had to give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Capture {
    /// The frame was filled.
    Frame,
    /// Nothing came in time; ask again.
    Nothing,
    /// There will be no more.
    Gone,
}

/// A source of sound. It is read on a thread of its own.
pub trait Microphone: Send {
    /// Waits for the next 10 ms of sound and writes them into `frame`. Returns within 100 ms, so that
    /// the thread can be ended.
    fn read(&mut self, frame: &mut Frame) -> Capture;

    /// From now on nobody hears it, or somebody does: a microphone may save what only others need.
    fn mute(&mut self, _muted: bool) {}
}

/// Where sound goes to. It is fed by a thread of its own, which keeps the queue at
/// [`ahead_samples`](Speaker::ahead_samples).
pub trait Speaker: Send {
    /// Queues mono samples at 48 kHz behind those not played yet. Does not wait.
    fn play(&mut self, samples: &[i16]);

    /// How many queued samples are not played yet.
    fn queued_samples(&mut self) -> usize;

    /// How full the queue is to be kept, so that the device never runs dry: 20 ms.
    fn ahead_samples(&self) -> usize {
        2 * FRAME_SAMPLES
    }

    /// Waits until it is worth looking at the queue again: the next beat, or when a device has taken
    /// something. At most 20 ms.
    fn wait(&mut self, pace: &mut Pace) {
        pace.wait();
    }
}

/// The camera gives no more pictures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("The camera is gone. Connect it again or choose another one.")]
pub struct CameraGone;

/// A source of pictures. It is read on a thread of its own, at most as often as pictures are wanted.
pub trait Camera: Send {
    /// The present picture. A device with a rate of its own waits for the next one, at most 200 ms.
    fn capture(&mut self) -> Result<Picture, CameraGone>;

    /// As [`capture`](Self::capture), for a device that may come back: `None` when it has no picture now.
    fn poll(&mut self) -> Result<Option<Picture>, CameraGone> {
        self.capture().map(Some)
    }

    /// Nobody wants pictures for now: a device is closed, so that its light goes off.
    fn rest(&mut self) {}
}
