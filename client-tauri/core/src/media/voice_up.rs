//! From the microphone to the network: a thread that reads, measures, encodes and sends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use conclave_core::media::level::{LEVEL_SILENT, TalkingWhileMuted, level};
use conclave_wire::{ParticipantId, datagram::Voice};
use serde::Serialize;

use crate::media::{
    clock::MediaClock,
    devices::{Capture, FRAME_SAMPLES, Microphone},
    link::{MediaOutlet, Sent},
};

mod encoder;

pub use encoder::{EncodedVoice, VoiceEncoder, VoiceSettings};

/// A voice packet that the way has no room for is tried again so often, half a millisecond apart; a
/// camera's burst is gone by then.
const TRIES_MAX: u32 = 6;
const TRY_AGAIN: Duration = Duration::from_micros(500);

/// What the microphone's thread has to say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VoiceNotice {
    /// The person talks but is muted.
    TalkingWhileMuted,
    /// The microphone gives no more sound.
    MicrophoneGone,
}

/// Figures of one microphone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct VoiceUpFigures {
    /// Packets sent, and those for which there was no way.
    pub sent: u64,
    pub unsent: u64,
    /// Level of the newest frame in -dBov.
    pub level: u8,
}

/// A running microphone. Dropping it ends its thread.
pub struct VoiceUp {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    muted: AtomicBool,
    loss_percent: AtomicU8,
    level: AtomicU8,
    sent: AtomicU64,
    unsent: AtomicU64,
}

impl VoiceUp {
    /// Starts to read `microphone`. `notice` is called on its thread.
    pub fn start(
        microphone: Box<dyn Microphone>,
        settings: VoiceSettings,
        muted: bool,
        clock: MediaClock,
        outlet: Arc<dyn MediaOutlet>,
        notice: impl Fn(VoiceNotice) + Send + 'static,
    ) -> Result<VoiceUp, opus::Error> {
        let encoder = VoiceEncoder::new(settings)?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            muted: AtomicBool::new(muted),
            loss_percent: AtomicU8::new(0),
            level: AtomicU8::new(LEVEL_SILENT),
            sent: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
        });
        let thread = Reading {
            microphone,
            encoder,
            clock,
            outlet,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("voice up".into())
            .spawn(move || thread.run(notice));
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread for the microphone");
        }
        Ok(VoiceUp {
            shared,
            thread: thread.ok(),
        })
    }

    /// Mutes at the next frame; nothing is encoded or sent while muted.
    pub fn mute(&self, muted: bool) {
        self.shared.muted.store(muted, Ordering::Relaxed);
    }

    /// How much loss the error correction is to be made for.
    pub fn expect_loss(&self, percent: u8) {
        self.shared.loss_percent.store(percent, Ordering::Relaxed);
    }

    pub fn figures(&self) -> VoiceUpFigures {
        VoiceUpFigures {
            sent: self.shared.sent.load(Ordering::Relaxed),
            unsent: self.shared.unsent.load(Ordering::Relaxed),
            level: self.shared.level.load(Ordering::Relaxed),
        }
    }

    /// Ends the thread and waits for it: as long as the microphone takes to return, at most 100 ms.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Drop for VoiceUp {
    fn drop(&mut self) {
        self.end();
    }
}

struct Reading {
    microphone: Box<dyn Microphone>,
    encoder: VoiceEncoder,
    clock: MediaClock,
    outlet: Arc<dyn MediaOutlet>,
    shared: Arc<Shared>,
}

impl Reading {
    fn run(mut self, notice: impl Fn(VoiceNotice)) {
        let mut frame = [0; FRAME_SAMPLES];
        let mut muted_talk = TalkingWhileMuted::new();
        let mut told_muted = None;
        while !self.shared.stop.load(Ordering::Relaxed) {
            let muted = self.shared.muted.load(Ordering::Relaxed);
            if told_muted.replace(muted) != Some(muted) {
                self.microphone.mute(muted);
            }
            match self.microphone.read(&mut frame) {
                Capture::Frame => {}
                Capture::Nothing => {
                    self.encoder.pause();
                    continue;
                }
                Capture::Gone => {
                    notice(VoiceNotice::MicrophoneGone);
                    return;
                }
            }
            let now = self.clock.now();
            let (level, muted) = (level(&frame), self.shared.muted.load(Ordering::Relaxed));
            self.shared.level.store(level, Ordering::Relaxed);
            if muted_talk.push(now, level, muted) {
                notice(VoiceNotice::TalkingWhileMuted);
            }
            if muted {
                self.encoder.pause();
                continue;
            }
            self.encoder
                .expect_loss(self.shared.loss_percent.load(Ordering::Relaxed));
            match self.encoder.push(now, &frame) {
                Ok(Some(voice)) => send(&*self.outlet, &voice, &self.shared),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "a frame of voice was not encoded"),
            }
        }
    }
}

fn send(outlet: &dyn MediaOutlet, encoded: &EncodedVoice<'_>, shared: &Shared) {
    let voice = Voice {
        source: ParticipantId(0),
        spurt_start: encoded.spurt_start,
        level: encoded.level,
        media_time: encoded.media_time,
        opus: encoded.opus,
    };
    for _ in 0..TRIES_MAX {
        match outlet.send_voice(&voice) {
            Sent::Sent => {
                shared.sent.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Sent::Full => std::thread::sleep(TRY_AGAIN),
            Sent::NoWay => break,
        }
    }
    shared.unsent.fetch_add(1, Ordering::Relaxed);
}
