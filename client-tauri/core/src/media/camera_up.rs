//! From the camera to the network: a thread that captures, encodes the layers that somebody watches, and
//! sends them in an even flow.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use conclave_core::{
    Moment,
    media::{
        assemble::{EncodedFrame, FragmentCache, FragmentKey, ResendBudget, answer, split},
        quiet::QUIET_LAYER,
    },
};
use conclave_wire::{
    Layer, ParticipantId, QualityChoice,
    datagram::{CameraCodec, Fragment, ReRequest},
    limits::QUIET_INTERVAL_MS,
};
use parking_lot::{Condvar, Mutex, MutexGuard};
use serde::Serialize;

use crate::media::{
    clock::MediaClock,
    devices::Camera,
    link::{MediaOutlet, Sent},
    pace::Pace,
};

mod layers;

pub use layers::{SendQuality, encode_layer, encode_quiet};

/// Pictures a second at most.
pub const FRAMES_PER_SECOND_MAX: u64 = 15;
/// Fragments sent without a break; then the thread sleeps, so that voice and others get through.
const BURST_FRAGMENTS: usize = 8;
/// At 1,200 bytes a fragment this is 77 Mbit/s: a large picture takes 10 ms.
const BURST_EVERY: Duration = Duration::from_millis(1);
/// A fragment that the way has no room for is tried again so often, a millisecond apart.
const TRIES_MAX: u32 = 8;

/// The camera gives no more pictures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CameraLost;

/// Figures of one camera.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct CameraUpFigures {
    /// Pictures captured, and pictures of a layer sent.
    pub captured: u64,
    pub frames: u64,
    pub fragments: u64,
    pub bytes: u64,
    /// Fragments sent once more because they were asked for.
    pub sent_again: u64,
    /// Fragments for which there was no way; a viewer asks for them again.
    pub unsent: u64,
    /// Pictures that could not be encoded.
    pub refused: u64,
}

/// A running camera. Dropping it ends its thread.
pub struct CameraUp {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    wish: Mutex<Wish>,
    changed: Condvar,
    sent: Mutex<SentLately>,
    outlet: Arc<dyn MediaOutlet>,
    clock: MediaClock,
    counted: Counted,
}

/// What the thread is to do.
struct Wish {
    stop: bool,
    on: bool,
    layers: Vec<Layer>,
    quality: SendQuality,
    quiet: bool,
}

#[derive(Default)]
struct SentLately {
    cache: FragmentCache<Bytes>,
    budget: ResendBudget,
}

#[derive(Default)]
struct Counted {
    captured: AtomicU64,
    frames: AtomicU64,
    fragments: AtomicU64,
    bytes: AtomicU64,
    sent_again: AtomicU64,
    unsent: AtomicU64,
    refused: AtomicU64,
}

impl CameraUp {
    /// Starts the camera's thread. Nothing is captured before [`watched`](Self::watched) names layers.
    /// `lost` is called on the thread.
    pub fn start(
        camera: Box<dyn Camera>,
        choice: QualityChoice,
        on: bool,
        clock: MediaClock,
        outlet: Arc<dyn MediaOutlet>,
        lost: impl Fn(CameraLost) + Send + 'static,
    ) -> CameraUp {
        let shared = Arc::new(Shared {
            wish: Mutex::new(Wish {
                stop: false,
                on,
                layers: Vec::new(),
                quality: SendQuality::of(choice),
                quiet: false,
            }),
            changed: Condvar::new(),
            sent: Mutex::default(),
            outlet,
            clock,
            counted: Counted::default(),
        });
        let filming = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("camera up".into())
            .spawn(move || film(&filming, camera, lost));
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread for the camera");
        }
        CameraUp {
            shared,
            thread: thread.ok(),
        }
    }

    /// The layers that somebody watches; no others are encoded.
    pub fn watched(&self, layers: &[Layer]) {
        self.change(|wish| wish.layers = layers.to_vec());
    }

    /// Switches the camera off and on.
    pub fn switch(&self, on: bool) {
        self.change(|wish| wish.on = on);
    }

    /// The person's choice of quality, for sending.
    pub fn choose(&self, choice: QualityChoice) {
        self.change(|wish| wish.quality = SendQuality::of(choice));
    }

    /// Quiet company: one small picture every 8 s, and nothing else.
    pub fn keep_quiet(&self, quiet: bool) {
        self.change(|wish| wish.quiet = quiet);
    }

    /// Answers a re-request out of what was sent lately: each fragment at most twice, and at most 15 % of
    /// what was sent. Does not wait.
    pub fn answer(&self, request: &ReRequest) {
        let now = self.shared.clock.now();
        let mut sent = self.shared.sent.lock();
        let SentLately { cache, budget } = &mut *sent;
        let bodies = answer(request, cache, budget, now).bodies;
        drop(sent);
        let counted = &self.shared.counted;
        for body in bodies {
            let Some(fragment) = Fragment::parse(&body) else {
                continue;
            };
            match self.shared.outlet.send_fragment(&fragment) {
                Sent::Sent => counted.sent_again.fetch_add(1, Ordering::Relaxed),
                Sent::Full | Sent::NoWay => counted.unsent.fetch_add(1, Ordering::Relaxed),
            };
        }
    }

    pub fn figures(&self) -> CameraUpFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counted = &self.shared.counted;
        CameraUpFigures {
            captured: read(&counted.captured),
            frames: read(&counted.frames),
            fragments: read(&counted.fragments),
            bytes: read(&counted.bytes),
            sent_again: read(&counted.sent_again),
            unsent: read(&counted.unsent),
            refused: read(&counted.refused),
        }
    }

    /// Ends the thread and waits for it: as long as one picture takes.
    pub fn stop(mut self) {
        self.end();
    }

    fn change(&self, change: impl FnOnce(&mut Wish)) {
        change(&mut self.shared.wish.lock());
        self.shared.changed.notify_all();
    }

    fn end(&mut self) {
        self.change(|wish| wish.stop = true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Drop for CameraUp {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// Waits until pictures are wanted. `None` when the thread is to end.
    fn wanted(
        &self,
        pace: &mut Pace,
        camera: &mut dyn Camera,
    ) -> Option<(Vec<Layer>, SendQuality, bool)> {
        let mut wish = self.wish.lock();
        let mut rests = false;
        while !wish.stop && (!wish.on || wish.layers.is_empty()) {
            match std::mem::replace(&mut rests, true) {
                // What was changed meanwhile is looked at before anything is waited for.
                false => MutexGuard::unlocked(&mut wish, || camera.rest()),
                true => self.changed.wait(&mut wish),
            }
            pace.restart();
        }
        (!wish.stop).then(|| (wish.layers.clone(), wish.quality, wish.quiet))
    }
}

fn film(shared: &Shared, mut camera: Box<dyn Camera>, lost: impl Fn(CameraLost)) {
    let mut numbers: BTreeMap<Layer, u32> = BTreeMap::new();
    let mut pace =
        Pace::without_catching_up(Duration::from_micros(1_000_000 / FRAMES_PER_SECOND_MAX));
    let mut quiet_until = None;
    while let Some((layers, quality, quiet)) = shared.wanted(&mut pace, &mut *camera) {
        let picture = match camera.poll() {
            Ok(Some(picture)) => picture,
            Ok(None) => continue,
            Err(_) => {
                lost(CameraLost);
                return;
            }
        };
        shared.counted.captured.fetch_add(1, Ordering::Relaxed);
        let captured_ms = shared.clock.now().as_ms() as u32;
        let now = Instant::now();
        let layers = match quiet {
            // Taken and thrown away, so that the next one that is sent is not an old one.
            true if quiet_until.is_some_and(|until| now < until) => Vec::new(),
            true => {
                quiet_until = Some(now + Duration::from_millis(QUIET_INTERVAL_MS.into()));
                vec![QUIET_LAYER]
            }
            false => layers,
        };
        for layer in layers
            .into_iter()
            .filter(|layer| *layer <= quality.layer_max)
        {
            let encoded = match quiet {
                true => encode_quiet(&picture),
                false => encode_layer(&picture, layer, quality),
            };
            let bytes = match encoded {
                Ok(jpeg) => jpeg,
                Err(error) => {
                    tracing::debug!(%error, ?layer, "a picture was not encoded");
                    shared.counted.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            };
            let number = numbers.entry(layer).or_default();
            *number = number.wrapping_add(1);
            let frame = EncodedFrame {
                number: *number,
                codec: CameraCodec::Jpeg,
                keyframe: true,
                captured_ms,
                bytes,
            };
            send(shared, &frame, layer);
        }
        pace.wait();
    }
}

fn send(shared: &Shared, frame: &EncodedFrame, layer: Layer) {
    let fragments = match split(frame, ParticipantId(0), layer) {
        Ok(fragments) => fragments,
        Err(error) => {
            tracing::debug!(%error, ?layer, "a picture was not sent");
            shared.counted.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
    };
    let counted = &shared.counted;
    for (i, fragment) in fragments.enumerate() {
        if i > 0 && i % BURST_FRAGMENTS == 0 {
            std::thread::sleep(BURST_EVERY);
        }
        // Kept before it is sent, so that no request for it can come too early.
        keep(shared, &fragment, shared.clock.now());
        match send_patiently(&*shared.outlet, &fragment) {
            Sent::Sent => counted.fragments.fetch_add(1, Ordering::Relaxed),
            Sent::Full | Sent::NoWay => counted.unsent.fetch_add(1, Ordering::Relaxed),
        };
    }
    counted.frames.fetch_add(1, Ordering::Relaxed);
    counted
        .bytes
        .fetch_add(frame.bytes.len() as u64, Ordering::Relaxed);
}

fn keep(shared: &Shared, fragment: &Fragment<'_>, now: Moment) {
    let mut body = Vec::new();
    fragment.write(&mut body);
    let key = FragmentKey {
        layer: fragment.layer,
        frame: fragment.frame,
        index: fragment.index,
    };
    let mut sent = shared.sent.lock();
    sent.budget.sent(body.len());
    sent.cache.insert(key, body.into(), now);
}

fn send_patiently(outlet: &dyn MediaOutlet, fragment: &Fragment<'_>) -> Sent {
    for _ in 0..TRIES_MAX {
        match outlet.send_fragment(fragment) {
            Sent::Full => std::thread::sleep(BURST_EVERY),
            sent => return sent,
        }
    }
    Sent::Full
}
