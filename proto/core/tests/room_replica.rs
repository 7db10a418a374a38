//! Goal: whatever people do and whatever the network loses, a client that was told everything it should
//! have been told holds what the room holds.
//! Method: random commands, joins, links that go dark, resumes with good and bad cursors, waits and
//! restarts; each client keeps a replica; compare after every step.

mod room_world;

use conclave_core::room::*;
use conclave_wire::{command::Watch, *};
use proptest::prelude::*;
use room_world::*;

const CLIENTS: usize = 8;

#[derive(Clone, Debug)]
enum Input {
    Join {
        host: bool,
        linked: bool,
        password: bool,
    },
    Do(usize, Command),
    /// Send a reference again, as after a lost link.
    Again(usize, u32),
    /// The link is dead, but the room does not know it yet.
    GoDark(usize),
    LoseLink(usize),
    Resume(usize, From),
    Save(usize),
    ShareFile(usize, u64),
    FinishJobs(usize),
    Wait(u64),
    Restart,
}

/// What cursor somebody comes back with.
#[derive(Clone, Debug)]
enum From {
    WhereItStands,
    Nothing,
    /// An older copy of the state, with its cursor.
    Saved(usize),
    StrangeEpoch,
    NotYetGiven(u32),
}

fn person() -> impl Strategy<Value = ParticipantId> {
    (0..10u32).prop_map(ParticipantId)
}

fn command() -> impl Strategy<Value = Command> {
    let text = prop_oneof!["[a-c]{0,3}", Just("x".repeat(5_000))];
    let yes = any::<bool>;
    let presence = prop_oneof![
        1 => Just(Command::Leave),
        4 => (yes(), yes(), yes()).prop_map(|(microphone, camera, sound)| Command::SetMedia {
            media: MediaState { microphone, camera, sound },
        }),
        2 => "[a-z ]{0,4}".prop_map(|name| Command::Rename { name }),
    ];
    let door = prop_oneof![
        yes().prop_map(|locked| Command::Lock { locked }),
        proptest::option::of("[a-z]{0,2}").prop_map(|password| Command::SetPassword { password }),
        settings().prop_map(|settings| Command::ChangeSettings { settings }),
        person().prop_map(|id| Command::Kick {
            id,
            reason: "why".to_owned()
        }),
        person().prop_map(|id| Command::GiveRole {
            id,
            role: Role::CoHost
        }),
    ];
    let floor = prop_oneof![
        2 => Just(Command::AskFloor),
        1 => Just(Command::ReleaseFloor),
        1 => Just(Command::TakeFloor),
        1 => Just(Command::StopShare),
        1 => person().prop_map(|id| Command::GrantFloor { id }),
        1 => person().prop_map(|id| Command::HandOverFloor { id }),
        5 => yes().prop_map(|raised| Command::RaiseHand { raised }),
        1 => person().prop_map(|id| Command::LowerHand { id }),
        1 => person().prop_map(|id| Command::Mute { id }),
        1 => yes().prop_map(|may_unmute| Command::MuteAll { may_unmute }),
        1 => person().prop_map(|id| Command::AllowUnmute { id }),
        1 => person().prop_map(|id| Command::StopCamera { id }),
    ];
    let chat = prop_oneof![
        text.clone().prop_map(|text| Command::Say { text }),
        (0..40u32).prop_map(|line| Command::DeleteLine { line: LineId(line) }),
        (0..40u32, 0..60u32).prop_map(|(before, lines_max)| Command::ListLines {
            before: LineId(before),
            lines_max
        }),
        yes().prop_map(|typing| Command::SetTyping { typing }),
        Just(Command::React {
            emoji: "👍".to_owned()
        }),
    ];
    let rest = prop_oneof![
        1 => proptest::option::of(0..100_000u64).prop_map(|in_ms| Command::SetTimeLimit { in_ms }),
        4 => text.prop_map(|text| Command::Announce { text }),
        1 => (person(), 0..300u16).prop_map(|(of, percent)| Command::SetVolume { of, percent }),
        1 => person().prop_map(|source| Command::WatchCameras {
            watch: vec![Watch {
                source,
                layer_max: Layer::Normal,
                pinned: false
            }],
        }),
        1 => Just(Command::ChooseQuality {
            receive: QualityChoice::Low
        }),
        1 => (0..5u32).prop_map(|file| Command::RevokeShare { file: FileId(file) }),
        1 => (0..5u32).prop_map(|file| Command::RemoveFile { file: FileId(file) }),
    ];
    prop_oneof![3 => presence, 2 => door, 4 => floor, 4 => chat, 2 => rest]
}

fn settings() -> impl Strategy<Value = Settings> {
    let role = prop_oneof![
        Just(Role::Participant),
        Just(Role::Presenter),
        Just(Role::Observer),
        Just(Role::Host),
    ];
    (role, 0..8u32, any::<[bool; 4]>(), any::<bool>()).prop_map(
        |(newcomers, members_max, may, present_by_asking)| {
            let [present, speak, chat, files] = may;
            Settings {
                newcomers,
                members_max,
                participants: ParticipantsMay {
                    present,
                    speak,
                    chat,
                    files,
                    ..ParticipantsMay::default()
                },
                present_by_asking,
                ..Settings::default()
            }
        },
    )
}

fn input() -> impl Strategy<Value = Input> {
    // The first to join is host, and does the most.
    let client = || prop_oneof![1 => Just(0), 3 => 0..CLIENTS];
    let from = prop_oneof![
        6 => Just(From::WhereItStands),
        1 => Just(From::Nothing),
        2 => any::<usize>().prop_map(From::Saved),
        1 => Just(From::StrangeEpoch),
        1 => (1..9u32).prop_map(From::NotYetGiven),
    ];
    prop_oneof![
        6 => (proptest::bool::weighted(0.3), proptest::bool::weighted(0.8), any::<bool>())
            .prop_map(|(host, linked, password)| Input::Join { host, linked, password }),
        30 => (client(), command()).prop_map(|(client, command)| Input::Do(client, command)),
        3 => (client(), 1..20u32).prop_map(|(client, reference)| Input::Again(client, reference)),
        2 => client().prop_map(Input::GoDark),
        3 => client().prop_map(Input::LoseLink),
        6 => (client(), from).prop_map(|(client, from)| Input::Resume(client, from)),
        3 => client().prop_map(Input::Save),
        2 => (client(), 0..600u64).prop_map(|(client, size)| Input::ShareFile(client, size)),
        6 => (1..9usize).prop_map(Input::FinishJobs),
        3 => prop_oneof![0..1_000u64, 0..20_000u64, 0..700_000u64].prop_map(Input::Wait),
        1 => Just(Input::Restart),
    ]
}

fn step(world: &mut World, input: Input) {
    let known = |index: usize, world: &World| index < world.clients.len();
    match input {
        Input::Join {
            host,
            linked,
            password,
        } => {
            if world.clients.len() < CLIENTS {
                let mut newcomer = world.newcomer("somebody");
                newcomer.host_key_hash = host.then_some(HOST_KEY);
                newcomer.linked = linked;
                if password
                    && let Some(hash) = &world
                        .store
                        .room
                        .as_ref()
                        .and_then(|room| room.password_hash.clone())
                {
                    newcomer.password = PasswordProof::Compared {
                        hash: hash.clone(),
                        right: true,
                    };
                }
                world.enter(newcomer).ok();
            }
        }
        Input::Do(index, command) if known(index, world) => {
            world.send(index, command);
        }
        Input::Again(index, reference) if known(index, world) => {
            if let Some((_, command)) = world.clients[index].sent.get(&reference).cloned() {
                world.send_as(index, reference, command);
            }
        }
        Input::GoDark(index) if known(index, world) => world.clients[index].dark = true,
        Input::LoseLink(index) if known(index, world) => world.lose_link(index),
        Input::Save(index) if known(index, world) => world.clients[index].save(),
        Input::Resume(index, from) if known(index, world) => {
            let cursor = match from {
                From::WhereItStands => Some(world.clients[index].cursor),
                From::Nothing => None,
                From::Saved(which) => {
                    let client = &mut world.clients[index];
                    if !client.saved.is_empty() {
                        let (cursor, state) = client.saved[which % client.saved.len()].clone();
                        (client.cursor, client.state) = (cursor, state);
                    }
                    Some(client.cursor)
                }
                From::StrangeEpoch => Some(Cursor {
                    epoch: 99,
                    ..world.room.cursor()
                }),
                From::NotYetGiven(more) => {
                    let now = world.room.cursor();
                    Some(Cursor {
                        number: now.number + more,
                        ..now
                    })
                }
            };
            world.resume(index, cursor).ok();
        }
        Input::ShareFile(index, size_bytes) if known(index, world) => {
            let owner = world.clients[index].id;
            world.drive(|room, now, out| {
                if room.reserve_file(owner, "f.txt", size_bytes).is_ok() {
                    let upload = Upload {
                        owner,
                        name: "f.txt".to_owned(),
                        size_bytes,
                        sha256: format!("{size_bytes:064x}"),
                        share_token: "token".to_owned(),
                    };
                    room.share_file(upload, now, out).ok();
                }
            });
        }
        Input::FinishJobs(jobs) => world.finish_jobs(jobs),
        Input::Wait(ms) => world.wait(ms),
        Input::Restart => {
            world.finish_jobs(1);
            if world.ended.is_none() {
                world.restart();
            }
        }
        Input::Do(..)
        | Input::Again(..)
        | Input::GoDark(..)
        | Input::LoseLink(..)
        | Input::Save(..)
        | Input::Resume(..)
        | Input::ShareFile(..) => {}
    }
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let truth = world.room.snapshot();
    prop_assert!(
        truth.members.len() <= truth.settings.members_max as usize || world.ended.is_some()
    );
    prop_assert!(
        world
            .room
            .next_wakeup()
            .is_none_or(|at| at > world.now.moment)
    );
    prop_assert_eq!(world.presenter, truth.floor.presenter);
    for client in world.listening() {
        prop_assert_eq!(client.cursor, world.room.cursor());
        prop_assert_eq!(&client.state, &truth);
    }
    let ids: Vec<_> = truth.members.iter().map(|member| member.id).collect();
    let held = truth
        .floor
        .presenter
        .iter()
        .chain(&truth.floor.queue)
        .chain(&truth.floor.hands);
    for id in held {
        prop_assert!(
            ids.contains(id),
            "{:?} is gone and still holds something",
            id
        );
    }
    for member in &truth.members {
        prop_assert!(!(member.held_mute && member.media.microphone));
    }
    for client in &world.clients {
        for (reference, answers) in &client.answers {
            let sent = client.sent.get(reference).map_or(0, |(sent, _)| *sent);
            prop_assert!(
                answers.len() <= sent as usize,
                "{:?} was answered too often",
                reference
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_replica_fed_only_by_what_it_was_told_equals_the_room(
        start in settings(),
        inputs in prop::collection::vec(input(), 1..120),
    ) {
        let settings = Settings { members_max: 5, newcomers: start.newcomers.max(Role::Presenter), ..start };
        let mut world = World::new(settings);
        world.finish_jobs(1);
        world.join_as_host("host");
        for input in inputs {
            if world.ended.is_some() {
                break;
            }
            step(&mut world, input);
            check(&world)?;
        }
    }

    #[test]
    fn on_a_good_link_every_command_is_answered_exactly_once(
        commands in prop::collection::vec((0..4usize, command(), 0..4usize), 1..80),
    ) {
        let mut world = World::new(Settings::default());
        world.join_as_host("host");
        for name in ["ada", "bob", "cyd"] {
            world.join(name);
        }
        for (client, command, jobs) in commands {
            world.send(client, command);
            world.finish_jobs(jobs);
        }
        world.finish_jobs(usize::MAX);
        for client in world.listening() {
            for reference in client.sent.keys() {
                prop_assert_eq!(client.answers.get(reference).map(Vec::len), Some(1));
            }
        }
    }

    /// What is sent again changes nothing and brings the same answer.
    #[test]
    fn a_command_that_is_sent_again_is_answered_and_not_done_twice(
        commands in prop::collection::vec((0..3usize, command()), 1..60),
    ) {
        let mut world = World::new(Settings::default());
        world.join_as_host("host");
        for name in ["ada", "bob"] {
            world.join(name);
        }
        for (client, command) in commands {
            if matches!(command, Command::ListLines { .. }) {
                continue;
            }
            let reference = world.send(client, command.clone());
            world.finish_jobs(usize::MAX);
            let before = world.room.snapshot();
            world.send_as(client, reference, command);
            world.finish_jobs(usize::MAX);
            if world.links.contains_key(&world.clients[client].id) {
                prop_assert_eq!(&world.room.snapshot(), &before);
                let answers = &world.clients[client].answers[&reference];
                prop_assert_eq!(answers.len(), 2);
                prop_assert_eq!(&answers[0], &answers[1]);
            }
        }
    }

    /// A restart keeps what it must: everything but links, media, hands, the floor.
    #[test]
    fn a_restart_keeps_what_it_must(
        commands in prop::collection::vec((0..3usize, command()), 1..80),
    ) {
        let mut world = World::new(Settings::default());
        world.join_as_host("host");
        for name in ["ada", "bob"] {
            world.join(name);
        }
        for (client, command) in commands {
            if matches!(command, Command::SetTimeLimit { .. }) {
                continue;
            }
            world.send(client, command);
        }
        world.finish_jobs(usize::MAX);
        let mut before = world.room.snapshot();
        world.restart();
        before.floor = Floor::default();
        for member in &mut before.members {
            member.media = MediaState { sound: true, ..MediaState::default() };
            member.away = true;
        }
        prop_assert_eq!(world.room.snapshot(), before);
    }
}
