//! Why a screen cannot be shown, in words for a person.

use std::ffi::OsString;

use serde::Serialize;

/// A refusal: `code` is stable, `message` says what to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct ScreenRefused {
    pub code: &'static str,
    pub message: String,
}

impl ScreenRefused {
    fn new(code: &'static str, message: impl Into<String>) -> ScreenRefused {
        ScreenRefused {
            code,
            message: message.into(),
        }
    }

    pub fn no_display() -> ScreenRefused {
        ScreenRefused::new(
            "no_display",
            "There is no display here that could be shown. Start the program within a desktop.",
        )
    }

    pub fn denied() -> ScreenRefused {
        ScreenRefused::new(
            "display_denied",
            "The display does not let this program see it. Start the program as the person who is \
             logged in at this desktop.",
        )
    }

    pub fn wayland() -> ScreenRefused {
        ScreenRefused::new(
            "wayland_capture",
            "This desktop runs on Wayland, where this program cannot capture the screen yet. What works: \
             log in with an Xorg session (\"on Xorg\" at the login), or join this room with a browser on \
             this machine and share the screen from there.",
        )
    }

    pub fn no_window() -> ScreenRefused {
        ScreenRefused::new(
            "no_window",
            "This window or display is not there any more. Choose another one.",
        )
    }

    /// Where the system does not tell where windows are.
    pub fn no_windows_here() -> ScreenRefused {
        ScreenRefused::new(
            "no_window",
            "This system does not tell where windows are. Show a whole display instead.",
        )
    }

    pub fn failed(why: impl std::fmt::Display) -> ScreenRefused {
        let message =
            format!("The display cannot be captured ({why}). Try again, or choose another one.");
        ScreenRefused::new("screen_failed", message)
    }
}

/// Whether this kind of desktop can be captured, by its environment variables.
pub(super) fn allowed(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<(), ScreenRefused> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    // XWayland would let itself be captured, and show nothing but black.
    let wayland = variable("XDG_SESSION_TYPE").is_some_and(|kind| kind == "wayland");
    match (wayland || is_set("WAYLAND_DISPLAY"), is_set("DISPLAY")) {
        (true, _) => Err(ScreenRefused::wayland()),
        (false, true) => Ok(()),
        (false, false) => Err(ScreenRefused::no_display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(variables: &[(&str, &str)]) -> Result<(), &'static str> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        allowed(&variable).map_err(|refused| refused.code)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn wayland_says_what_is_missing_and_what_works() {
        let x11 = ("DISPLAY", ":0");
        assert_eq!(verdict(&[x11]), Ok(()));
        assert_eq!(verdict(&[x11, ("WAYLAND_DISPLAY", "")]), Ok(()));
        assert_eq!(verdict(&[]), Err("no_display"));
        for variables in [
            &[x11, ("WAYLAND_DISPLAY", "wayland-0")][..],
            &[("WAYLAND_DISPLAY", "wayland-0")],
            &[x11, ("XDG_SESSION_TYPE", "wayland")],
        ] {
            assert_eq!(verdict(variables), Err("wayland_capture"));
        }
        let message = ScreenRefused::wayland().message;
        assert!(message.contains("Xorg") && message.contains("browser"));
    }
}
