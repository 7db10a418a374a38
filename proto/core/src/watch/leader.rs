//! What everybody should see now: which film, playing or not, where at which instant of the room clock, how
//! fast; and for whom it waits, never for ever.

mod copies;
mod patience;

use std::time::Duration;

use conclave_wire::{
    Film, FilmAnchor, FilmFile, FilmHold, FilmMark, FilmMove, FilmReadiness, ParticipantId,
    RefusalCode,
    film::{RATE_NORMAL_PERMILLE, Unchecked},
    limits::{FILM_DURATION_MS_MAX, RATE_PERMILLE_MAX, RATE_PERMILLE_MIN},
};

use super::{Aim, Comparison, Course, compare, identity::DURATION_SLACK_MS};
use crate::Moment;

use copies::Copies;
use patience::Patience;
pub use patience::{HOLD_MAX, HOLD_MIN, REGAINED_AFTER};

/// Of moves that follow each other faster, only the first and the last are told.
pub const FOLDED: Duration = Duration::from_millis(100);
/// A move takes effect so much later than it is asked for, so that all players make it at the same instant.
/// On a local network the word is everywhere by then.
pub const LEAD: Duration = Duration::from_millis(40);
/// Another speed of a film that runs takes effect so much later: players play out what they have made ready at
/// the old one (mpv: 0.35 s of sound), and order it as much earlier.
pub const SPEED_LEAD: Duration = Duration::from_millis(400);
/// At most one batch of marks in this time.
pub const MARKS_INTERVAL: Duration = Duration::from_millis(250);

/// What the room is to be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    Moved {
        anchor: FilmAnchor,
        why: FilmMove,
        by: Option<ParticipantId>,
    },
    Marked(Vec<FilmMark>),
}

/// What somebody who leads wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Move {
    Play(Option<Unchecked>),
    Pause(Option<Unchecked>),
    Seek(Unchecked),
    /// In permille.
    Speed(Unchecked),
}

/// How a film stood, to go on with it after a restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    pub file: FilmFile,
    pub leader: Option<ParticipantId>,
    pub playing: bool,
    pub position: Duration,
    /// A move under way: it stands there until so much later.
    pub ahead: Duration,
    pub rate_permille: u32,
}

#[derive(Debug, Default)]
pub struct Leader {
    open: Option<Open>,
    patience: Patience,
}

#[derive(Debug)]
struct Open {
    file: FilmFile,
    /// Whose SHA-256 becomes the film's.
    opened_by: Option<ParticipantId>,
    leader: Option<ParticipantId>,
    playing: bool,
    position: Duration,
    at: Moment,
    rate_permille: u32,
    /// What counts until `at`.
    course: Course,
    /// Until when it waits, at the longest.
    held_until: Option<Moment>,
    copies: Copies,
    /// What clients know.
    told: FilmAnchor,
    told_at: Option<Moment>,
    /// Why they must be told something else.
    untold: Option<(FilmMove, Option<ParticipantId>)>,
}

impl Leader {
    pub fn restore(standing: Option<Standing>, opened: Moment, now: Moment) -> Leader {
        let open = standing.map(|standing| {
            let mut open = Open::new(standing.file, standing.leader, now);
            open.opened_by = standing.leader;
            open.playing = standing.playing;
            // Nothing counts before: it stands there until then.
            (open.position, open.at) = (standing.position, now + standing.ahead);
            open.rate_permille = standing.rate_permille;
            open.finish(now);
            open.told = open.anchor(opened);
            open
        });
        Leader {
            open,
            patience: Patience::default(),
        }
    }

    /// Opens a film at its beginning, in the place of another.
    pub fn open(&mut self, file: FilmFile, by: ParticipantId, opened: Moment, now: Moment) {
        let sure = file.sha256.is_some();
        let mut open = Open::new(file, Some(by), now);
        let sha256 = open.file.sha256.clone();
        open.copies.have(by, sure, sha256, false);
        open.told = open.anchor(opened);
        self.open = Some(open);
    }

    /// Closes it. False when none is open.
    pub fn close(&mut self) -> bool {
        self.open.take().is_some()
    }

    /// # Errors
    /// `NoFilm`, `PositionInvalid`, `RateInvalid`.
    pub fn act(&mut self, wish: Move, by: ParticipantId, now: Moment) -> Result<(), RefusalCode> {
        let open = self.open.as_mut().ok_or(RefusalCode::NoFilm)?;
        let at = match wish {
            Move::Speed(_) if open.aim().runs => now + SPEED_LEAD,
            Move::Play(_) | Move::Pause(_) | Move::Seek(_) | Move::Speed(_) => now + LEAD,
        };
        let here = open.position_at(at);
        let end = open.file.duration_ms;
        let position = |given: Option<Unchecked>| match given {
            Some(given) => position_of(given, end),
            None => Ok(here),
        };
        let why = match wish {
            Move::Play(given) => {
                let over = end > 0 && here >= Duration::from_millis(end) && given.is_none();
                // Whoever plays what is over wants it from the beginning.
                let from = if over {
                    Duration::ZERO
                } else {
                    position(given)?
                };
                open.place(from, at);
                open.playing = true;
                open.copies.pardon();
                FilmMove::Played
            }
            Move::Pause(given) => {
                open.place(position(given)?, at);
                open.playing = false;
                FilmMove::Paused
            }
            Move::Seek(given) => {
                open.place(position_of(given, end)?, at);
                FilmMove::Sought
            }
            Move::Speed(given) => {
                let rate_permille = rate_of(given)?;
                open.place(here, at);
                open.rate_permille = rate_permille;
                FilmMove::Speed
            }
        };
        open.untold = Some((why, Some(by)));
        Ok(())
    }

    /// Somebody has a copy. Returns whether it is surely the film's, and the film's SHA-256 when it is known
    /// only now.
    ///
    /// # Errors
    /// `NoFilm`; `FileHashMismatch` when it is a copy of something else.
    pub fn have(
        &mut self,
        id: ParticipantId,
        file: &FilmFile,
    ) -> Result<(bool, Option<String>), RefusalCode> {
        let open = self.open.as_mut().ok_or(RefusalCode::NoFilm)?;
        let sure = match compare(&open.file, file) {
            Comparison::Same => true,
            Comparison::Likely => false,
            Comparison::Differs(_) => {
                open.copies.differ(id);
                return Err(RefusalCode::FileHashMismatch);
            }
        };
        let learned = match (&open.file.sha256, &file.sha256) {
            (None, Some(sha256)) if open.opened_by == Some(id) => Some(sha256.clone()),
            (None | Some(_), _) => None,
        };
        if let Some(sha256) = &learned {
            open.file.sha256 = Some(sha256.clone());
            open.copies.identify(sha256);
        }
        let sure = sure || learned.is_some();
        let late = open.playing;
        open.copies.have(id, sure, file.sha256.clone(), late);
        Ok((sure, learned))
    }

    /// # Errors
    /// `NoFilm` also for who has no copy; `Invalid` for a mark that only the room sets.
    pub fn mark(&mut self, id: ParticipantId, readiness: FilmReadiness) -> Result<(), RefusalCode> {
        if readiness == FilmReadiness::Mismatched {
            return Err(RefusalCode::Invalid);
        }
        let open = self.open.as_mut().ok_or(RefusalCode::NoFilm)?;
        match open.copies.mark(id, readiness) {
            true => Ok(()),
            false => Err(RefusalCode::NoFilm),
        }
    }

    /// Somebody's link is there, or gone: who is away is not waited for.
    pub fn presence(&mut self, id: ParticipantId, here: bool) {
        if let Some(open) = &mut self.open {
            open.copies.presence(id, here);
        }
    }

    /// The seat is given up; clients take the mark away by themselves.
    pub fn forget(&mut self, id: ParticipantId) {
        if let Some(open) = &mut self.open {
            open.copies.forget(id);
        }
    }

    pub fn pass_lead(&mut self, to: Option<ParticipantId>) {
        if let Some(open) = &mut self.open {
            open.leader = to;
        }
    }

    /// What every input ends with: waits begin and end, the film comes to its end, and what has changed is
    /// told if it is time.
    pub fn settle(&mut self, opened: Moment, now: Moment) -> Vec<News> {
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let mut news = Vec::new();
        open.wait(&mut self.patience, now);
        if open.finish(now) {
            open.untold = Some((FilmMove::Ended, None));
        }
        let due = open.told_at.is_none_or(|told| now >= told + FOLDED);
        if let Some((why, by)) = open.untold.filter(|_| due) {
            open.untold = None;
            let anchor = open.anchor(opened);
            if anchor != open.told {
                open.told = anchor.clone();
                open.told_at = Some(now);
                news.push(News::Moved { anchor, why, by });
            }
        }
        let marks = open.copies.take_marks(now);
        if !marks.is_empty() {
            news.push(News::Marked(marks));
        }
        news
    }

    pub fn next_wakeup(&self) -> Option<Moment> {
        let open = self.open.as_ref()?;
        let untold = open.untold.and(open.told_at).map(|told| told + FOLDED);
        let over = match open.held_until {
            Some(until) => Some(until),
            None => open.aim().ends_at(),
        };
        let wakeups = [untold, over, open.copies.next_wakeup()];
        wakeups.into_iter().flatten().min()
    }

    /// As clients know it. The playlist is the room's.
    pub fn state(&self) -> Film {
        let Some(open) = &self.open else {
            return Film::default();
        };
        Film {
            file: Some(open.file.clone()),
            leader: open.leader,
            anchor: open.told.clone(),
            playlist: Vec::new(),
            marks: open.copies.told(),
        }
    }

    pub fn file(&self) -> Option<&FilmFile> {
        self.open.as_ref().map(|open| &open.file)
    }

    pub fn leader(&self) -> Option<ParticipantId> {
        self.open.as_ref().and_then(|open| open.leader)
    }

    /// Whether somebody has a copy of the film.
    pub fn has_copy(&self, id: ParticipantId) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| open.copies.has(id))
    }

    pub fn told(&self) -> Option<&FilmAnchor> {
        self.open.as_ref().map(|open| &open.told)
    }

    /// How it stands, to be stored.
    pub fn standing(&self, now: Moment) -> Option<Standing> {
        let open = self.open.as_ref()?;
        Some(Standing {
            file: open.file.clone(),
            leader: open.leader,
            playing: open.playing,
            position: open.aim().position_at(now),
            ahead: now.until(open.at),
            rate_permille: open.rate_permille,
        })
    }
}

impl Open {
    fn new(file: FilmFile, by: Option<ParticipantId>, now: Moment) -> Open {
        Open {
            file,
            opened_by: by,
            leader: by,
            playing: false,
            position: Duration::ZERO,
            at: now,
            rate_permille: RATE_NORMAL_PERMILLE,
            course: Course::default(),
            held_until: None,
            copies: Copies::default(),
            told: FilmAnchor::default(),
            told_at: None,
            untold: None,
        }
    }

    fn aim(&self) -> Aim {
        Aim {
            position: self.position,
            at: self.at,
            rate_permille: self.rate_permille,
            runs: self.playing && self.held_until.is_none(),
            duration: (self.file.duration_ms > 0)
                .then(|| Duration::from_millis(self.file.duration_ms)),
        }
    }

    /// Where it is then, if nothing else is asked for.
    fn position_at(&self, then: Moment) -> Duration {
        let counts = match then < self.at {
            true => self.course.at(then).unwrap_or(self.aim()),
            false => self.aim(),
        };
        counts.position_at(then)
    }

    fn place(&mut self, position: Duration, at: Moment) {
        self.course.turn(self.aim());
        self.position = position;
        self.at = at;
    }

    /// Begins, changes and ends waits.
    fn wait(&mut self, patience: &mut Patience, now: Moment) {
        let over = self.held_until.is_some_and(|until| until <= now);
        if over {
            self.copies.excuse_holders();
        }
        let holds = self.playing && self.copies.someone_holds();
        match self.held_until {
            None if holds => match patience.take(now) {
                Some(span) => {
                    let at = now + LEAD;
                    self.place(self.position_at(at), at);
                    self.held_until = Some(now + span);
                    self.note(FilmMove::Held);
                }
                None => self.copies.excuse_holders(),
            },
            Some(_) if holds && self.waits_for_others() => self.note(FilmMove::Held),
            Some(_) if holds => {}
            Some(_) => {
                patience.give_back(now);
                self.held_until = None;
                if self.playing {
                    self.at = self.at.max(now + LEAD);
                    self.note(FilmMove::Released);
                }
            }
            None => {}
        }
    }

    /// Than those that clients know of.
    fn waits_for_others(&self) -> bool {
        let told = self.told.hold.as_ref().map(|hold| &hold.waiting_for);
        told != Some(&self.copies.holders())
    }

    /// What a person asked for says more than that somebody is waited for.
    fn note(&mut self, why: FilmMove) {
        self.untold.get_or_insert((why, None));
    }

    /// True when it has come to its end just now.
    fn finish(&mut self, now: Moment) -> bool {
        let aim = self.aim();
        let over = aim.ends_at().is_some_and(|end| end <= now);
        if over {
            self.place(aim.position_at(now), now);
            self.playing = false;
        }
        over
    }

    fn anchor(&self, opened: Moment) -> FilmAnchor {
        let on_clock = |at: Moment| as_ms(at.since(opened));
        FilmAnchor {
            playing: self.playing,
            position_ms: as_ms(self.position),
            at_ms: on_clock(self.at),
            rate_permille: self.rate_permille,
            hold: self.held_until.map(|until| FilmHold {
                waiting_for: self.copies.holders(),
                until_ms: on_clock(until),
            }),
        }
    }
}

/// A position that the film has. What is just beyond its end is its end: players differ about it.
fn position_of(given: Unchecked, end_ms: u64) -> Result<Duration, RefusalCode> {
    let ms = given.0;
    let last = match end_ms {
        0 => FILM_DURATION_MS_MAX,
        end => end + DURATION_SLACK_MS,
    };
    // Also false for what is not a number.
    if !(ms >= 0.0 && ms <= last as f64) {
        return Err(RefusalCode::PositionInvalid);
    }
    let ms = ms.round() as u64;
    Ok(Duration::from_millis(match end_ms {
        0 => ms,
        end => ms.min(end),
    }))
}

fn rate_of(given: Unchecked) -> Result<u32, RefusalCode> {
    let allowed = f64::from(RATE_PERMILLE_MIN)..=f64::from(RATE_PERMILLE_MAX);
    match allowed.contains(&given.0) {
        true => Ok(given.0.round() as u32),
        false => Err(RefusalCode::RateInvalid),
    }
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
