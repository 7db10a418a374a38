//! Studying together: a clock of focus and breaks, and who has focused for how long.

pub mod focus;
pub mod pomodoro;

pub use focus::FocusTally;
pub use pomodoro::Pomodoro;
