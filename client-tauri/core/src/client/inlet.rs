//! Where the media link hands over what it receives.

use conclave_core::Moment;
use conclave_wire::datagram::{Fragment, ReRequest, Voice};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::ClientEvent;
use crate::media::{
    camera_down::CameraDown, camera_up::CameraUp, link::MediaInlet, voice_down::VoiceDown,
};

/// The receiving parts of a client.
pub struct Inlet {
    pub voice_down: VoiceDown,
    pub camera_down: Mutex<CameraDown>,
    pub camera_up: Mutex<Option<CameraUp>>,
    pub events: mpsc::Sender<ClientEvent>,
}

impl MediaInlet for Inlet {
    fn voice(&self, at: Moment, number: u64, voice: &Voice<'_>) {
        self.voice_down.push(at, number, voice);
    }

    fn fragment(&self, at: Moment, fragment: &Fragment<'_>) {
        let mut cameras = self.camera_down.lock();
        let Some(source) = cameras.push(at, fragment) else {
            return;
        };
        if self
            .events
            .try_send(ClientEvent::CameraFrame { source })
            .is_err()
        {
            // Nobody was told, so nobody will take it: the next frame is told again.
            cameras.take(source);
        }
    }

    fn re_request(&self, _: Moment, request: &ReRequest) {
        if let Some(camera) = &*self.camera_up.lock() {
            camera.answer(request);
        }
    }

    fn missing(&self, now: Moment) -> Vec<ReRequest> {
        self.camera_down.lock().wake(now)
    }

    fn next_wakeup(&self) -> Option<Moment> {
        self.camera_down.lock().next_wakeup()
    }
}
