//! Watching a film together (W1 to W5): which one, what everybody should see now, who has it.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{id::ParticipantId, study::StudyClock};

/// As it was recorded.
pub const RATE_NORMAL_PERMILLE: u32 = 1_000;

/// A number as some program has sent it, to the third digit behind the point; it is checked where it is used.
/// What is no number, or beyond 10^12, is read as [`Unchecked::NONE`], so that what was read can be written
/// again in either encoding. Equal is what has the same bits.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct Unchecked(pub f64);

impl PartialEq for Unchecked {
    fn eq(&self, other: &Unchecked) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Unchecked {}

impl Unchecked {
    /// No position and no rate.
    pub const NONE: Unchecked = Unchecked(-1.0);
}

impl<'de> Deserialize<'de> for Unchecked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unchecked, D::Error> {
        const SIZE_MAX: f64 = 1e12;
        const STEPS: f64 = 1_000.0;
        let given = f64::deserialize(deserializer)?;
        // Also false for what is not a number. Zero has no sign.
        Ok(match given.abs() <= SIZE_MAX {
            true => Unchecked((given * STEPS).round() / STEPS + 0.0),
            false => Unchecked::NONE,
        })
    }
}

/// What the room watches. The film itself never crosses the network: everybody opens their own copy.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct Film {
    /// `None` when none is open.
    pub file: Option<FilmFile>,
    /// Whoever opened it, or to whom the lead has passed since.
    pub leader: Option<ParticipantId>,
    pub anchor: FilmAnchor,
    /// What comes next, in order.
    pub playlist: Vec<FilmFile>,
    /// Who has a copy, in order of ids.
    pub marks: Vec<FilmMark>,
}

/// By what copies are told apart.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct FilmFile {
    pub name: String,
    pub size_bytes: u64,
    /// 0 when it is not known.
    #[serde(default)]
    pub duration_ms: u64,
    /// A hash of size and sampled blocks, at hand at once: 64 hexadecimal digits, small letters.
    #[serde(default)]
    pub sample: Option<String>,
    /// Of the whole file, when it has been read: 64 hexadecimal digits, small letters.
    #[serde(default)]
    pub sha256: Option<String>,
}

/// What everybody should see: `position_ms` at `at_ms` of the room clock, and from there on at
/// `rate_permille` while it runs. It runs while `playing` and nobody holds it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct FilmAnchor {
    /// What those who lead want.
    pub playing: bool,
    pub position_ms: u64,
    /// On the room clock; it may lie a little ahead, so that all start at the same instant.
    pub at_ms: u64,
    /// 250 to 2,000; 1,000 is as it was recorded.
    pub rate_permille: u32,
    /// Somebody is waited for.
    pub hold: Option<FilmHold>,
}

impl Default for FilmAnchor {
    fn default() -> FilmAnchor {
        FilmAnchor {
            playing: false,
            position_ms: 0,
            at_ms: 0,
            rate_permille: RATE_NORMAL_PERMILLE,
            hold: None,
        }
    }
}

/// The film waits for people, and goes on without them when that takes too long.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct FilmHold {
    /// In order of ids.
    pub waiting_for: Vec<ParticipantId>,
    /// On the room clock.
    pub until_ms: u64,
}

/// Somebody's copy, and how it stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct FilmMark {
    pub id: ParticipantId,
    pub readiness: FilmReadiness,
    /// It is the same by its SHA-256; otherwise only likely, by its sample.
    pub sure: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FilmReadiness {
    /// It is being opened, or its person is not there yet: it is waited for.
    NotReady,
    Ready,
    /// The player has run dry: it is waited for.
    Buffering,
    /// It turned out to be something else; only the room says so.
    Mismatched,
    /// It was closed. Such a mark is taken away.
    Closed,
}

/// Why the anchor is another one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FilmMove {
    Played,
    Paused,
    Sought,
    Speed,
    /// Somebody is waited for.
    Held,
    /// Nobody is waited for any more.
    Released,
    /// It is over.
    Ended,
}

/// What is said again with every beat, so that nobody is wrong for long.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Pulse {
    /// Unless the clock is idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub clock: Option<StudyClock>,
    /// While a film is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub film: Option<FilmAnchor>,
}

impl Pulse {
    /// `None` when there is nothing to say.
    pub fn or_none(self) -> Option<Pulse> {
        (self != Pulse::default()).then_some(self)
    }
}
