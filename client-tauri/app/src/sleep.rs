//! A machine in a meeting stays awake, and its screen is not locked.

/// Holds sleep and the screen lock off as long as it is told to.
pub struct Awake {
    #[cfg(target_os = "linux")]
    wanted: tokio::sync::watch::Sender<bool>,
}

impl Awake {
    pub fn new() -> Awake {
        Awake {
            #[cfg(target_os = "linux")]
            wanted: linux::follow(),
        }
    }

    /// Elsewhere the system keeps a machine awake that plays sound and draws pictures.
    pub fn stay(&self, is_on: bool) {
        #[cfg(target_os = "linux")]
        self.wanted.send_replace(is_on);
        #[cfg(not(target_os = "linux"))]
        let _ = is_on;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;

    use tokio::sync::watch;
    use zbus::Connection;

    use crate::bus::{answered, ask};

    const WHO: &str = "Conclave";
    const WHY: &str = "A meeting is on";
    const SCREEN_SAVER: &str = "org.freedesktop.ScreenSaver";
    const SCREEN_SAVER_PATH: &str = "/org/freedesktop/ScreenSaver";

    /// One task asks and gives back, so that nothing is asked for twice and nothing stays behind.
    pub(super) fn follow() -> watch::Sender<bool> {
        let (wanted, mut told) = watch::channel(false);
        tauri::async_runtime::spawn(async move {
            while becomes(&mut told, true).await {
                tokio::select! {
                    held = Held::take() => {
                        becomes(&mut told, false).await;
                        held.give_back().await;
                    }
                    // What is granted now ends with the connections that asked for it.
                    _ = becomes(&mut told, false) => {}
                }
            }
        });
        wanted
    }

    /// Waits for this wish; false when there will be none any more.
    async fn becomes(told: &mut watch::Receiver<bool>, is_on: bool) -> bool {
        told.wait_for(|now| *now == is_on).await.is_ok()
    }

    /// What the desktop has granted. A desktop that lacks one of them does as it is set.
    struct Held {
        /// Closing it lets the machine sleep again.
        sleep: Option<OwnedFd>,
        lock: Option<ScreenLock>,
    }

    impl Held {
        async fn take() -> Held {
            let (sleep, lock) = tokio::join!(answered(hold_sleep()), answered(ScreenLock::hold()));
            Held {
                sleep: sleep
                    .inspect_err(|error| tracing::debug!(%error, "the machine may go to sleep"))
                    .ok(),
                lock: lock
                    .inspect_err(|error| tracing::debug!(%error, "the screen may be locked"))
                    .ok(),
            }
        }

        async fn give_back(self) {
            drop(self.sleep);
            if let Some(lock) = self.lock
                && let Err(error) = answered(lock.give_back()).await
            {
                tracing::debug!(%error, "the screen lock comes back with the end of the connection");
            }
        }
    }

    /// `Inhibit` of systemd-logind (org.freedesktop.login1): what, who, why, mode.
    async fn hold_sleep() -> zbus::Result<OwnedFd> {
        let system = Connection::system().await?;
        let answer = system
            .call_method(
                Some("org.freedesktop.login1"),
                "/org/freedesktop/login1",
                Some("org.freedesktop.login1.Manager"),
                "Inhibit",
                &("idle:sleep", WHO, WHY, "block"),
            )
            .await?;
        let fd: zbus::zvariant::OwnedFd = answer.body().deserialize()?;
        // Programs that are started in a meeting would inherit the one that came, and hold it beyond the end; a
        // copy is closed for them.
        Ok(OwnedFd::from(fd).try_clone()?)
    }

    /// Desktops lock by a clock of their own, which does not ask logind (freedesktop.org, Idle Inhibition Service).
    struct ScreenLock {
        /// The lock comes back when it is closed.
        session: Connection,
        cookie: u32,
    }

    impl ScreenLock {
        async fn hold() -> zbus::Result<ScreenLock> {
            let session = Connection::session().await?;
            let answer = ask(
                &session,
                SCREEN_SAVER,
                SCREEN_SAVER_PATH,
                "Inhibit",
                &(WHO, WHY),
            )
            .await?;
            let cookie = answer.body().deserialize()?;
            Ok(ScreenLock { session, cookie })
        }

        async fn give_back(self) -> zbus::Result<()> {
            let (session, cookie) = (&self.session, &self.cookie);
            ask(
                session,
                SCREEN_SAVER,
                SCREEN_SAVER_PATH,
                "UnInhibit",
                cookie,
            )
            .await
            .map(drop)
        }
    }
}
