//! Which devices there are, and which of them a person has chosen.

use serde::{Deserialize, Serialize};

use crate::media::enhance::Enhancement;

/// The camera that is not there: a moving picture, always the last one of a list.
pub const TEST_PICTURE: &str = "test-picture";
/// Devices of one kind that are listed at most.
pub const DEVICES_MAX: usize = 64;

#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    Microphone,
    Speaker,
    Camera,
}

/// One device that is there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceInfo {
    pub kind: DeviceKind,
    /// Stays the same when the device is unplugged and comes back.
    pub id: String,
    /// For people.
    pub name: String,
    /// What the system gives to who chooses nothing.
    pub is_default: bool,
}

/// What a person wants. A device is remembered by its id; its name is for the time when it is not there.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "choose", rename_all = "snake_case")]
pub enum DeviceChoice {
    #[default]
    Default,
    Device {
        id: String,
        name: String,
    },
}

impl DeviceChoice {
    /// The choice of this very device.
    pub fn of(device: &DeviceInfo) -> DeviceChoice {
        DeviceChoice::Device {
            id: device.id.clone(),
            name: device.name.clone(),
        }
    }

    pub fn is(&self, device: &DeviceInfo) -> bool {
        matches!(self, DeviceChoice::Device { id, .. } if *id == device.id)
    }
}

/// Every choice about devices, to be kept with a person's settings.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct DeviceSettings {
    pub microphone: DeviceChoice,
    pub speaker: DeviceChoice,
    pub camera: DeviceChoice,
    pub enhancement: Enhancement,
}

impl DeviceSettings {
    pub fn choice(&self, kind: DeviceKind) -> &DeviceChoice {
        match kind {
            DeviceKind::Microphone => &self.microphone,
            DeviceKind::Speaker => &self.speaker,
            DeviceKind::Camera => &self.camera,
        }
    }

    pub fn choose(&mut self, kind: DeviceKind, choice: DeviceChoice) {
        match kind {
            DeviceKind::Microphone => self.microphone = choice,
            DeviceKind::Speaker => self.speaker = choice,
            DeviceKind::Camera => self.camera = choice,
        }
    }
}

/// What there is at a moment.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceList {
    pub microphones: Vec<DeviceInfo>,
    pub speakers: Vec<DeviceInfo>,
    /// The test picture is the last one.
    pub cameras: Vec<DeviceInfo>,
}

impl DeviceList {
    pub fn of(&self, kind: DeviceKind) -> &[DeviceInfo] {
        match kind {
            DeviceKind::Microphone => &self.microphones,
            DeviceKind::Speaker => &self.speakers,
            DeviceKind::Camera => &self.cameras,
        }
    }

    /// The device that a choice means now: the chosen one, else the default, else the first. The test
    /// picture is taken only when it was chosen: nobody shows it by accident.
    pub fn resolve(&self, kind: DeviceKind, choice: &DeviceChoice) -> Option<&DeviceInfo> {
        self.resolve_without(kind, choice, None)
    }

    /// As [`resolve`](Self::resolve), leaving out a device that does not work.
    pub fn resolve_without(
        &self,
        kind: DeviceKind,
        choice: &DeviceChoice,
        failing: Option<&str>,
    ) -> Option<&DeviceInfo> {
        let all = || {
            let usable = |device: &&DeviceInfo| Some(device.id.as_str()) != failing;
            self.of(kind).iter().filter(usable)
        };
        let real = || all().filter(|device| device.id != TEST_PICTURE);
        all()
            .find(|device| choice.is(device))
            .or_else(|| real().find(|device| device.is_default))
            .or_else(|| real().next())
    }

    pub fn find(&self, kind: DeviceKind, id: &str) -> Option<&DeviceInfo> {
        self.of(kind).iter().find(|device| device.id == id)
    }

    /// Devices that are in this list and were not in the one before.
    pub fn appeared_since(&self, before: &DeviceList) -> Vec<DeviceInfo> {
        let kinds = [
            DeviceKind::Microphone,
            DeviceKind::Speaker,
            DeviceKind::Camera,
        ];
        kinds
            .into_iter()
            .flat_map(|kind| self.of(kind))
            .filter(|device| before.find(device.kind, &device.id).is_none())
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, is_default: bool) -> DeviceInfo {
        DeviceInfo {
            kind: DeviceKind::Microphone,
            id: id.into(),
            name: id.to_uppercase(),
            is_default,
        }
    }

    fn microphones(microphones: Vec<DeviceInfo>) -> DeviceList {
        DeviceList {
            microphones,
            ..DeviceList::default()
        }
    }

    fn chosen(list: &DeviceList, choice: &DeviceChoice) -> Option<String> {
        let device = list.resolve(DeviceKind::Microphone, choice);
        device.map(|device| device.id.clone())
    }

    #[test]
    fn an_unplugged_choice_falls_to_the_default_and_comes_back() {
        let usb = device("usb", false);
        let choice = DeviceChoice::of(&usb);
        let both = microphones(vec![device("board", true), usb]);
        let one = microphones(vec![device("board", true)]);
        assert_eq!(chosen(&both, &choice).as_deref(), Some("usb"));
        assert_eq!(chosen(&one, &choice).as_deref(), Some("board"));
        assert_eq!(
            chosen(&both, &DeviceChoice::Default).as_deref(),
            Some("board")
        );
        assert_eq!(chosen(&DeviceList::default(), &choice), None);
        assert_eq!(both.appeared_since(&one), [device("usb", false)]);
        assert_eq!(one.appeared_since(&both), []);
    }

    #[test]
    fn nobody_shows_the_test_picture_by_accident() {
        let picture = DeviceInfo {
            kind: DeviceKind::Camera,
            ..device(TEST_PICTURE, false)
        };
        let list = DeviceList {
            cameras: vec![picture.clone()],
            ..DeviceList::default()
        };
        let of = |choice: &DeviceChoice| list.resolve(DeviceKind::Camera, choice).cloned();
        assert_eq!(of(&DeviceChoice::Default), None);
        assert_eq!(of(&DeviceChoice::of(&picture)), Some(picture));
    }

    #[test]
    fn settings_of_an_older_program_are_still_read() {
        let settings: DeviceSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings, DeviceSettings::default());
        let usb = DeviceSettings {
            microphone: DeviceChoice::of(&device("usb", false)),
            ..DeviceSettings::default()
        };
        let written = serde_json::to_string(&usb).unwrap();
        assert_eq!(
            serde_json::from_str::<DeviceSettings>(&written).unwrap(),
            usb
        );
    }
}
