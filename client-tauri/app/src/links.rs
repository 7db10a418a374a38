//! Links that are opened outside of the window.

use tauri::{AppHandle, Manager};

use crate::window;

/// Systems that hand links over by themselves.
pub fn listen(app: &AppHandle) {
    #[cfg(not(target_os = "linux"))]
    {
        use conclave_client::desk::Desk;
        use tauri_plugin_deep_link::DeepLinkExt;

        let opening = app.clone();
        app.deep_link().on_open_url(move |event| {
            for link in event.urls() {
                opening.state::<Desk>().open_link(link.to_string());
            }
            window::show(&opening);
        });
    }
    #[cfg(target_os = "linux")]
    let _ = app.path();
}

/// The program was started while it ran.
#[cfg(not(unix))]
pub fn opened_again(app: &AppHandle, words: &[String]) {
    use clap::Parser;
    use conclave_client::desk::Desk;

    if let Ok(args) = crate::args::Args::try_parse_from(words)
        && let Some(link) = args.link
    {
        app.state::<Desk>().open_link(link);
    }
    window::show(app);
}

/// Opens a link of the page with the system's browser: this window shows the meeting and nothing else.
pub fn open_elsewhere(link: &tauri::Url) {
    if !matches!(link.scheme(), "https" | "http" | "mailto") {
        return;
    }
    if let Err(error) = open::that_detached(link.as_str()) {
        tracing::warn!(%error, "a link cannot be opened");
    }
}

/// Whether the window may go there: to its own page.
pub fn is_ours(link: &tauri::Url) -> bool {
    let host = link.host_str().unwrap_or_default();
    matches!(
        (link.scheme(), host),
        ("tauri", "localhost") | ("http" | "https", "tauri.localhost")
    )
}

/// Brings the window to the front, as whoever opens something expects.
pub fn bring_to_front(app: &AppHandle) {
    window::show(app);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_goes_nowhere_else() {
        let ours = |link: &str| is_ours(&link.parse().unwrap());
        assert!(ours("tauri://localhost/r/physics#k=x"));
        assert!(ours("http://tauri.localhost/"));
        for other in [
            "https://example.org/",
            "tauri://elsewhere/",
            "file:///etc/passwd",
            "media://localhost/newest",
        ] {
            assert!(!ours(other), "{other}");
        }
    }
}
