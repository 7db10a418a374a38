//! The settings on their way to the disk. Whoever changes them does not wait: one write goes at a time, of all
//! that stands by then, so that however many changes come during one cost one more.

use std::{io, mem, path::Path, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::{sync::watch, time::timeout};

use super::{Kept, Shared, Told};

/// At its end the program waits so long for a disk.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// Why the settings are not on the disk: `code` is stable, `text` says what to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SettingsTrouble {
    pub code: &'static str,
    pub text: String,
}

impl SettingsTrouble {
    fn of(error: &io::Error, folder: &Path) -> SettingsTrouble {
        let (code, text) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
                "settings_disk_full",
                "The disk is full. What you set now is lost when the program ends: make room, and it is \
                 written with your next change, or when you quit."
                    .to_owned(),
            ),
            _ => (
                "settings_unwritable",
                format!(
                    "The settings cannot be written ({error}). What you set now is lost when the program \
                     ends: see that you may write to {}, and it is written with your next change, or when \
                     you quit.",
                    folder.display()
                ),
            ),
        };
        SettingsTrouble { code, text }
    }
}

#[derive(Default)]
pub(super) struct Keeping {
    state: Mutex<State>,
    /// Whether something is written, or is about to be.
    busy: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// Something was changed since the last write began.
    changed: bool,
    /// How the last write ended.
    trouble: Option<SettingsTrouble>,
}

impl Keeping {
    pub(super) fn trouble(&self) -> Option<SettingsTrouble> {
        self.state.lock().trouble.clone()
    }
}

impl Shared {
    /// Changes what is kept, and sees to it that it is written. Must be called within a tokio runtime.
    pub(crate) fn keep(self: &Arc<Self>, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.lock());
        self.begin_writing();
    }

    /// Writes what is kept, before anybody listens.
    pub(super) fn keep_first(&self) {
        let kept = self.kept.lock().clone();
        self.written(kept.write(&self.places.config));
    }

    /// Waits until all of it is on the disk. What could not be written is tried once more.
    pub(super) async fn settle(self: &Arc<Self>) {
        if self.keeping.trouble().is_some() {
            self.begin_writing();
        }
        let mut busy = self.keeping.busy.subscribe();
        if timeout(WRITE_MAX, busy.wait_for(|busy| !busy))
            .await
            .is_err()
        {
            tracing::warn!("the disk did not take the settings in time");
        }
    }

    fn begin_writing(self: &Arc<Self>) {
        {
            let mut state = self.keeping.state.lock();
            state.changed = true;
            if self.keeping.busy.send_replace(true) {
                return;
            }
        }
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || shared.write());
    }

    /// Until nothing has changed since.
    fn write(&self) {
        loop {
            {
                let mut state = self.keeping.state.lock();
                if !mem::take(&mut state.changed) {
                    self.keeping.busy.send_replace(false);
                    return;
                }
            }
            let kept = self.kept.lock().clone();
            self.written(kept.write(&self.places.config));
        }
    }

    /// Tells how a write has ended, when the one before had ended otherwise.
    fn written(&self, written: io::Result<()>) {
        let error = written.err();
        let folder = &self.places.config;
        let trouble = error
            .as_ref()
            .map(|error| SettingsTrouble::of(error, folder));
        {
            let mut state = self.keeping.state.lock();
            if state.trouble == trouble {
                return;
            }
            state.trouble.clone_from(&trouble);
        }
        match error {
            Some(error) => tracing::warn!(%error, "the settings cannot be kept"),
            None => tracing::info!("the settings are kept again"),
        }
        self.tell(Told::Settings { trouble });
    }
}
