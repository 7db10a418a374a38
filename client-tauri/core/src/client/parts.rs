//! What a client's task and its owner share: the link, the devices, the wishes.

use std::{pin::Pin, sync::Arc};

use conclave_wire::{Command, MediaState, QualityChoice, command::Watch};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{ClientEvent, ClientFigures, inlet::Inlet};
use crate::{
    link::{control::open_socket, dial::Dialer},
    media::{
        camera_up::CameraUp,
        clock::MediaClock,
        link::{MediaLink, OpenTunnel, Tunnel, TunnelRefused, tunnel_over},
        voice_up::{VoiceSettings, VoiceUp},
    },
};

/// What the event task and the client share.
pub struct Parts {
    pub link: MediaLink,
    pub inlet: Arc<Inlet>,
    pub voice_up: Mutex<Option<VoiceUp>>,
    pub events: mpsc::Sender<ClientEvent>,
    pub clock: MediaClock,
    pub dialer: Dialer,
    pub voice: VoiceSettings,
    pub quality: Mutex<QualityChoice>,
    /// What the room says is switched on.
    pub media: Mutex<MediaState>,
    pub wish: Mutex<Wish>,
}

/// What this person wants of the room, to be said again to a server that has forgotten it.
#[derive(Default)]
pub struct Wish {
    pub media: Option<MediaState>,
    pub watch: Option<Vec<Watch>>,
    pub receive: Option<QualityChoice>,
}

impl Parts {
    /// Does what the room says is switched on.
    pub fn apply(&self, media: MediaState) {
        *self.media.lock() = media;
        if let Some(voice_up) = &*self.voice_up.lock() {
            voice_up.mute(!media.microphone);
        }
        if let Some(camera_up) = &*self.inlet.camera_up.lock() {
            camera_up.switch(media.camera);
        }
    }

    /// What to ask of a room that has forgotten it.
    pub fn wishes(&self) -> Vec<Command> {
        let wish = self.wish.lock();
        let media = wish.media.map(|media| Command::SetMedia { media });
        let watch = wish.watch.clone();
        let watch = watch.map(|watch| Command::WatchCameras { watch });
        let receive = wish
            .receive
            .map(|receive| Command::ChooseQuality { receive });
        [media, receive, watch].into_iter().flatten().collect()
    }

    pub fn end_devices(&self) {
        drop(self.voice_up.lock().take());
        drop(self.inlet.camera_up.lock().take());
        self.inlet.voice_down.stop();
    }

    pub fn figures(&self) -> ClientFigures {
        let voice_up = self.voice_up.lock().as_ref().map(VoiceUp::figures);
        let camera_up = self.inlet.camera_up.lock();
        ClientFigures {
            link: self.link.figures(),
            voice_up: voice_up.unwrap_or_default(),
            voice_down: self.inlet.voice_down.figures(),
            camera_up: camera_up
                .as_ref()
                .map(CameraUp::figures)
                .unwrap_or_default(),
            camera_down: self.inlet.camera_down.lock().figures(),
        }
    }
}

/// The way through the control port: `/media`, with the server's pinned key.
pub struct ControlPort {
    pub dialer: Dialer,
}

impl OpenTunnel for ControlPort {
    fn open(&self) -> Pin<Box<dyn Future<Output = Result<Tunnel, TunnelRefused>> + Send>> {
        let dialer = self.dialer.clone();
        Box::pin(async move {
            let socket = open_socket(&dialer, "/media", None).await;
            socket
                .map(tunnel_over)
                .map_err(|error| TunnelRefused(error.to_string()))
        })
    }
}
