//! One person's program: a replica, what was asked and not answered, and the way back.

use std::collections::BTreeMap;

use conclave_core::{Moment, link::backoff::Backoff, room::replica};
use conclave_wire::{Command, Cursor, Numbered, ParticipantId, Refusal, RoomState, command::Reply};

/// A client that hears nothing for so long after its hello begins anew.
const WELCOME_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// A command and what came of it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub command: Command,
    /// How often it was sent.
    pub sent: u32,
    /// Each answer that came.
    pub answers: Vec<Result<Reply, Refusal>>,
}

pub struct Client {
    pub seat: ParticipantId,
    pub state: RoomState,
    pub cursor: Cursor,
    /// Everything that was ever asked, by reference.
    pub asked: BTreeMap<u32, Asked>,
    /// How often events and how often a snapshot brought it up to date.
    pub resumed: u64,
    pub snapshots: u64,
    /// Of the present link; each attempt has another one.
    pub(super) link: u32,
    standing: Standing,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    Linked,
    Away {
        until: Moment,
    },
    /// Hello was said.
    Entering {
        until: Moment,
    },
}

impl Client {
    pub(super) fn new(seat: ParticipantId, cursor: Cursor, state: RoomState) -> Client {
        Client {
            seat,
            state,
            cursor,
            asked: BTreeMap::new(),
            resumed: 0,
            snapshots: 0,
            link: 0,
            standing: Standing::Linked,
            backoff: Backoff::default(),
        }
    }

    pub fn is_linked(&self) -> bool {
        self.standing == Standing::Linked
    }

    /// Commands that wait for an answer.
    pub fn unanswered(&self) -> usize {
        self.asked
            .values()
            .filter(|asked| asked.answers.is_empty())
            .count()
    }

    /// Notes a command. Gives link and reference when it can be sent now.
    pub(super) fn ask(&mut self, command: Command) -> Option<(u32, u32)> {
        let reference = self.asked.len() as u32 + 1;
        let sent = u32::from(self.is_linked());
        let asked = Asked {
            command,
            sent,
            answers: Vec::new(),
        };
        self.asked.insert(reference, asked);
        self.is_linked().then_some((self.link, reference))
    }

    pub(super) fn lose_link(&mut self, until: Moment, random: u64) {
        self.link += 1;
        let until = until + self.backoff.next_wait(random);
        self.standing = Standing::Away { until };
    }

    /// When it tries to come back.
    pub(super) fn next_attempt(&self) -> Option<Moment> {
        match self.standing {
            Standing::Linked => None,
            Standing::Away { until } | Standing::Entering { until } => Some(until),
        }
    }

    /// A new link and the cursor to say hello with; or, when nobody answered the last one, a rest first.
    pub(super) fn come_back(&mut self, now: Moment, random: u64) -> (u32, Option<Cursor>) {
        self.link += 1;
        let wait = self.backoff.next_wait(random);
        self.standing = Standing::Entering {
            until: now + WELCOME_WITHIN + wait,
        };
        (self.link, Some(self.cursor))
    }

    /// It is in; gives what is to be sent again.
    pub(super) fn welcomed(
        &mut self,
        cursor: Cursor,
        snapshot: Option<RoomState>,
        missed: &[Numbered],
    ) -> Vec<(u32, Command)> {
        match snapshot {
            Some(snapshot) => {
                self.snapshots += 1;
                self.state = snapshot;
                self.cursor = cursor;
            }
            None => {
                self.resumed += 1;
                assert_eq!(cursor, self.cursor, "events follow what the client has");
            }
        }
        missed.iter().for_each(|numbered| self.happened(numbered));
        self.standing = Standing::Linked;
        self.backoff.succeeded();
        let waiting = self
            .asked
            .iter_mut()
            .filter(|(_, asked)| asked.answers.is_empty());
        let again = waiting.map(|(&reference, asked)| {
            asked.sent += 1;
            (reference, asked.command.clone())
        });
        again.collect()
    }

    pub(super) fn happened(&mut self, numbered: &Numbered) {
        assert_eq!(
            numbered.number,
            self.cursor.number + 1,
            "no event is left out or comes twice"
        );
        self.cursor.number = numbered.number;
        replica::apply(&mut self.state, &numbered.event);
    }

    pub(super) fn answered(&mut self, reference: u32, result: Result<Reply, Refusal>) {
        if let Some(asked) = self.asked.get_mut(&reference) {
            asked.answers.push(result);
        }
    }
}
