//! Who may do what: the table of roles and permissions, written once for everybody.

use serde::{Deserialize, Serialize};

use crate::model::{Role, Settings};

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    EndRoom,
    ChangeSettings,
    GiveRoles,
    Admit,
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
    AnswerQuestions,
    Timer,
    LeadFilm,
}

impl Permission {
    pub const ALL: [Permission; 17] = [
        Permission::EndRoom,
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
    let participants = match what {
        EndRoom | ChangeSettings | GiveRoles | Admit | Moderate | MuteAll | AnswerQuestions => {
            false
        }
        Ask => true,
        Present => settings.participants.present,
        Speak => settings.participants.speak,
        Chat | React | RaiseHand | Vote => settings.participants.chat,
        ShareFiles => settings.participants.files,
        Timer => settings.participants.timer,
        LeadFilm => settings.participants.film,
    };
    match role {
        Role::Host => true,
        Role::CoHost => what != EndRoom,
        Role::Presenter => match what {
            EndRoom | ChangeSettings | GiveRoles | Admit | Moderate => false,
            MuteAll => presenting,
            _ => true,
        },
        Role::Participant => participants,
        Role::Observer => match what {
            React => settings.observers.react,
            Vote => settings.observers.vote,
            Ask => settings.observers.ask,
            _ => false,
        },
    }
}
