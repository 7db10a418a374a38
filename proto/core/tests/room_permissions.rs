//! Who may do what: every role with every command, against the product page's table, written out here by
//! hand.
#![allow(clippy::unwrap_used)]

mod room_world;

use std::collections::BTreeSet;

use conclave_core::room::*;
use conclave_wire::{film::Unchecked, *};
use room_world::*;

/// PRODUCT.md's table "Who may do what", a line for each command: `x` allowed, `-` refused with
/// `not_allowed`. Columns: host, co-host, presenter, participant, participant whom the settings allow
/// nothing, observer, observer whom the settings allow nothing.
fn matrix(room: &Everybody) -> Vec<(&'static str, Command)> {
    let (other, host, waiting) = (room.other, room.host, room.waiting);
    let (question, line, file) = (room.question, room.line, room.file);
    let silent = MediaState {
        sound: true,
        ..MediaState::default()
    };
    let settings = Settings {
        members_max: 20,
        ..Settings::default()
    };
    let text = || "hello".to_owned();
    vec![
        // end the room, change settings, lock, password
        ("x - - - - - -", Command::EndRoom),
        (
            "x - - - - - -",
            Command::SetPassword {
                password: Some(text()),
            },
        ),
        ("x - - - - - -", Command::SetPassword { password: None }),
        ("x x - - - - -", Command::ChangeSettings { settings }),
        ("x x - - - - -", Command::Retitle { title: text() }),
        ("x x - - - - -", Command::Lock { locked: true }),
        (
            "x x - - - - -",
            Command::SetTimeLimit {
                in_ms: Some(60_000),
            },
        ),
        ("x x - - - - -", Command::SaveTemplate { name: text() }),
        ("x x - - - - -", Command::DeleteTemplate { name: text() }),
        // give and take roles: co-hosts up to presenter
        (
            "x - - - - - -",
            Command::GiveRole {
                id: other,
                role: Role::Host,
            },
        ),
        (
            "x - - - - - -",
            Command::GiveRole {
                id: other,
                role: Role::CoHost,
            },
        ),
        (
            "x x - - - - -",
            Command::GiveRole {
                id: other,
                role: Role::Presenter,
            },
        ),
        (
            "x x - - - - -",
            Command::GiveRole {
                id: other,
                role: Role::Observer,
            },
        ),
        // admit, turn away, kick, ban
        ("x x - - - - -", Command::Admit { id: waiting }),
        ("x x - - - - -", Command::AdmitAll),
        (
            "x x - - - - -",
            Command::TurnAway {
                id: waiting,
                reason: text(),
            },
        ),
        (
            "x x - - - - -",
            Command::Kick {
                id: other,
                reason: text(),
            },
        ),
        (
            "x x - - - - -",
            Command::Ban {
                id: other,
                reason: text(),
            },
        ),
        ("x x - - - - -", Command::LiftBans),
        // mute others, mute all, stop a camera or share, lower hands, spotlight
        ("x x - - - - -", hold(other)),
        ("x x - - - - -", Command::MuteAll { may_unmute: false }),
        ("x x - - - - -", Command::AllowUnmute { id: other }),
        ("x x - - - - -", Command::StopCamera { id: other }),
        ("x x - - - - -", Command::StopShare),
        ("x x - - - - -", Command::GrantFloor { id: host }),
        ("x x - - - - -", Command::LowerHand { id: other }),
        ("x x - - - - -", Command::LowerAllHands),
        ("x x - - - - -", Command::Spotlight { id: Some(other) }),
        ("x x - - - - -", Command::Announce { text: text() }),
        ("x x - - - - -", Command::DeleteLine { line }),
        // timer, goal of the room
        ("x x x x - - -", Command::StartFocus),
        ("x x x x - - -", Command::StartBreak),
        ("x x x x - - -", Command::PauseTimer),
        ("x x x x - - -", Command::ResumeTimer),
        ("x x x x - - -", Command::ResetTimer),
        ("x x x x - - -", Command::SkipBreak),
        (
            "x x x x - - -",
            Command::SetTimerPlan {
                plan: TimerPlan::default(),
            },
        ),
        ("x x x x - - -", Command::SetGoal { text: text() }),
        (
            "x x x x - - -",
            Command::ShareStudy {
                shared: Some(SharedStudy::default()),
            },
        ),
        ("x x x x x x x", Command::ShareStudy { shared: None }),
        // lead the film
        ("x x x x - - -", Command::OpenFilm { film: film() }),
        ("x x x x - - -", Command::PlayFilm { position_ms: None }),
        ("x x x x - - -", Command::PauseFilm { position_ms: None }),
        (
            "x x x x - - -",
            Command::SeekFilm {
                position_ms: Unchecked(0.0),
            },
        ),
        (
            "x x x x - - -",
            Command::SetFilmSpeed {
                rate_permille: Unchecked(1_000.0),
            },
        ),
        ("x x x x - - -", Command::StopFilm),
        (
            "x x x x - - -",
            Command::SetPlaylist {
                playlist: Vec::new(),
            },
        ),
        ("x x x x x x x", Command::HaveFilm { film: film() }),
        (
            "x x x x x x x",
            Command::MarkFilm {
                readiness: FilmReadiness::Ready,
            },
        ),
        ("x x - - - - -", Command::RevokeShare { file }),
        ("x x - - - - -", Command::RemoveFile { file }),
        // present: participants by asking
        ("x x x x - - -", Command::AskFloor),
        ("x x x - - - -", Command::TakeFloor),
        // speak, camera
        (
            "x x x x - - -",
            Command::SetMedia {
                media: MediaState {
                    microphone: true,
                    ..silent
                },
            },
        ),
        (
            "x x x x - - -",
            Command::SetMedia {
                media: MediaState {
                    camera: true,
                    ..silent
                },
            },
        ),
        // chat, react, raise a hand, vote
        ("x x x x - - -", Command::Say { text: text() }),
        ("x x x x - - -", Command::SetTyping { typing: true }),
        (
            "x x x x - x -",
            Command::React {
                emoji: "👍".to_owned(),
            },
        ),
        ("x x x x - - -", Command::RaiseHand { raised: true }),
        (
            "x x x x - x -",
            Command::VoteQuestion {
                question,
                voted: true,
            },
        ),
        // ask questions
        (
            "x x x x x x -",
            Command::AskQuestion {
                text: text(),
                anonymous: false,
            },
        ),
        // answer, pin, hide questions
        (
            "x x x - - - -",
            Command::AnswerQuestion {
                question,
                text: Some(text()),
            },
        ),
        (
            "x x x - - - -",
            Command::AnswerQuestion {
                question,
                text: None,
            },
        ),
        (
            "x x x - - - -",
            Command::PinQuestion {
                question,
                pinned: true,
            },
        ),
        (
            "x x x - - - -",
            Command::HideQuestion {
                question,
                hidden: true,
            },
        ),
        ("x x x - - - -", Command::ApproveQuestion { question }),
        // somebody else's question: nobody's but theirs
        ("- - - - - - -", Command::TakeBackQuestion { question }),
        // what concerns nobody else
        ("x x x x x x x", Command::SetMedia { media: silent }),
        ("x x x x x x x", Command::Rename { name: text() }),
        ("x x x x x x x", Command::RaiseHand { raised: false }),
        ("x x x x x x x", Command::SetTyping { typing: false }),
        (
            "x x x x x x x",
            Command::ListLines {
                before: LineId(1),
                lines_max: 10,
            },
        ),
        (
            "x x x x x x x",
            Command::SetVolume {
                of: other,
                percent: 50,
            },
        ),
        ("x x x x x x x", Command::WatchCameras { watch: Vec::new() }),
        (
            "x x x x x x x",
            Command::ChooseQuality {
                receive: QualityChoice::High,
            },
        ),
        ("x x x x x x x", Command::ReleaseFloor),
        ("x x x x x x x", Command::HandOverFloor { id: other }),
        ("x x x x x x x", Command::Leave),
    ]
}

/// The same for what is not asked by a command.
const PERMISSIONS: [(&str, Permission); 18] = [
    ("x - - - - - -", Permission::EndRoom),
    ("x - - - - - -", Permission::SetPassword),
    ("x x - - - - -", Permission::ChangeSettings),
    ("x x - - - - -", Permission::GiveRoles),
    ("x x - - - - -", Permission::Admit),
    ("x x - - - - -", Permission::Moderate),
    ("x x - - - - -", Permission::MuteAll),
    ("x x x x - - -", Permission::Present),
    ("x x x x - - -", Permission::Speak),
    ("x x x x - - -", Permission::Chat),
    ("x x x x - x -", Permission::React),
    ("x x x x - - -", Permission::RaiseHand),
    ("x x x x - x -", Permission::Vote),
    ("x x x x - - -", Permission::ShareFiles),
    ("x x x x x x -", Permission::Ask),
    ("x x x - - - -", Permission::AnswerQuestions),
    ("x x x x - - -", Permission::Timer),
    ("x x x x - - -", Permission::LeadFilm),
];

const COLUMNS: [(Role, bool); 7] = [
    (Role::Host, true),
    (Role::CoHost, true),
    (Role::Presenter, true),
    (Role::Participant, true),
    (Role::Participant, false),
    (Role::Observer, true),
    (Role::Observer, false),
];

fn film() -> FilmFile {
    FilmFile {
        name: "film".to_owned(),
        size_bytes: 1,
        duration_ms: 0,
        sample: Some("0".repeat(64)),
        sha256: None,
    }
}

fn settings(allowing: bool) -> Settings {
    Settings {
        participants: ParticipantsMay {
            present: allowing,
            speak: allowing,
            chat: allowing,
            files: allowing,
            timer: allowing,
            film: allowing,
        },
        observers: ObserversMay {
            react: allowing,
            vote: allowing,
            ask: allowing,
        },
        questions: QuestionSettings {
            open: true,
            ..QuestionSettings::default()
        },
        ..Settings::default()
    }
}

/// A room where everything can be done, by whoever may.
struct Everybody {
    world: World,
    /// The index of the client in question.
    one: usize,
    host: ParticipantId,
    other: ParticipantId,
    waiting: WaitingId,
    question: QuestionId,
    line: LineId,
    file: FileId,
}

fn everybody(role: Role, allowing: bool) -> Everybody {
    let mut world = World::new(settings(true));
    let host = world.join_as_host("host");
    let other = world.join("other");
    let one = world.join("one");
    let (one_id, other_id) = (world.clients[one].id, world.clients[other].id);
    let say = Command::Say {
        text: "hello".to_owned(),
    };
    let line = match world.ask(host, say).unwrap() {
        command::Reply::Line { line } => line,
        reply => panic!("{reply:?}"),
    };
    let ask = Command::AskQuestion {
        text: "why?".to_owned(),
        anonymous: false,
    };
    let question = match world.ask(host, ask).unwrap() {
        command::Reply::Question { question } => question,
        reply => panic!("{reply:?}"),
    };
    let owner = world.clients[host].id;
    let file = world.drive(|room, now, out| {
        let upload = Upload {
            owner,
            name: "f.txt".to_owned(),
            size_bytes: 1,
            sha256: "00".repeat(32),
            share_token: "token".to_owned(),
        };
        room.share_file(upload, now, out).unwrap().id
    });
    let give = Command::GiveRole { id: one_id, role };
    world.ask(host, give).unwrap();
    let settings = Settings {
        waiting_room: true,
        ..settings(allowing)
    };
    world
        .ask(host, Command::ChangeSettings { settings })
        .unwrap();
    let newcomer = world.newcomer("waiting");
    let waiter = world.knock(newcomer).unwrap().unwrap_err();
    assert_eq!(world.member(one).role, role);
    Everybody {
        host: owner,
        waiting: world.waiters[waiter].id,
        other: other_id,
        world,
        one,
        question,
        line,
        file,
    }
}

fn allowed(line: &str, column: usize) -> bool {
    line.split_whitespace().nth(column) == Some("x")
}

/// The kinds of commands that there are, as serde knows them: it lists them when it is given one that is none.
fn kinds() -> BTreeSet<String> {
    let unknown = serde_json::from_str::<Command>(r#"{"type":"?","payload":{}}"#);
    let listed = unknown.unwrap_err().to_string();
    let words = listed.split('`').skip(3).step_by(2);
    words.map(str::to_owned).collect()
}

#[test]
fn the_table_has_every_command_that_there_is() {
    let kind = |command: &Command| {
        let word = serde_json::to_value(command).unwrap();
        word["type"].as_str().unwrap().to_owned()
    };
    let rows = matrix(&everybody(Role::Host, true));
    let tried: BTreeSet<String> = rows.iter().map(|(_, command)| kind(command)).collect();
    assert!(tried.len() > 60 && tried.contains("mark_film"), "{tried:?}");
    assert_eq!(tried, kinds());
}

/// A command that asks for a permission is allowed to whoever has it. Giving roles is allowed as far as a table of
/// its own says.
#[test]
fn commands_and_permissions_say_the_same() {
    for (line, command) in matrix(&everybody(Role::Host, true)) {
        let needs = commands::permission(&command).filter(|what| *what != Permission::GiveRoles);
        let Some(what) = needs else { continue };
        let of_permission = PERMISSIONS.iter().find(|(_, known)| *known == what);
        let (of_permission, _) = of_permission.unwrap();
        let alone = matches!(command, Command::TakeFloor);
        assert!(
            alone || line == *of_permission,
            "{command:?} needs {what:?}"
        );
    }
}

#[test]
fn every_command_is_allowed_or_refused_to_every_role_as_the_table_says() {
    let count = matrix(&everybody(Role::Host, true)).len();
    for (column, (role, allowing)) in COLUMNS.into_iter().enumerate() {
        for row in 0..count {
            let mut room = everybody(role, allowing);
            let (line, command) = matrix(&room).swap_remove(row);
            let reference = room.world.send(room.one, command.clone());
            room.world.finish_jobs(usize::MAX);
            let client = &room.world.clients[room.one];
            // Who leaves, or ends the room, is answered by the goodbye.
            let answer = client.answers.get(&reference).map(|answers| &answers[0]);
            let code = answer.and_then(|answer| answer.as_ref().err().map(|refusal| refusal.code));
            let refused = code == Some(RefusalCode::NotAllowed);
            assert_eq!(
                !refused,
                allowed(line, column),
                "{role:?}, allowing {allowing}: {command:?} {answer:?}"
            );
        }
    }
}

#[test]
fn every_permission_is_given_as_the_table_says() {
    assert_eq!(PERMISSIONS.map(|(_, what)| what), Permission::ALL);
    for (column, (role, allowing)) in COLUMNS.into_iter().enumerate() {
        for (line, what) in PERMISSIONS {
            assert_eq!(
                may(role, what, &settings(allowing), false),
                allowed(line, column),
                "{role:?}, allowing {allowing}: {what:?}"
            );
        }
    }
}

#[test]
fn files_are_shared_by_whom_the_table_says() {
    for (column, (role, allowing)) in COLUMNS.into_iter().enumerate() {
        let mut room = everybody(role, allowing);
        let id = room.world.clients[room.one].id;
        let reserved = room.world.room.reserve_file(id, "g.txt", 1);
        assert_eq!(
            reserved.is_ok(),
            allowed("x x x x - - -", column),
            "{role:?}"
        );
    }
}

/// Rows: who gives; columns: host, co-host, presenter, participant, observer as they were; in each cell
/// the first letters of the roles that may be given.
#[test]
fn roles_are_given_as_far_as_the_table_says() {
    const ROLES: [Role; 5] = [
        Role::Host,
        Role::CoHost,
        Role::Presenter,
        Role::Participant,
        Role::Observer,
    ];
    let table = [
        ["HCPpo", "HCPpo", "HCPpo", "HCPpo", "HCPpo"],
        ["", "", "Ppo", "Ppo", "Ppo"],
        ["", "", "", "", ""],
        ["", "", "", "", ""],
        ["", "", "", "", ""],
    ];
    for (by, row) in ROLES.into_iter().zip(table) {
        for (had, cell) in ROLES.into_iter().zip(row) {
            for (gets, letter) in ROLES.into_iter().zip("HCPpo".chars()) {
                assert_eq!(
                    may_give(by, had, gets),
                    cell.contains(letter),
                    "{by:?} makes {had:?} {gets:?}"
                );
            }
        }
    }
}

/// Somebody of a role among a host and another, in a room that allows what it can.
fn world(role: Role, settings: &Settings) -> (World, usize, ParticipantId) {
    let mut world = World::new(settings.clone());
    let host = world.join_as_host("first");
    let other = world.join("other");
    let one = world.join("one");
    let (id, other) = (world.clients[one].id, world.clients[other].id);
    world.ask(host, Command::GiveRole { id, role }).unwrap();
    (world, one, other)
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
        hold(id),
        Command::StopCamera { id },
    ] {
        assert_eq!(world.ask(one, command), Err(RefusalCode::NotAllowed));
    }
    let id = world.clients[one].id;
    assert!(world.ask(host, hold(id)).is_ok());
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
