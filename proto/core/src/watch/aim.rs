//! Where the film should be at any instant of the room clock.

use std::time::Duration;

use conclave_wire::{Film, FilmAnchor, film::RATE_NORMAL_PERMILLE};

use crate::Moment;

/// What a player should show: `position` at `at` of the room clock, and from there on at `rate_permille` while
/// it `runs`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Aim {
    pub position: Duration,
    pub at: Moment,
    pub rate_permille: u32,
    pub runs: bool,
    /// Of the film, where it is known.
    pub duration: Option<Duration>,
}

impl Aim {
    /// `None` when no film is open.
    pub fn of(film: &Film) -> Option<Aim> {
        let file = film.file.as_ref()?;
        Some(Aim::new(&film.anchor, file.duration_ms))
    }

    /// `duration_ms` of 0 is not known.
    pub fn new(anchor: &FilmAnchor, duration_ms: u64) -> Aim {
        Aim {
            position: Duration::from_millis(anchor.position_ms),
            at: Moment::from_ms(anchor.at_ms),
            rate_permille: anchor.rate_permille,
            runs: anchor.playing && anchor.hold.is_none(),
            duration: (duration_ms > 0).then(|| Duration::from_millis(duration_ms)),
        }
    }

    /// Where the film is at `room` of the room clock: never beyond its end.
    pub fn position_at(&self, room: Moment) -> Duration {
        let gone = match self.runs {
            true => scaled(room.since(self.at), self.rate_permille),
            false => Duration::ZERO,
        };
        let position = self.position.saturating_add(gone);
        self.duration.map_or(position, |end| position.min(end))
    }

    /// When it comes to its end, if it does and that is known.
    pub fn ends_at(&self) -> Option<Moment> {
        let left = self.duration?.saturating_sub(self.position);
        let permille = u128::from(self.rate_permille.max(1));
        let micros = left.as_micros() * u128::from(RATE_NORMAL_PERMILLE);
        // The first moment at which nothing is left.
        let micros = u64::try_from(micros.div_ceil(permille)).unwrap_or(u64::MAX);
        self.runs.then(|| self.at + Duration::from_micros(micros))
    }
}

/// How far a film goes in this time.
pub(super) fn scaled(time: Duration, rate_permille: u32) -> Duration {
    let micros = time.as_micros() * u128::from(rate_permille) / u128::from(RATE_NORMAL_PERMILLE);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}
