//! What the window is made of: its page, its icons, and what the page may ask.

fn main() {
    let commands = tauri_build::AppManifest::new().commands(&["ask", "listen", "take_piece"]);
    let attributes = tauri_build::Attributes::new().app_manifest(commands);
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("{error:#}");
    }
}
