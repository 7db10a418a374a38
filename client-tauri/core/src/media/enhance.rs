//! Speech enhancement on the way from the microphone: echo, noise, and level.

use serde::{Deserialize, Serialize};

use crate::media::devices::Frame;

#[cfg(feature = "devices")]
mod gate;
#[cfg(feature = "devices")]
mod sonora;

#[cfg(feature = "devices")]
pub use sonora::SonoraEnhancer;

/// How much of it a person wants.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    Off,
    #[default]
    Normal,
    Strong,
}

/// A person's choice.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Enhancement {
    /// What the speaker plays is taken out of what the microphone hears.
    pub echo: Strength,
    /// Fans, keyboards, streets.
    pub noise: Strength,
    /// Quiet talkers are raised, loud ones lowered.
    pub levelling: Strength,
}

impl Enhancement {
    /// The sound as the microphone gives it.
    pub const OFF: Enhancement = Enhancement {
        echo: Strength::Off,
        noise: Strength::Off,
        levelling: Strength::Off,
    };
}

/// Makes what a microphone heard better, 10 ms at a time.
pub trait Enhancer: Send {
    /// Takes what is played, the very signal, in order, before the frame of the microphone that may hold
    /// its echo.
    fn played(&mut self, frame: &Frame);

    /// Changes what was captured.
    fn captured(&mut self, frame: &mut Frame);
}
