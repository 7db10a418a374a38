//! Where pictures of a screen come from.

/// A screen at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Shot<'a> {
    pub width_px: u32,
    pub height_px: u32,
    /// BGRA, rows from the top; the fourth byte does not matter.
    pub bgra: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// In pixels; `None` when it is not on this screen.
    pub pointer: Option<(u16, u16)>,
}

/// The screen gives no more pictures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("The screen is gone. Choose another one.")]
pub struct ScreenGone;

/// A source of pictures of a screen. It is made and read on a thread of its own, because real ones may
/// not move between threads.
pub trait ScreenSource {
    /// The screen as it is now. Waits at most 100 ms.
    ///
    /// # Errors
    /// [`ScreenGone`], and then for ever.
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone>;
}
