//! Seats and their links: away and back, references, what a poor link is told.

use conclave_core::room::*;
use conclave_wire::{command::Reply, *};

use crate::{room_world::*, speak};

#[test]
fn an_away_seat_is_kept_for_thirty_seconds_and_its_media_for_five() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let id = world.clients[ada].id;
    world.ask(ada, speak()).unwrap();
    world.lose_link(ada);
    assert!(world.member(ada).away);

    world.wait(4_999);
    assert!(
        !world.voice.contains(&VoiceOrder::Leave { seat: id }),
        "a short loss is not heard"
    );
    world.wait(1);
    assert_eq!(world.voice.last(), Some(&VoiceOrder::Leave { seat: id }));

    world.wait(24_999);
    assert_eq!(world.room.members(), 2);
    world.wait(1);
    assert_eq!(world.room.members(), 1);
    let left = Event::ParticipantLeft {
        id,
        reason: LeaveReason::LinkLost,
    };
    assert_eq!(world.clients[bob].events.last(), Some(&left));
    assert_eq!(world.resume(ada, None), Err(RefusalCode::SeatUnknown));
}

#[test]
fn who_is_back_at_once_never_left_the_mixer() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    world.ask(ada, speak()).unwrap();
    world.voice.clear();
    world.lose_link(ada);
    world.wait(2_000);
    world.resume(ada, None).unwrap();
    assert_eq!(world.voice, []);
    world.wait(60_000);
    assert_eq!(world.voice, []);
}

#[test]
fn who_is_back_later_finds_the_mixer_as_it_was() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let (id, of) = (world.clients[ada].id, world.clients[bob].id);
    world.ask(ada, speak()).unwrap();
    world
        .ask(ada, Command::SetVolume { of, percent: 30 })
        .unwrap();
    world.lose_link(ada);
    world.wait(10_000);
    world.voice.clear();
    world.resume(ada, None).unwrap();
    let expected = [
        VoiceOrder::Enter {
            seat: id,
            ears: true,
        },
        VoiceOrder::Volume {
            listener: id,
            of,
            percent: 30,
        },
        VoiceOrder::Allow {
            seat: id,
            may_speak: true,
        },
    ];
    assert_eq!(world.voice, expected);
}

#[test]
fn an_older_cursor_than_the_log_brings_a_snapshot() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let cursor = world.clients[ada].cursor;
    world.lose_link(ada);
    for raised in [true, false].repeat(LOG_EVENTS_MAX / 2) {
        world.send(bob, Command::RaiseHand { raised });
    }
    let before = world.clients[ada].events.len();
    world.resume(ada, Some(cursor)).unwrap();
    assert_eq!(
        world.clients[ada].events.len(),
        before,
        "a snapshot, not events"
    );
    assert_eq!(world.clients[ada].cursor, world.room.cursor());
}

#[test]
fn a_reference_that_is_too_old_to_know_is_refused() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    for _ in 0..=limits::ANSWERS_KEPT {
        world.ask(ada, Command::RaiseHand { raised: true }).unwrap();
    }
    world.send_as(ada, 1, Command::RaiseHand { raised: false });
    let answers = &world.clients[ada].answers[&1];
    assert_eq!(answers[1].as_ref().unwrap_err().code, RefusalCode::Invalid);
    assert_eq!(world.room.snapshot().floor.hands.len(), 1);
}

#[test]
fn a_command_whose_effect_is_not_stored_yet_is_not_done_again() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    let say = Command::Say {
        text: "once".to_owned(),
    };
    let reference = world.send(ada, say.clone());
    world.lose_link(ada);
    let cursor = world.clients[ada].cursor;
    world.resume(ada, Some(cursor)).unwrap();
    world.send_as(ada, reference, say);
    assert!(!world.clients[ada].answers.contains_key(&reference));
    world.finish_jobs(usize::MAX);
    assert_eq!(world.clients[ada].answers[&reference].len(), 1);
    assert_eq!(world.clients[ada].state.lines.len(), 1);
}

#[test]
fn whoever_has_a_poor_link_is_told_what_is_wrong_and_nobody_else_is() {
    use event::{Advice, Quality, QualityVerdict};
    let mut world = World::new(Settings::default());
    let ada = world.join_as_host("ada");
    let bob = world.join("bob");
    let id = world.clients[bob].id;
    let camera = MediaState {
        camera: true,
        sound: true,
        ..MediaState::default()
    };
    world.ask(bob, Command::SetMedia { media: camera }).unwrap();
    let poor = Quality {
        verdict: QualityVerdict::Poor,
        loss_permille: 120,
        ..Quality::default()
    };
    for quality in [poor, poor, Quality::default()] {
        world.drive(|room, now, out| room.quality(id, quality, now, out));
        world.wait(1_000);
    }
    let told = |client: usize| {
        let signs = world.clients[client].signs.iter();
        signs.filter_map(|signs| signs.advice).collect::<Vec<_>>()
    };
    let loss = Advice::Loss {
        permille: 120,
        camera: true,
    };
    assert_eq!(told(bob), [loss, Advice::Fine]);
    assert_eq!(told(ada), []);
}

#[test]
fn a_seat_without_a_link_stays_while_its_token_is_shown_and_no_longer() {
    let mut world = World::new(Settings::default());
    let script = Newcomer {
        linked: false,
        ..world.newcomer("Script")
    };
    let script = world.enter(script).unwrap();
    let id = world.clients[script].id;
    for _ in 0..3 {
        world.wait(AWAY_MAX.as_millis() as u64 - 1_000);
        world.drive(|room, now, _| room.seen(id, now.moment));
    }
    assert!(world.room.role(id).is_some());
    world.wait(AWAY_MAX.as_millis() as u64);
    assert_eq!(world.room.role(id), None);
}

#[test]
fn a_command_apart_is_answered_and_leaves_the_references_of_a_link_alone() {
    let mut world = World::new(Settings::default());
    let ada = world.join("Ada");
    for drawn in 0..100 {
        let line = Command::Say {
            text: format!("line {drawn}"),
        };
        world.send_as(ada, REFERENCES_APART + drawn, line);
    }
    world.finish_jobs(usize::MAX);
    assert_eq!(
        world.ask(ada, Command::RaiseHand { raised: true }),
        Ok(Reply::Nothing)
    );
}
