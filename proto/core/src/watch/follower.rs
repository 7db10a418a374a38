//! What one player must do to show what everybody should see: nothing, run a little faster or slower, or
//! jump. A closed loop over what the player says of itself, which may be late, coarse, or untrue.

mod drift;
mod retry;

use std::time::Duration;

use conclave_wire::{FilmReadiness, film::RATE_NORMAL_PERMILLE};

use super::{Aim, Course, aim::scaled};
use crate::{Moment, link::clock::Reading};

use drift::{Drift, Motion};
use retry::Retry;

/// A drift below this, and below what clock and player can tell, is left alone: two frames of a film of
/// 120 frames/s, and less than anybody notices between picture and sound (ITU-R BT.1359-1: 45 ms).
pub const LEFT_ALONE: Duration = Duration::from_millis(15);
/// Once it is made good, a drift is below this part of where making good begins.
const GOOD_DIVISOR: i64 = 3;
/// A player runs at most so much faster or slower to make good.
pub const NUDGE_MAX_PERMILLE: i64 = 50;
/// Smaller changes of the rate are not worth an order.
const NUDGE_STEP_PERMILLE: i64 = 5;
/// A drift is made good in about this time.
const NUDGE_HORIZON_MS: i64 = 1_000;
/// A greater drift is made good by a jump: at 5 % it would take 8 s.
pub const JUMPED: Duration = Duration::from_millis(400);
/// The same for a player that cannot be nudged.
const JUMPED_UNNUDGED: Duration = Duration::from_millis(150);
/// A film that stands may be so far from where it should stand.
pub const STANDS_OFF: Duration = Duration::from_millis(40);
/// What a player does not do at once it does within this time.
const SETTLES: Duration = Duration::from_millis(150);
const SETTLES_JUMP: Duration = Duration::from_millis(400);
/// Looks.
const LOOK_SOON: Duration = Duration::from_millis(50);
const LOOK_LATER: Duration = Duration::from_millis(250);
/// Who was not looked at for so long was asleep: what was seen before says nothing.
const SLEPT: Duration = Duration::from_secs(2);
/// What is further behind after a jump was not late, but wrong.
const LAG_MAX: Duration = Duration::from_secs(1);

/// What is known of a player before it plays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PlayerTraits {
    /// How coarse the positions are that it tells.
    pub grain: Duration,
    /// Whether it plays at any rate near the one that is wanted.
    pub nudges: bool,
    /// From the order to play at another rate until it is seen and heard: what is made ready is played out.
    pub rate_delay: Duration,
}

/// What a player says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seen {
    /// When that was true, on the local clock.
    pub at: Moment,
    pub position: Duration,
    /// It is not paused; whether it moves is another matter.
    pub playing: bool,
    pub rate_permille: u32,
    pub buffering: bool,
    pub duration: Option<Duration>,
}

/// What the player must do; then it is looked at again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    Play,
    Pause,
    Seek { to: Duration },
    Rate { permille: u32 },
}

/// One player that follows.
#[derive(Clone, Debug)]
pub struct Follower {
    traits: PlayerTraits,
    course: Course,
    /// What counted when it was last looked at.
    counted: Option<Aim>,
    drift: Drift,
    motion: Motion,
    nudge_permille: i64,
    /// The rate that was ordered last.
    asked_permille: u32,
    /// Since the last order nothing can be judged until then.
    settles: Moment,
    jumps: Retry,
    starts: Retry,
    rates: Retry,
    /// The player has not done what it was told to, again and again: it is not nudged any more.
    deaf: bool,
    looked: Option<Moment>,
    /// How far behind a jump leaves it, as learned.
    lag: Duration,
    jumped: bool,
    /// What counts has just jumped to another place: one look is enough to do so, too.
    leapt: bool,
    wait: Duration,
}

impl Follower {
    pub fn new(traits: PlayerTraits) -> Follower {
        Follower {
            traits,
            course: Course::default(),
            counted: None,
            drift: Drift::default(),
            motion: Motion::default(),
            nudge_permille: 0,
            asked_permille: RATE_NORMAL_PERMILLE,
            settles: Moment::default(),
            jumps: Retry::default(),
            starts: Retry::default(),
            rates: Retry::default(),
            deaf: false,
            looked: None,
            lag: Duration::ZERO,
            jumped: false,
            leapt: false,
            wait: LOOK_SOON,
        }
    }

    /// What everybody should see from its instant on; `None` when no film is open.
    pub fn aim(&mut self, aim: Option<Aim>) {
        if aim == self.course.newest() {
            return;
        }
        match aim {
            Some(aim) => self.course.turn(aim),
            None => {
                self.course.clear();
                self.counted = None;
            }
        }
        self.forget_drift();
        self.jumps = Retry::default();
        self.starts = Retry::default();
        self.settles = Moment::default();
        self.wait = Duration::ZERO;
    }

    /// Judges a look at the player. `now` is the local clock, `room` the room's as far as it is known.
    pub fn look(&mut self, now: Moment, room: Option<Reading>, seen: Seen) -> Option<Order> {
        self.watch_out(now);
        self.motion.seen(&seen, self.traits.grain);
        let order = match (self.course.newest(), room) {
            (None, _) => None,
            (Some(aim), None) => self.start_or_stop(now, aim.runs, &seen),
            (Some(_), Some(room)) => self.follow(now, room, &seen),
        };
        if order.is_some() {
            self.wait = LOOK_SOON;
        }
        order
    }

    /// How long until the player is to be looked at again.
    pub fn next_look(&self) -> Duration {
        self.wait
    }

    /// What the room is to be told of this copy.
    pub fn readiness(&self) -> FilmReadiness {
        match self.looked {
            None => FilmReadiness::NotReady,
            Some(_) if self.motion.is_stuck() => FilmReadiness::Buffering,
            Some(_) => FilmReadiness::Ready,
        }
    }

    /// How far the player is ahead of what it should show, in microseconds; behind when negative.
    pub fn drift_us(&self) -> Option<i64> {
        self.drift.median_us()
    }

    /// A machine that was asleep begins anew.
    fn watch_out(&mut self, now: Moment) {
        let slept = self.looked.is_some_and(|looked| now.since(looked) > SLEPT);
        self.looked = Some(now);
        if slept {
            self.forget_drift();
            self.motion = Motion::default();
            self.jumps = Retry::default();
            self.starts = Retry::default();
        }
    }

    fn forget_drift(&mut self) {
        self.drift = Drift::default();
        self.jumped = false;
    }

    fn follow(&mut self, now: Moment, room: Reading, seen: &Seen) -> Option<Order> {
        let aim = self.what_counts(room.remote)?;
        let (runs, there) = (aim.runs, aim.position_at(room.remote));
        let over = aim.duration.is_some_and(|end| there >= end);
        if !runs || over {
            let stop = self.start_or_stop(now, false, seen);
            return stop.or_else(|| self.stand(now, there, seen));
        }
        if !seen.playing {
            let far = there.abs_diff(seen.position) > STANDS_OFF + self.traits.grain;
            if far && self.jumps.may(now) {
                return Some(self.jump(now, there));
            }
            return self.start_or_stop(now, true, seen);
        }
        self.starts = Retry::default();
        let age = now.since(seen.at);
        let then = Moment(room.remote.0.saturating_sub(age.as_micros() as u64));
        let drift_us = difference_us(seen.position, aim.position_at(then));
        self.drift.add(drift_us);
        if !self.drift.is_settled() || self.nudge_permille != 0 {
            self.wait = self.wait.min(LOOK_SOON);
        }
        if now < self.settles {
            return None;
        }
        let unsure = room.error + self.traits.grain;
        let far = micros(JUMPED_UNNUDGED.max(unsure * 2));
        let leapt = std::mem::take(&mut self.leapt);
        if leapt && drift_us.unsigned_abs() > far {
            return Some(self.jump(now, there + self.lag));
        }
        self.jump_if_far(now, there, unsure)
            .or_else(|| self.nudge(now, room.remote, unsure, seen))
    }

    /// What counts now: a move whose instant is still to come leaves things as they were, and the player is
    /// looked at again when it is to be ordered, and when it counts.
    fn what_counts(&mut self, room: Moment) -> Option<Aim> {
        self.course.pass(room);
        let delay = self.traits.rate_delay;
        let looks = self.course.next_in(room).map(|ahead| match ahead > delay {
            true => ahead - delay,
            false => ahead,
        });
        self.wait = looks.map_or(LOOK_LATER, |next| next.min(LOOK_SOON));
        let newest = self.course.newest()?;
        // Before the first move it does nothing.
        let first = Aim {
            runs: false,
            ..newest
        };
        let aim = self.course.at(room).unwrap_or(first);
        if self.counted.replace(aim) != Some(aim) {
            self.leapt = true;
        }
        Some(aim)
    }

    fn start_or_stop(&mut self, now: Moment, play: bool, seen: &Seen) -> Option<Order> {
        if seen.playing == play {
            return None;
        }
        if !self.starts.may(now) {
            return None;
        }
        self.starts.tried(now);
        self.settle(now, SETTLES);
        Some(if play { Order::Play } else { Order::Pause })
    }

    fn stand(&mut self, now: Moment, there: Duration, seen: &Seen) -> Option<Order> {
        let off = there.abs_diff(seen.position) > STANDS_OFF + self.traits.grain;
        if !off || now < self.settles || !self.jumps.may(now) {
            return None;
        }
        self.lag = Duration::ZERO;
        Some(self.jump(now, there))
    }

    fn jump_if_far(&mut self, now: Moment, there: Duration, unsure: Duration) -> Option<Order> {
        let off_us = self.drift.median_us().filter(|_| self.drift.is_settled())?;
        if std::mem::take(&mut self.jumped) {
            self.learn_lag(off_us);
        }
        let nudges = self.traits.nudges && !self.deaf;
        let far = match nudges {
            true => JUMPED.max(unsure * 2),
            false => JUMPED_UNNUDGED.max(unsure * 2),
        };
        if off_us.unsigned_abs() <= micros(far) {
            self.jumps.succeeded(now);
            return None;
        }
        self.jumps
            .may(now)
            .then(|| self.jump(now, there + self.lag))
    }

    fn jump(&mut self, now: Moment, to: Duration) -> Order {
        self.jumps.tried(now);
        self.forget_drift();
        self.jumped = true;
        self.settle(now, SETTLES_JUMP);
        let end = self.counted.and_then(|aim| aim.duration);
        Order::Seek {
            to: end.map_or(to, |end| to.min(end)),
        }
    }

    /// Behind after a jump: the next one goes further.
    fn learn_lag(&mut self, off_us: i64) {
        if off_us.unsigned_abs() > micros(LAG_MAX) {
            return;
        }
        let lag_us = micros(self.lag) as i64 - off_us;
        let most = micros(LAG_MAX) as i64;
        self.lag = Duration::from_micros(lag_us.clamp(0, most) as u64);
    }

    /// The rate that makes good what is off, if the player does not run at it. `room` is the room's clock:
    /// another speed is ordered as much ahead of its instant as the player is late with it.
    fn nudge(&mut self, now: Moment, room: Moment, unsure: Duration, seen: &Seen) -> Option<Order> {
        let aim = self.course.at(room + self.traits.rate_delay)?;
        if self.traits.nudges
            && !self.deaf
            && let Some(off_us) = self.drift.median_us().filter(|_| self.drift.is_settled())
        {
            self.nudge_permille = wanted_nudge(off_us, self.nudge_permille, unsure);
        }
        if seen.rate_permille.abs_diff(self.asked_permille) <= 1 {
            self.rates = Retry::default();
        }
        let normal = i64::from(RATE_NORMAL_PERMILLE);
        let rate = i64::from(aim.rate_permille) * (normal + self.nudge_permille) / normal;
        let permille = u32::try_from(rate).unwrap_or(RATE_NORMAL_PERMILLE);
        if seen.rate_permille.abs_diff(permille) <= 1 {
            return None;
        }
        if !self.rates.may(now) {
            return None;
        }
        if self.rates.is_hopeless() && self.nudge_permille != 0 {
            // It plays at its own rates only.
            self.deaf = true;
            self.nudge_permille = 0;
            return None;
        }
        self.rates.tried(now);
        self.asked_permille = permille;
        self.drift = Drift::default();
        self.settle(now, SETTLES.max(self.traits.rate_delay));
        Some(Order::Rate { permille })
    }

    fn settle(&mut self, now: Moment, time: Duration) {
        self.settles = now + time;
    }
}

/// How much faster, in permille, a player should run that is `off_us` ahead and runs `nudge` faster now.
fn wanted_nudge(off_us: i64, nudge: i64, unsure: Duration) -> i64 {
    let begins = micros(LEFT_ALONE.max(unsure)) as i64;
    let ends = begins / GOOD_DIVISOR;
    let off = off_us.abs();
    if off <= ends || (nudge == 0 && off <= begins) {
        return 0;
    }
    let exact = -off_us / NUDGE_HORIZON_MS;
    let steps = exact / NUDGE_STEP_PERMILLE;
    let least = if off_us > 0 { -1 } else { 1 };
    let steps = if steps == 0 { least } else { steps };
    let wanted = (steps * NUDGE_STEP_PERMILLE).clamp(-NUDGE_MAX_PERMILLE, NUDGE_MAX_PERMILLE);
    // Small changes of a nudge that goes the right way are not worth an order.
    let same_way = wanted.signum() == nudge.signum();
    match same_way && (wanted - nudge).abs() <= 2 * NUDGE_STEP_PERMILLE {
        true => nudge,
        false => wanted,
    }
}

fn difference_us(a: Duration, b: Duration) -> i64 {
    let difference = i64::try_from(a.abs_diff(b).as_micros()).unwrap_or(i64::MAX);
    if a >= b { difference } else { -difference }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// How far a film goes at this rate; for players that count it themselves.
pub fn played(time: Duration, rate_permille: u32) -> Duration {
    scaled(time, rate_permille)
}
