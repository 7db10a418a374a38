//! The page: what was measured, beside what it must be.

use std::fmt::Write;

use conclave_client::media::figures::Summary;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// One measure.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Section {
    pub title: String,
    /// What was done, and what the figures include.
    pub about: String,
    pub rows: Vec<Row>,
    pub requirements: Vec<Requirement>,
}

/// One figure, in words.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    pub what: String,
    pub figure: String,
}

/// What must be reached, and what was.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Requirement {
    pub what: String,
    pub must: String,
    pub measured: String,
    pub met: bool,
    /// Why it is not met, where that is known.
    pub why: String,
}

impl Section {
    pub fn new(title: &str, about: &str) -> Section {
        Section {
            title: title.to_owned(),
            about: about.to_owned(),
            ..Section::default()
        }
    }

    /// A measure that came to nothing.
    pub fn failed(name: &str, why: &str) -> Section {
        let mut section = Section::new(name, "This could not be measured.");
        section.requirements.push(Requirement {
            what: name.to_owned(),
            must: "to be measured".to_owned(),
            measured: "nothing".to_owned(),
            met: false,
            why: why.to_owned(),
        });
        section
    }

    /// What was not measured here; the page says so, and it does not count as met.
    pub fn skipped(&mut self, what: &str, why: &str) {
        self.row(format!("{what}: **skipped**"), why);
        self.requirements.push(Requirement {
            what: what.to_owned(),
            must: "to be measured".to_owned(),
            measured: "nothing".to_owned(),
            met: false,
            why: why.to_owned(),
        });
    }

    pub fn row(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        self.rows.push(Row {
            what: what.into(),
            figure: figure.into(),
        });
    }

    /// A figure that must be at most `limit`; `why` is shown only when it is not.
    pub fn at_most(&mut self, what: &str, limit: f64, measured: f64, unit: &str, why: &str) {
        self.require(
            what,
            ("at most", limit),
            measured,
            unit,
            measured <= limit,
            why,
        );
    }

    /// A figure that must be at least `limit`; `why` is shown only when it is not.
    pub fn at_least(&mut self, what: &str, limit: f64, measured: f64, unit: &str, why: &str) {
        self.require(
            what,
            ("at least", limit),
            measured,
            unit,
            measured >= limit,
            why,
        );
    }

    fn require(
        &mut self,
        what: &str,
        (bound, limit): (&str, f64),
        measured: f64,
        unit: &str,
        met: bool,
        why: &str,
    ) {
        self.requirements.push(Requirement {
            what: what.to_owned(),
            must: format!("{bound} {} {unit}", number(limit)),
            measured: format!("{} {unit}", number(measured)),
            met,
            why: why.to_owned(),
        });
    }

    pub fn to_markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n", self.title, self.about);
        if !self.rows.is_empty() {
            text.push_str("\n| what | figure |\n|---|---|\n");
            for Row { what, figure } in &self.rows {
                line(&mut text, &[what, figure]);
            }
        }
        text
    }
}

/// A section, and when and on what it was measured.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Measured {
    pub machine: Machine,
    pub section: Section,
}

/// The whole page.
pub fn render(measured: &[Measured], quick: bool) -> String {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `make bench`. Server and load are separate processes on one machine and talk over \
         loopback, so that both take from the same cores: what is slow here because the load takes its share is \
         faster on a server of its own. Percentiles come from histograms and are at most a sixteenth too high.\n\n",
    );
    if let Some(newest) = measured.last() {
        text.push_str(&newest.machine.to_markdown());
    }
    if quick {
        text.push_str(
            "\n**This was a quick run: too short and too small to say what the server reaches.**\n",
        );
    }
    text.push_str(
        "\n## What it must reach\n\n| what | must be | measured | |\n|---|---|---|---|\n",
    );
    let requirements = || {
        let sections = measured.iter().map(|measured| &measured.section);
        sections.flat_map(|section| &section.requirements)
    };
    for requirement in requirements() {
        let verdict = match requirement.met {
            true => "met",
            false => "**not met**",
        };
        line(
            &mut text,
            &[
                &requirement.what,
                &requirement.must,
                &requirement.measured,
                verdict,
            ],
        );
    }
    let missed: Vec<&Requirement> = requirements()
        .filter(|requirement| !requirement.met)
        .collect();
    if !missed.is_empty() {
        text.push_str("\nNot met, and why:\n\n");
        for requirement in missed {
            writeln!(text, "- {}: {}", requirement.what, requirement.why)
                .expect("writing to a string does not fail");
        }
    }
    for Measured { machine, section } in measured {
        write!(text, "\n{}\n{}\n", section.to_markdown(), machine.when())
            .expect("writing to a string does not fail");
    }
    text
}

fn line(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a string does not fail");
}

/// Percentiles in words.
pub fn percentiles(summary: &Summary) -> String {
    format!(
        "p50 {} ms, p99 {} ms, longest {} ms (of {})",
        number(summary.p50_ms),
        number(summary.p99_ms),
        number(summary.max_ms),
        summary.count
    )
}

/// Three digits that say something.
pub fn number(value: f64) -> String {
    match value.abs() {
        whole if whole >= 100.0 || whole == whole.trunc() => format!("{value:.0}"),
        tens if tens >= 10.0 => format!("{value:.1}"),
        ones if ones >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_that_is_missed_says_why_and_one_that_is_met_does_not() {
        let mut section = Section::new("Voice", "Three talk.");
        section.at_most("CPU", 0.25, 0.2, "of a core", "not this");
        section.at_least("MB/s", 300.0, 200.0, "MB/s", "the disk is slow");
        let machine = Machine::default();
        let page = render(&[Measured { machine, section }], false);
        assert!(page.contains("| CPU | at most 0.250 of a core | 0.200 of a core | met |"));
        assert!(page.contains("**not met**"));
        assert!(page.contains("- MB/s: the disk is slow"));
        assert!(!page.contains("not this"));
    }
}
