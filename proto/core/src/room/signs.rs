//! Signs of life, gathered: of each only the last value counts, only changes are sent, and at most four
//! batches a second leave the room.

use std::{collections::BTreeMap, time::Duration};

use conclave_wire::{
    Layer, ParticipantId, Signs,
    event::{Advice, Hint, PersonSigns, Quality},
};

use super::{Audience, Effect, Outbox};
use crate::Moment;

/// At most one batch in this time.
pub const SIGNS_INTERVAL: Duration = Duration::from_millis(250);
/// Figures behind an unchanged verdict are sent again after this time at the earliest.
const QUALITY_INTERVAL: Duration = Duration::from_secs(5);
/// Figures that change by less, and by less than a quarter, are not worth telling.
const LATENCY_CHANGE_MS_MIN: u32 = 10;
const LOSS_CHANGE_PERMILLE_MIN: u32 = 10;
const RECEIVE_CHANGE_KBPS_MIN: u32 = 200;

#[derive(Debug, Default)]
pub(super) struct SignBoard {
    /// How everybody stands now, and how it was last told. Reactions are in neither: each is sent once.
    now: BTreeMap<ParticipantId, PersonSigns>,
    told: BTreeMap<ParticipantId, PersonSigns>,
    reactions: BTreeMap<ParticipantId, String>,
    /// What only one seat must know.
    private: BTreeMap<ParticipantId, Signs>,
    qualities: BTreeMap<ParticipantId, Moment>,
    flushed: Option<Moment>,
    /// When the next batch leaves; `None` when there is nothing to tell.
    due: Option<Moment>,
}

impl SignBoard {
    pub(super) fn due(&self) -> Option<Moment> {
        self.due
    }

    pub(super) fn speaking(&mut self, id: ParticipantId, speaking: bool, level: u8, now: Moment) {
        self.change(id, now, |signs| {
            signs.speaking = Some(speaking);
            signs.level = Some(level);
        });
    }

    pub(super) fn is_speaking(&self, id: ParticipantId) -> bool {
        self.now.get(&id).and_then(|signs| signs.speaking) == Some(true)
    }

    pub(super) fn typing(&mut self, id: ParticipantId, typing: bool, now: Moment) {
        self.change(id, now, |signs| signs.typing = Some(typing));
    }

    /// Small changes of the round trip are left out: presence would grow with the square of the room.
    pub(super) fn latency(&mut self, id: ParticipantId, latency_ms: u32, now: Moment) {
        let known = self.now.get(&id).and_then(|signs| signs.latency_ms);
        let same = |known| near(known, latency_ms, LATENCY_CHANGE_MS_MIN);
        if !known.is_some_and(same) {
            self.change(id, now, |signs| signs.latency_ms = Some(latency_ms));
        }
    }

    /// A new verdict is told at once; new figures behind the same one only now and then, and only when
    /// they differ.
    pub(super) fn quality(&mut self, id: ParticipantId, quality: Quality, now: Moment) {
        let known = self.now.get(&id).and_then(|signs| signs.quality);
        let old = self
            .qualities
            .get(&id)
            .is_none_or(|&at| now >= at + QUALITY_INTERVAL);
        let news = known.is_none_or(|known| {
            known.verdict != quality.verdict || (old && !alike(&known, &quality))
        });
        if news {
            self.qualities.insert(id, now);
            self.change(id, now, |signs| signs.quality = Some(quality));
        }
    }

    pub(super) fn react(&mut self, id: ParticipantId, reaction: String, now: Moment) {
        self.reactions.insert(id, reaction);
        self.schedule(now);
    }

    pub(super) fn publish_layers(&mut self, seat: ParticipantId, layers: Vec<Layer>, now: Moment) {
        self.private.entry(seat).or_default().publish_layers = Some(layers);
        self.schedule(now);
    }

    pub(super) fn audio_only(&mut self, seat: ParticipantId, audio_only: bool, now: Moment) {
        self.private.entry(seat).or_default().audio_only = Some(audio_only);
        self.schedule(now);
    }

    pub(super) fn advice(&mut self, seat: ParticipantId, advice: Advice, now: Moment) {
        self.private.entry(seat).or_default().advice = Some(advice);
        self.schedule(now);
    }

    pub(super) fn hint(&mut self, seat: ParticipantId, hint: Hint, now: Moment) {
        self.private.entry(seat).or_default().hint = Some(hint);
        self.schedule(now);
    }

    /// Somebody is linked who has heard none of this.
    pub(super) fn catch_up(&mut self, seat: ParticipantId, now: Moment) {
        let of_others = |signs: &&PersonSigns| signs.id != seat && **signs != nothing(signs.id);
        let people: Vec<_> = self.told.values().filter(of_others).cloned().collect();
        if !people.is_empty() {
            self.private.entry(seat).or_default().people = people;
            self.schedule(now);
        }
    }

    /// The link is lost: nobody is heard or read any more, and nothing waits for them.
    pub(super) fn silence(&mut self, id: ParticipantId, now: Moment) {
        self.private.remove(&id);
        if let Some(signs) = self.now.get(&id).cloned() {
            self.change(id, now, |changed| {
                changed.speaking = signs.speaking.map(|_| false);
                changed.typing = signs.typing.map(|_| false);
            });
        }
    }

    /// The seat is gone; clients forget its signs with it.
    pub(super) fn remove(&mut self, id: ParticipantId) {
        self.now.remove(&id);
        self.told.remove(&id);
        self.reactions.remove(&id);
        self.private.remove(&id);
        self.qualities.remove(&id);
    }

    /// Sends what has changed, if it is time.
    pub(super) fn flush(&mut self, now: Moment, out: &mut Outbox) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = None;
        let people = self.take_changes();
        let private = std::mem::take(&mut self.private);
        if people.is_empty() && private.is_empty() {
            return;
        }
        self.flushed = Some(now);
        if !people.is_empty() {
            let signs = Signs {
                people,
                ..Signs::default()
            };
            out.push(Effect::Sign {
                to: Audience::Everyone,
                signs,
            });
        }
        for (seat, signs) in private {
            out.push(Effect::Sign {
                to: Audience::One(seat),
                signs,
            });
        }
    }

    fn take_changes(&mut self) -> Vec<PersonSigns> {
        let mut changes = BTreeMap::new();
        for (&id, signs) in &self.now {
            let told = self.told.entry(id).or_insert_with(|| nothing(id));
            let changed = PersonSigns {
                id,
                speaking: signs.speaking.filter(|_| signs.speaking != told.speaking),
                level: signs.level.filter(|_| signs.level != told.level),
                typing: signs.typing.filter(|_| signs.typing != told.typing),
                latency_ms: signs
                    .latency_ms
                    .filter(|_| signs.latency_ms != told.latency_ms),
                quality: signs.quality.filter(|_| signs.quality != told.quality),
                reaction: None,
            };
            if changed != nothing(id) {
                told.clone_from(signs);
                changes.insert(id, changed);
            }
        }
        for (id, reaction) in std::mem::take(&mut self.reactions) {
            changes.entry(id).or_insert_with(|| nothing(id)).reaction = Some(reaction);
        }
        changes.into_values().collect()
    }

    fn change(&mut self, id: ParticipantId, now: Moment, change: impl FnOnce(&mut PersonSigns)) {
        let signs = self.now.entry(id).or_insert_with(|| nothing(id));
        change(signs);
        if self.told.get(&id) != Some(signs) {
            self.schedule(now);
        }
    }

    fn schedule(&mut self, now: Moment) {
        let earliest = self.flushed.map_or(now, |flushed| flushed + SIGNS_INTERVAL);
        self.due.get_or_insert(earliest.max(now));
    }
}

fn near(known: u32, new: u32, change_min: u32) -> bool {
    known.abs_diff(new) < change_min.max(known / 4)
}

fn alike(known: &Quality, new: &Quality) -> bool {
    near(
        known.round_trip_ms,
        new.round_trip_ms,
        LATENCY_CHANGE_MS_MIN,
    ) && near(known.jitter_ms, new.jitter_ms, LATENCY_CHANGE_MS_MIN)
        && near(
            known.loss_permille,
            new.loss_permille,
            LOSS_CHANGE_PERMILLE_MIN,
        )
        && near(
            known.receive_kbps,
            new.receive_kbps,
            RECEIVE_CHANGE_KBPS_MIN,
        )
}

fn nothing(id: ParticipantId) -> PersonSigns {
    PersonSigns {
        id,
        ..PersonSigns::default()
    }
}

#[cfg(test)]
mod tests {
    use conclave_wire::event::QualityVerdict;

    use super::*;

    const ADA: ParticipantId = ParticipantId(1);

    fn people(board: &mut SignBoard, ms: u64) -> Option<Vec<PersonSigns>> {
        let mut out = Outbox::new();
        board.flush(Moment::from_ms(ms), &mut out);
        out.into_iter().find_map(|effect| match effect {
            Effect::Sign {
                to: Audience::Everyone,
                signs,
            } => Some(signs.people),
            _ => None,
        })
    }

    #[test]
    fn the_first_sign_leaves_at_once_and_the_next_a_quarter_second_later() {
        let mut board = SignBoard::default();
        board.typing(ADA, true, Moment::from_ms(1_000));
        assert_eq!(people(&mut board, 1_000).unwrap()[0].typing, Some(true));
        board.typing(ADA, false, Moment::from_ms(1_001));
        assert_eq!(board.due(), Some(Moment::from_ms(1_250)));
        assert_eq!(people(&mut board, 1_249), None);
        assert_eq!(people(&mut board, 1_250).unwrap()[0].typing, Some(false));
        assert_eq!(board.due(), None);
    }

    #[test]
    fn what_went_back_to_how_it_was_is_not_told() {
        let mut board = SignBoard::default();
        board.speaking(ADA, false, 127, Moment::from_ms(0));
        people(&mut board, 0);
        board.speaking(ADA, true, 20, Moment::from_ms(10));
        board.speaking(ADA, false, 127, Moment::from_ms(20));
        assert_eq!(people(&mut board, 300), None);
    }

    #[test]
    fn every_reaction_is_sent_even_the_same_again() {
        let mut board = SignBoard::default();
        for ms in [0, 1_000] {
            board.react(ADA, "👍".to_owned(), Moment::from_ms(ms));
            assert_eq!(
                people(&mut board, ms).unwrap()[0].reaction.as_deref(),
                Some("👍")
            );
        }
    }

    #[test]
    fn a_round_trip_that_hardly_changes_is_not_told() {
        let mut board = SignBoard::default();
        board.latency(ADA, 8, Moment::from_ms(0));
        people(&mut board, 0);
        board.latency(ADA, 17, Moment::from_ms(500));
        assert_eq!(board.due(), None);
        board.latency(ADA, 40, Moment::from_ms(600));
        assert_eq!(people(&mut board, 600).unwrap()[0].latency_ms, Some(40));
    }

    #[test]
    fn a_new_verdict_is_told_at_once_and_figures_only_when_they_differ() {
        let mut board = SignBoard::default();
        let good = Quality {
            round_trip_ms: 5,
            receive_kbps: 1_000,
            ..Quality::default()
        };
        board.quality(ADA, good, Moment::from_ms(0));
        assert_eq!(people(&mut board, 0).unwrap()[0].quality, Some(good));
        for (ms, receive_kbps, told) in [
            (6_000, 1_100, false),
            (7_000, 2_000, true),
            (8_000, 4_000, false),
        ] {
            let quality = Quality {
                receive_kbps,
                ..good
            };
            board.quality(ADA, quality, Moment::from_ms(ms));
            assert_eq!(people(&mut board, ms).is_some(), told, "at {ms} ms");
        }
        let poor = Quality {
            verdict: QualityVerdict::Poor,
            ..good
        };
        board.quality(ADA, poor, Moment::from_ms(8_100));
        assert_eq!(people(&mut board, 8_250).unwrap()[0].quality, Some(poor));
    }
}
