//! Questions to those who present: asked, voted for, reviewed, pinned, hidden, answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use conclave_wire::{
    Answer, Event, Mine, ParticipantId, Permission, Question, QuestionId, RefusalCode, VoteCount,
    command::Reply,
    limits::{QUESTIONS_MAX, QUESTIONS_OPEN_PER_PERSON_MAX},
};

use super::{
    Audience, Effect, Outbox, Outcome, Record, Room, StoredQuestion,
    agenda::on_room_clock,
    text::{AnswerText, QuestionText},
};
use crate::{Moment, Now};

/// New counts of votes are told at most once in this time, however many vote.
pub const VOTES_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(super) struct Questions {
    kept: BTreeMap<QuestionId, Kept>,
    /// The id of the next question; the first is 1.
    next: u32,
    /// Questions whose votes have changed since they were told.
    uncounted: BTreeSet<QuestionId>,
    counted: Option<Moment>,
}

#[derive(Debug)]
struct Kept {
    /// As it was told: its votes may be behind those of `voters`.
    question: Question,
    author: ParticipantId,
    /// Also people who have left.
    voters: BTreeSet<ParticipantId>,
}

impl Kept {
    /// Whether everybody sees it.
    fn in_sight(&self) -> bool {
        !self.question.hidden && !self.question.in_review
    }

    fn votes(&self) -> u32 {
        u32::try_from(self.voters.len()).unwrap_or(u32::MAX)
    }
}

impl Questions {
    pub(super) fn restore(stored: Vec<StoredQuestion>, next: u32) -> Questions {
        let kept = stored.into_iter().map(|stored| {
            let mut kept = Kept {
                question: stored.question,
                author: stored.author,
                voters: stored.voters.into_iter().collect(),
            };
            kept.question.votes = kept.votes();
            (kept.question.id, kept)
        });
        Questions {
            kept: kept.collect(),
            next: next.max(1),
            ..Questions::default()
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        let counted = self.counted?;
        (!self.uncounted.is_empty()).then(|| counted + VOTES_INTERVAL)
    }

    /// What somebody sees who may answer, or may not; without an id nobody's own.
    pub(super) fn seen_by(&self, id: Option<ParticipantId>, answers: bool) -> Vec<Question> {
        let kept = self.kept.values();
        kept.filter(|kept| answers || kept.in_sight() || Some(kept.author) == id)
            .map(|kept| kept.question.clone())
            .collect()
    }

    pub(super) fn mine(&self, id: ParticipantId) -> Mine {
        let ids = |of: &dyn Fn(&Kept) -> bool| {
            let kept = self.kept.values().filter(|kept| of(kept));
            kept.map(|kept| kept.question.id).collect()
        };
        Mine {
            questions: ids(&|kept| kept.author == id),
            votes: ids(&|kept| kept.voters.contains(&id)),
        }
    }
}

impl Room {
    /// # Errors
    /// `QuestionsClosed`, `NamelessForbidden`, `TooManyQuestions`.
    pub(super) fn ask_question(
        &mut self,
        author: ParticipantId,
        reference: u32,
        text: QuestionText,
        anonymous: bool,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Outcome, RefusalCode> {
        let rules = self.settings.questions;
        if !rules.open {
            return Err(RefusalCode::QuestionsClosed);
        }
        if anonymous && !rules.anonymous {
            return Err(RefusalCode::NamelessForbidden);
        }
        let kept = self.questions.kept.values();
        let own = kept
            .filter(|kept| kept.author == author && kept.question.answer.is_none())
            .count();
        if self.questions.kept.len() >= QUESTIONS_MAX || own >= QUESTIONS_OPEN_PER_PERSON_MAX {
            return Err(RefusalCode::TooManyQuestions);
        }
        let id = QuestionId(self.questions.next);
        self.questions.next += 1;
        let name = self.name(author).filter(|_| !anonymous);
        let question = Question {
            id,
            from: (!anonymous).then_some(author),
            name: name.unwrap_or_default().to_owned(),
            text: text.into_string(),
            at_ms: now.unix_ms,
            moment_ms: on_room_clock(now.moment, self.opened),
            votes: 0,
            pinned: false,
            hidden: false,
            in_review: rules.reviewed,
            answer: None,
        };
        let kept = Kept {
            question: question.clone(),
            author,
            voters: BTreeSet::new(),
        };
        self.questions.kept.insert(id, kept);
        out.push(Effect::Record(Record::QuestionAsked {
            question: question.clone(),
            author,
            reference,
        }));
        self.tell_to(self.audience_of(id), Event::QuestionAsked { question }, out);
        let mine = Event::QuestionMine { question: id };
        self.tell_to(Audience::One(author), mine, out);
        Ok(Outcome::Stored(Reply::Question { question: id }))
    }

    pub(super) fn take_back_question(
        &mut self,
        by: ParticipantId,
        id: QuestionId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let kept = self.seen_question(by, id)?;
        if kept.author != by {
            return Err(RefusalCode::NotAllowed);
        }
        self.questions.kept.remove(&id);
        self.questions.uncounted.remove(&id);
        out.push(Effect::Record(Record::QuestionTakenBack { question: id }));
        // Also to those who did not see it: some of them may have voted before it was hidden.
        self.tell(Event::QuestionTakenBack { question: id }, out);
        Ok(())
    }

    /// How many votes a question has, also those that were not told yet.
    pub fn votes(&self, id: QuestionId) -> Option<u32> {
        self.questions.kept.get(&id).map(Kept::votes)
    }

    /// One vote a person; to vote again, or to take back what was not given, changes nothing.
    pub(super) fn vote_question(
        &mut self,
        by: ParticipantId,
        id: QuestionId,
        voted: bool,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let kept = self.questions.kept.get_mut(&id);
        let kept = kept
            .filter(|kept| kept.in_sight())
            .ok_or(RefusalCode::NoSuchQuestion)?;
        let changed = match voted {
            true => kept.voters.insert(by),
            false => kept.voters.remove(&by),
        };
        if !changed {
            return Ok(());
        }
        out.push(Effect::Record(Record::QuestionVoted {
            question: id,
            by,
            voted,
            votes: kept.votes(),
            at_unix_ms: now.unix_ms,
        }));
        self.questions.uncounted.insert(id);
        let event = Event::VoteChanged {
            question: id,
            voted,
        };
        self.tell_to(Audience::One(by), event, out);
        Ok(())
    }

    pub(super) fn pin_question(
        &mut self,
        id: QuestionId,
        pinned: bool,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let question = id;
        let event = Event::QuestionPinned { question, pinned };
        self.change_question(id, event, out, |question| question.pinned = pinned)
    }

    pub(super) fn hide_question(
        &mut self,
        id: QuestionId,
        hidden: bool,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let question = id;
        let event = Event::QuestionHidden { question, hidden };
        self.change_question(id, event, out, |question| question.hidden = hidden)
    }

    pub(super) fn approve_question(
        &mut self,
        id: QuestionId,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let event = Event::QuestionApproved { question: id };
        self.change_question(id, event, out, |question| question.in_review = false)
    }

    /// Without a text it was answered live. A later answer takes the place of an earlier one.
    pub(super) fn answer_question(
        &mut self,
        by: ParticipantId,
        id: QuestionId,
        text: Option<AnswerText>,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let answer = Answer {
            by,
            name: self.name(by).unwrap_or_default().to_owned(),
            text: text.map(AnswerText::into_string),
            at_ms: now.unix_ms,
            moment_ms: on_room_clock(now.moment, self.opened),
        };
        let event = Event::QuestionAnswered {
            question: id,
            answer: answer.clone(),
        };
        self.change_question(id, event, out, |question| question.answer = Some(answer))
    }

    /// Tells new counts of votes, if it is time.
    pub(super) fn settle_votes(&mut self, now: Now, out: &mut Outbox) {
        let counted = self.questions.counted;
        let due = counted.is_none_or(|counted| now.moment >= counted + VOTES_INTERVAL);
        if due && !self.questions.uncounted.is_empty() {
            self.questions.counted = Some(now.moment);
            self.tell_votes(out);
        }
    }

    /// Somebody may answer now, or may not any more: what they see of questions out of sight.
    pub(super) fn show_questions(&mut self, to: ParticipantId, shown: bool, out: &mut Outbox) {
        let others = |kept: &&Kept| !kept.in_sight() && kept.author != to;
        let kept = self.questions.kept.values().filter(others);
        let questions: Vec<_> = kept.map(|kept| kept.question.clone()).collect();
        for question in questions {
            let event = match shown {
                true => Event::QuestionAsked { question },
                false => Event::QuestionWithdrawn {
                    question: question.id,
                },
            };
            self.tell_to(Audience::One(to), event, out);
        }
    }

    /// Changes a question and tells those who see it; those for whom it comes into sight or goes out of
    /// it are told that instead.
    fn change_question(
        &mut self,
        id: QuestionId,
        event: Event,
        out: &mut Outbox,
        change: impl FnOnce(&mut Question),
    ) -> Result<(), RefusalCode> {
        if !self.questions.kept.contains_key(&id) {
            return Err(RefusalCode::NoSuchQuestion);
        }
        // Whoever sees it for the last time has the right count, and so has who sees it first.
        self.tell_votes(out);
        let Some(kept) = self.questions.kept.get_mut(&id) else {
            return Err(RefusalCode::NoSuchQuestion);
        };
        let (before, was_in_sight) = (kept.question.clone(), kept.in_sight());
        change(&mut kept.question);
        if kept.question == before {
            return Ok(());
        }
        let (question, in_sight) = (kept.question.clone(), kept.in_sight());
        out.push(Effect::Record(Record::QuestionChanged {
            question: id,
            pinned: question.pinned,
            hidden: question.hidden,
            in_review: question.in_review,
            answer: question.answer.clone(),
        }));
        if was_in_sight == in_sight {
            self.tell_to(self.audience_of(id), event, out);
            return Ok(());
        }
        let (insiders, others) = self.sides_of(id);
        self.tell_to(insiders, event, out);
        let event = match in_sight {
            true => Event::QuestionAsked { question },
            false => Event::QuestionWithdrawn { question: id },
        };
        self.tell_to(others, event, out);
        Ok(())
    }

    fn tell_votes(&mut self, out: &mut Outbox) {
        let mut counts = Vec::new();
        for id in std::mem::take(&mut self.questions.uncounted) {
            let Some(kept) = self.questions.kept.get_mut(&id) else {
                continue;
            };
            let votes = kept.votes();
            if kept.question.votes != votes {
                kept.question.votes = votes;
                counts.push(VoteCount {
                    question: id,
                    votes,
                });
            }
        }
        if !counts.is_empty() {
            self.tell(Event::VotesCounted { counts }, out);
        }
    }

    fn seen_question(&self, by: ParticipantId, id: QuestionId) -> Result<&Kept, RefusalCode> {
        let kept = self.questions.kept.get(&id);
        let seen = |kept: &&Kept| {
            kept.in_sight() || kept.author == by || self.may(by, Permission::AnswerQuestions)
        };
        kept.filter(seen).ok_or(RefusalCode::NoSuchQuestion)
    }

    /// Who sees a question now.
    fn audience_of(&self, id: QuestionId) -> Audience {
        match self.questions.kept.get(&id) {
            Some(kept) if !kept.in_sight() => self.sides_of(id).0,
            Some(_) | None => Audience::Everyone,
        }
    }

    /// Those who see a question even when it is out of sight, and the others.
    fn sides_of(&self, id: QuestionId) -> (Audience, Audience) {
        let author = self.questions.kept.get(&id).map(|kept| kept.author);
        let seats = self.roster.seats.keys().copied();
        let (insiders, others): (Vec<_>, Vec<_>) = seats.partition(|seat| {
            Some(*seat) == author || self.may(*seat, Permission::AnswerQuestions)
        });
        (
            Audience::These(insiders.into()),
            Audience::These(others.into()),
        )
    }
}
