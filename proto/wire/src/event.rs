//! What has happened in a room. Events change the snapshot and are numbered; signs do not and are
//! not: of a sign only the last value counts.

use serde::{Deserialize, Serialize};

use crate::{
    film::{FilmAnchor, FilmFile, FilmMark, FilmMove},
    id::{FileId, LineId, NoticeId, ParticipantId, QuestionId, WaitingId},
    model::*,
    question::{Answer, Question, VoteCount},
    study::{ClockChange, FocusCount, SharedStudy, StudyClock},
};

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Event {
    // roster
    ParticipantJoined {
        member: Member,
    },
    ParticipantLeft {
        id: ParticipantId,
        reason: LeaveReason,
    },
    ParticipantAway {
        id: ParticipantId,
        away: bool,
    },
    ParticipantRenamed {
        id: ParticipantId,
        name: String,
    },
    RoleChanged {
        id: ParticipantId,
        role: Role,
        #[serde(default)]
        why: RoleChange,
    },
    MediaChanged {
        id: ParticipantId,
        media: MediaState,
        held_mute: bool,
    },

    // door
    RoomRetitled {
        title: String,
    },
    RoomLocked {
        locked: bool,
    },
    PasswordChanged {
        has_password: bool,
    },
    SettingsChanged {
        settings: Settings,
    },
    /// For those who may let people in.
    WaitingArrived {
        waiter: Waiter,
    },
    /// Let in, turned away, or gone by themselves; for those who may let people in.
    WaitingLeft {
        id: WaitingId,
    },

    // floor
    FloorChanged {
        floor: Floor,
        why: FloorChange,
    },
    HandRaised {
        id: ParticipantId,
    },
    HandLowered {
        id: ParticipantId,
    },
    /// All of them.
    HandsLowered,
    SpotlightChanged {
        id: Option<ParticipantId>,
    },

    // questions
    /// There is a question to see: a new one, or one that was out of sight. It takes the place of what
    /// was known of it.
    QuestionAsked {
        question: Question,
    },
    /// It is out of sight for you; others may see it.
    QuestionWithdrawn {
        question: QuestionId,
    },
    /// Its author has taken it back: it is gone.
    QuestionTakenBack {
        question: QuestionId,
    },
    QuestionPinned {
        question: QuestionId,
        pinned: bool,
    },
    /// For those who see it nevertheless.
    QuestionHidden {
        question: QuestionId,
        hidden: bool,
    },
    /// It has left the review; for those who could see it before.
    QuestionApproved {
        question: QuestionId,
    },
    QuestionAnswered {
        question: QuestionId,
        answer: Answer,
    },
    /// At most four times a second.
    VotesCounted {
        counts: Vec<VoteCount>,
    },
    /// You have asked it; for its author only.
    QuestionMine {
        question: QuestionId,
    },
    /// You have voted for it, or taken that back; for the voter only.
    VoteChanged {
        question: QuestionId,
        voted: bool,
    },

    // chat
    LineSaid {
        line: Line,
    },
    LineDeleted {
        line: LineId,
    },

    // agenda
    TimeLimitSet {
        ends_at_ms: Option<u64>,
    },
    NoticePosted {
        notice: Notice,
    },
    NoticeExpired {
        notice: NoticeId,
    },
    MeetingEnded {
        reason: EndReason,
    },

    // study
    StudyClockChanged {
        clock: StudyClock,
        why: ClockChange,
    },
    /// Focus of the room, and of those whose count is another one.
    FocusCounted {
        room_ms: u64,
        people: Vec<FocusCount>,
    },
    GoalSet {
        text: String,
    },
    StudyShared {
        id: ParticipantId,
        shared: Option<SharedStudy>,
    },

    // film
    /// Another film, or none; nobody has a copy yet but whoever is marked afterwards.
    FilmOpened {
        file: Option<FilmFile>,
        leader: Option<ParticipantId>,
        anchor: FilmAnchor,
    },
    FilmMoved {
        anchor: FilmAnchor,
        why: FilmMove,
        /// Who asked for it; absent when the room did it.
        by: Option<ParticipantId>,
    },
    /// The SHA-256 of the film is known now.
    FilmIdentified {
        sha256: String,
    },
    /// Those that are others; at most four times a second.
    FilmMarked {
        marks: Vec<FilmMark>,
    },
    FilmLeadChanged {
        leader: Option<ParticipantId>,
    },
    PlaylistChanged {
        playlist: Vec<FilmFile>,
    },

    // files
    FileShared {
        file: SharedFile,
    },
    ShareRevoked {
        file: FileId,
    },
    FileRemoved {
        file: FileId,
    },
}

/// Why somebody has another role.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RoleChange {
    /// A host or co-host gave or took it.
    #[default]
    Given,
    /// The host has gone; it passed on to this person.
    PassedOn,
    /// The host is back; this person, who had stood in, is again what they were.
    HostBack,
}

/// Why the presenter slot or its queue changed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FloorChange {
    Asked,
    Granted,
    Taken,
    HandedOver,
    Released,
    Stopped,
    Left,
}

/// An event with its place in the room's order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Numbered {
    pub number: u32,
    pub event: Event,
}

/// One person's signs of life. Absent fields have not changed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct PersonSigns {
    pub id: ParticipantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub speaking: Option<bool>,
    /// 0 (loudest) to 127 (silence), in -dBov (RFC 6464).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub level: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub typing: Option<bool>,
    /// Round trip of the control link or the probes, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub latency_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub quality: Option<Quality>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub reaction: Option<String>,
}

/// The figures behind somebody's quality (I1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Quality {
    pub verdict: QualityVerdict,
    pub round_trip_ms: u32,
    pub jitter_ms: u32,
    pub loss_permille: u32,
    pub receive_kbps: u32,
}

/// From best to worst.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum QualityVerdict {
    #[default]
    Good,
    Fair,
    Poor,
}

/// Signs, one batch a room at most four times a second, and what only this seat must know.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Signs {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PersonSigns>,
    /// The layers of your camera that somebody watches; publish these and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub publish_layers: Option<Vec<Layer>>,
    /// Cameras are held back from you because the link is poor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub audio_only: Option<bool>,
    /// What to do about a poor link, in words for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub hint: Option<Hint>,
    /// What you can do about your own link, which has become poor, or is well again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub advice: Option<Advice>,
}

/// What is wrong with somebody's own link, worst first, and whether their own camera is part of it (I2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Advice {
    /// The link is well again.
    Fine,
    /// So much does not arrive.
    Loss { permille: u32, camera: bool },
    /// There and back takes so long.
    Delay { ms: u32, camera: bool },
    /// It comes in fits.
    Jitter { ms: u32, camera: bool },
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// No UDP comes through: voice travels over the control port, with more delay.
    UdpBlocked,
    UdpBack,
    /// The room already makes as many personal mixes as it can.
    PersonalMixesFull,
}
