//! Goal: everybody has the same clock of focus and breaks, whoever comes late, whatever stops meanwhile; and
//! what people have focused is counted once.
//! Method: afternoons of a room on a made-up clock, and random orders to the pure clock.
#![allow(clippy::unwrap_used)]

mod room_world;

use std::time::Duration;

use conclave_core::{Moment, room::*, study::Pomodoro};
use conclave_wire::{command::Reply, *};
use proptest::prelude::*;
use room_world::*;

const MINUTE: u64 = 60_000;

fn plan() -> TimerPlan {
    TimerPlan {
        focus_minutes: 25,
        short_break_minutes: 5,
        long_break_minutes: 15,
        cycles: 4,
        focus_starts_itself: true,
        ..TimerPlan::default()
    }
}

fn study_room(plan: TimerPlan) -> World {
    World::new(Settings {
        timer: Some(plan),
        ..Settings::default()
    })
}

/// What is left by a client's own reckoning, from the anchor that it holds.
fn left_ms(world: &World, client: usize) -> u64 {
    let clock = world.clients[client].state.study.clock;
    let room_clock = world.now.moment.since(world.room.opened()).as_millis() as u64;
    clock
        .ends_at_ms
        .map_or(clock.left_ms, |ends| ends.saturating_sub(room_clock))
}

fn phase(world: &World, client: usize) -> (StudyPhase, u32) {
    let clock = world.clients[client].state.study.clock;
    (clock.phase, clock.cycle)
}

#[test]
fn an_afternoon_of_four_cycles_ends_in_a_long_break_and_late_comers_are_right_at_once() {
    let mut world = study_room(plan());
    let ada = world.join_as_host("Ada");
    world.ask(ada, Command::StartFocus).unwrap();
    let mut spans = Vec::new();
    for _ in 0..8 {
        let (phase, cycle) = phase(&world, ada);
        spans.push((phase, cycle, left_ms(&world, ada) / MINUTE));
        world.wait(left_ms(&world, ada));
    }
    let round = |cycle| {
        [
            (StudyPhase::Focus, cycle, 25),
            (StudyPhase::ShortBreak, cycle, 5),
        ]
    };
    let mut expected: Vec<_> = (1..=4).flat_map(round).collect();
    expected[7] = (StudyPhase::LongBreak, 4, 15);
    assert_eq!(spans, expected);
    assert_eq!(phase(&world, ada), (StudyPhase::Focus, 1), "a new round");
    world.wait(7 * MINUTE);
    let bob = world.join("Bob");
    assert_eq!(left_ms(&world, bob), 18 * MINUTE);
    assert_eq!(left_ms(&world, ada), 18 * MINUTE);
    assert_eq!(world.clients[ada].state.study.clock.focus_done, 4);
}

#[test]
fn without_the_setting_a_span_of_focus_waits_for_somebody_to_start_it() {
    let mut world = study_room(TimerPlan {
        focus_starts_itself: false,
        ..plan()
    });
    let ada = world.join_as_host("Ada");
    world.ask(ada, Command::StartFocus).unwrap();
    world.wait(30 * MINUTE);
    assert_eq!(phase(&world, ada), (StudyPhase::Focus, 2));
    world.wait(10 * MINUTE);
    assert_eq!(left_ms(&world, ada), 25 * MINUTE, "it stands");
    world.ask(ada, Command::ResumeTimer).unwrap();
    world.wait(MINUTE);
    assert_eq!(left_ms(&world, ada), 24 * MINUTE);
}

#[test]
fn a_pause_keeps_what_is_left_and_a_skipped_break_starts_to_focus() {
    let mut world = study_room(plan());
    let ada = world.join_as_host("Ada");
    for command in [
        Command::PauseTimer,
        Command::ResumeTimer,
        Command::SkipBreak,
    ] {
        assert_eq!(world.ask(ada, command), Err(RefusalCode::TimerNotRunning));
    }
    world.ask(ada, Command::StartFocus).unwrap();
    world.wait(10 * MINUTE);
    world.ask(ada, Command::PauseTimer).unwrap();
    world.wait(60 * MINUTE);
    assert_eq!(left_ms(&world, ada), 15 * MINUTE);
    world.ask(ada, Command::ResumeTimer).unwrap();
    world.wait(16 * MINUTE);
    assert_eq!(phase(&world, ada).0, StudyPhase::ShortBreak);
    world.ask(ada, Command::SkipBreak).unwrap();
    assert_eq!(phase(&world, ada), (StudyPhase::Focus, 2));
    assert_eq!(left_ms(&world, ada), 25 * MINUTE);
    world.ask(ada, Command::StartBreak).unwrap();
    assert_eq!(phase(&world, ada), (StudyPhase::ShortBreak, 2));
    world.ask(ada, Command::ResetTimer).unwrap();
    assert_eq!(phase(&world, ada), (StudyPhase::Idle, 0));
}

#[test]
fn lengths_are_changed_by_those_allowed_and_what_has_begun_stays_as_long() {
    let mut world = study_room(plan());
    let ada = world.join_as_host("Ada");
    let bob = world.join("Bob");
    world.ask(ada, Command::StartFocus).unwrap();
    let with = |focus_minutes| Command::SetTimerPlan {
        plan: TimerPlan {
            focus_minutes,
            ..plan()
        },
    };
    for (minutes, answer) in [
        (0, Err(RefusalCode::TimerPlanInvalid)),
        (181, Err(RefusalCode::TimerPlanInvalid)),
        (180, Ok(Reply::Nothing)),
        (1, Ok(Reply::Nothing)),
    ] {
        assert_eq!(world.ask(bob, with(minutes)), answer);
    }
    assert_eq!(left_ms(&world, ada), 25 * MINUTE);
    assert_eq!(
        world.room.snapshot().settings.timer.unwrap().focus_minutes,
        1
    );
    world.ask(bob, Command::StartFocus).unwrap();
    assert_eq!(left_ms(&world, ada), MINUTE);
}

#[test]
fn a_room_without_a_clock_has_none() {
    let mut world = World::new(Settings::default());
    let ada = world.join_as_host("Ada");
    for command in [
        Command::StartFocus,
        Command::ResetTimer,
        Command::SetTimerPlan { plan: plan() },
    ] {
        assert_eq!(world.ask(ada, command), Err(RefusalCode::NoTimer));
    }
}

#[test]
fn focus_is_counted_for_those_who_are_here_and_once() {
    let mut world = study_room(plan());
    let ada = world.join_as_host("Ada");
    world.ask(ada, Command::StartFocus).unwrap();
    world.wait(10 * MINUTE);
    let bob = world.join("Bob");
    world.wait(10 * MINUTE);
    world.lose_link(bob);
    world.wait(9 * MINUTE);
    let study = &world.clients[ada].state.study;
    assert_eq!(study.clock.phase, StudyPhase::ShortBreak);
    assert_eq!(study.focus_ms, 25 * MINUTE);
    let id = world.clients[ada].id;
    let people: Vec<_> = study
        .people
        .iter()
        .map(|one| (one.id, one.focus_ms))
        .collect();
    assert_eq!(people, [(id, 25 * MINUTE)], "Bob's seat is given up by now");
    let counted = world.clients[ada]
        .events
        .iter()
        .rev()
        .find_map(|event| match event {
            Event::FocusCounted { people, .. } if people.len() == 2 => Some(people[1].focus_ms),
            _ => None,
        });
    assert_eq!(counted, Some(10 * MINUTE));
}

#[test]
fn the_clock_goes_on_from_the_right_place_after_a_restart() {
    let mut world = study_room(plan());
    let ada = world.join_as_host("Ada");
    world.ask(ada, Command::StartFocus).unwrap();
    world
        .ask(
            ada,
            Command::SetGoal {
                text: " Chapter 3 ".into(),
            },
        )
        .unwrap();
    world.wait(20 * MINUTE);
    world.finish_jobs(usize::MAX);
    world.set_now(Moment(world.now.moment.0 + 3_000_000));
    world.restart();
    world.resume(ada, None).unwrap();
    assert_eq!(left_ms(&world, ada), 5 * MINUTE - 3_000);
    let study = &world.clients[ada].state.study;
    assert_eq!(study.goal, "Chapter 3");
    assert_eq!(study.focus_ms, 20 * MINUTE, "what was counted is kept");
    // Down while a span ends: the break has begun when it was due.
    world.finish_jobs(usize::MAX);
    world.set_now(Moment(world.now.moment.0 + 6 * MINUTE * 1_000));
    world.restart();
    world.resume(ada, None).unwrap();
    assert_eq!(phase(&world, ada), (StudyPhase::ShortBreak, 1));
    assert_eq!(left_ms(&world, ada), 5 * MINUTE - MINUTE - 3_000);
}

#[test]
fn a_clock_in_an_empty_room_wakes_nobody_and_does_not_keep_it_open() {
    let mut world = study_room(plan());
    let ada = world.join_as_host("Ada");
    world.ask(ada, Command::StartFocus).unwrap();
    world.lose_link(ada);
    world.wait(AWAY_MAX.as_millis() as u64 + 1);
    let next = world.room.next_wakeup().unwrap();
    assert_eq!(
        world.now.moment.until(next).as_secs() / 60,
        59,
        "only its end as an idle room"
    );
    world.wait(45 * MINUTE);
    let bob = world.join("Bob");
    // 45 minutes and 30 s: focus 25, break 5, then 15:30 of focus.
    assert_eq!(phase(&world, bob), (StudyPhase::Focus, 2));
    assert_eq!(
        world.clients[bob].state.study.focus_ms, 0,
        "nobody was here for it"
    );
    world.lose_link(bob);
    world.wait(LIMITS.idle_max.as_millis() as u64 + 2 * AWAY_MAX.as_millis() as u64);
    assert_eq!(world.ended, Some(EndReason::Idle));
}

#[test]
fn focus_mutes_who_is_not_host_and_the_break_lifts_it() {
    let mut world = study_room(TimerPlan {
        focus_mutes: true,
        ..plan()
    });
    let ada = world.join_as_host("Ada");
    let bob = world.join("Bob");
    let speak = Command::SetMedia {
        media: MediaState {
            microphone: true,
            camera: false,
            sound: true,
        },
    };
    world.ask(bob, speak.clone()).unwrap();
    world.ask(ada, speak.clone()).unwrap();
    world.ask(ada, Command::StartFocus).unwrap();
    assert!(!world.member(bob).media.microphone && !world.member(bob).held_mute);
    assert!(world.member(ada).media.microphone, "hosts may speak");
    assert_eq!(world.ask(bob, speak.clone()), Err(RefusalCode::FocusQuiet));
    let silent = |client: &Client| {
        client
            .state
            .members
            .iter()
            .filter(|m| m.media.microphone)
            .count()
    };
    assert_eq!(silent(&world.clients[bob]), 1);
    world.ask(ada, Command::PauseTimer).unwrap();
    assert_eq!(
        world.ask(bob, speak.clone()),
        Ok(Reply::Nothing),
        "it does not run"
    );
    world.ask(ada, Command::ResumeTimer).unwrap();
    assert!(!world.member(bob).media.microphone);
    world.wait(25 * MINUTE);
    assert_eq!(world.ask(bob, speak), Ok(Reply::Nothing));
}

#[test]
fn goals_are_shown_as_long_as_their_person_shares_them() {
    let mut world = study_room(plan());
    let ada = world.join_as_host("Ada");
    let bob = world.join("Bob");
    let shared = |text: &str, goals: usize| Command::ShareStudy {
        shared: Some(SharedStudy {
            focus_on: "Integrals".into(),
            goals: vec![
                Goal {
                    text: text.into(),
                    done: true
                };
                goals
            ],
            streak_days: 3,
        }),
    };
    let invalid = Err(RefusalCode::GoalInvalid);
    assert_eq!(world.ask(bob, shared(&"x".repeat(201), 1)), invalid);
    assert_eq!(world.ask(bob, shared("x", 21)), invalid);
    assert_eq!(
        world.ask(
            bob,
            Command::SetGoal {
                text: "x".repeat(201)
            }
        ),
        invalid
    );
    world.ask(bob, shared("Exercise 4", 2)).unwrap();
    let board = |world: &World| {
        let people = &world.clients[ada].state.study.people;
        people
            .iter()
            .find_map(|one| one.shared.clone())
            .map(|shared| shared.goals.len())
    };
    assert_eq!(board(&world), Some(2));
    world
        .ask(bob, Command::ShareStudy { shared: None })
        .unwrap();
    assert_eq!(board(&world), None);
    world.ask(bob, shared("", 3)).unwrap();
    assert_eq!(board(&world), Some(0), "without a text there is no goal");
    world.ask(bob, Command::Leave).ok();
    assert_eq!(board(&world), None);
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Focus,
    Break,
    Pause,
    Resume,
    Reset,
    Skip,
}

proptest! {
    /// However seldom the clock is woken, it comes to the same.
    #[test]
    fn a_clock_that_is_woken_late_is_where_it_would_be(
        wishes in prop::collection::vec((prop::sample::select(vec![
            Wish::Focus, Wish::Break, Wish::Pause, Wish::Resume, Wish::Reset, Wish::Skip,
        ]), 0..200u64), 1..20),
        starts in any::<bool>(),
        step in 1..7u64,
    ) {
        let plan = TimerPlan { focus_minutes: 3, short_break_minutes: 1, long_break_minutes: 2, cycles: 2, focus_starts_itself: starts, ..TimerPlan::default() };
        let (mut prompt, mut late) = (Pomodoro::default(), Pomodoro::default());
        let mut now = Moment::default();
        for (wish, seconds) in wishes {
            for _ in 0..seconds / step {
                now = now + Duration::from_secs(step);
                prompt.wake(&plan, now);
            }
            late.wake(&plan, now);
            prop_assert_eq!(&prompt, &late);
            for clock in [&mut prompt, &mut late] {
                match wish {
                    Wish::Focus => drop(clock.start_focus(&plan, now)),
                    Wish::Break => drop(clock.start_break(&plan, now)),
                    Wish::Pause => drop(clock.pause(now)),
                    Wish::Resume => drop(clock.resume(now)),
                    Wish::Reset => drop(clock.reset()),
                    Wish::Skip => drop(clock.skip_break(&plan, now)),
                }
            }
            prop_assert!(prompt.left(now) <= Duration::from_secs(180));
            prop_assert!(prompt.next_wakeup().is_none_or(|at| at > now));
        }
    }
}
