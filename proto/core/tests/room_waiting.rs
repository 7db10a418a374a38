//! The waiting room, one story a test.
#![allow(clippy::unwrap_used)]

mod room_world;

use conclave_core::room::*;
use conclave_wire::*;
use room_world::*;

fn waiting_room() -> Settings {
    Settings {
        waiting_room: true,
        ..Settings::default()
    }
}

/// A waiting room with a host inside, and people of these names at the door.
fn world(names: &[&str]) -> (World, usize) {
    let mut world = World::new(waiting_room());
    let host = world.join_as_host("host");
    for name in names {
        come(&mut world, name).unwrap();
    }
    (world, host)
}

fn come(world: &mut World, name: &str) -> Result<usize, RefusalCode> {
    let newcomer = world.newcomer(name);
    world.knock(newcomer).map(Result::unwrap_err)
}

fn names(world: &World, client: usize) -> Vec<&str> {
    let waiting = &world.clients[client].state.waiting;
    waiting.iter().map(|waiter| waiter.name.as_str()).collect()
}

#[test]
fn people_stand_in_order_and_are_told_where() {
    let (mut world, host) = world(&["ada", "bob", "cyd"]);
    assert_eq!(names(&world, host), ["ada", "bob", "cyd"]);
    let admit = Command::Admit {
        id: world.waiters[0].id,
    };
    world.ask(host, admit.clone()).unwrap();
    assert_eq!(names(&world, host), ["bob", "cyd"]);
    assert_eq!(world.waiters[1].positions, [2, 1]);
    assert_eq!(world.waiters[2].positions, [3, 2]);
    let ada = world.waiters[0].client.unwrap();
    assert_eq!(world.member(ada).role, Role::Participant);
    assert!(!world.member(ada).away);
    assert_eq!(world.ask(host, admit), Err(RefusalCode::NobodyWaits));
}

#[test]
fn only_those_who_may_let_people_in_see_who_waits() {
    let (mut world, host) = world(&["ada", "bob"]);
    world
        .ask(
            host,
            Command::Admit {
                id: world.waiters[0].id,
            },
        )
        .unwrap();
    let ada = world.waiters[0].client.unwrap();
    assert_eq!(names(&world, ada), [""; 0]);
    come(&mut world, "cyd").unwrap();
    assert_eq!(names(&world, ada), [""; 0]);
    let id = world.clients[ada].id;
    let give = |role| Command::GiveRole { id, role };
    world.ask(host, give(Role::CoHost)).unwrap();
    assert_eq!(
        names(&world, ada),
        ["bob", "cyd"],
        "what a role lets see is shown with it"
    );
    world.ask(host, give(Role::Presenter)).unwrap();
    assert_eq!(names(&world, ada), [""; 0]);
}

#[test]
fn all_are_let_in_as_far_as_there_is_room() {
    let (mut world, host) = world(&["ada", "bob", "cyd"]);
    let settings = Settings {
        members_max: 3,
        ..waiting_room()
    };
    world
        .ask(host, Command::ChangeSettings { settings })
        .unwrap();
    world.ask(host, Command::AdmitAll).unwrap();
    assert_eq!(names(&world, host), ["cyd"]);
    assert_eq!(world.waiters[2].positions.last(), Some(&1));
    for command in [
        Command::AdmitAll,
        Command::Admit {
            id: world.waiters[2].id,
        },
    ] {
        assert_eq!(world.ask(host, command), Err(RefusalCode::RoomFull));
    }
    let ada = world.waiters[0].client.unwrap();
    world.send(ada, Command::Leave);
    world.ask(host, Command::AdmitAll).unwrap();
    assert!(world.waiters[2].client.is_some());
    assert!(world.ask(host, Command::AdmitAll).is_ok(), "nobody waits");
}

#[test]
fn somebody_is_turned_away_with_a_reason() {
    let (mut world, host) = world(&["ada"]);
    let turn_away = Command::TurnAway {
        id: world.waiters[0].id,
        reason: "This is a closed meeting.".to_owned(),
    };
    world.ask(host, turn_away.clone()).unwrap();
    assert_eq!(world.waiters[0].turned_away, Some(RefusalCode::TurnedAway));
    assert_eq!(names(&world, host), [""; 0]);
    assert_eq!(world.ask(host, turn_away), Err(RefusalCode::NobodyWaits));
    assert_eq!(world.resume_waiting(0), Err(RefusalCode::SeatUnknown));
}

#[test]
fn a_lost_link_keeps_the_place_for_half_a_minute() {
    let (mut world, host) = world(&["ada", "bob"]);
    world.lose_waiting_link(0);
    world.wait(29_999);
    world.resume_waiting(0).unwrap();
    world.wait(60_000);
    assert_eq!(names(&world, host), ["ada", "bob"]);
    world.lose_waiting_link(0);
    world.wait(30_000);
    assert_eq!(names(&world, host), ["bob"]);
    assert_eq!(world.waiters[1].positions.last(), Some(&1));
    assert_eq!(world.resume_waiting(0), Err(RefusalCode::SeatUnknown));
}

#[test]
fn who_is_let_in_while_the_link_is_lost_comes_back_to_a_seat() {
    let (mut world, host) = world(&["ada"]);
    world.lose_waiting_link(0);
    world.ask(host, Command::AdmitAll).unwrap();
    let ada = world.waiters[0].client.unwrap();
    assert!(world.member(ada).away);
    world.resume_waiting(0).unwrap();
    assert!(!world.member(ada).away);
}

#[test]
fn nobody_waits_for_ever() {
    let (mut world, host) = world(&["ada"]);
    world.wait(WAITING_MAX.as_millis() as u64 - 1);
    assert_eq!(names(&world, host), ["ada"]);
    world.wait(1);
    assert_eq!(
        world.waiters[0].turned_away,
        Some(RefusalCode::WaitedTooLong)
    );
}

#[test]
fn the_queue_is_bounded_and_a_join_without_a_link_does_not_wait() {
    let mut world = World::new(waiting_room());
    world.join_as_host("host");
    for number in 0..WAITING_PEOPLE_MAX {
        let newcomer = Newcomer {
            token_hash: [(number % 251) as u8 + 2; 32],
            ..world.newcomer("somebody")
        };
        world.knock(newcomer).unwrap().unwrap_err();
    }
    assert_eq!(come(&mut world, "late"), Err(RefusalCode::RoomFull));
    let unlinked = Newcomer {
        linked: false,
        ..world.newcomer("script")
    };
    assert_eq!(world.knock(unlinked), Err(RefusalCode::WaitingRoom));
}

#[test]
fn who_has_the_host_key_does_not_wait() {
    let (mut world, _) = world(&[]);
    let second = world.join_as_host("second");
    assert_eq!(world.member(second).role, Role::Host);
}

#[test]
fn opening_the_door_for_good_lets_everybody_in() {
    let (mut world, host) = world(&["ada", "bob"]);
    let settings = Settings::default();
    world
        .ask(host, Command::ChangeSettings { settings })
        .unwrap();
    assert!(world.waiters.iter().all(|waiter| waiter.client.is_some()));
    assert_eq!(world.room.members(), 3);
}

#[test]
fn the_end_of_the_meeting_ends_the_wait() {
    let (mut world, host) = world(&["ada"]);
    world.send(host, Command::EndRoom);
    assert_eq!(world.waiters[0].turned_away, Some(RefusalCode::RoomEnded));
}
