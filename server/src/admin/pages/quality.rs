//! How well people heard and saw each other over time.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::{Answer, answer, frame::Frame, shown::Stamp};
use crate::admin::{
    chart::{self, Measure},
    request::Operator,
    samples::{Minute, Spread},
};

const MEASURES: [Measure; 3] = [
    Measure {
        title: "Round trip",
        unit: "ms",
        of: |minute| minute.round_trip_ms,
        per_unit: 1,
    },
    Measure {
        title: "Jitter",
        unit: "ms",
        of: |minute| minute.jitter_ms,
        per_unit: 1,
    },
    Measure {
        title: "Loss",
        unit: "%",
        of: |minute| minute.loss_permille,
        per_unit: 10,
    },
];

/// What is offered, in minutes.
const SPANS: [(usize, &str); 4] = [
    (60, "1 hour"),
    (180, "3 hours"),
    (720, "12 hours"),
    (1_440, "24 hours"),
];

#[derive(Template)]
#[template(path = "admin/quality.html")]
struct QualityPage {
    frame: Frame,
    span: usize,
    charts: Vec<Chart>,
    minutes: usize,
}

impl QualityPage {
    fn spans(&self) -> &'static [(usize, &'static str)] {
        &SPANS
    }
}

struct Chart {
    title: &'static str,
    unit: &'static str,
    svg: String,
    /// The newest and the worst minute, as text.
    newest: [String; 3],
    worst: [String; 3],
}

#[derive(Deserialize)]
pub struct WhichSpan {
    #[serde(default)]
    minutes: String,
}

/// `GET /admin/quality`
pub async fn page(operator: Operator, which: web::Query<WhichSpan>) -> Answer {
    let asked = which.minutes.parse().unwrap_or(SPANS[0].0);
    let offered = SPANS.iter().find(|(minutes, _)| *minutes == asked);
    let span = offered.map_or(SPANS[0].0, |(minutes, _)| *minutes);
    let minutes = operator.state.admin.samples.minutes(span);
    let page = QualityPage {
        frame: Frame::new(&operator, "/admin/quality", "Quality"),
        span,
        charts: MEASURES.map(|measure| chart(measure, &minutes)).into(),
        minutes: minutes.len(),
    };
    answer(&operator, &page, &minutes)
}

fn chart(measure: Measure, minutes: &[Minute]) -> Chart {
    let clock = |minute: Option<&Minute>| {
        let at = minute.map(|minute| Stamp(minute.at_unix_ms).to_string());
        at.map_or_else(String::new, |at| at[11..16].to_owned())
    };
    let times = (clock(minutes.first()), clock(minutes.last()));
    let spreads = || minutes.iter().filter_map(measure.of);
    let text = |spread: Option<Spread>| match spread {
        None => ["–", "–", "–"].map(str::to_owned),
        Some(spread) => [spread.p50, spread.p95, spread.p99].map(|value| match measure.per_unit {
            1 => value.to_string(),
            per_unit => format!("{}.{}", value / per_unit, value % per_unit),
        }),
    };
    Chart {
        title: measure.title,
        unit: measure.unit,
        svg: chart::draw(measure, minutes, (&times.0, &times.1)),
        newest: text(spreads().next_back()),
        worst: text(spreads().max_by_key(|spread| spread.p95)),
    }
}
