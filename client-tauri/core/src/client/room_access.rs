//! What hangs on a client's room without keeping it alive: it ends with the client.

use std::sync::{Arc, Weak};

use conclave_core::link::clock::Reading;
use conclave_wire::{Command, ParticipantId, RoomState, command::Reply};
use tokio::sync::watch;

use super::{Client, parts::Parts};
use crate::{
    media::clock::MediaClock,
    session::{AskError, Session},
};

#[derive(Clone)]
pub(crate) struct RoomAccess {
    pub you: ParticipantId,
    pub clock: MediaClock,
    pub state: watch::Receiver<Arc<RoomState>>,
    session: Weak<Session>,
    parts: Weak<Parts>,
}

impl RoomAccess {
    pub fn of(client: &Client) -> RoomAccess {
        RoomAccess {
            you: client.session.id(),
            clock: client.running.parts.clock,
            state: client.session.state(),
            session: Arc::downgrade(&client.session),
            parts: Arc::downgrade(&client.running.parts),
        }
    }

    /// # Errors
    /// `Ended` also when the client is gone.
    pub async fn ask(&self, command: Command) -> Result<Reply, AskError> {
        let session = self.session.upgrade().ok_or(AskError::Ended)?;
        session.ask(command).await
    }

    /// The room clock now, and how wrong it may be; `None` before the first echo.
    pub fn room_clock(&self) -> Option<Reading> {
        self.parts.upgrade()?.link.room_clock()
    }
}
