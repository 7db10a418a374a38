//! Questions in a room, one story a test.
#![allow(clippy::unwrap_used)]

mod room_world;

use conclave_wire::{command::Reply, limits::*, *};
use room_world::*;

fn open(questions: QuestionSettings) -> Settings {
    Settings {
        questions: QuestionSettings {
            open: true,
            ..questions
        },
        ..Settings::default()
    }
}

/// A room with a host and two participants.
fn world(questions: QuestionSettings) -> (World, usize, usize, usize) {
    let mut world = World::new(open(questions));
    let host = world.join_as_host("host");
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    (world, host, ada, bob)
}

fn try_ask(
    world: &mut World,
    who: usize,
    text: &str,
    anonymous: bool,
) -> Result<QuestionId, RefusalCode> {
    let ask = Command::AskQuestion {
        text: text.to_owned(),
        anonymous,
    };
    world.ask(who, ask).map(|reply| match reply {
        Reply::Question { question } => question,
        reply => panic!("{reply:?}"),
    })
}

fn ask(world: &mut World, who: usize, text: &str) -> QuestionId {
    try_ask(world, who, text, false).unwrap()
}

fn vote(world: &mut World, who: usize, question: QuestionId, voted: bool) {
    world
        .ask(who, Command::VoteQuestion { question, voted })
        .unwrap();
}

fn seen(world: &World, who: usize, id: QuestionId) -> Option<Question> {
    let questions = &world.clients[who].state.questions;
    questions.iter().find(|question| question.id == id).cloned()
}

fn counts(world: &World, who: usize) -> usize {
    let counted = |event: &&Event| matches!(event, Event::VotesCounted { .. });
    world.clients[who].events.iter().filter(counted).count()
}

#[test]
fn a_question_carries_its_name_its_moment_and_its_votes() {
    let (mut world, host, ada, bob) = world(QuestionSettings::default());
    world.wait(90_000);
    let id = ask(&mut world, ada, " Why? ");
    let question = seen(&world, bob, id).unwrap();
    assert_eq!(question.name, "ada");
    assert_eq!(question.from, Some(world.clients[ada].id));
    assert_eq!(
        question.text, " Why?",
        "only what nobody sees is taken away"
    );
    assert_eq!(question.moment_ms, 90_000);
    assert_eq!(world.clients[ada].state.mine.questions, [id]);
    assert_eq!(world.clients[bob].state.mine, Mine::default());

    vote(&mut world, bob, id, true);
    vote(&mut world, bob, id, true);
    vote(&mut world, host, id, true);
    world.wait(250);
    assert_eq!(seen(&world, ada, id).unwrap().votes, 2);
    assert_eq!(world.clients[bob].state.mine.votes, [id]);
    vote(&mut world, bob, id, false);
    vote(&mut world, bob, id, false);
    world.wait(250);
    assert_eq!(seen(&world, ada, id).unwrap().votes, 1);
    assert_eq!(world.clients[bob].state.mine.votes, []);
}

#[test]
fn however_many_vote_counts_are_told_four_times_a_second_and_none_is_lost() {
    let (mut world, _, ada, _) = world(QuestionSettings::default());
    let people: Vec<_> = (0..40).map(|n| world.join(&format!("voter {n}"))).collect();
    let id = ask(&mut world, ada, "Why?");
    for voter in &people {
        vote(&mut world, *voter, id, true);
    }
    assert_eq!(counts(&world, ada), 1, "the first at once");
    world.wait(249);
    assert_eq!(counts(&world, ada), 1);
    world.wait(1);
    assert_eq!(counts(&world, ada), 2);
    assert_eq!(seen(&world, ada, id).unwrap().votes, 40);
}

#[test]
fn the_vote_of_somebody_who_has_left_still_counts() {
    let (mut world, _, ada, bob) = world(QuestionSettings::default());
    let id = ask(&mut world, ada, "Why?");
    vote(&mut world, bob, id, true);
    world.send(bob, Command::Leave);
    world.finish_jobs(usize::MAX);
    world.wait(250);
    assert_eq!(seen(&world, ada, id).unwrap().votes, 1);
    world.restart();
    world.resume(ada, None).unwrap();
    assert_eq!(seen(&world, ada, id).unwrap().votes, 1);
}

#[test]
fn without_a_name_nobody_is_told_whose_it_is_but_it_stays_theirs() {
    let (mut world, host, ada, bob) = world(QuestionSettings {
        anonymous: true,
        ..QuestionSettings::default()
    });
    let id = try_ask(&mut world, ada, "Why?", true).unwrap();
    for who in [host, ada, bob] {
        let question = seen(&world, who, id).unwrap();
        assert_eq!((question.from, question.name.as_str()), (None, ""));
    }
    world.restart();
    for who in [ada, bob] {
        world.resume(who, None).unwrap();
    }
    assert_eq!(world.clients[ada].state.mine.questions, [id]);
    let take_back = Command::TakeBackQuestion { question: id };
    assert_eq!(
        world.ask(bob, take_back.clone()),
        Err(RefusalCode::NotAllowed)
    );
    world.ask(ada, take_back).unwrap();
    assert_eq!(seen(&world, bob, id), None);
    assert_eq!(world.clients[ada].state.mine, Mine::default());
}

#[test]
fn a_hidden_question_is_seen_by_its_author_and_by_those_who_may_answer() {
    let (mut world, host, ada, bob) = world(QuestionSettings::default());
    let id = ask(&mut world, ada, "Why?");
    vote(&mut world, bob, id, true);
    let hide = |hidden| Command::HideQuestion {
        question: id,
        hidden,
    };
    world.ask(host, hide(true)).unwrap();
    assert!(seen(&world, host, id).unwrap().hidden);
    assert!(seen(&world, ada, id).is_some());
    assert_eq!(seen(&world, bob, id), None);
    let unseen = Command::VoteQuestion {
        question: id,
        voted: false,
    };
    assert_eq!(world.ask(bob, unseen), Err(RefusalCode::NoSuchQuestion));
    world.ask(host, hide(false)).unwrap();
    let question = seen(&world, bob, id).unwrap();
    assert_eq!((question.votes, question.hidden), (1, false));
    assert_eq!(world.clients[bob].state.mine.votes, [id]);
}

#[test]
fn what_a_new_role_lets_see_comes_with_it_and_goes_with_it() {
    let (mut world, host, ada, bob) = world(QuestionSettings {
        reviewed: true,
        ..QuestionSettings::default()
    });
    let (first, second) = (ask(&mut world, ada, "One?"), ask(&mut world, bob, "Two?"));
    assert_eq!(seen(&world, bob, first), None);
    let give = |world: &mut World, role| {
        let id = world.clients[bob].id;
        world.ask(host, Command::GiveRole { id, role }).unwrap();
    };
    give(&mut world, Role::Presenter);
    assert!(seen(&world, bob, first).unwrap().in_review);
    give(&mut world, Role::Participant);
    assert_eq!(seen(&world, bob, first), None);
    assert!(seen(&world, bob, second).is_some(), "one's own stays");
}

#[test]
fn whoever_was_away_while_the_role_changed_sees_what_it_lets_see() {
    let (mut world, host, ada, bob) = world(QuestionSettings {
        reviewed: true,
        ..QuestionSettings::default()
    });
    let first = ask(&mut world, ada, "One?");
    let cursor = world.clients[bob].cursor;
    world.lose_link(bob);
    let id = world.clients[bob].id;
    let give = |role| Command::GiveRole { id, role };
    world.ask(host, give(Role::Presenter)).unwrap();
    let second = ask(&mut world, ada, "Two?");
    world.ask(host, give(Role::Participant)).unwrap();
    world
        .ask(host, Command::ApproveQuestion { question: first })
        .unwrap();
    world.resume(bob, Some(cursor)).unwrap();
    assert!(seen(&world, bob, first).is_some());
    assert_eq!(seen(&world, bob, second), None);
}

#[test]
fn a_reviewed_question_is_seen_when_it_is_approved() {
    let (mut world, host, ada, bob) = world(QuestionSettings {
        reviewed: true,
        ..QuestionSettings::default()
    });
    let id = ask(&mut world, ada, "Why?");
    assert_eq!(seen(&world, bob, id), None);
    world
        .ask(host, Command::ApproveQuestion { question: id })
        .unwrap();
    for who in [host, ada, bob] {
        assert!(!seen(&world, who, id).unwrap().in_review);
    }
}

#[test]
fn a_question_is_answered_in_text_or_live_and_pinned() {
    let (mut world, host, ada, bob) = world(QuestionSettings::default());
    let id = ask(&mut world, ada, "Why?");
    world.wait(5_000);
    let answer = |text: Option<&str>| Command::AnswerQuestion {
        question: id,
        text: text.map(str::to_owned),
    };
    world.ask(host, answer(None)).unwrap();
    let live = seen(&world, bob, id).unwrap().answer.unwrap();
    assert_eq!((live.text, live.moment_ms), (None, 5_000));
    world.ask(host, answer(Some("Because."))).unwrap();
    let pin = Command::PinQuestion {
        question: id,
        pinned: true,
    };
    world.ask(host, pin).unwrap();
    let question = seen(&world, bob, id).unwrap();
    assert_eq!(question.answer.unwrap().text.as_deref(), Some("Because."));
    assert!(question.pinned);
    assert_eq!(
        world.ask(host, answer(Some(" "))),
        Err(RefusalCode::AnswerInvalid)
    );
    assert_eq!(world.ask(bob, answer(None)), Err(RefusalCode::NotAllowed));
}

#[test]
fn the_settings_say_whether_and_how_questions_are_taken() {
    let mut closed = World::new(Settings::default());
    closed.join_as_host("host");
    let ada = closed.join("ada");
    assert_eq!(
        try_ask(&mut closed, ada, "Why?", false),
        Err(RefusalCode::QuestionsClosed)
    );
    let (mut world, _, ada, _) = world(QuestionSettings::default());
    for (text, anonymous, code) in [
        ("Why?", true, RefusalCode::NamelessForbidden),
        ("", false, RefusalCode::QuestionInvalid),
        (
            &"x".repeat(QUESTION_BYTES_MAX + 1),
            false,
            RefusalCode::QuestionInvalid,
        ),
    ] {
        assert_eq!(try_ask(&mut world, ada, text, anonymous), Err(code));
    }
    assert!(try_ask(&mut world, ada, &"x".repeat(QUESTION_BYTES_MAX), false).is_ok());
}

#[test]
fn nobody_fills_the_room_with_questions() {
    let (mut world, host, ada, _) = world(QuestionSettings::default());
    let mut last = QuestionId(0);
    for number in 0..QUESTIONS_OPEN_PER_PERSON_MAX {
        last = ask(&mut world, ada, &format!("{number}?"));
    }
    assert_eq!(
        try_ask(&mut world, ada, "more?", false),
        Err(RefusalCode::TooManyQuestions)
    );
    let answer = Command::AnswerQuestion {
        question: last,
        text: None,
    };
    world.ask(host, answer).unwrap();
    assert!(try_ask(&mut world, ada, "more?", false).is_ok());
}

#[test]
fn questions_votes_and_answers_are_back_after_a_restart_and_asked_once() {
    let (mut world, host, ada, bob) = world(QuestionSettings::default());
    let id = ask(&mut world, ada, "Why?");
    let reference = world.clients[ada].next_reference - 1;
    vote(&mut world, bob, id, true);
    let answer = Command::AnswerQuestion {
        question: id,
        text: Some("Because.".to_owned()),
    };
    world.ask(host, answer).unwrap();
    world.wait(250);
    let before = seen(&world, bob, id);
    world.restart();
    for who in [ada, bob] {
        world.resume(who, None).unwrap();
    }
    assert_eq!(seen(&world, bob, id), before);
    assert_eq!(world.clients[bob].state.mine.votes, [id]);
    let again = Command::AskQuestion {
        text: "Why?".to_owned(),
        anonymous: false,
    };
    world.send_as(ada, reference, again);
    world.finish_jobs(usize::MAX);
    assert_eq!(world.room.snapshot().questions.len(), 1);
    let answers = &world.clients[ada].answers[&reference];
    assert_eq!(
        answers.last().unwrap().as_ref().unwrap(),
        &Reply::Question { question: id }
    );
    let next = ask(&mut world, ada, "And?");
    assert!(next > id, "ids are never used again");
}
