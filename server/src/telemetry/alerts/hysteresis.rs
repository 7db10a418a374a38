//! A switch that does not flutter: it turns on after several bad readings in a row, and off after several
//! good ones.

/// One reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reading {
    Bad,
    /// Neither, or not known: nothing begins by it and nothing ends.
    Between,
    Good,
}

impl Reading {
    pub(super) fn of(is_bad: bool, is_good: bool) -> Reading {
        match (is_bad, is_good) {
            (true, _) => Reading::Bad,
            (false, true) => Reading::Good,
            (false, false) => Reading::Between,
        }
    }
}

/// The switch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hysteresis {
    bad_to_begin: u32,
    good_to_end: u32,
    is_on: bool,
    /// Readings in a row that speak for a change.
    run: u32,
}

impl Hysteresis {
    pub(super) fn new(bad_to_begin: u32, good_to_end: u32) -> Hysteresis {
        Hysteresis {
            bad_to_begin,
            good_to_end,
            is_on: false,
            run: 0,
        }
    }

    /// Takes a reading; whether the switch is on now, if it has turned.
    pub(super) fn step(&mut self, reading: Reading) -> Option<bool> {
        let (wanted, needed) = match self.is_on {
            false => (Reading::Bad, self.bad_to_begin),
            true => (Reading::Good, self.good_to_end),
        };
        self.run = match reading == wanted {
            true => self.run + 1,
            false => 0,
        };
        if self.run < needed {
            return None;
        }
        self.is_on = !self.is_on;
        self.run = 0;
        Some(self.is_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_turns_only_after_enough_readings_in_a_row() {
        use Reading::{Bad, Between, Good};
        let mut switch = Hysteresis::new(2, 3);
        let readings = [
            Bad, Good, Bad, Bad, Bad, Good, Good, Between, Good, Good, Good, Good,
        ];
        let turned: Vec<_> = readings
            .iter()
            .map(|reading| switch.step(*reading))
            .collect();
        let expected = [(3, Some(true)), (10, Some(false))];
        for (place, turn) in turned.iter().enumerate() {
            let wanted = expected.iter().find(|(at, _)| *at == place);
            assert_eq!(*turn, wanted.and_then(|(_, turn)| *turn), "reading {place}");
        }
    }
}
