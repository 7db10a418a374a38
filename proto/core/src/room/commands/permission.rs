//! What each command needs that not everybody may.

use conclave_wire::{Command, Permission};

/// What a command needs that not everybody may. Commands about one's own things need nothing; what they
/// need with somebody else's is checked where that is known.
pub fn permission(command: &Command) -> Option<Permission> {
    match command {
        Command::Retitle { .. }
        | Command::Lock { .. }
        | Command::ChangeSettings { .. }
        | Command::SetTimeLimit { .. } => Some(Permission::ChangeSettings),
        Command::SaveTemplate { .. } | Command::DeleteTemplate { .. } => {
            Some(Permission::ChangeSettings)
        }
        Command::SetPassword { .. } => Some(Permission::SetPassword),
        Command::EndRoom => Some(Permission::EndRoom),
        Command::GiveRole { .. } => Some(Permission::GiveRoles),
        Command::Kick { .. }
        | Command::Ban { .. }
        | Command::LiftBans
        | Command::Admit { .. }
        | Command::AdmitAll
        | Command::TurnAway { .. } => Some(Permission::Admit),
        Command::AskQuestion { .. } => Some(Permission::Ask),
        Command::VoteQuestion { .. } => Some(Permission::Vote),
        Command::PinQuestion { .. }
        | Command::HideQuestion { .. }
        | Command::ApproveQuestion { .. }
        | Command::AnswerQuestion { .. } => Some(Permission::AnswerQuestions),
        Command::GrantFloor { .. }
        | Command::LowerHand { .. }
        | Command::LowerAllHands
        | Command::Spotlight { .. }
        | Command::Mute { .. }
        | Command::AllowUnmute { .. }
        | Command::StopCamera { .. }
        | Command::StopShare
        | Command::Announce { .. } => Some(Permission::Moderate),
        Command::StartFocus
        | Command::StartBreak
        | Command::PauseTimer
        | Command::ResumeTimer
        | Command::ResetTimer
        | Command::SkipBreak
        | Command::SetTimerPlan { .. }
        | Command::SetGoal { .. } => Some(Permission::Timer),
        Command::ShareStudy { shared: Some(_) } => Some(Permission::Chat),
        Command::OpenFilm { .. }
        | Command::PlayFilm { .. }
        | Command::PauseFilm { .. }
        | Command::SeekFilm { .. }
        | Command::SetFilmSpeed { .. }
        | Command::StopFilm
        | Command::SetPlaylist { .. } => Some(Permission::LeadFilm),
        Command::MuteAll { .. } => Some(Permission::MuteAll),
        Command::AskFloor | Command::TakeFloor => Some(Permission::Present),
        Command::RaiseHand { raised: true } => Some(Permission::RaiseHand),
        Command::Say { .. } | Command::SetTyping { typing: true } => Some(Permission::Chat),
        Command::React { .. } => Some(Permission::React),
        Command::SetMedia { media } if media.microphone || media.camera => Some(Permission::Speak),
        Command::Leave
        | Command::SetMedia { .. }
        | Command::Rename { .. }
        | Command::ReleaseFloor
        | Command::HandOverFloor { .. }
        | Command::RaiseHand { raised: false }
        | Command::TakeBackQuestion { .. }
        | Command::DeleteLine { .. }
        | Command::ListLines { .. }
        | Command::SetTyping { typing: false }
        | Command::ShareStudy { shared: None }
        | Command::HaveFilm { .. }
        | Command::MarkFilm { .. }
        | Command::SetVolume { .. }
        | Command::WatchCameras { .. }
        | Command::ChooseQuality { .. }
        | Command::RevokeShare { .. }
        | Command::RemoveFile { .. } => None,
    }
}
