//! What an operator should know before people complain: when each alert begins and ends.

use std::{collections::BTreeMap, collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;

use crate::config::Config;

mod hysteresis;

use hysteresis::{Hysteresis, Reading};

/// Failed logins count for so long.
const LOGIN_WINDOW_MS: u64 = 10 * 60 * 1_000;
/// Failed logins that are remembered; more make no difference.
const LOGINS_KEPT: usize = 1_024;
/// One person with a poor link is that person's matter.
const POOR_PEOPLE_MIN: u32 = 2;
const MS_PER_DAY: u64 = 24 * 3_600 * 1_000;
const US_PER_MS: u64 = 1_000;

/// What an alert is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Many people in a room have a poor link.
    Quality,
    Disk,
    /// Mixes are late: the server has too much to do.
    TickLate,
    LoginFailures,
    Certificate,
}

impl AlertKind {
    pub const ALL: [AlertKind; 5] = [
        AlertKind::Quality,
        AlertKind::Disk,
        AlertKind::TickLate,
        AlertKind::LoginFailures,
        AlertKind::Certificate,
    ];

    /// As logs, figures and the webhook name it.
    pub fn name(self) -> &'static str {
        match self {
            AlertKind::Quality => "quality",
            AlertKind::Disk => "disk",
            AlertKind::TickLate => "tick_late",
            AlertKind::LoginFailures => "login_failures",
            AlertKind::Certificate => "certificate",
        }
    }
}

/// An alert that has begun and not ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Alert {
    pub kind: AlertKind,
    /// Milliseconds since the Unix epoch.
    pub since_unix_ms: u64,
    /// What is the matter and what helps, as of the last look. Names no room and no person.
    pub text: String,
    /// Slugs of the rooms that it is about, for the operator's page alone.
    #[serde(skip)]
    pub rooms: Vec<String>,
}

/// What has changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AlertChange {
    Began(Alert),
    Ended(AlertKind),
}

/// A room as far as alerts look at it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomLinks {
    pub slug: String,
    /// People whose link is measured, and those of them whose link is poor.
    pub people: u32,
    pub poor: u32,
}

/// What was measured since the look before.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub rooms: Vec<RoomLinks>,
    pub disk_free_percent: Option<f64>,
    /// 99 in 100 frames of the mixes were not later than this, in microseconds; `None` when there were none.
    pub tick_late_p99_us: Option<u64>,
    /// When the first of the presented certificates ends, in milliseconds since the Unix epoch.
    pub certificate_ends_unix_ms: u64,
}

/// From when on it is worth an alert.
#[derive(Clone, Copy, Debug)]
pub struct AlertLimits {
    pub poor_percent: u32,
    pub disk_free_percent: u32,
    pub tick_late_us: u64,
    pub login_failures: usize,
    pub certificate_ms: u64,
}

impl AlertLimits {
    pub fn of(config: &Config) -> AlertLimits {
        AlertLimits {
            poor_percent: config.alert_poor_percent,
            disk_free_percent: config.alert_disk_free_percent,
            tick_late_us: u64::from(config.alert_tick_late_ms) * US_PER_MS,
            login_failures: usize::try_from(config.alert_login_failures).unwrap_or(LOGINS_KEPT),
            certificate_ms: u64::from(config.alert_certificate_days) * MS_PER_DAY,
        }
    }
}

/// Handle of the alerts; clones share them.
#[derive(Clone)]
pub struct Alerts {
    rules: Arc<Mutex<Rules>>,
}

/// The rules: pure, time comes in.
struct Rules {
    limits: AlertLimits,
    states: BTreeMap<AlertKind, Hysteresis>,
    current: BTreeMap<AlertKind, Alert>,
    failed_logins: VecDeque<u64>,
}

impl Alerts {
    pub fn new(limits: AlertLimits) -> Alerts {
        let states = AlertKind::ALL.map(|kind| (kind, hysteresis_of(kind)));
        Alerts {
            rules: Arc::new(Mutex::new(Rules {
                limits,
                states: states.into(),
                current: BTreeMap::new(),
                failed_logins: VecDeque::new(),
            })),
        }
    }

    /// Those that have begun and not ended.
    pub fn current(&self) -> Vec<Alert> {
        self.rules.lock().current.values().cloned().collect()
    }

    /// Somebody tried to log in as operator and could not.
    pub fn login_failed(&self, now_unix_ms: u64) {
        let failed = &mut self.rules.lock().failed_logins;
        if failed.len() == LOGINS_KEPT {
            failed.pop_front();
        }
        failed.push_back(now_unix_ms);
    }

    /// Takes what was measured; what has begun and ended by it.
    pub fn observe(&self, sample: &Sample, now_unix_ms: u64) -> Vec<AlertChange> {
        self.rules.lock().observe(sample, now_unix_ms)
    }
}

/// What is measured every few seconds must hold for a while; what does not come and go need not.
fn hysteresis_of(kind: AlertKind) -> Hysteresis {
    match kind {
        AlertKind::Quality | AlertKind::TickLate => Hysteresis::new(3, 6),
        AlertKind::Disk | AlertKind::LoginFailures | AlertKind::Certificate => {
            Hysteresis::new(1, 2)
        }
    }
}

impl Rules {
    fn observe(&mut self, sample: &Sample, now_ms: u64) -> Vec<AlertChange> {
        let from = now_ms.saturating_sub(LOGIN_WINDOW_MS);
        self.failed_logins.retain(|at| *at >= from);
        let mut changes = Vec::new();
        for kind in AlertKind::ALL {
            let (reading, text, rooms) = self.read(kind, sample, now_ms);
            let Some(state) = self.states.get_mut(&kind) else {
                continue;
            };
            let change = state.step(reading);
            match (change, self.current.get_mut(&kind)) {
                (Some(true), _) => {
                    let alert = Alert {
                        kind,
                        since_unix_ms: now_ms,
                        text,
                        rooms,
                    };
                    self.current.insert(kind, alert.clone());
                    changes.push(AlertChange::Began(alert));
                }
                (Some(false), _) => {
                    self.current.remove(&kind);
                    changes.push(AlertChange::Ended(kind));
                }
                // It goes on: what it says follows what is measured.
                (None, Some(alert)) if reading == Reading::Bad => {
                    alert.text = text;
                    alert.rooms = rooms;
                }
                (None, _) => {}
            }
        }
        changes
    }

    fn read(
        &self,
        kind: AlertKind,
        sample: &Sample,
        now_ms: u64,
    ) -> (Reading, String, Vec<String>) {
        let limits = &self.limits;
        match kind {
            AlertKind::Quality => self.quality(sample),
            AlertKind::Disk => {
                let limit = f64::from(limits.disk_free_percent);
                let Some(free) = sample.disk_free_percent else {
                    return (Reading::Between, String::new(), Vec::new());
                };
                // Two points more than the limit, so that a file that comes and goes does not ring twice.
                let reading = Reading::of(free < limit, free >= limit + 2.0);
                let text =
                    format!("Only {free:.0} % of the disk is free. Remove files, or give it more.");
                (reading, text, Vec::new())
            }
            AlertKind::TickLate => {
                let late = sample.tick_late_p99_us.unwrap_or(0);
                let limit = limits.tick_late_us;
                let reading = Reading::of(late > limit, late <= limit / 10 * 8);
                let text = format!(
                    "One in a hundred frames of the mixes is more than {} ms late. The machine has too much \
                     to do: fewer cameras or rooms help, or more processors.",
                    limit / US_PER_MS
                );
                (reading, text, Vec::new())
            }
            AlertKind::LoginFailures => {
                let failed = self.failed_logins.len();
                let limit = limits.login_failures;
                let reading = Reading::of(failed >= limit, failed * 2 < limit);
                let text = format!(
                    "The operator's password was wrong {failed} times within ten minutes. If that was not \
                     you, somebody guesses it: see the audit log."
                );
                (reading, text, Vec::new())
            }
            AlertKind::Certificate => {
                let left = sample.certificate_ends_unix_ms.saturating_sub(now_ms);
                let limit = limits.certificate_ms;
                let reading = Reading::of(left < limit, left >= limit);
                let text = match left / MS_PER_DAY {
                    0 => "A certificate ends today or has ended. Renew it.".to_owned(),
                    days => format!("A certificate ends in {days} days. Renew it."),
                };
                (reading, text, Vec::new())
            }
        }
    }

    fn quality(&self, sample: &Sample) -> (Reading, String, Vec<String>) {
        let limit = self.limits.poor_percent;
        let percent = |room: &RoomLinks| room.poor.saturating_mul(100) / room.people.max(1);
        let is_poor = |room: &&RoomLinks| room.poor >= POOR_PEOPLE_MIN && percent(room) >= limit;
        let is_fine = |room: &RoomLinks| {
            room.poor < POOR_PEOPLE_MIN || percent(room) < limit.saturating_mul(3) / 4
        };
        let poor = sample.rooms.iter().filter(is_poor);
        let rooms: Vec<String> = poor.map(|room| room.slug.clone()).collect();
        let reading = Reading::of(!rooms.is_empty(), sample.rooms.iter().all(is_fine));
        let text = format!(
            "In {} of {} rooms at least {limit} % of the people have a poor link. Look at the network \
             between them and the server.",
            rooms.len(),
            sample.rooms.len()
        );
        (reading, text, rooms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = MS_PER_DAY;

    fn alerts() -> Alerts {
        Alerts::new(AlertLimits::of(&Config::default()))
    }

    fn fine() -> Sample {
        Sample {
            rooms: vec![room("board", 10, 0)],
            disk_free_percent: Some(50.0),
            tick_late_p99_us: Some(1_000),
            certificate_ends_unix_ms: 100 * DAY,
        }
    }

    fn room(slug: &str, people: u32, poor: u32) -> RoomLinks {
        RoomLinks {
            slug: slug.to_owned(),
            people,
            poor,
        }
    }

    /// The kinds that begin and end at each look.
    fn observe(alerts: &Alerts, samples: &[Sample]) -> Vec<(Vec<AlertKind>, Vec<AlertKind>)> {
        let look = |sample: &Sample| {
            let (mut began, mut ended) = (Vec::new(), Vec::new());
            for change in alerts.observe(sample, 0) {
                match change {
                    AlertChange::Began(alert) => began.push(alert.kind),
                    AlertChange::Ended(kind) => ended.push(kind),
                }
            }
            (began, ended)
        };
        samples.iter().map(look).collect()
    }

    #[test]
    fn a_server_that_is_fine_has_no_alerts() {
        let alerts = alerts();
        assert!(
            observe(&alerts, &vec![fine(); 20])
                .iter()
                .all(|change| *change == Default::default())
        );
        assert_eq!(alerts.current(), []);
    }

    #[test]
    fn a_disk_that_fills_rings_once_and_is_over_only_well_above_the_limit() {
        let alerts = alerts();
        let free = |percent| Sample {
            disk_free_percent: Some(percent),
            ..fine()
        };
        let samples = [9.9, 9.0, 10.5, 9.5, 11.9, 12.0, 12.0, 12.0].map(free);
        let changes = observe(&alerts, &samples);
        assert_eq!(changes[0].0, [AlertKind::Disk]);
        assert!(
            changes[1..6]
                .iter()
                .all(|change| *change == Default::default())
        );
        assert_eq!(changes[6].1, [AlertKind::Disk]);
        assert_eq!(alerts.current(), []);
    }

    #[test]
    fn late_mixes_ring_when_they_stay_late_and_not_for_a_hiccup() {
        let alerts = alerts();
        let late = |us| Sample {
            tick_late_p99_us: Some(us),
            ..fine()
        };
        let hiccups = [40_000, 40_000, 1_000, 40_000, 40_000, 1_000].map(late);
        assert!(
            observe(&alerts, &hiccups)
                .iter()
                .all(|change| change.0.is_empty())
        );
        let changes = observe(&alerts, &[40_000, 40_000, 40_000, 40_000].map(late));
        let began: Vec<usize> = (0..4).filter(|look| !changes[*look].0.is_empty()).collect();
        assert_eq!(began, [2]);
        // Nobody speaks: nothing is late.
        let silence = Sample {
            tick_late_p99_us: None,
            ..fine()
        };
        let changes = observe(&alerts, &vec![silence; 6]);
        assert_eq!(changes[5].1, [AlertKind::TickLate]);
    }

    #[test]
    fn poor_links_ring_for_a_room_and_not_for_one_person() {
        let alerts = alerts();
        let rooms = |rooms| Sample { rooms, ..fine() };
        let alone = rooms(vec![room("alone", 1, 1), room("board", 10, 3)]);
        assert!(
            observe(&alerts, &vec![alone; 5])
                .iter()
                .all(|change| change.0.is_empty())
        );
        let poor = rooms(vec![room("fine", 10, 0), room("poor", 10, 4)]);
        let changes = observe(&alerts, &vec![poor; 3]);
        assert_eq!(changes[2].0, [AlertKind::Quality]);
        let alert = &alerts.current()[0];
        assert_eq!(alert.rooms, ["poor"]);
        assert!(!alert.text.contains("poor\""), "{}", alert.text);
        assert!(alert.text.starts_with("In 1 of 2 rooms"), "{}", alert.text);
        let told = serde_json::to_value(alert).unwrap();
        assert!(told.get("rooms").is_none(), "{told}");
    }

    #[test]
    fn failed_logins_ring_and_are_forgotten_after_ten_minutes() {
        let alerts = alerts();
        for at in 0..9 {
            alerts.login_failed(at);
        }
        assert_eq!(alerts.observe(&fine(), 9), []);
        alerts.login_failed(10);
        assert!(matches!(
            &alerts.observe(&fine(), 11)[..],
            [AlertChange::Began(_)]
        ));
        let later = LOGIN_WINDOW_MS + 20;
        assert_eq!(alerts.observe(&fine(), later), []);
        let ended = alerts.observe(&fine(), later + 1);
        assert_eq!(ended, [AlertChange::Ended(AlertKind::LoginFailures)]);
    }

    #[test]
    fn memory_for_failed_logins_is_bounded() {
        let alerts = alerts();
        for _ in 0..3 * LOGINS_KEPT {
            alerts.login_failed(1);
        }
        assert_eq!(alerts.rules.lock().failed_logins.len(), LOGINS_KEPT);
    }

    #[test]
    fn a_certificate_rings_two_weeks_before_its_end_and_its_text_follows_the_days() {
        let alerts = alerts();
        assert_eq!(alerts.observe(&fine(), 86 * DAY), []);
        assert_eq!(alerts.observe(&fine(), 87 * DAY).len(), 1);
        assert!(alerts.current()[0].text.contains("in 13 days"));
        alerts.observe(&fine(), 101 * DAY);
        assert!(alerts.current()[0].text.contains("has ended"));
        assert_eq!(alerts.current()[0].since_unix_ms, 87 * DAY);
    }
}
