//! A machine in a meeting stays awake.

use std::sync::Mutex;

/// Keeps the machine awake as long as it is told to.
#[derive(Default)]
pub struct Awake {
    #[cfg(target_os = "linux")]
    inhibitor: std::sync::Arc<Mutex<State>>,
    #[cfg(not(target_os = "linux"))]
    _nothing: Mutex<()>,
}

#[cfg(target_os = "linux")]
#[derive(Default)]
struct State {
    wanted: bool,
    /// Closing it lets the machine sleep again.
    held: Option<zbus::zvariant::OwnedFd>,
}

impl Awake {
    #[cfg(target_os = "linux")]
    pub fn stay(&self, is_on: bool) {
        {
            let mut state = lock(&self.inhibitor);
            state.wanted = is_on;
            if !is_on {
                state.held = None;
                return;
            }
            if state.held.is_some() {
                return;
            }
        }
        let inhibitor = std::sync::Arc::clone(&self.inhibitor);
        tauri::async_runtime::spawn(async move {
            match inhibit().await {
                Ok(fd) => {
                    let mut state = lock(&inhibitor);
                    if state.wanted {
                        state.held = Some(fd);
                    }
                }
                // Systems without systemd-logind sleep as they are set.
                Err(error) => tracing::debug!(%error, "the machine may go to sleep"),
            }
        });
    }

    /// There the system keeps a machine awake that plays sound and draws pictures.
    #[cfg(not(target_os = "linux"))]
    pub fn stay(&self, _: bool) {}
}

#[cfg(target_os = "linux")]
fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `Inhibit` of systemd-logind: what, who, why, mode.
#[cfg(target_os = "linux")]
async fn inhibit() -> zbus::Result<zbus::zvariant::OwnedFd> {
    let system = zbus::Connection::system().await?;
    let answer = system
        .call_method(
            Some("org.freedesktop.login1"),
            "/org/freedesktop/login1",
            Some("org.freedesktop.login1.Manager"),
            "Inhibit",
            &("idle:sleep", "Conclave", "A meeting is on", "block"),
        )
        .await?;
    answer.body().deserialize()
}
