//! Watching the room's film: so many with mpv, the others with a player that shows nothing.

use std::{path::Path, time::Duration};

use conclave_client::{
    client::Client,
    film::{
        mpv::{Mpv, MpvStart},
        player::Player,
        synthetic::Synthetic,
        watch::FilmWatch,
    },
    media::clock::MediaClock,
};
use conclave_core::watch::synthetic::Habits;
use serde::Serialize;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::args::Args;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Whoever plays nothing plays for so long: films end sooner.
const LENGTH: Duration = Duration::from_secs(4 * 3_600);

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FilmTotals {
    pub watchers: u64,
    /// Who has seen the film go on.
    pub moved: u64,
    /// Looks while a film was followed, and how far off the players were by their own account.
    pub looks: u64,
    pub drift_p95_ms: f64,
    pub failures: Vec<String>,
}

/// Everybody who watches.
pub struct Watching {
    watches: Vec<FilmWatch>,
    looking: Vec<JoinHandle<(Vec<u64>, bool)>>,
    failures: Vec<String>,
}

impl Watching {
    /// Everybody opens the film; whose player fails has said why.
    pub async fn begin(args: &Args, clients: &[&Client]) -> Watching {
        let mut watching = Watching {
            watches: Vec::new(),
            looking: Vec::new(),
            failures: Vec::new(),
        };
        let Some(film) = &args.film else {
            return watching;
        };
        for (number, client) in clients.iter().enumerate() {
            match open(client, number < args.mpv as usize, film).await {
                Ok(watch) => watching.take(watch),
                Err(failure) => watching.failures.push(failure),
            }
        }
        watching
    }

    /// Everybody closes the film.
    pub async fn end(self) -> FilmTotals {
        let mut totals = FilmTotals {
            watchers: self.watches.len() as u64,
            failures: self.failures,
            ..FilmTotals::default()
        };
        for watch in self.watches {
            if let Some(failure) = &watch.figures().borrow().failure {
                totals.failures.push(failure.message.clone());
            }
            watch.close().await;
        }
        let mut offs = Vec::new();
        for looking in self.looking {
            let (seen, moved) = looking.await.unwrap_or_default();
            offs.extend(seen);
            totals.moved += u64::from(moved);
        }
        offs.sort_unstable();
        totals.looks = offs.len() as u64;
        let place = (offs.len() * 95).div_ceil(100).saturating_sub(1);
        totals.drift_p95_ms = offs.get(place).map_or(0.0, |&off| off as f64 / 1_000.0);
        totals
    }

    fn take(&mut self, watch: FilmWatch) {
        let figures = watch.figures();
        self.looking.push(tokio::spawn(async move {
            let (mut offs, mut moved) = (Vec::new(), false);
            let mut looks = interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // The figures end with the watch.
            while figures.has_changed().is_ok() {
                looks.tick().await;
                let now = figures.borrow().clone();
                if now.playing {
                    moved |= now.position_ms > 0;
                    offs.extend(now.drift_us.map(i64::unsigned_abs));
                }
            }
            (offs, moved)
        }));
        self.watches.push(watch);
    }
}

async fn open(client: &Client, by_mpv: bool, film: &Path) -> Result<FilmWatch, String> {
    let player: Box<dyn Player> = match by_mpv {
        true => {
            let wish = MpvStart {
                headless: true,
                ..MpvStart::default()
            };
            Box::new(Mpv::start(wish).await.map_err(|refused| refused.message)?)
        }
        false => Box::new(Synthetic::new(
            MediaClock::start(),
            Habits::default(),
            Some(LENGTH),
        )),
    };
    let watch = FilmWatch::open(client, player, film).await;
    watch.map_err(|refused| refused.message)
}
