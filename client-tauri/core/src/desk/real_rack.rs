//! The devices and screens of this machine.

use bytes::Bytes;

use super::{
    DeviceNote, MediaFailure,
    rack::{OpenScreen, Preview, Rack, RackRefused, ScreenOffer},
};
use crate::{
    media::{
        devices::{
            Camera, DeviceChoice, DeviceInfo, DeviceKind, DeviceList, DeviceSettings, Microphone,
            Speaker,
            real::{self, DeviceEvent, DeviceRefused, Devices},
        },
        enhance::Enhancement,
    },
    screen::real::{ScreenChoice, ScreenRefused, check_screen, list_screens, open_screen},
};

const DISPLAY: &str = "display:";
const WINDOW: &str = "window:";

/// [`Devices`] and [`real screens`](crate::screen::real) as a rack.
pub struct RealRack {
    devices: Devices,
}

impl RealRack {
    pub fn new(devices: Devices) -> RealRack {
        RealRack { devices }
    }

    /// What a person is told of an event; `None` when only the list is another one.
    pub fn note(event: &DeviceEvent) -> Option<DeviceNote> {
        Some(match event {
            DeviceEvent::Listed { .. } => return None,
            DeviceEvent::Appeared { device } => DeviceNote::Appeared {
                device: device.clone(),
            },
            DeviceEvent::FellBack {
                kind,
                lost,
                instead,
            } => DeviceNote::FellBack {
                kind: *kind,
                lost: lost.clone(),
                instead: instead.as_ref().map(|device| device.name.clone()),
            },
            DeviceEvent::Returned { device } => DeviceNote::Returned {
                name: device.name.clone(),
            },
            DeviceEvent::Failing { kind, refused } => DeviceNote::Failing {
                kind: *kind,
                text: refused.message.clone(),
            },
            DeviceEvent::Working { device } => DeviceNote::Working {
                name: device.name.clone(),
            },
        })
    }
}

struct RealPreview(real::Preview);

impl Preview for RealPreview {
    fn take(&self) -> Option<Bytes> {
        self.0.take()
    }
}

impl Rack for RealRack {
    fn list(&self) -> DeviceList {
        self.devices.list()
    }

    fn settings(&self) -> DeviceSettings {
        self.devices.settings()
    }

    fn in_use(&self, kind: DeviceKind) -> Option<DeviceInfo> {
        self.devices.in_use(kind)
    }

    fn choose(&self, kind: DeviceKind, choice: DeviceChoice) {
        self.devices.choose(kind, choice);
    }

    fn enhance(&self, enhancement: Enhancement) {
        self.devices.enhance(enhancement);
    }

    fn microphone(&self) -> Box<dyn Microphone> {
        self.devices.microphone()
    }

    fn speaker(&self) -> Box<dyn Speaker> {
        self.devices.speaker()
    }

    fn camera(&self) -> Box<dyn Camera> {
        self.devices.camera()
    }

    fn level(&self) -> u8 {
        self.devices.levels().microphone
    }

    fn hear_yourself(&self, on: bool) {
        self.devices.hear_yourself(on);
    }

    fn refusal(&self, kind: DeviceKind) -> Option<RackRefused> {
        self.devices.refusal(kind).map(RackRefused::from)
    }

    fn preview(&self) -> Box<dyn Preview> {
        Box::new(RealPreview(self.devices.preview_camera()))
    }

    fn screens(&self) -> Result<Vec<ScreenOffer>, RackRefused> {
        let list = list_screens()?;
        let displays = list.displays.into_iter().map(|display| ScreenOffer {
            id: format!("{DISPLAY}{}", display.id),
            name: display.name,
            is_window: false,
            width_px: display.width_px,
            height_px: display.height_px,
        });
        let windows = list.windows.into_iter().map(|window| ScreenOffer {
            id: format!("{WINDOW}{}", window.id),
            name: window.title,
            is_window: true,
            width_px: window.width_px,
            height_px: window.height_px,
        });
        Ok(displays.chain(windows).collect())
    }

    fn open_screen(&self, id: &str) -> Result<OpenScreen, RackRefused> {
        let choice = match (id.strip_prefix(DISPLAY), id.strip_prefix(WINDOW)) {
            (Some(id), _) => ScreenChoice::Display { id: id.to_owned() },
            (None, Some(id)) => ScreenChoice::Window { id: id.to_owned() },
            (None, None) => {
                return Err(RackRefused {
                    why: MediaFailure::None,
                    message: "There is no such screen any more. Choose another one.".to_owned(),
                });
            }
        };
        check_screen(&choice)?;
        Ok(Box::new(move || open_screen(choice)))
    }

    fn shows_films(&self) -> bool {
        true
    }
}

impl From<DeviceRefused> for RackRefused {
    fn from(refused: DeviceRefused) -> RackRefused {
        let why = match refused.code {
            "no_camera" | "no_microphone" | "no_speaker" | "no_sound_server" => MediaFailure::None,
            "device_busy" => MediaFailure::Busy,
            "device_denied" => MediaFailure::Refused,
            _ => MediaFailure::Failed,
        };
        RackRefused {
            why,
            message: refused.message,
        }
    }
}

impl From<ScreenRefused> for RackRefused {
    fn from(refused: ScreenRefused) -> RackRefused {
        let why = match refused.code {
            "no_display" | "no_window" => MediaFailure::None,
            "display_denied" => MediaFailure::Refused,
            "wayland_capture" => MediaFailure::Unsupported,
            _ => MediaFailure::Failed,
        };
        RackRefused {
            why,
            message: refused.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_a_device_has_its_kind_and_says_what_to_do() {
        let told = [
            (
                DeviceRefused::no_sound_server(),
                MediaFailure::None,
                "Start PipeWire or PulseAudio",
            ),
            (
                DeviceRefused::none(DeviceKind::Microphone),
                MediaFailure::None,
                "Connect one",
            ),
            (
                DeviceRefused::none(DeviceKind::Speaker),
                MediaFailure::None,
                "Connect one",
            ),
            (
                DeviceRefused::none(DeviceKind::Camera),
                MediaFailure::None,
                "choose the test picture",
            ),
            (
                DeviceRefused::busy("Webcam"),
                MediaFailure::Busy,
                "Close that one",
            ),
            (
                DeviceRefused::denied("Webcam"),
                MediaFailure::Refused,
                "Allow it in the system's privacy settings",
            ),
            (
                DeviceRefused::failed("Webcam", "no answer"),
                MediaFailure::Failed,
                "unplug it and plug it in",
            ),
            (
                DeviceRefused::garbage("Webcam"),
                MediaFailure::Failed,
                "choose another camera",
            ),
        ];
        for (refused, why, advice) in told {
            assert!(refused.message.contains(advice), "{refused}");
            assert!(!refused.message.contains("browser"), "{refused}");
            assert_eq!(RackRefused::from(refused).why, why);
        }
    }
}
