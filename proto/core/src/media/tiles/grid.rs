//! Where tiles are.

pub use conclave_wire::screen::TILE_PX;
use conclave_wire::screen::{Run, SCREEN_SIDE_PX_MAX};

/// Two 8K displays.
pub const SCREEN_PIXELS_MAX: u64 = 2 * 7_680 * 4_320;
/// Widest run: a noisy picture of it as JPEG still fits one message, and a lost bet is not dear.
pub const RUN_TILES_MAX: u16 = 16;

/// A screen of some size, divided into tiles; the last column and row may be cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TileGrid {
    width_px: u32,
    height_px: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a screen has 1 to {SCREEN_SIDE_PX_MAX} pixels a side and at most {SCREEN_PIXELS_MAX} in all"
)]
pub struct ScreenTooLarge;

impl TileGrid {
    /// # Errors
    /// [`ScreenTooLarge`], also for a screen of nothing.
    pub fn new(width_px: u32, height_px: u32) -> Result<TileGrid, ScreenTooLarge> {
        let side = 1..=SCREEN_SIDE_PX_MAX;
        let pixels = u64::from(width_px) * u64::from(height_px);
        let fits =
            side.contains(&width_px) && side.contains(&height_px) && pixels <= SCREEN_PIXELS_MAX;
        fits.then_some(TileGrid {
            width_px,
            height_px,
        })
        .ok_or(ScreenTooLarge)
    }

    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    pub fn columns(&self) -> u16 {
        self.width_px.div_ceil(TILE_PX) as u16
    }

    pub fn rows(&self) -> u16 {
        self.height_px.div_ceil(TILE_PX) as u16
    }

    /// How many tiles there are.
    pub fn tiles(&self) -> usize {
        usize::from(self.columns()) * usize::from(self.rows())
    }

    pub fn contains(&self, span: Span) -> bool {
        let columns = u32::from(self.columns());
        span.width > 0
            && span.y < self.rows()
            && u32::from(span.x) + u32::from(span.width) <= columns
    }

    /// Indices of a span's tiles, in reading order; the span lies within.
    pub fn indices(&self, span: Span) -> std::ops::Range<usize> {
        let first = usize::from(span.y) * usize::from(self.columns()) + usize::from(span.x);
        first..first + usize::from(span.width)
    }

    /// The pixels of a span that lies within, cut at the screen's edges.
    pub fn pixels(&self, span: Span) -> PixelRect {
        let (x, y) = (u32::from(span.x) * TILE_PX, u32::from(span.y) * TILE_PX);
        PixelRect {
            x,
            y,
            width: (u32::from(span.width) * TILE_PX).min(self.width_px - x),
            height: TILE_PX.min(self.height_px - y),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PixelRect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// Adjacent tiles of one row.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span {
    pub x: u16,
    pub y: u16,
    /// At least one.
    pub width: u16,
}

impl Span {
    pub fn of(run: &Run<'_>) -> Span {
        Span {
            x: run.x,
            y: run.y,
            width: run.width,
        }
    }

    /// The two halves of a span whose picture is too large for one message; `None` for a single tile.
    pub fn halves(self) -> Option<(Span, Span)> {
        let left = self.width / 2;
        (left > 0).then(|| {
            let right = Span {
                x: self.x + left,
                width: self.width - left,
                ..self
            };
            (
                Span {
                    width: left,
                    ..self
                },
                right,
            )
        })
    }
}

/// Some of a grid's tiles.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TileSet {
    columns: usize,
    tiles: Vec<bool>,
}

impl TileSet {
    pub fn none(grid: TileGrid) -> TileSet {
        TileSet {
            columns: grid.columns().into(),
            tiles: vec![false; grid.tiles()],
        }
    }

    pub fn all(grid: TileGrid) -> TileSet {
        TileSet {
            tiles: vec![true; grid.tiles()],
            ..TileSet::none(grid)
        }
    }

    pub fn insert(&mut self, index: usize) {
        self.tiles[index] = true;
    }

    pub fn contains(&self, index: usize) -> bool {
        self.tiles[index]
    }

    pub fn is_empty(&self) -> bool {
        !self.tiles.contains(&true)
    }

    /// How many tiles are in it.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// In reading order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.tiles
            .iter()
            .enumerate()
            .filter_map(|(index, &has)| has.then_some(index))
    }

    pub fn clear(&mut self) {
        self.tiles.fill(false);
    }

    /// Adds the tiles of another set of the same grid.
    pub fn extend(&mut self, other: &TileSet) {
        for (has, &also) in self.tiles.iter_mut().zip(&other.tiles) {
            *has |= also;
        }
    }
}

/// Groups tiles into spans of at most `width_max`, in reading order.
pub fn spans(set: &TileSet, width_max: u16) -> Vec<Span> {
    let mut spans = Vec::new();
    for (y, row) in set.tiles.chunks(set.columns).enumerate() {
        let mut open: Option<Span> = None;
        for (x, &has) in row.iter().enumerate() {
            match &mut open {
                Some(span) if has && span.width < width_max => span.width += 1,
                _ => {
                    spans.extend(open.take());
                    open = has.then_some(Span {
                        x: x as u16,
                        y: y as u16,
                        width: 1,
                    });
                }
            }
        }
        spans.extend(open);
    }
    spans
}
