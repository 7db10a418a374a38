//! Templates: how a room is set up for what it is meant for (R1).

use serde::{Deserialize, Serialize};

use crate::model::{ParticipantsMay, QuestionSettings, Role, Settings, TimerPlan};

/// A way to set a room up: one of ours, or one that somebody has saved.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(rename_all = "camelCase")
)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
pub struct Template {
    /// 1 to 50 characters; what [`Template::builtin`] has is taken.
    pub name: String,
    pub settings: Settings,
    /// Milliseconds from the opening of the room.
    #[serde(default)]
    pub time_limit_ms: Option<u64>,
}

impl Template {
    /// The templates that are always there.
    pub fn builtin() -> Vec<Template> {
        let named = |name: &str, settings: Settings| Template {
            name: name.to_owned(),
            settings,
            time_limit_ms: None,
        };
        vec![
            named("meeting", Settings::default()),
            named("presentation", presentation()),
            named("study", study()),
            named("watch", watch()),
            named("open_house", open_house()),
        ]
    }

    pub fn is_builtin(name: &str) -> bool {
        Template::builtin().iter().any(|known| known.name == name)
    }
}

fn presentation() -> Settings {
    Settings {
        newcomers: Role::Observer,
        members_max: 500,
        waiting_room: true,
        participants: ParticipantsMay {
            present: false,
            ..ParticipantsMay::default()
        },
        muted_on_entry: true,
        may_unmute: false,
        questions: QuestionSettings {
            open: true,
            ..QuestionSettings::default()
        },
        ..Settings::default()
    }
}

fn study() -> Settings {
    Settings {
        members_max: 25,
        muted_on_entry: true,
        timer: Some(TimerPlan::default()),
        keep_hours: 24,
        ..Settings::default()
    }
}

fn watch() -> Settings {
    Settings {
        members_max: 50,
        muted_on_entry: true,
        film: true,
        keep_hours: 0,
        ..Settings::default()
    }
}

fn open_house() -> Settings {
    Settings {
        members_max: 100,
        keep_hours: 0,
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PRODUCT.md's table of templates (R1), line by line.
    #[test]
    fn the_templates_are_those_of_the_product_page() {
        let templates = Template::builtin();
        let column = |of: fn(&Template) -> String| templates.iter().map(of).collect::<Vec<_>>();
        assert_eq!(
            column(|t| t.name.clone()),
            ["meeting", "presentation", "study", "watch", "open_house"]
        );
        assert_eq!(
            column(|t| format!("{:?}", t.settings.newcomers)),
            [
                "Participant",
                "Observer",
                "Participant",
                "Participant",
                "Participant"
            ]
        );
        assert_eq!(
            column(|t| t.settings.waiting_room.to_string()),
            ["false", "true", "false", "false", "false"]
        );
        assert_eq!(
            column(|t| format!("{} {}", t.settings.muted_on_entry, t.settings.may_unmute)),
            [
                "false true",
                "true false",
                "true true",
                "true true",
                "false true"
            ]
        );
        assert_eq!(
            column(|t| t.settings.participants.present.to_string()),
            ["true", "false", "true", "true", "true"]
        );
        assert!(templates.iter().all(|t| t.settings.present_by_asking));
        assert_eq!(
            column(|t| t.settings.questions.open.to_string()),
            ["false", "true", "false", "false", "false"]
        );
        let study = TimerPlan {
            focus_minutes: 25,
            short_break_minutes: 5,
            long_break_minutes: 15,
            cycles: 4,
            ..TimerPlan::default()
        };
        let timers: Vec<_> = templates.iter().map(|t| t.settings.timer).collect();
        assert_eq!(timers, [None, None, Some(study), None, None]);
        assert_eq!(
            column(|t| format!("{} {}", t.settings.film, t.settings.participants.film)),
            [
                "false true",
                "false true",
                "false true",
                "true true",
                "false true"
            ]
        );
        assert_eq!(
            column(|t| t.settings.members_max.to_string()),
            ["50", "500", "25", "50", "100"]
        );
        assert!(templates.iter().all(|t| t.time_limit_ms.is_none()));
        assert_eq!(
            column(|t| t.settings.keep_hours.to_string()),
            ["168", "168", "24", "0", "0"]
        );
    }

    #[test]
    fn observers_of_a_presentation_ask_react_and_vote() {
        let may = presentation().observers;
        assert!(may.ask && may.react && may.vote);
    }
}
