//! One viewer's budget, spent on what the viewer watches.

use std::time::Duration;

use conclave_wire::{Layer, ParticipantId, QualityChoice, command::Watch};

use super::{
    Budget, LinkReport, Offers,
    rung::{Rung, Steps, layer_cap, steps},
};
use crate::Moment;

/// Cameras that one viewer watches at the same time.
pub const WATCHED_MAX: usize = 64;
/// A step up must leave this much of the budget free, so that the next busy frame is not a step down.
const HEADROOM_PERCENT: u64 = 85;
/// A source stays on its rung for so long before it steps up.
const STEP_UP_AFTER: Duration = Duration::from_secs(2);
/// While the budget grows quickly: two reports, so that what a step did is seen before the next one.
const STEP_UP_AFTER_QUICK: Duration = Duration::from_millis(500);
/// Steps up come in rounds no closer than this, somewhat less than reports, and a round ends when it costs so
/// much more than what was spent before it. Else many cameras would step in one moment, and what the link
/// does not carry would stand in front of voice.
const ROUND_EVERY: Duration = Duration::from_millis(200);
const ROUND_PERCENT: u64 = 25;
/// Congestion so soon after a step up was its doing. Each time the next try waits twice as long, so that
/// a link that is just too narrow is not tried again and again.
const BLAMED_FOR: Duration = Duration::from_secs(3);
const STEP_UP_AFTER_MAX: Duration = Duration::from_secs(64);
/// What a viewer gets of one source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allocation {
    pub source: ParticipantId,
    pub layer: Layer,
    pub fps_max: u8,
    /// The publisher has no such layer; the server makes it from a larger one.
    pub scaled: bool,
}

/// Chooses layer and rate of each source for one viewer.
#[derive(Debug)]
pub struct Ladder {
    budget: Budget,
    choice: QualityChoice,
    /// In order of importance: pinned ones first, then as the viewer named them.
    watched: Vec<Watched>,
    /// The wishes have changed: begin at the bottom instead of keeping what is.
    afresh: bool,
    /// What the server's load leaves of the budget.
    load_permille: Option<u16>,
    /// How long a source stays before it steps up, and when one did.
    patience: Duration,
    stepped_up_at: Option<Moment>,
    round_at: Option<Moment>,
    congested_at: Option<Moment>,
    allocations: Vec<Allocation>,
    audio_only: bool,
}

impl Default for Ladder {
    fn default() -> Self {
        Ladder {
            budget: Budget::default(),
            choice: QualityChoice::Auto,
            watched: Vec::new(),
            afresh: false,
            load_permille: None,
            patience: STEP_UP_AFTER,
            stepped_up_at: None,
            round_at: None,
            congested_at: None,
            allocations: Vec::new(),
            audio_only: false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    wish: Watch,
    /// Index into the source's steps, which change with what it offers; `None` when it is held back.
    step: Option<usize>,
    /// The rung that `step` stands for.
    rung: Option<Rung>,
    /// Whether the source had anything to offer when the budget was last spent.
    offered: bool,
    stepped_at: Moment,
}

impl Ladder {
    pub fn new() -> Ladder {
        Ladder::default()
    }

    /// What the viewer watches, most important first; more than [`WATCHED_MAX`] and repetitions are ignored.
    pub fn watch(&mut self, wishes: &[Watch]) {
        let mut watched: Vec<Watched> = Vec::new();
        for &wish in wishes {
            let known = watched.iter().any(|other| other.wish.source == wish.source);
            if !known && watched.len() < WATCHED_MAX {
                watched.push(Watched {
                    wish,
                    step: None,
                    rung: None,
                    offered: false,
                    stepped_at: Moment::default(),
                });
            }
        }
        watched.sort_by_key(|watched| !watched.wish.pinned);
        self.watched = watched;
        self.afresh = true;
    }

    pub fn choose(&mut self, choice: QualityChoice) {
        self.choice = choice;
        self.afresh = true;
    }

    pub fn report(&mut self, report: LinkReport, now: Moment) {
        if self.budget.report(report, now) {
            let blamed = self
                .stepped_up_at
                .take_if(|at| now.since(*at) <= BLAMED_FOR);
            if blamed.is_some() {
                self.patience = (2 * self.patience).min(STEP_UP_AFTER_MAX);
            }
            self.congested_at = Some(now);
        } else if self
            .congested_at
            .is_some_and(|at| now.since(at) > 2 * STEP_UP_AFTER_MAX)
        {
            self.patience = STEP_UP_AFTER;
        }
    }

    /// Under load cameras yield first: only so many thousandths of the budget are spent.
    pub fn set_load(&mut self, left_permille: u16) {
        self.load_permille = (left_permille < 1_000).then_some(left_permille);
    }

    /// Spends the budget. Call it when something was reported, wished, offered or taken away.
    pub fn allocate(&mut self, offers: &Offers, now: Moment) -> &[Allocation] {
        let steps = self.steps(offers, now);
        if self.keep_rungs(&steps, now) || self.afresh {
            self.begin(&steps, now);
        } else {
            self.step_down(&steps, now);
            self.step_up(&steps, now);
        }
        self.afresh = false;
        self.publish_result(&steps, offers);
        &self.allocations
    }

    /// The result of the last [`allocate`](Ladder::allocate).
    pub fn allocations(&self) -> &[Allocation] {
        &self.allocations
    }

    /// Cameras are there and wanted, but the link does not carry even the smallest (C5).
    pub fn audio_only(&self) -> bool {
        self.audio_only
    }

    /// Bits a second that may be spent on cameras now.
    pub fn budget_bps(&self) -> u64 {
        self.budget.bps() * u64::from(self.load_permille.unwrap_or(1_000)) / 1_000
    }

    fn steps(&self, offers: &Offers, now: Moment) -> Vec<Steps> {
        let steps_of = |watched: &Watched| match offers.get(watched.wish.source) {
            Some(offer) => steps(offer, watched.wish.layer_max, self.choice, now),
            None => Steps::new(),
        };
        self.watched.iter().map(steps_of).collect()
    }

    /// Finds everybody's rung among the steps of now. Says whether there is a source that had nothing before.
    fn keep_rungs(&mut self, steps: &[Steps], now: Moment) -> bool {
        let mut newly_offered = false;
        for (watched, steps) in self.watched.iter_mut().zip(steps) {
            let place = |rung: Rung| {
                steps
                    .iter()
                    .rposition(|(step, _)| *step <= rung)
                    .unwrap_or(0)
            };
            watched.step = watched.rung.filter(|_| !steps.is_empty()).map(place);
            if watched.step.map(|step| steps[step].0) != watched.rung {
                watched.stepped_at = now;
            }
            newly_offered |= !watched.offered && !steps.is_empty();
            watched.offered = !steps.is_empty();
        }
        newly_offered
    }

    /// Everybody's first step, then pinned ones up to their top, then the others in turn.
    fn begin(&mut self, steps: &[Steps], now: Moment) {
        for watched in &mut self.watched {
            (watched.step, watched.stepped_at) = (None, now);
        }
        for at in 0..self.watched.len() {
            self.try_step(at, steps, now);
        }
        while let Some(at) = self.lowest_that(steps, |ladder, at| ladder.may_afford(at, steps)) {
            self.try_step(at, steps, now);
        }
    }

    /// Keeps what fits: the least important source on the highest rung gives way first.
    fn step_down(&mut self, steps: &[Steps], now: Moment) {
        while self.spent(steps) > self.budget_bps() {
            let unpinned_first = |&at: &usize| {
                let watched = &self.watched[at];
                let above_first = watched.step > Some(0);
                (
                    above_first,
                    above_first && !watched.wish.pinned,
                    watched.step,
                    at,
                )
            };
            let held = (0..self.watched.len()).filter(|&at| self.watched[at].step.is_some());
            let Some(at) = held.max_by_key(unpinned_first) else {
                return;
            };
            let watched = &mut self.watched[at];
            watched.step = watched.step.and_then(|step| step.checked_sub(1));
            watched.stepped_at = now;
        }
    }

    /// A round of steps: at most one for each source, after it has stood on its rung for a while.
    fn step_up(&mut self, steps: &[Steps], now: Moment) {
        if self.round_at.is_some_and(|at| now.since(at) < ROUND_EVERY) {
            return;
        }
        let patience = match self.budget.is_quick(now) {
            true => STEP_UP_AFTER_QUICK,
            false => self.patience,
        };
        let enough = self.spent(steps) * (100 + ROUND_PERCENT) / 100;
        loop {
            let waiting = |ladder: &Ladder, at: usize| {
                now.since(ladder.watched[at].stepped_at) >= patience
                    && ladder.may_afford(at, steps)
                    && !ladder.yields_to_pinned(at, steps)
            };
            match self.lowest_that(steps, waiting) {
                Some(at) => self.try_step(at, steps, now),
                None => return,
            }
            self.stepped_up_at = Some(now);
            self.round_at = Some(now);
            if self.spent(steps) >= enough {
                return;
            }
        }
    }

    /// Nobody beyond the first step climbs while a pinned source is below its top.
    fn yields_to_pinned(&self, at: usize, steps: &[Steps]) -> bool {
        let pinned_waits = |(watched, steps): (&Watched, &Steps)| {
            watched.wish.pinned && watched.step.map_or(0, |step| step + 1) < steps.len()
        };
        let watched = &self.watched[at];
        !watched.wish.pinned
            && watched.step.is_some()
            && self.watched.iter().zip(steps).any(pinned_waits)
    }

    /// The next to step up: who has nothing, then pinned ones, then who is lowest, then who was named first.
    fn lowest_that(&self, steps: &[Steps], may: impl Fn(&Ladder, usize) -> bool) -> Option<usize> {
        (0..self.watched.len())
            .filter(|&at| self.next_step(at, steps).is_some() && may(self, at))
            .min_by_key(|&at| {
                let watched = &self.watched[at];
                (
                    watched.step.is_some(),
                    !watched.wish.pinned,
                    watched.step,
                    at,
                )
            })
    }

    fn try_step(&mut self, at: usize, steps: &[Steps], now: Moment) {
        if self.may_afford(at, steps) {
            let next = self.next_step(at, steps);
            let watched = &mut self.watched[at];
            (watched.step, watched.stepped_at) = (next, now);
        }
    }

    fn next_step(&self, at: usize, steps: &[Steps]) -> Option<usize> {
        let next = self.watched[at].step.map_or(0, |step| step + 1);
        (next < steps[at].len()).then_some(next)
    }

    fn may_afford(&self, at: usize, steps: &[Steps]) -> bool {
        self.next_step(at, steps).is_some_and(|next| {
            let price = |step: usize| steps[at][step].1;
            let now_paid = self.watched[at].step.map_or(0, price);
            let after = self.spent(steps) - now_paid + price(next);
            after <= self.budget_bps() * HEADROOM_PERCENT / 100
        })
    }

    fn spent(&self, steps: &[Steps]) -> u64 {
        let prices = self.watched.iter().zip(steps);
        prices
            .filter_map(|(watched, steps)| Some(steps[watched.step?].1))
            .sum()
    }

    fn publish_result(&mut self, steps: &[Steps], offers: &Offers) {
        self.allocations.clear();
        for (watched, steps) in self.watched.iter_mut().zip(steps) {
            watched.rung = watched.step.map(|step| steps[step].0);
            let Some(step) = watched.step else { continue };
            let Rung { layer, fps } = steps[step].0;
            let source = watched.wish.source;
            let scaled = offers
                .get(source)
                .is_some_and(|offer| !offer.publishes(layer));
            self.allocations.push(Allocation {
                source,
                layer,
                fps_max: fps,
                scaled,
            });
        }
        let something_to_see = steps.iter().any(|steps| !steps.is_empty());
        self.audio_only = something_to_see && self.allocations.is_empty();
    }

    /// Layers of sources that their publishers do not publish, and that would do this viewer good:
    /// for [`plan_scaling`](super::plan_scaling).
    pub fn scaling_wishes(&self, offers: &Offers) -> Vec<(ParticipantId, Layer)> {
        let wish = |watched: &Watched| {
            let source = watched.wish.source;
            let offer = offers.get(source)?;
            let scaled = watched
                .rung
                .map(|rung| rung.layer)
                .filter(|&layer| !offer.publishes(layer));
            let wished = watched.wish.layer_max.min(layer_cap(self.choice));
            let layer = match watched.rung {
                Some(_) => scaled.unwrap_or(wished),
                None => Layer::Thumbnail,
            };
            (!offer.publishes(layer)).then_some((source, layer))
        };
        self.watched.iter().filter_map(wish).collect()
    }
}
