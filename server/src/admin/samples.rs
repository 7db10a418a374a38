//! How the server did over the last day: one sample a minute, in bounded memory.

use std::collections::VecDeque;

use conclave_core::{media::quality::Histogram, room::RoomReport};
use conclave_wire::event::{Quality, QualityVerdict};
use parking_lot::Mutex;
use serde::Serialize;

use super::machine::MachineFigures;

/// Samples that are kept: a day.
pub const MINUTES_MAX: usize = 24 * 60;
pub const MINUTE_MS: u64 = 60_000;

/// Percentiles of what people measured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Spread {
    pub p50: u32,
    pub p95: u32,
    pub p99: u32,
}

/// One minute.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Minute {
    /// When it ended, in milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// The most at one time.
    pub rooms: u32,
    pub people: u32,
    pub voices: u32,
    /// None when nobody was measured.
    pub round_trip_ms: Option<Spread>,
    pub jitter_ms: Option<Spread>,
    pub loss_permille: Option<Spread>,
}

/// How the server stands now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    pub at_unix_ms: u64,
    pub rooms: u32,
    pub people: u32,
    /// Without a link, their seats kept for a while.
    pub away: u32,
    /// Who speak.
    pub voices: u32,
    pub fair: u32,
    pub poor: u32,
    /// Media packets a second.
    pub packets_in: u64,
    pub packets_out: u64,
    #[serde(flatten)]
    pub machine: MachineFigures,
    pub uptime_s: u64,
}

impl Figures {
    /// What can be counted in rooms.
    pub fn count(rooms: &[RoomReport]) -> Figures {
        let mut figures = Figures {
            rooms: u32::try_from(rooms.len()).unwrap_or(u32::MAX),
            ..Figures::default()
        };
        for person in rooms.iter().flat_map(|room| &room.people) {
            figures.people += 1;
            figures.away += u32::from(person.away);
            figures.voices += u32::from(person.speaking);
            match person.quality.map(|quality| quality.verdict) {
                Some(QualityVerdict::Fair) => figures.fair += 1,
                Some(QualityVerdict::Poor) => figures.poor += 1,
                Some(QualityVerdict::Good) | None => {}
            }
        }
        figures
    }
}

/// Samples of all minutes and of the one that is going on.
#[derive(Debug, Default)]
pub struct Samples {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    minutes: VecDeque<Minute>,
    current: Current,
    now: Figures,
}

#[derive(Debug, Default)]
struct Current {
    started_unix_ms: Option<u64>,
    minute: Minute,
    round_trips: Histogram,
    jitters: Histogram,
    losses: Histogram,
}

impl Samples {
    /// Takes a look into the minute that is going on, and ends it when its time is over. A date that was
    /// set back begins a new minute.
    pub fn take(&self, figures: Figures, rooms: &[RoomReport]) {
        let mut state = self.state.lock();
        state.now = figures;
        let at = figures.at_unix_ms;
        let started = *state.current.started_unix_ms.get_or_insert(at);
        if !(started..started.saturating_add(MINUTE_MS)).contains(&at) {
            let current = std::mem::take(&mut state.current);
            if state.minutes.len() == MINUTES_MAX {
                state.minutes.pop_front();
            }
            state.minutes.push_back(current.end(started));
            state.current.started_unix_ms = Some(at);
        }
        let people = rooms.iter().flat_map(|room| &room.people);
        state
            .current
            .add(figures, people.filter_map(|person| person.quality));
    }

    /// The newest look.
    pub fn now(&self) -> Figures {
        self.state.lock().now
    }

    /// The newest whole minutes, oldest first.
    pub fn minutes(&self, minutes_max: usize) -> Vec<Minute> {
        let state = self.state.lock();
        let left_out = state.minutes.len().saturating_sub(minutes_max);
        state.minutes.iter().skip(left_out).copied().collect()
    }
}

impl Current {
    fn add(&mut self, figures: Figures, qualities: impl Iterator<Item = Quality>) {
        let minute = &mut self.minute;
        minute.rooms = minute.rooms.max(figures.rooms);
        minute.people = minute.people.max(figures.people);
        minute.voices = minute.voices.max(figures.voices);
        for quality in qualities {
            self.round_trips.record(quality.round_trip_ms);
            self.jitters.record(quality.jitter_ms);
            self.losses.record(quality.loss_permille);
        }
    }

    fn end(self, started_unix_ms: u64) -> Minute {
        Minute {
            at_unix_ms: started_unix_ms.saturating_add(MINUTE_MS),
            round_trip_ms: spread(&self.round_trips),
            jitter_ms: spread(&self.jitters),
            loss_permille: spread(&self.losses),
            ..self.minute
        }
    }
}

fn spread(histogram: &Histogram) -> Option<Spread> {
    Some(Spread {
        p50: histogram.percentile(500)?,
        p95: histogram.percentile(950)?,
        p99: histogram.percentile(990)?,
    })
}

#[cfg(test)]
mod tests {
    use conclave_core::room::PersonReport;
    use conclave_wire::{MediaState, ParticipantId, Role};

    use super::*;

    fn room(round_trips: impl IntoIterator<Item = u32>) -> RoomReport {
        let person = |(id, round_trip_ms)| PersonReport {
            id: ParticipantId(id),
            name: "Ada".to_owned(),
            role: Role::Participant,
            media: MediaState::default(),
            away: false,
            speaking: id == 1,
            joined_unix_ms: 0,
            quality: Some(Quality {
                round_trip_ms,
                verdict: if round_trip_ms > 10 {
                    QualityVerdict::Poor
                } else {
                    QualityVerdict::Good
                },
                ..Quality::default()
            }),
        };
        RoomReport {
            slug: "a".to_owned(),
            title: "A".to_owned(),
            locked: false,
            has_password: false,
            members_max: 50,
            opened_unix_ms: 0,
            ends_in: None,
            presenter: None,
            files: 0,
            files_bytes: 0,
            people: (1..).zip(round_trips).map(person).collect(),
            waiting: Vec::new(),
        }
    }

    fn look(samples: &Samples, at_unix_ms: u64, rooms: &[RoomReport]) {
        let figures = Figures {
            at_unix_ms,
            ..Figures::count(rooms)
        };
        samples.take(figures, rooms);
    }

    #[test]
    fn people_are_counted_by_how_they_stand() {
        let figures = Figures::count(&[room([5, 50]), room([])]);
        assert_eq!((figures.rooms, figures.people), (2, 2));
        assert_eq!((figures.voices, figures.poor, figures.fair), (1, 1, 0));
    }

    #[test]
    fn a_minute_has_the_percentiles_of_all_looks_and_the_most_people() {
        let samples = Samples::default();
        look(&samples, 0, &[room(1..=10)]);
        look(&samples, 30_000, &[room([])]);
        assert!(samples.minutes(10).is_empty(), "it is not over");
        look(&samples, 60_000, &[]);
        let minutes = samples.minutes(10);
        assert_eq!(minutes.len(), 1);
        assert_eq!((minutes[0].at_unix_ms, minutes[0].people), (60_000, 10));
        // Nearest rank of the numbers from 1 to 10.
        let spread = Spread {
            p50: 5,
            p95: 10,
            p99: 10,
        };
        assert_eq!(minutes[0].round_trip_ms, Some(spread));
    }

    #[test]
    fn a_minute_without_people_has_no_percentiles_and_a_day_is_kept() {
        let samples = Samples::default();
        let minutes = u64::try_from(MINUTES_MAX).unwrap() + 10;
        for minute in 0..minutes {
            look(&samples, minute * MINUTE_MS, &[]);
        }
        let kept = samples.minutes(usize::MAX);
        assert_eq!(kept.len(), MINUTES_MAX);
        assert_eq!(kept[0].round_trip_ms, None);
        assert_eq!(samples.minutes(5).len(), 5);
        assert_eq!(samples.minutes(5)[4], *kept.last().unwrap());
    }

    #[test]
    fn a_date_that_was_set_back_begins_a_new_minute() {
        let samples = Samples::default();
        look(&samples, 1_000_000, &[room([7])]);
        look(&samples, 5, &[room([9])]);
        assert_eq!(samples.minutes(10).len(), 1);
        look(&samples, 60_005, &[]);
        assert_eq!(samples.minutes(10)[1].round_trip_ms.unwrap().p50, 9);
    }
}
