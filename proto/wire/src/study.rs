//! Studying together: the shared clock, the room's goal, and what people tell of their own (P1, P2).

use serde::{Deserialize, Serialize};

use crate::id::ParticipantId;

/// What the room studies by, and who studies.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct Study {
    pub clock: StudyClock,
    /// What the room wants to reach; empty for none.
    pub goal: String,
    /// Milliseconds of focus of the room: of every span that somebody was here for, as far as it went.
    pub focus_ms: u64,
    /// Who has focused here or shares something; in order of ids.
    pub people: Vec<StudyPerson>,
}

/// One anchor, from which everybody computes what is left.
///
/// With `ends_at_ms` it runs: `ends_at_ms - room clock` is left, never less than nothing. Without, it
/// stands and `left_ms` is left; with all of `length_ms` left it waits to be started.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct StudyClock {
    pub phase: StudyPhase,
    /// The span of focus of this round that runs or ran last, from 1; 0 before the first.
    pub cycle: u32,
    /// How long the whole span is.
    pub length_ms: u64,
    /// On the room clock; absent while it stands.
    pub ends_at_ms: Option<u64>,
    /// While it stands.
    pub left_ms: u64,
    /// Spans of focus that were seen through since the room was made or the clock was reset.
    pub focus_done: u32,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum StudyPhase {
    /// Nothing was started.
    #[default]
    Idle,
    Focus,
    ShortBreak,
    LongBreak,
}

/// Why the clock stands otherwise.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ClockChange {
    Started,
    /// A span is over by itself.
    Ended,
    Paused,
    Resumed,
    Reset,
    Skipped,
    /// The lengths of the spans are others now.
    Plan,
}

/// Somebody who studies.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct StudyPerson {
    pub id: ParticipantId,
    /// Milliseconds of focus in this room while they were here. A span that runs is added when it ends, is
    /// interrupted, or they go.
    pub focus_ms: u64,
    /// What they chose to tell.
    pub shared: Option<SharedStudy>,
}

/// What somebody tells of their own studies. It is kept on their machine; the room only shows it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct SharedStudy {
    /// What they focus on now; empty for nothing.
    pub focus_on: String,
    pub goals: Vec<Goal>,
    /// Days in a row on which they have focused.
    pub streak_days: u32,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct Goal {
    pub text: String,
    pub done: bool,
}

/// How long somebody has focused by now.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct FocusCount {
    pub id: ParticipantId,
    pub focus_ms: u64,
}
