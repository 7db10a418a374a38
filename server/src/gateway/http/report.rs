//! What came of a meeting, for its host: as JSON, and as a table for spreadsheets.

use std::fmt::Write;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use conclave_wire::{Refusal, RefusalCode};
use serde::Serialize;
use time::OffsetDateTime;

use super::{
    State, answer,
    api::{Endpoint, Who},
    bearer,
    limits::Attempt,
    refused,
};
use crate::{auth::token, gateway::upgrade::client_of, server::AppState, store::MeetingReport};

const GROUP: &str = "Rooms";
/// Tells spreadsheets that the text is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
pub const CSV_TYPE: &str = "text/csv; charset=utf-8";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/api/rooms/{slug}/report", "readReport", || {
        web::get().to(json)
    })
    .says(
        GROUP,
        "What came of the meeting, for its host, as long as the room is kept.",
    )
    .by(Who::SeatOrHost)
    .gives::<MeetingReport>(200)
    .refuses(&[RefusalCode::NotAllowed]),
    Endpoint::new(
        "GET",
        "/api/rooms/{slug}/report.csv",
        "readReportAsTable",
        || web::get().to(table),
    )
    .says(GROUP, "The same as a table.")
    .by(Who::SeatOrHost)
    .gives_bytes(200, "text/csv")
    .refuses(&[RefusalCode::NotAllowed]),
];

async fn json(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    answer(StatusCode::OK, read(&request, &state, &slug).await)
}

async fn table(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    match read(&request, &state, &slug).await {
        Ok(report) => attached(&report),
        Err(refusal) => refused(&refusal),
    }
}

async fn read(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
) -> Result<MeetingReport, Refusal> {
    let address = client_of(request, state).ok_or(RefusalCode::Internal)?;
    state.limits.may_try_secret(address)?;
    let secret = bearer(request.headers()).ok_or(RefusalCode::SeatUnknown)?;
    let found = state.store.report_for_host(slug, token::hash(secret)).await;
    match found.map_err(|error| error.refusal())? {
        Ok(report) => Ok(report),
        Err(RefusalCode::HostKeyWrong) => {
            state.limits.spend(address, Attempt::WrongSecret).ok();
            // Seat tokens name their room, host keys do not.
            Err(match token::room_of(secret) {
                Some(_) => RefusalCode::NotAllowed.into(),
                None => RefusalCode::HostKeyWrong.into(),
            })
        }
        Err(code) => Err(code.into()),
    }
}

/// The report as a file to keep.
pub fn attached(report: &MeetingReport) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, CSV_TYPE))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"report.csv\"",
        ))
        .body(csv(report))
}

/// One table (RFC 4180) of all that a report holds: what kind of row it is, then the same columns in each.
pub fn csv(report: &MeetingReport) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    let mut row = |cells: [&str; 7]| {
        let cells: Vec<String> = cells.into_iter().map(cell).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    };
    row(["kind", "who", "what", "from", "until", "detail", "number"]);
    let ended = report.ended_unix_ms.map(stamp).unwrap_or_default();
    row([
        "meeting",
        &report.presenter_name,
        &report.title,
        &stamp(report.opened_unix_ms),
        &ended,
        &report.end_reason.map(word).unwrap_or_default(),
        &seconds(report.opened_unix_ms, report.ended_unix_ms),
    ]);
    for (name, count) in [
        ("people", report.total_people),
        ("people at once", report.people_at_once),
        ("messages", report.total_messages),
        ("questions", report.total_questions),
        ("votes", report.total_votes),
        ("files", report.total_files),
        ("quality incidents", report.total_incidents),
    ] {
        row(["count", "", name, "", "", "", &count.to_string()]);
    }
    for feature in &report.features {
        row(["feature", "", feature, "", "", "", ""]);
    }
    for person in &report.people {
        row([
            "person",
            &person.name,
            &word(person.role),
            &stamp(person.joined_unix_ms),
            &person.left_unix_ms.map(stamp).unwrap_or_default(),
            &person.leave_reason.map(word).unwrap_or_default(),
            &seconds(person.joined_unix_ms, person.left_unix_ms),
        ]);
    }
    for incident in &report.incidents {
        let figures = format!(
            "loss {}.{} %; round trip {} ms; jitter {} ms",
            incident.loss_permille / 10,
            incident.loss_permille % 10,
            incident.round_trip_ms,
            incident.jitter_ms
        );
        row([
            "incident",
            &incident.name,
            "poor link",
            &stamp(incident.began_unix_ms),
            &stamp(incident.until_unix_ms),
            &figures,
            &seconds(incident.began_unix_ms, Some(incident.until_unix_ms)),
        ]);
    }
    for asked in &report.questions {
        let mut answer = asked.answer.clone().unwrap_or_default();
        if let Some(by) = &asked.answered_by {
            // Writing to a string does not fail.
            let _ = write!(answer, " ({by})");
        }
        row([
            "question",
            asked.name.as_deref().unwrap_or_default(),
            &asked.question,
            &stamp(asked.asked_unix_ms),
            "",
            answer.trim_start(),
            &asked.votes.to_string(),
        ]);
    }
    for file in &report.files {
        row([
            "file",
            &file.name,
            &file.file_name,
            &stamp(file.shared_unix_ms),
            "",
            &file.sha256,
            &file.size_bytes.to_string(),
        ]);
    }
    text
}

/// A cell in quotes. What a spreadsheet would take for a formula gets an apostrophe in front, so that it
/// stays the text that it is (OWASP, "CSV Injection").
fn cell(text: &str) -> String {
    const FORMULAS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '＠'];
    let starts = |text: &str| text.starts_with(FORMULAS) || text.starts_with('－');
    let guard = match starts(text) || starts(text.trim_start()) {
        true => "'",
        false => "",
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// In UTC, as spreadsheets read it.
fn stamp(unix_ms: u64) -> String {
    let nanos = i128::from(unix_ms) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn seconds(from_unix_ms: u64, until_unix_ms: Option<u64>) -> String {
    const MS_PER_S: u64 = 1_000;
    let until = until_unix_ms.map(|until| until.saturating_sub(from_unix_ms) / MS_PER_S);
    until.map(|seconds| seconds.to_string()).unwrap_or_default()
}

/// As it stands on the wire.
pub fn word(value: impl Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    let word = word.as_ref().and_then(|word| word.as_str());
    word.unwrap_or_default().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AskedQuestion, Presence};

    /// Cells of a table as RFC 4180 says; quotes are doubled inside of quotes.
    fn rows(csv: &str) -> Vec<Vec<String>> {
        let csv = csv.strip_prefix(BYTE_ORDER_MARK).unwrap();
        let (mut rows, mut row, mut text) = (Vec::new(), Vec::new(), String::new());
        let (mut quoted, mut chars) = (false, csv.chars().peekable());
        while let Some(char) = chars.next() {
            match (char, quoted) {
                ('"', true) if chars.peek() == Some(&'"') => text.extend(chars.next()),
                ('"', _) => quoted = !quoted,
                (',', false) => row.push(std::mem::take(&mut text)),
                ('\r', false) => {}
                ('\n', false) => {
                    row.push(std::mem::take(&mut text));
                    rows.push(std::mem::take(&mut row));
                }
                (char, _) => text.push(char),
            }
        }
        assert!(!quoted && text.is_empty());
        rows
    }

    fn report() -> MeetingReport {
        MeetingReport {
            slug: "lecture".to_owned(),
            title: "A \"quoted\", long\r\ntitle".to_owned(),
            presenter_name: "Ada".to_owned(),
            opened_unix_ms: 0,
            ended_unix_ms: Some(61_000),
            end_reason: None,
            is_whole: true,
            total_people: 1,
            people_at_once: 1,
            total_messages: 0,
            total_questions: 1,
            total_votes: 0,
            total_files: 0,
            total_incidents: 0,
            features: Vec::new(),
            people: vec![Presence {
                participant: 1,
                name: "=HYPERLINK(\"http://x\")".to_owned(),
                role: conclave_wire::Role::CoHost,
                joined_unix_ms: 1_000,
                left_unix_ms: None,
                leave_reason: None,
            }],
            incidents: Vec::new(),
            questions: vec![AskedQuestion {
                question: "  +1+1".to_owned(),
                name: None,
                asked_unix_ms: 2_000,
                moment_ms: 0,
                votes: 3,
                is_hidden: false,
                is_answered: true,
                answer: Some("-2".to_owned()),
                answered_by: Some("Ada".to_owned()),
            }],
            files: Vec::new(),
        }
    }

    #[test]
    fn every_row_has_every_column_whatever_the_texts_are() {
        let rows = rows(&csv(&report()));
        assert!(rows.iter().all(|row| row.len() == 7), "{rows:?}");
        let meeting = rows.iter().find(|row| row[0] == "meeting").unwrap();
        assert_eq!(meeting[2], "A \"quoted\", long\r\ntitle");
        assert_eq!(meeting[3], "1970-01-01 00:00:00");
        assert_eq!(meeting[6], "61");
        let person = rows.iter().find(|row| row[0] == "person").unwrap();
        assert_eq!((person[2].as_str(), person[4].as_str()), ("co host", ""));
    }

    #[test]
    fn nothing_that_somebody_wrote_is_a_formula() {
        for row in rows(&csv(&report())) {
            for cell in row {
                let first = cell.trim_start().chars().next();
                let formula = first.is_some_and(|first| "=+-@＝＋－＠".contains(first));
                assert!(!formula, "{cell}");
            }
        }
        for text in [
            "=1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1", "－1",
        ] {
            assert!(cell(text).starts_with("\"'"), "{text:?}");
        }
        for text in ["", "a=1", "5", "Ada"] {
            assert!(!cell(text).starts_with("\"'"), "{text:?}");
        }
    }
}
