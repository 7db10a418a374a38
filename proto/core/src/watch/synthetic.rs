//! A player without a film: it says where it would be. A real choice for machines that show nothing, and a
//! stand-in with the habits of real players: it takes its time, and its clock is its own.

use std::{collections::VecDeque, time::Duration};

use conclave_wire::film::RATE_NORMAL_PERMILLE;

use super::{Order, PlayerTraits, Seen, follower::played};
use crate::Moment;

const PPM: i128 = 1_000_000;
/// Orders that it has not carried out yet; older ones are forgotten.
const ORDERS_MAX: usize = 16;

/// How a player behaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Habits {
    /// From the order to play or to pause until it does.
    pub starts_after: Duration,
    /// From the order to seek until it is there. Meanwhile it stands.
    pub seeks_for: Duration,
    /// From the order to play at another rate until it does. It says at once that it does.
    pub rates_after: Duration,
    /// Its clock runs so much faster, in parts per million.
    pub drift_ppm: i32,
    /// It tells its position in steps of this.
    pub grain: Duration,
    /// It plays at whole quarters of the normal rate only.
    pub coarse_rates: bool,
}

#[derive(Clone, Debug)]
pub struct SyntheticPlayer {
    habits: Habits,
    duration: Option<Duration>,
    /// Where it was at `at`.
    position: Duration,
    at: Moment,
    playing: bool,
    /// What it says, and what it does.
    rate_permille: u32,
    plays_permille: u32,
    stands_until: Moment,
    buffering_until: Moment,
    orders: VecDeque<(Moment, Order)>,
}

impl SyntheticPlayer {
    /// At the beginning, paused.
    pub fn new(habits: Habits, duration: Option<Duration>, now: Moment) -> SyntheticPlayer {
        SyntheticPlayer {
            habits,
            duration,
            position: Duration::ZERO,
            at: now,
            playing: false,
            rate_permille: RATE_NORMAL_PERMILLE,
            plays_permille: RATE_NORMAL_PERMILLE,
            stands_until: now,
            buffering_until: now,
            orders: VecDeque::new(),
        }
    }

    pub fn traits(&self) -> PlayerTraits {
        PlayerTraits {
            grain: self.habits.grain,
            nudges: !self.habits.coarse_rates,
            rate_delay: self.habits.rates_after,
        }
    }

    pub fn order(&mut self, now: Moment, order: Order) {
        self.advance(now);
        let after = match order {
            Order::Play | Order::Pause => self.habits.starts_after,
            Order::Seek { .. } => Duration::ZERO,
            Order::Rate { permille } => {
                self.rate_permille = self.rate_for(permille);
                self.habits.rates_after
            }
        };
        if self.orders.len() == ORDERS_MAX {
            self.orders.pop_front();
        }
        let at = now + after;
        let place = self.orders.partition_point(|(other, _)| *other <= at);
        self.orders.insert(place, (at, order));
        self.advance(now);
    }

    pub fn look(&mut self, now: Moment) -> Seen {
        self.advance(now);
        let grain = self.habits.grain.as_micros().max(1);
        let told = self.position.as_micros() / grain * grain;
        Seen {
            at: now,
            position: Duration::from_micros(u64::try_from(told).unwrap_or(u64::MAX)),
            playing: self.playing,
            rate_permille: self.rate_permille,
            buffering: now < self.buffering_until,
            duration: self.duration,
        }
    }

    /// Where it is, as exactly as it does not tell.
    pub fn position(&mut self, now: Moment) -> Duration {
        self.advance(now);
        self.position
    }

    /// Runs dry for so long.
    pub fn stall(&mut self, now: Moment, time: Duration) {
        self.advance(now);
        self.buffering_until = now + time;
        self.stands_until = self.stands_until.max(now + time);
    }

    fn advance(&mut self, now: Moment) {
        while let Some(&(at, order)) = self.orders.front()
            && at <= now
        {
            self.orders.pop_front();
            self.run_to(at);
            self.carry_out(order);
        }
        self.run_to(now);
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Play => self.playing = true,
            Order::Pause => self.playing = false,
            Order::Rate { permille } => self.plays_permille = self.rate_for(permille),
            Order::Seek { to } => {
                // What was made ready is thrown away.
                self.plays_permille = self.rate_permille;
                self.position = self.duration.map_or(to, |end| to.min(end));
                self.stands_until = self.stands_until.max(self.at + self.habits.seeks_for);
            }
        }
    }

    fn rate_for(&self, permille: u32) -> u32 {
        let quarter = RATE_NORMAL_PERMILLE / 4;
        match self.habits.coarse_rates {
            true => (permille.saturating_add(quarter / 2) / quarter).max(1) * quarter,
            false => permille,
        }
    }

    fn run_to(&mut self, now: Moment) {
        if now <= self.at {
            return;
        }
        let from = self.at.max(self.stands_until.min(now));
        if self.playing {
            let spent = i128::from(from.until(now).as_micros() as u64);
            let own = spent + spent * i128::from(self.habits.drift_ppm) / PPM;
            let own = Duration::from_micros(u64::try_from(own).unwrap_or(0));
            let position = self.position + played(own, self.plays_permille);
            self.position = self.duration.map_or(position, |end| position.min(end));
        }
        self.at = now;
    }
}
