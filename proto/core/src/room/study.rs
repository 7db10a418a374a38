//! The room's shared clock, its goal, and what people tell of their own studies.

use std::collections::BTreeMap;

use conclave_wire::{
    ClockChange, Event, FocusCount, Goal, ParticipantId, RefusalCode, Role, SharedStudy, Study,
    StudyClock, StudyPerson, TimerPlan,
    limits::{FOCUS_ON_CHARS_MAX, GOAL_CHARS_MAX, GOALS_MAX},
};

use super::{Effect, Outbox, Record, Room, record::StoredStudy, text};
use crate::{
    Moment, Now,
    study::{FocusTally, Pomodoro, pomodoro::check_plan},
};

/// What is asked of the clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ClockWish {
    Focus,
    Break,
    Pause,
    Resume,
    Reset,
    Skip,
}

#[derive(Debug, Default)]
pub(super) struct Studies {
    clock: Pomodoro,
    tally: FocusTally,
    goal: String,
    shared: BTreeMap<ParticipantId, SharedStudy>,
}

impl Studies {
    /// Where it would be had the server never stopped.
    pub(super) fn restore(stored: StoredStudy, plan: Option<TimerPlan>, now: Now) -> Studies {
        let left = |ends_unix_ms: u64| {
            let late = std::time::Duration::from_millis(now.unix_ms.saturating_sub(ends_unix_ms));
            match now.unix_ms < ends_unix_ms {
                true => Ok(std::time::Duration::from_millis(ends_unix_ms - now.unix_ms)),
                false => Err(late),
            }
        };
        let ends = stored.ends_unix_ms.map(left);
        let clock = plan.map(|plan| Pomodoro::restore(&stored.clock, ends, &plan, now.moment));
        let clock = clock.unwrap_or_default();
        let mut tally = FocusTally::restore(stored.focus_ms, &stored.people);
        tally.run(clock.focuses(), now.moment);
        Studies {
            clock,
            tally,
            goal: stored.goal,
            shared: BTreeMap::new(),
        }
    }

    pub(super) fn state(
        &self,
        opened: Moment,
        seats: impl Iterator<Item = ParticipantId>,
    ) -> Study {
        let person = |id| {
            let person = StudyPerson {
                id,
                focus_ms: self.tally.of(id),
                shared: self.shared.get(&id).cloned(),
            };
            (person.focus_ms > 0 || person.shared.is_some()).then_some(person)
        };
        Study {
            clock: self.clock.clock(opened),
            goal: self.goal.clone(),
            focus_ms: self.tally.room_ms(),
            people: seats.filter_map(person).collect(),
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        let wakeups = [self.clock.next_wakeup(), self.tally.next_wakeup()];
        wakeups.into_iter().flatten().min()
    }

    /// For the pulse: nothing while nothing was started.
    pub(super) fn pulse(&self, opened: Moment) -> Option<StudyClock> {
        (!self.clock.is_idle()).then(|| self.clock.clock(opened))
    }
}

impl Room {
    /// # Errors
    /// `NoTimer`, `TimerNotRunning`.
    pub(super) fn set_clock(
        &mut self,
        wish: ClockWish,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let plan = self.settings.timer.ok_or(RefusalCode::NoTimer)?;
        self.wake_study(now, out);
        let (clock, moment) = (&mut self.studies.clock, now.moment);
        let why = match wish {
            ClockWish::Focus => clock.start_focus(&plan, moment),
            ClockWish::Break => clock.start_break(&plan, moment),
            ClockWish::Pause => clock.pause(moment)?,
            ClockWish::Resume => clock.resume(moment)?,
            ClockWish::Reset => clock.reset(),
            ClockWish::Skip => clock.skip_break(&plan, moment)?,
        };
        self.clock_changed(why, now, now.moment, out);
        Ok(())
    }

    /// Changes the lengths of the spans; what has begun stays as long as it was.
    ///
    /// # Errors
    /// `NoTimer`, `TimerPlanInvalid`.
    pub(super) fn set_timer_plan(
        &mut self,
        plan: TimerPlan,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        check_plan(&plan)?;
        let known = self.settings.timer.ok_or(RefusalCode::NoTimer)?;
        if plan != known {
            self.settings.timer = Some(plan);
            let settings = self.settings.clone();
            self.tell(Event::SettingsChanged { settings }, out);
            self.record_room(out);
            self.replan(now, out);
            self.withdraw(now, out);
        }
        Ok(())
    }

    /// The settings may say something else about the clock now.
    pub(super) fn replan(&mut self, now: Now, out: &mut Outbox) {
        let why = match &self.settings.timer {
            Some(plan) => self.studies.clock.replan(plan),
            None if self.studies.clock.is_idle() => None,
            None => Some(self.studies.clock.reset()),
        };
        if let Some(why) = why {
            self.clock_changed(why, now, now.moment, out);
        }
    }

    pub(super) fn set_goal(&mut self, given: &str, out: &mut Outbox) -> Result<(), RefusalCode> {
        let text = line(given, GOAL_CHARS_MAX)?;
        if self.studies.goal != text {
            self.studies.goal = text.clone();
            out.push(Effect::Record(Record::GoalSet { text: text.clone() }));
            self.tell(Event::GoalSet { text }, out);
        }
        Ok(())
    }

    /// It is shown while the room is open and never stored: it is kept where it comes from.
    ///
    /// # Errors
    /// `GoalInvalid`
    pub(super) fn share_study(
        &mut self,
        id: ParticipantId,
        given: Option<SharedStudy>,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        let shared = given.map(checked).transpose()?;
        let known = match shared.clone() {
            Some(shared) => self.studies.shared.insert(id, shared),
            None => self.studies.shared.remove(&id),
        };
        if known != shared {
            self.tell(Event::StudyShared { id, shared }, out);
        }
        Ok(())
    }

    /// Spans that are over are followed by the next. Nobody needs that while nobody is here: then it waits
    /// for the first who comes.
    pub(super) fn wake_study(&mut self, now: Now, out: &mut Outbox) {
        let Some(plan) = self.settings.timer else {
            return;
        };
        if let Some(ended) = self.studies.clock.wake(&plan, now.moment) {
            self.clock_changed(ClockChange::Ended, now, ended, out);
        }
        let due = self.studies.tally.next_wakeup();
        if due.is_some_and(|due| due <= now.moment) {
            let counted = self.studies.tally.count(now.moment);
            self.tell_focus(counted, out);
        }
    }

    pub(super) fn study_wakeup(&self) -> Option<Moment> {
        let here = self.roster.seats.values().any(|seat| !seat.away());
        here.then(|| self.studies.next_wakeup()).flatten()
    }

    /// Somebody is here now, or is not any more.
    pub(super) fn study_presence(
        &mut self,
        id: ParticipantId,
        here: bool,
        now: Now,
        out: &mut Outbox,
    ) {
        if here {
            self.wake_study(now, out);
        }
        let counted = self.studies.tally.presence(id, here, now.moment);
        self.tell_focus(counted, out);
    }

    /// The seat is given up; clients forget what they know of its studies by themselves.
    pub(super) fn leave_study(&mut self, id: ParticipantId, now: Now, out: &mut Outbox) {
        self.study_presence(id, false, now, out);
        self.studies.tally.forget(id);
        self.studies.shared.remove(&id);
    }

    /// Whether somebody's microphone stays off because the room focuses.
    pub(super) fn is_hushed(&self, id: ParticipantId) -> bool {
        let mutes = self.settings.timer.is_some_and(|plan| plan.focus_mutes);
        let host = self.role(id).is_some_and(|role| role <= Role::CoHost);
        mutes && !host && self.studies.clock.focuses()
    }

    /// Counts focus up to `at`, when things changed, and tells everybody and the store.
    fn clock_changed(&mut self, why: ClockChange, now: Now, at: Moment, out: &mut Outbox) {
        let counted = self.studies.tally.count(at);
        let clock = self.studies.clock.clock(self.opened);
        self.tell(Event::StudyClockChanged { clock, why }, out);
        self.studies
            .tally
            .run(self.studies.clock.focuses(), now.moment);
        self.tell_focus(counted, out);
        let ends = self.studies.clock.next_wakeup();
        out.push(Effect::Record(Record::StudyClockChanged {
            clock,
            ends_unix_ms: ends.map(|at| at.as_ms().saturating_add(self.unix_offset_ms)),
        }));
        self.withdraw(now, out);
    }

    fn tell_focus(&mut self, people: Vec<FocusCount>, out: &mut Outbox) {
        if people.is_empty() {
            return;
        }
        let room_ms = self.studies.tally.room_ms();
        out.push(Effect::Record(Record::FocusCounted {
            room_ms,
            people: people.clone(),
        }));
        self.tell(Event::FocusCounted { room_ms, people }, out);
    }
}

/// Goals without a text are left out.
fn checked(given: SharedStudy) -> Result<SharedStudy, RefusalCode> {
    if given.goals.len() > GOALS_MAX {
        return Err(RefusalCode::GoalInvalid);
    }
    let mut goals = Vec::new();
    for Goal { text, done } in given.goals {
        let text = line(&text, GOAL_CHARS_MAX)?;
        if !text.is_empty() {
            goals.push(Goal { text, done });
        }
    }
    Ok(SharedStudy {
        focus_on: line(&given.focus_on, FOCUS_ON_CHARS_MAX)?,
        goals,
        streak_days: given.streak_days,
    })
}

/// One line, which may be empty.
fn line(given: &str, chars_max: usize) -> Result<String, RefusalCode> {
    match given.trim().is_empty() {
        true => Ok(String::new()),
        false => text::one_line(given, chars_max).ok_or(RefusalCode::GoalInvalid),
    }
}
