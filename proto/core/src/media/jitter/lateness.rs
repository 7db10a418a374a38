//! How late packets come: the floor that the fastest ones set, and how far the slow ones lie above it.

/// Width of a histogram bin, in samples: 5 ms.
const BIN_SAMPLES: i64 = 240;
/// The histogram reaches 500 ms.
const BINS: usize = 100;
/// The share of packets that are to be in time, as NetEq's delay manager has it.
const QUANTILE: f32 = 0.97;
/// What one packet leaves of the past: half is forgotten after 70 packets, 1.4 s of voice.
const FORGET: f32 = 0.99;
/// Before anything is known 20 ms of jitter are expected: the fourth bin.
const BIN_AT_FIRST: usize = 3;
/// The floor is the minimum over one to two such spans, in samples: 1 s. Long enough to see a fast packet,
/// short enough to follow drift (100 ppm is 10 samples in it).
const FLOOR_SPAN_SAMPLES: i64 = 48_000;
/// A network that keeps every packet so near the floor is calm, in samples: 10 ms, which the least target holds.
const CALM_WITHIN_SAMPLES: i64 = 480;
/// When it has done so for so long, in samples: 10 s. The quantile alone forgets a hiccup within seconds.
const CALM_AFTER_SAMPLES: i64 = 480_000;

/// Measures arrival times against media times; both in samples at 48 kHz.
///
/// After NetEq (WebRTC): a histogram of each packet's delay relative to the fastest recent one, slowly
/// forgotten, and a high quantile of it.
#[derive(Clone, Debug)]
pub struct Lateness {
    bins: [f32; BINS],
    count: u32,
    span_from: i64,
    /// When the last packet came, and when the last one that was not near the floor.
    newest_at: i64,
    uneasy_at: Option<i64>,
    /// Least `arrival - media` of this span and of the one before.
    floor_now: Option<i64>,
    floor_before: Option<i64>,
}

impl Default for Lateness {
    fn default() -> Self {
        let mut bins = [0.0; BINS];
        bins[BIN_AT_FIRST] = 1.0;
        Lateness {
            bins,
            count: 0,
            span_from: 0,
            newest_at: 0,
            uneasy_at: None,
            floor_now: None,
            floor_before: None,
        }
    }
}

impl Lateness {
    pub fn new() -> Lateness {
        Lateness::default()
    }

    /// Takes a packet of media time `media` that arrived at `at`.
    pub fn push(&mut self, at: i64, media: i64) {
        self.turn(at);
        let delay = at - media;
        self.floor_now = Some(self.floor_now.map_or(delay, |floor| floor.min(delay)));
        let above = delay - self.floor().unwrap_or(delay);
        self.newest_at = at;
        let uneasy_at = self.uneasy_at.get_or_insert(at);
        if above > CALM_WITHIN_SAMPLES {
            *uneasy_at = at;
        }
        let bin = usize::try_from(above / BIN_SAMPLES)
            .unwrap_or(0)
            .min(BINS - 1);

        // The first packets weigh more, so that the guess made without any is gone in half a second.
        let count = self.count as f32;
        let keep = FORGET.min((count + 4.0) / (count + 8.0));
        self.bins.iter_mut().for_each(|weight| *weight *= keep);
        self.bins[bin] += 1.0 - keep;
        self.count = self.count.saturating_add(1);
    }

    /// Least `arrival - media` of the last one to two seconds in which packets came.
    pub fn floor(&self) -> Option<i64> {
        match (self.floor_now, self.floor_before) {
            (Some(now), Some(before)) => Some(now.min(before)),
            (now, before) => now.or(before),
        }
    }

    /// How far above the floor 97 % of the packets lie at most, in samples.
    pub fn quantile(&self) -> i64 {
        let mut sum = 0.0;
        for (bin, weight) in self.bins.iter().enumerate() {
            sum += weight;
            if sum >= QUANTILE {
                return (bin as i64 + 1) * BIN_SAMPLES;
            }
        }
        BINS as i64 * BIN_SAMPLES
    }

    /// Whether nothing was late for so long that nothing is expected to be.
    pub fn is_calm(&self) -> bool {
        self.uneasy_at
            .is_some_and(|uneasy_at| self.newest_at - uneasy_at > CALM_AFTER_SAMPLES)
    }

    /// Forgets the floor, as when the sender's clock jumped; the jitter stays known.
    pub fn forget_floor(&mut self) {
        self.floor_now = None;
        self.floor_before = None;
    }

    fn turn(&mut self, at: i64) {
        let passed = at - self.span_from;
        if passed < FLOOR_SPAN_SAMPLES {
            return;
        }
        self.floor_before = match passed < 2 * FLOOR_SPAN_SAMPLES {
            true => self.floor_now,
            false => None,
        };
        self.floor_now = None;
        self.span_from = at;
    }
}
