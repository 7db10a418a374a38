//! Figures for Prometheus, as text (exposition format 0.0.4). No label holds a name or an id: labels are
//! words from lists in this program.

use std::fmt::{Display, Write};

use super::histogram::Spread;
use crate::media::figures::{Count, MediaFigures};

/// Media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Begins all our names.
const NAMESPACE: &str = "conclave_";
const US_PER_S: f64 = 1_000_000.0;

/// What was dropped, and why.
const DROPS: [Count; 19] = [
    Count::NotOurs,
    Count::Stranger,
    Count::Forged,
    Count::Replayed,
    Count::Malformed,
    Count::TooFast,
    Count::Unexpected,
    Count::VoiceQueueFull,
    Count::VoiceNotSent,
    Count::VoiceMuted,
    Count::VoiceDropped,
    Count::CameraUnrouted,
    Count::CameraNotSent,
    Count::CameraThinned,
    Count::ScaleQueueFull,
    Count::WebSocketQueueFull,
    Count::GuestQueueFull,
    Count::GuestCameraLate,
    Count::ReportsDropped,
];
/// Mixes by the way they are made.
const MIXES: [(Count, &str); 3] = [
    (Count::MixedShared, "shared"),
    (Count::MixedMinus, "minus"),
    (Count::MixedPersonal, "personal"),
];

/// A page of figures that is being written.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// A value that rises and falls.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        self.sample(name, "", value);
    }

    /// A count since the server started. The name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "counter");
        self.sample(name, "", value);
    }

    /// Gauges that differ in one label.
    pub fn gauges<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.head(name, help, "gauge");
        self.samples(name, label, values);
    }

    /// Counts that differ in one label.
    pub fn counters<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.head(name, help, "counter");
        self.samples(name, label, values);
    }

    /// Counts that differ in two labels.
    pub fn counters_by_two<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; 2],
        values: impl IntoIterator<Item = ([&'a str; 2], V)>,
    ) {
        self.head(name, help, "counter");
        let [first, second] = labels;
        for ([one, other], value) in values {
            let labels = format!("{first}=\"{one}\",{second}=\"{other}\"");
            self.sample(name, &labels, value);
        }
    }

    /// How a duration is spread, in seconds.
    pub fn histogram(&mut self, name: &str, help: &str, spread: &Spread) {
        self.head(name, help, "histogram");
        self.buckets(name, "", spread);
    }

    /// Histograms that differ in one label.
    pub fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        spreads: impl IntoIterator<Item = (&'a str, Spread)>,
    ) {
        self.head(name, help, "histogram");
        for (value, spread) in spreads {
            self.buckets(name, &format!("{label}=\"{value}\""), &spread);
        }
    }

    /// Everything that the media threads count.
    pub fn media(&mut self, figures: &MediaFigures) {
        self.counters(
            "media_drops_total",
            "Datagrams, packets and frames of media that went no further, by reason.",
            "reason",
            DROPS.map(|count| (count.name(), figures.get(count))),
        );
        self.counters(
            "mixes_total",
            "Frames of mixes, by the way they were made.",
            "way",
            MIXES.map(|(count, way)| (way, figures.get(count))),
        );
        for count in Count::ALL {
            let elsewhere =
                DROPS.contains(count) || MIXES.iter().any(|(of_mixes, _)| of_mixes == count);
            if !elsewhere {
                let name = count.name();
                let help = format!("Since the server started: {}.", name.replace('_', " "));
                self.counter(&format!("{name}_total"), &help, figures.get(*count));
            }
        }
        self.histogram(
            "voice_encode_seconds",
            "Time to encode one frame of a mix.",
            &figures.encode_time.spread(),
        );
        self.histogram(
            "tick_lateness_seconds",
            "How much later than due mixers were woken.",
            &figures.tick_lateness.spread(),
        );
        self.gauge("voices", "People who speak now.", figures.voices());
        self.gauge(
            "screen_backlog_bytes",
            "Bytes of screens that viewers were sent and have not acknowledged.",
            figures.screen_backlog_bytes(),
        );
    }

    /// The whole page.
    pub fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!("# HELP {NAMESPACE}{name} {help}"));
        self.line(format_args!("# TYPE {NAMESPACE}{name} {kind}"));
    }

    fn samples<'a, V: Display>(
        &mut self,
        name: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        for (word, value) in values {
            self.sample(name, &format!("{label}=\"{word}\""), value);
        }
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        match labels {
            "" => self.line(format_args!("{NAMESPACE}{name} {value}")),
            labels => self.line(format_args!("{NAMESPACE}{name}{{{labels}}} {value}")),
        }
    }

    /// Buckets of the format count everything up to their bound.
    fn buckets(&mut self, name: &str, labels: &str, spread: &Spread) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut up_to = 0;
        let bucket = format!("{name}_bucket");
        for (bound_us, count) in spread.bounds_us.iter().zip(&spread.counts) {
            up_to += count;
            let bound = *bound_us as f64 / US_PER_S;
            self.sample(&bucket, &format!("{labels}{comma}le=\"{bound}\""), up_to);
        }
        let count = spread.count();
        self.sample(&bucket, &format!("{labels}{comma}le=\"+Inf\""), count);
        let sum = spread.sum_us as f64 / US_PER_S;
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, count);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::*;
    use crate::telemetry::histogram::Histogram;

    #[test]
    fn values_are_written_as_the_format_wants_them() {
        let mut page = Exposition::default();
        page.gauge("rooms", "Open rooms.", 3);
        page.counters("refusals_total", "By code.", "code", [("room_full", 2)]);
        assert_eq!(
            page.into_text(),
            "# HELP conclave_rooms Open rooms.\n# TYPE conclave_rooms gauge\nconclave_rooms 3\n\
             # HELP conclave_refusals_total By code.\n# TYPE conclave_refusals_total counter\n\
             conclave_refusals_total{code=\"room_full\"} 2\n"
        );
    }

    #[test]
    fn buckets_hold_everything_up_to_their_bound_in_seconds() {
        let histogram = Histogram::new(&[500, 2_000]);
        for us in [100, 600, 700, 5_000] {
            histogram.record(Duration::from_micros(us));
        }
        let mut page = Exposition::default();
        page.histograms(
            "lag_seconds",
            "Lag.",
            "loop",
            [("rooms", histogram.spread())],
        );
        let text = page.into_text();
        let samples: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            samples,
            [
                "conclave_lag_seconds_bucket{loop=\"rooms\",le=\"0.0005\"} 1",
                "conclave_lag_seconds_bucket{loop=\"rooms\",le=\"0.002\"} 3",
                "conclave_lag_seconds_bucket{loop=\"rooms\",le=\"+Inf\"} 4",
                "conclave_lag_seconds_sum{loop=\"rooms\"} 0.0064",
                "conclave_lag_seconds_count{loop=\"rooms\"} 4",
            ]
        );
    }

    #[test]
    fn every_count_of_the_media_threads_is_told_once() {
        let figures = MediaFigures::default();
        for (place, count) in Count::ALL.iter().enumerate() {
            figures.add(*count, 1_000 + place as u64);
        }
        let mut page = Exposition::default();
        page.media(&figures);
        let text = page.into_text();
        for place in 0..Count::ALL.len() as u64 {
            let end = format!(" {}", 1_000 + place);
            let told = text.lines().filter(|line| line.ends_with(&end)).count();
            assert_eq!(told, 1, "{:?}", Count::ALL[place as usize]);
        }
        let heads = text.lines().filter(|line| line.starts_with("# TYPE"));
        let heads: Vec<&str> = heads.collect();
        let different: BTreeSet<&&str> = heads.iter().collect();
        assert_eq!(heads.len(), different.len(), "no family is told twice");
    }
}
