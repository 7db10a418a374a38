//! Devices that need no hardware, for tests and for machines that have none.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    MediaFailure,
    rack::{OpenScreen, Preview, Rack, RackRefused, ScreenOffer},
};
use crate::{
    media::{
        devices::{
            Camera, DeviceChoice, DeviceInfo, DeviceKind, DeviceList, DeviceSettings, Microphone,
            SilentSpeaker, Speaker, SyntheticCamera, SyntheticMicrophone, TEST_PICTURE,
        },
        enhance::Enhancement,
    },
    screen::{Script, SyntheticDesktop},
};

/// The only screen.
pub const SCREEN_ID: &str = "synthetic";
const SCREEN_PX: (u32, u32) = (640, 360);
const LEVEL_TALKING: u8 = 30;
const PREVIEW_QUALITY: u8 = 60;
const SEED: u64 = 1;

/// One device of each kind; the microphone hears somebody who talks.
#[derive(Default)]
pub struct SyntheticRack {
    settings: Mutex<DeviceSettings>,
    broken: Mutex<BTreeMap<DeviceKind, Broken>>,
}

/// What a machine can lack, or have without any use.
#[derive(Clone, Debug)]
pub enum Broken {
    Missing(RackRefused),
    /// There is one, and it does not work.
    Failing(RackRefused),
}

struct SyntheticPreview(Mutex<SyntheticCamera>);

impl Preview for SyntheticPreview {
    fn take(&self) -> Option<Bytes> {
        self.0.lock().capture().ok()?.to_jpeg(PREVIEW_QUALITY).ok()
    }
}

impl SyntheticRack {
    pub fn new() -> Arc<SyntheticRack> {
        let rack = SyntheticRack::default();
        let picture = device(DeviceKind::Camera, TEST_PICTURE);
        rack.choose(DeviceKind::Camera, DeviceChoice::of(&picture));
        Arc::new(rack)
    }

    /// Breaks devices of a kind, or mends them.
    pub fn breaks(&self, kind: DeviceKind, broken: Option<Broken>) {
        let mut all = self.broken.lock();
        match broken {
            Some(broken) => drop(all.insert(kind, broken)),
            None => drop(all.remove(&kind)),
        }
    }

    fn there(&self, kind: DeviceKind, id: &str) -> Vec<DeviceInfo> {
        match self.broken.lock().get(&kind) {
            Some(Broken::Missing(_)) => Vec::new(),
            Some(Broken::Failing(_)) | None => vec![device(kind, id)],
        }
    }
}

impl Rack for SyntheticRack {
    fn list(&self) -> DeviceList {
        DeviceList {
            microphones: self.there(DeviceKind::Microphone, "speech"),
            speakers: self.there(DeviceKind::Speaker, "silence"),
            cameras: self.there(DeviceKind::Camera, TEST_PICTURE),
        }
    }

    fn settings(&self) -> DeviceSettings {
        self.settings.lock().clone()
    }

    fn in_use(&self, kind: DeviceKind) -> Option<DeviceInfo> {
        self.list().of(kind).first().cloned()
    }

    fn choose(&self, kind: DeviceKind, choice: DeviceChoice) {
        self.settings.lock().choose(kind, choice);
    }

    fn enhance(&self, enhancement: Enhancement) {
        self.settings.lock().enhancement = enhancement;
    }

    fn microphone(&self) -> Box<dyn Microphone> {
        Box::new(SyntheticMicrophone::without_pauses(SEED))
    }

    fn speaker(&self) -> Box<dyn Speaker> {
        Box::new(SilentSpeaker::default())
    }

    fn camera(&self) -> Box<dyn Camera> {
        Box::new(SyntheticCamera::new(SEED))
    }

    fn level(&self) -> u8 {
        LEVEL_TALKING
    }

    fn hear_yourself(&self, _: bool) {}

    fn refusal(&self, kind: DeviceKind) -> Option<RackRefused> {
        match self.broken.lock().get(&kind)? {
            Broken::Missing(refused) | Broken::Failing(refused) => Some(refused.clone()),
        }
    }

    fn preview(&self) -> Box<dyn Preview> {
        Box::new(SyntheticPreview(Mutex::new(SyntheticCamera::new(SEED))))
    }

    fn screens(&self) -> Result<Vec<ScreenOffer>, RackRefused> {
        Ok(vec![ScreenOffer {
            id: SCREEN_ID.to_owned(),
            name: SCREEN_ID.to_owned(),
            is_window: false,
            width_px: SCREEN_PX.0,
            height_px: SCREEN_PX.1,
        }])
    }

    fn open_screen(&self, id: &str) -> Result<OpenScreen, RackRefused> {
        if id != SCREEN_ID {
            return Err(RackRefused {
                why: MediaFailure::None,
                message: "There is no such screen any more. Choose another one.".to_owned(),
            });
        }
        let (width, height) = SCREEN_PX;
        Ok(Box::new(move || {
            Box::new(SyntheticDesktop::new(width, height, Script::Typing))
        }))
    }

    fn shows_films(&self) -> bool {
        false
    }
}

fn device(kind: DeviceKind, id: &str) -> DeviceInfo {
    DeviceInfo {
        kind,
        id: id.to_owned(),
        name: id.to_owned(),
        is_default: true,
    }
}
