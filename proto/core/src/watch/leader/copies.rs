//! Who has a copy of the film, and how each of them stands.

use std::collections::{BTreeMap, BTreeSet};

use conclave_wire::{FilmMark, FilmReadiness, ParticipantId};

use super::MARKS_INTERVAL;
use crate::Moment;

#[derive(Debug, Default)]
pub(super) struct Copies {
    kept: BTreeMap<ParticipantId, Copy>,
    /// What clients know of each.
    told: BTreeMap<ParticipantId, FilmMark>,
    untold: BTreeSet<ParticipantId>,
    told_at: Option<Moment>,
}

#[derive(Debug)]
struct Copy {
    readiness: FilmReadiness,
    sure: bool,
    sha256: Option<String>,
    here: bool,
    /// They were waited for long enough; until they are ready nobody waits for them.
    excused: bool,
}

impl Copies {
    /// With `late` the film runs already: it does not wait for who has only just come.
    pub(super) fn have(
        &mut self,
        id: ParticipantId,
        sure: bool,
        sha256: Option<String>,
        late: bool,
    ) {
        let copy = self.kept.entry(id).or_insert(Copy {
            readiness: FilmReadiness::NotReady,
            sure,
            sha256: None,
            here: true,
            excused: late,
        });
        if copy.readiness == FilmReadiness::Mismatched {
            copy.readiness = FilmReadiness::NotReady;
        }
        copy.sure = sure;
        copy.sha256 = sha256;
        self.untold.insert(id);
    }

    /// Theirs is something else: if they were thought to have one, everybody is told.
    pub(super) fn differ(&mut self, id: ParticipantId) {
        if let Some(copy) = self.kept.get_mut(&id) {
            copy.readiness = FilmReadiness::Mismatched;
            copy.sure = false;
            self.untold.insert(id);
        }
    }

    /// The SHA-256 of the film is known now: those who have named theirs are judged by it.
    pub(super) fn identify(&mut self, sha256: &str) {
        for (&id, copy) in &mut self.kept {
            let Some(theirs) = &copy.sha256 else { continue };
            copy.sure = theirs == sha256;
            if !copy.sure {
                copy.readiness = FilmReadiness::Mismatched;
            }
            self.untold.insert(id);
        }
    }

    /// False for who has no copy of it.
    pub(super) fn mark(&mut self, id: ParticipantId, readiness: FilmReadiness) -> bool {
        let Some(copy) = self.kept.get_mut(&id) else {
            return false;
        };
        if readiness == FilmReadiness::Closed {
            self.kept.remove(&id);
        } else if copy.readiness == FilmReadiness::Mismatched {
            return false;
        } else {
            copy.readiness = readiness;
            copy.excused &= readiness != FilmReadiness::Ready;
        }
        self.untold.insert(id);
        true
    }

    pub(super) fn presence(&mut self, id: ParticipantId, here: bool) {
        if let Some(copy) = self.kept.get_mut(&id) {
            copy.here = here;
        }
    }

    pub(super) fn forget(&mut self, id: ParticipantId) {
        self.kept.remove(&id);
        self.told.remove(&id);
        self.untold.remove(&id);
    }

    pub(super) fn has(&self, id: ParticipantId) -> bool {
        let copy = self.kept.get(&id);
        copy.is_some_and(|copy| copy.readiness != FilmReadiness::Mismatched)
    }

    pub(super) fn someone_holds(&self) -> bool {
        self.kept.values().any(Copy::holds)
    }

    /// Who is waited for, in order of ids.
    pub(super) fn holders(&self) -> Vec<ParticipantId> {
        let holders = self.kept.iter().filter(|(_, copy)| copy.holds());
        holders.map(|(&id, _)| id).collect()
    }

    /// Who is waited for now is so no longer.
    pub(super) fn excuse_holders(&mut self) {
        for copy in self.kept.values_mut() {
            copy.excused |= copy.holds();
        }
    }

    /// Everybody is waited for again.
    pub(super) fn pardon(&mut self) {
        for copy in self.kept.values_mut() {
            copy.excused = false;
        }
    }

    /// What is to be told now.
    pub(super) fn take_marks(&mut self, now: Moment) -> Vec<FilmMark> {
        let due = self.told_at.is_none_or(|told| now >= told + MARKS_INTERVAL);
        if !due {
            return Vec::new();
        }
        let mut marks = Vec::new();
        for id in std::mem::take(&mut self.untold) {
            let mark = match self.kept.get(&id) {
                Some(copy) => FilmMark {
                    id,
                    readiness: copy.readiness,
                    sure: copy.sure,
                },
                None => FilmMark {
                    id,
                    readiness: FilmReadiness::Closed,
                    sure: false,
                },
            };
            let news = match mark.readiness == FilmReadiness::Closed {
                true => self.told.remove(&id).is_some(),
                false => self.told.insert(id, mark) != Some(mark),
            };
            if news {
                marks.push(mark);
            }
        }
        if !marks.is_empty() {
            self.told_at = Some(now);
        }
        marks
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        let told_at = self.told_at.filter(|_| !self.untold.is_empty())?;
        Some(told_at + MARKS_INTERVAL)
    }

    pub(super) fn told(&self) -> Vec<FilmMark> {
        self.told.values().copied().collect()
    }
}

impl Copy {
    fn holds(&self) -> bool {
        let waits = matches!(
            self.readiness,
            FilmReadiness::NotReady | FilmReadiness::Buffering
        );
        waits && self.here && !self.excused
    }
}
