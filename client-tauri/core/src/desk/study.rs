//! What somebody keeps of their own studies, on their own machine. Days are counted by the page, which knows the
//! calendar of whoever sits before it.

use std::collections::BTreeMap;

use conclave_wire::limits::{FOCUS_ON_CHARS_MAX, GOAL_CHARS_MAX, GOALS_MAX};
use serde::{Deserialize, Serialize};

use super::Trouble;

/// Days that are remembered.
const DAYS_MAX: usize = 400;
/// Of a day's name, like `2026-03-01`.
const DAY_BYTES: usize = 10;

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnStudy {
    pub focus_on: String,
    pub goals: Vec<OwnGoal>,
    /// Whether rooms are told of it.
    pub shares: bool,
    /// Milliseconds of focus by day.
    pub days: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OwnGoal {
    pub id: u32,
    pub text: String,
    pub done: bool,
}

impl OwnStudy {
    /// # Errors
    /// `invalid` when there is more of something than a room would take.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        let fits = |text: &str, chars_max: usize| text.chars().count() <= chars_max;
        let all_fit = fits(&self.focus_on, FOCUS_ON_CHARS_MAX)
            && self.goals.len() <= GOALS_MAX
            && self
                .goals
                .iter()
                .all(|goal| fits(&goal.text, GOAL_CHARS_MAX))
            && self.days.len() <= DAYS_MAX
            && self.days.keys().all(|day| day.len() == DAY_BYTES);
        match all_fit {
            true => Ok(()),
            false => Err(Trouble::invalid(
                "There are too many goals, or one is too long.",
            )),
        }
    }
}
