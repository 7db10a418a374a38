//! Counts over days: rooms, their length, people, what was used, and what was refused (I4).

use actix_web::web;
use askama::Template;
use serde::{Deserialize, Serialize};

use super::{
    Answer, answer,
    frame::Frame,
    shown::{Seconds, Stamp},
};
use crate::{
    admin::{bars, refused::Refused, request::Operator},
    clock::unix_ms,
    store::{DayCount, STATISTICS_KEPT_DAYS, Statistics},
    telemetry::requests,
};

const MS_PER_DAY: u64 = 24 * 3_600_000;
const MS_PER_S: u64 = 1_000;
/// What is offered, in days.
const SPANS: [u32; 4] = [7, 30, 90, 365];
/// Statuses from this one on are errors.
const ERRORS_FROM: u16 = 400;
/// Endpoints with errors that the page lists: those with most.
const ERRORS_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "admin/statistics.html")]
struct StatisticsPage {
    frame: Frame,
    span: u32,
    charts: [Chart; 3],
    view: Counts,
    kept_days: u32,
}

impl StatisticsPage {
    fn spans(&self) -> [u32; 4] {
        SPANS
    }

    fn mean_length(&self) -> Seconds {
        Seconds(self.view.mean_length_seconds)
    }

    fn day_of(&self, day: &Day) -> String {
        named(day.day)
    }

    fn length_of(&self, day: &Day) -> Seconds {
        Seconds(day.mean_length_seconds)
    }
}

struct Chart {
    title: &'static str,
    svg: String,
}

#[derive(Serialize)]
struct Counts {
    rooms: u64,
    mean_length_seconds: u64,
    largest_meeting: u64,
    /// On the server, in all rooms.
    people_at_once: u64,
    days: Vec<Day>,
    /// Most used first: the feature, and in how many meetings.
    features: Vec<(String, u64)>,
    /// Since the server started.
    errors: Vec<Errors>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Day {
    /// Since the Unix epoch (UTC).
    day: u64,
    rooms: u64,
    mean_length_seconds: u64,
    people: u64,
    messages: u64,
    questions: u64,
    people_at_once: u64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Errors {
    endpoint: String,
    status: u16,
    count: u64,
}

#[derive(Deserialize)]
pub struct WhichSpan {
    #[serde(default)]
    days: String,
}

/// `GET /admin/statistics`
pub async fn page(operator: Operator, which: web::Query<WhichSpan>) -> Answer {
    let asked = which.days.parse().unwrap_or(SPANS[1]);
    let span = match SPANS.contains(&asked) {
        true => asked,
        false => SPANS[1],
    };
    let today = unix_ms() / MS_PER_DAY;
    let first = today.saturating_sub(u64::from(span).saturating_sub(1));
    let counted = operator.state.store.statistics(first * MS_PER_DAY).await;
    let counted = counted.map_err(|error| Refused::from(error.refusal()))?;
    let ends = (named(first), named(today));
    let chart = |title, of: fn(&DayCount) -> u64| Chart {
        title,
        svg: bars::draw(
            title,
            &by_day(&counted, first, today, of),
            (&ends.0, &ends.1),
        ),
    };
    let charts = [
        chart("Meetings a day", |day| day.rooms),
        chart("Mean length of a meeting, in minutes", |day| {
            mean_seconds(day) / 60
        }),
        chart("Most people at once", |day| day.people_at_once),
    ];
    let page = StatisticsPage {
        frame: Frame::new(&operator, "/admin/statistics", "Statistics"),
        span,
        charts,
        view: counts(&counted, requests::counts()),
        kept_days: STATISTICS_KEPT_DAYS,
    };
    answer(&operator, &page, &page.view)
}

fn counts(counted: &Statistics, requests: Vec<((requests::Place, u16), u64)>) -> Counts {
    let rooms: u64 = counted.days.iter().map(|day| day.rooms).sum();
    let length_ms: u64 = counted.days.iter().map(|day| day.duration_ms).sum();
    let most = |of: fn(&DayCount) -> u64| counted.days.iter().map(of).max().unwrap_or(0);
    let mut features: Vec<(String, u64)> = counted
        .features
        .iter()
        .map(|(feature, rooms)| (feature.replace('_', " "), *rooms))
        .collect();
    features.sort_by_key(|(_, rooms)| std::cmp::Reverse(*rooms));
    let mut errors: Vec<Errors> = requests
        .into_iter()
        .filter(|((_, status), _)| *status >= ERRORS_FROM)
        .map(|((place, status), count)| Errors {
            endpoint: match place {
                Some((method, path)) => format!("{method} {path}"),
                None => "no endpoint".to_owned(),
            },
            status,
            count,
        })
        .collect();
    errors.sort_by_key(|errors| std::cmp::Reverse(errors.count));
    errors.truncate(ERRORS_SHOWN);
    let day = |day: &DayCount| Day {
        day: day.day,
        rooms: day.rooms,
        mean_length_seconds: mean_seconds(day),
        people: day.people,
        messages: day.messages,
        questions: day.questions,
        people_at_once: day.people_at_once,
    };
    Counts {
        rooms,
        mean_length_seconds: length_ms.checked_div(rooms).unwrap_or(0) / MS_PER_S,
        largest_meeting: most(|day| day.largest_meeting),
        people_at_once: most(|day| day.people_at_once),
        // The newest first, as a table is read.
        days: counted.days.iter().rev().map(day).collect(),
        features,
        errors,
    }
}

fn mean_seconds(day: &DayCount) -> u64 {
    day.duration_ms.checked_div(day.rooms).unwrap_or(0) / MS_PER_S
}

/// A value for each day, those without anything included.
fn by_day(counted: &Statistics, first: u64, today: u64, of: fn(&DayCount) -> u64) -> Vec<u64> {
    let value = |day| {
        let counted = counted.days.iter().find(|counted| counted.day == day);
        counted.map_or(0, of)
    };
    (first..=today).map(value).collect()
}

/// As `2026-11-21`.
fn named(day: u64) -> String {
    Stamp(day.saturating_mul(MS_PER_DAY)).to_string()[..10].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Statistics {
        let day = |day, rooms, minutes: u64, people_at_once| DayCount {
            day,
            rooms,
            duration_ms: minutes * 60_000,
            people_at_once,
            largest_meeting: people_at_once / 2,
            ..DayCount::default()
        };
        Statistics {
            days: vec![day(10, 2, 30, 8), day(12, 1, 60, 4)],
            features: [("chat".to_owned(), 2), ("waiting_room".to_owned(), 3)].into(),
        }
    }

    #[test]
    fn lengths_are_means_over_meetings_and_peaks_are_the_most() {
        let counts = counts(&counted(), Vec::new());
        assert_eq!((counts.rooms, counts.mean_length_seconds), (3, 1_800));
        assert_eq!((counts.largest_meeting, counts.people_at_once), (4, 8));
        assert_eq!(counts.days[0].day, 12);
        assert_eq!(counts.features[0], ("waiting room".to_owned(), 3));
    }

    #[test]
    fn days_without_meetings_are_in_the_chart() {
        assert_eq!(by_day(&counted(), 9, 12, |day| day.rooms), [0, 2, 0, 1]);
        assert_eq!(named(0), "1970-01-01");
    }

    #[test]
    fn errors_are_listed_by_endpoint_most_frequent_first() {
        let place = Some(("GET", "/api/rooms/{slug}"));
        let requests = vec![
            ((place, 200), 50),
            ((place, 404), 2),
            ((None, 404), 7),
            ((place, 500), 1),
        ];
        let errors = counts(&Statistics::default(), requests).errors;
        let listed: Vec<_> = errors
            .iter()
            .map(|errors| (errors.endpoint.as_str(), errors.status, errors.count))
            .collect();
        let at = "GET /api/rooms/{slug}";
        assert_eq!(
            listed,
            [("no endpoint", 404, 7), (at, 404, 2), (at, 500, 1)]
        );
    }
}
