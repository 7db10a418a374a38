//! The slot, hands, and who is heard.

use conclave_core::room::*;
use conclave_wire::{command::Reply, *};

use crate::{room_world::*, speak};

/// Who presents, and who waits for it.
fn floor(world: &World) -> (Option<ParticipantId>, Vec<ParticipantId>) {
    let floor = world.room.snapshot().floor;
    (floor.presenter, floor.queue)
}

#[test]
fn the_slot_is_asked_for_granted_handed_over_and_released() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    let id = |world: &World, client: usize| world.clients[client].id;
    let (a, b) = (id(&world, ada), id(&world, bob));

    assert_eq!(
        world.ask(ada, Command::TakeFloor),
        Err(RefusalCode::NotAllowed)
    );
    world.ask(ada, Command::AskFloor).unwrap();
    world.ask(bob, Command::AskFloor).unwrap();
    assert_eq!(
        world.ask(bob, Command::AskFloor),
        Err(RefusalCode::AlreadyQueued)
    );
    assert_eq!(
        floor(&world),
        (None, vec![a, b]),
        "they wait to be granted it"
    );

    world.ask(host, Command::GrantFloor { id: a }).unwrap();
    assert_eq!(floor(&world), (Some(a), vec![b]));
    assert_eq!(
        world.ask(bob, Command::HandOverFloor { id: b }),
        Err(RefusalCode::NotPresenting)
    );
    world.ask(ada, Command::HandOverFloor { id: b }).unwrap();
    assert_eq!(floor(&world), (Some(b), vec![]));
    world.ask(bob, Command::ReleaseFloor).unwrap();
    assert_eq!(floor(&world), (None, vec![]));
    assert_eq!(
        world.ask(bob, Command::ReleaseFloor),
        Err(RefusalCode::NotPresenting)
    );
    assert_eq!(
        world.ask(host, Command::StopShare),
        Err(RefusalCode::NotPresenting)
    );
}

#[test]
fn where_nobody_must_ask_the_queue_moves_by_itself() {
    let mut world = World::new(Settings {
        present_by_asking: false,
        ..Settings::default()
    });
    let (host, ada, bob, cyd) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
        world.join("cyd"),
    );
    let ids: Vec<_> = world.clients.iter().map(|client| client.id).collect();
    for client in [ada, bob, cyd] {
        world.ask(client, Command::AskFloor).unwrap();
    }
    assert_eq!(floor(&world), (Some(ids[ada]), vec![ids[bob], ids[cyd]]));
    assert_eq!(
        world.ask(cyd, Command::TakeFloor),
        Err(RefusalCode::FloorTaken)
    );
    world.ask(ada, Command::Leave).unwrap();
    assert_eq!(floor(&world), (Some(ids[bob]), vec![ids[cyd]]));
    world.ask(host, Command::StopShare).unwrap();
    assert_eq!(floor(&world), (Some(ids[cyd]), vec![]));
    world.ask(host, Command::TakeFloor).unwrap();
    assert_eq!(floor(&world), (Some(ids[host]), vec![]));
    assert_eq!(world.presenter, Some(ids[host]));
}

#[test]
fn hands_are_in_the_order_in_which_they_went_up() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    for client in [bob, ada, bob] {
        world
            .ask(client, Command::RaiseHand { raised: true })
            .unwrap();
    }
    let (a, b) = (world.clients[ada].id, world.clients[bob].id);
    assert_eq!(world.clients[host].state.floor.hands, [b, a]);
    world.ask(host, Command::LowerHand { id: b }).unwrap();
    assert_eq!(world.clients[host].state.floor.hands, [a]);
}

#[test]
fn a_mute_by_the_host_is_enforced_until_the_host_lifts_it() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let id = world.clients[ada].id;
    world.ask(ada, speak()).unwrap();
    assert_eq!(
        world.voice.last(),
        Some(&VoiceOrder::Allow {
            seat: id,
            may_speak: true
        })
    );
    world.ask(host, hold(id)).unwrap();
    assert_eq!(
        world.voice.last(),
        Some(&VoiceOrder::Allow {
            seat: id,
            may_speak: false
        })
    );
    assert_eq!(world.ask(ada, speak()), Err(RefusalCode::MutedByHost));

    world.finish_jobs(usize::MAX);
    world.restart();
    let cursor = world.clients[ada].cursor;
    world.resume(ada, Some(cursor)).unwrap();
    world.resume(host, None).unwrap();
    assert_eq!(
        world.ask(ada, speak()),
        Err(RefusalCode::MutedByHost),
        "a restart lifts nothing"
    );
    world.ask(host, Command::AllowUnmute { id }).unwrap();
    assert!(world.ask(ada, speak()).is_ok());
}

#[test]
fn mute_all_spares_hosts_and_who_asks() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    for client in [host, ada, bob] {
        world.ask(client, speak()).unwrap();
    }
    world
        .ask(host, Command::MuteAll { may_unmute: false })
        .unwrap();
    let microphones =
        |world: &World| [host, ada, bob].map(|client| world.member(client).media.microphone);
    assert_eq!(microphones(&world), [true, false, false]);
    assert_eq!(world.ask(ada, speak()), Err(RefusalCode::MutedByHost));
    world
        .ask(host, Command::MuteAll { may_unmute: true })
        .unwrap();
    assert!(world.ask(ada, speak()).is_ok());
}

#[test]
fn a_volume_is_for_one_listener_and_has_bounds() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let of = world.clients[bob].id;
    let kept = Ok(Reply::VolumeKept { mixed: true });
    assert_eq!(
        world.ask(ada, Command::SetVolume { of, percent: 200 }),
        kept
    );
    assert_eq!(
        world.ask(ada, Command::SetVolume { of, percent: 201 }),
        Err(RefusalCode::VolumeInvalid)
    );
    let nobody = ParticipantId(99);
    assert_eq!(
        world.ask(
            ada,
            Command::SetVolume {
                of: nobody,
                percent: 50
            }
        ),
        Err(RefusalCode::NoSuchPerson)
    );
}
