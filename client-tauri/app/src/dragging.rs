//! A file that is dragged out of the window, to wherever it is dropped.

use std::path::Path;

use tauri::AppHandle;

/// Whether this system's windows can do it here.
pub const IS_POSSIBLE: bool = cfg!(target_os = "linux");

/// Begins while the button of the mouse is held, and returns when it was let go, dropped or not.
#[cfg(target_os = "linux")]
pub async fn drag(app: AppHandle, path: &Path) {
    use tokio::{sync::oneshot, time::timeout};

    let Ok(uri) = gtk::glib::filename_to_uri(path, None) else {
        return;
    };
    let (ended, end) = oneshot::channel();
    let main = app.clone();
    // Windows are of one thread.
    let queued = app.run_on_main_thread(move || linux::begin(&main, uri.to_string(), ended));
    if let Err(error) = queued {
        tracing::debug!(%error, "the window is gone");
        return;
    }
    // Whoever has let go elsewhere is not waited for, and neither is who holds it for minutes.
    let _ = timeout(linux::DRAG_MAX, end).await;
}

#[cfg(not(target_os = "linux"))]
pub async fn drag(_: AppHandle, _: &Path) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::{cell::RefCell, rc::Rc, time::Duration};

    use gtk::{
        ApplicationWindow, TargetList,
        gdk::{DragAction, ModifierType},
        glib::{ObjectExt, SignalHandlerId},
        prelude::{SeatExt, WidgetExt},
    };
    use tauri::{AppHandle, Manager};
    use tokio::sync::oneshot;

    use crate::window::MAIN;

    pub const DRAG_MAX: Duration = Duration::from_secs(300);
    const LEFT_BUTTON: i32 = 1;

    pub fn begin(app: &AppHandle, uri: String, ended: oneshot::Sender<()>) {
        let window = app.get_webview_window(MAIN);
        let Some(Ok(window)) = window.map(|window| window.gtk_window()) else {
            return;
        };
        if !is_held(&window) {
            return;
        }
        let listening: Rc<RefCell<Vec<SignalHandlerId>>> = Rc::default();
        let asked = window.connect_drag_data_get(move |_, _, data, _, _| {
            data.set_uris(&[&uri]);
        });
        let (ours, ended) = (Rc::clone(&listening), RefCell::new(Some(ended)));
        let over = window.connect_drag_end(move |window, _| {
            for handler in ours.take() {
                window.disconnect(handler);
            }
            if let Some(ended) = ended.take() {
                // Nobody waits any more after a while.
                let _ = ended.send(());
            }
        });
        *listening.borrow_mut() = vec![asked, over];
        let targets = TargetList::new(&[]);
        targets.add_uri_targets(0);
        let begun = window.drag_begin_with_coordinates(
            &targets,
            DragAction::COPY,
            LEFT_BUTTON,
            None,
            -1,
            -1,
        );
        if begun.is_none() {
            for handler in listening.take() {
                window.disconnect(handler);
            }
        }
    }

    /// Whether the left button is down now: a drag that begins after it was let go would wait for the next
    /// click. A display that does not tell is trusted.
    fn is_held(window: &ApplicationWindow) -> bool {
        let pointer = window
            .display()
            .default_seat()
            .and_then(|seat| seat.pointer());
        let (Some(surface), Some(pointer)) = (window.window(), pointer) else {
            return true;
        };
        let (_, _, _, buttons) = surface.device_position(&pointer);
        buttons.contains(ModifierType::BUTTON1_MASK)
    }
}
