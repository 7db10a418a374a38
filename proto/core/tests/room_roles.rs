//! Roles in a room: given, taken, passed on and back; and who is kept out.
#![allow(clippy::unwrap_used)]

mod room_world;

use conclave_core::room::*;
use conclave_wire::{event::RoleChange, *};
use room_world::*;

fn give(world: &mut World, by: usize, to: usize, role: Role) -> Result<(), RefusalCode> {
    let id = world.clients[to].id;
    world.ask(by, Command::GiveRole { id, role }).map(|_| ())
}

fn role(world: &World, client: usize) -> Role {
    world.member(client).role
}

fn changes(world: &World, seen_by: usize) -> Vec<(ParticipantId, Role, RoleChange)> {
    let events = &world.clients[seen_by].events;
    let change = |event: &Event| match event {
        Event::RoleChanged { id, role, why } => Some((*id, *role, *why)),
        _ => None,
    };
    events.iter().filter_map(change).collect()
}

#[test]
fn a_role_is_given_and_taken_while_everybody_watches() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    give(&mut world, host, ada, Role::CoHost).unwrap();
    give(&mut world, ada, bob, Role::Presenter).unwrap();
    assert_eq!(
        give(&mut world, ada, bob, Role::CoHost),
        Err(RefusalCode::NotAllowed)
    );
    assert_eq!(
        give(&mut world, ada, host, Role::Participant),
        Err(RefusalCode::NotAllowed)
    );
    give(&mut world, host, ada, Role::Observer).unwrap();
    let (ada_id, bob_id) = (world.clients[ada].id, world.clients[bob].id);
    assert_eq!(
        changes(&world, bob),
        [
            (ada_id, Role::CoHost, RoleChange::Given),
            (bob_id, Role::Presenter, RoleChange::Given),
            (ada_id, Role::Observer, RoleChange::Given),
        ]
    );
    world.restart();
    assert_eq!(role(&world, ada), Role::Observer);
    assert_eq!(role(&world, bob), Role::Presenter);
}

#[test]
fn who_becomes_an_observer_gives_back_what_observers_do_not_have() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let id = world.clients[ada].id;
    give(&mut world, host, ada, Role::Presenter).unwrap();
    world.ask(ada, Command::TakeFloor).unwrap();
    let media = MediaState {
        microphone: true,
        camera: true,
        sound: true,
    };
    world.ask(ada, Command::SetMedia { media }).unwrap();
    world.ask(ada, Command::RaiseHand { raised: true }).unwrap();
    give(&mut world, host, ada, Role::Observer).unwrap();
    assert_eq!(world.presenter, None);
    let state = world.room.snapshot();
    assert_eq!(state.floor, Floor::default());
    assert!(!world.member(ada).media.microphone && !world.member(ada).media.camera);
    assert_eq!(
        world.voice.last(),
        Some(&VoiceOrder::Allow {
            seat: id,
            may_speak: false
        })
    );
}

#[test]
fn a_person_who_is_held_muted_is_free_as_a_host() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let id = world.clients[ada].id;
    world.ask(host, hold(id)).unwrap();
    assert!(world.member(ada).held_mute);
    give(&mut world, host, ada, Role::CoHost).unwrap();
    assert!(!world.member(ada).held_mute);
}

#[test]
fn the_only_host_stays_until_there_is_another() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    assert_eq!(
        give(&mut world, host, host, Role::CoHost),
        Err(RefusalCode::LastHost)
    );
    give(&mut world, host, ada, Role::Host).unwrap();
    give(&mut world, host, host, Role::Participant).unwrap();
    assert_eq!(role(&world, host), Role::Participant);
    assert_eq!(role(&world, ada), Role::Host);
    assert_eq!(
        give(&mut world, host, host, Role::Host),
        Err(RefusalCode::NotAllowed)
    );
}

#[test]
fn a_host_who_leaves_passes_the_role_on_in_order() {
    let mut world = World::new(Settings {
        newcomers: Role::Observer,
        ..Settings::default()
    });
    let host = world.join_as_host("host");
    let people: Vec<_> = ["ada", "bob", "cyd", "dan"]
        .map(|name| world.join(name))
        .into();
    let [ada, bob, cyd, dan] = people[..] else {
        unreachable!("four came");
    };
    give(&mut world, host, bob, Role::Presenter).unwrap();
    give(&mut world, host, cyd, Role::CoHost).unwrap();
    give(&mut world, host, dan, Role::Participant).unwrap();
    world.send(host, Command::Leave);
    let next = |world: &World| {
        let host =
            |client: &&usize| world.room.role(world.clients[**client].id) == Some(Role::Host);
        people.iter().filter(host).copied().collect::<Vec<_>>()
    };
    // Co-hosts before presenters before participants; observers never.
    for expected in [cyd, bob, dan] {
        assert_eq!(next(&world), [expected]);
        world.send(expected, Command::Leave);
    }
    assert!(next(&world).is_empty());
    assert_eq!(role(&world, ada), Role::Observer);
}

#[test]
fn a_host_whose_link_is_lost_is_stood_in_for_after_ten_seconds_and_is_host_when_back() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let ada_id = world.clients[ada].id;
    world.lose_link(host);
    world.wait(9_999);
    assert_eq!(changes(&world, bob), []);
    world.wait(1);
    assert_eq!(role(&world, ada), Role::Host);
    let cursor = world.clients[host].cursor;
    world.resume(host, Some(cursor)).unwrap();
    assert_eq!(role(&world, host), Role::Host);
    assert_eq!(role(&world, ada), Role::Participant);
    assert_eq!(
        changes(&world, bob),
        [
            (ada_id, Role::Host, RoleChange::PassedOn),
            (ada_id, Role::Participant, RoleChange::HostBack),
        ]
    );
}

#[test]
fn who_comes_with_the_host_key_later_takes_over_from_whoever_stood_in() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    let ada = world.join("ada");
    give(&mut world, host, ada, Role::Presenter).unwrap();
    world.send(host, Command::Leave);
    assert_eq!(role(&world, ada), Role::Host);
    world.finish_jobs(usize::MAX);
    world.restart();
    world.resume(ada, None).unwrap();
    assert_eq!(role(&world, ada), Role::Host, "also after a restart");
    world.join_as_host("host again");
    assert_eq!(role(&world, ada), Role::Presenter);
}

#[test]
fn who_stands_in_has_nothing_over_the_host() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    world.lose_link(host);
    world.wait(HOST_AWAY_MAX.as_millis() as u64);
    assert_eq!(role(&world, ada), Role::Host);
    let id = world.clients[host].id;
    let reason = String::new;
    for command in [
        Command::Kick {
            id,
            reason: reason(),
        },
        Command::Ban {
            id,
            reason: reason(),
        },
        Command::GiveRole {
            id,
            role: Role::Observer,
        },
        Command::GiveRole {
            id: world.clients[bob].id,
            role: Role::Host,
        },
    ] {
        assert_eq!(world.ask(ada, command), Err(RefusalCode::NotAllowed));
    }
    give(&mut world, ada, bob, Role::CoHost).unwrap();
}

#[test]
fn nobody_becomes_host_of_a_room_whose_creator_has_not_come_yet() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    world.wait(60_000);
    assert_eq!(role(&world, ada), Role::Participant);
}

#[test]
fn a_banned_program_does_not_come_back_and_a_kicked_one_does() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    let come = |world: &mut World, name: &str, device: u8| {
        let newcomer = Newcomer {
            device_hash: Some([device; 32]),
            ..world.newcomer(name)
        };
        world.enter(newcomer)
    };
    let (ada, bob) = (
        come(&mut world, "ada", 1).unwrap(),
        come(&mut world, "bob", 2).unwrap(),
    );
    let (ada_id, bob_id) = (world.clients[ada].id, world.clients[bob].id);
    let ban = Command::Ban {
        id: ada_id,
        reason: "enough".to_owned(),
    };
    let kick = Command::Kick {
        id: bob_id,
        reason: "noise".to_owned(),
    };
    world.ask(host, ban).unwrap();
    world.ask(host, kick).unwrap();
    assert_eq!(world.clients[ada].goodbye, Some(LeaveReason::Banned));
    assert_eq!(world.resume(ada, None), Err(RefusalCode::Banned));
    assert_eq!(world.resume(bob, None), Err(RefusalCode::Kicked));
    assert_eq!(come(&mut world, "ada", 1), Err(RefusalCode::Banned));
    assert!(come(&mut world, "bob", 2).is_ok());

    world.restart();
    world.resume(host, None).unwrap();
    assert_eq!(
        come(&mut world, "ada", 1),
        Err(RefusalCode::Banned),
        "also after a restart"
    );
    world.ask(host, Command::LiftBans).unwrap();
    assert!(come(&mut world, "ada", 1).is_ok());
}

// what concerns everybody

#[test]
fn the_spotlight_is_on_one_person_until_they_go() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let bob = world.join("bob");
    let id = world.clients[ada].id;
    let nobody = Some(ParticipantId(99));
    assert_eq!(
        world.ask(host, Command::Spotlight { id: nobody }),
        Err(RefusalCode::NoSuchPerson)
    );
    world
        .ask(host, Command::Spotlight { id: Some(id) })
        .unwrap();
    assert_eq!(world.clients[bob].state.spotlight, Some(id));
    world.send(ada, Command::Leave);
    assert_eq!(world.clients[bob].state.spotlight, None);
    assert_eq!(world.room.snapshot().spotlight, None);
}

#[test]
fn all_hands_are_lowered_at_once() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    for client in [host, ada] {
        world
            .ask(client, Command::RaiseHand { raised: true })
            .unwrap();
    }
    world.ask(host, Command::LowerAllHands).unwrap();
    world.ask(host, Command::LowerAllHands).unwrap();
    assert_eq!(world.clients[ada].state.floor.hands, []);
    let lowered = |event: &&Event| **event == Event::HandsLowered;
    assert_eq!(world.clients[ada].events.iter().filter(lowered).count(), 1);
}

#[test]
fn a_mute_may_leave_it_to_the_person_to_speak_again() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let id = world.clients[ada].id;
    let speak = Command::SetMedia {
        media: MediaState {
            microphone: true,
            sound: true,
            ..MediaState::default()
        },
    };
    world.ask(ada, speak.clone()).unwrap();
    let mute = Command::Mute {
        id,
        may_unmute: true,
    };
    world.ask(host, mute).unwrap();
    assert!(!world.member(ada).media.microphone);
    world.ask(ada, speak.clone()).unwrap();
    world.ask(host, hold(id)).unwrap();
    assert_eq!(world.ask(ada, speak), Err(RefusalCode::MutedByHost));
}

#[test]
fn where_nobody_may_unmute_newcomers_are_held_until_a_host_allows_it() {
    let mut world = World::new(Settings {
        muted_on_entry: true,
        may_unmute: false,
        ..Settings::default()
    });
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    assert!(!world.member(host).held_mute);
    assert!(world.member(ada).held_mute);
    world.finish_jobs(usize::MAX);
    world.restart();
    assert!(world.member(ada).held_mute);
}

#[test]
fn settings_of_a_newer_version_and_impossible_clocks_are_refused() {
    let plan = |focus_minutes, cycles| {
        Some(TimerPlan {
            focus_minutes,
            cycles,
            ..TimerPlan::default()
        })
    };
    let with = |timer| Settings {
        timer,
        ..Settings::default()
    };
    for template in Template::builtin() {
        assert_eq!(check_settings(&template.settings, 500), Ok(()));
    }
    for (settings, code) in [
        (
            Settings {
                version: 2,
                ..Settings::default()
            },
            RefusalCode::SettingsVersion,
        ),
        (
            Settings {
                version: 0,
                ..Settings::default()
            },
            RefusalCode::Invalid,
        ),
        (with(plan(0, 4)), RefusalCode::TimerPlanInvalid),
        (
            with(plan(limits::TIMER_MINUTES_MAX + 1, 4)),
            RefusalCode::TimerPlanInvalid,
        ),
        (with(plan(25, 0)), RefusalCode::TimerPlanInvalid),
        (
            with(plan(25, limits::TIMER_CYCLES_MAX + 1)),
            RefusalCode::TimerPlanInvalid,
        ),
    ] {
        assert_eq!(check_settings(&settings, 500), Err(code), "{settings:?}");
    }
}

#[test]
fn a_template_is_saved_under_a_name_that_is_free() {
    let mut world = World::new(Settings {
        members_max: 7,
        ..Settings::default()
    });
    let host = world.join_as_host("host");
    let save = |name: &str| Command::SaveTemplate {
        name: name.to_owned(),
    };
    for taken in ["", "meeting", "open_house", &"x".repeat(51)] {
        assert_eq!(
            world.ask(host, save(taken)),
            Err(RefusalCode::TemplateNameInvalid),
            "{taken:?}"
        );
    }
    world.ask(host, save("Our board")).unwrap();
    assert_eq!(world.templates.len(), 1);
    assert_eq!(world.templates[0].name, "Our board");
    assert_eq!(world.templates[0].settings.members_max, 7);
    let delete = |name: &str| Command::DeleteTemplate {
        name: name.to_owned(),
    };
    assert_eq!(
        world.ask(host, delete("meeting")),
        Err(RefusalCode::TemplateNameInvalid),
        "built-in ones stay"
    );
    world.ask(host, delete("Our board")).unwrap();
    assert!(world.templates.is_empty());
}

#[test]
fn a_template_belongs_to_the_program_that_saved_it_or_else_to_the_room() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    let save = Command::SaveTemplate {
        name: "Ours".to_owned(),
    };
    let delete = Command::DeleteTemplate {
        name: "Ours".to_owned(),
    };
    world.ask(host, save.clone()).unwrap();
    let other = Newcomer {
        device_hash: Some([5; 32]),
        ..world.newcomer("other")
    };
    let other = world.enter(other).unwrap();
    let (id, role) = (world.clients[other].id, Role::CoHost);
    world.ask(host, Command::GiveRole { id, role }).unwrap();
    world.ask(other, save).unwrap();
    world.restart();
    world.resume(other, None).unwrap();
    world.ask(other, delete).unwrap();
    assert_eq!(world.template_owners, [HOST_KEY, [5; 32], [5; 32]]);
}

#[test]
fn a_room_is_called_something_else_and_everybody_sees_it() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    let one = world.join("one");
    let retitle = |title: &str| Command::Retitle {
        title: title.to_owned(),
    };
    world.ask(host, retitle(" Physics, part 2 ")).unwrap();
    assert_eq!(world.clients[one].state.title, "Physics, part 2");
    assert_eq!(world.room.look().title, "Physics, part 2");
    let told = world.clients[one].events.len();
    world.ask(host, retitle("Physics, part 2")).unwrap();
    assert_eq!(world.clients[one].events.len(), told, "nothing has changed");
    let longest = "x".repeat(200);
    world.ask(host, retitle(&longest)).unwrap();
    for wrong in ["", " \n", "a\u{202e}b", &"x".repeat(201)] {
        let refused = world.ask(host, retitle(wrong));
        assert_eq!(refused, Err(RefusalCode::TitleInvalid), "{wrong:?}");
    }
    world.restart();
    assert_eq!(world.room.look().title, longest);
}
