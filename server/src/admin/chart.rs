//! Charts of a day as SVG that stands in the page: no script, no picture of another host.

use std::fmt::Write;

use super::samples::{Minute, Spread};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 220;
/// Left of the plot, for its numbers; and below, for its times.
const LEFT: u32 = 48;
const BELOW: u32 = 24;
const ABOVE: u32 = 10;
/// Right of the plot, for the names of the lines.
const RIGHT: u32 = 44;
/// More points than pixels help nobody: of several minutes the worst is drawn.
const POINTS_MAX: usize = 240;
/// Lines across the plot.
const STEPS: u32 = 4;

/// What a chart is of.
#[derive(Clone, Copy)]
pub struct Measure {
    pub title: &'static str,
    pub unit: &'static str,
    pub of: fn(&Minute) -> Option<Spread>,
    /// Units of the figures in one of the chart.
    pub per_unit: u32,
}

/// A line's name, and what it is of.
type Line = (&'static str, fn(&Spread) -> u32);

/// The chart as an SVG element. It holds nothing but numbers and texts of this program.
pub fn draw(measure: Measure, minutes: &[Minute], times: (&str, &str)) -> String {
    let points = worst_of(minutes, measure.of);
    let highest = points.iter().flatten().map(|spread| spread.p99).max();
    let top = round_up(highest.unwrap_or(0).max(measure.per_unit));
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}, {}, from {} to {}\">",
        measure.title, measure.unit, times.0, times.1
    );
    let plot_height = HEIGHT - BELOW - ABOVE;
    for step in 0..=STEPS {
        let y = HEIGHT - BELOW - plot_height * step / STEPS;
        let value = f64::from(top) * f64::from(step) / f64::from(STEPS * measure.per_unit);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text class=\"scale\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6,
            y + 4,
            short(value)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"scale\" x=\"{LEFT}\" y=\"{0}\">{1}</text>\
         <text class=\"scale\" x=\"{2}\" y=\"{0}\" text-anchor=\"end\">{3}</text>",
        HEIGHT - 6,
        times.0,
        WIDTH - RIGHT,
        times.1
    );
    let lines: [Line; 3] = [
        ("p99", |spread| spread.p99),
        ("p95", |spread| spread.p95),
        ("p50", |spread| spread.p50),
    ];
    for (name, value) in lines {
        let path = path(&points, top, value);
        let _ = write!(svg, "<path class=\"line {name}\" d=\"{path}\"/>");
    }
    if let Some(last) = points.iter().rev().flatten().next() {
        let ends = lines.map(|(name, value)| (name, y_of(value(last), top)));
        for (name, y) in apart(ends) {
            let _ = write!(
                svg,
                "<text class=\"name {name}\" x=\"{}\" y=\"{y}\">{name}</text>",
                WIDTH - RIGHT + 6
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// At most [`POINTS_MAX`] points; each the worst of its minutes.
fn worst_of(minutes: &[Minute], of: fn(&Minute) -> Option<Spread>) -> Vec<Option<Spread>> {
    let together = minutes.len().div_ceil(POINTS_MAX).max(1);
    let worst = |minutes: &[Minute]| {
        minutes.iter().filter_map(of).reduce(|one, other| Spread {
            p50: one.p50.max(other.p50),
            p95: one.p95.max(other.p95),
            p99: one.p99.max(other.p99),
        })
    };
    minutes.chunks(together).map(worst).collect()
}

/// A line with a gap where nobody was measured.
fn path(points: &[Option<Spread>], top: u32, value: fn(&Spread) -> u32) -> String {
    let width = f64::from(WIDTH - LEFT - RIGHT);
    let last = points.len().saturating_sub(1).max(1) as f64;
    let mut path = String::new();
    let mut drawing = false;
    for (index, point) in points.iter().enumerate() {
        let Some(spread) = point else {
            drawing = false;
            continue;
        };
        let x = f64::from(LEFT) + width * index as f64 / last;
        let y = y_of(value(spread), top);
        let command = if drawing { 'L' } else { 'M' };
        let _ = write!(path, "{command}{x:.1} {y}");
        if !drawing {
            // A minute between two gaps is a dot.
            let _ = write!(path, "h0.1");
        }
        drawing = true;
    }
    path
}

fn y_of(value: u32, top: u32) -> u32 {
    let plot_height = u64::from(HEIGHT - BELOW - ABOVE);
    let up = plot_height * u64::from(value.min(top)) / u64::from(top.max(1));
    HEIGHT - BELOW - u32::try_from(up).unwrap_or(0)
}

/// Names of lines that end close together are moved so that each can be read; from the top down.
fn apart(mut names: [(&'static str, u32); 3]) -> [(&'static str, u32); 3] {
    const LINE_HEIGHT: u32 = 14;
    names.sort_by_key(|(_, y)| *y);
    let mut free = ABOVE + 4;
    for (_, y) in &mut names {
        *y = (*y + 4).max(free);
        free = *y + LINE_HEIGHT;
    }
    let over = names[2].1.saturating_sub(HEIGHT - BELOW + 4);
    names.map(|(name, y)| (name, y - over))
}

/// The next of 1, 2, 4, 8, 10, 20, 40, ...: numbers whose quarters are short.
fn round_up(value: u32) -> u32 {
    let mut power = 1_u32;
    loop {
        for step in [1, 2, 4, 8] {
            let candidate = power.saturating_mul(step);
            if candidate >= value {
                return candidate;
            }
        }
        power = power.saturating_mul(10);
    }
}

fn short(value: f64) -> String {
    match value.fract() == 0.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.2}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Measure = Measure {
        title: "Round trip",
        unit: "ms",
        of: |minute| minute.round_trip_ms,
        per_unit: 1,
    };

    fn minutes(values: &[Option<u32>]) -> Vec<Minute> {
        let minute = |&value: &Option<u32>| Minute {
            round_trip_ms: value.map(|value| Spread {
                p50: value,
                p95: value * 2,
                p99: value * 4,
            }),
            ..Minute::default()
        };
        values.iter().map(minute).collect()
    }

    #[test]
    fn a_minute_without_people_is_a_gap() {
        let svg = draw(
            ROUND_TRIP,
            &minutes(&[Some(1), Some(2), None, Some(3)]),
            ("a", "b"),
        );
        let line = svg.split("class=\"line p50\" d=\"").nth(1).unwrap();
        let line = line.split('"').next().unwrap();
        assert_eq!(line.matches('M').count(), 2, "{line}");
    }

    #[test]
    fn a_day_is_drawn_with_no_more_points_than_can_be_seen_and_keeps_its_peak() {
        let mut values = vec![Some(1); 1_440];
        values[700] = Some(500);
        let svg = draw(ROUND_TRIP, &minutes(&values), ("a", "b"));
        assert!(svg.matches(['M', 'L']).count() <= 3 * POINTS_MAX);
        // The peak of p99, 2,000, is the top of the chart.
        assert!(svg.contains(">2000<"), "{svg}");
    }

    #[test]
    fn nothing_measured_is_an_empty_chart() {
        let svg = draw(ROUND_TRIP, &[], ("a", "b"));
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn scales_end_at_numbers_with_short_quarters() {
        for (value, top) in [(0, 1), (3, 4), (9, 10), (41, 80), (101, 200)] {
            assert_eq!(round_up(value), top, "{value}");
        }
        assert!(round_up(u32::MAX) >= 4_000_000_000);
    }

    #[test]
    fn names_of_lines_that_end_together_do_not_cover_each_other() {
        for y in [0, 100, HEIGHT - BELOW] {
            let names = apart([("a", y), ("b", y), ("c", y)]);
            assert!(names[1].1 >= names[0].1 + 14 && names[2].1 >= names[1].1 + 14);
            assert!(names[2].1 <= HEIGHT - BELOW + 4, "{y}");
        }
    }
}
