//! Files up and down, each with progress, pause and resume: what was sent or fetched once stays, even
//! when the program is killed.

mod download;
mod journal;
mod source;
mod upload;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conclave_core::{Moment, link::backoff::Backoff, transfer::Progress};
use conclave_wire::{Refusal, SharedFile};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

use self::download::Place;
use crate::link::http::{HttpClient, HttpError};

/// A transfer that gets no further for so long is given up; it can be taken up again later.
const STUCK_MAX: Duration = Duration::from_secs(60);

/// Why a transfer ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("The file cannot be read or written: {0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Refused(Refusal),
    #[error(
        "The server could not be reached for a minute. The transfer can go on later from where it stood."
    )]
    Unreachable,
    #[error("The file has changed while it was sent. Share it again.")]
    Changed,
    #[error("What arrived is not what was shared. Fetch it again.")]
    Damaged,
    #[error("The transfer was cancelled.")]
    Cancelled,
    #[error("The server does not speak the protocol of this program.")]
    Protocol,
}

/// What a person sees of a transfer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TransferState {
    pub done_bytes: u64,
    pub size_bytes: u64,
    pub bytes_per_second: Option<u64>,
    pub left: Option<Duration>,
    pub paused: bool,
    /// Bytes that went over the network, among them those that went twice.
    pub moved_bytes: u64,
}

/// Sends and fetches the files of one room, as one seat.
#[derive(Clone)]
pub struct Files {
    shared: Arc<Shared>,
}

struct Shared {
    http: HttpClient,
    slug: String,
    seat_token: String,
    /// Where uploads are remembered across restarts of the program.
    journal: Option<PathBuf>,
}

impl Files {
    /// `journal` is a folder of the program's own, in which unfinished uploads are remembered; without it
    /// an upload is resumed only while the program runs.
    pub fn new(http: HttpClient, slug: &str, seat_token: &str, journal: Option<PathBuf>) -> Files {
        let shared = Shared {
            http,
            slug: slug.to_owned(),
            seat_token: seat_token.to_owned(),
            journal,
        };
        Files {
            shared: Arc::new(shared),
        }
    }

    /// Shares a file with the room. It goes on where an earlier try stopped.
    pub fn share(&self, path: &Path) -> Transfer<()> {
        let (shared, path) = (self.shared.clone(), path.to_owned());
        Transfer::start(move |desk| upload::run(shared, path, desk))
    }

    /// Fetches a file of the room into a folder, under its name or, where that is taken, the name with a number.
    /// The result is where it is. What is there from an earlier try is not fetched again.
    pub fn fetch(&self, file: &SharedFile, folder: &Path) -> Transfer<PathBuf> {
        self.fetch_to(file, Place::In(folder.to_owned()))
    }

    /// Fetches a file of the room to where a person wants it, in place of what is there.
    pub fn fetch_as(&self, file: &SharedFile, path: &Path) -> Transfer<PathBuf> {
        self.fetch_to(file, Place::At(path.to_owned()))
    }

    fn fetch_to(&self, file: &SharedFile, place: Place) -> Transfer<PathBuf> {
        let (shared, file) = (self.shared.clone(), file.clone());
        Transfer::start(move |desk| download::run(shared, file, place, desk))
    }
}

/// A transfer under way. Dropping it stops it; it can be taken up again later.
pub struct Transfer<T> {
    state: watch::Receiver<TransferState>,
    paused: watch::Sender<bool>,
    task: JoinHandle<Result<T, TransferError>>,
}

impl<T: Send + 'static> Transfer<T> {
    fn start<F>(work: impl FnOnce(Desk) -> F) -> Transfer<T>
    where
        F: Future<Output = Result<T, TransferError>> + Send + 'static,
    {
        let (shown, state) = watch::channel(TransferState::default());
        let (paused, pause) = watch::channel(false);
        let task = tokio::spawn(work(Desk::new(shown, pause)));
        Transfer {
            state,
            paused,
            task,
        }
    }

    /// The newest state; changes can be awaited.
    pub fn state(&self) -> watch::Receiver<TransferState> {
        self.state.clone()
    }

    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Pauses it while somebody else waits for its end.
    pub fn control(&self) -> TransferControl {
        TransferControl(self.paused.clone())
    }

    /// # Errors
    /// [`TransferError`]
    pub async fn done(mut self) -> Result<T, TransferError> {
        match (&mut self.task).await {
            Ok(result) => result,
            Err(_) => Err(TransferError::Cancelled),
        }
    }
}

/// Pauses a transfer, and lets it go on.
#[derive(Clone)]
pub struct TransferControl(watch::Sender<bool>);

impl TransferControl {
    pub fn pause(&self, paused: bool) {
        self.0.send_replace(paused);
    }
}

impl<T> Drop for Transfer<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a transfer notes how far it is, learns that it should pause, and counts its failures.
struct Desk {
    shown: watch::Sender<TransferState>,
    pause: watch::Receiver<bool>,
    begun: Instant,
    progress: Progress,
    backoff: Backoff,
    stuck_since: Option<Instant>,
}

impl Desk {
    fn new(shown: watch::Sender<TransferState>, pause: watch::Receiver<bool>) -> Desk {
        let progress = Progress::start(0, 0, Moment(0));
        Desk {
            shown,
            pause,
            begun: Instant::now(),
            progress,
            backoff: Backoff::default(),
            stuck_since: None,
        }
    }

    /// The transfer stands at `done` of `size` bytes before it moves any.
    fn stands(&mut self, size_bytes: u64, done_bytes: u64) {
        self.progress = Progress::start(size_bytes, done_bytes, self.now());
        self.show(0);
    }

    fn moved(&mut self, done_bytes: u64, moved_bytes: u64) {
        if done_bytes > self.progress.done_bytes() {
            self.backoff.succeeded();
            self.stuck_since = None;
        }
        let now = self.now();
        self.progress.reach(done_bytes, now);
        self.show(moved_bytes);
    }

    fn show(&mut self, moved_bytes: u64) {
        let paused = *self.pause.borrow();
        let progress = &self.progress;
        self.shown.send_modify(|state| {
            *state = TransferState {
                done_bytes: progress.done_bytes(),
                size_bytes: progress.size_bytes(),
                bytes_per_second: progress.bytes_per_second(),
                left: progress.left(),
                paused,
                moved_bytes: state.moved_bytes + moved_bytes,
            };
        });
    }

    /// Waits while the transfer is paused.
    async fn unpaused(&mut self) -> Result<(), TransferError> {
        if *self.pause.borrow_and_update() {
            self.show(0);
        }
        self.pause
            .wait_for(|paused| !paused)
            .await
            .map_err(|_| TransferError::Cancelled)?;
        Ok(())
    }

    fn is_paused(&self) -> bool {
        *self.pause.borrow()
    }

    /// After a failure that may pass: waits before the next try.
    ///
    /// # Errors
    /// When it cannot pass, or nothing has moved for [`STUCK_MAX`].
    async fn retry(&mut self, error: HttpError) -> Result<(), TransferError> {
        if !error.may_be_repeated() {
            return Err(match error {
                HttpError::Refused { refusal, .. } => TransferError::Refused(refusal),
                _ => TransferError::Protocol,
            });
        }
        let since = *self.stuck_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= STUCK_MAX {
            return Err(TransferError::Unreachable);
        }
        sleep(self.backoff.next_wait(rand::random())).await;
        Ok(())
    }

    fn now(&self) -> Moment {
        Moment(0) + self.begun.elapsed()
    }
}
