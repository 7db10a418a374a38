//! What a meeting was used for, each told once, for the counts of the server (I4).

use conclave_wire::Command;

use super::{Effect, Outbox, Record, Room};

/// Something that a meeting can do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Feature {
    Voice,
    Camera,
    Screen,
    Chat,
    Reactions,
    Hands,
    Questions,
    Votes,
    Files,
    WaitingRoom,
    Moderation,
    TimeLimit,
    Timer,
    Film,
}

impl Feature {
    pub const ALL: [Feature; 14] = [
        Feature::Voice,
        Feature::Camera,
        Feature::Screen,
        Feature::Chat,
        Feature::Reactions,
        Feature::Hands,
        Feature::Questions,
        Feature::Votes,
        Feature::Files,
        Feature::WaitingRoom,
        Feature::Moderation,
        Feature::TimeLimit,
        Feature::Timer,
        Feature::Film,
    ];

    /// As it is stored, and named in reports.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Voice => "voice",
            Feature::Camera => "camera",
            Feature::Screen => "screen",
            Feature::Chat => "chat",
            Feature::Reactions => "reactions",
            Feature::Hands => "hands",
            Feature::Questions => "questions",
            Feature::Votes => "votes",
            Feature::Files => "files",
            Feature::WaitingRoom => "waiting_room",
            Feature::Moderation => "moderation",
            Feature::TimeLimit => "time_limit",
            Feature::Timer => "timer",
            Feature::Film => "film",
        }
    }

    /// What is used by somebody who asks for this, if it is done. What has other ways too, as voice or the
    /// screen, is noted where it begins.
    pub(super) fn of(command: &Command) -> Option<Feature> {
        let uses = [
            (Feature::Chat, matches!(command, Command::Say { .. })),
            (Feature::Reactions, matches!(command, Command::React { .. })),
            (
                Feature::Hands,
                matches!(command, Command::RaiseHand { raised: true }),
            ),
            (
                Feature::Questions,
                matches!(command, Command::AskQuestion { .. }),
            ),
            (
                Feature::Votes,
                matches!(command, Command::VoteQuestion { voted: true, .. }),
            ),
            (
                Feature::Moderation,
                matches!(
                    command,
                    Command::MuteAll { .. }
                        | Command::Mute { .. }
                        | Command::StopCamera { .. }
                        | Command::StopShare
                        | Command::Kick { .. }
                        | Command::Ban { .. }
                        | Command::Lock { locked: true }
                ),
            ),
            (
                Feature::TimeLimit,
                matches!(command, Command::SetTimeLimit { in_ms: Some(_) }),
            ),
            (
                Feature::Timer,
                matches!(command, Command::StartFocus | Command::StartBreak),
            ),
            (Feature::Film, matches!(command, Command::OpenFilm { .. })),
        ];
        let used = uses.into_iter().find(|(_, used)| *used);
        used.map(|(feature, _)| feature)
    }
}

impl Room {
    pub(super) fn use_feature(&mut self, feature: Feature, out: &mut Outbox) {
        if self.features.insert(feature) {
            out.push(Effect::Record(Record::FeatureUsed { feature }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_own_and_fit_their_column() {
        let mut names = Feature::ALL.map(Feature::name);
        assert!(
            names
                .iter()
                .all(|name| name.len() <= 20 && !name.contains(','))
        );
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
