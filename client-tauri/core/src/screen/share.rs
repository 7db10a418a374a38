//! Showing a screen: a thread captures and encodes, a task holds the link.

mod capturing;

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use bytes::Bytes;
use conclave_core::media::tiles::{AckWindow, INTERVAL_MS_MAX, INTERVAL_MS_MIN};
use conclave_wire::{
    Refusal,
    screen::{ScreenMessage, ScreenPurpose},
};
use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use tokio::{sync::mpsc, time::timeout};

use super::{
    ScreenAccess, ScreenSource,
    link::{Ended, Retry},
};
use crate::media::clock::MediaClock;

use capturing::Capturing;

/// Messages between the thread and the link.
const OUTGOING_MESSAGES_MAX: usize = 16;
const EVENTS_MAX: usize = 64;
/// A server that acknowledges nothing for so long is gone.
const ROOM_DEADLINE: Duration = Duration::from_secs(10);
/// For the server to close after we have.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// What happens to a screen that is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ShareEvent {
    /// The server takes it.
    Live,
    /// The link is lost and opened again; viewers keep what they have.
    Lost,
    /// It is over: the server says why, or nothing when it cannot be reached any more.
    Ended(Option<Refusal>),
    /// The source gives no more pictures.
    SourceGone,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ShareFigures {
    pub captured: u64,
    /// Captures in which something was to be sent.
    pub frames: u64,
    pub messages: u64,
    pub bytes: u64,
    /// How often the server wants a frame at most.
    pub interval_ms: u16,
}

/// A screen that is shown. Dropping it ends that.
pub struct ScreenShare {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    link: tokio::task::JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    clock: MediaClock,
    events: mpsc::Sender<ShareEvent>,
}

#[derive(Default)]
struct State {
    stop: bool,
    /// Where messages go; `None` while there is no link.
    outgoing: Option<mpsc::Sender<Bytes>>,
    /// Rises with each link, so that the thread begins anew.
    link: u64,
    window: AckWindow,
    refresh: bool,
    figures: ShareFigures,
}

impl ScreenShare {
    /// Shows a source from now on. Must be called within a tokio runtime. `open` makes the source on the
    /// thread that reads it.
    pub fn start(
        access: ScreenAccess,
        clock: MediaClock,
        open: impl FnOnce() -> Box<dyn ScreenSource> + Send + 'static,
    ) -> (ScreenShare, mpsc::Receiver<ShareEvent>) {
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            clock,
            events,
        });
        shared.state.lock().figures.interval_ms = INTERVAL_MS_MIN;
        let capturing = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("screen share".into())
            .spawn(move || Capturing::new(capturing).run(open()));
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread for the screen");
            shared.tell(ShareEvent::SourceGone);
        }
        let share = ScreenShare {
            link: tokio::spawn(hold_link(access, Arc::clone(&shared))),
            shared,
            thread: thread.ok(),
        };
        (share, received)
    }

    pub fn figures(&self) -> ShareFigures {
        self.shared.state.lock().figures
    }

    /// Tells the viewers that it is over, and ends it.
    pub async fn stop(mut self) {
        let outgoing = self.shared.state.lock().outgoing.clone();
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // It may be in the middle of a capture.
            let ended = tokio::task::spawn_blocking(move || thread.join());
            if !matches!(ended.await, Ok(Ok(()))) {
                tracing::error!("the thread of the screen had panicked");
            }
        }
        if let Some(outgoing) = outgoing {
            let stop = ScreenMessage::Stop.to_bytes().into();
            // With the last sender gone the link writes what waits and closes.
            let _ = outgoing.send_timeout(stop, ROOM_DEADLINE).await;
        }
        let link = &mut self.link;
        if timeout(ROOM_DEADLINE, link).await.is_err() {
            tracing::debug!("the screen link did not close in time");
        }
    }
}

impl Drop for ScreenShare {
    fn drop(&mut self) {
        self.shared.stop();
        self.link.abort();
    }
}

impl Shared {
    fn stop(&self) {
        let mut state = self.state.lock();
        state.stop = true;
        state.outgoing = None;
        self.changed.notify_all();
    }

    fn tell(&self, event: ShareEvent) {
        // A reader that is behind misses what is over.
        let _ = self.events.try_send(event);
    }
}

/// The task's part: opens the link, and again when it is lost.
async fn hold_link(access: ScreenAccess, shared: Arc<Shared>) {
    let mut retry = Retry::default();
    loop {
        let ended = run_link(&access, &shared, &mut retry).await;
        shared.state.lock().outgoing = None;
        if shared.state.lock().stop {
            return;
        }
        let refusal = match ended {
            Ended::Lost => {
                shared.tell(ShareEvent::Lost);
                match retry.wait().await {
                    true => continue,
                    false => None,
                }
            }
            Ended::Refused(refusal) => Some(refusal),
        };
        shared.tell(ShareEvent::Ended(refusal));
        return shared.stop();
    }
}

async fn run_link(access: &ScreenAccess, shared: &Shared, retry: &mut Retry) -> Ended {
    let (mut outgoing, mut incoming) = match access.open(ScreenPurpose::Present).await {
        Ok(halves) => halves,
        Err(ended) => return ended,
    };
    // The server says at once how often it wants frames.
    match incoming.next().await {
        Ok(first) => shared.ordered(&first),
        Err(ended) => return ended,
    }
    retry.succeeded();
    let (sender, mut messages) = mpsc::channel::<Bytes>(OUTGOING_MESSAGES_MAX);
    if !shared.linked(sender) {
        return Ended::Lost;
    }
    shared.tell(ShareEvent::Live);
    // Apart, so that acknowledgements are read while a write waits.
    let writing = async {
        while let Some(message) = messages.recv().await {
            outgoing.send(message).await?;
        }
        outgoing.close().await;
        Ok(())
    };
    let reading = async {
        loop {
            match incoming.next().await {
                Ok(message) => shared.ordered(&message),
                Err(ended) => return ended,
            }
        }
    };
    tokio::pin!(reading);
    let written: Result<(), Ended> = tokio::select! {
        ended = &mut reading => return ended,
        written = writing => written,
    };
    match written {
        Ok(()) => {
            // Until the server has closed too: a connection that is dropped may take its last words along.
            let _ = timeout(CLOSE_DEADLINE, reading).await;
            Ended::Lost
        }
        Err(ended) => ended,
    }
}

impl Shared {
    /// There is a link, on which nothing was sent yet. False when it is not wanted any more.
    fn linked(&self, outgoing: mpsc::Sender<Bytes>) -> bool {
        let mut state = self.state.lock();
        if state.stop {
            return false;
        }
        state.link += 1;
        state.outgoing = Some(outgoing);
        state.window = AckWindow::new();
        self.changed.notify_all();
        true
    }

    fn ordered(&self, message: &[u8]) {
        let mut state = self.state.lock();
        match ScreenMessage::parse(message) {
            Some(ScreenMessage::Ack { bytes }) => {
                if state.window.acknowledge(bytes).is_err() {
                    tracing::warn!("the server acknowledges what was not sent");
                    state.outgoing = None;
                }
            }
            Some(ScreenMessage::Pace { interval_ms }) => {
                state.figures.interval_ms = interval_ms.clamp(INTERVAL_MS_MIN, INTERVAL_MS_MAX);
            }
            Some(ScreenMessage::Refresh) => state.refresh = true,
            Some(_) | None => tracing::warn!("the server sent what no presenter needs"),
        }
        self.changed.notify_all();
    }
}
