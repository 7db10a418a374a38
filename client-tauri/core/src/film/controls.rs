//! What a person does with their own player beside following: sound, tracks, single frames.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    player::{Answered, PlayerError},
    refused::PlayerRefused,
};

/// How loud a film is while somebody speaks, of what it was: 12 dB less.
pub const DUCKED_GAIN: f64 = 0.25;
/// mpv and VLC take the cube of a volume as gain, which is even to the ear.
pub(super) const VOLUME_EXPONENT: f64 = 3.0;

/// What a track is of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    Audio,
    Subtitles,
}

/// Something that can be heard or read with a film.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Track {
    pub kind: TrackKind,
    /// The player's own.
    pub id: i64,
    pub label: String,
    /// As the file says it, mostly ISO 639.
    pub language: Option<String>,
    pub chosen: bool,
}

/// What a player shows of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlayerStatus {
    /// Of 0 to 100, as the person has set it.
    pub volume_percent: u32,
    pub muted: bool,
    pub ducked: bool,
    pub full_screen: bool,
    pub tracks: Vec<Track>,
    /// Of the picture; `None` without one, or while it is not known.
    pub frames_per_second: Option<f64>,
    /// Why there is nothing to see.
    pub failure: Option<PlayerRefused>,
}

/// A player's own knobs, for any thread. Each is bounded by the player's deadline.
pub trait Controls: Send + Sync {
    fn status(&self) -> PlayerStatus;
    /// Changes with the status, and with whatever else the player tells.
    fn changed(&self) -> watch::Receiver<u64>;
    /// 0 to 100; what is above counts as 100.
    fn set_volume(&self, percent: u32) -> Answered<'_, ()>;
    fn set_muted(&self, muted: bool) -> Answered<'_, ()>;
    /// Quieter by [`DUCKED_GAIN`] as long as somebody speaks.
    fn duck(&self, on: bool) -> Answered<'_, ()>;
    /// One frame forth, or back; answers the middle of the frame that is shown then.
    fn step(&self, back: bool) -> Answered<'_, Duration>;
    /// `None` for no track of this kind.
    fn choose_track(&self, kind: TrackKind, id: Option<i64>) -> Answered<'_, ()>;
    fn set_full_screen(&self, on: bool) -> Answered<'_, ()>;
}

/// The volume that a player is to be set to, as it counts.
pub(super) fn volume_of(percent: u32, ducked: bool) -> f64 {
    let factor = if ducked {
        DUCKED_GAIN.powf(1.0 / VOLUME_EXPONENT)
    } else {
        1.0
    };
    f64::from(percent.min(100)) * factor
}

pub(super) fn unable(why: &str) -> PlayerError {
    PlayerError::Refused(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ducked_film_has_a_quarter_of_its_gain() {
        let gain = |volume: f64| (volume / 100.0).powf(VOLUME_EXPONENT);
        let (loud, ducked) = (gain(volume_of(80, false)), gain(volume_of(80, true)));
        assert!((ducked / loud - DUCKED_GAIN).abs() < 1e-9);
        assert_eq!(volume_of(250, false), 100.0);
    }
}
