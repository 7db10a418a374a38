//! What systemd is told, when it has started the program (sd_notify(3)): that it is ready, that it lives,
//! that it stops. Without systemd nothing happens.

use std::{future::pending, sync::Arc, time::Duration};

use conclave_server::server::AppState;
use sd_notify::NotifyState;

/// The watchdog is fed so many times in the time that it is patient for.
const FEEDS_PER_PATIENCE: u32 = 4;

/// People can join.
pub fn started() {
    tell(&[
        NotifyState::Ready,
        NotifyState::Status("Meetings can be held"),
    ]);
}

/// It ends in order.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
}

/// Feeds the watchdog as long as the server is alive: as long as the lobby and the threads of rooms and media
/// answer. Never ends.
pub async fn feed_watchdog(state: Arc<AppState>) {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return pending().await;
    };
    let every = (patience / FEEDS_PER_PATIENCE).max(Duration::from_millis(1));
    loop {
        let health = state.health();
        if health.alive {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(services = ?health.services, "the watchdog is not fed: the server is not alive");
        }
        tokio::time::sleep(every).await;
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not told");
    }
}
