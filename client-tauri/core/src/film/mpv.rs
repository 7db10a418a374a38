//! mpv, in a window of its own, by its JSON IPC. Properties are observed: mpv tells when a picture is shown.

mod ipc;
mod knobs;
mod launch;
mod state;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_core::watch::follower::{Order, PlayerTraits, Seen};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant as TokioInstant, timeout, timeout_at},
};

use self::{
    ipc::{Ipc, Stream},
    launch::Process,
    state::{Loading, OBSERVED, State},
};
use super::{
    controls::Controls,
    player::{Abilities, Answered, ByHand, Player, PlayerError},
    readable::check_readable,
    refused::PlayerRefused,
};
use crate::media::clock::MediaClock;

pub use launch::MpvStart;

/// Of the positions: a frame's edge is told within a millisecond or two, and a busy machine adds to that.
const GRAIN: Duration = Duration::from_millis(3);
/// Sound that is ready is played out at the old rate (measured with mpv 0.35, from 1 to 1.25 and back).
const RATE_DELAY: Duration = Duration::from_millis(350);
/// A jump is waited for so long, to be looked at when it is over.
const JUMP_MAX: Duration = Duration::from_millis(700);
/// From `loadfile` until the file is open: within the deadline of whoever asks the player.
const OPEN_MAX: Duration = Duration::from_secs(4);
/// After the farewell it may take so long to go by itself.
const QUIT_MAX: Duration = Duration::from_secs(1);
/// The first word: what answers with another is no mpv.
const GREETING_MAX: Duration = Duration::from_secs(2);

/// One mpv. Dropping it ends it, if we have started it.
pub struct Mpv {
    shared: Arc<Shared>,
    process: Option<Process>,
}

/// What the player and its knobs have in common.
struct Shared {
    ipc: Ipc,
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    /// What the person has set: mpv's own volume is another one while it is ducked.
    sound: Mutex<knobs::Sound>,
}

impl Mpv {
    /// Starts mpv with a window of its own. Within a tokio runtime.
    ///
    /// # Errors
    /// `player_missing`, `player_failed`
    pub async fn start(wish: MpvStart) -> Result<Mpv, PlayerRefused> {
        let (process, stream) = launch::start(wish).await?;
        Mpv::over(stream, Some(process)).await
    }

    /// Steers an mpv that runs with `--input-ipc-server=SOCKET`; it goes on when this is dropped.
    ///
    /// # Errors
    /// `player_gone` when there is none, `player_failed` when it is something else.
    pub async fn attach(socket: &Path) -> Result<Mpv, PlayerRefused> {
        let stream = launch::connect(socket).await;
        let stream = stream.map_err(|_| PlayerRefused::gone("mpv"))?;
        Mpv::over(stream, None).await
    }

    async fn over(stream: Box<dyn Stream>, process: Option<Process>) -> Result<Mpv, PlayerRefused> {
        let state = Arc::new(Mutex::new(State::default()));
        let (tell, changed) = watch::channel(0);
        let hearing = Arc::clone(&state);
        let ipc = Ipc::over(stream, move |at, event| {
            let news = hearing.lock().heard(at, event);
            // Positions come with every picture, and only who looks wants them.
            if news {
                tell.send_modify(|version| *version += 1);
            }
        });
        let shared = Shared {
            ipc,
            state,
            changed,
            sound: Mutex::default(),
        };
        let mpv = Mpv {
            shared: Arc::new(shared),
            process,
        };
        match timeout(GREETING_MAX, mpv.greet()).await {
            Ok(Ok(())) => Ok(mpv),
            Ok(Err(error)) => Err(PlayerRefused::failed("mpv", &error.to_string())),
            Err(_) => Err(PlayerRefused::failed("mpv", "it takes no commands")),
        }
    }

    async fn greet(&self) -> Result<(), PlayerError> {
        let ipc = &self.shared.ipc;
        ipc.ask(json!(["get_property", "mpv-version"])).await?;
        for (number, property) in OBSERVED.iter().enumerate() {
            ipc.ask(json!(["observe_property", number + 1, property]))
                .await?;
        }
        // One that was attached to may need it.
        let honest = ipc.set("video-timing-offset", json!(0));
        match honest.await {
            Ok(()) | Err(PlayerError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Its knobs, for any thread.
    pub fn controls(&self) -> Arc<dyn Controls> {
        Arc::new(knobs::Knobs(Arc::clone(&self.shared)))
    }

    /// Where other programs can reach it; `None` for one that was attached to.
    pub fn socket(&self) -> Option<&Path> {
        self.process
            .as_ref()
            .map(|process| process.socket.as_path())
    }

    /// The program that was started; `None` for one that was attached to.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref()?.child.id()
    }

    async fn load(&self, path: &Path) -> Result<(), PlayerError> {
        check_readable(path).map_err(|refused| PlayerError::Refused(refused.message))?;
        let path = path
            .to_str()
            .ok_or_else(|| PlayerError::Refused(PlayerRefused::file_unreadable().message))?;
        {
            let mut state = self.shared.state.lock();
            state.told_paused = true;
            state.loading = Loading::Underway;
        }
        self.shared.ipc.set("pause", json!(true)).await?;
        self.shared.ipc.set("speed", json!(1.0)).await?;
        self.shared
            .ipc
            .ask(json!(["loadfile", path, "replace"]))
            .await?;
        self.shared
            .wait(OPEN_MAX, |state| match state.loading {
                Loading::Underway | Loading::Idle => None,
                Loading::Done => Some(Ok(())),
                Loading::Failed => {
                    let refused = PlayerRefused::cannot_decode("mpv");
                    Some(Err(PlayerError::Refused(refused.message)))
                }
            })
            .await
            // A slow disk: whoever looks sees that it is not there yet.
            .unwrap_or(Ok(()))
    }

    async fn obey(&self, order: Order) -> Result<(), PlayerError> {
        let ipc = &self.shared.ipc;
        match order {
            Order::Play | Order::Pause => {
                let paused = order == Order::Pause;
                self.shared.state.lock().told_paused = paused;
                ipc.set("pause", json!(paused)).await
            }
            Order::Rate { permille } => {
                ipc.set("speed", json!(f64::from(permille) / 1_000.0)).await
            }
            Order::Seek { to } => self.shared.jump(to).await,
        }
    }
}

impl Shared {
    /// Jumps, and comes back when the film plays or stands there.
    async fn jump(&self, to: Duration) -> Result<(), PlayerError> {
        let before = {
            let mut state = self.state.lock();
            state.own_seeks += 1;
            state.restarts
        };
        let jump = json!(["seek", to.as_secs_f64(), "absolute+exact"]);
        if let Err(error) = self.ipc.ask(jump).await {
            let mut state = self.state.lock();
            state.own_seeks = state.own_seeks.saturating_sub(1);
            return Err(error);
        }
        let arrived = |state: &State| (state.restarts > before).then_some(());
        // One that takes longer is still under way, and seen to be.
        let _ = self.wait(JUMP_MAX, arrived).await;
        Ok(())
    }

    /// Waits until what mpv tells satisfies, at most so long.
    async fn wait<T>(&self, most: Duration, satisfied: impl Fn(&State) -> Option<T>) -> Option<T> {
        let deadline = TokioInstant::now() + most;
        let mut changed = self.changed.clone();
        loop {
            changed.mark_unchanged();
            if let Some(done) = satisfied(&self.state.lock()) {
                return Some(done);
            }
            if !matches!(timeout_at(deadline, changed.changed()).await, Ok(Ok(()))) {
                return None;
            }
        }
    }
}

impl Player for Mpv {
    fn name(&self) -> &'static str {
        "mpv"
    }

    fn traits(&self) -> PlayerTraits {
        PlayerTraits {
            grain: GRAIN,
            nudges: true,
            rate_delay: RATE_DELAY,
        }
    }

    fn abilities(&self) -> Abilities {
        Abilities::all()
    }

    fn open<'a>(&'a mut self, path: &'a Path) -> Answered<'a, ()> {
        Box::pin(self.load(path))
    }

    fn look<'a>(&'a mut self, clock: MediaClock) -> Answered<'a, Seen> {
        Box::pin(async move {
            if self.shared.ipc.is_gone() {
                return Err(PlayerError::Gone);
            }
            let state = self.shared.state.lock();
            let (at, position) = state.place(Instant::now());
            Ok(Seen {
                at: clock.moment_of(at),
                position,
                playing: state.playing(),
                rate_permille: state.rate_permille(),
                buffering: state.buffering(),
                duration: state.duration,
            })
        })
    }

    fn order<'a>(&'a mut self, order: Order) -> Answered<'a, ()> {
        Box::pin(self.obey(order))
    }

    fn by_hand(&mut self) -> Option<ByHand> {
        self.shared.state.lock().take_by_hand()
    }

    fn close<'a>(&'a mut self) -> Answered<'a, ()> {
        Box::pin(async move {
            let Some(mut process) = self.process.take() else {
                return self.shared.ipc.ask(json!(["stop"])).await.map(|_| ());
            };
            // It may be gone, or hang: then it is ended without its help.
            let _: Result<Value, PlayerError> = self.shared.ipc.ask(json!(["quit"])).await;
            if timeout(QUIT_MAX, process.child.wait()).await.is_err() {
                process.child.start_kill().ok();
            }
            Ok(())
        })
    }
}
