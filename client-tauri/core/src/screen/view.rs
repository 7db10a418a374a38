//! Viewing a screen: a task holds the link, a thread decodes and paints.

use std::sync::Arc;

use bytes::Bytes;
use conclave_core::media::tiles::{Span, TileCanvas, TileGrid};
use conclave_wire::{
    Refusal,
    screen::{RunCodec, ScreenMessage, ScreenPurpose},
};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::{
    ScreenAccess, decode_run,
    link::{Ended, Incoming, Outgoing, Retry, changed},
};

/// Messages between the link and the thread; more wait in the network.
const INCOMING_MESSAGES_MAX: usize = 32;
const EVENTS_MAX: usize = 256;
/// Acknowledge after so many bytes, or when nothing waits.
const ACK_EVERY_BYTES: u32 = 32 * 1024;

/// What happens on a screen that is viewed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ScreenEvent {
    /// A screen of this size begins, black at first.
    Started { width_px: u32, height_px: u32 },
    /// What is on the canvas is whole.
    Painted { generation: u32, captured_ms: u32 },
    /// In pixels; `None` when it is not on the screen.
    Pointer(Option<(u16, u16)>),
    /// Nobody shows anything any more.
    Stopped,
    /// The link is lost and opened again; the canvas stays as it is.
    Lost,
    /// It is over: the server says why, or nothing when it cannot be reached any more.
    Ended(Option<Refusal>),
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ViewFigures {
    pub messages: u64,
    pub bytes: u64,
    pub jpeg_runs: u64,
    pub png_runs: u64,
    /// Runs that could not be painted.
    pub refused_runs: u64,
    /// Frames that were whole.
    pub frames: u64,
}

/// A screen that is viewed. Dropping it ends that.
pub struct ScreenView {
    shared: Arc<Shared>,
    link: tokio::task::JoinHandle<()>,
}

struct Shared {
    canvas: Mutex<Option<TileCanvas>>,
    figures: Mutex<ViewFigures>,
    events: mpsc::Sender<ScreenEvent>,
}

/// From the link to the thread.
enum Arrived {
    Message(Bytes),
    /// A new link: count from nothing, and acknowledge here.
    Link(watch::Sender<u32>),
}

impl ScreenView {
    /// Views a room's screen, whenever somebody shows one. Must be called within a tokio runtime.
    pub fn open(access: ScreenAccess) -> (ScreenView, mpsc::Receiver<ScreenEvent>) {
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let shared = Arc::new(Shared {
            canvas: Mutex::new(None),
            figures: Mutex::default(),
            events,
        });
        let (arrived, messages) = mpsc::channel(INCOMING_MESSAGES_MAX);
        let painting = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("screen view".into())
            .spawn(move || paint(&painting, messages));
        if let Err(error) = thread {
            tracing::error!(%error, "no thread for the screen");
            shared.tell(ScreenEvent::Ended(None));
        }
        let link = tokio::spawn(hold_link(access, Arc::clone(&shared), arrived));
        (ScreenView { shared, link }, received)
    }

    /// Reads the picture; `None` while nobody shows a screen. Nothing is painted meanwhile.
    pub fn with_canvas<R>(&self, read: impl FnOnce(Option<&mut TileCanvas>) -> R) -> R {
        read(self.shared.canvas.lock().as_mut())
    }

    pub fn figures(&self) -> ViewFigures {
        *self.shared.figures.lock()
    }
}

impl Drop for ScreenView {
    fn drop(&mut self) {
        // The thread ends with its channel.
        self.link.abort();
    }
}

impl Shared {
    fn tell(&self, event: ScreenEvent) {
        // A reader that is behind misses what is over; the canvas has it all.
        let _ = self.events.try_send(event);
    }
}

/// The thread's part.
fn paint(shared: &Shared, mut messages: mpsc::Receiver<Arrived>) {
    let mut acks: Option<watch::Sender<u32>> = None;
    let (mut taken, mut acknowledged) = (0u32, 0u32);
    while let Some(arrived) = messages.blocking_recv() {
        match arrived {
            Arrived::Link(sender) => {
                acks = Some(sender);
                (taken, acknowledged) = (0, 0);
            }
            Arrived::Message(message) => {
                shared.take(&message);
                taken = taken.wrapping_add(message.len() as u32);
            }
        }
        let news = taken.wrapping_sub(acknowledged);
        if news >= ACK_EVERY_BYTES || (news > 0 && messages.is_empty()) {
            acknowledged = taken;
            if let Some(acks) = &acks {
                acks.send_replace(taken);
            }
        }
    }
}

impl Shared {
    fn take(&self, message: &[u8]) {
        {
            let mut figures = self.figures.lock();
            figures.messages += 1;
            figures.bytes += message.len() as u64;
        }
        match ScreenMessage::parse(message) {
            Some(ScreenMessage::Start {
                width_px,
                height_px,
            }) => {
                let (width_px, height_px) = (width_px.into(), height_px.into());
                *self.canvas.lock() = TileGrid::new(width_px, height_px).ok().map(TileCanvas::new);
                self.tell(ScreenEvent::Started {
                    width_px,
                    height_px,
                });
            }
            Some(ScreenMessage::Run(run)) => {
                let grid = self.canvas.lock().as_ref().map(TileCanvas::grid);
                let pixels = grid.and_then(|grid| decode_run(grid, &run).ok());
                let mut canvas = self.canvas.lock();
                let painted = canvas
                    .as_mut()
                    .zip(pixels)
                    .is_some_and(|(canvas, pixels)| canvas.paint(Span::of(&run), &pixels).is_ok());
                let mut figures = self.figures.lock();
                match (painted, run.codec) {
                    (true, RunCodec::Jpeg) => figures.jpeg_runs += 1,
                    (true, RunCodec::Png) => figures.png_runs += 1,
                    (false, _) => figures.refused_runs += 1,
                }
            }
            Some(ScreenMessage::FrameEnd {
                generation,
                captured_ms,
            }) => {
                self.figures.lock().frames += 1;
                self.tell(ScreenEvent::Painted {
                    generation,
                    captured_ms,
                });
            }
            Some(ScreenMessage::Pointer { at }) => self.tell(ScreenEvent::Pointer(at)),
            Some(ScreenMessage::Stop) => {
                *self.canvas.lock() = None;
                self.tell(ScreenEvent::Stopped);
            }
            Some(
                ScreenMessage::Ack { .. } | ScreenMessage::Pace { .. } | ScreenMessage::Refresh,
            )
            | None => tracing::warn!("the server sent what no viewer needs"),
        }
    }
}

/// The task's part: opens the link, and again when it is lost.
async fn hold_link(access: ScreenAccess, shared: Arc<Shared>, arrived: mpsc::Sender<Arrived>) {
    let mut retry = Retry::default();
    loop {
        let ended = match access.open(ScreenPurpose::View).await {
            Ok((outgoing, incoming)) => run_link(outgoing, incoming, &arrived, &mut retry).await,
            Err(ended) => ended,
        };
        let refusal = match ended {
            Ended::Lost => {
                shared.tell(ScreenEvent::Lost);
                match retry.wait().await {
                    true => continue,
                    false => None,
                }
            }
            Ended::Refused(refusal) => Some(refusal),
        };
        return shared.tell(ScreenEvent::Ended(refusal));
    }
}

async fn run_link(
    mut outgoing: Outgoing,
    mut incoming: Incoming,
    arrived: &mpsc::Sender<Arrived>,
    retry: &mut Retry,
) -> Ended {
    let (acks, mut acknowledged) = watch::channel(0);
    if arrived.send(Arrived::Link(acks)).await.is_err() {
        return Ended::Lost;
    }
    let reading = async {
        loop {
            let message = match incoming.next().await {
                Ok(message) => message,
                Err(ended) => return ended,
            };
            retry.succeeded();
            // While the thread is busy nothing more is read, and the server sends what is newest later.
            if arrived.send(Arrived::Message(message)).await.is_err() {
                return Ended::Lost;
            }
        }
    };
    let acknowledging = async {
        loop {
            let bytes = changed(&mut acknowledged).await;
            let ack = ScreenMessage::Ack { bytes }.to_bytes();
            if let Err(ended) = outgoing.send(ack.into()).await {
                return ended;
            }
        }
    };
    tokio::select! {
        ended = reading => ended,
        ended = acknowledging => ended,
    }
}
