//! Why a device cannot be used, in words for a person.

use serde::Serialize;

use crate::media::devices::DeviceKind;

/// A refusal: `code` is stable, `message` says what to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct DeviceRefused {
    pub code: &'static str,
    pub message: String,
}

impl DeviceRefused {
    fn new(code: &'static str, message: impl Into<String>) -> DeviceRefused {
        DeviceRefused {
            code,
            message: message.into(),
        }
    }

    /// Neither a sound server nor a sound card.
    pub fn no_sound_server() -> DeviceRefused {
        DeviceRefused::new(
            "no_sound_server",
            "This machine has no sound: no sound server answers and there is no sound card. \
             Start PipeWire or PulseAudio, or connect a headset.",
        )
    }

    /// Nothing of this kind is there.
    pub fn none(kind: DeviceKind) -> DeviceRefused {
        let (code, message) = match kind {
            DeviceKind::Microphone => (
                "no_microphone",
                "No microphone was found. Connect one, and switch your microphone on again if it is off.",
            ),
            DeviceKind::Speaker => (
                "no_speaker",
                "No speaker was found. Connect one; it is used as soon as it is there.",
            ),
            DeviceKind::Camera => (
                "no_camera",
                "No camera was found. Connect one, or choose the test picture.",
            ),
        };
        DeviceRefused::new(code, message)
    }

    pub fn busy(name: &str) -> DeviceRefused {
        let message =
            format!("{name} is used by another program. Close that one, or choose another device.");
        DeviceRefused::new("device_busy", message)
    }

    pub fn denied(name: &str) -> DeviceRefused {
        let message = format!(
            "The system does not let this program use {name}. Allow it in the system's privacy \
             settings, or add yourself to the group that may use it."
        );
        DeviceRefused::new("device_denied", message)
    }

    pub fn failed(name: &str, why: impl std::fmt::Display) -> DeviceRefused {
        let message = format!(
            "{name} does not work ({why}). It is tried again; unplug it and plug it in, or choose \
             another device."
        );
        DeviceRefused::new("device_failed", message)
    }

    pub fn garbage(name: &str) -> DeviceRefused {
        let message = format!(
            "{name} gives no pictures that can be read. It is tried again; unplug it and plug it \
             in, or choose another camera."
        );
        DeviceRefused::new("camera_garbage", message)
    }
}
