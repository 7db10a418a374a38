//! What a client may ask for once it is in. Every command is answered by `done` or `refused`.

use serde::{Deserialize, Serialize};

use crate::{
    film::{FilmFile, FilmReadiness, Unchecked},
    id::{FileId, LineId, ParticipantId, QuestionId, WaitingId},
    model::{Layer, MediaState, QualityChoice, Role, Settings, TimerPlan},
    study::SharedStudy,
};

/// A source that a viewer wants to see, and no larger than `layer_max`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Watch {
    pub source: ParticipantId,
    pub layer_max: Layer,
    /// Before others when the link is poor.
    pub pinned: bool,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Command {
    // presence
    /// Leave for good; the seat is given up.
    Leave,
    SetMedia {
        media: MediaState,
    },
    Rename {
        name: String,
    },

    // door
    /// Calls the room something else; its address stays.
    Retitle {
        title: String,
    },
    Lock {
        locked: bool,
    },
    /// `None` takes the password away.
    SetPassword {
        password: Option<String>,
    },
    ChangeSettings {
        settings: Settings,
    },
    Kick {
        id: ParticipantId,
        reason: String,
    },
    /// As `Kick`, and they cannot come back to this meeting with the same program.
    Ban {
        id: ParticipantId,
        reason: String,
    },
    /// Forgets all bans.
    LiftBans,
    /// Lets somebody in who waits at the door.
    Admit {
        id: WaitingId,
    },
    /// Lets in all who wait, as far as there is room.
    AdmitAll,
    TurnAway {
        id: WaitingId,
        reason: String,
    },
    /// Gives a role, or takes one by giving a lower one.
    GiveRole {
        id: ParticipantId,
        role: Role,
    },
    EndRoom,

    // floor
    AskFloor,
    /// Give back the slot, or step out of the queue.
    ReleaseFloor,
    GrantFloor {
        id: ParticipantId,
    },
    /// Take the slot from whoever has it.
    TakeFloor,
    HandOverFloor {
        id: ParticipantId,
    },
    RaiseHand {
        raised: bool,
    },
    LowerHand {
        id: ParticipantId,
    },
    LowerAllHands,
    Mute {
        id: ParticipantId,
        #[serde(default)]
        may_unmute: bool,
    },
    /// Mutes everybody but the one who asks and the hosts.
    MuteAll {
        may_unmute: bool,
    },
    /// Lets somebody unmute again.
    AllowUnmute {
        id: ParticipantId,
    },
    StopCamera {
        id: ParticipantId,
    },
    StopShare,
    /// Shows somebody large to everybody; `None` nobody.
    Spotlight {
        id: Option<ParticipantId>,
    },

    // questions
    AskQuestion {
        text: String,
        #[serde(default)]
        anonymous: bool,
    },
    /// One's own: it is gone then.
    TakeBackQuestion {
        question: QuestionId,
    },
    /// Everybody has one vote for each question; `false` takes it back.
    VoteQuestion {
        question: QuestionId,
        voted: bool,
    },
    PinQuestion {
        question: QuestionId,
        pinned: bool,
    },
    HideQuestion {
        question: QuestionId,
        hidden: bool,
    },
    /// Lets a question in review be seen.
    ApproveQuestion {
        question: QuestionId,
    },
    /// `None`: it was answered live.
    AnswerQuestion {
        question: QuestionId,
        text: Option<String>,
    },

    // templates
    /// Saves the settings of this room under a name, for rooms that are made later. It belongs to the program that
    /// it was saved with.
    SaveTemplate {
        name: String,
    },
    /// Forgets one's own; rooms that were made by it stay as they are.
    DeleteTemplate {
        name: String,
    },

    // chat
    Say {
        text: String,
    },
    DeleteLine {
        line: LineId,
    },
    /// Lines before `before`, newest last; answered by `Reply::Lines`.
    ListLines {
        before: LineId,
        lines_max: u32,
    },
    SetTyping {
        typing: bool,
    },
    React {
        emoji: String,
    },

    // agenda
    /// Milliseconds from now; `None` takes the limit away.
    SetTimeLimit {
        in_ms: Option<u64>,
    },
    Announce {
        text: String,
    },

    // study
    /// Starts a span of focus, whatever runs.
    StartFocus,
    /// Starts the break that is next.
    StartBreak,
    PauseTimer,
    /// Also starts what waits to be started.
    ResumeTimer,
    /// Back to before the first span.
    ResetTimer,
    /// Ends a break and starts to focus.
    SkipBreak,
    /// Spans that are to come are as long as this says.
    SetTimerPlan {
        plan: TimerPlan,
    },
    /// Of the room; empty for none.
    SetGoal {
        text: String,
    },
    /// What one tells of one's own studies; `None` takes it back.
    ShareStudy {
        shared: Option<SharedStudy>,
    },

    // film
    /// Opens a film for the room, at its beginning, in the place of another; its entry in the playlist is
    /// used up. Whoever opens it has a copy.
    OpenFilm {
        film: FilmFile,
    },
    /// From where it stands, or from this position.
    PlayFilm {
        #[serde(default)]
        #[cfg_attr(feature = "bindings", ts(optional = nullable))]
        position_ms: Option<Unchecked>,
    },
    PauseFilm {
        #[serde(default)]
        #[cfg_attr(feature = "bindings", ts(optional = nullable))]
        position_ms: Option<Unchecked>,
    },
    SeekFilm {
        position_ms: Unchecked,
    },
    /// 250 to 2,000.
    SetFilmSpeed {
        rate_permille: Unchecked,
    },
    /// Closes it for everybody.
    StopFilm,
    SetPlaylist {
        playlist: Vec<FilmFile>,
    },
    /// One has a copy of the film, and this is what it is; sent again when its SHA-256 is known. Answered by
    /// `Reply::FilmMatched`.
    HaveFilm {
        film: FilmFile,
    },
    /// How one's copy stands, when that changes.
    MarkFilm {
        readiness: FilmReadiness,
    },

    // media
    /// Volume of one person, for me only: 0 to 200 percent.
    SetVolume {
        of: ParticipantId,
        percent: u16,
    },
    WatchCameras {
        watch: Vec<Watch>,
    },
    ChooseQuality {
        receive: QualityChoice,
    },

    // files
    RevokeShare {
        file: FileId,
    },
    RemoveFile {
        file: FileId,
    },
}

/// What came of a command, beyond that it was done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Reply {
    Nothing,
    Line {
        line: LineId,
    },
    Lines {
        lines: Vec<crate::model::Line>,
        more: bool,
    },
    Question {
        question: QuestionId,
    },
    /// The copy is that of the film: surely, by its SHA-256, or likely.
    FilmMatched {
        sure: bool,
    },
    /// Nobody else hears this volume yet: the room already mixes for as many as it can.
    VolumeKept {
        mixed: bool,
    },
}
