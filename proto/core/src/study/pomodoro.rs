//! The shared clock: spans of focus, short breaks between them, a long one after a round (Cirillo, The
//! Pomodoro Technique). Nothing ticks: there is one moment at which the span ends.

use std::time::Duration;

use conclave_wire::{
    ClockChange, RefusalCode, StudyClock, StudyPhase, TimerPlan,
    limits::{TIMER_CYCLES_MAX, TIMER_MINUTES_MAX},
};

use crate::Moment;

const S_PER_MINUTE: u64 = 60;

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pomodoro {
    phase: StudyPhase,
    /// The span of focus of this round that runs, waits, or ran last; 0 before the first.
    cycle: u32,
    length: Duration,
    course: Course,
    focus_done: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Course {
    /// The span ends then.
    Runs(Moment),
    /// So much is left of it.
    Stands(Duration),
}

impl Default for Pomodoro {
    fn default() -> Pomodoro {
        Pomodoro {
            phase: StudyPhase::Idle,
            cycle: 0,
            length: Duration::ZERO,
            course: Course::Stands(Duration::ZERO),
            focus_done: 0,
        }
    }
}

/// A plan that a room may have.
///
/// # Errors
/// `TimerPlanInvalid`: spans of 0 or more than 180 minutes, rounds of 0 or more than 24 spans.
pub fn check_plan(plan: &TimerPlan) -> Result<(), RefusalCode> {
    let spans = [
        plan.focus_minutes,
        plan.short_break_minutes,
        plan.long_break_minutes,
    ];
    let minutes = |minutes: &u32| (1..=TIMER_MINUTES_MAX).contains(minutes);
    let fits = spans.iter().all(minutes) && (1..=TIMER_CYCLES_MAX).contains(&plan.cycles);
    fits.then_some(()).ok_or(RefusalCode::TimerPlanInvalid)
}

impl Pomodoro {
    /// As it was stored, at the place where it would be had it never stopped: a span that ended `late` ago
    /// is followed by what follows it.
    pub fn restore(
        stored: &StudyClock,
        ends: Option<Result<Duration, Duration>>,
        plan: &TimerPlan,
        now: Moment,
    ) -> Pomodoro {
        let mut clock = Pomodoro {
            phase: stored.phase,
            cycle: stored.cycle,
            length: Duration::from_millis(stored.length_ms),
            course: Course::Stands(Duration::from_millis(stored.left_ms)),
            focus_done: stored.focus_done,
        };
        match ends {
            None => {}
            Some(Ok(left)) => clock.course = Course::Runs(now + left),
            Some(Err(late)) => {
                // Moments begin with the server: what is before them is played on a line of its own.
                let (ended, here) = (Moment::default(), Moment::default() + late);
                clock.course = Course::Runs(ended);
                clock.wake(plan, here);
                if let Course::Runs(at) = clock.course {
                    clock.course = Course::Runs(now + here.until(at));
                }
            }
        }
        clock
    }

    /// Starts a span of focus: the one that stands or runs anew, or the one after a break.
    pub fn start_focus(&mut self, plan: &TimerPlan, now: Moment) -> ClockChange {
        if self.phase != StudyPhase::Focus {
            self.cycle = self.cycle_after_break(plan);
        }
        self.begin(StudyPhase::Focus, plan, now);
        ClockChange::Started
    }

    /// Starts the break that is next, or the one that there is anew. A span of focus that it interrupts
    /// was not seen through.
    pub fn start_break(&mut self, plan: &TimerPlan, now: Moment) -> ClockChange {
        let phase = match self.phase {
            StudyPhase::Idle => StudyPhase::ShortBreak,
            StudyPhase::Focus => self.break_after_focus(plan),
            StudyPhase::ShortBreak | StudyPhase::LongBreak => self.phase,
        };
        self.begin(phase, plan, now);
        ClockChange::Started
    }

    /// # Errors
    /// `TimerNotRunning`
    pub fn pause(&mut self, now: Moment) -> Result<ClockChange, RefusalCode> {
        match self.course {
            Course::Runs(ends) => {
                self.course = Course::Stands(now.until(ends));
                Ok(ClockChange::Paused)
            }
            Course::Stands(_) => Err(RefusalCode::TimerNotRunning),
        }
    }

    /// Goes on where it stands; a span that waits to be started is started.
    ///
    /// # Errors
    /// `TimerNotRunning` when it runs already, or nothing was ever started.
    pub fn resume(&mut self, now: Moment) -> Result<ClockChange, RefusalCode> {
        match self.course {
            Course::Stands(left) if self.phase != StudyPhase::Idle => {
                let waited = left == self.length;
                self.course = Course::Runs(now + left);
                Ok(match waited {
                    true => ClockChange::Started,
                    false => ClockChange::Resumed,
                })
            }
            Course::Stands(_) | Course::Runs(_) => Err(RefusalCode::TimerNotRunning),
        }
    }

    /// Back to before the first span.
    pub fn reset(&mut self) -> ClockChange {
        *self = Pomodoro::default();
        ClockChange::Reset
    }

    /// # Errors
    /// `TimerNotRunning` when there is no break to skip.
    pub fn skip_break(
        &mut self,
        plan: &TimerPlan,
        now: Moment,
    ) -> Result<ClockChange, RefusalCode> {
        match self.phase {
            StudyPhase::ShortBreak | StudyPhase::LongBreak => {
                self.start_focus(plan, now);
                Ok(ClockChange::Skipped)
            }
            StudyPhase::Idle | StudyPhase::Focus => Err(RefusalCode::TimerNotRunning),
        }
    }

    /// The plan is another one: what has begun stays as long as it was, what waits takes its new length.
    pub fn replan(&mut self, plan: &TimerPlan) -> Option<ClockChange> {
        let waits = self.phase != StudyPhase::Idle && self.course == Course::Stands(self.length);
        let length = length_of(self.phase, plan);
        if !waits || length == self.length {
            return None;
        }
        self.length = length;
        self.course = Course::Stands(length);
        Some(ClockChange::Plan)
    }

    /// Ends spans that are over, each at its own moment, however late this is called. Returns when the
    /// first of them ended.
    pub fn wake(&mut self, plan: &TimerPlan, now: Moment) -> Option<Moment> {
        let mut first = None;
        while let Course::Runs(ends) = self.course
            && ends <= now
        {
            first.get_or_insert(ends);
            let (phase, runs) = match self.phase {
                StudyPhase::Focus => {
                    self.focus_done = self.focus_done.saturating_add(1);
                    (self.break_after_focus(plan), true)
                }
                StudyPhase::Idle | StudyPhase::ShortBreak | StudyPhase::LongBreak => {
                    self.cycle = self.cycle_after_break(plan);
                    (StudyPhase::Focus, plan.focus_starts_itself)
                }
            };
            self.begin(phase, plan, ends);
            let no_further = self.course == Course::Runs(ends);
            if !runs || no_further {
                self.course = Course::Stands(self.length);
            }
        }
        first
    }

    pub fn next_wakeup(&self) -> Option<Moment> {
        match self.course {
            Course::Runs(ends) => Some(ends),
            Course::Stands(_) => None,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.phase == StudyPhase::Idle
    }

    /// Whether a span of focus runs.
    pub fn focuses(&self) -> bool {
        self.phase == StudyPhase::Focus && matches!(self.course, Course::Runs(_))
    }

    pub fn left(&self, now: Moment) -> Duration {
        match self.course {
            Course::Runs(ends) => now.until(ends),
            Course::Stands(left) => left,
        }
    }

    /// As clients see it, on the room clock, which is zero at `opened`.
    pub fn clock(&self, opened: Moment) -> StudyClock {
        let (ends_at_ms, left) = match self.course {
            Course::Runs(ends) => (Some(as_ms(ends.since(opened))), Duration::ZERO),
            Course::Stands(left) => (None, left),
        };
        StudyClock {
            phase: self.phase,
            cycle: self.cycle,
            length_ms: as_ms(self.length),
            ends_at_ms,
            left_ms: as_ms(left),
            focus_done: self.focus_done,
        }
    }

    fn begin(&mut self, phase: StudyPhase, plan: &TimerPlan, at: Moment) {
        self.phase = phase;
        self.length = length_of(phase, plan);
        self.course = Course::Runs(at + self.length);
    }

    /// A long one ends a round, also one that has become shorter meanwhile.
    fn break_after_focus(&self, plan: &TimerPlan) -> StudyPhase {
        match self.cycle >= plan.cycles {
            true => StudyPhase::LongBreak,
            false => StudyPhase::ShortBreak,
        }
    }

    /// The span of focus that follows: a long break ends the round.
    fn cycle_after_break(&self, plan: &TimerPlan) -> u32 {
        match self.phase {
            StudyPhase::LongBreak => 1,
            StudyPhase::Idle | StudyPhase::Focus | StudyPhase::ShortBreak => {
                (self.cycle + 1).min(plan.cycles.max(1))
            }
        }
    }
}

/// Also of a plan from before there were limits.
fn length_of(phase: StudyPhase, plan: &TimerPlan) -> Duration {
    let minutes = match phase {
        StudyPhase::Idle => return Duration::ZERO,
        StudyPhase::Focus => plan.focus_minutes,
        StudyPhase::ShortBreak => plan.short_break_minutes,
        StudyPhase::LongBreak => plan.long_break_minutes,
    };
    Duration::from_secs(u64::from(minutes.max(1)) * S_PER_MINUTE)
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
