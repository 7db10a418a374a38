//! How fast somebody may send: at first slowed, then refused, then dropped.

use std::{collections::VecDeque, time::Duration};

use crate::{Moment, limit::TokenBucket};

/// How much somebody may ask for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PaceLimits {
    pub commands_burst: u32,
    pub commands_per_second: u32,
    /// Commands over the rate that wait for their turn.
    pub commands_held_max: usize,
    /// Commands refused one after the other until the link is dropped.
    pub refused_max: u32,
    /// Everything that is not a command: acknowledgements and signs of life.
    pub chatter_burst: u32,
    pub chatter_per_second: u32,
}

impl Default for PaceLimits {
    fn default() -> PaceLimits {
        PaceLimits {
            commands_burst: 40,
            commands_per_second: 20,
            commands_held_max: 32,
            refused_max: 256,
            chatter_burst: 200,
            chatter_per_second: 100,
        }
    }
}

/// What becomes of something that was just said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    Pass,
    /// It is kept and comes out of [`Pace::release`].
    Held,
    /// Trying again may help after this long.
    Refuse(Duration),
    Flooding,
}

/// The pace of one link. `T` is a command with whatever belongs to it.
#[derive(Clone, Debug)]
pub struct Pace<T> {
    limits: PaceLimits,
    commands: TokenBucket,
    chatter: TokenBucket,
    held: VecDeque<T>,
    release_at: Option<Moment>,
    refused: u32,
}

impl<T> Pace<T> {
    pub fn new(limits: PaceLimits, now: Moment) -> Pace<T> {
        let (burst, rate) = (limits.commands_burst, limits.commands_per_second);
        Pace {
            limits,
            commands: TokenBucket::new(burst, rate, now),
            chatter: TokenBucket::new(limits.chatter_burst, limits.chatter_per_second, now),
            held: VecDeque::new(),
            release_at: None,
            refused: 0,
        }
    }

    /// A command. It is given back unless it is held.
    pub fn command(&mut self, now: Moment, command: T) -> (Verdict, Option<T>) {
        let waits = !self.held.is_empty();
        let wait = match waits {
            true => self.release_at.map_or(Duration::ZERO, |at| now.until(at)),
            false => match self.commands.try_take(now, 1) {
                Ok(()) => {
                    self.refused = 0;
                    return (Verdict::Pass, Some(command));
                }
                Err(wait) => wait,
            },
        };
        if self.held.len() < self.limits.commands_held_max {
            self.held.push_back(command);
            self.release_at.get_or_insert(now + wait);
            return (Verdict::Held, None);
        }
        self.refuse(wait, command)
    }

    /// A command that must wait whatever the rate is, until [`Pace::release`] is called.
    pub fn hold(&mut self, now: Moment, command: T) -> (Verdict, Option<T>) {
        if self.held.len() < self.limits.commands_held_max {
            self.held.push_back(command);
            self.release_at.get_or_insert(now);
            return (Verdict::Held, None);
        }
        self.refuse(Duration::from_secs(1), command)
    }

    /// Anything else.
    pub fn chatter(&mut self, now: Moment) -> Verdict {
        match self.chatter.try_take(now, 1) {
            Ok(()) => Verdict::Pass,
            Err(_) => Verdict::Flooding,
        }
    }

    /// The next command that was held, when its turn has come.
    pub fn release(&mut self, now: Moment) -> Option<T> {
        if self.held.is_empty() {
            self.release_at = None;
            return None;
        }
        match self.commands.try_take(now, 1) {
            Ok(()) => {
                self.release_at = (self.held.len() > 1).then_some(now);
                self.held.pop_front()
            }
            Err(wait) => {
                self.release_at = Some(now + wait);
                None
            }
        }
    }

    /// When to call [`Pace::release`].
    pub fn next_wakeup(&self) -> Option<Moment> {
        self.release_at
    }

    fn refuse(&mut self, wait: Duration, command: T) -> (Verdict, Option<T>) {
        self.refused += 1;
        match self.refused > self.limits.refused_max {
            true => (Verdict::Flooding, Some(command)),
            false => (Verdict::Refuse(wait), Some(command)),
        }
    }
}
