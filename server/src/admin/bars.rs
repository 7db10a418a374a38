//! Charts of days as SVG that stands in the page: a bar a day.

use std::fmt::Write;

const WIDTH: u32 = 720;
const HEIGHT: u32 = 180;
const LEFT: u32 = 48;
const BELOW: u32 = 24;
const ABOVE: u32 = 10;
/// Lines across the plot.
const STEPS: u64 = 4;

/// Days with their values, in order; `days` are named at both ends. The element holds nothing but numbers
/// and texts of this program.
pub fn draw(title: &str, values: &[u64], days: (&str, &str)) -> String {
    let top = values.iter().copied().max().unwrap_or(0).max(1);
    let top = top.div_ceil(STEPS) * STEPS;
    let plot_height = u64::from(HEIGHT - BELOW - ABOVE);
    let height = |value: u64| {
        let height = plot_height * value.min(top) / top;
        u32::try_from(height).unwrap_or(0)
    };
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}, from {} to {}\">",
        days.0, days.1
    );
    for step in 0..=STEPS {
        let value = top * step / STEPS;
        let y = HEIGHT - BELOW - height(value);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text class=\"scale\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>",
            LEFT - 6,
            y + 4
        );
    }
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX).max(1);
    let width = f64::from(WIDTH - LEFT) / f64::from(count);
    for (index, &value) in values.iter().enumerate() {
        if value == 0 {
            continue;
        }
        let x = f64::from(LEFT) + width * index as f64 + width * 0.1;
        // What is not nothing can be seen.
        let height = height(value).max(1);
        let _ = write!(
            svg,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{height}\"/>",
            HEIGHT - BELOW - height,
            width * 0.8
        );
    }
    let _ = write!(
        svg,
        "<text class=\"scale\" x=\"{LEFT}\" y=\"{0}\">{1}</text>\
         <text class=\"scale\" x=\"{WIDTH}\" y=\"{0}\" text-anchor=\"end\">{2}</text></svg>",
        HEIGHT - 6,
        days.0,
        days.1
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_anything_has_no_bar_and_the_smallest_can_be_seen() {
        let svg = draw("Rooms", &[0, 1, 0, 1_000], ("a", "b"));
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(!svg.contains("height=\"0\""), "{svg}");
        assert!(
            svg.contains(">1000<"),
            "the scale ends at the largest: {svg}"
        );
    }

    #[test]
    fn nothing_at_all_is_an_empty_chart() {
        let svg = draw("Rooms", &[], ("", ""));
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"));
    }
}
