//! The screens of this machine: whole displays, and windows as a crop of theirs.

mod display;
mod refused;
#[cfg(target_os = "linux")]
mod x11;
#[cfg(not(target_os = "linux"))]
#[path = "real/elsewhere.rs"]
mod x11;

use serde::{Deserialize, Serialize};

use super::{ScreenGone, ScreenSource, Shot};

pub use refused::ScreenRefused;

use display::DisplaySource;

/// What there is to show.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ScreenList {
    pub displays: Vec<DisplayInfo>,
    pub windows: Vec<WindowInfo>,
    /// Why no windows can be shown here, if so.
    pub windows_refused: Option<ScreenRefused>,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DisplayInfo {
    pub id: String,
    pub name: String,
    pub width_px: u32,
    pub height_px: u32,
    pub primary: bool,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct WindowInfo {
    pub id: String,
    pub title: String,
    pub width_px: u32,
    pub height_px: u32,
}

/// What a person wants to show.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "show", rename_all = "snake_case")]
pub enum ScreenChoice {
    Display { id: String },
    Window { id: String },
}

/// A rectangle in pixels of the whole desktop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Area {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
}

impl Area {
    /// What both have in common; `None` when that is nothing.
    fn common(self, other: Area) -> Option<Area> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let end = |at: i32, len: u32| i64::from(at) + i64::from(len);
        let right = end(self.x, self.width).min(end(other.x, other.width));
        let bottom = end(self.y, self.height).min(end(other.y, other.height));
        let width = u32::try_from(right - i64::from(x)).ok()?;
        let height = u32::try_from(bottom - i64::from(y)).ok()?;
        (width > 0 && height > 0).then_some(Area {
            x,
            y,
            width,
            height,
        })
    }
}

/// Displays and windows. Asks the system, which takes some milliseconds.
///
/// # Errors
/// When this desktop shows no program its screen.
pub fn list_screens() -> Result<ScreenList, ScreenRefused> {
    refused::allowed(&|name| std::env::var_os(name))?;
    let desktop = x11::Desktop::connect()?;
    let displays = desktop.displays()?;
    let (windows, windows_refused) = match desktop.windows() {
        Ok(windows) => (windows, None),
        Err(refused) => (Vec::new(), Some(refused)),
    };
    Ok(ScreenList {
        displays: displays.into_iter().map(|(info, _)| info).collect(),
        windows,
        windows_refused,
    })
}

/// Whether a choice can be shown now. Asks the system, which takes some milliseconds.
///
/// # Errors
/// In words for the person who chose.
pub fn check_screen(choice: &ScreenChoice) -> Result<(), ScreenRefused> {
    refused::allowed(&|name| std::env::var_os(name))?;
    DisplaySource::open(choice.clone()).map(drop)
}

/// A source of the chosen screen, to be made on the thread that reads it. One that cannot be opened is gone
/// at once; [`check_screen`] says why.
pub fn open_screen(choice: ScreenChoice) -> Box<dyn ScreenSource> {
    match DisplaySource::open(choice) {
        Ok(source) => Box::new(source),
        Err(refused) => {
            tracing::warn!(code = refused.code, "the screen cannot be shown");
            Box::new(Gone)
        }
    }
}

struct Gone;

impl ScreenSource for Gone {
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone> {
        Err(ScreenGone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_cut_at_the_edge_of_its_display() {
        let area = |x, y, width, height| Area {
            x,
            y,
            width,
            height,
        };
        let display = area(1_920, 0, 1_280, 1_024);
        assert_eq!(
            area(1_900, -10, 100, 100).common(display),
            Some(area(1_920, 0, 80, 90))
        );
        assert_eq!(area(0, 0, 1_920, 1_080).common(display), None);
        assert_eq!(
            area(2_000, 10, 50, 60).common(display),
            Some(area(2_000, 10, 50, 60))
        );
    }
}
