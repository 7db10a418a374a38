//! The film that the room watches together: who may move it, who has it, to whom the lead passes.

use std::time::Duration;

use conclave_wire::{
    Event, Film, FilmFile, FilmReadiness, ParticipantId, Permission, Pulse, RefusalCode,
    command::Reply, limits::PLAYLIST_FILMS_MAX,
};

use super::{
    Effect, Outbox, Outcome, Record, Room,
    record::{StoredFilm, StoredFilms},
    roster::Link,
    text::FilmName,
};
use crate::{
    Moment, Now,
    watch::{
        Aim, Leader,
        identity::{check_file, is_hash},
        leader::{Move, News, Standing},
    },
};

/// Somebody who leads and whose link is lost for so long leads no more. Who leaves does so at once.
pub const LEAD_AWAY_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Films {
    leader: Leader,
    playlist: Vec<FilmFile>,
}

impl Films {
    /// At the place where it would be had the server never stopped: the players have played on.
    pub(super) fn restore(stored: StoredFilms, now: Now) -> Films {
        let standing = stored.open.map(|film| {
            let anchor = Aim {
                position: Duration::from_millis(film.position_ms),
                at: Moment::default(),
                rate_permille: film.rate_permille,
                runs: film.playing,
                duration: (film.file.duration_ms > 0)
                    .then(|| Duration::from_millis(film.file.duration_ms)),
            };
            let since = Duration::from_millis(now.unix_ms.saturating_sub(film.at_unix_ms));
            Standing {
                position: anchor.position_at(Moment::default() + since),
                file: film.file,
                leader: film.leader,
                playing: film.playing,
                ahead: Duration::from_millis(film.at_unix_ms.saturating_sub(now.unix_ms)),
                rate_permille: film.rate_permille,
            }
        });
        Films {
            leader: Leader::restore(standing, now.moment, now.moment),
            playlist: stored.playlist,
        }
    }

    pub(super) fn state(&self) -> Film {
        Film {
            playlist: self.playlist.clone(),
            ..self.leader.state()
        }
    }
}

impl Room {
    /// # Errors
    /// `NoFilm` in a room that watches none; `FilmInvalid`, `FileHashInvalid`.
    pub(super) fn open_film(
        &mut self,
        by: ParticipantId,
        given: FilmFile,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_watches()?;
        let film = checked(given)?;
        if let Some(at) = self.films.playlist.iter().position(|next| *next == film) {
            self.films.playlist.remove(at);
            self.tell_playlist(out);
        }
        self.films.leader.open(film, by, self.opened, now.moment);
        self.tell_film(now, out);
        Ok(())
    }

    /// # Errors
    /// `NoFilm`
    pub(super) fn stop_film(&mut self, now: Now, out: &mut Outbox) -> Result<(), RefusalCode> {
        match self.films.leader.close() {
            true => {
                self.tell_film(now, out);
                Ok(())
            }
            false => Err(RefusalCode::NoFilm),
        }
    }

    /// # Errors
    /// `NoFilm`, `PositionInvalid`, `RateInvalid`.
    pub(super) fn move_film(
        &mut self,
        by: ParticipantId,
        wish: Move,
        now: Now,
    ) -> Result<(), RefusalCode> {
        self.check_watches()?;
        self.films.leader.act(wish, by, now.moment)
    }

    /// # Errors
    /// `NoFilm`, `PlaylistInvalid`, `FilmInvalid`, `FileHashInvalid`.
    pub(super) fn set_playlist(
        &mut self,
        given: Vec<FilmFile>,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        self.check_watches()?;
        if given.len() > PLAYLIST_FILMS_MAX {
            return Err(RefusalCode::PlaylistInvalid);
        }
        let playlist: Result<Vec<_>, _> = given.into_iter().map(checked).collect();
        let playlist = playlist?;
        if playlist != self.films.playlist {
            self.films.playlist = playlist;
            self.tell_playlist(out);
        }
        Ok(())
    }

    /// # Errors
    /// `NoFilm`, `FilmInvalid`, `FileHashInvalid`, `FileHashMismatch`.
    pub(super) fn have_film(
        &mut self,
        id: ParticipantId,
        given: FilmFile,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Outcome, RefusalCode> {
        let film = checked(given)?;
        let (sure, learned) = self.films.leader.have(id, &film)?;
        let Some(sha256) = learned else {
            return Ok(Outcome::Done(Reply::FilmMatched { sure }));
        };
        self.tell(Event::FilmIdentified { sha256 }, out);
        self.record_film(now, out);
        Ok(Outcome::Stored(Reply::FilmMatched { sure }))
    }

    /// # Errors
    /// `NoFilm`, `Invalid`.
    pub(super) fn mark_film(
        &mut self,
        id: ParticipantId,
        readiness: FilmReadiness,
    ) -> Result<(), RefusalCode> {
        self.films.leader.mark(id, readiness)
    }

    /// Who joins a room that is strict about it has the very film that is open.
    ///
    /// # Errors
    /// `FileHashInvalid`, `FileHashMismatch`.
    pub(super) fn check_film_of(&self, file_hash: Option<&str>) -> Result<(), RefusalCode> {
        if file_hash.is_some_and(|hash| !is_hash(hash)) {
            return Err(RefusalCode::FileHashInvalid);
        }
        let film = self.films.leader.file().filter(|_| self.is_film_strict());
        match film.and_then(|film| film.sha256.as_deref()) {
            Some(sha256) if file_hash != Some(sha256) => Err(RefusalCode::FileHashMismatch),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn is_film_strict(&self) -> bool {
        self.settings.film && self.settings.film_strict
    }

    pub(super) fn film_presence(&mut self, id: ParticipantId, here: bool) {
        self.films.leader.presence(id, here);
    }

    pub(super) fn leave_film(&mut self, id: ParticipantId) {
        self.films.leader.forget(id);
    }

    /// The settings may say that the room watches no films any more.
    pub(super) fn withdraw_film(&mut self, now: Now, out: &mut Outbox) {
        if !self.settings.film && self.films.leader.close() {
            self.tell_film(now, out);
        }
    }

    /// What every input ends with: the lead passes on, and what has changed is told.
    pub(super) fn settle_film(&mut self, now: Now, out: &mut Outbox) {
        self.settle_lead(now, out);
        for news in self.films.leader.settle(self.opened, now.moment) {
            match news {
                News::Moved { anchor, why, by } => {
                    self.tell(Event::FilmMoved { anchor, why, by }, out);
                    self.record_film(now, out);
                }
                News::Marked(marks) => self.tell(Event::FilmMarked { marks }, out),
            }
        }
    }

    pub(super) fn film_wakeup(&self) -> Option<Moment> {
        let lead = self.lead_ends().map(|(ends, _)| ends);
        [self.films.leader.next_wakeup(), lead]
            .into_iter()
            .flatten()
            .min()
    }

    /// What is said again with every beat.
    pub fn pulse(&self) -> Option<Pulse> {
        let pulse = Pulse {
            clock: self.studies.pulse(self.opened),
            film: self.films.leader.told().cloned(),
        };
        pulse.or_none()
    }

    /// What was asked for is told before the answer, unless it is folded into what follows; either way it is
    /// stored when it is told.
    pub(super) fn film_stored(
        &mut self,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Outcome, RefusalCode> {
        self.settle_film(now, out);
        Ok(Outcome::Stored(Reply::Nothing))
    }

    fn check_watches(&self) -> Result<(), RefusalCode> {
        self.settings.film.then_some(()).ok_or(RefusalCode::NoFilm)
    }

    fn settle_lead(&mut self, now: Now, out: &mut Outbox) {
        let Some(leader) = self.films.leader.leader() else {
            return;
        };
        let leads = self.may(leader, Permission::LeadFilm);
        let gone = self.lead_ends().is_some_and(|(ends, _)| ends <= now.moment);
        if leads && !gone {
            return;
        }
        let next = self.next_leader(leader);
        // Somebody who is only away keeps it until there is somebody else.
        if next.is_some() || !leads {
            self.films.leader.pass_lead(next);
            self.tell(Event::FilmLeadChanged { leader: next }, out);
            self.record_film(now, out);
        }
    }

    /// When who leads has been away for too long, if somebody else is there to lead.
    fn lead_ends(&self) -> Option<(Moment, ParticipantId)> {
        let leader = self.films.leader.leader()?;
        let seat = self.roster.seats.get(&leader)?;
        let Link::Lost(at) = seat.link else {
            return None;
        };
        let next = self.next_leader(leader)?;
        Some((at + LEAD_AWAY_MAX, next))
    }

    /// Of those who are linked and may lead, first who has a copy, then the highest role, then who came first.
    fn next_leader(&self, but: ParticipantId) -> Option<ParticipantId> {
        let seats = self.roster.seats.iter();
        let able = seats.filter(|(id, seat)| {
            **id != but && !seat.away() && self.may(**id, Permission::LeadFilm)
        });
        able.map(|(&id, seat)| (!self.films.leader.has_copy(id), seat.role, id))
            .min()
            .map(|(_, _, id)| id)
    }

    fn tell_film(&mut self, now: Now, out: &mut Outbox) {
        let Film {
            file,
            leader,
            anchor,
            playlist: _,
            marks: _,
        } = self.films.leader.state();
        let event = Event::FilmOpened {
            file,
            leader,
            anchor,
        };
        self.tell(event, out);
        self.record_film(now, out);
    }

    fn tell_playlist(&mut self, out: &mut Outbox) {
        let playlist = self.films.playlist.clone();
        out.push(Effect::Record(Record::PlaylistChanged {
            playlist: playlist.clone(),
        }));
        self.tell(Event::PlaylistChanged { playlist }, out);
    }

    fn record_film(&self, now: Now, out: &mut Outbox) {
        let standing = self.films.leader.standing(now.moment);
        let film = standing.map(|standing| StoredFilm {
            file: standing.file,
            leader: standing.leader,
            playing: standing.playing,
            position_ms: u64::try_from(standing.position.as_millis()).unwrap_or(u64::MAX),
            at_unix_ms: (now.unix_ms)
                .saturating_add(u64::try_from(standing.ahead.as_millis()).unwrap_or(0)),
            rate_permille: standing.rate_permille,
        });
        out.push(Effect::Record(Record::FilmChanged { film }));
    }
}

fn checked(given: FilmFile) -> Result<FilmFile, RefusalCode> {
    check_file(&given)?;
    Ok(FilmFile {
        name: FilmName::parse(&given.name)?.into_string(),
        ..given
    })
}
