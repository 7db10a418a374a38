//! What a viewer has of the screen.

use super::{Span, TileGrid, TileSet};

/// A picture in BGRA that runs are painted on.
#[derive(Clone, Debug)]
pub struct TileCanvas {
    grid: TileGrid,
    pixels: Vec<u8>,
    /// Painted since the last [`take_painted`](TileCanvas::take_painted).
    painted: TileSet,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PixelsRefused {
    #[error("the run lies outside of the screen")]
    OutsideScreen,
    #[error("the run's picture has another size than its tiles")]
    OtherSize,
}

impl TileCanvas {
    /// Black, until something is painted.
    pub fn new(grid: TileGrid) -> TileCanvas {
        let bytes = 4 * grid.width_px() as usize * grid.height_px() as usize;
        TileCanvas {
            grid,
            pixels: vec![0; bytes],
            painted: TileSet::none(grid),
        }
    }

    pub fn grid(&self) -> TileGrid {
        self.grid
    }

    /// BGRA, rows from the top without gaps.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Paints a run: BGRA rows of its pixels, cut at the screen's edges, without gaps.
    ///
    /// # Errors
    /// [`PixelsRefused`]; nothing is painted then.
    pub fn paint(&mut self, span: Span, pixels: &[u8]) -> Result<(), PixelsRefused> {
        if !self.grid.contains(span) {
            return Err(PixelsRefused::OutsideScreen);
        }
        let rect = self.grid.pixels(span);
        let row_bytes = 4 * rect.width as usize;
        if pixels.len() != row_bytes * rect.height as usize {
            return Err(PixelsRefused::OtherSize);
        }
        let stride = 4 * self.grid.width_px() as usize;
        let first = rect.y as usize * stride + 4 * rect.x as usize;
        for (index, row) in pixels.chunks_exact(row_bytes).enumerate() {
            let start = first + index * stride;
            self.pixels[start..start + row_bytes].copy_from_slice(row);
        }
        for index in self.grid.indices(span) {
            self.painted.insert(index);
        }
        Ok(())
    }

    /// What was painted since this was last asked.
    pub fn take_painted(&mut self) -> TileSet {
        std::mem::replace(&mut self.painted, TileSet::none(self.grid))
    }
}
