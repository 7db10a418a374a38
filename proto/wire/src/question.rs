//! Questions to those who present, as a client sees them.

use serde::{Deserialize, Serialize};

use crate::id::{ParticipantId, QuestionId};

/// A question. Those who may not answer see it only once it has left the review and while it is not
/// hidden; its author always does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Question {
    pub id: QuestionId,
    /// `None` when it was asked anonymously: then nobody is told whose it is.
    pub from: Option<ParticipantId>,
    /// The name at the time; empty when it was asked anonymously.
    pub name: String,
    pub text: String,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The moment of the meeting at which it was asked, on the room clock.
    pub moment_ms: u64,
    pub votes: u32,
    pub pinned: bool,
    pub hidden: bool,
    /// It waits until somebody who may answer lets it be seen.
    pub in_review: bool,
    pub answer: Option<Answer>,
}

/// How a question was answered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Answer {
    pub by: ParticipantId,
    /// The name at the time.
    pub name: String,
    /// `None`: it was answered live.
    pub text: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The moment of the meeting at which it was answered, on the room clock.
    pub moment_ms: u64,
}

/// How many votes a question has now.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct VoteCount {
    pub question: QuestionId,
    pub votes: u32,
}

/// What is one's own of the questions, whether they can be seen now or not; in order of ids. Nobody else
/// is told.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Mine {
    pub questions: Vec<QuestionId>,
    pub votes: Vec<QuestionId>,
}
