//! What the owner of a session is told, at the owner's own pace.

use tokio::{sync::mpsc, time::timeout};

use super::{LEAVE_DEADLINE, SessionEvent};

/// The sending end of a session's events. It never waits, but for the last one.
pub(super) struct Owner {
    events: mpsc::Sender<SessionEvent>,
    /// Events were dropped because nobody read them.
    owes_snapshot: bool,
}

impl Owner {
    pub(super) fn new(events: mpsc::Sender<SessionEvent>) -> Owner {
        Owner {
            events,
            owes_snapshot: false,
        }
    }

    /// An owner who does not read misses what happens, and is told as soon as they read again that the
    /// state is new.
    pub(super) fn tell(&mut self, event: SessionEvent) {
        if self.owes_snapshot {
            if self.events.try_send(SessionEvent::Snapshot).is_err() {
                return;
            }
            self.owes_snapshot = false;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            self.owes_snapshot = true;
        }
    }

    /// The last event must not be lost, and nobody waits for ever.
    pub(super) async fn tell_last(&mut self, event: SessionEvent) {
        if self.owes_snapshot {
            let snapshot = self.events.send(SessionEvent::Snapshot);
            let _ = timeout(LEAVE_DEADLINE, snapshot).await;
        }
        let _ = timeout(LEAVE_DEADLINE, self.events.send(event)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(event: SessionEvent) -> u32 {
        match event {
            SessionEvent::Connecting { attempt } => attempt,
            SessionEvent::Snapshot => 0,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn who_reads_too_late_is_told_that_the_state_is_new() {
        let (events, mut read) = mpsc::channel(2);
        let mut owner = Owner::new(events);
        for attempt in 1..=5 {
            owner.tell(SessionEvent::Connecting { attempt });
        }
        assert_eq!(attempt(read.recv().await.unwrap()), 1);
        assert_eq!(attempt(read.recv().await.unwrap()), 2);
        owner.tell(SessionEvent::Connecting { attempt: 6 });
        assert_eq!(attempt(read.recv().await.unwrap()), 0);
        assert_eq!(attempt(read.recv().await.unwrap()), 6);
    }
}
