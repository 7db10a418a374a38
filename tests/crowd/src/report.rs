//! The figures, for people and for programs.

use std::fmt::Write;

use conclave_client::media::figures::Summary;

use crate::totals::Totals;

/// One JSON object.
pub fn json(totals: &Totals) -> String {
    serde_json::to_string_pretty(totals)
        .expect("figures are numbers, texts and lists, which JSON can write")
}

/// A table of a few lines.
pub fn text(totals: &Totals) -> String {
    let mut text = String::new();
    let mut line = |label: &str, words: String| {
        writeln!(text, "{label:<16}{words}").expect("writing to a string does not fail");
    };
    let (people, talking, filming) = (totals.people, totals.talking, totals.filming);
    line(
        "crowd",
        format!(
            "{people} people for {:.0} s, {talking} talk, {filming} show themselves",
            totals.seconds
        ),
    );
    line("join", percentiles(&totals.join));
    let voice = &totals.voice;
    if talking > 0 {
        line(
            "voice",
            format!(
                "{} packets sent, {} received, {} missing (worst listener {} of 1,000), {} late, {} ms concealed",
                voice.packets_sent,
                voice.packets_received,
                voice.missing,
                voice.missing_permille_worst,
                voice.late,
                voice.concealed_ms
            ),
        );
        line(
            "  arrival",
            format!(
                "{} between packets; worst listener's p99 {:.1} ms",
                percentiles(&voice.inter_arrival),
                voice.inter_arrival_p99_worst_ms
            ),
        );
        line("  first voice", percentiles(&totals.first_voice));
    }
    if voice.mouth_to_ear.count > 0 {
        line("  mouth to ear", percentiles(&voice.mouth_to_ear));
    }
    let camera = &totals.camera;
    if filming > 0 {
        line(
            "camera",
            format!(
                "{} pictures sent, {} received, {} lost, {} fragments asked for again, {} recovered, {:.1} MB",
                camera.frames_sent,
                camera.frames_received,
                camera.frames_lost,
                camera.re_requested,
                camera.recovered,
                camera.bytes_received as f64 / 1e6
            ),
        );
        line("  latency", percentiles(&camera.latency));
    }
    let screen = &totals.screen;
    if screen.viewers > 0 {
        line(
            "screen",
            format!(
                "{} frames shown in {:.1} MB, {} seen by {} viewers",
                screen.frames_sent,
                screen.bytes_sent as f64 / 1e6,
                screen.frames_seen,
                screen.viewers
            ),
        );
        line("  latency", percentiles(&screen.latency));
    }
    let chat = &totals.chat;
    if chat.lines_said > 0 {
        line(
            "chat",
            format!(
                "{} lines said, {} of {} seen; {}",
                chat.lines_said,
                chat.lines_seen,
                chat.lines_expected,
                percentiles(&chat.latency)
            ),
        );
    }
    let file = &totals.file;
    if file.bytes > 0 {
        line(
            "file",
            format!(
                "{:.1} MB up at {:.0} MB/s, fetched by {} at {:.0} MB/s together",
                file.bytes as f64 / 1e6,
                file.up_mb_per_second,
                file.fetched,
                file.down_mb_per_second
            ),
        );
    }
    let film = &totals.film;
    if film.watchers > 0 || !film.failures.is_empty() {
        line(
            "film",
            format!(
                "{} watch, it moved for {}, off by p95 {:.1} ms in {} looks{}",
                film.watchers,
                film.moved,
                film.drift_p95_ms,
                film.looks,
                film.failures
                    .iter()
                    .map(|why| format!("; {why}"))
                    .collect::<String>()
            ),
        );
    }
    let link = &totals.link;
    line(
        "links",
        format!(
            "{} datagrams lost, {} refused, longest round trip {} ms, {} links resumed, {} through the control port",
            link.datagrams_lost, link.refused, link.round_trip_ms_max, link.resumes, link.tunnels
        ),
    );
    match totals.undelivered.is_empty() {
        true => line("result", "everything was delivered".to_owned()),
        false => totals
            .undelivered
            .iter()
            .for_each(|what| line("NOT DELIVERED", what.clone())),
    }
    text
}

fn percentiles(summary: &Summary) -> String {
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        summary.p50_ms, summary.p99_ms, summary.max_ms
    )
}
