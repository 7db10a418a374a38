//! Keys that work while another window is in front: one to talk while it is held, one to mute.

use std::str::FromStr;

use conclave_client::desk::{Desk, Keys, Talk};
use tauri::{AppHandle, Manager, Wry, plugin::TauriPlugin};
use tauri_plugin_global_shortcut::{GlobalShortcutExt, Shortcut, ShortcutState};

/// Wayland gives no program the keys of others; there a shortcut of the desktop calls `conclave ptt`.
pub fn are_possible() -> bool {
    !cfg!(target_os = "linux")
        || (std::env::var_os("DISPLAY").is_some()
            && std::env::var_os("XDG_SESSION_TYPE").is_none_or(|kind| kind != "wayland"))
}

pub fn plugin() -> TauriPlugin<Wry> {
    tauri_plugin_global_shortcut::Builder::new().build()
}

/// Uses these keys instead of those before.
///
/// # Errors
/// A sentence that says which of them cannot be had; then none is used.
pub fn register(app: &AppHandle, keys: &Keys) -> Result<(), String> {
    let wanted = [(&keys.talk, Kind::Talk), (&keys.mute, Kind::Mute)];
    if !are_possible() {
        return match wanted.iter().all(|(key, _)| key.is_empty()) {
            true => Ok(()),
            false => Err(
                "Here only the desktop's own shortcuts reach other windows: let one call \"conclave ptt toggle\"."
                    .to_owned(),
            ),
        };
    }
    let mut shortcuts = Vec::new();
    for (key, kind) in wanted {
        if !key.is_empty() {
            let shortcut = Shortcut::from_str(key)
                .map_err(|_| format!("{key} is no key. Write it like Ctrl+Alt+Space."))?;
            shortcuts.push((shortcut, key, kind));
        }
    }
    let global = app.global_shortcut();
    if let Err(error) = global.unregister_all() {
        tracing::warn!(%error, "the keys before are still in use");
    }
    for (shortcut, key, kind) in shortcuts {
        let registered = global.on_shortcut(shortcut, move |app, _, event| {
            if let Some(talk) = kind.talk(event.state) {
                let desk = app.state::<Desk>().inner().clone();
                tauri::async_runtime::spawn(async move { desk.talk(talk).await });
            }
        });
        if registered.is_err() {
            return Err(format!(
                "Another program has {key} already. Choose another key."
            ));
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    Talk,
    Mute,
}

impl Kind {
    fn talk(self, state: ShortcutState) -> Option<Talk> {
        match (self, state) {
            (Kind::Talk, ShortcutState::Pressed) => Some(Talk::On),
            (Kind::Talk, ShortcutState::Released) => Some(Talk::Off),
            (Kind::Mute, ShortcutState::Pressed) => Some(Talk::Toggle),
            (Kind::Mute, ShortcutState::Released) => None,
        }
    }
}
