//! Why a player cannot be had, in a word for programs and a sentence for people.

use serde::Serialize;

/// A player says no, or there is none. The same codes as the page's `FilmFailureCode`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct PlayerRefused {
    pub code: &'static str,
    pub message: String,
}

impl PlayerRefused {
    fn of(code: &'static str, message: impl Into<String>) -> PlayerRefused {
        PlayerRefused {
            code,
            message: message.into(),
        }
    }

    /// The program is not installed; `package` is its name with most systems.
    pub fn missing(program: &str, package: &str) -> PlayerRefused {
        let message = format!(
            "{program} is not installed here. Install the package “{package}” of your system, or watch in the window of the meeting."
        );
        PlayerRefused::of("player_missing", message)
    }

    /// It did not start, or what answers is no such player.
    pub fn failed(program: &str, why: &str) -> PlayerRefused {
        let message =
            format!("{program} could not be started: {why}. Choose another player or try again.");
        PlayerRefused::of("player_failed", message)
    }

    pub fn gone(program: &str) -> PlayerRefused {
        let message = format!("{program} was closed. Open the film again to go on watching.");
        PlayerRefused::of("player_gone", message)
    }

    pub fn hangs(program: &str) -> PlayerRefused {
        let message = format!(
            "{program} does not answer. Wait a moment, or close it and open the film again."
        );
        PlayerRefused::of("player_hangs", message)
    }

    pub fn file_gone() -> PlayerRefused {
        PlayerRefused::of(
            "file_gone",
            "The file of the film is not there any more. Put it back or choose it again.",
        )
    }

    pub fn file_unreadable() -> PlayerRefused {
        PlayerRefused::of(
            "file_unreadable",
            "The file of the film cannot be read. Check who may read it, or choose another one.",
        )
    }

    pub fn cancelled() -> PlayerRefused {
        PlayerRefused::of("cancelled", "The check of the file was stopped.")
    }

    pub fn cannot_decode(program: &str) -> PlayerRefused {
        let message =
            format!("{program} cannot play this file. Choose another player or another file.");
        PlayerRefused::of("cannot_decode", message)
    }
}
