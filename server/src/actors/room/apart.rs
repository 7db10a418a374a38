//! Commands that come without a link, over HTTP: the same rules and refusals, and the answer to who asked.

use std::collections::BTreeMap;

use actix::prelude::*;
use conclave_core::room::REFERENCES_APART;
use conclave_wire::{
    Command, ParticipantId, QuestionId, Refusal, RefusalCode, RoomState, command::Reply,
};
use tokio::sync::oneshot;

use super::RoomActor;
use crate::auth::token;

/// Commands that wait for their answer at once.
const WAITING_MAX: usize = 1_024;
/// The numbers of references are drawn by the date in steps of so long, so that they rise over restarts: a
/// line or a question is unique by its author and its reference.
const MS_PER_REFERENCE: u64 = 16;

/// A command of whoever has this seat token.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Reply, Refusal>")]
pub struct ActFor {
    pub token: String,
    pub command: Command,
}

/// The room as the seat with this token sees it.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<SeatView, Refusal>")]
pub struct DescribeFor {
    pub token: String,
}

#[derive(Clone, Debug)]
pub struct SeatView {
    pub id: ParticipantId,
    pub state: RoomState,
    /// Milliseconds since the room was opened.
    pub room_clock_ms: u64,
}

/// How many votes a question has.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Option<u32>")]
pub struct CountVotes {
    pub question: QuestionId,
}

type Answer = oneshot::Sender<Result<Reply, Refusal>>;

/// Who waits for the answer to which reference.
#[derive(Default)]
pub(super) struct Apart {
    waiting: BTreeMap<u32, Answer>,
    newest: u32,
}

impl Apart {
    /// A reference that was never given before, for somebody who waits for its answer.
    fn wait(&mut self, unix_ms: u64, answer: Answer) -> Result<u32, RefusalCode> {
        if self.waiting.len() >= WAITING_MAX {
            // Who has given up needs no answer.
            self.waiting.retain(|_, answer| !answer.is_closed());
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(RefusalCode::Busy);
        }
        let by_date = u32::try_from(unix_ms / MS_PER_REFERENCE % u64::from(REFERENCES_APART));
        let drawn = REFERENCES_APART | by_date.unwrap_or_default();
        self.newest = match drawn > self.newest {
            true => drawn,
            false => self.newest.checked_add(1).unwrap_or(REFERENCES_APART),
        };
        self.waiting.insert(self.newest, answer);
        Ok(self.newest)
    }

    /// Hands an answer to who waits for it; gives it back when nobody does.
    pub(super) fn answer(
        &mut self,
        reference: u32,
        result: Result<Reply, Refusal>,
    ) -> Option<Result<Reply, Refusal>> {
        match self.waiting.remove(&reference) {
            Some(answer) => {
                // Who asked may have given up.
                answer.send(result).ok();
                None
            }
            None => Some(result),
        }
    }
}

impl Handler<ActFor> for RoomActor {
    type Result = ResponseFuture<Result<Reply, Refusal>>;

    fn handle(
        &mut self,
        ActFor { token, command }: ActFor,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        let seat = self.room.seat_of(&token::hash(&token));
        let now = self.services.clock.both();
        let reference = self.apart.wait(now.unix_ms, answer);
        let (id, reference) = match seat.and_then(|(id, _)| Ok((id, reference?))) {
            Ok(both) => both,
            Err(code) => return Box::pin(async move { Err(code.into()) }),
        };
        self.drive(ctx, |room, now, out| {
            room.seen(id, now.moment);
            room.act(id, reference, command, now, out);
        });
        Box::pin(async move { answered.await.unwrap_or(Err(RefusalCode::Stopping.into())) })
    }
}

impl Handler<DescribeFor> for RoomActor {
    type Result = Result<SeatView, Refusal>;

    fn handle(
        &mut self,
        DescribeFor { token }: DescribeFor,
        _: &mut Self::Context,
    ) -> Self::Result {
        let (id, _) = self.room.seat_of(&token::hash(&token))?;
        let now = self.services.clock.now();
        let room_clock_ms = now.since(self.room.opened()).as_millis();
        Ok(SeatView {
            id,
            state: self.room.snapshot_for(id),
            room_clock_ms: u64::try_from(room_clock_ms).unwrap_or(u64::MAX),
        })
    }
}

impl Handler<CountVotes> for RoomActor {
    type Result = Option<u32>;

    fn handle(
        &mut self,
        CountVotes { question }: CountVotes,
        _: &mut Self::Context,
    ) -> Self::Result {
        self.room.votes(question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_rise_also_when_many_come_at_once_or_the_room_opens_again() {
        let mut apart = Apart::default();
        let mut last = 0;
        for unix_ms in [1_000_000, 1_000_000, 1_000_001, 1_000_020] {
            let drawn = apart.wait(unix_ms, oneshot::channel().0).unwrap();
            assert!(drawn > last && drawn >= REFERENCES_APART);
            last = drawn;
        }
        let mut later = Apart::default();
        assert!(later.wait(1_001_000, oneshot::channel().0).unwrap() > last);
    }

    #[test]
    fn whoever_has_given_up_makes_room_and_too_many_are_refused() {
        let mut apart = Apart::default();
        let mut kept = Vec::new();
        for _ in 0..WAITING_MAX {
            let (answer, answered) = oneshot::channel();
            apart.wait(1, answer).unwrap();
            kept.push(answered);
        }
        assert_eq!(apart.wait(1, oneshot::channel().0), Err(RefusalCode::Busy));
        kept.pop();
        assert!(apart.wait(1, oneshot::channel().0).is_ok());
    }

    #[test]
    fn an_answer_goes_to_who_waits_and_comes_back_when_nobody_does() {
        let mut apart = Apart::default();
        let (answer, mut answered) = oneshot::channel();
        let reference = apart.wait(1, answer).unwrap();
        assert_eq!(apart.answer(reference, Ok(Reply::Nothing)), None);
        assert_eq!(answered.try_recv(), Ok(Ok(Reply::Nothing)));
        assert_eq!(
            apart.answer(reference, Ok(Reply::Nothing)),
            Some(Ok(Reply::Nothing))
        );
    }
}
