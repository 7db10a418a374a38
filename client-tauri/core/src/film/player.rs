//! A player that can follow, whatever it is.

use std::{future::Future, path::Path, pin::Pin, time::Duration};

use conclave_core::watch::{Order, PlayerTraits, Seen};
use serde::Serialize;

use crate::media::clock::MediaClock;

/// Every call to a player is bounded by this; one that takes longer hangs.
pub const PLAYER_ANSWERS_MAX: Duration = Duration::from_secs(1);

/// Opening a file may take longer: a slow disk, a large index.
pub const PLAYER_OPENS_MAX: Duration = Duration::from_secs(5);

/// What a player will have answered.
pub type Answered<'a, T> = Pin<Box<dyn Future<Output = Result<T, PlayerError>> + Send + 'a>>;

/// Why a player did not do something.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlayerError {
    /// Closed by hand, or died. It will not come back.
    #[error("The player was closed. Open the film again to go on watching.")]
    Gone,
    /// It did not answer in time; it may again.
    #[error("The player does not answer. Wait a moment, or close it and open the film again.")]
    Hung,
    /// In the player's own words, or ours.
    #[error("{0}")]
    Refused(String),
}

/// What a person did in the player's own window, and nobody here asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ByHand {
    Paused,
    Resumed,
    Sought { to: Duration },
}

/// Why a player lacks something; the same words as the page's `FilmLack`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// This player has no such thing, or none that others can reach.
    NotInThisPlayer,
    /// Its clock counts whole seconds.
    WholeSecondsOnly,
}

/// What a player can do beside playing, or why not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Abilities {
    pub frame_step: Result<(), Lack>,
    pub tracks: Result<(), Lack>,
    /// Any rate of 0.25 to 2, also those by which small drifts are made good.
    pub speed: Result<(), Lack>,
    /// Positions finer than a second.
    pub precise: Result<(), Lack>,
    pub volume: Result<(), Lack>,
    pub ducking: Result<(), Lack>,
    pub full_screen: Result<(), Lack>,
}

impl Abilities {
    /// A player that lacks nothing.
    pub const fn all() -> Abilities {
        Abilities {
            frame_step: Ok(()),
            tracks: Ok(()),
            speed: Ok(()),
            precise: Ok(()),
            volume: Ok(()),
            ducking: Ok(()),
            full_screen: Ok(()),
        }
    }
}

/// Plays a file and is steered. Callers bound each call by [`PLAYER_ANSWERS_MAX`], opening by [`PLAYER_OPENS_MAX`].
pub trait Player: Send {
    /// As people call it.
    fn name(&self) -> &'static str;
    /// What the follower must know of it.
    fn traits(&self) -> PlayerTraits;
    fn abilities(&self) -> Abilities;
    /// Opens a file and stands at its beginning.
    fn open<'a>(&'a mut self, path: &'a Path) -> Answered<'a, ()>;
    /// Where it is; [`Seen::at`] is on `clock`.
    fn look<'a>(&'a mut self, clock: MediaClock) -> Answered<'a, Seen>;
    fn order<'a>(&'a mut self, order: Order) -> Answered<'a, ()>;
    /// The next thing that was done in its own window since.
    fn by_hand(&mut self) -> Option<ByHand>;
    fn close<'a>(&'a mut self) -> Answered<'a, ()>;
}
