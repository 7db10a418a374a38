//! How long everybody has focused while they were here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use conclave_wire::{FocusCount, ParticipantId};

use crate::Moment;

/// What has run up is counted this often, so that a server that is killed forgets no more.
pub const COUNTED_EVERY: Duration = Duration::from_secs(5 * 60);

/// Focus of a room and of everybody in it. While a span runs nothing is counted; it is added up when it
/// ends, when somebody goes, and every [`COUNTED_EVERY`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FocusTally {
    room: Duration,
    people: BTreeMap<ParticipantId, Duration>,
    present: BTreeSet<ParticipantId>,
    /// Counted up to here; `None` while no span of focus runs.
    since: Option<Moment>,
}

impl FocusTally {
    pub fn restore(room_ms: u64, people: &[FocusCount]) -> FocusTally {
        let people = people.iter();
        FocusTally {
            room: Duration::from_millis(room_ms),
            people: people
                .map(|count| (count.id, Duration::from_millis(count.focus_ms)))
                .collect(),
            ..FocusTally::default()
        }
    }

    /// Somebody is here now, or is not any more. Returns those whose count has changed.
    pub fn presence(&mut self, id: ParticipantId, here: bool, now: Moment) -> Vec<FocusCount> {
        if self.present.contains(&id) == here {
            return Vec::new();
        }
        let counted = self.count(now);
        match here {
            true => self.present.insert(id),
            false => self.present.remove(&id),
        };
        counted
    }

    /// The seat is given up; what it has counted stays in the room's.
    pub fn forget(&mut self, id: ParticipantId) {
        self.present.remove(&id);
        self.people.remove(&id);
    }

    /// Whether a span of focus runs from now on. Returns those whose count has changed.
    pub fn run(&mut self, runs: bool, now: Moment) -> Vec<FocusCount> {
        let counted = self.count(now);
        self.since = runs.then_some(now);
        counted
    }

    /// Counts what has run up. Returns those whose count has changed.
    pub fn count(&mut self, now: Moment) -> Vec<FocusCount> {
        let Some(since) = self.since.as_mut() else {
            return Vec::new();
        };
        let spent = now.since(std::mem::replace(since, now));
        if spent.is_zero() || self.present.is_empty() {
            return Vec::new();
        }
        self.room += spent;
        for &id in &self.present {
            *self.people.entry(id).or_default() += spent;
        }
        let counts = self.present.iter().map(|&id| FocusCount {
            id,
            focus_ms: as_ms(self.people.get(&id).copied().unwrap_or_default()),
        });
        counts.collect()
    }

    /// When what has run up is to be counted.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let since = self.since.filter(|_| !self.present.is_empty())?;
        Some(since + COUNTED_EVERY)
    }

    pub fn room_ms(&self) -> u64 {
        as_ms(self.room)
    }

    pub fn of(&self, id: ParticipantId) -> u64 {
        as_ms(self.people.get(&id).copied().unwrap_or_default())
    }

    /// Everybody who has counted something, in order of ids.
    pub fn people(&self) -> impl Iterator<Item = FocusCount> {
        let people = self.people.iter();
        people.map(|(&id, &spent)| FocusCount {
            id,
            focus_ms: as_ms(spent),
        })
    }
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
