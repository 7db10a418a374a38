//! How the server stands, at a glance.

use actix_web::web;
use askama::Template;
use serde::Serialize;

use super::{
    Answer, answer, describe_rooms,
    frame::{Frame, Said},
    rooms::RoomRow,
    shown::{Bytes, Seconds, Stamp, percent},
};
use crate::{
    admin::{request::Operator, samples::Figures},
    store::AuditEntry,
    telemetry,
};

/// Rooms with the most people.
const ROOMS_SHOWN: usize = 8;
/// Newest acts of operators.
const ACTS_SHOWN: u32 = 8;

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct OverviewPage<'a> {
    frame: Frame,
    view: &'a Overview,
    acts: Vec<AuditEntry>,
    stopping: Option<&'static str>,
}

#[derive(Serialize)]
struct Overview {
    figures: Figures,
    rooms_max: u32,
    files_bytes: Bytes,
    files_bytes_max: Bytes,
    version: &'static str,
    /// The fullest.
    rooms: Vec<RoomRow>,
    /// Rooms that did not answer.
    silent: Vec<String>,
    alerts: Vec<Alert>,
}

/// Something that an operator should look at.
#[derive(Serialize)]
struct Alert {
    code: &'static str,
    text: String,
    since_unix_ms: Stamp,
    /// Slugs of the rooms that it is about.
    rooms: Vec<String>,
}

impl Overview {
    fn cpu(&self) -> String {
        let percent = self.figures.machine.cpu_percent;
        percent.map_or_else(unknown, |percent| format!("{percent:.0} %"))
    }

    fn memory(&self) -> String {
        bytes(self.figures.machine.memory_bytes)
    }

    fn disk_free(&self) -> String {
        bytes(self.figures.machine.disk_free_bytes)
    }

    fn disk(&self) -> String {
        bytes(self.figures.machine.disk_bytes)
    }

    fn uptime(&self) -> Seconds {
        Seconds(self.figures.uptime_s)
    }

    fn files_percent(&self) -> u64 {
        percent(self.files_bytes.0, self.files_bytes_max.0)
    }
}

/// `GET /admin`
pub async fn page(operator: Operator, said: web::Query<Said>) -> Answer {
    let state = operator.state.clone();
    let described = describe_rooms(&state).await?;
    let now = state.admin.samples.now();
    let figures = Figures {
        at_unix_ms: now.at_unix_ms,
        packets_in: now.packets_in,
        packets_out: now.packets_out,
        machine: now.machine,
        uptime_s: state.clock.now().as_ms() / 1_000,
        ..Figures::count(&described.rooms)
    };
    let mut rooms: Vec<_> = described.rooms.iter().map(RoomRow::of).collect();
    rooms.sort_by(|one, other| {
        let most = other.people.cmp(&one.people);
        most.then_with(|| one.slug.cmp(&other.slug))
    });
    rooms.truncate(ROOMS_SHOWN);
    let view = Overview {
        figures,
        rooms_max: state.config.rooms_max,
        files_bytes: Bytes(state.uploads.taken_bytes()),
        files_bytes_max: Bytes(state.config.server_files_bytes_max),
        version: env!("CARGO_PKG_VERSION"),
        rooms,
        silent: described.silent,
        alerts: alerts(&operator),
    };
    // What the database cannot say now is left out: the overview is needed most when something is wrong.
    let acts = state.store.audit(u64::MAX, ACTS_SHOWN).await;
    let stage = state.admin.stopping.stage();
    let page = OverviewPage {
        frame: Frame::new(&operator, "/admin", "Overview")
            .saying(&said)
            .live(),
        view: &view,
        acts: acts.unwrap_or_default(),
        stopping: (stage != Default::default()).then(|| stage.sentence()),
    };
    answer(&operator, &page, &view)
}

fn alerts(operator: &Operator) -> Vec<Alert> {
    let current = operator.state.alerts.current();
    let shown = |alert: telemetry::alerts::Alert| Alert {
        code: alert.kind.name(),
        text: alert.text,
        since_unix_ms: Stamp(alert.since_unix_ms),
        rooms: alert.rooms,
    };
    current.into_iter().map(shown).collect()
}

fn bytes(value: Option<u64>) -> String {
    value.map_or_else(unknown, |value| Bytes(value).to_string())
}

fn unknown() -> String {
    "unknown".to_owned()
}

impl OverviewPage<'_> {
    fn at(&self, act: &AuditEntry) -> Stamp {
        Stamp(act.at_unix_ms)
    }
}
