//! From the network to the speaker: packets wait in an inbox, a thread of its own decodes and plays them.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use conclave_core::{Moment, media::jitter::JitterFigures};
use conclave_wire::datagram::Voice;
use parking_lot::Mutex;
use serde::Serialize;

use crate::media::{
    clock::MediaClock,
    devices::{FRAME_SAMPLES, SAMPLE_RATE, Speaker},
    pace::Pace,
};

mod decoders;
mod playout;
mod tally;

pub use playout::{Arrived, VoicePlayout};
pub use tally::{TallyFigures, VoiceTally};

/// Packets that wait for the playout thread: more than any pause of the thread lets come.
const INBOX_PACKETS_MAX: usize = 256;
/// Frames of 10 ms played in one beat at most: what one late beat has to make good.
const CATCH_UP_FRAMES_MAX: usize = 20;

/// Figures of what one client hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct VoiceDownFigures {
    pub arrived: TallyFigures,
    /// How long packets wait before they sound, and how long they should, in milliseconds.
    pub delay_ms: u32,
    pub target_ms: u32,
    pub played: u64,
    pub lost: u64,
    pub late: u64,
    pub concealed_ms: u64,
    pub stretched_ms: u64,
    /// Packets that were no Opus.
    pub malformed: u64,
}

/// What one client hears. Packets are pushed from the link; a thread plays them, if there is a speaker.
/// Without one they are counted and not decoded. Dropping it ends the thread.
pub struct VoiceDown {
    inbox: Arc<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
    clock: MediaClock,
}

struct Inbox {
    packets: Mutex<VecDeque<Arrived>>,
    tally: Mutex<VoiceTally>,
    played: Mutex<(JitterFigures, u64)>,
    has_speaker: AtomicBool,
    restart: AtomicBool,
    stop: AtomicBool,
}

impl VoiceDown {
    pub fn new(clock: MediaClock) -> VoiceDown {
        VoiceDown {
            inbox: Arc::new(Inbox {
                packets: Mutex::default(),
                tally: Mutex::default(),
                played: Mutex::default(),
                has_speaker: AtomicBool::new(false),
                restart: AtomicBool::new(false),
                stop: AtomicBool::new(false),
            }),
            thread: Mutex::new(None),
            clock,
        }
    }

    /// Plays on `speaker` from now on, instead of the one before.
    pub fn play_on(&self, speaker: Box<dyn Speaker>) {
        self.stop();
        self.inbox.stop.store(false, Ordering::Relaxed);
        self.inbox.has_speaker.store(true, Ordering::Relaxed);
        let (inbox, clock) = (Arc::clone(&self.inbox), self.clock);
        let thread = std::thread::Builder::new()
            .name("voice down".into())
            .spawn(move || play(&inbox, clock, speaker));
        match thread {
            Ok(thread) => *self.thread.lock() = Some(thread),
            Err(error) => tracing::error!(%error, "no thread for the speaker"),
        }
    }

    /// Takes a packet that arrived at `at` as number `number` of its class. Does not wait.
    pub fn push(&self, at: Moment, number: u64, voice: &Voice<'_>) {
        self.inbox.tally.lock().push(at, number, voice);
        if !self.inbox.has_speaker.load(Ordering::Relaxed) {
            return;
        }
        let mut packets = self.inbox.packets.lock();
        if packets.len() == INBOX_PACKETS_MAX {
            packets.pop_front();
        }
        packets.push_back(Arrived::of(at, number, voice));
    }

    /// The room's media clock has started anew, as with a server that did.
    pub fn restart(&self) {
        self.inbox.tally.lock().restart();
        let mut packets = self.inbox.packets.lock();
        packets.clear();
        self.inbox.restart.store(true, Ordering::Relaxed);
    }

    /// Ends the playout and waits for its thread: at most a beat of 10 ms and what it decodes.
    pub fn stop(&self) {
        self.inbox.stop.store(true, Ordering::Relaxed);
        self.inbox.has_speaker.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
        self.inbox.packets.lock().clear();
    }

    /// Reads the tally, for figures that are added up over many clients, or begins it anew.
    pub fn with_tally<R>(&self, read: impl FnOnce(&mut VoiceTally) -> R) -> R {
        read(&mut self.inbox.tally.lock())
    }

    pub fn figures(&self) -> VoiceDownFigures {
        let arrived = self.inbox.tally.lock().figures();
        let (jitter, malformed) = *self.inbox.played.lock();
        VoiceDownFigures {
            arrived,
            delay_ms: jitter.delay_ms,
            target_ms: jitter.target_ms,
            played: jitter.played,
            lost: jitter.lost,
            late: jitter.late,
            concealed_ms: jitter.concealed_samples * 1_000 / u64::from(SAMPLE_RATE),
            stretched_ms: jitter.stretched_samples * 1_000 / u64::from(SAMPLE_RATE),
            malformed,
        }
    }
}

impl Drop for VoiceDown {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Keeps the speaker's queue filled until it is told to stop.
fn play(inbox: &Inbox, clock: MediaClock, mut speaker: Box<dyn Speaker>) {
    let mut playout = VoicePlayout::new();
    let mut pace = Pace::new(Duration::from_millis(10));
    let mut frame = [0; FRAME_SAMPLES];
    let mut taken = VecDeque::new();
    while !inbox.stop.load(Ordering::Relaxed) {
        let mut packets = inbox.packets.lock();
        let restart = inbox.restart.swap(false, Ordering::Relaxed);
        std::mem::swap(&mut taken, &mut *packets);
        drop(packets);
        if restart {
            playout.restart();
        }
        for packet in taken.drain(..) {
            playout.push(packet);
        }
        for _ in 0..CATCH_UP_FRAMES_MAX {
            let (queued, ahead) = (speaker.queued_samples(), speaker.ahead_samples());
            if queued >= ahead {
                break;
            }
            // What the device always holds is no time in which a late packet may still come: only what it
            // holds more or less than that counts.
            let steady = micros(ahead.saturating_sub(FRAME_SAMPLES));
            let sounds_at = clock.now() + Duration::from_micros(micros(queued));
            playout.pull(Moment(sounds_at.0.saturating_sub(steady)), &mut frame);
            speaker.play(&frame);
        }
        *inbox.played.lock() = (playout.figures(), playout.malformed());
        speaker.wait(&mut pace);
    }
}

fn micros(samples: usize) -> u64 {
    samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE)
}
