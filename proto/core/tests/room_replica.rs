//! Goal: whatever people do and whatever the network loses, a client that was told everything it should
//! have been told holds what the room holds.
//! Method: random commands, joins, links that go dark, resumes with good and bad cursors, waits and
//! restarts; each client keeps a replica; compare after every step.

mod room_world;

use conclave_core::room::*;
use conclave_wire::{command::Watch, film::Unchecked, *};
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
    /// The link of somebody at the door is gone, or back.
    LoseWaitingLink(usize),
    ResumeWaiting(usize),
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

fn waiting() -> impl Strategy<Value = WaitingId> {
    // The first epoch is 1, and ids at the door start there.
    (0..10u32).prop_map(WaitingId)
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        Just(Role::Host),
        Just(Role::CoHost),
        Just(Role::Presenter),
        Just(Role::Participant),
        Just(Role::Observer),
    ]
}

fn about_questions() -> impl Strategy<Value = Command> {
    let yes = any::<bool>;
    let question = || (0..6u32).prop_map(QuestionId);
    prop_oneof![
        4 => ("[a-c]{0,3}", yes())
            .prop_map(|(text, anonymous)| Command::AskQuestion { text, anonymous }),
        1 => question().prop_map(|question| Command::TakeBackQuestion { question }),
        6 => (question(), yes())
            .prop_map(|(question, voted)| Command::VoteQuestion { question, voted }),
        1 => (question(), yes())
            .prop_map(|(question, pinned)| Command::PinQuestion { question, pinned }),
        3 => (question(), yes())
            .prop_map(|(question, hidden)| Command::HideQuestion { question, hidden }),
        2 => question().prop_map(|question| Command::ApproveQuestion { question }),
        2 => (question(), proptest::option::of("[a-c]{0,3}"))
            .prop_map(|(question, text)| Command::AnswerQuestion { question, text }),
    ]
}

fn studies() -> impl Strategy<Value = Command> {
    let plan = (0..3u32, any::<[bool; 2]>()).prop_map(|(minutes, [starts, mutes])| TimerPlan {
        focus_minutes: minutes,
        short_break_minutes: 1,
        long_break_minutes: 2,
        cycles: 2,
        focus_starts_itself: starts,
        focus_mutes: mutes,
        hush_banners: true,
    });
    let shared = "[a-c]{0,2}".prop_map(|focus_on| SharedStudy {
        focus_on,
        ..SharedStudy::default()
    });
    prop_oneof![
        4 => Just(Command::StartFocus),
        1 => Just(Command::StartBreak),
        2 => Just(Command::PauseTimer),
        2 => Just(Command::ResumeTimer),
        1 => Just(Command::ResetTimer),
        1 => Just(Command::SkipBreak),
        1 => plan.prop_map(|plan| Command::SetTimerPlan { plan }),
        1 => "[a-c]{0,2}".prop_map(|text| Command::SetGoal { text }),
        2 => proptest::option::of(shared).prop_map(|shared| Command::ShareStudy { shared }),
    ]
}

fn films() -> impl Strategy<Value = Command> {
    let file = || {
        (0..2u8, 0..3u8, any::<bool>()).prop_map(|(film, sha256, long)| FilmFile {
            name: "film".to_owned(),
            size_bytes: 1_000,
            duration_ms: if long { 60_000 } else { 0 },
            sample: Some(format!("{film:064x}")),
            sha256: (sha256 > 0).then(|| format!("{sha256:064x}")),
        })
    };
    let number = || {
        let odd = prop::sample::select(vec![f64::NAN, -1.0, 1e300]);
        prop_oneof![8 => 0.0..70_000.0, 1 => odd].prop_map(Unchecked)
    };
    let readiness = prop::sample::select(vec![
        FilmReadiness::NotReady,
        FilmReadiness::Ready,
        FilmReadiness::Ready,
        FilmReadiness::Buffering,
        FilmReadiness::Closed,
        FilmReadiness::Mismatched,
    ]);
    prop_oneof![
        4 => file().prop_map(|film| Command::OpenFilm { film }),
        6 => proptest::option::of(number()).prop_map(|position_ms| Command::PlayFilm { position_ms }),
        3 => proptest::option::of(number()).prop_map(|position_ms| Command::PauseFilm { position_ms }),
        3 => number().prop_map(|position_ms| Command::SeekFilm { position_ms }),
        2 => (100.0..2_200.0f64).prop_map(|rate| Command::SetFilmSpeed { rate_permille: Unchecked(rate) }),
        1 => Just(Command::StopFilm),
        1 => prop::collection::vec(file(), 0..3).prop_map(|playlist| Command::SetPlaylist { playlist }),
        6 => file().prop_map(|film| Command::HaveFilm { film }),
        8 => readiness.prop_map(|readiness| Command::MarkFilm { readiness }),
    ]
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
        "[a-z ]{0,3}".prop_map(|title| Command::Retitle { title }),
        proptest::option::of("[a-z]{0,2}").prop_map(|password| Command::SetPassword { password }),
        settings().prop_map(|settings| Command::ChangeSettings { settings }),
        person().prop_map(|id| Command::Kick {
            id,
            reason: "why".to_owned()
        }),
        person().prop_map(|id| Command::Ban {
            id,
            reason: "why".to_owned()
        }),
        Just(Command::LiftBans),
        (waiting(), yes()).prop_map(|(id, admit)| match admit {
            true => Command::Admit { id },
            false => Command::TurnAway {
                id,
                reason: String::new()
            },
        }),
        Just(Command::AdmitAll),
        Just(Command::SaveTemplate {
            name: "ours".to_owned()
        }),
    ];
    let roles = (person(), role()).prop_map(|(id, role)| Command::GiveRole { id, role });
    let floor = prop_oneof![
        2 => Just(Command::AskFloor),
        1 => Just(Command::ReleaseFloor),
        1 => Just(Command::TakeFloor),
        1 => Just(Command::StopShare),
        1 => person().prop_map(|id| Command::GrantFloor { id }),
        1 => person().prop_map(|id| Command::HandOverFloor { id }),
        5 => yes().prop_map(|raised| Command::RaiseHand { raised }),
        1 => person().prop_map(|id| Command::LowerHand { id }),
        1 => (person(), yes()).prop_map(|(id, may_unmute)| Command::Mute { id, may_unmute }),
        1 => Just(Command::LowerAllHands),
        1 => proptest::option::of(person()).prop_map(|id| Command::Spotlight { id }),
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
    prop_oneof![
        3 => presence,
        2 => door,
        2 => roles,
        4 => floor,
        4 => chat,
        6 => about_questions(),
        3 => studies(),
        6 => films(),
        2 => rest,
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let questions = any::<[bool; 3]>().prop_map(|[closed, anonymous, reviewed]| QuestionSettings {
        open: !closed,
        anonymous,
        reviewed,
    });
    let door = (any::<[bool; 3]>(), proptest::bool::weighted(0.3));
    (role(), 0..8u32, any::<[bool; 5]>(), door, questions).prop_map(
        |(newcomers, members_max, may, (door, waiting_room), questions)| {
            let [present, speak, chat, files, present_by_asking] = may;
            let [muted_on_entry, may_unmute, vote] = door;
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
                observers: ObserversMay {
                    vote,
                    ..ObserversMay::default()
                },
                waiting_room,
                muted_on_entry,
                may_unmute,
                questions,
                present_by_asking,
                film: chat || files,
                timer: speak.then(TimerPlan::default),
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
        1 => (0..4usize).prop_map(Input::LoseWaitingLink),
        1 => (0..4usize).prop_map(Input::ResumeWaiting),
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
            let at_the_door = world
                .waiters
                .iter()
                .filter(|waiter| waiter.client.is_none());
            if world.clients.len() + at_the_door.count() < CLIENTS {
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
                world.knock(newcomer).ok();
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
        Input::LoseWaitingLink(waiter) if waiter < world.waiters.len() => {
            world.lose_waiting_link(waiter);
        }
        Input::ResumeWaiting(waiter) if waiter < world.waiters.len() => {
            world.resume_waiting(waiter).ok();
        }
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
        | Input::LoseWaitingLink(..)
        | Input::ResumeWaiting(..)
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
        prop_assert!(client.cursor.number <= world.room.cursor().number);
        prop_assert_eq!(client.cursor.epoch, world.room.cursor().epoch);
        prop_assert_eq!(&client.state, &world.room.snapshot_for(client.id));
        check_sight(&client.state, client.id)?;
    }
    check_door(world, &truth)?;
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

fn open_to_questions() -> Settings {
    Settings {
        questions: QuestionSettings {
            open: true,
            anonymous: true,
            reviewed: false,
        },
        timer: Some(TimerPlan::default()),
        film: true,
        ..Settings::default()
    }
}

/// Nobody holds what their role must not see.
fn check_sight(state: &RoomState, id: ParticipantId) -> Result<(), TestCaseError> {
    let role = state
        .members
        .iter()
        .find(|member| member.id == id)
        .map(|member| member.role);
    let (host, presenter) = (Some(Role::CoHost), Some(Role::Presenter));
    if role > host {
        prop_assert!(state.waiting.is_empty());
    }
    if role > presenter {
        for question in &state.questions {
            let seen = !question.hidden && !question.in_review;
            prop_assert!(seen || state.mine.questions.contains(&question.id));
        }
    }
    Ok(())
}

/// Whoever stands at the door knows where.
fn check_door(world: &World, truth: &RoomState) -> Result<(), TestCaseError> {
    let at = |id| truth.waiting.iter().position(|waiting| waiting.id == id);
    for waiter in &world.waiters {
        let place = at(waiter.id);
        let waits = waiter.client.is_none() && waiter.turned_away.is_none();
        prop_assert_eq!(place.is_some(), waits && world.ended.is_none());
        if let Some(place) = place.filter(|_| waiter.linked) {
            prop_assert_eq!(waiter.positions.last(), Some(&(place as u32 + 1)));
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
        let mut world = World::new(open_to_questions());
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
        let mut world = World::new(open_to_questions());
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
        let mut world = World::new(open_to_questions());
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
        // The last votes are counted, and the last move of a film is told.
        world.wait(VOTES_INTERVAL.as_millis() as u64);
        world.finish_jobs(usize::MAX);
        let mut before = world.room.snapshot();
        for person in &mut before.study.people {
            person.shared = None;
        }
        before.study.people.retain(|person| person.focus_ms > 0);
        world.restart();
        let after = world.room.snapshot();
        // Anchors are on another room clock: their stories tell how they go on.
        before.study.clock.ends_at_ms = after.study.clock.ends_at_ms;
        before.film.anchor.position_ms = after.film.anchor.position_ms;
        before.film.anchor.at_ms = after.film.anchor.at_ms;
        // A film that is held at its end is over once nobody is waited for any more.
        if before.film.anchor.hold.take().is_some() {
            before.film.anchor.playing = after.film.anchor.playing;
        }
        before.film.marks.clear();
        before.spotlight = None;
        before.floor = Floor::default();
        for member in &mut before.members {
            member.media = MediaState { sound: true, ..MediaState::default() };
            member.away = true;
        }
        prop_assert_eq!(after, before);
    }
}
