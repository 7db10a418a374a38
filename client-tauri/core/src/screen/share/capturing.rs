//! The thread that captures, encodes, and waits until the server has room.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use conclave_core::Moment;
use conclave_wire::{RefusalCode, screen::ScreenMessage};
use parking_lot::MutexGuard;

use super::{
    super::{ScreenEncoder, ScreenSource},
    ROOM_DEADLINE, ShareEvent, Shared, State,
};

/// When nothing has changed for so long the screen is looked at less often.
const IDLE_AFTER: Duration = Duration::from_secs(2);
const IDLE_INTERVAL: Duration = Duration::from_millis(100);
/// A thread that waits looks this often whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the thread has.
pub(super) struct Capturing {
    shared: Arc<Shared>,
    encoder: ScreenEncoder,
    link: u64,
    pointer: Option<(u16, u16)>,
    changed_at: Moment,
}

impl Capturing {
    pub(super) fn new(shared: Arc<Shared>) -> Capturing {
        Capturing {
            changed_at: shared.clock.now(),
            shared,
            encoder: ScreenEncoder::new(),
            link: 0,
            pointer: None,
        }
    }

    pub(super) fn run(mut self, mut source: Box<dyn ScreenSource>) {
        let mut due = self.now();
        while self.wait_for_link(due) {
            let started = self.now();
            match source.capture() {
                Ok(shot) => {
                    let now = self.now();
                    let pointer = shot.pointer;
                    let Ok(messages) = self.encoder.frame(&shot, now) else {
                        let refusal = RefusalCode::ScreenTooLarge.into();
                        return self.shared.tell(ShareEvent::Ended(Some(refusal)));
                    };
                    if self.send(messages, pointer).is_err() {
                        continue;
                    }
                }
                Err(gone) => {
                    tracing::debug!(%gone, "sharing ends");
                    return self.shared.tell(ShareEvent::SourceGone);
                }
            }
            due = started + self.interval();
        }
    }

    /// Waits for the next frame's time and for a link. False when it is over.
    fn wait_for_link(&mut self, due: Moment) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        while !state.stop && (state.outgoing.is_none() || self.now() < due) {
            let at = match state.outgoing {
                Some(_) => due,
                None => self.now() + LOOK_EVERY,
            };
            let at = shared.clock.instant(at);
            shared.changed.wait_until(&mut state, at);
        }
        if state.link != self.link {
            self.link = state.link;
            self.encoder.restart();
            self.pointer = None;
        }
        if std::mem::take(&mut state.refresh) {
            self.encoder.refresh();
        }
        state.figures.captured += 1;
        !state.stop
    }

    fn now(&self) -> Moment {
        self.shared.clock.now()
    }

    fn interval(&self) -> Duration {
        let asked = self.shared.state.lock().figures.interval_ms;
        let asked = Duration::from_millis(asked.into());
        match self.now().since(self.changed_at) > IDLE_AFTER {
            true => asked.max(IDLE_INTERVAL),
            false => asked,
        }
    }

    fn send(
        &mut self,
        messages: Vec<Bytes>,
        pointer: Option<(u16, u16)>,
    ) -> Result<(), LinkChanged> {
        let shared = Arc::clone(&self.shared);
        if !messages.is_empty() {
            self.changed_at = self.now();
            shared.state.lock().figures.frames += 1;
        }
        for message in messages {
            self.send_one(message)?;
        }
        if pointer != self.pointer {
            self.send_one(ScreenMessage::Pointer { at: pointer }.to_bytes().into())?;
            self.pointer = pointer;
        }
        Ok(())
    }

    fn send_one(&self, message: Bytes) -> Result<(), LinkChanged> {
        let bytes = message.len();
        let outgoing = {
            let mut state = self.wait_for_room(bytes)?;
            state.window.sent(bytes);
            state.figures.messages += 1;
            state.figures.bytes += bytes as u64;
            state.outgoing.clone().ok_or(LinkChanged)?
        };
        // The link takes it or is gone: a write has a deadline.
        outgoing.blocking_send(message).map_err(|_| LinkChanged)
    }

    fn wait_for_room(&self, bytes: usize) -> Result<MutexGuard<'_, State>, LinkChanged> {
        let deadline = self.now() + ROOM_DEADLINE;
        let mut state = self.shared.state.lock();
        while !state.window.has_room(bytes) {
            if state.stop || state.link != self.link || state.outgoing.is_none() {
                return Err(LinkChanged);
            }
            if self.now() >= deadline {
                tracing::debug!("the server acknowledges nothing");
                state.outgoing = None;
                return Err(LinkChanged);
            }
            let until = self.shared.clock.instant(deadline);
            self.shared.changed.wait_until(&mut state, until);
        }
        if state.link != self.link {
            return Err(LinkChanged);
        }
        Ok(state)
    }
}

/// The thread has nothing to send to any more.
struct LinkChanged;
