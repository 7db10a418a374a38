//! Stopping the server from its pages: asked for once, done in stages, each of which may be repeated.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use conclave_wire::EndReason;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::{sync::watch, time::Instant};

use crate::{actors::lobby::StopAll, files::Uploads, server::AppState};

/// Links get so long to say goodbye.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(3);
/// Uploads get so long to end.
const UPLOADS_DEADLINE: Duration = Duration::from_secs(3);
const UPLOADS_LOOKED_AT: Duration = Duration::from_millis(20);
/// A stage that did not come off is tried so often, with a pause.
const ATTEMPTS_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// The page that says that the server stops gets so long to reach whoever asked.
const LAST_ANSWER: Duration = Duration::from_millis(300);

/// How far it is.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody has asked for it.
    #[default]
    Running,
    /// Rooms close, and everybody in them is told why.
    Telling,
    /// Uploads end, and no new ones are taken.
    EndingUploads,
    /// Files go from the database and from the disk.
    ClearingFiles,
    /// Ports close, what waits is stored, the program ends.
    Closing,
}

impl Stage {
    pub fn sentence(self) -> &'static str {
        match self {
            Stage::Running => "The server runs.",
            Stage::Telling => "Everybody is being told, and rooms close.",
            Stage::EndingUploads => "Uploads are being ended.",
            Stage::ClearingFiles => "Files are being removed.",
            Stage::Closing => "The server closes its ports and ends.",
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StopOrder {
    /// Said to everybody in a room.
    pub reason: String,
    pub clear_files: bool,
}

/// The state of stopping, shared by pages and whoever ends the program.
#[derive(Debug, Default)]
pub struct Stopping {
    order: Mutex<Option<StopOrder>>,
    stage: watch::Sender<Stage>,
    failed: AtomicBool,
}

impl Stopping {
    pub fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Asks for it. The first one is obeyed; all later ones get the stage, and change nothing.
    ///
    /// # Errors
    /// How far it is already.
    pub fn ask(&self, order: StopOrder) -> Result<(), Stage> {
        let mut asked = self.order.lock();
        if asked.is_some() || self.stage() != Stage::Running {
            return Err(self.stage().max(Stage::Telling));
        }
        *asked = Some(order);
        self.stage.send_replace(Stage::Telling);
        Ok(())
    }

    /// Resolves when the stages before [`Stage::Closing`] are done: the program may end.
    pub async fn done(&self) {
        let mut stages = self.stage.subscribe();
        // It fails only when the sender is gone, which `self` holds.
        stages.wait_for(|stage| *stage == Stage::Closing).await.ok();
    }

    /// Resolves when the server stops, for whatever reason: pages that stay open end.
    pub async fn begun(&self) {
        let mut stages = self.stage.subscribe();
        stages.wait_for(|stage| *stage != Stage::Running).await.ok();
    }

    /// The server is being ended from outside. Waits for stages that are under way, at most `within`.
    pub async fn close(&self, within: Duration) {
        let under_way = {
            let mut asked = self.order.lock();
            match *asked {
                Some(_) => true,
                None => {
                    // Nobody may ask any more.
                    *asked = Some(StopOrder {
                        reason: String::new(),
                        clear_files: false,
                    });
                    self.stage.send_replace(Stage::Closing);
                    false
                }
            }
        };
        if under_way && tokio::time::timeout(within, self.done()).await.is_err() {
            tracing::warn!("files were still being removed when the server ended");
            self.stage.send_replace(Stage::Closing);
        }
    }

    /// Whether something that was asked for was not done: files are left.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn enter(&self, stage: Stage) {
        tracing::info!(?stage, "stopping");
        self.stage.send_replace(stage);
    }
}

/// Waits until somebody asks, and carries it out. Ends with the server's system.
pub(super) async fn run(state: Arc<AppState>) {
    let stopping = &state.admin.stopping;
    stopping.begun().await;
    let Some(order) = stopping.order.lock().clone() else {
        return;
    };
    if stopping.stage() != Stage::Telling {
        return;
    }
    let told = state.lobby.send(StopAll {
        reason: EndReason::ServerStopping,
        text: order.reason,
    });
    if tokio::time::timeout(GOODBYE_DEADLINE, told).await.is_err() {
        tracing::warn!("not everybody could be told that the server stops");
    }
    if order.clear_files {
        stopping.enter(Stage::EndingUploads);
        end_uploads(&state.uploads).await;
        stopping.enter(Stage::ClearingFiles);
        if !clear(&state).await {
            tracing::error!("files are left on the disk; start the server and clear again");
            stopping.failed.store(true, Ordering::Relaxed);
        }
    }
    tokio::time::sleep(LAST_ANSWER).await;
    stopping.enter(Stage::Closing);
}

async fn end_uploads(uploads: &Uploads) {
    let ended = uploads.clone();
    actix_rt::task::spawn_blocking(move || ended.close_all())
        .await
        .ok();
    // Those that are just being written end by themselves.
    let deadline = Instant::now() + UPLOADS_DEADLINE;
    while uploads.open_count() > 0 && Instant::now() < deadline {
        tokio::time::sleep(UPLOADS_LOOKED_AT).await;
    }
}

/// The database first: when the program ends in between, the next start removes what no room knows.
async fn clear(state: &AppState) -> bool {
    for _ in 0..ATTEMPTS_MAX {
        match try_clear(state).await {
            Ok(()) => return true,
            Err(error) => tracing::warn!(error, "files were not removed yet"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

async fn try_clear(state: &AppState) -> Result<(), String> {
    let forgotten = state.store.clear_files().await;
    forgotten.map_err(|error| error.to_string())?;
    let uploads = state.uploads.clone();
    let cleared = actix_rt::task::spawn_blocking(move || uploads.clear());
    match cleared.await {
        Ok(cleared) => cleared.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(clear_files: bool) -> StopOrder {
        StopOrder {
            reason: "Maintenance".to_owned(),
            clear_files,
        }
    }

    #[test]
    fn the_first_who_asks_is_obeyed_and_later_ones_are_told_how_far_it_is() {
        let stopping = Stopping::default();
        assert_eq!(stopping.ask(order(false)), Ok(()));
        assert_eq!(stopping.ask(order(true)), Err(Stage::Telling));
        stopping.enter(Stage::ClearingFiles);
        assert_eq!(stopping.ask(order(true)), Err(Stage::ClearingFiles));
        assert_eq!(*stopping.order.lock(), Some(order(false)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_waits_for_what_is_under_way_and_not_for_ever() {
        let stopping = Stopping::default();
        stopping.ask(order(true)).unwrap();
        let before = Instant::now();
        stopping.close(Duration::from_secs(60)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(60));
        assert_eq!(stopping.stage(), Stage::Closing);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_signal_nothing_is_asked_for_any_more() {
        let stopping = Stopping::default();
        let before = Instant::now();
        stopping.close(Duration::from_secs(60)).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert_eq!(stopping.ask(order(true)), Err(Stage::Closing));
    }
}
