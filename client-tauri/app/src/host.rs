//! What the desk wants of the program round the window.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
};

use conclave_client::desk::{Host, Keys};
use tauri::AppHandle;
use tauri_plugin_dialog::DialogExt;
use tokio::sync::oneshot;

use crate::{
    dragging, folder, keys,
    notes::{Note, Notes},
    sleep::Awake,
    tray, window,
};

pub struct WindowHost {
    app: AppHandle,
    awake: Awake,
    notes: Notes,
}

impl WindowHost {
    pub fn new(app: AppHandle) -> WindowHost {
        let showing = app.clone();
        WindowHost {
            app,
            awake: Awake::new(),
            notes: Notes::new(move || window::show(&showing)),
        }
    }
}

impl Host for WindowHost {
    fn save_as(&self, name: String) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>> {
        let (chosen, choice) = oneshot::channel();
        self.app
            .dialog()
            .file()
            .set_file_name(name)
            .save_file(move |path| {
                // Whoever asked may have given up meanwhile.
                let _ = chosen.send(path.and_then(|path| path.into_path().ok()));
            });
        Box::pin(async move { choice.await.ok().flatten() })
    }

    fn open_film(&self) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>> {
        let (chosen, choice) = oneshot::channel();
        self.app.dialog().file().pick_file(move |path| {
            // Whoever asked may have given up meanwhile.
            let _ = chosen.send(path.and_then(|path| path.into_path().ok()));
        });
        Box::pin(async move { choice.await.ok().flatten() })
    }

    fn show_file(&self, path: &Path) {
        folder::show(path);
    }

    fn drag_file(&self, path: &Path) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (app, path) = (self.app.clone(), path.to_owned());
        Box::pin(async move { dragging::drag(app, &path).await })
    }

    fn notify(&self, title: &str, body: &str) {
        self.notes.show(Note {
            title: title.to_owned(),
            body: body.to_owned(),
        });
    }

    fn meeting(&self, is_on: bool) {
        self.awake.stay(is_on);
    }

    fn microphone(&self, is_on: Option<bool>) {
        tray::show(&self.app, is_on);
    }

    fn keys(&self, keys: &Keys) -> Result<(), String> {
        keys::register(&self.app, keys)
    }

    fn lacks(&self) -> Vec<(&'static str, &'static str)> {
        let mut lacks = Vec::new();
        if !keys::are_possible() {
            lacks.push(("globalPushToTalk", "not_in_this_program"));
        }
        if !dragging::IS_POSSIBLE {
            lacks.push(("dragOut", "not_in_this_program"));
        }
        lacks
    }
}
