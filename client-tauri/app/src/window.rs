//! The window: one, remembered where it was, and showing nothing but our own page.

use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent, Wry, plugin::TauriPlugin,
};
use tauri_plugin_window_state::StateFlags;

use conclave_client::desk::Desk;

use crate::{links, tray};

pub const MAIN: &str = "main";
const SIZE: (f64, f64) = (1_180.0, 760.0);
const SIZE_MIN: (f64, f64) = (360.0, 480.0);

/// Where and how large it was.
pub fn remembered() -> TauriPlugin<Wry> {
    tauri_plugin_window_state::Builder::default()
        .with_state_flags(StateFlags::all() - StateFlags::VISIBLE)
        .build()
}

pub fn open(app: &AppHandle, hidden: bool) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Conclave")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SIZE_MIN.0, SIZE_MIN.1)
        // Files are dropped on the page itself.
        .disable_drag_drop_handler()
        .on_navigation(links::is_ours)
        // With the time that is left on the shared clock, where there is one.
        .on_document_title_changed(|window, title| {
            if let Err(error) = window.set_title(&title) {
                tracing::debug!(%error, "the window keeps its title");
            }
            tray::count_down(window.app_handle(), &title);
        })
        .on_new_window(|link, _| {
            links::open_elsewhere(&link);
            NewWindowResponse::Deny
        })
        // Without a tray nobody would find a hidden window again.
        .visible(!hidden || !tray::is_there(app))
        .build()?;
    let closing = app.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            let stays = closing.state::<Desk>().kept().start_hidden && tray::is_there(&closing);
            if stays && let Some(window) = closing.get_webview_window(MAIN) {
                api.prevent_close();
                if let Err(error) = window.hide() {
                    tracing::warn!(%error, "the window does not hide");
                }
            }
        }
    });
    Ok(())
}

/// Brings it to the front, from the tray as well.
pub fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else {
        return;
    };
    let shown = window
        .show()
        .and_then(|()| window.unminimize())
        .and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::debug!(%error, "the window does not come to the front");
    }
}
