//! How much of their budgets cameras may use under the server's load.

/// Above this the media threads are too busy, in percent of their time.
const BUSY_PERCENT: u8 = 85;
/// Below this there is time to spare.
const CALM_PERCENT: u8 = 70;
/// As the ladder does with a link: down at once by a fifth, up slowly.
const DECREASE_PERCENT: u32 = 80;
/// A quarter of a second at 5 % a second.
const INCREASE_PERMILLE: u32 = 12;
const LEFT_PERMILLE_MIN: u32 = 50;

#[derive(Debug)]
pub(super) struct LoadShare {
    left_permille: u32,
}

impl Default for LoadShare {
    fn default() -> Self {
        LoadShare {
            left_permille: 1_000,
        }
    }
}

impl LoadShare {
    /// Takes the load of a quarter of a second. Gives what is left to cameras, in thousandths, when that has
    /// changed.
    pub fn measure(&mut self, percent: u8) -> Option<u16> {
        let before = self.left_permille;
        if percent > BUSY_PERCENT {
            self.left_permille = (before * DECREASE_PERCENT / 100).max(LEFT_PERMILLE_MIN);
        } else if percent < CALM_PERCENT {
            self.left_permille = (before + INCREASE_PERMILLE).min(1_000);
        }
        (self.left_permille != before).then_some(self.left_permille as u16)
    }
}
