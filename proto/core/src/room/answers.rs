//! The last answers of a seat, so that a command that is sent again is answered and not done twice.

use std::collections::VecDeque;

use conclave_wire::{Refusal, command::Reply, limits::ANSWERS_KEPT};

/// References from here on are the shell's own, for commands that come without a link: each is drawn once and
/// never asked again, so that nothing is kept of it, and those of links stay in their order.
pub const REFERENCES_APART: u32 = 1 << 31;

#[derive(Debug, Default)]
pub(super) struct Answers {
    /// In the order in which they were first seen.
    kept: VecDeque<(u32, Answer)>,
    /// The highest reference that is no longer kept.
    forgotten: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// Done or being done; the answer is on its way.
    Underway,
    Given(Result<Reply, Refusal>),
}

/// What is known of a reference.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    Never,
    /// So long ago that nobody can tell any more.
    TooOld,
    Before(Answer),
}

impl Answers {
    pub(super) fn look_up(&self, reference: u32) -> Seen {
        if reference >= REFERENCES_APART {
            return Seen::Never;
        }
        match self.kept.iter().find(|(kept, _)| *kept == reference) {
            Some((_, answer)) => Seen::Before(answer.clone()),
            None if self
                .forgotten
                .is_some_and(|forgotten| reference <= forgotten) =>
            {
                Seen::TooOld
            }
            None => Seen::Never,
        }
    }

    pub(super) fn keep(&mut self, reference: u32, answer: Answer) {
        if reference >= REFERENCES_APART {
            return;
        }
        if let Some((_, kept)) = self.kept.iter_mut().find(|(kept, _)| *kept == reference) {
            *kept = answer;
            return;
        }
        if self.kept.len() == ANSWERS_KEPT
            && let Some((oldest, _)) = self.kept.pop_front()
        {
            self.forgotten = self.forgotten.max(Some(oldest));
        }
        self.kept.push_back((reference, answer));
    }

    /// What was only read may be read again: nothing is kept of it.
    pub(super) fn forget(&mut self, reference: u32) {
        self.kept.retain(|(kept, _)| *kept != reference);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_and_what_is_older_is_known_to_be_old() {
        let mut answers = Answers::default();
        for reference in 1..=ANSWERS_KEPT as u32 + 1 {
            assert_eq!(answers.look_up(reference), Seen::Never);
            answers.keep(reference, Answer::Underway);
            answers.keep(reference, Answer::Given(Ok(Reply::Nothing)));
        }
        assert_eq!(answers.look_up(1), Seen::TooOld);
        assert_eq!(
            answers.look_up(2),
            Seen::Before(Answer::Given(Ok(Reply::Nothing)))
        );
    }

    #[test]
    fn references_apart_leave_those_of_links_alone() {
        let mut answers = Answers::default();
        for drawn in 0..2 * ANSWERS_KEPT as u32 {
            answers.keep(REFERENCES_APART + drawn, Answer::Underway);
        }
        assert_eq!(answers.look_up(REFERENCES_APART), Seen::Never);
        assert_eq!(answers.look_up(1), Seen::Never);
    }
}
