//! What a client may ask for once it is in. Every command is answered by `done` or `refused`.

use serde::{Deserialize, Serialize};

use crate::{
    id::{FileId, LineId, ParticipantId, QuestionId, WaitingId},
    model::{Layer, MediaState, QualityChoice, Role, Settings},
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
    /// Saves the settings of this room under a name, for rooms that are made later.
    SaveTemplate {
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
    /// Nobody else hears this volume yet: the room already mixes for as many as it can.
    VolumeKept {
        mixed: bool,
    },
}
