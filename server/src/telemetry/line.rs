//! A log line with its parts, and the ways to write it.

use std::{
    fmt::{self, Write},
    iter,
};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use tracing::{
    Level,
    field::{Field, Visit},
};

use super::escape::escaped;

/// One value; what is longer is cut before it is kept.
const VALUE_BYTES_MAX: usize = 4_096;
/// The field in which `tracing` hands over the sentence itself.
const MESSAGE: &str = "message";

/// A line before it is written.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at_ms: u64,
    pub(super) level: Level,
    pub(super) target: &'static str,
    pub(super) said: Said,
    /// Fields of the spans it was said in, outermost first.
    pub(super) around: Fields,
}

pub(super) type Fields = Vec<(&'static str, String)>;

/// What an event or a span carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) message: String,
    pub(super) fields: Fields,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded(String::new());
        // It fails when the value is longer than is kept; then the beginning stands.
        write!(text, "{value:?}").ok();
        self.keep(field, text.0);
    }
}

impl Said {
    fn keep(&mut self, field: &Field, mut value: String) {
        if value.len() > VALUE_BYTES_MAX {
            let end = (0..=VALUE_BYTES_MAX).rev();
            let end = end.into_iter().find(|&end| value.is_char_boundary(end));
            value.truncate(end.unwrap_or(0));
        }
        match field.name() {
            MESSAGE => self.message = value,
            name => self.fields.push((name, value)),
        }
    }
}

/// Stops a value that would print itself for ever.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        match self.0.len() > VALUE_BYTES_MAX {
            true => Err(fmt::Error),
            false => Ok(()),
        }
    }
}

impl Line {
    fn fields(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.around.iter().chain(&self.said.fields)
    }

    /// The message and its fields, without control characters.
    pub(super) fn text(&self) -> String {
        let mut text = escaped(&self.said.message).into_owned();
        for (name, value) in self.fields() {
            let value = escaped(value);
            let needs_quotes = value.is_empty() || value.contains([' ', '"', '=']);
            let pair = match needs_quotes {
                true => format!("{name}=\"{}\"", value.replace('"', "\\\"")),
                false => format!("{name}={value}"),
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&pair);
        }
        text
    }

    /// A line for people, with its end.
    pub(super) fn for_people(&self, text: &str, coloured: bool) -> String {
        let at = rfc3339(self.at_ms);
        let (level, target) = (self.level, self.target);
        match coloured {
            true => {
                let colour = colour(level);
                format!(
                    "\x1b[2m{at}\x1b[0m \x1b[{colour}m{level:>5}\x1b[0m \x1b[2m{target}:\x1b[0m {text}\n"
                )
            }
            false => format!("{at} {level:>5} {target}: {text}\n"),
        }
    }

    /// A line for programs: one JSON object, with its end.
    pub(super) fn for_programs(&self) -> String {
        let fixed = [
            ("at", rfc3339(self.at_ms)),
            ("level", self.level.as_str().to_lowercase()),
            ("target", self.target.to_owned()),
            (MESSAGE, escaped(&self.said.message).into_owned()),
        ];
        let mut object: Map<String, Value> = fixed
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect();
        for (name, value) in self.fields() {
            // A field never hides one of the four above.
            let value = Value::String(escaped(value).into_owned());
            object.entry((*name).to_owned()).or_insert(value);
        }
        iter::once(Value::Object(object).to_string())
            .chain(iter::once("\n".to_owned()))
            .collect()
    }
}

/// ANSI colours (ECMA-48 section 8.3.117).
fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    }
}

/// Date and time in UTC to the millisecond (RFC 3339); the epoch for what is beyond the calendar.
pub(super) fn rfc3339(unix_ms: u64) -> String {
    let nanos = i128::from(unix_ms) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            // 2026-11-21 is day 20,778 since the epoch.
            at_ms: 20_778 * 86_400_000 + 3_723_004,
            level: Level::WARN,
            target: "conclave",
            said: Said {
                message: "it\nfailed".to_owned(),
                fields: vec![("why", "no \"disk\"".to_owned()), ("bytes", "7".to_owned())],
            },
            around: vec![("request", "abc".to_owned())],
        }
    }

    #[test]
    fn people_read_one_line_with_everything_on_it() {
        let line = line();
        let text = line.text();
        assert_eq!(
            text,
            "it\\nfailed request=abc why=\"no \\\"disk\\\"\" bytes=7"
        );
        assert_eq!(
            line.for_people(&text, false),
            format!("2026-11-21T01:02:03.004Z  WARN conclave: {text}\n")
        );
    }

    #[test]
    fn programs_read_one_object_whose_parts_cannot_be_forged_by_fields() {
        let mut line = line();
        line.said.fields.push(("level", "error".to_owned()));
        let written = line.for_programs();
        assert_eq!(written.matches('\n').count(), 1);
        let object: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(object["level"], "warn");
        assert_eq!(object["message"], "it\\nfailed");
        assert_eq!(object["request"], "abc");
        assert_eq!(object["bytes"], "7");
    }

    #[test]
    fn a_value_without_end_is_cut() {
        let mut text = Bounded(String::new());
        let written = write!(text, "{:?}", vec![0u8; 1_000_000]);
        assert!(written.is_err() && text.0.len() < VALUE_BYTES_MAX + 16);
    }
}
