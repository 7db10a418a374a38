//! A player without a film, for machines that show nothing: it says where it would be, and follows like any other.

use std::path::Path;

use conclave_core::watch::{Order, PlayerTraits, Seen, SyntheticPlayer, synthetic::Habits};

use super::{
    player::{Abilities, Answered, ByHand, Player},
    readable::check_readable,
};
use crate::media::clock::MediaClock;

/// Plays nothing on a clock of its client.
pub struct Synthetic {
    player: SyntheticPlayer,
    clock: MediaClock,
}

impl Synthetic {
    /// `duration` is the film's, as nobody reads it.
    pub fn new(
        clock: MediaClock,
        habits: Habits,
        duration: Option<std::time::Duration>,
    ) -> Synthetic {
        Synthetic {
            player: SyntheticPlayer::new(habits, duration, clock.now()),
            clock,
        }
    }
}

impl Player for Synthetic {
    fn name(&self) -> &'static str {
        "synthetic"
    }

    fn traits(&self) -> PlayerTraits {
        self.player.traits()
    }

    fn abilities(&self) -> Abilities {
        Abilities::all()
    }

    fn open<'a>(&'a mut self, path: &'a Path) -> Answered<'a, ()> {
        Box::pin(async move {
            check_readable(path)
                .map_err(|refused| super::player::PlayerError::Refused(refused.message))
        })
    }

    fn look<'a>(&'a mut self, clock: MediaClock) -> Answered<'a, Seen> {
        Box::pin(async move {
            let seen = self.player.look(self.clock.now());
            // Its clock need not be that of whoever looks.
            let at = clock.moment_of(self.clock.instant(seen.at));
            Ok(Seen { at, ..seen })
        })
    }

    fn order<'a>(&'a mut self, order: Order) -> Answered<'a, ()> {
        self.player.order(self.clock.now(), order);
        Box::pin(async { Ok(()) })
    }

    fn by_hand(&mut self) -> Option<ByHand> {
        None
    }

    fn close<'a>(&'a mut self) -> Answered<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}
