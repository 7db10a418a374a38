//! Our copy, and what the room has been told of it: that we have it, then how it does, one word at a time and again
//! when it was not heard.

use std::time::Duration;

use conclave_wire::{Command, Film, FilmFile, FilmReadiness, Refusal, RefusalCode, command::Reply};
use tokio::time::Instant;

use crate::session::AskError;

/// The room is told no more often.
const SAY_EVERY: Duration = Duration::from_millis(300);
/// What was not heard is said again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What was said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Said {
    Have(Key),
    Mark(FilmReadiness),
    /// Something that was done by hand; nobody waits for the answer.
    Hand,
}

/// Copy and film, by what they are told apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key {
    ours: (Option<String>, Option<String>),
    theirs: (Option<String>, Option<String>),
}

#[derive(Debug, Default)]
pub(super) struct Copy {
    file: Option<FilmFile>,
    theirs: Option<FilmFile>,
    told: Option<Key>,
    marked: Option<FilmReadiness>,
    refused: Option<Refusal>,
    not_before: Option<Instant>,
}

impl Copy {
    /// Our copy, or more that is known of it.
    pub fn is(&mut self, file: FilmFile) {
        self.file = Some(file);
        self.refused = None;
    }

    /// The room's film.
    pub fn film(&mut self, film: &Film) {
        let other = self.theirs.as_ref().map(hashes) != film.file.as_ref().map(hashes);
        if other {
            self.refused = None;
            self.marked = None;
        }
        self.theirs.clone_from(&film.file);
    }

    pub fn file(&self) -> Option<&FilmFile> {
        self.file.as_ref()
    }

    pub fn refused(&self) -> Option<Refusal> {
        self.refused.clone()
    }

    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// The room has been told of it, and has taken it for its film.
    pub fn is_taken(&self) -> bool {
        self.told.is_some() && self.refused.is_none()
    }

    /// What is to be said now; `marked` is whether the room still has a mark of ours.
    pub fn say(
        &mut self,
        now: Instant,
        film: &Film,
        marked: bool,
        readiness: FilmReadiness,
    ) -> Option<(Said, Command)> {
        if self.not_before.is_some_and(|until| now < until) {
            return None;
        }
        let (ours, theirs) = (self.file.as_ref()?, film.file.as_ref()?);
        let key = Key {
            ours: hashes(ours),
            theirs: hashes(theirs),
        };
        // A server that was started anew may have forgotten it.
        let forgotten = self.marked.is_some() && !marked;
        if self.told.as_ref() != Some(&key) || forgotten {
            let film = ours.clone();
            return Some((Said::Have(key), Command::HaveFilm { film }));
        }
        if self.refused.is_some() || self.marked == Some(readiness) {
            return None;
        }
        Some((Said::Mark(readiness), Command::MarkFilm { readiness }))
    }

    pub fn heard(&mut self, now: Instant, said: Said, answer: Result<Reply, AskError>) {
        self.not_before = Some(now + SAY_EVERY);
        match (said, answer) {
            (Said::Have(key), Ok(_)) => {
                self.told = Some(key);
                self.marked = None;
                self.refused = None;
            }
            (Said::Mark(readiness), Ok(_)) => self.marked = Some(readiness),
            (Said::Have(key), Err(AskError::Refused(refusal))) if is_final(refusal.code) => {
                // It is not offered again until it or the film is another.
                self.told = Some(key);
                self.refused = Some(refusal);
            }
            (Said::Have(_) | Said::Mark(_), Err(_)) => self.not_before = Some(now + AGAIN_AFTER),
            (Said::Hand, _) => {}
        }
    }
}

fn hashes(file: &FilmFile) -> (Option<String>, Option<String>) {
    (file.sample.clone(), file.sha256.clone())
}

fn is_final(code: RefusalCode) -> bool {
    matches!(
        code,
        RefusalCode::FileHashMismatch | RefusalCode::FilmInvalid | RefusalCode::FileHashInvalid
    )
}

#[cfg(test)]
mod tests {
    use conclave_wire::Refusal;

    use super::*;

    fn file(sample: &str, sha256: Option<&str>) -> FilmFile {
        FilmFile {
            name: "film.mkv".to_owned(),
            size_bytes: 9,
            duration_ms: 60_000,
            sample: Some(sample.to_owned()),
            sha256: sha256.map(ToOwned::to_owned),
        }
    }

    fn film(sample: &str) -> Film {
        Film {
            file: Some(file(sample, None)),
            ..Film::default()
        }
    }

    const READY: FilmReadiness = FilmReadiness::Ready;

    #[test]
    fn a_copy_is_told_before_its_mark_and_again_when_it_is_hashed() {
        let (mut copy, film, mut now) = (Copy::default(), film("a"), Instant::now());
        copy.film(&film);
        assert_eq!(
            copy.say(now, &film, false, READY),
            None,
            "there is none yet"
        );
        copy.is(file("a", None));
        let (said, command) = copy.say(now, &film, false, READY).unwrap();
        assert!(matches!(command, Command::HaveFilm { .. }));
        copy.heard(now, said, Ok(Reply::FilmMatched { sure: false }));
        assert_eq!(copy.say(now, &film, true, READY), None, "not at once");
        now += SAY_EVERY;
        let (said, _) = copy.say(now, &film, true, READY).unwrap();
        assert_eq!(said, Said::Mark(READY));
        copy.heard(now, said, Ok(Reply::Nothing));
        now += SAY_EVERY;
        assert_eq!(copy.say(now, &film, true, READY), None, "all is said");
        copy.is(file("a", Some("s")));
        let (said, _) = copy.say(now, &film, true, READY).unwrap();
        assert!(matches!(said, Said::Have(_)));
    }

    #[test]
    fn a_copy_that_is_refused_is_offered_again_for_another_film_only() {
        let (mut copy, mut now) = (Copy::default(), Instant::now());
        copy.film(&film("b"));
        copy.is(file("a", None));
        let (said, _) = copy.say(now, &film("b"), false, READY).unwrap();
        let refusal = Refusal::from(RefusalCode::FileHashMismatch);
        copy.heard(now, said, Err(AskError::Refused(refusal)));
        assert!(copy.is_refused() && !copy.is_taken());
        now += AGAIN_AFTER;
        assert_eq!(copy.say(now, &film("b"), false, READY), None);
        copy.film(&film("a"));
        assert!(copy.say(now, &film("a"), false, READY).is_some());
    }

    #[test]
    fn what_was_not_heard_or_is_forgotten_is_said_again() {
        let (mut copy, film, mut now) = (Copy::default(), film("a"), Instant::now());
        copy.film(&film);
        copy.is(file("a", None));
        let (said, _) = copy.say(now, &film, false, READY).unwrap();
        copy.heard(now, said, Err(AskError::Late));
        assert_eq!(copy.say(now, &film, false, READY), None);
        now += AGAIN_AFTER;
        let (said, _) = copy.say(now, &film, false, READY).unwrap();
        copy.heard(now, said, Ok(Reply::Nothing));
        now += SAY_EVERY;
        let (said, _) = copy.say(now, &film, true, READY).unwrap();
        copy.heard(now, said, Ok(Reply::Nothing));
        now += SAY_EVERY;
        // The server was started anew.
        let (said, _) = copy.say(now, &film, false, READY).unwrap();
        assert!(matches!(said, Said::Have(_)));
    }
}
