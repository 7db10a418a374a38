//! The devices of this machine: what there is, what is chosen, and what happens to them.
//!
//! ```text
//! callback of the device -> ring -> Microphone::read (thread of voice): convert, enhance
//! Speaker::play (thread of voice): convert -> ring -> callback of the device
//! ```
//! One thread opens, watches and closes devices (`desk`); it hands the ends of rings to the threads of voice,
//! which therefore never wait for a device.

mod camera;
mod convert;
mod desk;
mod event;
mod hear;
mod host;
mod lines;
mod microphone;
mod rate;
mod refused;
mod shared;
mod speaker;

use std::sync::{Arc, mpsc};

use tokio::sync::mpsc::Receiver;

use super::{
    Camera, DeviceChoice, DeviceInfo, DeviceKind, DeviceList, DeviceSettings, Microphone, Speaker,
};
use crate::media::enhance::Enhancement;

pub use camera::Preview;
pub use event::DeviceEvent;
pub use refused::DeviceRefused;
pub use shared::{DeviceFigures, Levels};

use camera::DeviceCamera;
use desk::{Desk, Word};
use microphone::DeviceMicrophone;
use shared::Shared;
use speaker::DeviceSpeaker;

/// Events that wait for a reader. One that is behind misses events, and sees the state in the next list.
const EVENTS_MAX: usize = 256;

/// The devices of this machine. One for a program; clones are the same.
#[derive(Clone)]
pub struct Devices {
    shared: Arc<Shared>,
    /// Ends the thread with its last clone.
    _open: Arc<Open>,
}

struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.hear.end();
        self.0.tell(Word::Close);
    }
}

impl Devices {
    /// Looks what there is, and goes on looking. Never fails: what is missing is told as an event, and used
    /// when it comes.
    pub fn open(settings: DeviceSettings) -> (Devices, Receiver<DeviceEvent>) {
        let (words, heard) = mpsc::channel();
        let (events, reader) = tokio::sync::mpsc::channel(EVENTS_MAX);
        let shared = Arc::new(Shared::new(settings, words));
        let at_desk = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("devices".into())
            .spawn(move || {
                let sound = Box::new(host::SystemSound::default());
                let cameras = Box::new(camera::SystemCameras);
                Desk::new(at_desk, sound, cameras, events).run(&heard);
            });
        if let Err(error) = thread {
            tracing::error!(%error, "no thread for the devices");
        }
        let devices = Devices {
            _open: Arc::new(Open(Arc::clone(&shared))),
            shared,
        };
        (devices, reader)
    }

    /// What there was at the last look, a second ago at most.
    pub fn list(&self) -> DeviceList {
        self.shared.list.lock().clone()
    }

    pub fn settings(&self) -> DeviceSettings {
        self.shared.settings.lock().clone()
    }

    /// Uses another device from now on, also while somebody talks.
    pub fn choose(&self, kind: DeviceKind, choice: DeviceChoice) {
        self.shared.settings.lock().choose(kind, choice);
        self.shared.tell(Word::Chosen(kind));
    }

    /// Takes effect with the next frame.
    pub fn enhance(&self, enhancement: Enhancement) {
        self.shared.settings.lock().enhancement = enhancement;
        self.shared.enhancement_changed();
    }

    /// The device that works for this at the moment.
    pub fn in_use(&self, kind: DeviceKind) -> Option<DeviceInfo> {
        self.shared.in_use.lock().get(&kind).cloned()
    }

    /// Why nothing of this kind works now; `None` when something does, or has not been tried.
    pub fn refusal(&self, kind: DeviceKind) -> Option<DeviceRefused> {
        self.shared.refusal(kind)
    }

    /// A microphone that follows every choice; silent while there is none.
    pub fn microphone(&self) -> Box<dyn Microphone> {
        Box::new(DeviceMicrophone::new(&self.shared, false))
    }

    /// A speaker that follows every choice.
    pub fn speaker(&self) -> Box<dyn Speaker> {
        Box::new(DeviceSpeaker::new(&self.shared, false))
    }

    /// A camera that follows every choice. The device is open only while pictures are taken.
    pub fn camera(&self) -> Box<dyn Camera> {
        Box::new(DeviceCamera::new(&self.shared))
    }

    /// What the chosen camera sees, for its person alone; nothing while there is none.
    pub fn preview_camera(&self) -> Preview {
        Preview::start(DeviceCamera::new(&self.shared))
    }

    /// How loud microphone and speaker are now.
    pub fn levels(&self) -> Levels {
        self.shared.levels.get()
    }

    /// Plays the enhanced microphone on the speaker, a little later, for a minute at most.
    pub fn hear_yourself(&self, on: bool) {
        match on {
            true => hear::begin(&self.shared),
            false => self.shared.hear.end(),
        }
    }

    pub fn figures(&self) -> DeviceFigures {
        self.shared.figures()
    }
}
