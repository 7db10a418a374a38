//! What a client may ask for once it is in. Every command is answered by `done` or `refused`.

use serde::{Deserialize, Serialize};

use crate::{
    id::{FileId, LineId, ParticipantId},
    model::{Layer, MediaState, QualityChoice, Role, Settings},
};

/// A source that a viewer wants to see, and no larger than `layer_max`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Watch {
    pub source: ParticipantId,
    pub layer_max: Layer,
    /// Before others when the link is poor.
    pub pinned: bool,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    /// Not there yet: refused with `not_implemented` until roles can be given.
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
    Mute {
        id: ParticipantId,
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
    /// Nobody else hears this volume yet: the room already mixes for as many as it can.
    VolumeKept {
        mixed: bool,
    },
}
