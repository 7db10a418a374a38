//! Times at which somebody's link was poor: kept for the report (I3), and what the person can do about it
//! (I2).

use std::{collections::BTreeMap, time::Duration};

use conclave_wire::{
    ParticipantId,
    event::{Advice, Quality, QualityVerdict},
};

use super::{Effect, Outbox, Record};
use crate::{Moment, Now, media::quality::POOR};

/// Incidents of one meeting that are kept; who has more of them needs no longer list.
pub const INCIDENTS_MAX: u32 = 1_000;
/// While a link stays poor, how long it has been so is stored in these steps: a crash loses no more.
pub const LINK_POOR_TOLD: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Incidents {
    /// Whose link is poor now; never more than there are seats.
    open: BTreeMap<ParticipantId, Incident>,
    kept: u32,
}

#[derive(Debug)]
struct Incident {
    began_unix_ms: u64,
    worst: Quality,
    /// When it was stored last; `None` when there are too many already.
    told: Option<Moment>,
}

impl Incidents {
    /// Takes what was measured of somebody. What they are to be told is returned when their link has become
    /// poor, or is no longer.
    pub(super) fn judge(
        &mut self,
        id: ParticipantId,
        quality: Quality,
        camera: bool,
        now: Now,
        out: &mut Outbox,
    ) -> Option<Advice> {
        if quality.verdict != QualityVerdict::Poor {
            return self.end(id, now.unix_ms, out).then_some(Advice::Fine);
        }
        if let Some(incident) = self.open.get_mut(&id) {
            incident.worst = worse(incident.worst, quality);
            let due = |told: Moment| now.moment >= told + LINK_POOR_TOLD;
            if incident.told.is_some_and(due) {
                incident.told = Some(now.moment);
                out.push(record(id, incident, now.unix_ms));
            }
            return None;
        }
        let kept = self.kept < INCIDENTS_MAX;
        let incident = Incident {
            began_unix_ms: now.unix_ms,
            worst: quality,
            told: kept.then_some(now.moment),
        };
        if kept {
            self.kept += 1;
            out.push(record(id, &incident, now.unix_ms));
        }
        self.open.insert(id, incident);
        Some(advice(quality, camera))
    }

    /// Nobody measures this person any more, or their link is well; whether it was poor.
    pub(super) fn end(&mut self, id: ParticipantId, unix_ms: u64, out: &mut Outbox) -> bool {
        let Some(incident) = self.open.remove(&id) else {
            return false;
        };
        if incident.told.is_some() {
            out.push(record(id, &incident, unix_ms));
        }
        true
    }

    pub(super) fn end_all(&mut self, unix_ms: u64, out: &mut Outbox) {
        let ids: Vec<_> = self.open.keys().copied().collect();
        for id in ids {
            self.end(id, unix_ms, out);
        }
    }
}

/// Names what is furthest beyond its limit.
fn advice(quality: Quality, camera: bool) -> Advice {
    let times_100 = |figure: u32, limit: u32| u64::from(figure) * 100 / u64::from(limit);
    let loss = times_100(quality.loss_permille, POOR.loss_permille);
    let delay = times_100(quality.round_trip_ms, POOR.round_trip_ms);
    let jitter = times_100(quality.jitter_ms, POOR.jitter_ms);
    if loss >= delay && loss >= jitter {
        let permille = quality.loss_permille;
        Advice::Loss { permille, camera }
    } else if delay >= jitter {
        let ms = quality.round_trip_ms;
        Advice::Delay { ms, camera }
    } else {
        let ms = quality.jitter_ms;
        Advice::Jitter { ms, camera }
    }
}

fn worse(one: Quality, other: Quality) -> Quality {
    Quality {
        verdict: one.verdict.max(other.verdict),
        round_trip_ms: one.round_trip_ms.max(other.round_trip_ms),
        jitter_ms: one.jitter_ms.max(other.jitter_ms),
        loss_permille: one.loss_permille.max(other.loss_permille),
        receive_kbps: one.receive_kbps.min(other.receive_kbps),
    }
}

fn record(id: ParticipantId, incident: &Incident, until_unix_ms: u64) -> Effect {
    Effect::Record(Record::LinkPoor {
        id,
        began_unix_ms: incident.began_unix_ms,
        until_unix_ms,
        worst: incident.worst,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: ParticipantId = ParticipantId(1);

    fn at(ms: u64) -> Now {
        Now {
            moment: Moment::from_ms(ms),
            unix_ms: 1_000_000 + ms,
        }
    }

    fn poor(loss_permille: u32) -> Quality {
        Quality {
            verdict: QualityVerdict::Poor,
            loss_permille,
            round_trip_ms: 20,
            ..Quality::default()
        }
    }

    /// Beginning, end and worst loss of what was stored.
    fn stored(out: &mut Outbox) -> Vec<(u64, u64, u32)> {
        let stored = out.drain(..).filter_map(|effect| match effect {
            Effect::Record(Record::LinkPoor {
                began_unix_ms,
                until_unix_ms,
                worst,
                ..
            }) => Some((
                began_unix_ms - 1_000_000,
                until_unix_ms - 1_000_000,
                worst.loss_permille,
            )),
            _ => None,
        });
        stored.collect()
    }

    #[test]
    fn an_incident_is_told_at_its_beginning_and_its_end_and_stored_with_its_worst() {
        let mut incidents = Incidents::default();
        let mut out = Outbox::new();
        let told = incidents.judge(ADA, poor(100), true, at(0), &mut out);
        let loss = Advice::Loss {
            permille: 100,
            camera: true,
        };
        assert_eq!(told, Some(loss));
        for (ms, loss) in [(1_000, 300), (2_000, 90)] {
            let told = incidents.judge(ADA, poor(loss), true, at(ms), &mut out);
            assert_eq!(told, None, "once an incident");
        }
        assert_eq!(stored(&mut out), [(0, 0, 100)]);
        let told = incidents.judge(ADA, Quality::default(), true, at(3_000), &mut out);
        assert_eq!(told, Some(Advice::Fine));
        assert_eq!(stored(&mut out), [(0, 3_000, 300)]);
        let told = incidents.judge(ADA, Quality::default(), true, at(4_000), &mut out);
        assert_eq!(told, None);
        assert!(out.is_empty());
    }

    #[test]
    fn while_it_lasts_it_is_stored_in_steps() {
        let mut incidents = Incidents::default();
        let mut out = Outbox::new();
        for seconds in 0..25 {
            incidents.judge(ADA, poor(100), false, at(seconds * 1_000), &mut out);
        }
        let until: Vec<u64> = stored(&mut out).iter().map(|stored| stored.1).collect();
        assert_eq!(until, [0, 10_000, 20_000]);
        incidents.end_all(1_000_000 + 25_000, &mut out);
        assert_eq!(stored(&mut out), [(0, 25_000, 100)]);
    }

    #[test]
    fn what_is_furthest_beyond_its_limit_is_named() {
        let link = |loss_permille, round_trip_ms, jitter_ms| Quality {
            verdict: QualityVerdict::Poor,
            loss_permille,
            round_trip_ms,
            jitter_ms,
            receive_kbps: 0,
        };
        let camera = false;
        for (quality, told) in [
            (
                link(90, 100, 20),
                Advice::Loss {
                    permille: 90,
                    camera,
                },
            ),
            (link(10, 900, 20), Advice::Delay { ms: 900, camera }),
            (link(10, 100, 120), Advice::Jitter { ms: 120, camera }),
            (
                link(160, 500, 100),
                Advice::Loss {
                    permille: 160,
                    camera,
                },
            ),
        ] {
            assert_eq!(advice(quality, camera), told);
        }
    }

    #[test]
    fn a_meeting_keeps_no_more_incidents_than_it_may_but_tells_each() {
        let mut incidents = Incidents::default();
        let mut out = Outbox::new();
        for round in 0..u64::from(INCIDENTS_MAX) + 5 {
            let told = incidents.judge(ADA, poor(100), false, at(2 * round), &mut out);
            assert!(told.is_some());
            incidents.judge(ADA, Quality::default(), false, at(2 * round + 1), &mut out);
        }
        assert_eq!(stored(&mut out).len(), 2 * INCIDENTS_MAX as usize);
    }
}
