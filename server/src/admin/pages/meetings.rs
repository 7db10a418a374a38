//! Meetings that are over, and what came of each (I3).

use actix_web::{HttpResponse, web};
use askama::Template;
use conclave_wire::RefusalCode;
use serde::Serialize;

use super::{
    Answer, answer,
    frame::Frame,
    shown::{Bytes, Seconds, Stamp},
};
use crate::{
    admin::{refused::Refused, request::Operator},
    gateway::http::report::{attached, word},
    store::{Incident, Meeting, MeetingReport, Presence},
};

/// Meetings that the page lists.
const MEETINGS_SHOWN: u32 = 200;
const MS_PER_S: u64 = 1_000;

#[derive(Template)]
#[template(path = "admin/meetings.html")]
struct MeetingsPage {
    frame: Frame,
    meetings: Vec<MeetingRow>,
    meetings_shown: u32,
}

#[derive(Serialize)]
struct MeetingRow {
    room_id: String,
    /// None when the room is not kept any more.
    title: Option<String>,
    opened_unix_ms: Stamp,
    duration_seconds: Seconds,
    people: u64,
    people_at_once: u64,
    messages: u64,
    questions: u64,
    incidents: u64,
}

impl MeetingRow {
    fn path(&self) -> String {
        format!("/admin/meetings/{}/{}", self.room_id, self.opened_unix_ms.0)
    }
}

impl From<Meeting> for MeetingRow {
    fn from(meeting: Meeting) -> MeetingRow {
        MeetingRow {
            room_id: meeting.room_id,
            title: meeting.title,
            opened_unix_ms: Stamp(meeting.opened_unix_ms),
            duration_seconds: Seconds(meeting.duration_ms / MS_PER_S),
            people: meeting.people,
            people_at_once: meeting.people_at_once,
            messages: meeting.messages,
            questions: meeting.questions,
            incidents: meeting.incidents,
        }
    }
}

/// `GET /admin/meetings`
pub async fn list(operator: Operator) -> Answer {
    let meetings = operator.state.store.meetings(MEETINGS_SHOWN).await;
    let meetings = meetings.map_err(|error| Refused::from(error.refusal()))?;
    let page = MeetingsPage {
        frame: Frame::new(&operator, "/admin/meetings", "Meetings"),
        meetings: meetings.into_iter().map(MeetingRow::from).collect(),
        meetings_shown: MEETINGS_SHOWN,
    };
    answer(&operator, &page, &page.meetings)
}

#[derive(Template)]
#[template(path = "admin/meeting.html")]
struct MeetingPage {
    frame: Frame,
    report: MeetingReport,
    table: String,
}

impl MeetingPage {
    fn counts(&self) -> [(&'static str, u64); 7] {
        let report = &self.report;
        [
            ("People", report.total_people),
            ("At once", report.people_at_once),
            ("Messages", report.total_messages),
            ("Questions", report.total_questions),
            ("Votes", report.total_votes),
            ("Files", report.total_files),
            ("Quality incidents", report.total_incidents),
        ]
    }

    fn opened(&self) -> Stamp {
        Stamp(self.report.opened_unix_ms)
    }

    fn lasted(&self) -> String {
        let opened = self.report.opened_unix_ms;
        let ended = self.report.ended_unix_ms;
        ended.map_or_else(
            || "it goes on".to_owned(),
            |ended| between(opened, ended).to_string(),
        )
    }

    fn features(&self) -> String {
        let features = self.report.features.iter();
        let features: Vec<String> = features.map(|feature| feature.replace('_', " ")).collect();
        features.join(", ")
    }

    fn why(&self) -> String {
        self.report.end_reason.map(word).unwrap_or_default()
    }

    fn role(&self, person: &Presence) -> String {
        word(person.role)
    }

    fn joined(&self, person: &Presence) -> Stamp {
        Stamp(person.joined_unix_ms)
    }

    fn stayed(&self, person: &Presence) -> String {
        let left = person.left_unix_ms;
        left.map_or_else(
            || "still there".to_owned(),
            |left| between(person.joined_unix_ms, left).to_string(),
        )
    }

    fn left(&self, person: &Presence) -> String {
        person.leave_reason.map(word).unwrap_or_default()
    }

    fn began(&self, incident: &Incident) -> Stamp {
        Stamp(incident.began_unix_ms)
    }

    fn took(&self, incident: &Incident) -> Seconds {
        between(incident.began_unix_ms, incident.until_unix_ms)
    }

    fn loss(&self, incident: &Incident) -> String {
        let permille = incident.loss_permille;
        format!("{}.{} %", permille / 10, permille % 10)
    }

    fn at(&self, unix_ms: &u64) -> Stamp {
        Stamp(*unix_ms)
    }

    fn bytes(&self, bytes: &u64) -> Bytes {
        Bytes(*bytes)
    }
}

fn between(from_unix_ms: u64, until_unix_ms: u64) -> Seconds {
    Seconds(until_unix_ms.saturating_sub(from_unix_ms) / MS_PER_S)
}

/// `GET /admin/meetings/{room_id}/{opened}`
pub async fn page(operator: Operator, path: web::Path<(String, u64)>) -> Answer {
    let (room_id, opened) = path.into_inner();
    let report = read(&operator, &room_id, opened).await?;
    let title = match report.title.as_str() {
        "" => "A meeting that is not kept any more".to_owned(),
        title => title.to_owned(),
    };
    let page = MeetingPage {
        frame: Frame::new(&operator, "/admin/meetings", title),
        report,
        table: format!("/admin/meetings/{room_id}/{opened}/report.csv"),
    };
    answer(&operator, &page, &page.report)
}

/// `GET /admin/meetings/{room_id}/{opened}/report.csv`
pub async fn table(
    operator: Operator,
    path: web::Path<(String, u64)>,
) -> Result<HttpResponse, Refused> {
    let (room_id, opened) = path.into_inner();
    Ok(attached(&read(&operator, &room_id, opened).await?))
}

async fn read(operator: &Operator, room_id: &str, opened: u64) -> Result<MeetingReport, Refused> {
    let report = operator.state.store.report(room_id, opened).await;
    let report = report.map_err(|error| Refused::from(error.refusal()))?;
    report.ok_or_else(|| RefusalCode::RoomNotFound.into())
}
