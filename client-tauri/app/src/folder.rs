//! A file in the system's own view of folders.

use std::path::Path;

#[cfg(target_os = "linux")]
use crate::bus::{answered, ask};

/// Opens the folder with the file marked, where the system can; else the folder alone. It does not wait.
pub fn show(file: &Path) {
    let file = file.to_owned();
    #[cfg(target_os = "linux")]
    tauri::async_runtime::spawn(async move {
        if let Err(error) = answered(mark(&file)).await {
            tracing::debug!(%error, "no file manager marks a file");
            open_folder(&file);
        }
    });
    #[cfg(target_os = "macos")]
    run(
        std::process::Command::new("open").arg("-R").arg(&file),
        &file,
    );
    #[cfg(windows)]
    {
        let mut select = std::ffi::OsString::from("/select,");
        select.push(&file);
        run(std::process::Command::new("explorer").arg(select), &file);
    }
}

#[cfg(any(target_os = "macos", windows))]
fn run(command: &mut std::process::Command, file: &Path) {
    if let Err(error) = command.spawn() {
        tracing::debug!(%error, "no file manager marks a file");
        open_folder(file);
    }
}

fn open_folder(file: &Path) {
    let Some(folder) = file.parent() else {
        return;
    };
    if let Err(error) = open::that_detached(folder) {
        tracing::warn!(%error, "a folder cannot be opened");
    }
}

/// `ShowItems` of the file manager (freedesktop.org, File Manager D-Bus Interface): addresses, start-up id.
#[cfg(target_os = "linux")]
async fn mark(file: &Path) -> zbus::Result<()> {
    let address = tauri::Url::from_file_path(file)
        .map_err(|()| zbus::Error::Failure("the file has no whole path".to_owned()))?
        .to_string();
    let session = zbus::Connection::session().await?;
    let addresses = [address.as_str()];
    let words = (addresses.as_slice(), "");
    ask(
        &session,
        "org.freedesktop.FileManager1",
        "/org/freedesktop/FileManager1",
        "ShowItems",
        &words,
    )
    .await
    .map(drop)
}
