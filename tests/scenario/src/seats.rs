//! People with a control link and nothing else: they ask, are told, and wait at doors.

use std::sync::Arc;

use conclave_client::{
    link::invite::Invite,
    session::{AskError, JoinError, Session, SessionConfig, SessionEvent},
};
use conclave_wire::{
    AtTheDoor, Command, Encoding, LeaveReason, Member, ParticipantId, QuestionId, RefusalCode,
    Role, RoomState, command::Reply,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::server::DEADLINE;

/// Somebody in a room.
pub struct Seat {
    pub session: Session,
    events: mpsc::Receiver<SessionEvent>,
}

/// Somebody who waits at the door, or is about to be let in.
pub struct AtDoor {
    place: watch::Receiver<Option<AtTheDoor>>,
    joining: JoinHandle<Result<Seat, JoinError>>,
}

impl Seat {
    /// # Panics
    /// When they are not let in.
    pub async fn join(invite: &Invite, name: &str) -> Seat {
        let joined = Seat::try_join(config(invite, name)).await;
        joined.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// # Errors
    /// Why they are not let in.
    pub async fn try_join(config: SessionConfig) -> Result<Seat, JoinError> {
        let (session, events) = Session::join(config).await?;
        Ok(Seat { session, events })
    }

    pub fn id(&self) -> ParticipantId {
        self.session.id()
    }

    pub fn state(&self) -> Arc<RoomState> {
        self.session.state().borrow().clone()
    }

    /// One's own row of the roster.
    pub fn me(&self) -> Member {
        member(&self.state(), self.id()).expect("who has a seat is in the roster")
    }

    /// # Panics
    /// When it is refused.
    pub async fn ask(&self, command: Command) -> Reply {
        let asked = self.session.ask(command.clone()).await;
        asked.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// # Panics
    /// When it is not refused.
    pub async fn refused(&self, command: Command) -> RefusalCode {
        match self.session.ask(command.clone()).await {
            Err(AskError::Refused(refusal)) => refusal.code,
            other => panic!("{command:?} was not refused: {other:?}"),
        }
    }

    pub async fn asks_question(&self, text: &str, anonymous: bool) -> QuestionId {
        let text = text.to_owned();
        match self.ask(Command::AskQuestion { text, anonymous }).await {
            Reply::Question { question } => question,
            reply => panic!("{reply:?}"),
        }
    }

    /// Waits until the room is as `pick` wants it.
    ///
    /// # Panics
    /// When it does not come to that in time.
    pub async fn sees<T>(&self, what: &str, pick: impl Fn(&RoomState) -> Option<T>) -> T {
        let mut state = self.session.state();
        let wait = async {
            loop {
                if let Some(picked) = pick(&state.borrow_and_update()) {
                    return picked;
                }
                state.changed().await.expect("the session goes on");
            }
        };
        match timeout(DEADLINE, wait).await {
            Ok(picked) => picked,
            Err(_) => panic!("{what} was not seen: {:#?}", self.state()),
        }
    }

    pub async fn sees_role(&self, of: ParticipantId, role: Role) {
        self.sees(&format!("{of:?} as {role:?}"), |state| {
            member(state, of).filter(|member| member.role == role)
        })
        .await;
    }

    /// Waits for the end of the session, and why.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn ended(mut self) -> (LeaveReason, String) {
        let end = async {
            loop {
                match self.events.recv().await {
                    Some(SessionEvent::Ended { reason, text }) => return (reason, text),
                    Some(_) => {}
                    None => panic!("the session ended without a word"),
                }
            }
        };
        timeout(DEADLINE, end).await.expect("the session ends")
    }
}

impl AtDoor {
    pub fn knock(invite: &Invite, name: &str) -> AtDoor {
        let (told, place) = watch::channel(None);
        let config = SessionConfig {
            file_hash: None,
            waiting: Some(told),
            ..config(invite, name)
        };
        AtDoor {
            place,
            joining: tokio::spawn(Seat::try_join(config)),
        }
    }

    /// Waits until they are told that they stand there.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn stands_at(&mut self, position: u32) -> AtTheDoor {
        let at = |place: &Option<AtTheDoor>| {
            place
                .as_ref()
                .is_some_and(|place| place.position == position)
        };
        let told = timeout(DEADLINE, self.place.wait_for(at)).await;
        let place = told.unwrap_or_else(|_| panic!("never told to stand at {position}"));
        place
            .expect("they wait")
            .clone()
            .expect("a place was looked for")
    }

    /// # Panics
    /// When nobody opens in time, or they are turned away.
    pub async fn let_in(self) -> Seat {
        let joined = timeout(DEADLINE, self.joining).await.expect("let in");
        joined
            .expect("joining goes on")
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// # Panics
    /// When they are let in.
    pub async fn turned_away(self) -> (RefusalCode, String) {
        let joined = timeout(DEADLINE, self.joining).await.expect("turned away");
        match joined.expect("joining goes on") {
            Err(JoinError::Refused(refusal)) => (refusal.code, refusal.message),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("let in"),
        }
    }
}

/// How somebody comes whose program keeps a secret of its own.
pub fn config(invite: &Invite, name: &str) -> SessionConfig {
    SessionConfig {
        invite: invite.clone(),
        name: name.to_owned(),
        password: None,
        sound: true,
        encoding: Encoding::MessagePack,
        seed: name.bytes().map(u64::from).sum(),
        device: Some(format!("the program of {name}")),
        file_hash: None,
        waiting: None,
    }
}

/// A link for everybody, without the host's key.
pub fn guest(invite: &Invite) -> Invite {
    invite.for_room(&invite.slug, None)
}

pub fn member(state: &RoomState, id: ParticipantId) -> Option<Member> {
    let mut members = state.members.iter();
    members.find(|member| member.id == id).cloned()
}
