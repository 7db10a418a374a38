//! How loud a voice is, who speaks, and who speaks in vain because the microphone is off.

use std::time::Duration;

use crate::Moment;

/// The quietest level: digital silence (RFC 6464 section 3).
pub const LEVEL_SILENT: u8 = 127;
/// A packet at most this level (in -dBov, so: at least this loud) is a voice. Quiet speech into a headset
/// is around 45; a suppressed background is 70 and more.
pub const LEVEL_VOICE: u8 = 60;
/// An Opus packet of at most this many bytes is a frame left out under DTX (RFC 6716 section 3.4: one
/// byte of TOC, and one more for code 1 to 3).
pub const DTX_PACKET_BYTES_MAX: usize = 2;
/// A voice goes on this long beyond its last loud packet, so that pauses between words cut nothing.
pub const HANGOVER: Duration = Duration::from_millis(400);
/// Somebody is shown as speaking after this much voice, so that a knock lights nobody up.
pub const ATTACK: Duration = Duration::from_millis(60);

/// The level of mono samples in -dBov (RFC 6464): 0 is a square wave of full scale, 127 is silence.
pub fn level(samples: &[i16]) -> u8 {
    if samples.is_empty() {
        return LEVEL_SILENT;
    }
    let squares: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    let rms = (squares / samples.len() as f64).sqrt() / f64::from(i16::MAX);
    if rms <= 0.0 {
        return LEVEL_SILENT;
    }
    (-20.0 * rms.log10())
        .round()
        .clamp(0.0, f64::from(LEVEL_SILENT)) as u8
}

/// A level that rises at once and falls slowly, for meters and for ranking talkers.
#[derive(Clone, Copy, Debug)]
pub struct LevelMeter {
    minus_dbov: f32,
}

/// How fast a meter falls: 1 dB a 20 ms packet, so 50 dB a second.
const METER_FALL_DB: f32 = 1.0;

impl Default for LevelMeter {
    fn default() -> Self {
        LevelMeter {
            minus_dbov: f32::from(LEVEL_SILENT),
        }
    }
}

impl LevelMeter {
    /// Takes the level of one packet, in -dBov.
    pub fn push(&mut self, level: u8) {
        self.minus_dbov = f32::from(level).min(self.minus_dbov + METER_FALL_DB);
    }

    /// The smoothed level, in -dBov.
    pub fn level(&self) -> u8 {
        self.minus_dbov as u8
    }
}

/// Whether one person speaks, from the level byte and the length of each packet, checked against the
/// decoded sound where somebody decodes it.
#[derive(Clone, Debug, Default)]
pub struct Speaking {
    meter: LevelMeter,
    /// When the present run of voice began.
    since: Option<Moment>,
    /// When the last loud packet came.
    loud_at: Option<Moment>,
    check: Check,
}

/// What decoding says about the level bytes of a sender.
#[derive(Clone, Debug, Default)]
struct Check {
    decoded: LevelMeter,
    decoded_at: Option<Moment>,
    /// How many decoded frames in a row were far quieter than said.
    contradicted: u32,
}

/// Said and decoded level may differ by this much: they are of different moments.
const CHECK_TOLERANCE_DB: u8 = 20;
/// So many frames of 20 ms in a row must contradict the level byte: more than any delay between both.
const CHECK_FRAMES: u32 = 25;
/// A contradiction is forgotten after this long without decoding, else nobody could ever prove better.
const CHECK_LASTS: Duration = Duration::from_secs(1);

impl Speaking {
    pub fn new() -> Speaking {
        Speaking::default()
    }

    /// Takes one packet. Says whether it belongs to a voice: loud, or within [`HANGOVER`] of a loud one.
    pub fn push(&mut self, now: Moment, level: u8, opus_bytes: usize) -> bool {
        let level = match opus_bytes > DTX_PACKET_BYTES_MAX {
            true => self.believed(now, level.min(LEVEL_SILENT)),
            false => LEVEL_SILENT,
        };
        self.meter.push(level);
        if level <= LEVEL_VOICE {
            if !self.is_active(now) {
                self.since = Some(now);
            }
            self.loud_at = Some(now);
        }
        self.is_active(now)
    }

    /// Takes the level of a decoded frame of the same sender, in -dBov.
    pub fn heard(&mut self, now: Moment, decoded: u8) {
        let check = &mut self.check;
        check.decoded.push(decoded);
        check.decoded_at = Some(now);
        let said = self.meter.level();
        match check.decoded.level() > said.saturating_add(CHECK_TOLERANCE_DB) {
            true => check.contradicted = check.contradicted.saturating_add(1),
            false => check.contradicted = 0,
        }
    }

    /// Whether the voice is to be carried: no attack, so that no first consonant is lost.
    pub fn is_active(&self, now: Moment) -> bool {
        self.active_until().is_some_and(|until| now < until)
    }

    /// When the voice will end if nothing loud comes any more.
    pub fn active_until(&self) -> Option<Moment> {
        self.loud_at.map(|at| at + HANGOVER)
    }

    /// Whether people are to be shown this person as speaking.
    pub fn is_speaking(&self, now: Moment) -> bool {
        let lasted = match (self.since, self.loud_at) {
            (Some(since), Some(loud_at)) => loud_at.since(since),
            _ => return false,
        };
        self.is_active(now) && lasted >= ATTACK
    }

    /// The smoothed level in -dBov.
    pub fn level(&self) -> u8 {
        self.meter.level()
    }

    /// Ends the voice at once, as when the host mutes it.
    pub fn silence(&mut self) {
        *self = Speaking::default();
    }

    fn believed(&self, now: Moment, said: u8) -> u8 {
        let check = &self.check;
        let fresh = check
            .decoded_at
            .is_some_and(|at| now.since(at) < CHECK_LASTS);
        match fresh && check.contradicted >= CHECK_FRAMES {
            true => said.max(check.decoded.level()),
            false => said,
        }
    }
}

/// Notices that somebody talks while muted, for "you are muted".
#[derive(Clone, Debug, Default)]
pub struct TalkingWhileMuted {
    speaking: Speaking,
    muted: bool,
    told_at: Option<Moment>,
}

/// Nobody is told again within this time.
pub const MUTED_NOTICE_EVERY: Duration = Duration::from_secs(10);
/// A cough is not talking: so much voice in one run must be heard first.
pub const MUTED_NOTICE_AFTER: Duration = Duration::from_millis(400);

impl TalkingWhileMuted {
    pub fn new() -> TalkingWhileMuted {
        TalkingWhileMuted::default()
    }

    /// Takes the level of one captured frame in -dBov. True when the person is to be told now.
    pub fn push(&mut self, now: Moment, level: u8, muted: bool) -> bool {
        if muted != self.muted {
            self.muted = muted;
            self.speaking.silence();
        }
        if !muted {
            return false;
        }
        self.speaking.push(now, level, usize::MAX);
        let talks = self.speaking.since.is_some_and(|since| {
            self.speaking.is_active(now) && now.since(since) >= MUTED_NOTICE_AFTER
        });
        let told = self
            .told_at
            .is_some_and(|at| now.since(at) < MUTED_NOTICE_EVERY);
        if talks && !told {
            self.told_at = Some(now);
        }
        talks && !told
    }
}
