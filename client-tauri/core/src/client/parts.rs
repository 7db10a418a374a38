//! What a client's task and its owner share: the link, the devices, the wishes.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use conclave_wire::{
    Command, Layer, MediaState, ParticipantId, QualityChoice, Settings, command::Watch,
};
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
    /// The layers of our camera that somebody watches: another camera has the same viewers.
    pub layers: Mutex<Vec<Layer>>,
    pub wish: Mutex<Wish>,
}

/// What this person wants of the room, to be said again to a server that has forgotten it.
#[derive(Default)]
pub struct Wish {
    pub media: Option<MediaState>,
    pub watch: Option<Vec<Watch>>,
    pub receive: Option<QualityChoice>,
    /// Volumes of others, in percent; who is not in here is heard at 100.
    pub volumes: BTreeMap<ParticipantId, u16>,
}

impl Wish {
    /// Of a volume that the room has taken.
    pub fn volume(&mut self, of: ParticipantId, percent: u16) {
        match percent {
            100 => self.volumes.remove(&of),
            _ => self.volumes.insert(of, percent),
        };
    }

    /// What to ask of a room that has forgotten it.
    pub fn commands(&self) -> Vec<Command> {
        let media = self.media.map(|media| Command::SetMedia { media });
        let watch = self.watch.clone();
        let watch = watch.map(|watch| Command::WatchCameras { watch });
        let receive = self
            .receive
            .map(|receive| Command::ChooseQuality { receive });
        let volumes = self
            .volumes
            .iter()
            .map(|(&of, &percent)| Command::SetVolume { of, percent });
        let others = [media, receive, watch].into_iter().flatten();
        others.chain(volumes).collect()
    }
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

    /// What others want to see of us.
    pub fn watched(&self, layers: &[Layer]) {
        *self.layers.lock() = layers.to_vec();
        if let Some(camera_up) = &*self.inlet.camera_up.lock() {
            camera_up.watched(layers);
        }
    }

    /// What the room says of cameras.
    pub fn keep_quiet(&self, quiet: bool) {
        if let Some(camera_up) = &*self.inlet.camera_up.lock() {
            camera_up.keep_quiet(quiet);
        }
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

/// What is switched on when its person enters.
pub fn on_entry(wanted: MediaState, sound: bool, settings: &Settings) -> MediaState {
    MediaState {
        microphone: wanted.microphone && !settings.muted_on_entry,
        sound,
        ..wanted
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_enters_a_room_that_mutes_on_entry_films_but_does_not_speak() {
        let wanted = MediaState {
            microphone: true,
            camera: true,
            ..MediaState::default()
        };
        let mut settings = Settings::default();
        assert!(on_entry(wanted, true, &settings).microphone);
        settings.muted_on_entry = true;
        let muted = on_entry(wanted, true, &settings);
        assert!(!muted.microphone && muted.camera && muted.sound);
    }

    #[test]
    fn a_room_that_has_forgotten_is_told_sound_and_volumes_again() {
        let (ada, bob) = (ParticipantId(1), ParticipantId(2));
        let media = MediaState::default();
        assert!(!media.sound);
        let mut wish = Wish {
            media: Some(media),
            ..Wish::default()
        };
        wish.volume(ada, 30);
        wish.volume(bob, 150);
        wish.volume(ada, 100);
        assert_eq!(
            wish.commands(),
            [
                Command::SetMedia { media },
                Command::SetVolume {
                    of: bob,
                    percent: 150
                }
            ]
        );
    }
}
