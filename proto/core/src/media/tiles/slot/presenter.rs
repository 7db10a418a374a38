//! What a presenter sends, and what it is told.

use conclave_wire::{RefusalCode, screen::ScreenMessage};

use super::{
    super::{CachedRun, PresenterPace, RunRefused, Span, TileGrid},
    ScreenSlot, SlotOutbox,
};
use crate::Moment;

/// Acknowledge after so many bytes, or at a frame's end.
const ACK_EVERY_BYTES: u32 = 32 * 1024;
/// Viewers are offered runs in batches of so many bytes, and at a frame's end.
const SHOW_EVERY_BYTES: usize = 64 * 1024;
#[derive(Debug)]
pub(super) struct PresenterLink {
    pub(super) id: u64,
    /// The size of its screen has come.
    started: bool,
    /// Bytes taken since the link began, wrapping, and how many of them were acknowledged.
    pub(super) received: u32,
    acknowledged: u32,
    /// Tiles in the frame that is coming in.
    frame_tiles: u32,
    /// The cache was full and everything was asked for again: the second time is a refusal.
    refreshing: bool,
}

impl PresenterLink {
    pub(super) fn new(id: u64) -> PresenterLink {
        PresenterLink {
            id,
            started: false,
            received: 0,
            acknowledged: 0,
            frame_tiles: 0,
            refreshing: false,
        }
    }
}

impl<B: AsRef<[u8]> + Clone> ScreenSlot<B> {
    pub(super) fn presented(
        &mut self,
        message: ScreenMessage<'_>,
        body: B,
        now: Moment,
        out: &mut SlotOutbox<B>,
    ) -> Result<(), RefusalCode> {
        let is_run = matches!(message, ScreenMessage::Run(_));
        self.take_in(message, body, now, out)?;
        self.acknowledge(out);
        if !is_run || self.unshown >= SHOW_EVERY_BYTES {
            self.show_all(out);
        }
        Ok(())
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
            viewer.pace.frame_ended(now);
        }
        let Some(presenter) = &mut self.presenter else {
            return;
        };
        let tiles = std::mem::take(&mut presenter.frame_tiles);
        let all = self.cache.grid().map_or(1, |grid| grid.tiles() as u32);
        if tiles >= all {
            presenter.refreshing = false;
        }
        let drains = self.viewers.values().map(|viewer| viewer.pace.drain(now));
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
}

pub(super) fn pace_order(pace: PresenterPace) -> ScreenMessage<'static> {
    ScreenMessage::Pace {
        interval_ms: pace.interval_ms(),
    }
}
