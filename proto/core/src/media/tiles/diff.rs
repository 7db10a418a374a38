//! Which tiles differ between two pictures.

use super::{Span, TileGrid, TileSet, grid::TILE_PX};

const BYTES_PER_PIXEL: usize = 4;

/// A picture in BGRA, rows from the top.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    bytes: &'a [u8],
    /// Bytes from one row to the next.
    stride: usize,
}

impl<'a> Pixels<'a> {
    /// `None` when there are too few bytes for the grid, or rows overlap.
    pub fn new(grid: TileGrid, bytes: &'a [u8], stride: usize) -> Option<Pixels<'a>> {
        let row = grid.width_px() as usize * BYTES_PER_PIXEL;
        let above = stride.checked_mul(grid.height_px() as usize - 1)?;
        let fits = stride >= row && bytes.len() >= above.checked_add(row)?;
        fits.then_some(Pixels { bytes, stride })
    }

    /// `width` pixels of row `y`, from column `x` on.
    pub fn row(&self, x: u32, y: u32, width: u32) -> &'a [u8] {
        let start = y as usize * self.stride + x as usize * BYTES_PER_PIXEL;
        &self.bytes[start..start + width as usize * BYTES_PER_PIXEL]
    }

    /// The pixels of a span, row by row without gaps.
    pub fn copy_span(&self, grid: TileGrid, span: Span) -> Vec<u8> {
        let rect = grid.pixels(span);
        let rows = (rect.y..rect.y + rect.height).map(|y| self.row(rect.x, y, rect.width));
        let mut copy = Vec::with_capacity((rect.width * rect.height) as usize * BYTES_PER_PIXEL);
        rows.for_each(|row| copy.extend_from_slice(row));
        copy
    }
}

/// The tiles of which any byte differs.
pub fn changed_tiles(grid: TileGrid, previous: Pixels<'_>, current: Pixels<'_>) -> TileSet {
    let mut changed = TileSet::none(grid);
    for y in 0..grid.height_px() {
        // Most rows of most frames are the same, and one comparison of a whole row is quickest.
        let width = grid.width_px();
        if previous.row(0, y, width) == current.row(0, y, width) {
            continue;
        }
        for x in 0..grid.columns() {
            let tile = Span {
                x,
                y: (y / TILE_PX) as u16,
                width: 1,
            };
            let index = grid.indices(tile).start;
            let rect = grid.pixels(tile);
            let differs =
                || previous.row(rect.x, y, rect.width) != current.row(rect.x, y, rect.width);
            if !changed.contains(index) && differs() {
                changed.insert(index);
            }
        }
    }
    changed
}
