//! A desktop that is not there: somebody types, scrolls and shows slides on it.

use super::{ScreenGone, ScreenSource, Shot};

/// A letter's cell, in pixels.
const CELL_WIDTH: u32 = 8;
const CELL_HEIGHT: u32 = 16;
const MARGIN: u32 = 32;
const TITLE_HEIGHT: u32 = 28;
const PAPER: [u8; 4] = [250, 250, 252, 255];
const INK: [u8; 4] = [40, 34, 30, 255];
const TITLE: [u8; 4] = [120, 72, 40, 255];
/// How often a new slide is shown, in captures.
const SLIDE_EVERY: u64 = 60;
/// Captures of each thing that [`Script::Working`] does in turn.
const TURN: u64 = 90;

/// What happens on the desktop, one step a capture.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Script {
    /// Nothing.
    Still,
    /// A letter a step.
    Typing,
    /// A line a step.
    Scrolling,
    /// A new slide, picture and text, every 60 steps.
    Slides,
    /// All of it in turn.
    #[default]
    Working,
}

/// Draws the same pictures in every run: for tests, measurements, and as a test picture.
pub struct SyntheticDesktop {
    width: u32,
    height: u32,
    script: Script,
    pixels: Vec<u8>,
    step: u64,
    typed: u64,
    scrolled: u64,
    slide: u64,
}

impl SyntheticDesktop {
    pub fn new(width_px: u32, height_px: u32, script: Script) -> SyntheticDesktop {
        let mut desktop = SyntheticDesktop {
            width: width_px,
            height: height_px,
            script,
            pixels: vec![0; 4 * width_px as usize * height_px as usize],
            step: 0,
            typed: 0,
            scrolled: 0,
            slide: 0,
        };
        match script {
            Script::Slides => desktop.draw_slide(),
            _ => desktop.draw_page(),
        }
        desktop
    }

    /// The picture as it is, BGRA without gaps.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Lets the next thing happen.
    pub fn advance(&mut self) {
        let script = match self.script {
            Script::Working => match self.step / TURN % 3 {
                0 => Script::Typing,
                1 => Script::Scrolling,
                _ => Script::Slides,
            },
            other => other,
        };
        self.step += 1;
        let begins = self.script == Script::Working && self.step % TURN == 1;
        match script {
            Script::Still | Script::Working => {}
            Script::Typing => {
                if begins {
                    self.draw_page();
                }
                self.type_letter();
            }
            Script::Scrolling => {
                self.scrolled += 1;
                self.draw_page();
            }
            Script::Slides => {
                if begins || self.step.is_multiple_of(SLIDE_EVERY) {
                    self.slide += 1;
                    self.draw_slide();
                }
            }
        }
    }

    fn columns(&self) -> u64 {
        u64::from((self.width.saturating_sub(2 * MARGIN) / CELL_WIDTH).max(1))
    }

    fn lines(&self) -> u64 {
        let text = self.height.saturating_sub(TITLE_HEIGHT + MARGIN);
        u64::from((text / CELL_HEIGHT).max(1))
    }

    /// The lower half of the page is what is typed.
    fn type_letter(&mut self) {
        let (columns, lines) = (self.columns(), self.lines() / 2);
        let place = self.typed % (columns * lines.max(1));
        if place == 0 {
            let top = TITLE_HEIGHT + (lines as u32) * CELL_HEIGHT;
            self.fill(
                0,
                top,
                self.width,
                self.height - top.min(self.height),
                PAPER,
            );
        }
        let (column, line) = (place % columns, lines + place / columns);
        self.draw_letter(column as u32, line as u32, letter_of(1 << 40, self.typed));
        self.typed += 1;
    }

    fn draw_page(&mut self) {
        self.fill(0, 0, self.width, TITLE_HEIGHT, TITLE);
        self.fill(0, TITLE_HEIGHT, self.width, self.height, PAPER);
        let typed = matches!(self.script, Script::Typing | Script::Working);
        let lines = if typed {
            self.lines() / 2
        } else {
            self.lines()
        };
        for line in 0..lines {
            let text = line + self.scrolled;
            let length = self.columns() * (40 + hash(text) % 60) / 100;
            for column in 0..length {
                self.draw_letter(column as u32, line as u32, letter_of(text, column));
            }
        }
    }

    /// A heading, a few lines, and a picture with every colour in it.
    fn draw_slide(&mut self) {
        self.fill(0, 0, self.width, self.height, PAPER);
        self.fill(0, 0, self.width, self.height / 8, colour(self.slide));
        for line in 4..12 {
            for column in 0..self.columns() / 3 {
                self.draw_letter(
                    column as u32,
                    line as u32 * 2,
                    letter_of(self.slide << 8 | line, column),
                );
            }
        }
        let (left, top) = (self.width / 2, self.height / 4);
        for y in top..self.height.saturating_sub(MARGIN) {
            for x in left..self.width.saturating_sub(MARGIN) {
                let grain = (hash(u64::from(x) << 32 | u64::from(y)) & 15) as u8;
                let shade = (x + y + 40 * self.slide as u32) as u8;
                let pixel = [
                    shade / 2 + grain,
                    (y as u8).wrapping_add(shade) / 2,
                    255 - shade,
                    255,
                ];
                self.put(x, y, pixel);
            }
        }
    }

    /// Five by seven dots that are always the same for a letter.
    fn draw_letter(&mut self, column: u32, line: u32, letter: Option<u64>) {
        let Some(letter) = letter else { return };
        let (left, top) = (
            MARGIN + column * CELL_WIDTH,
            TITLE_HEIGHT + 8 + line * CELL_HEIGHT,
        );
        let dots = hash(letter);
        for dot in (0..35).filter(|dot| dots >> dot & 1 == 1) {
            let (x, y) = (left + dot % 5, top + dot / 5 * 2);
            self.put(x, y, INK);
            self.put(x, y + 1, INK);
        }
    }

    fn fill(&mut self, left: u32, top: u32, width: u32, height: u32, pixel: [u8; 4]) {
        for y in top..(top + height).min(self.height) {
            for x in left..(left + width).min(self.width) {
                self.put(x, y, pixel);
            }
        }
    }

    fn put(&mut self, x: u32, y: u32, pixel: [u8; 4]) {
        if x < self.width && y < self.height {
            let at = 4 * (y as usize * self.width as usize + x as usize);
            self.pixels[at..at + 4].copy_from_slice(&pixel);
        }
    }
}

impl ScreenSource for SyntheticDesktop {
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone> {
        self.advance();
        Ok(Shot {
            width_px: self.width,
            height_px: self.height,
            bgra: &self.pixels,
            stride: 4 * self.width as usize,
            pointer: None,
        })
    }
}

/// A letter of a text, or the gap between words.
fn letter_of(text: u64, place: u64) -> Option<u64> {
    let number = hash(text << 20 ^ place);
    (!number.is_multiple_of(6)).then_some(number / 6 % 26)
}

fn colour(number: u64) -> [u8; 4] {
    let bits = hash(number);
    [bits as u8, (bits >> 8) as u8, (bits >> 16) as u8, 255]
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn hash(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use conclave_core::media::tiles::{Pixels, TileGrid, changed_tiles};

    use super::*;

    /// How many of the tiles each of so many steps changes.
    fn changes(script: Script, steps: usize) -> Vec<usize> {
        let grid = TileGrid::new(640, 480).unwrap();
        let mut desktop = SyntheticDesktop::new(640, 480, script);
        let stride = 4 * 640;
        let changed = |before: &[u8], after: &[u8]| {
            let before = Pixels::new(grid, before, stride).unwrap();
            let after = Pixels::new(grid, after, stride).unwrap();
            changed_tiles(grid, before, after).len()
        };
        let step = |_| {
            let before = desktop.pixels().to_vec();
            desktop.advance();
            changed(&before, desktop.pixels())
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn typing_changes_little_scrolling_much_and_slides_now_and_then() {
        assert!(changes(Script::Still, 5).iter().all(|&tiles| tiles == 0));
        let typing = changes(Script::Typing, 100);
        assert!(typing[1..].iter().all(|&tiles| tiles <= 4), "{typing:?}");
        assert!(typing.iter().filter(|&&tiles| tiles > 0).count() > 60);
        assert!(
            changes(Script::Scrolling, 5)
                .iter()
                .all(|&tiles| tiles > 30)
        );
        let slides = changes(Script::Slides, 125);
        assert_eq!(slides.iter().filter(|&&tiles| tiles > 0).count(), 2);
    }

    #[test]
    fn a_working_desktop_does_all_of_it() {
        let working = changes(Script::Working, 270);
        assert!(working[2..80].iter().all(|&tiles| tiles <= 4));
        assert!(working[100..170].iter().all(|&tiles| tiles > 20));
        assert!(working[185..230].iter().all(|&tiles| tiles == 0));
    }
}
