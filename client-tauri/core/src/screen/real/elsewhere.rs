//! Systems whose windows are not known to us: displays alone, and the pointer as the system draws it.

use super::{Area, DisplayInfo, ScreenRefused, WindowInfo};

pub(super) struct Desktop;

/// A pointer's picture and place.
pub(super) struct Pointer {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
    /// Premultiplied, 0xAARRGGBB.
    pub argb: Vec<u32>,
}

impl Desktop {
    pub(super) fn connect() -> Result<Desktop, ScreenRefused> {
        Ok(Desktop)
    }

    pub(super) fn displays(&self) -> Result<Vec<(DisplayInfo, Area)>, ScreenRefused> {
        let displays = scrap::Display::all().map_err(ScreenRefused::failed)?;
        let displays = displays.iter().enumerate().map(|(i, display)| {
            let (width, height) = (display.width() as u32, display.height() as u32);
            let info = DisplayInfo {
                id: i.to_string(),
                name: format!("Display {}", i + 1),
                width_px: width,
                height_px: height,
                primary: i == 0,
            };
            let area = Area {
                x: 0,
                y: 0,
                width,
                height,
            };
            (info, area)
        });
        Ok(displays.collect())
    }

    pub(super) fn windows(&self) -> Result<Vec<WindowInfo>, ScreenRefused> {
        Err(ScreenRefused::no_windows_here())
    }

    pub(super) fn window_area(&self, _: &str) -> Result<Option<Area>, ScreenRefused> {
        Err(ScreenRefused::no_windows_here())
    }

    pub(super) fn pointer(&self) -> Result<Option<Pointer>, ScreenRefused> {
        Ok(None)
    }
}
