//! Who may do what: the table of roles and permissions, written once for everybody.

use serde::{Deserialize, Serialize};

use crate::model::{Role, Settings};

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    EndRoom,
    SetPassword,
    /// Settings, the lock, the time limit.
    ChangeSettings,
    /// How far, says [`may_give`].
    GiveRoles,
    /// Admit, turn away, kick, ban.
    Admit,
    /// Mute others, stop a camera or a share, lower hands, spotlight.
    Moderate,
    MuteAll,
    Present,
    Speak,
    Chat,
    React,
    RaiseHand,
    Vote,
    ShareFiles,
    Ask,
    /// Answer, pin, hide, approve.
    AnswerQuestions,
    Timer,
    LeadFilm,
}

impl Permission {
    pub const ALL: [Permission; 18] = [
        Permission::EndRoom,
        Permission::SetPassword,
        Permission::ChangeSettings,
        Permission::GiveRoles,
        Permission::Admit,
        Permission::Moderate,
        Permission::MuteAll,
        Permission::Present,
        Permission::Speak,
        Permission::Chat,
        Permission::React,
        Permission::RaiseHand,
        Permission::Vote,
        Permission::ShareFiles,
        Permission::Ask,
        Permission::AnswerQuestions,
        Permission::Timer,
        Permission::LeadFilm,
    ];
}

/// Whether a person of `role` may do `what` in a room with these settings. `presenting` says whether
/// this person holds the presenter slot now: a presenter may mute all only then.
pub fn may(role: Role, what: Permission, settings: &Settings, presenting: bool) -> bool {
    use Permission::*;
    match role {
        Role::Host => true,
        Role::CoHost => !matches!(what, EndRoom | SetPassword),
        Role::Presenter => match what {
            EndRoom | SetPassword | ChangeSettings | GiveRoles | Admit | Moderate => false,
            MuteAll => presenting,
            Present | Speak | Chat | React | RaiseHand | Vote | ShareFiles | Ask
            | AnswerQuestions | Timer | LeadFilm => true,
        },
        Role::Participant => match what {
            EndRoom | SetPassword | ChangeSettings | GiveRoles | Admit | Moderate | MuteAll
            | AnswerQuestions => false,
            Ask => true,
            Present => settings.participants.present,
            Speak => settings.participants.speak,
            Chat | React | RaiseHand | Vote => settings.participants.chat,
            ShareFiles => settings.participants.files,
            Timer => settings.participants.timer,
            LeadFilm => settings.participants.film,
        },
        Role::Observer => match what {
            React => settings.observers.react,
            Vote => settings.observers.vote,
            Ask => settings.observers.ask,
            EndRoom | SetPassword | ChangeSettings | GiveRoles | Admit | Moderate | MuteAll
            | Present | Speak | Chat | RaiseHand | ShareFiles | AnswerQuestions | Timer
            | LeadFilm => false,
        },
    }
}

/// Whether a person of role `by` may make somebody who has the role `had` into one of role `gets`. Hosts
/// give and take every role, co-hosts up to presenter.
pub fn may_give(by: Role, had: Role, gets: Role) -> bool {
    match by {
        Role::Host => true,
        Role::CoHost => had >= Role::Presenter && gets >= Role::Presenter,
        Role::Presenter | Role::Participant | Role::Observer => false,
    }
}
