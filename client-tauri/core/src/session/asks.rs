//! Commands whose answers have not come.

use std::collections::BTreeMap;

use conclave_wire::{ClientMessage, Command, command::Reply, limits::ANSWERS_KEPT};
use tokio::{sync::oneshot, time::Instant};

use super::{ASK_DEADLINE, AskError};

pub(super) type Answer = oneshot::Sender<Result<Reply, AskError>>;

/// In the order of their references. Never more than the server keeps answers: one that is sent again
/// is then always still known there.
#[derive(Default)]
pub(super) struct Asks {
    last: u32,
    waiting: BTreeMap<u32, Ask>,
}

struct Ask {
    command: Command,
    answer: Answer,
    until: Instant,
}

impl Asks {
    /// Takes a command under a new reference and gives the message to send, or answers at once when
    /// too many wait.
    pub(super) fn take(
        &mut self,
        command: Command,
        answer: Answer,
        now: Instant,
    ) -> Option<ClientMessage> {
        if self.waiting.len() >= ANSWERS_KEPT {
            // Whoever asked may have gone: then nobody needs to know.
            let _ = answer.send(Err(AskError::TooMany));
            return None;
        }
        self.last += 1;
        let message = ClientMessage::Do {
            reference: self.last,
            command: command.clone(),
        };
        let until = now + ASK_DEADLINE;
        let ask = Ask {
            command,
            answer,
            until,
        };
        self.waiting.insert(self.last, ask);
        Some(message)
    }

    /// An answer came. One that nobody waits for is of a command that was sent twice.
    pub(super) fn answered(&mut self, reference: u32, answer: Result<Reply, AskError>) {
        if let Some(ask) = self.waiting.remove(&reference) {
            let _ = ask.answer.send(answer);
        }
    }

    /// What to send on a new link: everything without an answer, under its old reference.
    pub(super) fn unanswered(&mut self, now: Instant) -> Vec<ClientMessage> {
        self.forget_late(now);
        let again = self
            .waiting
            .iter()
            .map(|(&reference, ask)| ClientMessage::Do {
                reference,
                command: ask.command.clone(),
            });
        again.collect()
    }

    /// Gives up what nobody waits for any more.
    pub(super) fn forget_late(&mut self, now: Instant) {
        self.waiting
            .retain(|_, ask| now < ask.until && !ask.answer.is_closed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str) -> Command {
        Command::Say {
            text: text.to_owned(),
        }
    }

    fn reference(message: &ClientMessage) -> u32 {
        match message {
            ClientMessage::Do { reference, .. } => *reference,
            _ => panic!("{message:?}"),
        }
    }

    #[tokio::test]
    async fn what_has_no_answer_is_sent_again_under_its_old_reference() {
        let now = Instant::now();
        let mut asks = Asks::default();
        let (first, mut first_answer) = oneshot::channel();
        let (second, _second_answer) = oneshot::channel();
        let one = reference(&asks.take(say("one"), first, now).unwrap());
        let two = reference(&asks.take(say("two"), second, now).unwrap());
        assert!(one < two);
        asks.answered(one, Ok(Reply::Nothing));
        assert_eq!(first_answer.try_recv().unwrap(), Ok(Reply::Nothing));
        let again: Vec<_> = asks.unanswered(now).iter().map(reference).collect();
        assert_eq!(again, [two]);
    }

    #[tokio::test]
    async fn never_more_wait_than_the_server_keeps_answers() {
        let now = Instant::now();
        let mut asks = Asks::default();
        let mut answers = Vec::new();
        for _ in 0..ANSWERS_KEPT {
            let (answer, answered) = oneshot::channel();
            assert!(asks.take(say("x"), answer, now).is_some());
            answers.push(answered);
        }
        let (answer, mut answered) = oneshot::channel();
        assert!(asks.take(say("x"), answer, now).is_none());
        assert_eq!(answered.try_recv().unwrap(), Err(AskError::TooMany));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_given_up() {
        let now = Instant::now();
        let mut asks = Asks::default();
        let (given_up, waiting) = oneshot::channel();
        let (late, _late_answer) = oneshot::channel();
        asks.take(say("given up"), given_up, now);
        drop(waiting);
        asks.take(say("late"), late, now);
        assert_eq!(asks.unanswered(now).len(), 1);
        assert!(asks.unanswered(now + ASK_DEADLINE).is_empty());
    }
}
