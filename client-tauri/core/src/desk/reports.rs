//! What came of a meeting, for who was host of it: read, kept as a file, and the room opened again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use conclave_wire::http::spelling::to_snake_case;
use hyper::{Method, Request, header};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{RoomLink, Shared, Trouble, doors::ASK_DEADLINE};
use crate::link::{
    dial::Dialer,
    http::{HttpClient, HttpError, Upload, success},
};

/// A report of as many rows as a server gives, each as long as it may be.
const REPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Reports of one room in one folder.
const NAMES_MAX: u32 = 1_000;
/// Rooms whose last seat is known; more are hardly looked back on.
const SEATS_KEPT_MAX: usize = 16;

/// The token of our last seat in each room, by which who was host there looks back on it.
#[derive(Default)]
pub(super) struct PastSeats(BTreeMap<String, String>);

impl PastSeats {
    pub(super) fn note(&mut self, slug: &str, seat_token: &str) {
        if self.0.len() >= SEATS_KEPT_MAX && !self.0.contains_key(slug) {
            self.0.pop_first();
        }
        self.0.insert(slug.to_owned(), seat_token.to_owned());
    }
}

/// As what a report is kept.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    Csv,
    Json,
}

/// The report as the page knows it.
pub(super) async fn read(shared: &Arc<Shared>, link: &RoomLink) -> Result<Value, Trouble> {
    let report = fetch(shared, link, Method::GET, "report").await?;
    let report = serde_json::from_slice(&report).map_err(|_| HttpError::Unreadable)?;
    Ok(to_snake_case(report))
}

/// Saves the report where files go, and tells what it is called; `None` when the person thought better of it.
pub(super) async fn save(
    shared: &Arc<Shared>,
    link: &RoomLink,
    kind: ReportKind,
) -> Result<Option<String>, Trouble> {
    let (what, ending) = match kind {
        ReportKind::Csv => ("report.csv", "csv"),
        ReportKind::Json => ("report", "json"),
    };
    let report = fetch(shared, link, Method::GET, what).await?;
    let name = format!("{}-report", link.slug);
    let (ask, folder) = {
        let kept = shared.kept.lock();
        let folder = kept.downloads.clone();
        (kept.ask_where, folder)
    };
    let failed =
        |error: io::Error| Trouble::refusal("storage", format!("It was not saved: {error}."));
    let path = if ask {
        let Some(path) = shared.host.save_as(format!("{name}.{ending}")).await else {
            return Ok(None);
        };
        tokio::fs::write(&path, &report).await.map_err(failed)?;
        path
    } else {
        let folder = folder.unwrap_or_else(|| shared.places.downloads.clone());
        let write = move || write_beside(&folder, &name, ending, &report);
        let written = tokio::task::spawn_blocking(write).await;
        let late = |_| Trouble::refusal("internal", "The report was not saved.");
        written.map_err(late)?.map_err(failed)?
    };
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Some(name.to_string_lossy().into_owned()))
}

/// Under the first name that is free, like `name (2).csv`.
fn write_beside(folder: &Path, name: &str, ending: &str, report: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut number = 1;
    loop {
        let path = match number {
            1 => folder.join(format!("{name}.{ending}")),
            _ => folder.join(format!("{name} ({number}).{ending}")),
        };
        match File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(report)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES_MAX => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Opens a room again that has ended and is still kept.
pub(super) async fn reopen(shared: &Arc<Shared>, link: &RoomLink) -> Result<(), Trouble> {
    fetch(shared, link, Method::POST, "reopen").await?;
    Ok(())
}

async fn fetch(
    shared: &Arc<Shared>,
    link: &RoomLink,
    method: Method,
    what: &str,
) -> Result<Bytes, Trouble> {
    let invite = link.invite(&shared.kept.lock())?;
    let secret = match &link.host_key {
        Some(host_key) => host_key.clone(),
        None => {
            let seats = shared.past_seats.lock();
            seats.0.get(&invite.slug).cloned().unwrap_or_default()
        }
    };
    let dialer = Dialer::new(&invite).map_err(HttpError::from)?;
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/rooms/{}/{what}", invite.slug))
        .header(header::AUTHORIZATION, format!("Bearer {secret}"))
        .body(Upload::empty())
        .map_err(|_| HttpError::Unreadable)?;
    let fetching = async {
        let response = success(HttpClient::new(dialer).send(request).await?).await?;
        response.into_body().whole(REPORT_BYTES_MAX).await
    };
    match timeout(ASK_DEADLINE, fetching).await {
        Ok(whole) => Ok(whole?),
        Err(_) => Err(HttpError::Late.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_takes_the_place_of_none() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("Downloads");
        for (text, name) in [("a", "x-report.csv"), ("b", "x-report (2).csv")] {
            let path = write_beside(&inner, "x-report", "csv", text.as_bytes()).unwrap();
            assert_eq!(path, inner.join(name));
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
    }

    #[test]
    fn the_last_seat_of_a_few_rooms_is_known() {
        let mut seats = PastSeats::default();
        for number in 0..2 * SEATS_KEPT_MAX {
            seats.note(&format!("room-{number:03}"), "token");
        }
        seats.note("room-031", "newer");
        assert_eq!(seats.0.len(), SEATS_KEPT_MAX);
        assert_eq!(seats.0["room-031"], "newer");
    }
}
