//! How our copy does, in the shapes of `ui/src/bridge/film/types.ts`.

use conclave_wire::{FilmFile, Refusal};
use serde::Serialize;

use crate::film::{
    controls::{PlayerStatus, Track, TrackKind},
    player::{Abilities, Lack},
    watch::FilmFigures,
};

const US_PER_MS: f64 = 1_000.0;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilmShown {
    /// `open`, `failed` or `closed`.
    pub phase: &'static str,
    pub failure: Option<FilmTrouble>,
    pub position_ms: u64,
    pub playing: bool,
    pub rate_permille: u32,
    pub duration_ms: Option<u64>,
    pub buffering: bool,
    /// How far ahead of the room; behind when negative.
    pub drift_ms: Option<f64>,
    pub abilities: FilmAbilities,
    pub tracks: Vec<FilmTrack>,
    /// 0 to 1.
    pub volume: f64,
    pub muted: bool,
    pub ducked: bool,
    /// As far as it is known.
    pub copy: Option<FilmFile>,
    /// Of the copy, for its SHA-256.
    pub hashed_bytes: u64,
    /// The room does not take our copy for its film.
    pub refused: Option<Refusal>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilmTrouble {
    pub code: String,
    pub text: String,
}

/// `true`, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FilmAbility {
    Can(bool),
    Lacks(Lack),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilmAbilities {
    pub frame_step: FilmAbility,
    pub tracks: FilmAbility,
    pub speed: FilmAbility,
    pub precise: FilmAbility,
    pub volume: FilmAbility,
    pub ducking: FilmAbility,
    pub full_screen: FilmAbility,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilmTrack {
    pub kind: TrackKind,
    pub id: String,
    pub label: String,
    pub language: Option<String>,
    pub chosen: bool,
}

impl FilmShown {
    pub(super) fn of(
        phase: &'static str,
        figures: &FilmFigures,
        hashed_bytes: u64,
        player: &PlayerStatus,
        abilities: &Abilities,
    ) -> FilmShown {
        // A player that we have closed is gone, and that is no failure.
        let of_player = player.failure.as_ref().filter(|_| phase == "open");
        let failure = figures.failure.as_ref().or(of_player);
        FilmShown {
            phase,
            failure: failure.map(|failure| FilmTrouble {
                code: failure.code.to_owned(),
                text: failure.message.clone(),
            }),
            position_ms: figures.position_ms,
            playing: figures.playing,
            rate_permille: figures.rate_permille,
            duration_ms: (figures.duration_ms > 0).then_some(figures.duration_ms),
            buffering: figures.buffering,
            drift_ms: figures.drift_us.map(|us| us as f64 / US_PER_MS),
            abilities: FilmAbilities::of(abilities),
            tracks: player.tracks.iter().map(FilmTrack::of).collect(),
            volume: f64::from(player.volume_percent) / 100.0,
            muted: player.muted,
            ducked: player.ducked,
            copy: figures.copy.clone(),
            hashed_bytes,
            refused: figures.refused.clone(),
        }
    }
}

impl FilmAbilities {
    fn of(abilities: &Abilities) -> FilmAbilities {
        let able = |ability: Result<(), Lack>| match ability {
            Ok(()) => FilmAbility::Can(true),
            Err(lack) => FilmAbility::Lacks(lack),
        };
        FilmAbilities {
            frame_step: able(abilities.frame_step),
            tracks: able(abilities.tracks),
            speed: able(abilities.speed),
            precise: able(abilities.precise),
            volume: able(abilities.volume),
            ducking: able(abilities.ducking),
            full_screen: able(abilities.full_screen),
        }
    }
}

impl FilmTrack {
    fn of(track: &Track) -> FilmTrack {
        FilmTrack {
            kind: track.kind,
            id: track.id.to_string(),
            label: track.label.clone(),
            language: track.language.clone(),
            chosen: track.chosen,
        }
    }
}
