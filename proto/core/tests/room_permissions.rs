//! Who may do what: every role with every command, against the one table in `conclave_wire::may`.
#![allow(clippy::unwrap_used)]

mod room_world;

use conclave_core::room::{commands::permission, *};
use conclave_wire::*;
use room_world::*;

/// Every command once; about `other` where it is about somebody, who must be able to present for some.
fn commands(other: ParticipantId, host: ParticipantId) -> Vec<Command> {
    let media = MediaState {
        microphone: true,
        camera: true,
        sound: true,
    };
    vec![
        Command::SetMedia { media },
        Command::SetMedia {
            media: MediaState {
                sound: true,
                ..MediaState::default()
            },
        },
        Command::Rename {
            name: "Other".to_owned(),
        },
        Command::Lock { locked: true },
        Command::SetPassword {
            password: Some("secret".to_owned()),
        },
        Command::SetPassword { password: None },
        Command::ChangeSettings {
            settings: Settings {
                members_max: 20,
                ..Settings::default()
            },
        },
        Command::GiveRole {
            id: other,
            role: Role::CoHost,
        },
        Command::AskFloor,
        Command::TakeFloor,
        Command::GrantFloor { id: host },
        Command::StopShare,
        Command::RaiseHand { raised: true },
        Command::RaiseHand { raised: false },
        Command::LowerHand { id: other },
        Command::Mute { id: other },
        Command::MuteAll { may_unmute: false },
        Command::AllowUnmute { id: other },
        Command::StopCamera { id: other },
        Command::Say {
            text: "hello".to_owned(),
        },
        Command::SetTyping { typing: true },
        Command::SetTyping { typing: false },
        Command::React {
            emoji: "👍".to_owned(),
        },
        Command::ListLines {
            before: LineId(1),
            lines_max: 10,
        },
        Command::SetTimeLimit {
            in_ms: Some(60_000),
        },
        Command::Announce {
            text: "soon".to_owned(),
        },
        Command::SetVolume {
            of: other,
            percent: 50,
        },
        Command::WatchCameras { watch: Vec::new() },
        Command::ChooseQuality {
            receive: QualityChoice::High,
        },
        Command::Kick {
            id: other,
            reason: String::new(),
        },
        Command::EndRoom,
        Command::Leave,
    ]
}

/// A room with somebody of each role that a newcomer can have, and a host.
fn world(role: Role, settings: &Settings) -> (World, usize, ParticipantId) {
    let newcomers = if role == Role::Host || role == Role::CoHost {
        Role::Participant
    } else {
        role
    };
    let mut world = World::new(Settings {
        newcomers,
        ..settings.clone()
    });
    let other = world.join("other");
    let other = world.clients[other].id;
    let one = match role {
        Role::Host => world.join_as_host("one"),
        _ => world.join("one"),
    };
    if role == Role::CoHost {
        // Nobody can be made co-host before roles can be given; a stored room may have one.
        world.finish_jobs(usize::MAX);
        let id = world.clients[one].id;
        let room = world.store.room.as_mut().unwrap();
        room.seats
            .iter_mut()
            .find(|seat| seat.id == id)
            .unwrap()
            .role = role;
        world.restart();
        world.resume(one, None).unwrap();
    }
    assert_eq!(world.member(one).role, role);
    (world, one, other)
}

#[test]
fn a_command_is_forbidden_exactly_when_the_table_forbids_it() {
    let none = ParticipantsMay {
        present: false,
        speak: false,
        chat: false,
        files: false,
        timer: false,
        film: false,
    };
    let silent = ObserversMay {
        react: false,
        vote: false,
        ask: false,
    };
    let all_settings = [
        Settings::default(),
        Settings {
            participants: none,
            ..Settings::default()
        },
        Settings {
            observers: silent,
            ..Settings::default()
        },
    ];
    for settings in &all_settings {
        for role in [
            Role::Host,
            Role::CoHost,
            Role::Presenter,
            Role::Participant,
            Role::Observer,
        ] {
            let count = commands(ParticipantId(0), ParticipantId(0)).len();
            for index in 0..count {
                let (mut world, one, other) = world(role, settings);
                let host = world.join_as_host("host");
                let host = world.clients[host].id;
                let command = commands(other, host)[index].clone();
                let allowed =
                    permission(&command).is_none_or(|what| may(role, what, settings, false));
                // What needs more than a permission: the slot is asked for where that is the rule.
                let asks = matches!(command, Command::TakeFloor) && role > Role::Presenter;
                if asks && allowed {
                    continue;
                }
                let answer = world.ask(one, command.clone());
                let forbidden = answer == Err(RefusalCode::NotAllowed);
                assert_eq!(forbidden, !allowed, "{role:?} {command:?} {answer:?}");
            }
        }
    }
}

#[test]
fn a_presenter_mutes_all_only_while_presenting() {
    let (mut world, one, _) = world(Role::Presenter, &Settings::default());
    let mute_all = Command::MuteAll { may_unmute: true };
    assert_eq!(
        world.ask(one, mute_all.clone()),
        Err(RefusalCode::NotAllowed)
    );
    world.ask(one, Command::TakeFloor).unwrap();
    assert!(world.ask(one, mute_all).is_ok());
}

#[test]
fn the_password_is_the_hosts_alone() {
    let (mut world, one, _) = world(Role::CoHost, &Settings::default());
    assert!(world.ask(one, Command::Lock { locked: true }).is_ok());
    let password = Command::SetPassword {
        password: Some("secret".to_owned()),
    };
    assert_eq!(world.ask(one, password), Err(RefusalCode::NotAllowed));
}

#[test]
fn nobody_acts_on_somebody_of_a_higher_role() {
    let (mut world, one, _) = world(Role::CoHost, &Settings::default());
    let host = world.join_as_host("host");
    let id = world.clients[host].id;
    for command in [
        Command::Kick {
            id,
            reason: String::new(),
        },
        Command::Mute { id },
        Command::StopCamera { id },
    ] {
        assert_eq!(world.ask(one, command), Err(RefusalCode::NotAllowed));
    }
    let id = world.clients[one].id;
    assert!(world.ask(host, Command::Mute { id }).is_ok());
}

#[test]
fn giving_roles_is_not_there_yet() {
    let (mut world, one, other) = world(Role::Host, &Settings::default());
    let give = Command::GiveRole {
        id: other,
        role: Role::CoHost,
    };
    assert_eq!(world.ask(one, give), Err(RefusalCode::NotImplemented));
}

#[test]
fn what_the_settings_take_away_is_given_back() {
    let settings = Settings {
        present_by_asking: false,
        ..Settings::default()
    };
    let (mut world, one, _) = world(Role::Participant, &settings);
    let host = world.join_as_host("host");
    let media = MediaState {
        microphone: true,
        camera: true,
        sound: true,
    };
    world.ask(one, Command::SetMedia { media }).unwrap();
    world.ask(one, Command::TakeFloor).unwrap();
    world.ask(one, Command::RaiseHand { raised: true }).unwrap();
    let none = ParticipantsMay {
        present: false,
        speak: false,
        chat: false,
        ..ParticipantsMay::default()
    };
    world
        .ask(
            host,
            Command::ChangeSettings {
                settings: Settings {
                    participants: none,
                    ..settings
                },
            },
        )
        .unwrap();
    let state = &world.clients[one].state;
    assert_eq!(state.floor, Floor::default());
    assert_eq!(
        world.member(one).media,
        MediaState {
            sound: true,
            ..MediaState::default()
        }
    );
    let id = world.clients[one].id;
    assert_eq!(
        world.voice.last(),
        Some(&VoiceOrder::Allow {
            seat: id,
            may_speak: false
        })
    );
}
