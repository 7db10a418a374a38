//! Which tiles stand as they are but were sent with loss.

use std::time::Duration;

use super::{TileGrid, TileSet};
use crate::Moment;

/// A tile that has not changed for so long is sent once more, exactly.
pub const STILL_AFTER: Duration = Duration::from_millis(150);

/// Remembers of each tile since when it stands with loss.
#[derive(Clone, Debug)]
pub struct StillWatch {
    grid: TileGrid,
    lossy_since: Vec<Option<Moment>>,
}

impl StillWatch {
    /// Nothing was sent yet.
    pub fn new(grid: TileGrid) -> StillWatch {
        StillWatch {
            grid,
            lossy_since: vec![None; grid.tiles()],
        }
    }

    /// These have changed, and were sent with loss.
    pub fn sent_lossy(&mut self, tiles: &TileSet, now: Moment) {
        for index in tiles.iter() {
            self.lossy_since[index] = Some(now);
        }
    }

    /// These were sent exactly.
    pub fn sent_exactly(&mut self, tiles: &TileSet) {
        for index in tiles.iter() {
            self.lossy_since[index] = None;
        }
    }

    /// What has stood still for long enough to be sent exactly.
    pub fn due(&self, now: Moment) -> TileSet {
        let mut due = TileSet::none(self.grid);
        for (index, since) in self.lossy_since.iter().enumerate() {
            if since.is_some_and(|since| now.since(since) >= STILL_AFTER) {
                due.insert(index);
            }
        }
        due
    }

    /// When something will be due, if nothing changes.
    pub fn next_wakeup(&self) -> Option<Moment> {
        self.lossy_since
            .iter()
            .flatten()
            .min()
            .map(|&since| since + STILL_AFTER)
    }
}
