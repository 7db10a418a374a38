//! The icon in the tray: whether one is heard, and the way back to the window.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
};

use conclave_client::desk::{Desk, Talk};
use tauri::{
    AppHandle, Manager,
    image::Image,
    include_image,
    menu::{Menu, MenuItem},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};

use crate::window;

const SHOW: &str = "show";
const MUTE: &str = "mute";
const QUIT: &str = "quit";

const IDLE: Image<'_> = include_image!("icons/tray-idle.png");
const LIVE: Image<'_> = include_image!("icons/tray-live.png");
const MUTED: Image<'_> = include_image!("icons/tray-muted.png");

struct Tray {
    icon: TrayIcon,
    mute: MenuItem<tauri::Wry>,
}

/// Whether there was a place for it.
static THERE: OnceLock<bool> = OnceLock::new();

/// Systems without a tray do without: the window is always there then.
pub fn open(app: &AppHandle) {
    // The library behind it panics where another library of the system is missing.
    let made = catch_unwind(AssertUnwindSafe(|| make(app)));
    let is_there = match made {
        Ok(Ok(tray)) => app.manage(tray),
        Ok(Err(error)) => {
            tracing::info!(%error, "no icon in the tray");
            false
        }
        Err(_) => {
            tracing::info!("no icon in the tray: libayatana-appindicator3 is missing");
            false
        }
    };
    THERE.get_or_init(|| is_there);
}

pub fn is_there(_: &AppHandle) -> bool {
    *THERE.get().unwrap_or(&false)
}

/// Whether the microphone is on; `None` outside of meetings. From any thread.
pub fn show(app: &AppHandle, microphone: Option<bool>) {
    if !is_there(app) {
        return;
    }
    let showing = app.clone();
    let queued = app.run_on_main_thread(move || {
        let Some(tray) = showing.try_state::<Tray>() else {
            return;
        };
        let (image, tip, word) = match microphone {
            None => (IDLE, "Conclave", "Mute"),
            Some(true) => (LIVE, "Conclave: you are heard", "Mute"),
            Some(false) => (MUTED, "Conclave: you are muted", "Unmute"),
        };
        let shown = (tray.icon.set_icon(Some(image)))
            .and_then(|()| tray.icon.set_tooltip(Some(tip)))
            .and_then(|()| tray.mute.set_text(word))
            .and_then(|()| tray.mute.set_enabled(microphone.is_some()));
        if let Err(error) = shown {
            tracing::debug!(%error, "the tray does not show it");
        }
    });
    if let Err(error) = queued {
        tracing::debug!(%error, "the tray is gone");
    }
}

/// The time that is left on the shared clock, from the title of the page; nothing when none runs. From any thread.
pub fn count_down(app: &AppHandle, title: &str) {
    if !is_there(app) {
        return;
    }
    let (showing, left) = (app.clone(), left_in(title).map(str::to_owned));
    let queued = app.run_on_main_thread(move || {
        let Some(tray) = showing.try_state::<Tray>() else {
            return;
        };
        if let Err(error) = tray.icon.set_title(left) {
            tracing::debug!(%error, "the tray does not count down");
        }
    });
    if let Err(error) = queued {
        tracing::debug!(%error, "the tray is gone");
    }
}

/// The page puts what is left in front of its title: `24:59 Focus · Library · Conclave`.
fn left_in(title: &str) -> Option<&str> {
    let (left, _) = title.split_once(' ')?;
    let (minutes, seconds) = left.split_once(':')?;
    let counts = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (counts(minutes) && seconds.len() == 2 && counts(seconds)).then_some(left)
}

fn make(app: &AppHandle) -> tauri::Result<Tray> {
    let open = MenuItem::with_id(app, SHOW, "Open Conclave", true, None::<&str>)?;
    let mute = MenuItem::with_id(app, MUTE, "Mute", false, None::<&str>)?;
    let quit = MenuItem::with_id(app, QUIT, "Leave and quit", true, None::<&str>)?;
    let menu = Menu::with_items(app, &[&open, &mute, &quit])?;
    let icon = TrayIconBuilder::with_id("conclave")
        .icon(IDLE)
        .tooltip("Conclave")
        .menu(&menu)
        .show_menu_on_left_click(false)
        .on_menu_event(|app, event| match event.id().as_ref() {
            SHOW => window::show(app),
            MUTE => {
                let desk = app.state::<Desk>().inner().clone();
                tauri::async_runtime::spawn(async move { desk.talk(Talk::Toggle).await });
            }
            QUIT => crate::quit(app),
            _ => {}
        })
        .on_tray_icon_event(|icon, event| {
            if let TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                window::show(icon.app_handle());
            }
        })
        .build(app)?;
    Ok(Tray { icon, mute })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_stands_in_front_of_the_title() {
        assert_eq!(left_in("24:59 Focus · Library · Conclave"), Some("24:59"));
        assert_eq!(left_in("180:00 Focus · Library · Conclave"), Some("180:00"));
        for title in [
            "",
            "Conclave",
            "Library · Conclave",
            "9:5 am · Conclave",
            ": x",
        ] {
            assert_eq!(left_in(title), None, "{title}");
        }
    }
}
