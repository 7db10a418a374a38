//! Trying devices out before a meeting: a picture of oneself, a meter, one's own voice, a tone.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{Rack, Shared, Told, Trouble, own::meter};
use crate::media::devices::{Capture, DeviceKind, FRAME_SAMPLES, SAMPLE_RATE, Sound, Tone};

const SHOW_EVERY: Duration = Duration::from_millis(66);
/// Things that a page tries out at the same time.
const TRIES_MAX: usize = 8;
/// Nobody listens to themselves for longer.
const ECHO_MAX: Duration = Duration::from_secs(60);
const TONE_HERTZ: f32 = 660.0;
const TONE_PEAK: f32 = 0.15;
const TONE_FRAMES: usize = 60;
/// The end of a tone is played within this.
const TONE_END_MAX: Duration = Duration::from_millis(400);
/// The preview is one, under this number.
pub(super) const PREVIEW: u32 = 0;

/// What is being tried out.
#[derive(Default)]
pub(super) struct Tries {
    open: Mutex<BTreeMap<u32, Try>>,
}

enum Try {
    Task(JoinHandle<()>),
    Thread(Arc<AtomicBool>),
}

impl Drop for Try {
    fn drop(&mut self) {
        match self {
            Try::Task(task) => task.abort(),
            Try::Thread(stop) => stop.store(true, Ordering::Relaxed),
        }
    }
}

impl Tries {
    pub(super) fn close(&self, id: u32) {
        drop(self.open.lock().remove(&id));
    }

    pub(super) fn close_all(&self) {
        self.open.lock().clear();
    }

    fn add(&self, id: u32, one: Try) -> Result<(), Trouble> {
        let mut open = self.open.lock();
        if open.len() >= TRIES_MAX && !open.contains_key(&id) {
            return Err(Trouble::refusal(
                "too_fast",
                "Too much is tried out at once.",
            ));
        }
        open.insert(id, one);
        Ok(())
    }
}

/// Shows the camera until it is closed.
pub(super) fn preview(shared: &Arc<Shared>) -> Result<(), Trouble> {
    let preview = shared.rack.preview();
    let frames = Arc::clone(&shared.frames);
    let task = tokio::spawn(async move {
        let mut tick = interval(SHOW_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Some(jpeg) = preview.take() {
                frames.own(jpeg);
            }
        }
    });
    shared.tries.add(PREVIEW, Try::Task(task))
}

/// Tells how loud the microphone is until it is closed.
pub(super) fn open_meter(shared: &Arc<Shared>, id: u32) -> Result<(), Trouble> {
    let mut microphone = shared.rack.microphone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    // It is read so that it hears; how loud it was is known where it is read.
    let reading = std::thread::Builder::new()
        .name("meter".into())
        .spawn(move || {
            let mut frame = [0; FRAME_SAMPLES];
            while !stopped.load(Ordering::Relaxed) && microphone.read(&mut frame) != Capture::Gone {
            }
        });
    if let Err(error) = reading {
        tracing::error!(%error, "no thread for the meter");
    }
    let telling = Arc::downgrade(shared);
    let open = Arc::clone(&stop);
    tokio::spawn(async move {
        let mut tick = interval(SHOW_EVERY);
        while !open.load(Ordering::Relaxed) {
            tick.tick().await;
            let Some(shared) = telling.upgrade() else {
                return;
            };
            let level = meter(shared.rack.level());
            shared.tell(Told::Level { id, level });
        }
    });
    shared.tries.add(id, Try::Thread(stop))
}

/// Plays the microphone on the speaker for a while.
///
/// # Errors
/// When one of them does not work: what to do.
pub(super) async fn echo_back(shared: &Arc<Shared>, ms: u32) -> Result<(), Trouble> {
    let both = [DeviceKind::Microphone, DeviceKind::Speaker];
    // Where one is missing, nobody needs to listen for it.
    works(&*shared.rack, &both)?;
    shared.rack.hear_yourself(true);
    sleep(Duration::from_millis(ms.into()).min(ECHO_MAX)).await;
    let heard = works(&*shared.rack, &both);
    shared.rack.hear_yourself(false);
    heard
}

/// Plays a short tone on the speaker, and waits for its end.
///
/// # Errors
/// When the speaker does not work: what to do.
pub(super) async fn play_tone(shared: &Arc<Shared>) -> Result<(), Trouble> {
    let rack = Arc::clone(&shared.rack);
    works(&*rack, &[DeviceKind::Speaker])?;
    let mut speaker = rack.speaker();
    let played = tokio::task::spawn_blocking(move || {
        let mut tone = Tone::new(TONE_HERTZ, TONE_PEAK);
        let mut frame = [0; FRAME_SAMPLES];
        for _ in 0..TONE_FRAMES {
            tone.fill(&mut frame);
            speaker.play(&frame);
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(TONE_END_MAX);
        // A speaker that nobody uses any more has nothing to complain of.
        works(&*rack, &[DeviceKind::Speaker])
    });
    debug_assert_eq!(SAMPLE_RATE as usize, 100 * FRAME_SAMPLES);
    let lost = |_| Trouble::refusal("internal", "The sound was not played. Try again.");
    played.await.map_err(lost)?
}

fn works(rack: &dyn Rack, kinds: &[DeviceKind]) -> Result<(), Trouble> {
    match kinds.iter().find_map(|&kind| rack.refusal(kind)) {
        Some(refused) => Err(refused.into()),
        None => Ok(()),
    }
}
