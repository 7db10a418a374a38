//! Captures a display, or the part of it where a window is, with the pointer on it.

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use scrap::{Capturer, Display};

use super::{
    super::{ScreenGone, ScreenSource, Shot},
    Area, ScreenChoice, ScreenRefused,
    x11::{Desktop, Pointer},
};

const PIXEL_BYTES: usize = 4;
/// The library gives the picture that was asked for by the call before: after a pause longer than this it
/// is asked twice.
const STALE_AFTER: Duration = Duration::from_millis(20);
/// A display that gives no picture within this has none now.
const WAIT_MAX: Duration = Duration::from_millis(100);
const TRY_AGAIN: Duration = Duration::from_millis(2);
/// How often is looked whether the displays are as they were.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct DisplaySource {
    choice: ScreenChoice,
    desktop: Desktop,
    capturing: Capturing,
    looked_at: Instant,
    /// What is shown, BGRA without gaps.
    shown: Vec<u8>,
    size: (u32, u32),
}

/// The display that is captured now.
struct Capturing {
    capturer: Capturer,
    index: usize,
    area: Area,
    captured_at: Option<Instant>,
}

impl DisplaySource {
    pub(super) fn open(choice: ScreenChoice) -> Result<DisplaySource, ScreenRefused> {
        let desktop = Desktop::connect()?;
        let (index, area) = place(&desktop, &choice)?.ok_or_else(ScreenRefused::no_window)?;
        Ok(DisplaySource {
            capturing: Capturing::start(index, area)?,
            choice,
            desktop,
            looked_at: Instant::now(),
            shown: Vec::new(),
            size: (0, 0),
        })
    }

    /// Fills what is shown. Nothing changes while a window is hidden.
    fn refresh(&mut self) -> Result<(), ScreenRefused> {
        let window = match &self.choice {
            ScreenChoice::Window { id } => Some(self.desktop.window_area(id)?),
            ScreenChoice::Display { .. } => None,
        };
        let moved = window
            .flatten()
            .is_some_and(|window| window.common(self.capturing.area).is_none());
        if moved || self.looked_at.elapsed() > LOOK_EVERY {
            self.looked_at = Instant::now();
            let place = place(&self.desktop, &self.choice)?;
            if let Some((index, area)) = place
                && (index, area) != (self.capturing.index, self.capturing.area)
            {
                self.capturing = Capturing::start(index, area)?;
            }
        }
        let whole = self.capturing.area;
        let part = match window {
            None => Some(whole),
            Some(window) => window.and_then(|window| window.common(whole)),
        };
        let Some(part) = part else {
            return Ok(());
        };
        // Before the picture: so that a pointer which rests is where it was seen.
        let pointer = self.desktop.pointer()?;
        self.capturing.copy(part, &mut self.shown)?;
        self.size = (part.width, part.height);
        if let Some(pointer) = pointer {
            draw(&pointer, part, &mut self.shown);
        }
        Ok(())
    }
}

impl ScreenSource for DisplaySource {
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone> {
        self.refresh().map_err(|refused| {
            tracing::debug!(code = refused.code, "the screen is gone");
            ScreenGone
        })?;
        let (width_px, height_px) = self.size;
        if width_px == 0 {
            return Err(ScreenGone);
        }
        Ok(Shot {
            width_px,
            height_px,
            bgra: &self.shown,
            stride: width_px as usize * PIXEL_BYTES,
            // It is drawn into the picture, in its true shape.
            pointer: None,
        })
    }
}

/// Which display is to be captured, by its number, and where it is. `None` while a window is hidden.
fn place(desktop: &Desktop, choice: &ScreenChoice) -> Result<Option<(usize, Area)>, ScreenRefused> {
    let displays = desktop.displays()?;
    let places = || displays.iter().map(|(_, area)| *area).enumerate();
    match choice {
        ScreenChoice::Display { id } => {
            let index = displays.iter().position(|(info, _)| info.id == *id);
            let index = index.ok_or_else(ScreenRefused::no_window)?;
            Ok(Some((index, displays[index].1)))
        }
        ScreenChoice::Window { id } => {
            let Some(window) = desktop.window_area(id)? else {
                return Ok(None);
            };
            let seen = |area: Area| {
                let common = window.common(area);
                common.map_or(0, |common| {
                    u64::from(common.width) * u64::from(common.height)
                })
            };
            let most = places().filter(|(_, area)| seen(*area) > 0);
            Ok(most.max_by_key(|(_, area)| seen(*area)))
        }
    }
}

impl Capturing {
    fn start(index: usize, area: Area) -> Result<Capturing, ScreenRefused> {
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::ConnectionRefused => ScreenRefused::denied(),
            _ => ScreenRefused::failed(error),
        };
        let display = Display::all().map_err(failed)?.into_iter().nth(index);
        let display = display.ok_or_else(ScreenRefused::no_display)?;
        if (display.width(), display.height()) != (area.width as usize, area.height as usize) {
            return Err(ScreenRefused::failed("its size has just changed"));
        }
        Ok(Capturing {
            capturer: Capturer::new(display).map_err(failed)?,
            index,
            area,
            captured_at: None,
        })
    }

    /// Copies a part of the display as it is now, without gaps.
    fn copy(&mut self, part: Area, into: &mut Vec<u8>) -> Result<(), ScreenRefused> {
        let fresh = self
            .captured_at
            .is_some_and(|at| at.elapsed() <= STALE_AFTER);
        if !fresh {
            with_frame(&mut self.capturer, |_| ())?;
        }
        let rows = (self.area.height as usize).max(1);
        let left = (part.x - self.area.x) as usize * PIXEL_BYTES;
        let top = (part.y - self.area.y) as usize;
        let width = part.width as usize * PIXEL_BYTES;
        into.clear();
        with_frame(&mut self.capturer, |whole| {
            let lines = whole.chunks_exact((whole.len() / rows).max(1));
            for line in lines.skip(top).take(part.height as usize) {
                into.extend_from_slice(line.get(left..left + width).unwrap_or_default());
            }
        })?;
        self.captured_at = Some(Instant::now());
        match into.len() == width * part.height as usize {
            true => Ok(()),
            false => Err(ScreenRefused::failed("its pictures are too small")),
        }
    }
}

/// Waits for a picture and looks at it.
fn with_frame<R>(
    capturer: &mut Capturer,
    look: impl FnOnce(&[u8]) -> R,
) -> Result<R, ScreenRefused> {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        match capturer.frame() {
            Ok(frame) => return Ok(look(&frame)),
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(TRY_AGAIN);
            }
            Err(error) => return Err(ScreenRefused::failed(error)),
        }
    }
}

/// Draws a pointer over a part of the desktop. Its colours are premultiplied by its alpha.
fn draw(pointer: &Pointer, part: Area, bgra: &mut [u8]) {
    let area = Area {
        x: pointer.x,
        y: pointer.y,
        width: pointer.width,
        height: pointer.height,
    };
    let Some(common) = area.common(part) else {
        return;
    };
    for y in common.y..common.y + common.height as i32 {
        for x in common.x..common.x + common.width as i32 {
            let from = (y - pointer.y) as usize * pointer.width as usize + (x - pointer.x) as usize;
            let to = (y - part.y) as usize * part.width as usize + (x - part.x) as usize;
            let (Some(&argb), Some(pixel)) = (
                pointer.argb.get(from),
                bgra.get_mut(to * PIXEL_BYTES..(to + 1) * PIXEL_BYTES),
            ) else {
                continue;
            };
            let [b, g, r, a] = argb.to_le_bytes();
            for (below, over) in pixel.iter_mut().zip([b, g, r]) {
                let through = u32::from(*below) * (255 - u32::from(a)) + 127;
                *below = over.saturating_add((through / 255) as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_drawn_where_it_is_and_cut_at_the_edge() {
        let part = Area {
            x: 100,
            y: 50,
            width: 3,
            height: 2,
        };
        // Opaque blue, half of white over what is there, nothing, and one that is not on the picture.
        let pointer = Pointer {
            x: 101,
            y: 51,
            width: 3,
            height: 1,
            argb: vec![0xff00_00ff, 0x8080_8080, 0xffff_ffff],
        };
        let mut bgra = vec![100; 24];
        draw(&pointer, part, &mut bgra);
        let mut wanted = vec![100; 24];
        wanted[16..19].copy_from_slice(&[255, 0, 0]);
        wanted[20..23].copy_from_slice(&[178, 178, 178]);
        assert_eq!(bgra, wanted);
    }
}
