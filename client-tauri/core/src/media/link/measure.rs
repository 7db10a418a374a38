//! What a link measures of itself: round trip, jitter, loss, the room's clock.

use std::{collections::BTreeMap, time::Duration};

use conclave_core::{
    Moment,
    link::clock::{Exchange, Reading, RemoteClock},
    media::{
        quality::{JitterEstimator, QualityMeter},
        sequence::is_after,
    },
};
use conclave_wire::{
    ParticipantId,
    datagram::{Probe, Report},
    event::Quality,
};
use serde::Serialize;

use super::path::Way;
use crate::media::keys::Incoming;

/// How often a viewer reports what came.
pub const REPORT_EVERY: Duration = Duration::from_millis(250);
/// The floor of camera delays is the least of this span and the one before: long enough to see a fast
/// packet, short enough to follow drift.
const FLOOR_SPAN: Duration = Duration::from_secs(10);

/// Publishers whose delays are known at the same time. A room shows fewer.
const FLOORS_MAX: usize = 128;

/// Figures of one link since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LinkFigures {
    pub way: Way,
    pub quality: Quality,
    /// Datagrams handed to the network.
    pub voice_sent: u64,
    pub camera_sent: u64,
    pub bytes_sent: u64,
    /// Not sent because there was no way or it was full.
    pub unsent: u64,
    /// Authentic datagrams of both classes, and numbers that never came.
    pub voice_received: u64,
    pub voice_lost: u64,
    pub camera_received: u64,
    pub camera_lost: u64,
    pub bytes_received: u64,
    /// Forged, damaged, replayed or of no session.
    pub refused: u64,
    /// How wrong the room clock may be; absent before the first echo.
    pub room_clock_error_us: Option<u64>,
}

/// The measuring side of the link's task.
#[derive(Debug, Default)]
pub struct Measured {
    total: LinkFigures,
    meter: QualityMeter,
    jitter: JitterEstimator,
    room_clock: RemoteClock,
    newest_round_trip_us: u32,
    /// By publisher: their clocks have nothing in common.
    floors: BTreeMap<ParticipantId, Floor>,
    /// The least of the interval: what jitters is no queue.
    queueing_ms: Option<u64>,
    camera_bytes: u32,
    reported_at: Moment,
    /// Something came since the last report.
    news: bool,
    /// The last report said that something came, so that one more is due even if nothing does.
    told: bool,
}

/// The least delay of a while.
#[derive(Debug, Default)]
struct Floor {
    since: Moment,
    now: Option<i64>,
    before: Option<i64>,
    /// When the newest picture was captured, on the publisher's clock.
    newest_ms: Option<u32>,
}

impl Measured {
    pub fn received(&mut self, bytes: usize) {
        self.total.bytes_received += bytes as u64;
    }

    pub fn refused(&mut self) {
        self.total.refused += 1;
    }

    pub fn take_way(&mut self, way: Way) {
        self.total.way = way;
    }

    /// A voice packet of this media time (48 kHz samples, wrapping) came.
    pub fn voice(&mut self, at: Moment, media_time: u32, spurt_start: bool) {
        self.begin(at);
        // A pause says nothing about the network, and a wrap is one in a day.
        if spurt_start {
            self.jitter.restart();
        }
        self.jitter
            .arrived(i64::from(media_time) * 1_000 / 48, at.0 as i64);
    }

    /// A camera fragment of `source` came that was captured at `captured_ms` of its clock.
    pub fn camera(&mut self, at: Moment, source: ParticipantId, captured_ms: u32, bytes: usize) {
        self.begin(at);
        self.camera_bytes = self.camera_bytes.saturating_add(bytes as u32);
        let delay_ms = i64::from((at.as_ms() as u32).wrapping_sub(captured_ms) as i32);
        if !self.floors.contains_key(&source) && self.floors.len() >= FLOORS_MAX {
            self.floors
                .retain(|_, floor| at.since(floor.since) < 2 * FLOOR_SPAN);
            if self.floors.len() >= FLOORS_MAX {
                return;
            }
        }
        let floor = self.floors.entry(source).or_default();
        // Only the first fragment of a picture: what comes behind it waited for it or was sent again.
        if (floor.newest_ms).is_some_and(|newest| !is_after(captured_ms, newest)) {
            return;
        }
        floor.newest_ms = Some(captured_ms);
        let above = floor.above(at, delay_ms);
        self.queueing_ms = Some(self.queueing_ms.map_or(above, |least| least.min(above)));
    }

    pub fn echoed(&mut self, now: Moment, probe: &Probe) {
        let sent = Moment(probe.sent_us);
        if sent > now {
            return;
        }
        let took = now.since(sent);
        self.newest_round_trip_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.meter.round_trip(took, now);
        let remote = Moment(probe.room_clock_us);
        self.room_clock
            .exchanged(Exchange::answered_at_once(sent, remote, now));
    }

    pub fn room_clock_us(&mut self, now: Moment) -> Option<u64> {
        self.room_clock(now).map(|reading| reading.remote.0)
    }

    pub fn room_clock(&mut self, now: Moment) -> Option<Reading> {
        self.room_clock.read(now)
    }

    /// When the next report is due; `None` while nothing comes.
    pub fn report_at(&self) -> Option<Moment> {
        (self.news || self.told).then_some(self.reported_at + REPORT_EVERY)
    }

    /// The report of the interval that ends now.
    pub fn report(&mut self, now: Moment, incoming: &mut Incoming) -> Report {
        let (voice, camera) = (incoming.voice_loss.report(), incoming.camera_loss.report());
        self.total.voice_received += voice.received;
        self.total.voice_lost += voice.lost;
        self.total.camera_received += camera.received;
        self.total.camera_lost += camera.lost;
        let interval = now.since(self.reported_at).as_millis();
        let report = Report {
            interval_ms: u16::try_from(interval).unwrap_or(u16::MAX),
            camera_received: count(camera.received),
            camera_lost: count(camera.lost),
            camera_bytes: self.camera_bytes,
            queueing_ms: u16::try_from(self.queueing_ms.unwrap_or(0)).unwrap_or(u16::MAX),
            voice_received: count(voice.received),
            voice_lost: count(voice.lost),
            jitter_us: self.jitter.jitter_us(),
            round_trip_us: std::mem::take(&mut self.newest_round_trip_us),
        };
        // The meter has had the round trip already.
        let heard = Report {
            round_trip_us: 0,
            ..report
        };
        self.meter.report(heard, now);
        self.camera_bytes = 0;
        self.queueing_ms = None;
        self.reported_at = now;
        self.told = std::mem::take(&mut self.news);
        report
    }

    pub fn figures(&mut self, now: Moment) -> LinkFigures {
        let reading = self.room_clock.read(now);
        LinkFigures {
            quality: self.meter.quality(),
            room_clock_error_us: reading
                .map(|reading| u64::try_from(reading.error.as_micros()).unwrap_or(u64::MAX)),
            ..self.total.clone()
        }
    }

    /// Something came: after a silence the interval begins with it.
    fn begin(&mut self, at: Moment) {
        if !self.news && !self.told {
            self.reported_at = at;
        }
        self.news = true;
    }
}

impl Floor {
    /// How far a delay lies above the least of the last ten to twenty seconds.
    fn above(&mut self, at: Moment, delay_ms: i64) -> u64 {
        if at.since(self.since) >= FLOOR_SPAN {
            self.before = self.now.take();
            self.since = at;
        }
        let now = self.now.map_or(delay_ms, |now| now.min(delay_ms));
        self.now = Some(now);
        let floor = self.before.map_or(now, |before| before.min(now));
        delay_ms.abs_diff(floor)
    }
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use conclave_wire::{MediaSession, Suite};

    use super::*;
    use crate::media::keys::derive;

    const ANNA: ParticipantId = ParticipantId(1);
    const BERT: ParticipantId = ParticipantId(2);

    fn incoming() -> Incoming {
        let session = MediaSession {
            addresses: vec!["127.0.0.1:9".into()],
            session: "0000000000000009".into(),
            suite: Suite::Aes256Gcm,
            secret: "07".repeat(32),
        };
        derive(&session).unwrap().1
    }

    #[test]
    fn reports_begin_with_the_first_packet_and_end_one_interval_after_the_last() {
        let (mut measured, mut incoming) = (Measured::default(), incoming());
        assert_eq!(measured.report_at(), None);
        measured.voice(Moment::from_ms(5_000), 0, true);
        assert_eq!(measured.report_at(), Some(Moment::from_ms(5_250)));
        let report = measured.report(Moment::from_ms(5_250), &mut incoming);
        assert_eq!(report.interval_ms, 250);
        assert_eq!(measured.report_at(), Some(Moment::from_ms(5_500)));
        measured.report(Moment::from_ms(5_500), &mut incoming);
        assert_eq!(measured.report_at(), None);
    }

    #[test]
    fn queueing_is_what_even_the_fastest_picture_came_later_than_before() {
        let (mut measured, mut incoming) = (Measured::default(), incoming());
        // The publisher's clock is anywhere, also about to wrap. One comes late, as by jitter.
        for (at, captured) in [(1_000, u32::MAX - 10), (1_066, 55), (1_180, 121)] {
            measured.camera(Moment::from_ms(at), ANNA, captured, 1_000);
        }
        let report = measured.report(Moment::from_ms(1_250), &mut incoming);
        assert_eq!((report.queueing_ms, report.camera_bytes), (0, 3_000));
        // Then all come late: they wait for each other.
        for (at, captured) in [(1_300, 239), (1_366, 315), (1_460, 389)] {
            measured.camera(Moment::from_ms(at), ANNA, captured, 1_000);
        }
        let report = measured.report(Moment::from_ms(1_500), &mut incoming);
        assert_eq!(report.queueing_ms, 40);
    }

    #[test]
    fn a_publisher_who_stops_takes_no_measure_of_the_others_along() {
        let (mut measured, mut incoming) = (Measured::default(), incoming());
        for n in 0..4 {
            let at = Moment::from_ms(1_000 + 66 * n);
            measured.camera(at, ANNA, 500_000 + 66 * n as u32, 1_000);
            measured.camera(at, BERT, 66 * n as u32, 1_000);
        }
        measured.report(Moment::from_ms(1_250), &mut incoming);
        // Bert's clock is eight minutes behind Anna's, which is no queue.
        measured.camera(Moment::from_ms(1_264), BERT, 264, 1_000);
        let report = measured.report(Moment::from_ms(1_500), &mut incoming);
        assert_eq!(report.queueing_ms, 0);
    }

    #[test]
    fn a_fragment_that_was_sent_again_is_no_queue() {
        let (mut measured, mut incoming) = (Measured::default(), incoming());
        measured.camera(Moment::from_ms(1_000), ANNA, 500, 1_000);
        measured.report(Moment::from_ms(1_050), &mut incoming);
        measured.camera(Moment::from_ms(1_080), ANNA, 500, 1_000);
        let report = measured.report(Moment::from_ms(1_300), &mut incoming);
        assert_eq!(report.queueing_ms, 0);
    }

    #[test]
    fn the_room_clock_is_known_after_an_echo() {
        let mut measured = Measured::default();
        assert_eq!(measured.room_clock_us(Moment(0)), None);
        let echo = Probe {
            sent_us: 1_000,
            room_clock_us: 50_000,
        };
        measured.echoed(Moment(3_000), &echo);
        assert_eq!(measured.room_clock_us(Moment(4_000)), Some(52_000));
        assert_eq!(measured.figures(Moment(4_000)).quality.round_trip_ms, 2);
    }

    #[test]
    fn an_echo_of_the_future_is_ignored() {
        let mut measured = Measured::default();
        let echo = Probe {
            sent_us: 9_000,
            room_clock_us: 50_000,
        };
        measured.echoed(Moment(3_000), &echo);
        assert_eq!(measured.room_clock_us(Moment(4_000)), None);
    }
}
