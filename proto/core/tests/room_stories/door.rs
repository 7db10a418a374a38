//! How somebody comes in, or does not.

use conclave_core::room::*;
use conclave_wire::*;

use crate::room_world::*;

#[test]
fn the_door_says_why_somebody_does_not_come_in() {
    let mut world = World::new(Settings {
        members_max: 2,
        ..Settings::default()
    });
    let host = world.join_as_host("host");
    let invalid = world.newcomer("  ");
    assert_eq!(world.enter(invalid), Err(RefusalCode::NameInvalid));
    let impostor = Newcomer {
        host_key_hash: Some([1; 32]),
        ..world.newcomer("impostor")
    };
    assert_eq!(world.enter(impostor), Err(RefusalCode::HostKeyWrong));

    world.ask(host, Command::Lock { locked: true }).unwrap();
    let late = world.newcomer("late");
    assert_eq!(world.enter(late), Err(RefusalCode::RoomLocked));
    world.ask(host, Command::Lock { locked: false }).unwrap();

    world
        .ask(
            host,
            Command::SetPassword {
                password: Some("sesame".to_owned()),
            },
        )
        .unwrap();
    let hash = "hash of sesame".to_owned();
    for (proof, code) in [
        (PasswordProof::NotGiven, RefusalCode::PasswordNeeded),
        (
            PasswordProof::Compared {
                hash: hash.clone(),
                right: false,
            },
            RefusalCode::PasswordWrong,
        ),
        (
            PasswordProof::Compared {
                hash: "an older hash".to_owned(),
                right: true,
            },
            RefusalCode::PasswordWrong,
        ),
    ] {
        let newcomer = Newcomer {
            password: proof,
            ..world.newcomer("ada")
        };
        assert_eq!(world.enter(newcomer), Err(code));
    }
    let right = PasswordProof::Compared { hash, right: true };
    let newcomer = Newcomer {
        password: right,
        ..world.newcomer("ada")
    };
    world.enter(newcomer).unwrap();

    let host_again = Newcomer {
        host_key_hash: Some(HOST_KEY),
        ..world.newcomer("host")
    };
    assert_eq!(
        world.enter(host_again),
        Err(RefusalCode::RoomFull),
        "not even a host fits in a full room"
    );
}

#[test]
fn the_host_key_opens_locks_and_makes_host_again() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    world.ask(host, Command::Lock { locked: true }).unwrap();
    world
        .ask(
            host,
            Command::SetPassword {
                password: Some("sesame".to_owned()),
            },
        )
        .unwrap();
    world.ask(host, Command::Leave).unwrap();
    assert_eq!(world.clients[host].goodbye, Some(LeaveReason::Left));
    let again = world.join_as_host("host");
    assert_eq!(world.member(again).role, Role::Host);
    assert_ne!(
        world.clients[again].id, world.clients[host].id,
        "ids are never used again"
    );
}

#[test]
fn who_was_taken_out_does_not_come_back_to_the_seat() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let id = world.clients[ada].id;
    world
        .ask(
            host,
            Command::Kick {
                id,
                reason: "noise".to_owned(),
            },
        )
        .unwrap();
    assert_eq!(world.clients[ada].goodbye, Some(LeaveReason::Kicked));
    assert_eq!(world.resume(ada, None), Err(RefusalCode::Kicked));
    let own = world.clients[host].id;
    let myself = Command::Kick {
        id: own,
        reason: String::new(),
    };
    assert_eq!(world.ask(host, myself), Err(RefusalCode::Invalid));
}

#[test]
fn settings_that_would_lie_are_refused() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    world.join("ada");
    for settings in [
        Settings {
            members_max: 1,
            ..Settings::default()
        },
        Settings {
            members_max: 0,
            ..Settings::default()
        },
        Settings {
            members_max: LIMITS.members_max + 1,
            ..Settings::default()
        },
        Settings {
            newcomers: Role::Host,
            ..Settings::default()
        },
        Settings {
            keep_hours: u32::MAX,
            ..Settings::default()
        },
    ] {
        assert_eq!(
            world.ask(host, Command::ChangeSettings { settings }),
            Err(RefusalCode::Invalid)
        );
    }
}
