//! What the server's operator does in a room without a seat in it.
#![allow(clippy::unwrap_used)]

mod room_world;

use std::time::Duration;

use conclave_core::{Moment, room::*};
use conclave_wire::*;
use room_world::*;

fn operate(world: &mut World, order: OperatorOrder) -> Result<(), RefusalCode> {
    let done = world.drive(|room, now, out| room.operate(order, now, out));
    world.finish_jobs(usize::MAX);
    done
}

fn report(world: &World) -> RoomReport {
    world.room.report(Moment::from_ms(0), |_| None)
}

#[test]
fn even_a_host_can_be_taken_out_and_everybody_is_told() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("Ada");
    let guest = world.join("Bob");
    let id = world.clients[host].id;
    let kick = || OperatorOrder::Kick {
        id,
        reason: "A reason".to_owned(),
    };
    assert_eq!(operate(&mut world, kick()), Ok(()));
    assert_eq!(world.clients[host].goodbye, Some(LeaveReason::Kicked));
    assert_eq!(operate(&mut world, kick()), Err(RefusalCode::NoSuchPerson));
    assert_eq!(world.resume(host, None), Err(RefusalCode::Kicked));
    let left =
        |event: &Event| matches!(event, Event::ParticipantLeft { id: left, .. } if *left == id);
    assert!(world.clients[guest].events.iter().any(left));
}

#[test]
fn who_is_banned_does_not_come_back_with_the_same_program() {
    let mut world = World::new(Settings::default());
    let newcomer = Newcomer {
        device_hash: Some([9; 32]),
        ..world.newcomer("Eve")
    };
    let again = Newcomer {
        device_hash: Some([9; 32]),
        ..world.newcomer("Eve again")
    };
    let eve = world.enter(newcomer).unwrap();
    let ban = OperatorOrder::Ban {
        id: world.clients[eve].id,
        reason: String::new(),
    };
    assert_eq!(operate(&mut world, ban), Ok(()));
    assert_eq!(world.clients[eve].goodbye, Some(LeaveReason::Banned));
    assert_eq!(world.enter(again), Err(RefusalCode::Banned));
}

#[test]
fn notices_locks_and_limits_need_no_role() {
    let mut world = World::new(Settings::default());
    let guest = world.join("Bob");
    let text = "The building closes at six".to_owned();
    operate(&mut world, OperatorOrder::Announce { text: text.clone() }).unwrap();
    operate(&mut world, OperatorOrder::Lock { locked: true }).unwrap();
    let after = Some(Duration::from_secs(60));
    operate(&mut world, OperatorOrder::LimitTime { after }).unwrap();
    let state = &world.clients[guest].state;
    assert_eq!(state.agenda.notices[0].text, text);
    assert!(state.locked && state.agenda.ends_at_ms.is_some());
    assert!(report(&world).locked);
    assert!(report(&world).ends_in.is_some());

    for order in [
        OperatorOrder::Announce {
            text: " ".to_owned(),
        },
        OperatorOrder::LimitTime {
            after: Some(Duration::ZERO),
        },
        OperatorOrder::LimitTime {
            after: Some(TIME_LIMIT_MAX * 2),
        },
    ] {
        assert_eq!(operate(&mut world, order), Err(RefusalCode::Invalid));
    }
    let order = OperatorOrder::LimitTime { after: None };
    operate(&mut world, order).unwrap();
    assert_eq!(report(&world).ends_in, None);
}

#[test]
fn a_meeting_that_the_operator_ends_is_over_for_good() {
    let mut world = World::new(Settings::default());
    let guest = world.join("Bob");
    operate(&mut world, OperatorOrder::End).unwrap();
    assert_eq!(world.clients[guest].goodbye, Some(LeaveReason::RoomEnded));
    assert_eq!(world.room.ended(), Some(EndReason::OperatorEnded));
    let lock = OperatorOrder::Lock { locked: true };
    assert_eq!(operate(&mut world, lock), Err(RefusalCode::RoomEnded));
}

#[test]
fn a_report_says_who_is_there_and_how_they_stand() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("Ada");
    let guest = world.join("Bob");
    let (ada, bob) = (world.clients[host].id, world.clients[guest].id);
    world.drive(|room, now, out| room.speaking(&[(ada, true, 20)], now, out));
    world.lose_link(guest);
    let quality = event::Quality {
        round_trip_ms: 5,
        ..event::Quality::default()
    };
    let report = world
        .room
        .report(Moment::from_ms(0), |id| (id == ada).then_some(quality));
    let people: Vec<_> = report
        .people
        .iter()
        .map(|person| (person.id, person.role, person.speaking, person.away))
        .collect();
    assert_eq!(
        people,
        [
            (ada, Role::Host, true, false),
            (bob, Role::Participant, false, true)
        ]
    );
    assert_eq!(report.people[0].quality, Some(quality));
    assert_eq!(report.people[1].quality, None);
    assert!(!report.has_password && report.files == 0 && report.ends_in.is_none());
}

#[test]
fn a_file_is_removed_whoever_owns_it() {
    let mut world = World::new(Settings::default());
    let guest = world.join("Bob");
    let upload = Upload {
        owner: world.clients[guest].id,
        name: "a.txt".to_owned(),
        size_bytes: 10,
        sha256: "ab".repeat(32),
        share_token: "token".to_owned(),
    };
    let shared = world.drive(|room, now, out| room.share_file(upload, now, out));
    let file = shared.unwrap().id;
    assert_eq!((report(&world).files, report(&world).files_bytes), (1, 10));
    let remove = || OperatorOrder::RemoveFile { file };
    assert_eq!(operate(&mut world, remove()), Ok(()));
    assert_eq!(
        operate(&mut world, remove()),
        Err(RefusalCode::FileNotFound)
    );
    assert!(world.clients[guest].state.files.is_empty());
    assert_eq!(report(&world).files, 0);
}
