//! The arithmetic of mixing: sums, sums without oneself, a limiter, and who is loud enough to be mixed.

/// A mixed frame: 20 ms of mono at 48 kHz.
pub const FRAME_SAMPLES: usize = 960;

/// One frame of one voice.
pub type Frame = [i16; FRAME_SAMPLES];

/// The sum of all voices of one frame. 2^16 voices fit.
#[derive(Clone, Debug)]
pub struct MixBus {
    total: Box<[i32; FRAME_SAMPLES]>,
}

impl Default for MixBus {
    fn default() -> Self {
        MixBus {
            total: Box::new([0; FRAME_SAMPLES]),
        }
    }
}

impl MixBus {
    pub fn new() -> MixBus {
        MixBus::default()
    }

    pub fn clear(&mut self) {
        self.total.fill(0);
    }

    pub fn add(&mut self, voice: &Frame) {
        for (sum, &sample) in self.total.iter_mut().zip(voice) {
            *sum += i32::from(sample);
        }
    }

    /// Everyone, unlimited.
    pub fn all(&self, out: &mut [f32; FRAME_SAMPLES]) {
        for (out, &sum) in out.iter_mut().zip(self.total.iter()) {
            *out = sum as f32;
        }
    }

    /// Everyone but `own`, which must have been added: mix-minus, exact because the sums are integers.
    pub fn all_but(&self, own: &Frame, out: &mut [f32; FRAME_SAMPLES]) {
        for ((out, &sum), &own) in out.iter_mut().zip(self.total.iter()).zip(own) {
            *out = (sum - i32::from(own)) as f32;
        }
    }
}

/// Adds a voice with a gain (0.0 to 2.0) to a mix of somebody's own.
pub fn add_with_gain(voice: &Frame, gain: f32, out: &mut [f32; FRAME_SAMPLES]) {
    for (out, &sample) in out.iter_mut().zip(voice) {
        *out += f32::from(sample) * gain;
    }
}

/// Fades a frame in a straight line from one gain to another, so that a voice that enters or leaves a mix
/// in the middle of a word does not click.
pub fn fade(voice: &mut Frame, from: f32, to: f32) {
    let step = (to - from) / FRAME_SAMPLES as f32;
    for (i, sample) in voice.iter_mut().enumerate() {
        *sample = (f32::from(*sample) * (from + step * i as f32)) as i16;
    }
}

/// Sums louder than this are turned down: 80 % of full scale, -1.9 dBFS. Below nothing is touched.
pub const LIMITER_THRESHOLD: f32 = 0.8 * FULL_SCALE;
const FULL_SCALE: f32 = i16::MAX as f32;
/// The gain is set at each border of such a span, in samples (1.7 ms), and runs straight between.
const SPAN_SAMPLES: usize = 80;
const SPANS: usize = FRAME_SAMPLES / SPAN_SAMPLES;
/// How much the gain may rise in a span: from half to full in 0.4 s, too slow to be heard as pumping.
const RELEASE_PER_SPAN: f32 = 1.003;

/// Keeps one mix within full scale. It adds no delay: inside a frame the gain falls before the peak, and
/// a peak too near to the frame's beginning meets a soft knee.
#[derive(Clone, Copy, Debug)]
pub struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Limiter { gain: 1.0 }
    }
}

impl Limiter {
    pub fn new() -> Limiter {
        Limiter::default()
    }

    /// Turns a sum (in units of 16-bit samples) into samples.
    pub fn limit(&mut self, sum: &[f32; FRAME_SAMPLES], out: &mut Frame) {
        let mut allowed = [1.0f32; SPANS];
        for (allowed, span) in allowed.iter_mut().zip(sum.chunks_exact(SPAN_SAMPLES)) {
            let peak = span
                .iter()
                .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
            *allowed = (LIMITER_THRESHOLD / peak.max(LIMITER_THRESHOLD)).min(1.0);
        }
        let spans = sum
            .chunks_exact(SPAN_SAMPLES)
            .zip(out.chunks_exact_mut(SPAN_SAMPLES));
        for (i, (sum, out)) in spans.enumerate() {
            let from = self.gain;
            let next = allowed.get(i + 1).copied().unwrap_or(1.0);
            let to = (from * RELEASE_PER_SPAN).min(allowed[i]).min(next);
            let step = (to - from) / SPAN_SAMPLES as f32;
            for (k, (&sum, out)) in sum.iter().zip(out).enumerate() {
                *out = soft_knee(sum * (from + step * k as f32)) as i16;
            }
            self.gain = to;
        }
    }

    /// The gain at the end of the last frame, at most 1.
    pub fn gain(&self) -> f32 {
        self.gain
    }
}

/// The identity up to the threshold, then a curve of the same slope that never passes full scale.
fn soft_knee(sample: f32) -> f32 {
    let size = sample.abs();
    if size <= LIMITER_THRESHOLD {
        return sample;
    }
    let room = FULL_SCALE - LIMITER_THRESHOLD;
    let bent = LIMITER_THRESHOLD + room * ((size - LIMITER_THRESHOLD) / room).tanh();
    bent.copysign(sample)
}

/// A newcomer must be this much louder than somebody in the mix to take the place.
pub const HYSTERESIS_DB: u8 = 6;

/// The loudest `max` of the candidates (who, level in -dBov), sorted by who. Those in `chosen` keep their
/// place unless somebody is [`HYSTERESIS_DB`] louder. Candidates come sorted by who.
pub fn loudest(candidates: &[(u32, u8)], chosen: &[u32], max: usize) -> Vec<u32> {
    let mut ranked: Vec<(u8, u32)> = candidates
        .iter()
        .map(|&(who, level)| match chosen.contains(&who) {
            true => (level.saturating_sub(HYSTERESIS_DB), who),
            false => (level, who),
        })
        .collect();
    if ranked.len() > max {
        ranked.sort_by_key(|&(level, who)| (level, !chosen.contains(&who), who));
        ranked.truncate(max);
    }
    let mut seats: Vec<u32> = ranked.into_iter().map(|(_, who)| who).collect();
    seats.sort_unstable();
    seats
}
