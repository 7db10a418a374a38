//! The room's film in a player with a window of its own: chosen, opened, followed, and told to the page.

mod shown;

use std::{path::PathBuf, sync::Arc, time::Duration};

use conclave_wire::command::Reply;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, watch},
    time::sleep,
};

use super::{Shared, Told, Trouble};
use crate::{
    client::Client,
    film::{
        controls::{Controls, TrackKind},
        mpv::{Mpv, MpvStart},
        player::{Abilities, Player, PlayerError},
        programs::{PlayerKind, players},
        refused::PlayerRefused,
        vlc::{Vlc, VlcStart},
        watch::{FilmFigures, FilmWatch},
    },
};

pub use shown::{FilmAbilities, FilmAbility, FilmShown, FilmTrack, FilmTrouble};

/// The page is told no more often.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What a person wants of their own player; what is absent stays.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct FilmTune {
    #[serde(default)]
    pub volume_percent: Option<u32>,
    #[serde(default)]
    pub muted: Option<bool>,
    /// Quieter, because somebody speaks.
    #[serde(default)]
    pub duck: Option<bool>,
    #[serde(default)]
    pub full_screen: Option<bool>,
}

/// Our copy of the film, at most one at a time.
#[derive(Default)]
pub(super) struct Films {
    /// What was chosen last: nothing else of this machine is opened.
    chosen: parking_lot::Mutex<Option<PathBuf>>,
    open: Mutex<Option<OpenFilm>>,
}

struct OpenFilm {
    watch: FilmWatch,
    controls: Arc<dyn Controls>,
}

/// The players of this machine, best first; the window of the meeting plays, too.
pub(super) fn offers() -> Value {
    let mut offers: Vec<Value> = players()
        .into_iter()
        .map(|offer| {
            let can = match offer.program {
                Ok(_) => json!(true),
                Err(_) => json!("not_installed"),
            };
            json!({ "kind": offer.kind, "can": can })
        })
        .collect();
    offers.push(json!({ "kind": "page", "can": true }));
    json!(offers)
}

impl Films {
    /// Lets the person choose a file; null when they think better of it.
    pub(super) async fn choose(&self, shared: &Shared) -> Result<Value, Trouble> {
        let Some(path) = shared.host.open_film().await else {
            return Ok(Value::Null);
        };
        let found = tokio::fs::metadata(&path).await;
        let size_bytes = found
            .map_err(|_| refused(&PlayerRefused::file_unreadable()))?
            .len();
        let name = path.file_name().unwrap_or(path.as_os_str());
        let film = json!({ "name": name.to_string_lossy(), "sizeBytes": size_bytes });
        *self.chosen.lock() = Some(path);
        Ok(film)
    }

    /// Opens what was chosen, and lets it follow the room's film; how it does is told under this id.
    pub(super) async fn open(
        &self,
        shared: &Arc<Shared>,
        client: &Client,
        id: u32,
        kind: PlayerKind,
    ) -> Result<(), Trouble> {
        let path = self.chosen.lock().clone();
        let path = path.ok_or_else(|| Trouble::invalid("Choose a file first."))?;
        let mut open = self.open.lock().await;
        if let Some(before) = open.take() {
            before.watch.close().await;
        }
        let started = start(kind, !shared.rack.shows_films()).await;
        let (player, controls) = started.map_err(|why| refused(&why))?;
        let abilities = player.abilities();
        let watch = FilmWatch::open(client, player, &path).await;
        let watch = watch.map_err(|why| refused(&why))?;
        tokio::spawn(tell(
            Arc::clone(shared),
            id,
            (watch.figures(), watch.hashed()),
            Arc::clone(&controls),
            abilities,
        ));
        *open = Some(OpenFilm { watch, controls });
        Ok(())
    }

    /// Makes our copy the film of the room.
    pub(super) async fn open_for_room(&self) -> Result<Reply, Trouble> {
        let open = self.open.lock().await;
        let open = open.as_ref().ok_or_else(none_open)?;
        Ok(open.watch.open_for_room().await?)
    }

    pub(super) async fn tune(&self, tune: FilmTune) -> Result<(), Trouble> {
        let controls = self.controls().await?;
        if let Some(percent) = tune.volume_percent {
            controls.set_volume(percent).await.map_err(unable)?;
        }
        if let Some(muted) = tune.muted {
            controls.set_muted(muted).await.map_err(unable)?;
        }
        if let Some(on) = tune.duck {
            controls.duck(on).await.map_err(unable)?;
        }
        if let Some(on) = tune.full_screen {
            controls.set_full_screen(on).await.map_err(unable)?;
        }
        Ok(())
    }

    /// One picture forth or back; answers where the room is to be asked to go, in milliseconds.
    pub(super) async fn step(&self, back: bool) -> Result<f64, Trouble> {
        let controls = self.controls().await?;
        let there = controls.step(back).await.map_err(unable)?;
        Ok(there.as_secs_f64() * 1_000.0)
    }

    pub(super) async fn choose_track(
        &self,
        kind: TrackKind,
        id: Option<i64>,
    ) -> Result<(), Trouble> {
        let controls = self.controls().await?;
        controls.choose_track(kind, id).await.map_err(unable)
    }

    /// The file is not read through any further: our copy stays a likely one.
    pub(super) async fn stop_hashing(&self) {
        if let Some(open) = &*self.open.lock().await {
            open.watch.stop_hashing();
        }
    }

    /// Ends player and following; the room hears that our copy is closed.
    pub(super) async fn close(&self) {
        let open = self.open.lock().await.take();
        if let Some(open) = open {
            open.watch.close().await;
        }
    }

    async fn controls(&self) -> Result<Arc<dyn Controls>, Trouble> {
        let open = self.open.lock().await;
        let open = open.as_ref().ok_or_else(none_open)?;
        Ok(Arc::clone(&open.controls))
    }
}

async fn start(
    kind: PlayerKind,
    headless: bool,
) -> Result<(Box<dyn Player>, Arc<dyn Controls>), PlayerRefused> {
    match kind {
        PlayerKind::Mpv => {
            let wish = MpvStart {
                headless,
                ..MpvStart::default()
            };
            let mpv = Mpv::start(wish).await?;
            let controls = mpv.controls();
            Ok((Box::new(mpv), controls))
        }
        PlayerKind::Vlc => {
            let wish = VlcStart {
                headless,
                ..VlcStart::default()
            };
            let vlc = Vlc::start(wish).await?;
            let controls = vlc.controls();
            Ok((Box::new(vlc), controls))
        }
    }
}

/// Tells the page how our copy does, until it is closed or its player is gone.
async fn tell(
    shared: Arc<Shared>,
    id: u32,
    (mut figures, mut hashed): (watch::Receiver<FilmFigures>, watch::Receiver<u64>),
    controls: Arc<dyn Controls>,
    abilities: Abilities,
) {
    let mut knobs = controls.changed();
    let show = |phase, figures: &FilmFigures, hashed_bytes| {
        let film = FilmShown::of(phase, figures, hashed_bytes, &controls.status(), &abilities);
        shared.tell(Told::Film {
            id,
            film: Box::new(film),
        });
    };
    loop {
        knobs.borrow_and_update();
        let hashed_bytes = *hashed.borrow_and_update();
        show("open", &figures.borrow_and_update().clone(), hashed_bytes);
        sleep(TELL_EVERY).await;
        tokio::select! {
            changed = figures.changed() => if changed.is_err() {
                break;
            },
            Ok(()) = knobs.changed() => {}
            Ok(()) = hashed.changed() => {}
        }
    }
    let last = figures.borrow().clone();
    let phase = match last.failure {
        Some(_) => "failed",
        None => "closed",
    };
    show(phase, &last, *hashed.borrow());
}

fn refused(why: &PlayerRefused) -> Trouble {
    Trouble::refusal(why.code, why.message.clone())
}

fn unable(error: PlayerError) -> Trouble {
    let code = match error {
        PlayerError::Gone => "player_gone",
        PlayerError::Hung => "player_hangs",
        PlayerError::Refused(_) => "invalid",
    };
    Trouble::refusal(code, error.to_string())
}

fn none_open() -> Trouble {
    Trouble::refusal("no_film", "Open your copy of the film first.")
}
