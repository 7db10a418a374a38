//! The settings in force, and where each comes from.

use askama::Template;
use serde::Serialize;

use super::{Answer, answer, frame::Frame};
use crate::{
    admin::request::Operator,
    config::{Config, Setting, Source},
};

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage {
    frame: Frame,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    name: &'static str,
    settings: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    key: &'static str,
    doc: String,
    value: String,
    source: String,
    /// Somebody has set it.
    chosen: bool,
}

impl Row {
    fn of(setting: Setting, source: &Source) -> Row {
        Row {
            value: match (setting.value, Config::is_secret(setting.key)) {
                (Some(_), true) => "(set, not shown)".to_owned(),
                (Some(value), false) => value,
                (None, _) => "not set".to_owned(),
            },
            key: setting.key,
            doc: setting.doc,
            chosen: *source != Source::Default,
            source: source.to_string(),
        }
    }
}

/// `GET /admin/settings`
pub async fn page(operator: Operator) -> Answer {
    let state = &operator.state;
    let sections = state.config.described().into_iter();
    let sections = sections.map(|(name, settings)| Section {
        name,
        settings: settings
            .into_iter()
            .map(|setting| {
                let source = state.sources.of(setting.key);
                Row::of(setting, source)
            })
            .collect(),
    });
    let page = SettingsPage {
        sections: sections.collect(),
        frame: Frame::new(&operator, "/admin/settings", "Settings"),
    };
    answer(&operator, &page, &page.sections)
}
