//! Names for things. Each is a type of its own, so that one cannot be taken for another.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
        #[serde(transparent)]
        pub struct $name(pub u32);
    };
}

id!(
    /// A seat in a room. Given once, never used again in that room; 0 is nobody.
    ParticipantId
);
id!(
    /// A line of chat, in the order the room took them.
    LineId
);
id!(
    /// A file that was shared in a room.
    FileId
);
id!(
    /// A notice of the operator or of a host.
    NoticeId
);
id!(
    /// A question to those who present.
    QuestionId
);
id!(
    /// Somebody who waits at the door. Once let in they have a [`ParticipantId`] instead.
    WaitingId
);

/// Where a client stands in a room's events: the epoch is drawn at random each time the room is
/// opened, the number is that of the last event taken. Numbers have gaps: a seat gets only what its
/// audience allows.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Cursor {
    pub epoch: u32,
    pub number: u32,
}
