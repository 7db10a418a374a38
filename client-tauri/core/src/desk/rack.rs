//! Where microphone, speaker, camera and screens come from: real ones, or stand-ins that need no hardware.

use bytes::Bytes;

use super::MediaFailure;
use crate::{
    media::{
        devices::{
            Camera, DeviceChoice, DeviceInfo, DeviceKind, DeviceList, DeviceSettings, Microphone,
            Speaker,
        },
        enhance::Enhancement,
    },
    screen::ScreenSource,
};

/// Why a device or a screen cannot be had, with a sentence for the person.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RackRefused {
    pub why: MediaFailure,
    pub message: String,
}

/// Something that can be shown: a display or a window.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenOffer {
    pub id: String,
    pub name: String,
    pub is_window: bool,
    pub width_px: u32,
    pub height_px: u32,
}

/// Makes a source on the thread that reads it.
pub type OpenScreen = Box<dyn FnOnce() -> Box<dyn ScreenSource> + Send>;

/// Pictures of the camera for its own person; none while there is no camera. Dropping it ends them.
pub trait Preview: Send {
    /// The newest one as JPEG, once.
    fn take(&self) -> Option<Bytes>;
}

/// The devices of a machine. What it gives follows the choices by itself.
pub trait Rack: Send + Sync {
    fn list(&self) -> DeviceList;
    fn settings(&self) -> DeviceSettings;
    /// What works now.
    fn in_use(&self, kind: DeviceKind) -> Option<DeviceInfo>;
    fn choose(&self, kind: DeviceKind, choice: DeviceChoice);
    fn enhance(&self, enhancement: Enhancement);
    fn microphone(&self) -> Box<dyn Microphone>;
    fn speaker(&self) -> Box<dyn Speaker>;
    fn camera(&self) -> Box<dyn Camera>;
    /// Of the microphone, in -dBov (RFC 6464): 0 is loudest, 127 is silence.
    fn level(&self) -> u8;
    /// Plays the microphone on the speaker, a moment later.
    fn hear_yourself(&self, on: bool);
    /// Why nothing of this kind works now; `None` when something does, or has not been tried.
    fn refusal(&self, kind: DeviceKind) -> Option<RackRefused>;
    fn preview(&self) -> Box<dyn Preview>;
    /// What can be shown. Blocks for some milliseconds.
    ///
    /// # Errors
    /// When this system lets nothing be captured; the sentence says what does.
    fn screens(&self) -> Result<Vec<ScreenOffer>, RackRefused>;
    /// Looks whether it can be captured. Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`RackRefused`]
    fn open_screen(&self, id: &str) -> Result<OpenScreen, RackRefused>;
    /// Whether players of films get a window and sound.
    fn shows_films(&self) -> bool;
}
