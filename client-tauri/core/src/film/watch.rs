//! A player that follows the room's film: the task that looks at it, orders it about, and tells the room how it does.

mod copy;

use std::{path::Path, time::Duration};

use conclave_core::watch::{Aim, Comparison, Follower, Order, Seen, compare};
use conclave_wire::{
    Command, FilmFile, FilmReadiness, Refusal, RoomState, command::Reply, film::Unchecked,
};
use serde::Serialize;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use self::copy::{Copy, Said};
use super::{
    identity::{Hashing, sample},
    player::{ByHand, PLAYER_ANSWERS_MAX, PLAYER_OPENS_MAX, Player, PlayerError},
    refused::PlayerRefused,
};
use crate::{
    client::{Client, RoomAccess},
    session::AskError,
};

/// Words to the task that wait; there are two for each copy.
const WORDS_MAX: usize = 16;
/// A player that hangs is looked at so often.
const LOOK_HUNG_EVERY: Duration = Duration::from_millis(250);
/// What was done by hand is asked of the room first: so long the player is left as it is.
const HAND_GRACE: Duration = Duration::from_millis(700);
/// The first look after opening, for the length of the film.
const LENGTH_LOOKS: u32 = 20;
const LENGTH_LOOK_EVERY: Duration = Duration::from_millis(25);

/// How a player follows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FilmFigures {
    /// How far ahead of the room it is, in microseconds; behind when negative; `None` when nothing is followed.
    pub drift_us: Option<i64>,
    /// In milliseconds of the film, when it was last looked at.
    pub position_ms: u64,
    pub playing: bool,
    pub rate_permille: u32,
    pub buffering: bool,
    pub duration_ms: u64,
    /// Orders that were given.
    pub jumps: u32,
    pub nudges: u32,
    /// Our copy, as far as it is known.
    pub copy: Option<FilmFile>,
    /// The room does not take our copy for its film.
    pub refused: Option<Refusal>,
    /// Why it does not follow any more, or not now.
    pub failure: Option<PlayerRefused>,
}

/// A player that follows. Dropping it ends the following and the player.
pub struct FilmWatch {
    words: mpsc::Sender<Word>,
    figures: watch::Receiver<FilmFigures>,
    access: RoomAccess,
    task: JoinHandle<()>,
    hashing: Option<JoinHandle<()>>,
    hashed: watch::Receiver<u64>,
}

enum Word {
    Has(FilmFile),
    Close,
}

impl FilmWatch {
    /// Lets a player follow that has its film open. Within a tokio runtime.
    pub fn start(client: &Client, player: Box<dyn Player>) -> FilmWatch {
        let access = RoomAccess::of(client);
        let (words, inbox) = mpsc::channel(WORDS_MAX);
        let (tell, figures) = watch::channel(FilmFigures::default());
        let watching = Watching {
            follower: Follower::new(player.traits()),
            player,
            access: access.clone(),
            copy: Copy::default(),
            tell,
            asking: None,
            left_alone_until: Instant::now(),
            hung: false,
        };
        FilmWatch {
            words,
            figures,
            access,
            task: tokio::spawn(watching.run(inbox)),
            hashing: None,
            hashed: watch::channel(0).1,
        }
    }

    /// Opens a file and lets its player follow: the room hears at once what the copy likely is, and surely when all
    /// of it is hashed.
    ///
    /// # Errors
    /// `file_gone`, `file_unreadable`, `cannot_decode`, `player_gone`, `player_hangs`
    pub async fn open(
        client: &Client,
        mut player: Box<dyn Player>,
        path: &Path,
    ) -> Result<FilmWatch, PlayerRefused> {
        let sampled = path.to_owned();
        let sample = tokio::task::spawn_blocking(move || sample(&sampled)).await;
        let sample = sample.map_err(|_| PlayerRefused::file_unreadable())??;
        let name = player.name();
        let opened = timeout(PLAYER_OPENS_MAX, player.open(path)).await;
        opened
            .unwrap_or(Err(PlayerError::Hung))
            .map_err(|error| refused(name, &error))?;
        let duration = length(&mut player, client).await;
        let file = sample.film_file(path, duration);
        let mut watch = FilmWatch::start(client, player);
        watch.has(file.clone());
        let hashing = Hashing::start(path);
        watch.hashed = hashing.progress();
        let words = watch.words.clone();
        watch.hashing = Some(tokio::spawn(async move {
            if let Ok(sha256) = hashing.finish().await {
                let known = FilmFile {
                    sha256: Some(sha256),
                    ..file
                };
                // The task may have ended meanwhile.
                let _ = words.send(Word::Has(known)).await;
            }
        }));
        Ok(watch)
    }

    /// Our copy, as far as it is known.
    pub fn has(&self, film: FilmFile) {
        // Sixteen words wait for a task that looks ten times a second; a lost one is a copy that is not told.
        let _ = self.words.try_send(Word::Has(film));
    }

    pub fn figures(&self) -> watch::Receiver<FilmFigures> {
        self.figures.clone()
    }

    /// Bytes of the file that were read for its SHA-256.
    pub fn hashed(&self) -> watch::Receiver<u64> {
        self.hashed.clone()
    }

    /// The file is not read through any further: our copy stays a likely one.
    pub fn stop_hashing(&self) {
        if let Some(hashing) = &self.hashing {
            hashing.abort();
        }
    }

    /// Makes our copy the film of the room.
    ///
    /// # Errors
    /// [`AskError`]; `Refused` also when the copy is not known yet.
    pub async fn open_for_room(&self) -> Result<Reply, AskError> {
        let mut figures = self.figures.clone();
        let known = figures.wait_for(|figures| figures.copy.is_some());
        let film = match timeout(PLAYER_ANSWERS_MAX, known).await {
            Ok(Ok(figures)) => figures.copy.clone(),
            _ => None,
        };
        let film = film.ok_or(AskError::Late)?;
        self.access.ask(Command::OpenFilm { film }).await
    }

    /// Ends the following and the player, and tells the room.
    pub async fn close(mut self) {
        // A task that does not read has ended.
        let _ = self.words.send(Word::Close).await;
        let _ = timeout(2 * PLAYER_ANSWERS_MAX, &mut self.task).await;
    }
}

impl Drop for FilmWatch {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(hashing) = &self.hashing {
            hashing.abort();
        }
    }
}

type Asked = (Said, Result<Reply, AskError>);

struct Watching {
    player: Box<dyn Player>,
    follower: Follower,
    access: RoomAccess,
    copy: Copy,
    tell: watch::Sender<FilmFigures>,
    /// One question at a time: a lost link must not hold up the player.
    asking: Option<JoinHandle<Asked>>,
    left_alone_until: Instant,
    hung: bool,
}

impl Watching {
    async fn run(mut self, mut words: mpsc::Receiver<Word>) {
        let mut state = self.access.state.clone();
        self.aim(&state.borrow_and_update().clone());
        let mut look_at = Instant::now();
        loop {
            tokio::select! {
                changed = state.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let room = state.borrow_and_update().clone();
                    self.aim(&room);
                }
                word = words.recv() => match word {
                    Some(Word::Has(film)) => self.copy.is(film),
                    Some(Word::Close) | None => break,
                },
                asked = answered(&mut self.asking) => self.heard(asked),
                () = sleep_until(look_at) => {}
            }
            let room = state.borrow().clone();
            if let Err(PlayerError::Gone) = self.look(&room).await {
                self.fail(PlayerRefused::gone(self.player.name()));
                break;
            }
            self.say(&room);
            look_at = Instant::now() + self.next_look();
        }
        self.end().await;
    }

    fn aim(&mut self, room: &RoomState) {
        self.follower.aim(Aim::of(&room.film));
        self.copy.film(&room.film);
    }

    /// Looks at the player and does what is to be done.
    async fn look(&mut self, room: &RoomState) -> Result<(), PlayerError> {
        let looked = timeout(PLAYER_ANSWERS_MAX, self.player.look(self.access.clock)).await;
        let seen = match looked.unwrap_or(Err(PlayerError::Hung)) {
            Ok(seen) => seen,
            Err(error) => return self.troubled(error),
        };
        while let Some(done) = self.player.by_hand() {
            self.by_hand(done, seen);
        }
        let follows = self.follows(room);
        let order = match follows {
            // Its own person plays with it: let them.
            false => None,
            true => {
                let now = self.access.clock.now();
                let order = self.follower.look(now, self.access.room_clock(), seen);
                order.filter(|_| Instant::now() >= self.left_alone_until)
            }
        };
        self.show(seen, follows);
        match order {
            Some(order) => self.order(order).await,
            None => Ok(()),
        }
    }

    async fn order(&mut self, order: Order) -> Result<(), PlayerError> {
        let done = timeout(PLAYER_ANSWERS_MAX, self.player.order(order)).await;
        self.tell.send_modify(|figures| match order {
            Order::Seek { .. } => figures.jumps += 1,
            Order::Rate { .. } => figures.nudges += 1,
            Order::Play | Order::Pause => {}
        });
        match done.unwrap_or(Err(PlayerError::Hung)) {
            Ok(()) => Ok(()),
            Err(error) => self.troubled(error),
        }
    }

    /// Only a player that is gone is the end.
    fn troubled(&mut self, error: PlayerError) -> Result<(), PlayerError> {
        match error {
            PlayerError::Gone => return Err(PlayerError::Gone),
            PlayerError::Hung => {
                self.hung = true;
                self.fail(PlayerRefused::hangs(self.player.name()));
            }
            PlayerError::Refused(why) => tracing::debug!(why, "the player did not do it"),
        }
        Ok(())
    }

    /// What a person does in the player's window is meant for everybody; the room says whether they may.
    fn by_hand(&mut self, done: ByHand, seen: Seen) {
        let here = Unchecked(seen.position.as_millis() as f64);
        let command = match done {
            ByHand::Paused => Command::PauseFilm {
                position_ms: Some(here),
            },
            ByHand::Resumed => Command::PlayFilm {
                position_ms: Some(here),
            },
            ByHand::Sought { to } => Command::SeekFilm {
                position_ms: Unchecked(to.as_millis() as f64),
            },
        };
        if self.copy.is_taken() && self.asking.is_none() {
            self.left_alone_until = Instant::now() + HAND_GRACE;
            self.ask(Said::Hand, command);
        }
    }

    /// Whether our copy is that of the room's film.
    fn follows(&self, room: &RoomState) -> bool {
        let Some((ours, theirs)) = self.copy.file().zip(room.film.file.as_ref()) else {
            return false;
        };
        !matches!(compare(ours, theirs), Comparison::Differs(_)) && !self.copy.is_refused()
    }

    fn say(&mut self, room: &RoomState) {
        if self.asking.is_some() {
            return;
        }
        let readiness = match self.hung {
            true => FilmReadiness::Buffering,
            false => self.follower.readiness(),
        };
        let marked = room
            .film
            .marks
            .iter()
            .any(|mark| mark.id == self.access.you);
        if let Some((said, command)) = self.copy.say(Instant::now(), &room.film, marked, readiness)
        {
            self.ask(said, command);
        }
    }

    fn ask(&mut self, said: Said, command: Command) {
        let access = self.access.clone();
        self.asking = Some(tokio::spawn(
            async move { (said, access.ask(command).await) },
        ));
    }

    fn heard(&mut self, (said, answer): Asked) {
        self.copy.heard(Instant::now(), said, answer);
        let refused = self.copy.refused();
        self.tell.send_if_modified(|figures| {
            let news = figures.refused != refused;
            figures.refused = refused;
            news
        });
    }

    fn show(&mut self, seen: Seen, follows: bool) {
        self.hung = false;
        let drift_us = self.follower.drift_us().filter(|_| follows);
        let copy = self.copy.file().cloned();
        self.tell.send_modify(|figures| {
            figures.drift_us = drift_us;
            figures.position_ms = millis(seen.position);
            figures.playing = seen.playing;
            figures.rate_permille = seen.rate_permille;
            figures.buffering = seen.buffering;
            figures.duration_ms = seen.duration.map_or(0, millis);
            figures.copy = copy;
            figures.failure = None;
        });
    }

    fn fail(&self, failure: PlayerRefused) {
        self.tell.send_modify(|figures| {
            figures.failure = Some(failure);
            figures.drift_us = None;
        });
    }

    fn next_look(&self) -> Duration {
        match self.hung {
            true => LOOK_HUNG_EVERY,
            // A word to the room that was put off is not for ever.
            false => self.follower.next_look().max(Duration::from_millis(1)),
        }
    }

    async fn end(mut self) {
        if self.copy.is_taken() {
            let closed = Command::MarkFilm {
                readiness: FilmReadiness::Closed,
            };
            // If it is not heard the mark goes with the seat.
            let _ = timeout(PLAYER_ANSWERS_MAX, self.access.ask(closed)).await;
        }
        // One that does not close in time is ended with its handle.
        let _ = timeout(2 * PLAYER_ANSWERS_MAX, self.player.close()).await;
    }
}

async fn answered(asking: &mut Option<JoinHandle<Asked>>) -> Asked {
    let Some(task) = asking else {
        return std::future::pending().await;
    };
    let asked = task.await;
    *asking = None;
    // A question is only ever ended with the whole watch.
    asked.unwrap_or((Said::Hand, Err(AskError::Ended)))
}

/// The length of the film in milliseconds; 0 when its player does not say in time.
async fn length(player: &mut Box<dyn Player>, client: &Client) -> u64 {
    let clock = RoomAccess::of(client).clock;
    for _ in 0..LENGTH_LOOKS {
        if let Ok(Ok(seen)) = timeout(PLAYER_ANSWERS_MAX, player.look(clock)).await
            && let Some(duration) = seen.duration
        {
            return millis(duration);
        }
        tokio::time::sleep(LENGTH_LOOK_EVERY).await;
    }
    0
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn refused(name: &str, error: &PlayerError) -> PlayerRefused {
    match error {
        PlayerError::Gone => PlayerRefused::gone(name),
        PlayerError::Hung => PlayerRefused::hangs(name),
        PlayerError::Refused(_) => PlayerRefused::cannot_decode(name),
    }
}
