//! A session together with everything it was told.

use std::sync::Arc;

use conclave_client::session::{JoinError, Session, SessionConfig, SessionEvent};
use conclave_wire::{Command, Event, Line, LineKind, RoomState, command::Reply};
use tokio::{sync::mpsc, time::timeout};

use crate::served::PATIENCE;

pub struct Seen {
    pub session: Session,
    events: mpsc::Receiver<SessionEvent>,
    /// Events that came while something else was waited for.
    pub told: Vec<SessionEvent>,
}

impl Seen {
    pub async fn join(config: SessionConfig) -> Result<Seen, JoinError> {
        let (session, events) = Session::join(config).await?;
        Ok(Seen {
            session,
            events,
            told: Vec::new(),
        })
    }

    /// Waits for an event, keeping those before it.
    pub async fn until<T>(&mut self, wanted: impl Fn(&SessionEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the session has ended");
                let found = wanted(&event);
                self.told.push(event);
                if let Some(found) = found {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("it never happened")
    }

    /// Waits until the state is as it should be.
    pub async fn state_where(&self, wanted: impl Fn(&RoomState) -> bool) -> Arc<RoomState> {
        let mut state = self.session.state();
        let found = async {
            state
                .wait_for(|state| wanted(state))
                .await
                .map(|state| state.clone())
        };
        let found = timeout(PATIENCE, found).await;
        found
            .expect("the state never was so")
            .expect("the session has ended")
    }

    pub async fn say(&self, text: &str) -> Reply {
        let text = text.to_owned();
        self.session.ask(Command::Say { text }).await.unwrap()
    }

    /// Numbers of all events that were told, in the order of telling.
    pub fn numbers(&self) -> Vec<u32> {
        let number = |event: &SessionEvent| match event {
            SessionEvent::Happened(numbered) => Some(numbered.number),
            _ => None,
        };
        self.told.iter().filter_map(number).collect()
    }
}

/// What people have said, in order.
pub fn said(state: &RoomState) -> Vec<String> {
    let spoken = |line: &&Line| line.kind == LineKind::Said;
    let lines = state.lines.iter().filter(spoken);
    lines.map(|line| line.text.clone()).collect()
}

/// The text of a line that was said.
pub fn line(event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::Happened(numbered) => match &numbered.event {
            Event::LineSaid { line } if line.kind == LineKind::Said => Some(line.text.clone()),
            _ => None,
        },
        _ => None,
    }
}

pub fn lost(event: &SessionEvent) -> Option<()> {
    matches!(event, SessionEvent::Lost { .. }).then_some(())
}

pub fn welcomed(event: &SessionEvent) -> Option<()> {
    matches!(event, SessionEvent::Welcomed(_)).then_some(())
}
