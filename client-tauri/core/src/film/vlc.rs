//! VLC, in a window of its own, by its Lua HTTP interface. Its clock is coarse: four positions a second, of a length
//! in whole seconds.

mod http;
mod launch;
mod status;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_core::watch::{Order, PlayerTraits, Seen};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant as TokioInstant, sleep},
};

use self::{
    http::{Door, encoded},
    launch::Process,
    status::{Status, VOLUME_FULL},
};
use super::{
    controls::{Controls, PlayerStatus, TrackKind, unable, volume_of},
    player::{Abilities, Answered, ByHand, Lack, Player, PlayerError},
    readable::check_readable,
    refused::PlayerRefused,
};
use crate::media::clock::MediaClock;

pub use launch::VlcStart;

/// Of its positions: told every 250 ms, answered within a tenth of a second, and off by what is not known of the
/// film's length.
pub const VLC_GRAIN: Duration = Duration::from_millis(500);
/// From the order to open until the film is there, within the deadline of whoever asks the player.
const OPEN_MAX: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One VLC. Dropping it ends it.
pub struct Vlc {
    shared: Arc<Shared>,
    process: Process,
}

struct Shared {
    door: Door,
    status: Mutex<Status>,
    sound: Mutex<Sound>,
    gone: Mutex<bool>,
    tell: watch::Sender<u64>,
}

/// What the person has set; VLC has one volume for all of it.
#[derive(Clone, Copy, Debug)]
struct Sound {
    percent: u32,
    muted: bool,
    ducked: bool,
}

impl Vlc {
    /// Starts VLC with a window of its own. Within a tokio runtime.
    ///
    /// # Errors
    /// `player_missing`, `player_failed`
    pub async fn start(wish: VlcStart) -> Result<Vlc, PlayerRefused> {
        let (process, door) = launch::start(wish).await?;
        let shared = Shared {
            door,
            status: Mutex::default(),
            sound: Mutex::new(Sound {
                percent: 100,
                muted: false,
                ducked: false,
            }),
            gone: Mutex::new(false),
            tell: watch::Sender::new(0),
        };
        Ok(Vlc {
            shared: Arc::new(shared),
            process,
        })
    }

    /// Its knobs, for any thread.
    pub fn controls(&self) -> Arc<dyn Controls> {
        Arc::new(Knobs(Arc::clone(&self.shared)))
    }

    pub fn process_id(&self) -> Option<u32> {
        self.process.child.id()
    }

    async fn load(&self, path: &Path) -> Result<(), PlayerError> {
        check_readable(path).map_err(|refused| PlayerError::Refused(refused.message))?;
        self.shared.status.lock().forget();
        let address = format!(
            "file://{}",
            encoded(path.as_os_str().as_encoded_bytes(), b"/.-_")
        );
        let input = encoded(address.as_bytes(), b"");
        self.shared
            .ask(&format!(
                "command=in_play&input={input}&option=start-paused"
            ))
            .await?;
        let deadline = TokioInstant::now() + OPEN_MAX;
        while TokioInstant::now() < deadline {
            sleep(LOOK_EVERY).await;
            self.shared.ask("").await?;
            let status = self.shared.status.lock();
            if !status.stopped && status.duration().is_some() {
                return Ok(());
            }
        }
        let refused = PlayerRefused::cannot_decode("VLC");
        Err(PlayerError::Refused(refused.message))
    }

    async fn obey(&self, order: Order) -> Result<(), PlayerError> {
        let query = match order {
            Order::Play => "command=pl_forceresume".to_owned(),
            Order::Pause => "command=pl_forcepause".to_owned(),
            Order::Rate { permille } => {
                format!("command=rate&val={}", f64::from(permille) / 1_000.0)
            }
            Order::Seek { to } => {
                let percent = self.shared.status.lock().percent_of(to);
                format!("command=seek&val={percent:.6}%25")
            }
        };
        if matches!(order, Order::Play | Order::Pause) {
            self.shared.status.lock().told_paused = order == Order::Pause;
        }
        self.shared.ask(&query).await
    }
}

impl Shared {
    async fn ask(&self, query: &str) -> Result<(), PlayerError> {
        let answer = self.door.ask(query).await;
        if answer == Err(PlayerError::Gone) {
            *self.gone.lock() = true;
            self.tell.send_modify(|version| *version += 1);
        }
        let status = answer?;
        self.status.lock().heard(Instant::now(), &status);
        Ok(())
    }

    async fn set_sound(&self, change: impl FnOnce(&mut Sound)) -> Result<(), PlayerError> {
        let sound = {
            let mut sound = self.sound.lock();
            change(&mut sound);
            *sound
        };
        let percent = if sound.muted { 0 } else { sound.percent };
        let volume = volume_of(percent, sound.ducked) / 100.0 * VOLUME_FULL;
        self.ask(&format!("command=volume&val={volume:.0}")).await?;
        self.tell.send_modify(|version| *version += 1);
        Ok(())
    }
}

impl Player for Vlc {
    fn name(&self) -> &'static str {
        "VLC"
    }

    fn traits(&self) -> PlayerTraits {
        PlayerTraits {
            grain: VLC_GRAIN,
            nudges: true,
            rate_delay: Duration::ZERO,
        }
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            // The interface has no such order.
            frame_step: Err(Lack::NotInThisPlayer),
            precise: Err(Lack::WholeSecondsOnly),
            ..Abilities::all()
        }
    }

    fn open<'a>(&'a mut self, path: &'a Path) -> Answered<'a, ()> {
        Box::pin(self.load(path))
    }

    fn look<'a>(&'a mut self, clock: MediaClock) -> Answered<'a, Seen> {
        Box::pin(async move {
            self.shared.ask("").await?;
            let status = self.shared.status.lock();
            let (at, position) = status.place(Instant::now());
            Ok(Seen {
                at: clock.moment_of(at),
                position,
                playing: status.playing,
                rate_permille: status.rate_permille(),
                buffering: false,
                duration: status.duration(),
            })
        })
    }

    fn order<'a>(&'a mut self, order: Order) -> Answered<'a, ()> {
        Box::pin(self.obey(order))
    }

    fn by_hand(&mut self) -> Option<ByHand> {
        self.shared.status.lock().take_by_hand()
    }

    fn close<'a>(&'a mut self) -> Answered<'a, ()> {
        Box::pin(async move {
            // The interface can end the film but not the program.
            self.process
                .child
                .kill()
                .await
                .map_err(|_| PlayerError::Gone)
        })
    }
}

struct Knobs(Arc<Shared>);

impl Controls for Knobs {
    fn status(&self) -> PlayerStatus {
        let (sound, status) = (*self.0.sound.lock(), self.0.status.lock());
        PlayerStatus {
            volume_percent: sound.percent,
            muted: sound.muted,
            ducked: sound.ducked,
            full_screen: status.full_screen,
            tracks: status.tracks.clone(),
            frames_per_second: status.frames_per_second,
            failure: self.0.gone.lock().then(|| PlayerRefused::gone("VLC")),
        }
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.tell.subscribe()
    }

    fn set_volume(&self, percent: u32) -> Answered<'_, ()> {
        Box::pin(
            self.0
                .set_sound(move |sound| sound.percent = percent.min(100)),
        )
    }

    fn set_muted(&self, muted: bool) -> Answered<'_, ()> {
        Box::pin(self.0.set_sound(move |sound| sound.muted = muted))
    }

    fn duck(&self, on: bool) -> Answered<'_, ()> {
        Box::pin(self.0.set_sound(move |sound| sound.ducked = on))
    }

    fn step(&self, _back: bool) -> Answered<'_, Duration> {
        Box::pin(async { Err(unable("VLC cannot be stepped through pictures from here.")) })
    }

    fn choose_track(&self, kind: TrackKind, id: Option<i64>) -> Answered<'_, ()> {
        let command = match kind {
            TrackKind::Audio => "audio_track",
            TrackKind::Subtitles => "subtitle_track",
        };
        Box::pin(async move {
            let id = id.unwrap_or(-1);
            self.0.ask(&format!("command={command}&val={id}")).await
        })
    }

    fn set_full_screen(&self, on: bool) -> Answered<'_, ()> {
        Box::pin(async move {
            self.0.ask("").await?;
            // The order only turns it round.
            let is_so = self.0.status.lock().full_screen == on;
            if is_so {
                return Ok(());
            }
            self.0.ask("command=fullscreen").await
        })
    }
}
