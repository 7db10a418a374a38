//! The words of the protocol: ids, roles, what is asked, what has happened, why something was
//! refused, and how each of them is written down as bytes. No behaviour lives here.
//!
//! Start with [`model`] (the nouns), then [`message`] (what travels on the control link),
//! [`command`] and [`event`]; [`datagram`] and [`screen`] are the media; [`http`] are the bodies of
//! the HTTP interface.

pub mod command;
pub mod datagram;
pub mod encoding;
pub mod event;
pub mod film;
pub mod http;
pub mod id;
pub mod limits;
pub mod message;
pub mod model;
pub mod permission;
pub mod question;
pub mod refusal;
pub mod screen;
#[cfg(feature = "sealing")]
pub mod sealing;
pub mod study;
pub mod template;

pub use command::Command;
pub use encoding::{EncodedOnce, Encoding};
pub use event::{Event, Numbered, Signs};
pub use film::{Film, FilmAnchor, FilmFile, FilmHold, FilmMark, FilmMove, FilmReadiness, Pulse};
pub use id::{Cursor, FileId, LineId, NoticeId, ParticipantId, QuestionId, WaitingId};
pub use message::{ClientMessage, ServerMessage};
pub use model::*;
pub use permission::{Permission, may, may_give};
pub use question::{Answer, Mine, Question, VoteCount};
pub use refusal::{Refusal, RefusalCode};
pub use study::{
    ClockChange, FocusCount, Goal, SharedStudy, Study, StudyClock, StudyPerson, StudyPhase,
};
pub use template::Template;
