//! The time limit, notices, and rooms where nobody is.

use std::time::Duration;

use conclave_core::room::*;
use conclave_wire::*;

use crate::room_world::*;

#[test]
fn the_meeting_ends_in_order_at_its_limit() {
    let mut world = World::with(Settings::default(), Some(Duration::from_secs(60)));
    let ada = world.join("ada");
    assert_eq!(world.clients[ada].state.agenda.ends_at_ms, Some(60_000));
    world.wait(59_999);
    assert_eq!(world.ended, None);
    world.wait(1);
    assert_eq!(world.ended, Some(EndReason::TimeLimit));
    let client = &world.clients[ada];
    assert_eq!(
        client.events.last(),
        Some(&Event::MeetingEnded {
            reason: EndReason::TimeLimit
        })
    );
    assert_eq!(client.goodbye, Some(LeaveReason::RoomEnded));
    world.finish_jobs(usize::MAX);
    assert_eq!(world.store.ended, Some(EndReason::TimeLimit));
    let late = world.newcomer("late");
    assert_eq!(world.enter(late), Err(RefusalCode::RoomEnded));
    assert_eq!(world.room.next_wakeup(), None);
}

#[test]
fn a_limit_that_ran_out_while_the_server_was_down_ends_the_room() {
    let mut world = World::with(Settings::default(), Some(Duration::from_secs(60)));
    world.finish_jobs(usize::MAX);
    world.now.unix_ms += 61_000;
    world.restart();
    assert_eq!(world.ended, Some(EndReason::TimeLimit));
}

#[test]
fn a_limit_can_be_moved_and_taken_away() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    world.wait(1_000);
    world
        .ask(
            host,
            Command::SetTimeLimit {
                in_ms: Some(30_000),
            },
        )
        .unwrap();
    assert_eq!(
        world.clients[host].state.agenda.ends_at_ms,
        Some(31_000),
        "on the room clock"
    );
    for in_ms in [Some(0), Some(u64::MAX)] {
        assert_eq!(
            world.ask(host, Command::SetTimeLimit { in_ms }),
            Err(RefusalCode::Invalid)
        );
    }
    world
        .ask(host, Command::SetTimeLimit { in_ms: None })
        .unwrap();
    world.wait(120_000);
    assert_eq!(world.ended, None);
}

#[test]
fn notices_expire_and_the_oldest_makes_room() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    for number in 0..=NOTICES_MAX {
        world
            .ask(
                host,
                Command::Announce {
                    text: number.to_string(),
                },
            )
            .unwrap();
    }
    let notices = &world.clients[host].state.agenda.notices;
    assert_eq!(
        (notices.len(), notices[0].text.as_str()),
        (NOTICES_MAX, "1")
    );
    world.wait(NOTICE_SHOWN.as_millis() as u64);
    assert_eq!(world.clients[host].state.agenda.notices, []);
}

#[test]
fn a_room_where_nobody_is_ends() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    world.wait(2 * LIMITS.idle_max.as_millis() as u64);
    assert_eq!(world.ended, None, "somebody is there");
    world.lose_link(ada);
    world.wait(LIMITS.idle_max.as_millis() as u64);
    assert_eq!(world.ended, Some(EndReason::Idle));
}
