//! What is ours in a meeting, as the page shows it: microphone, camera, screen, sound.

use std::time::{Duration, Instant};

use conclave_wire::{Layer, MediaState, QualityChoice};
use parking_lot::Mutex;

use super::{LocalDevice, LocalMedia, MediaFailure, Rack};
use crate::media::devices::DeviceKind;

/// The quietest that a meter shows: a quiet room, in dB below full scale.
const FLOOR_DB: f32 = 60.0;
/// A meter shows no smaller steps than this.
const LEVEL_STEP: f32 = 0.01;
/// The hint that one talks while muted stays for so long after the last word.
const TALKING_SHOWN: Duration = Duration::from_millis(2_500);

pub(super) struct Own {
    media: Mutex<LocalMedia>,
    /// What the room has of us.
    known: Mutex<MediaState>,
    talked_at: Mutex<Option<Instant>>,
    tell: Box<dyn Fn(LocalMedia) + Send + Sync>,
}

impl Own {
    pub(super) fn new(sound: bool, tell: impl Fn(LocalMedia) + Send + Sync + 'static) -> Own {
        let media = LocalMedia {
            microphone: LocalDevice::Off,
            camera: LocalDevice::Off,
            screen: LocalDevice::Off,
            sound,
            level: 0.0,
            talking_while_muted: false,
            sound_blocked: false,
            send: QualityChoice::Auto,
            publishing: Vec::new(),
        };
        let known = MediaState {
            sound,
            ..MediaState::default()
        };
        Own {
            media: Mutex::new(media),
            known: Mutex::new(known),
            talked_at: Mutex::new(None),
            tell: Box::new(tell),
        }
    }

    /// Changes it and tells, if it is another one then.
    pub(super) fn change(&self, change: impl FnOnce(&mut LocalMedia)) {
        let changed = {
            let mut media = self.media.lock();
            let before = media.clone();
            change(&mut media);
            (*media != before).then(|| media.clone())
        };
        if let Some(media) = changed {
            (self.tell)(media);
        }
    }

    pub(super) fn now(&self) -> LocalMedia {
        self.media.lock().clone()
    }

    pub(super) fn microphone_is_on(&self) -> bool {
        self.media.lock().microphone.is_on()
    }

    /// What is to be told to the room.
    pub(super) fn state(&self) -> MediaState {
        let media = self.media.lock();
        MediaState {
            microphone: media.microphone.is_on(),
            camera: media.camera.is_on(),
            sound: media.sound,
        }
    }

    /// The room says what we have switched on.
    pub(super) fn known(&self, known: MediaState) {
        *self.known.lock() = known;
    }

    /// What the room has switched off is off.
    pub(super) fn settle(&self) {
        let known = *self.known.lock();
        self.change(|media| {
            if media.microphone.is_on() && !known.microphone {
                media.microphone = LocalDevice::Failed {
                    why: MediaFailure::MutedByHost,
                    said: None,
                };
            }
            if media.camera.is_on() && !known.camera {
                media.camera = LocalDevice::Off;
            }
        });
    }

    pub(super) fn publishing(&self, layers: &[Layer]) {
        self.change(|media| media.publishing = layers.to_vec());
    }

    /// `level` in -dBov, 127 for silence.
    pub(super) fn level(&self, level: u8) {
        let level = meter(level);
        let talking = self
            .talked_at
            .lock()
            .is_some_and(|at| at.elapsed() < TALKING_SHOWN);
        self.change(|media| {
            if (level - media.level).abs() >= LEVEL_STEP || level == 0.0 {
                media.level = level;
            }
            media.talking_while_muted = talking && !media.microphone.is_on();
        });
    }

    pub(super) fn talked_while_muted(&self) {
        *self.talked_at.lock() = Some(Instant::now());
    }

    /// Names what is on by what it is now.
    pub(super) fn name_devices(&self, rack: &dyn Rack) {
        self.change(|media| {
            let kinds = [
                (DeviceKind::Microphone, &mut media.microphone),
                (DeviceKind::Camera, &mut media.camera),
            ];
            for (kind, shown) in kinds {
                if shown.is_on() {
                    *shown = on(rack, kind);
                }
            }
        });
    }
}

/// A device that is on, with its name.
pub(super) fn on(rack: &dyn Rack, kind: DeviceKind) -> LocalDevice {
    let choice = rack.settings().choice(kind).clone();
    let device = rack
        .in_use(kind)
        .or_else(|| rack.list().resolve(kind, &choice).cloned());
    LocalDevice::On {
        device: device.as_ref().map(|device| device.id.clone()),
        label: device.map(|device| device.name).unwrap_or_default(),
        failing: rack.refusal(kind).map(|refused| refused.message),
    }
}

/// 0 to 1, even to the ear, of a level in -dBov.
pub(super) fn meter(level: u8) -> f32 {
    (1.0 - f32::from(level) / FLOOR_DB).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn own() -> (Own, Arc<Mutex<Vec<LocalMedia>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = told.clone();
        (
            Own::new(true, move |media| telling.lock().push(media)),
            told,
        )
    }

    fn is_on() -> LocalDevice {
        LocalDevice::On {
            device: None,
            label: String::new(),
            failing: None,
        }
    }

    #[test]
    fn a_host_who_mutes_has_muted() {
        let (own, told) = own();
        own.change(|media| media.microphone = is_on());
        assert!(own.microphone_is_on());
        own.known(MediaState::default());
        own.settle();
        let why = MediaFailure::MutedByHost;
        let last = told.lock().last().cloned().unwrap();
        assert_eq!(last.microphone, LocalDevice::Failed { why, said: None });
        let count = told.lock().len();
        own.settle();
        assert_eq!(
            told.lock().len(),
            count,
            "what is the same is not told again"
        );
    }

    #[test]
    fn the_hint_goes_when_the_microphone_is_on() {
        let (own, _) = own();
        own.talked_while_muted();
        own.level(30);
        assert!(own.now().talking_while_muted);
        own.change(|media| media.microphone = is_on());
        own.level(30);
        assert!(!own.now().talking_while_muted);
    }

    #[test]
    fn a_meter_goes_from_nothing_to_full() {
        assert_eq!(meter(127), 0.0);
        assert_eq!(meter(0), 1.0);
        assert!(meter(20) > meter(40));
    }
}
