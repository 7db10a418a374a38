//! The presenter's place in a room: whose screen is shown, and to whom.

use std::collections::{BTreeMap, VecDeque};

use conclave_wire::{ParticipantId, RefusalCode, screen::ScreenMessage};

use super::{
    CachedRun, FrameEnd, Next, PresenterPace, RunRefused, Span, TileCache, TileGrid, ViewerPace,
};
use crate::Moment;

/// Passes one presenter's screen on to many viewers. Links are named by numbers that the shell gives and
/// never uses again. `B` is a message as it came, cheap to clone.
#[derive(Debug)]
pub struct ScreenSlot<B> {
    /// Who may present.
    floor: Option<ParticipantId>,
    presenter: Option<PresenterLink>,
    cache: TileCache<B>,
    pace: PresenterPace,
    viewers: BTreeMap<u64, ViewerPace>,
    /// Rises with each move of the pointer, and where it is.
    pointer: (u64, Option<(u16, u16)>),
}

#[derive(Debug)]
struct PresenterLink {
    id: u64,
    /// The size of its screen has come.
    started: bool,
    /// Bytes taken since the link began, wrapping, and how many of them were acknowledged.
    received: u32,
    acknowledged: u32,
    /// Tiles in the frame that is coming in.
    frame_tiles: u32,
    /// The cache was full and everything was asked for again: the second time is a refusal.
    refreshing: bool,
}

/// What the shell must do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SlotEffect<B> {
    Show {
        viewer: u64,
        message: ViewerMessage<B>,
    },
    /// Goes to the presenter's link.
    Order {
        presenter: u64,
        order: ScreenMessage<'static>,
    },
    /// Close this link, saying why.
    Close { link: u64, code: RefusalCode },
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ViewerMessage<B> {
    /// A run, as it came from the presenter.
    Run(B),
    Other(ScreenMessage<'static>),
}

pub type SlotOutbox<B> = VecDeque<SlotEffect<B>>;

/// Acknowledge after so many bytes, or at a frame's end.
const ACK_EVERY_BYTES: u32 = 32 * 1024;

impl<B> Default for ScreenSlot<B> {
    fn default() -> Self {
        ScreenSlot {
            floor: None,
            presenter: None,
            cache: TileCache::default(),
            pace: PresenterPace::new(),
            viewers: BTreeMap::new(),
            pointer: (0, None),
        }
    }
}

impl<B: AsRef<[u8]> + Clone> ScreenSlot<B> {
    pub fn new() -> ScreenSlot<B> {
        ScreenSlot::default()
    }

    /// Who presents has changed. What somebody else shows is gone.
    pub fn give_floor(&mut self, to: Option<ParticipantId>, out: &mut SlotOutbox<B>) {
        if self.floor == to {
            return;
        }
        self.floor = to;
        if let Some(presenter) = self.presenter.take() {
            let code = RefusalCode::NotPresenting;
            out.push_back(SlotEffect::Close {
                link: presenter.id,
                code,
            });
        }
        self.stop(out);
    }

    pub fn floor(&self) -> Option<ParticipantId> {
        self.floor
    }

    /// Somebody opened a link to present. A newer link of theirs takes over from the older.
    ///
    /// # Errors
    /// `not_presenting` unless they have the floor.
    pub fn open_presenter(
        &mut self,
        link: u64,
        seat: ParticipantId,
        out: &mut SlotOutbox<B>,
    ) -> Result<(), RefusalCode> {
        if self.floor != Some(seat) {
            return Err(RefusalCode::NotPresenting);
        }
        if let Some(older) = self.presenter.take() {
            let code = RefusalCode::NotPresenting;
            out.push_back(SlotEffect::Close {
                link: older.id,
                code,
            });
        }
        self.presenter = Some(PresenterLink {
            id: link,
            started: false,
            received: 0,
            acknowledged: 0,
            frame_tiles: 0,
            refreshing: false,
        });
        self.order(pace_order(self.pace), out);
        Ok(())
    }

    pub fn open_viewer(&mut self, link: u64, out: &mut SlotOutbox<B>) {
        self.viewers.insert(link, ViewerPace::new());
        self.show(link, out);
    }

    /// A link is gone, whichever it was. What a presenter has shown stays while they have the floor: they
    /// may be back in a moment.
    pub fn close(&mut self, link: u64) {
        self.viewers.remove(&link);
        self.presenter.take_if(|presenter| presenter.id == link);
    }

    /// A message on the presenter's link; `body` is all of it, as it came.
    pub fn presented(
        &mut self,
        link: u64,
        message: ScreenMessage<'_>,
        body: B,
        now: Moment,
        out: &mut SlotOutbox<B>,
    ) {
        let Some(presenter) = self
            .presenter
            .as_mut()
            .filter(|presenter| presenter.id == link)
        else {
            return;
        };
        let size = body.as_ref().len() as u32;
        presenter.received = presenter.received.wrapping_add(size);
        let done = self.take_in(message, body, now, out);
        match done {
            Ok(()) => self.acknowledge(out),
            Err(code) => return self.expel(code, out),
        }
        self.show_all(out);
    }

    /// A viewer has taken so many bytes since its link began.
    pub fn acknowledged(&mut self, link: u64, bytes: u32, now: Moment, out: &mut SlotOutbox<B>) {
        let Some(viewer) = self.viewers.get_mut(&link) else {
            return;
        };
        match viewer.acknowledge(bytes, now) {
            Ok(()) => self.show(link, out),
            Err(_) => {
                self.viewers.remove(&link);
                out.push_back(SlotEffect::Close {
                    link,
                    code: RefusalCode::Invalid,
                });
            }
        }
    }

    pub fn viewers(&self) -> usize {
        self.viewers.len()
    }

    pub fn held_bytes(&self) -> usize {
        self.cache.held_bytes()
    }

    fn take_in(
        &mut self,
        message: ScreenMessage<'_>,
        body: B,
        now: Moment,
        out: &mut SlotOutbox<B>,
    ) -> Result<(), RefusalCode> {
        let Some(presenter) = &mut self.presenter else {
            return Ok(());
        };
        match message {
            ScreenMessage::Start {
                width_px,
                height_px,
            } => {
                let grid = TileGrid::new(width_px.into(), height_px.into())
                    .map_err(|_| RefusalCode::ScreenTooLarge)?;
                (presenter.started, presenter.frame_tiles) = (true, 0);
                self.cache.start(grid);
            }
            ScreenMessage::Stop => {
                presenter.started = false;
                self.cache.stop();
            }
            ScreenMessage::Pointer { at } => self.pointer = (self.pointer.0 + 1, at),
            // What an older link of the presenter has left stays until this one begins.
            _ if !presenter.started => return Err(RunRefused::NotStarted.code()),
            ScreenMessage::Run(run) => {
                let cached = CachedRun {
                    generation: run.generation,
                    span: Span::of(&run),
                    codec: run.codec,
                    body,
                };
                self.keep(cached, out)?;
            }
            ScreenMessage::FrameEnd {
                generation,
                captured_ms,
            } => {
                self.cache.end_frame(generation, captured_ms, now);
                self.frame_ended(now, out);
            }
            ScreenMessage::Ack { .. } | ScreenMessage::Pace { .. } | ScreenMessage::Refresh => {
                return Err(RefusalCode::Invalid);
            }
        }
        Ok(())
    }

    /// Runs whose tiles are partly superseded may fill the cache though the screen would fit: everything
    /// is asked for once more before the presenter is refused.
    fn keep(&mut self, run: CachedRun<B>, out: &mut SlotOutbox<B>) -> Result<(), RefusalCode> {
        let tiles = u32::from(run.span.width);
        let full = match self.cache.insert(run) {
            Ok(()) => false,
            Err(RunRefused::Full) => true,
            Err(refused) => return Err(refused.code()),
        };
        let Some(presenter) = &mut self.presenter else {
            return Ok(());
        };
        presenter.frame_tiles = presenter.frame_tiles.saturating_add(tiles);
        if full {
            if std::mem::replace(&mut presenter.refreshing, true) {
                return Err(RefusalCode::ScreenTooLarge);
            }
            if let Some(grid) = self.cache.grid() {
                self.cache.start(grid);
            }
            self.order(ScreenMessage::Refresh, out);
        }
        Ok(())
    }

    fn frame_ended(&mut self, now: Moment, out: &mut SlotOutbox<B>) {
        for viewer in self.viewers.values_mut() {
            viewer.frame_ended(now);
        }
        let Some(presenter) = &mut self.presenter else {
            return;
        };
        let tiles = std::mem::take(&mut presenter.frame_tiles);
        let all = self.cache.grid().map_or(1, |grid| grid.tiles() as u32);
        if tiles >= all {
            presenter.refreshing = false;
        }
        let drains = self.viewers.values().map(|viewer| viewer.drain(now));
        if self
            .pace
            .update(drains, 1_000 * tiles.min(all) / all)
            .is_some()
        {
            self.order(pace_order(self.pace), out);
        }
    }

    fn acknowledge(&mut self, out: &mut SlotOutbox<B>) {
        let Some(presenter) = &mut self.presenter else {
            return;
        };
        let news = presenter.received.wrapping_sub(presenter.acknowledged);
        if news >= ACK_EVERY_BYTES || presenter.frame_tiles == 0 {
            presenter.acknowledged = presenter.received;
            let bytes = presenter.received;
            self.order(ScreenMessage::Ack { bytes }, out);
        }
    }

    fn expel(&mut self, code: RefusalCode, out: &mut SlotOutbox<B>) {
        if let Some(presenter) = self.presenter.take() {
            out.push_back(SlotEffect::Close {
                link: presenter.id,
                code,
            });
        }
        self.stop(out);
    }

    fn stop(&mut self, out: &mut SlotOutbox<B>) {
        self.cache.stop();
        if self.pointer.1.is_some() {
            self.pointer = (self.pointer.0 + 1, None);
        }
        self.show_all(out);
    }

    fn order(&self, order: ScreenMessage<'static>, out: &mut SlotOutbox<B>) {
        if let Some(presenter) = &self.presenter {
            out.push_back(SlotEffect::Order {
                presenter: presenter.id,
                order,
            });
        }
    }

    fn show_all(&mut self, out: &mut SlotOutbox<B>) {
        for (&link, viewer) in &mut self.viewers {
            show(link, viewer, &self.cache, self.pointer, out);
        }
    }

    fn show(&mut self, link: u64, out: &mut SlotOutbox<B>) {
        if let Some(viewer) = self.viewers.get_mut(&link) {
            show(link, viewer, &self.cache, self.pointer, out);
        }
    }
}

/// Everything that a viewer lacks and has room for.
fn show<B: AsRef<[u8]> + Clone>(
    link: u64,
    viewer: &mut ViewerPace,
    cache: &TileCache<B>,
    pointer: (u64, Option<(u16, u16)>),
    out: &mut SlotOutbox<B>,
) {
    while let Some(next) = viewer.next(cache, pointer) {
        let message = match next {
            Next::Run(run) => ViewerMessage::Run(run.body.clone()),
            Next::Start(grid) => ViewerMessage::Other(ScreenMessage::Start {
                width_px: grid.width_px() as u16,
                height_px: grid.height_px() as u16,
            }),
            Next::Stop => ViewerMessage::Other(ScreenMessage::Stop),
            Next::FrameEnd(FrameEnd {
                generation,
                captured_ms,
                ..
            }) => ViewerMessage::Other(ScreenMessage::FrameEnd {
                generation,
                captured_ms,
            }),
            Next::Pointer(at) => ViewerMessage::Other(ScreenMessage::Pointer { at }),
        };
        out.push_back(SlotEffect::Show {
            viewer: link,
            message,
        });
    }
}

fn pace_order(pace: PresenterPace) -> ScreenMessage<'static> {
    ScreenMessage::Pace {
        interval_ms: pace.interval_ms(),
    }
}
