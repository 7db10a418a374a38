//! What is looked at before there is a window.

/// # Errors
/// On a system without a display: a sentence that says what is missing.
pub fn check_display() -> Result<(), String> {
    let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !has("DISPLAY") && !has("WAYLAND_DISPLAY") {
        return Err(
            "There is no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. Start Conclave from \
             your desktop, or open the join link in a browser."
                .to_owned(),
        );
    }
    Ok(())
}
