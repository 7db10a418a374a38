//! What the devices' threads share: the choice, what works, and the sound that passes by.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
};

use conclave_core::media::level::LEVEL_SILENT;
use parking_lot::Mutex;
use serde::Serialize;

use super::{DeviceRefused, camera::Newest, desk::Word, hear::Hear};
use crate::media::{
    devices::{DeviceInfo, DeviceKind, DeviceList, DeviceSettings, Frame},
    enhance::Enhancement,
};

/// Frames that were played and not heard by the echo canceller yet: half a second. Beyond, the microphone
/// stands still, and the oldest are of no use.
const PLAYED_FRAMES_MAX: usize = 50;

/// How loud it is, in -dBov: 127 is silence.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Levels {
    pub microphone: u8,
    pub speaker: u8,
}

/// Counters since the beginning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct DeviceFigures {
    /// Samples of a microphone that were lost because nobody read them in time.
    pub overrun_samples: u64,
    /// Samples of silence that a speaker played because no sound was there in time.
    pub underrun_samples: u64,
    /// Streams opened.
    pub opened: u64,
    /// What is kept ready for the speaker, in microseconds.
    pub ahead_us: u32,
    /// What the system says lies between the air and us, in microseconds.
    pub capture_us: u32,
    pub playback_us: u32,
}

pub(super) struct Shared {
    pub settings: Mutex<DeviceSettings>,
    /// Rises with each change of the enhancement.
    enhancement: AtomicU64,
    pub list: Mutex<DeviceList>,
    pub in_use: Mutex<BTreeMap<DeviceKind, DeviceInfo>>,
    /// Of each kind that somebody wants to use, why it does not work.
    pub failing: Mutex<BTreeMap<DeviceKind, DeviceRefused>>,
    /// Why there is no sound at all.
    pub sound_refused: Mutex<Option<DeviceRefused>>,
    words: Mutex<mpsc::Sender<Word>>,
    pub levels: LevelsNow,
    pub played: Played,
    pub hear: Hear,
    /// Microphones and speakers that a client uses.
    pub microphones: AtomicUsize,
    pub speakers: AtomicUsize,
    /// Cameras that somebody wants pictures of.
    pub cameras: AtomicUsize,
    /// The webcam that is read, for all of them: a system lets it be opened once.
    pub webcam: Mutex<Option<(String, Weak<Newest>)>>,
    /// Held by whoever has a webcam open.
    pub webcam_turn: Arc<Mutex<()>>,
    pub overrun: AtomicU64,
    pub underrun: AtomicU64,
    pub opened: AtomicU64,
    pub ahead_us: AtomicU32,
    pub capture_us: AtomicU32,
    pub playback_us: AtomicU32,
}

impl Shared {
    pub(super) fn new(settings: DeviceSettings, words: mpsc::Sender<Word>) -> Shared {
        Shared {
            settings: Mutex::new(settings),
            enhancement: AtomicU64::new(0),
            list: Mutex::default(),
            in_use: Mutex::default(),
            failing: Mutex::default(),
            sound_refused: Mutex::default(),
            words: Mutex::new(words),
            levels: LevelsNow::default(),
            played: Played::default(),
            hear: Hear::default(),
            microphones: AtomicUsize::new(0),
            speakers: AtomicUsize::new(0),
            cameras: AtomicUsize::new(0),
            webcam: Mutex::default(),
            webcam_turn: Arc::default(),
            overrun: AtomicU64::new(0),
            underrun: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            ahead_us: AtomicU32::new(0),
            capture_us: AtomicU32::new(0),
            playback_us: AtomicU32::new(0),
        }
    }

    /// Says a word to the thread of the devices.
    pub(super) fn tell(&self, word: Word) {
        // Without the thread there are no devices, and that was said.
        let _ = self.words.lock().send(word);
    }

    /// Why nothing of this kind works now; `None` when something does, or has not been tried.
    pub(super) fn refusal(&self, kind: DeviceKind) -> Option<DeviceRefused> {
        let failing = self.failing.lock().get(&kind).cloned();
        failing.or_else(|| {
            let choice = self.settings.lock().choice(kind).clone();
            let is_there = self.list.lock().resolve(kind, &choice).is_some();
            (!is_there).then(|| self.missing(kind))
        })
    }

    /// What is said where nothing of this kind is there.
    pub(super) fn missing(&self, kind: DeviceKind) -> DeviceRefused {
        let sound = match kind {
            DeviceKind::Microphone | DeviceKind::Speaker => self.sound_refused.lock().clone(),
            DeviceKind::Camera => None,
        };
        sound.unwrap_or_else(|| DeviceRefused::none(kind))
    }

    pub(super) fn enhancement_changed(&self) {
        self.enhancement.fetch_add(1, Ordering::Release);
    }

    /// The enhancement and the number of its version.
    pub(super) fn enhancement(&self) -> (u64, Enhancement) {
        let version = self.enhancement.load(Ordering::Acquire);
        (version, self.settings.lock().enhancement)
    }

    pub(super) fn enhancement_version(&self) -> u64 {
        self.enhancement.load(Ordering::Acquire)
    }

    pub(super) fn figures(&self) -> DeviceFigures {
        DeviceFigures {
            overrun_samples: self.overrun.load(Ordering::Relaxed),
            underrun_samples: self.underrun.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
            ahead_us: self.ahead_us.load(Ordering::Relaxed),
            capture_us: self.capture_us.load(Ordering::Relaxed),
            playback_us: self.playback_us.load(Ordering::Relaxed),
        }
    }
}

/// The newest levels.
pub(super) struct LevelsNow {
    pub microphone: AtomicU8,
    pub speaker: AtomicU8,
}

impl Default for LevelsNow {
    fn default() -> Self {
        LevelsNow {
            microphone: AtomicU8::new(LEVEL_SILENT),
            speaker: AtomicU8::new(LEVEL_SILENT),
        }
    }
}

impl LevelsNow {
    pub(super) fn get(&self) -> Levels {
        Levels {
            microphone: self.microphone.load(Ordering::Relaxed),
            speaker: self.speaker.load(Ordering::Relaxed),
        }
    }
}

/// What was played, on its way to the echo canceller. Both ends are threads of voice, and neither is a
/// device's callback.
#[derive(Default)]
pub(super) struct Played {
    wanted: AtomicBool,
    frames: Mutex<VecDeque<Frame>>,
}

impl Played {
    /// Whether anybody takes what is played.
    pub(super) fn want(&self, wanted: bool) {
        if self.wanted.swap(wanted, Ordering::Relaxed) != wanted {
            self.frames.lock().clear();
        }
    }

    pub(super) fn push(&self, frame: &Frame) {
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let mut frames = self.frames.lock();
        if frames.len() == PLAYED_FRAMES_MAX {
            frames.pop_front();
        }
        frames.push_back(*frame);
    }

    /// Everything that was played since the last call.
    pub(super) fn drain(&self, into: &mut Vec<Frame>) {
        into.clear();
        into.extend(self.frames.lock().drain(..));
    }
}
