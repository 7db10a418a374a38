//! The newest run of every tile, so that whoever comes late sees the whole screen at once (S4).

use std::collections::BTreeMap;

use conclave_wire::{RefusalCode, screen::RunCodec};

use super::{Span, TileGrid};
use crate::{Moment, media::sequence::is_after};

/// What one room's screen may hold.
pub const CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Encoded runs of one presenter in the order they came; a run goes when all its tiles have newer ones.
/// `B` is the encoded message, cheap to clone.
#[derive(Debug)]
pub struct TileCache<B> {
    grid: Option<TileGrid>,
    /// Rises with every picture that begins from nothing; 0 before the first.
    epoch: u32,
    /// Sequence number of the newest run of each tile; 0 where there is none.
    covering: Vec<u64>,
    runs: BTreeMap<u64, Entry<B>>,
    last_sequence: u64,
    newest_generation: Option<u32>,
    frame_end: Option<FrameEnd>,
    bytes: usize,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CachedRun<B> {
    pub generation: u32,
    pub span: Span,
    pub codec: RunCodec,
    pub body: B,
}

/// All runs up to and with `sequence` make one picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameEnd {
    pub sequence: u64,
    pub generation: u32,
    pub captured_ms: u32,
    pub at: Moment,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RunRefused {
    #[error("a run came before the size of the screen")]
    NotStarted,
    #[error("the run lies outside of the screen")]
    OutsideScreen,
    #[error("the run is of an older frame than one before it")]
    OlderGeneration,
    #[error("the screen needs more than {CACHE_BYTES_MAX} bytes")]
    Full,
}

impl RunRefused {
    pub fn code(self) -> RefusalCode {
        match self {
            RunRefused::NotStarted | RunRefused::OutsideScreen | RunRefused::OlderGeneration => {
                RefusalCode::Invalid
            }
            RunRefused::Full => RefusalCode::ScreenTooLarge,
        }
    }
}

#[derive(Debug)]
struct Entry<B> {
    run: CachedRun<B>,
    /// How many of its tiles have nothing newer. Invariant: not 0.
    tiles_left: u16,
}

impl<B> Default for TileCache<B> {
    fn default() -> Self {
        TileCache {
            grid: None,
            epoch: 0,
            covering: Vec::new(),
            runs: BTreeMap::new(),
            last_sequence: 0,
            newest_generation: None,
            frame_end: None,
            bytes: 0,
        }
    }
}

impl<B: AsRef<[u8]> + Clone> TileCache<B> {
    pub fn new() -> TileCache<B> {
        TileCache::default()
    }

    /// A picture begins, of this size; what was is forgotten.
    pub fn start(&mut self, grid: TileGrid) {
        self.clear();
        self.covering = vec![0; grid.tiles()];
        self.grid = Some(grid);
        self.epoch += 1;
    }

    /// Nothing is shown any more.
    pub fn stop(&mut self) {
        self.clear();
        self.covering = Vec::new();
        self.grid = None;
    }

    /// Keeps a run, drops those that it makes superfluous.
    ///
    /// # Errors
    /// [`RunRefused`]; the cache is as it was.
    pub fn insert(&mut self, run: CachedRun<B>) -> Result<(), RunRefused> {
        let grid = self.grid.ok_or(RunRefused::NotStarted)?;
        if !grid.contains(run.span) {
            return Err(RunRefused::OutsideScreen);
        }
        if self
            .newest_generation
            .is_some_and(|newest| is_after(newest, run.generation))
        {
            return Err(RunRefused::OlderGeneration);
        }
        let needed = run.body.as_ref().len();
        if self.bytes - self.freed_by(grid, run.span) + needed > CACHE_BYTES_MAX {
            return Err(RunRefused::Full);
        }

        self.newest_generation = Some(run.generation);
        self.last_sequence += 1;
        for index in grid.indices(run.span) {
            let before = std::mem::replace(&mut self.covering[index], self.last_sequence);
            self.uncover(before);
        }
        self.bytes += needed;
        let tiles_left = run.span.width;
        self.runs
            .insert(self.last_sequence, Entry { run, tiles_left });
        Ok(())
    }

    /// The picture is whole.
    pub fn end_frame(&mut self, generation: u32, captured_ms: u32, now: Moment) {
        self.frame_end = Some(FrameEnd {
            sequence: self.last_sequence,
            generation,
            captured_ms,
            at: now,
        });
    }

    /// What has to be painted, in this order, for the whole screen.
    pub fn replay(&self) -> impl Iterator<Item = &CachedRun<B>> {
        self.runs.values().map(|entry| &entry.run)
    }

    pub fn grid(&self) -> Option<TileGrid> {
        self.grid
    }

    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    pub fn frame_end(&self) -> Option<FrameEnd> {
        self.frame_end
    }

    pub fn held_bytes(&self) -> usize {
        self.bytes
    }

    /// Sequence number of the newest run of each tile, in reading order; 0 where there is none.
    pub(super) fn covering(&self) -> &[u64] {
        &self.covering
    }

    /// Of the newest run.
    pub(super) fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    pub(super) fn run(&self, sequence: u64) -> Option<&CachedRun<B>> {
        self.runs.get(&sequence).map(|entry| &entry.run)
    }

    fn clear(&mut self) {
        self.covering.fill(0);
        self.runs.clear();
        self.bytes = 0;
        self.newest_generation = None;
        self.frame_end = None;
    }

    /// Bytes of the runs that a run on `span` would make superfluous.
    fn freed_by(&self, grid: TileGrid, span: Span) -> usize {
        let mut covered: BTreeMap<u64, u16> = BTreeMap::new();
        for &sequence in &self.covering[grid.indices(span)] {
            *covered.entry(sequence).or_default() += 1;
        }
        let freed = covered.iter().filter_map(|(sequence, &tiles)| {
            let entry = self.runs.get(sequence)?;
            (entry.tiles_left == tiles).then(|| entry.run.body.as_ref().len())
        });
        freed.sum()
    }

    fn uncover(&mut self, sequence: u64) {
        let Some(entry) = self.runs.get_mut(&sequence) else {
            return;
        };
        entry.tiles_left -= 1;
        if entry.tiles_left == 0
            && let Some(entry) = self.runs.remove(&sequence)
        {
            self.bytes -= entry.run.body.as_ref().len();
        }
    }
}
