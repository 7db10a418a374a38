//! What one viewer has, what it lacks, and how quickly it takes it.

use std::time::Duration;

use super::{AckRefused, AckWindow, CachedRun, FrameEnd, TileCache, TileGrid};
use crate::Moment;

/// Of a new frame's time, so that one hiccup does not slow the presenter.
const DRAIN_SMOOTHING: u32 = 4;
/// A viewer that acknowledges nothing for so long is gone, or as good as.
pub const STALLED_AFTER: Duration = Duration::from_secs(30);
const START_BYTES: usize = 5;
const STOP_BYTES: usize = 1;
const FRAME_END_BYTES: usize = 9;
const POINTER_BYTES: usize = 6;

/// One viewer's place in the picture. It keeps no messages, only the number of the run that it has of each
/// tile: what is superseded before it was sent is never sent, and a slow viewer costs nobody else anything.
#[derive(Debug)]
pub struct ViewerPace {
    window: AckWindow,
    /// The picture that it was told of; 0 for none.
    epoch: u32,
    /// The run that it has of each tile, painted last.
    has: Vec<u64>,
    /// Nothing up to this run is lacking.
    whole_until: u64,
    /// Where to look first, so that under constant change every tile has its turn.
    cursor: usize,
    frame_end_sent: Option<FrameEnd>,
    pointer_sent: u64,
    /// Where the last pointer was sent: the next one waits until it has arrived.
    pointer_position: Option<u32>,
    /// When it last had taken all it was sent, or some more of it.
    progress_at: Moment,
    /// The oldest finished frame that it has not acknowledged, and when it was finished.
    behind: Option<Behind>,
    drain: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Behind {
    since: Moment,
    /// Where its frame end was sent.
    position: Option<u32>,
}

/// The next message for a viewer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next<'a, B> {
    Start(TileGrid),
    Stop,
    Run(&'a CachedRun<B>),
    FrameEnd(FrameEnd),
    Pointer(Option<(u16, u16)>),
}

impl ViewerPace {
    /// Bytes that it was sent and has not acknowledged.
    pub fn unacknowledged_bytes(&self) -> u32 {
        self.window.unacknowledged()
    }

    pub fn new(now: Moment) -> ViewerPace {
        ViewerPace {
            window: AckWindow::new(),
            epoch: 0,
            has: Vec::new(),
            whole_until: 0,
            cursor: 0,
            frame_end_sent: None,
            pointer_sent: 0,
            pointer_position: None,
            progress_at: now,
            behind: None,
            drain: Duration::ZERO,
        }
    }

    /// What to send now, counted as sent; `None` when there is nothing, or no room for it.
    ///
    /// `pointer` is a number that rises with each move, and where the pointer is.
    pub fn next<'a, B: AsRef<[u8]> + Clone>(
        &mut self,
        cache: &'a TileCache<B>,
        pointer: (u64, Option<(u16, u16)>),
    ) -> Option<Next<'a, B>> {
        let told = self.epoch != 0;
        let Some(grid) = cache.grid() else {
            return (told && self.send(STOP_BYTES)).then(|| {
                self.epoch = 0;
                self.behind = None;
                Next::Stop
            });
        };
        if self.epoch != cache.epoch() {
            return self.send(START_BYTES).then(|| {
                self.begin(cache.epoch(), grid);
                Next::Start(grid)
            });
        }
        if self.pointer_sent != pointer.0 && self.pointer_arrived() {
            return self.send(POINTER_BYTES).then(|| {
                self.pointer_sent = pointer.0;
                self.pointer_position = Some(self.window.position());
                Next::Pointer(pointer.1)
            });
        }
        if let Some(end) = cache.frame_end() {
            if let Some(sequence) = self.lacking(cache, grid, end.sequence) {
                return self.send_run(cache, grid, sequence);
            }
            if self.frame_end_sent != Some(end) {
                return self.send(FRAME_END_BYTES).then(|| {
                    self.frame_end_sent = Some(end);
                    if let Some(behind) = &mut self.behind {
                        behind.position.get_or_insert(self.window.position());
                    }
                    Next::FrameEnd(end)
                });
            }
        }
        let sequence = self.lacking(cache, grid, cache.last_sequence())?;
        self.send_run(cache, grid, sequence)
    }

    /// A frame is whole at the server.
    pub fn frame_ended(&mut self, now: Moment) {
        self.behind.get_or_insert(Behind {
            since: now,
            position: None,
        });
    }

    /// # Errors
    /// [`AckRefused`]: the viewer's link is of no use any more.
    pub fn acknowledge(&mut self, bytes: u32, now: Moment) -> Result<(), AckRefused> {
        self.window.acknowledge(bytes)?;
        self.progress_at = now;
        if let Some(Behind {
            since,
            position: Some(position),
        }) = self.behind
            && self.window.has_reached(position)
        {
            let took = now.since(since);
            self.drain = match self.drain {
                Duration::ZERO => took,
                before => (before * (DRAIN_SMOOTHING - 1) + took) / DRAIN_SMOOTHING,
            };
            self.behind = None;
        }
        Ok(())
    }

    /// How long it needs for a frame, from its end at the server to the acknowledgement.
    pub fn drain(&self, now: Moment) -> Duration {
        let waiting = self
            .behind
            .map_or(Duration::ZERO, |behind| now.since(behind.since));
        self.drain.max(waiting)
    }

    /// It has something to acknowledge and has not done so for too long.
    pub fn is_stalled(&mut self, now: Moment) -> bool {
        if self.window.unacknowledged() == 0 {
            self.progress_at = now;
        }
        now.since(self.progress_at) >= STALLED_AFTER
    }

    pub fn unacknowledged(&self) -> u32 {
        self.window.unacknowledged()
    }

    fn pointer_arrived(&self) -> bool {
        let reached = |position| self.window.has_reached(position);
        self.pointer_position.is_none_or(reached)
    }

    fn begin(&mut self, epoch: u32, grid: TileGrid) {
        self.epoch = epoch;
        self.has = vec![0; grid.tiles()];
        (self.whole_until, self.cursor) = (0, 0);
        (self.frame_end_sent, self.behind) = (None, None);
    }

    fn send(&mut self, bytes: usize) -> bool {
        let room = self.window.has_room(bytes);
        if room {
            self.window.sent(bytes);
        }
        room
    }

    fn send_run<'a, B: AsRef<[u8]> + Clone>(
        &mut self,
        cache: &'a TileCache<B>,
        grid: TileGrid,
        sequence: u64,
    ) -> Option<Next<'a, B>> {
        let run = cache.run(sequence)?;
        if !self.send(run.body.as_ref().len()) {
            return None;
        }
        let tiles = grid.indices(run.span);
        self.cursor = tiles.end;
        // Tiles of it that have something newer now show the older again: they lack the newer.
        self.has[tiles].fill(sequence);
        Some(Next::Run(run))
    }

    /// A run that the viewer lacks, of those up to `until`.
    fn lacking<B: AsRef<[u8]> + Clone>(
        &mut self,
        cache: &TileCache<B>,
        grid: TileGrid,
        until: u64,
    ) -> Option<u64> {
        if self.whole_until >= until {
            return None;
        }
        let covering = cache.covering();
        let lacks = |index: usize| covering[index] != self.has[index] && covering[index] <= until;
        let tiles = grid.tiles();
        let from = self.cursor.min(tiles);
        let Some(found) = (from..tiles).chain(0..from).find(|&index| lacks(index)) else {
            self.whole_until = until;
            return None;
        };
        Some(self.oldest_beneath(cache, grid, found))
    }

    /// Runs that overlap are painted in their order, or the older one would have to be painted over again:
    /// the oldest lacking run that a lacking run lies on, directly or through others.
    fn oldest_beneath<B: AsRef<[u8]> + Clone>(
        &self,
        cache: &TileCache<B>,
        grid: TileGrid,
        tile: usize,
    ) -> u64 {
        let covering = cache.covering();
        let columns = usize::from(grid.columns());
        let row = tile / columns * columns..(tile / columns + 1) * columns;
        let mut sequence = covering[tile];
        loop {
            let Some(run) = cache.run(sequence) else {
                return sequence;
            };
            let tiles = grid.indices(run.span);
            let beneath = row.clone().find_map(|index| {
                let older = covering[index];
                let lacking = older != 0 && older < sequence && older != self.has[index];
                let span = grid.indices(cache.run(older).filter(|_| lacking)?.span);
                (span.start < tiles.end && tiles.start < span.end).then_some(older)
            });
            match beneath {
                Some(older) => sequence = older,
                None => return sequence,
            }
        }
    }
}
