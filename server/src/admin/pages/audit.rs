//! What operators did, and who was not let in.

use actix_web::web;
use askama::Template;
use serde::{Deserialize, Serialize};

use super::{Answer, answer, frame::Frame, shown::Stamp};
use crate::{
    admin::{refused::Refused, request::Operator},
    store::AuditEntry,
};

/// Entries on one page.
const ENTRIES_SHOWN: u32 = 100;

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    frame: Frame,
    entries: Vec<Entry>,
    /// Where the next, older page begins.
    older: Option<u64>,
}

#[derive(Serialize)]
struct Entry {
    number: u64,
    at_unix_ms: Stamp,
    operator: String,
    address: String,
    action: String,
    target: String,
    outcome: String,
    detail: String,
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Entry {
        Entry {
            number: entry.number,
            at_unix_ms: Stamp(entry.at_unix_ms),
            operator: entry.operator,
            address: entry.address,
            action: entry.action,
            target: entry.target,
            outcome: entry.outcome,
            detail: entry.detail,
        }
    }
}

#[derive(Deserialize)]
pub struct WhichEntries {
    #[serde(default)]
    before: String,
}

/// `GET /admin/audit`
pub async fn page(operator: Operator, which: web::Query<WhichEntries>) -> Answer {
    let before = which.before.parse().unwrap_or(u64::MAX);
    let read = operator.state.store.audit(before, ENTRIES_SHOWN + 1).await;
    let mut entries = read.map_err(|error| Refused::from(error.refusal()))?;
    let more = entries.len() > ENTRIES_SHOWN as usize;
    entries.truncate(ENTRIES_SHOWN as usize);
    let page = AuditPage {
        frame: Frame::new(&operator, "/admin/audit", "Audit log"),
        older: entries.last().filter(|_| more).map(|entry| entry.number),
        entries: entries.into_iter().map(Entry::from).collect(),
    };
    answer(&operator, &page, &page.entries)
}
