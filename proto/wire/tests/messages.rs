//! Goal: what is written can be read again, in both encodings; what cannot be read is refused whole.
//! Method: one message of every shape, the JSON of a few spelled out, and damaged bytes.

use conclave_wire::{
    command::{Reply, Watch},
    encoding::DecodeError,
    event::{FloorChange, Hint, PersonSigns, Quality, QualityVerdict, RoleChange},
    film::Unchecked,
    limits::{CONTROL_DEPTH_MAX, CONTROL_MESSAGE_BYTES_MAX},
    message::Enter,
    *,
};
use proptest::prelude::*;

const ENCODINGS: [Encoding; 2] = [Encoding::MessagePack, Encoding::Json];

fn commands() -> Vec<Command> {
    let id = ParticipantId(7);
    vec![
        Command::Leave,
        Command::SetMedia {
            media: MediaState {
                microphone: true,
                camera: false,
                sound: true,
            },
        },
        Command::Rename {
            name: "Åsa".into()
        },
        Command::Retitle {
            title: "Group 3, physics".into(),
        },
        Command::Lock { locked: true },
        Command::SetPassword { password: None },
        Command::ChangeSettings {
            settings: Settings::default(),
        },
        Command::Kick {
            id,
            reason: "noise".into(),
        },
        Command::GiveRole {
            id,
            role: Role::CoHost,
        },
        Command::EndRoom,
        Command::Ban {
            id,
            reason: "again".into(),
        },
        Command::LiftBans,
        Command::Admit { id: WaitingId(4) },
        Command::AdmitAll,
        Command::TurnAway {
            id: WaitingId(4),
            reason: "Who is this?".into(),
        },
        Command::LowerAllHands,
        Command::Spotlight { id: Some(id) },
        Command::Spotlight { id: None },
        Command::AskQuestion {
            text: "Why?".into(),
            anonymous: true,
        },
        Command::TakeBackQuestion {
            question: QuestionId(1),
        },
        Command::VoteQuestion {
            question: QuestionId(1),
            voted: true,
        },
        Command::PinQuestion {
            question: QuestionId(1),
            pinned: true,
        },
        Command::HideQuestion {
            question: QuestionId(1),
            hidden: true,
        },
        Command::ApproveQuestion {
            question: QuestionId(1),
        },
        Command::AnswerQuestion {
            question: QuestionId(1),
            text: None,
        },
        Command::SaveTemplate {
            name: "Our lectures".into(),
        },
        Command::DeleteTemplate {
            name: "Our lectures".into(),
        },
        Command::AskFloor,
        Command::ReleaseFloor,
        Command::GrantFloor { id },
        Command::TakeFloor,
        Command::HandOverFloor { id },
        Command::RaiseHand { raised: true },
        Command::LowerHand { id },
        Command::Mute {
            id,
            may_unmute: true,
        },
        Command::MuteAll { may_unmute: false },
        Command::AllowUnmute { id },
        Command::StopCamera { id },
        Command::StopShare,
        Command::Say {
            text: "line\nbreak \"quote\" 漢字".into(),
        },
        Command::DeleteLine { line: LineId(3) },
        Command::ListLines {
            before: LineId(9),
            lines_max: 50,
        },
        Command::SetTyping { typing: true },
        Command::React {
            emoji: "👍🏽".into()
        },
        Command::SetTimeLimit {
            in_ms: Some(3_600_000),
        },
        Command::Announce {
            text: "Lunch".into(),
        },
        Command::SetVolume {
            of: id,
            percent: 150,
        },
        Command::WatchCameras {
            watch: vec![Watch {
                source: id,
                layer_max: Layer::Large,
                pinned: true,
            }],
        },
        Command::ChooseQuality {
            receive: QualityChoice::Low,
        },
        Command::StartFocus,
        Command::StartBreak,
        Command::PauseTimer,
        Command::ResumeTimer,
        Command::ResetTimer,
        Command::SkipBreak,
        Command::SetTimerPlan {
            plan: TimerPlan::default(),
        },
        Command::SetGoal {
            text: "Chapter 3".into(),
        },
        Command::ShareStudy { shared: None },
        Command::ShareStudy {
            shared: Some(SharedStudy::default()),
        },
        Command::OpenFilm { film: film_file() },
        Command::PlayFilm { position_ms: None },
        Command::PauseFilm {
            position_ms: Some(Unchecked(125_300.5)),
        },
        Command::SeekFilm {
            position_ms: Unchecked(-1.0),
        },
        Command::SetFilmSpeed {
            rate_permille: Unchecked(1_500.0),
        },
        Command::StopFilm,
        Command::SetPlaylist { playlist: vec![] },
        Command::HaveFilm { film: film_file() },
        Command::MarkFilm {
            readiness: FilmReadiness::Ready,
        },
        Command::RevokeShare { file: FileId(1) },
        Command::RemoveFile { file: FileId(1) },
    ]
}

fn line() -> Line {
    Line {
        id: LineId(1),
        from: ParticipantId(7),
        name: "Ada".into(),
        kind: LineKind::File { file: FileId(2) },
        text: String::new(),
        at_ms: 1_700_000_000_000,
        deleted: true,
    }
}

fn question() -> Question {
    Question {
        id: QuestionId(1),
        from: None,
        name: String::new(),
        text: "Why?".into(),
        at_ms: 1_700_000_000_000,
        moment_ms: 12_000,
        votes: 3,
        pinned: true,
        hidden: false,
        in_review: false,
        answer: Some(Answer {
            by: ParticipantId(7),
            name: "Ada".into(),
            text: None,
            at_ms: 1_700_000_060_000,
            moment_ms: 72_000,
        }),
    }
}

fn study() -> Study {
    Study {
        clock: StudyClock {
            phase: StudyPhase::Focus,
            cycle: 2,
            length_ms: 1_500_000,
            ends_at_ms: Some(2_000_000),
            left_ms: 0,
            focus_done: 1,
        },
        goal: "Chapter 3".into(),
        focus_ms: 1_500_000,
        people: vec![StudyPerson {
            id: ParticipantId(7),
            focus_ms: 1_500_000,
            shared: Some(SharedStudy {
                focus_on: "Integrals".into(),
                goals: vec![Goal {
                    text: "Exercise 4".into(),
                    done: true,
                }],
                streak_days: 3,
            }),
        }],
    }
}

fn film_file() -> FilmFile {
    FilmFile {
        name: "Metropolis.mkv".into(),
        size_bytes: 4_000_000_000,
        duration_ms: 9_180_000,
        sample: Some("ab".repeat(32)),
        sha256: None,
    }
}

fn film() -> Film {
    Film {
        file: Some(film_file()),
        leader: Some(ParticipantId(7)),
        anchor: FilmAnchor {
            playing: true,
            position_ms: 125_300,
            at_ms: 60_040,
            rate_permille: 1_250,
            hold: Some(FilmHold {
                waiting_for: vec![ParticipantId(7)],
                until_ms: 70_000,
            }),
        },
        playlist: vec![film_file()],
        marks: vec![FilmMark {
            id: ParticipantId(7),
            readiness: FilmReadiness::Buffering,
            sure: false,
        }],
    }
}

fn server_messages() -> Vec<ServerMessage> {
    let id = ParticipantId(7);
    let member = Member {
        id,
        name: "Ada".into(),
        role: Role::Host,
        media: MediaState::default(),
        held_mute: true,
        away: false,
        joined_at_ms: u64::from(u32::MAX) + 1,
    };
    let state = RoomState {
        slug: "physics".into(),
        title: "Physics".into(),
        locked: false,
        has_password: true,
        settings: Settings::default(),
        members: vec![member.clone()],
        floor: Floor {
            presenter: Some(id),
            queue: vec![],
            hands: vec![id],
        },
        lines: vec![line()],
        files: vec![],
        agenda: Agenda::default(),
        spotlight: Some(id),
        waiting: vec![Waiter {
            id: WaitingId(4),
            name: "Cyd".into(),
            since_ms: 1_700_000_000_000,
        }],
        questions: vec![question()],
        mine: Mine {
            questions: vec![QuestionId(1)],
            votes: vec![],
        },
        study: study(),
        film: film(),
    };
    let welcome = Welcome {
        you: id,
        role: Role::Host,
        seat_token: "t".into(),
        cursor: Cursor {
            epoch: u32::MAX,
            number: 1,
        },
        snapshot: Some(state.clone()),
        media: MediaSession {
            addresses: vec!["[::1]:7443".into()],
            session: "00ff00ff00ff00ff".into(),
            suite: Suite::ChaCha20Poly1305,
            secret: "00".repeat(32),
        },
        room_clock_ms: 12,
        beat_interval_ms: 2_000,
        host_key: None,
        pulse: None,
    };
    let numbered = |event| Numbered { number: 5, event };
    let person = PersonSigns {
        id,
        quality: Some(Quality {
            verdict: QualityVerdict::Poor,
            ..Quality::default()
        }),
        ..PersonSigns::default()
    };
    vec![
        ServerMessage::Welcome(Box::new(welcome)),
        ServerMessage::Events {
            events: vec![
                numbered(Event::ParticipantJoined { member }),
                numbered(Event::ParticipantLeft {
                    id,
                    reason: LeaveReason::TooSlow,
                }),
                numbered(Event::FloorChanged {
                    floor: Floor::default(),
                    why: FloorChange::Released,
                }),
                numbered(Event::LineSaid { line: line() }),
                numbered(Event::RoleChanged {
                    id,
                    role: Role::Host,
                    why: RoleChange::PassedOn,
                }),
                numbered(Event::WaitingLeft { id: WaitingId(4) }),
                numbered(Event::SpotlightChanged { id: None }),
                numbered(Event::HandsLowered),
                numbered(Event::QuestionAsked {
                    question: question(),
                }),
                numbered(Event::VotesCounted {
                    counts: vec![VoteCount {
                        question: QuestionId(1),
                        votes: 4,
                    }],
                }),
                numbered(Event::VoteChanged {
                    question: QuestionId(1),
                    voted: true,
                }),
                numbered(Event::MeetingEnded {
                    reason: EndReason::TimeLimit,
                }),
                numbered(Event::StudyClockChanged {
                    clock: StudyClock::default(),
                    why: ClockChange::Reset,
                }),
                numbered(Event::FocusCounted {
                    room_ms: 1,
                    people: vec![FocusCount { id, focus_ms: 1 }],
                }),
                numbered(Event::GoalSet { text: "".into() }),
                numbered(Event::StudyShared { id, shared: None }),
                numbered(Event::FilmOpened {
                    file: Some(film_file()),
                    leader: Some(id),
                    anchor: FilmAnchor::default(),
                }),
                numbered(Event::FilmMoved {
                    anchor: film().anchor,
                    why: FilmMove::Held,
                    by: None,
                }),
                numbered(Event::FilmIdentified {
                    sha256: "cd".repeat(32),
                }),
                numbered(Event::FilmMarked {
                    marks: film().marks,
                }),
                numbered(Event::FilmLeadChanged { leader: None }),
                numbered(Event::PlaylistChanged { playlist: vec![] }),
            ],
        },
        ServerMessage::Waiting(AtTheDoor {
            title: "Physics".into(),
            position: 2,
            seat_token: "t".into(),
        }),
        ServerMessage::Snapshot {
            cursor: Cursor::default(),
            state: Box::new(state),
        },
        ServerMessage::Signs(Signs {
            people: vec![person],
            hint: Some(Hint::UdpBlocked),
            ..Signs::default()
        }),
        ServerMessage::Done {
            reference: 1,
            reply: Reply::Nothing,
        },
        ServerMessage::Done {
            reference: 2,
            reply: Reply::Lines {
                lines: vec![line()],
                more: true,
            },
        },
        ServerMessage::Refused {
            reference: None,
            refusal: Refusal::retry_after(RefusalCode::TooFast, 250),
        },
        ServerMessage::Beat {
            sent_ms: 1,
            room_clock_ms: 2,
            pulse: Some(Pulse {
                clock: Some(study().clock),
                film: Some(film().anchor),
            }),
        },
        ServerMessage::MediaAnswer {
            sdp: "v=0\r\n".into(),
        },
        ServerMessage::Goodbye {
            reason: LeaveReason::Kicked,
            text: "noise".into(),
        },
        ServerMessage::Moved { addresses: vec![] },
    ]
}

#[test]
fn a_small_players_numbers_are_read_whatever_they_are() {
    let json = br#"{"type":"do","payload":{"ref":1,"command":{"type":"seek_film","payload":{"position_ms":125300}}}}"#;
    let read: ClientMessage = Encoding::Json.decode(json).unwrap();
    let seek = |ms| ClientMessage::Do {
        reference: 1,
        command: Command::SeekFilm {
            position_ms: Unchecked(ms),
        },
    };
    assert_eq!(read, seek(125_300.0));
    // MessagePack can say what JSON cannot.
    for (ms, read_as) in [
        (f64::NAN, -1.0),
        (f64::NEG_INFINITY, -1.0),
        (1e300, -1.0),
        (-0.0, 0.0),
        (125_300.123_456, 125_300.123),
    ] {
        let bytes = Encoding::MessagePack.encode(&seek(ms));
        let read: ClientMessage = Encoding::MessagePack.decode(&bytes).unwrap();
        assert_eq!(read, seek(read_as));
    }
}

#[test]
fn settings_and_states_of_before_there_were_clocks_and_films_can_be_read() {
    let plan =
        br#"{"focus_minutes":50,"short_break_minutes":10,"long_break_minutes":20,"cycles":2}"#;
    let plan: TimerPlan = Encoding::Json.decode(plan).unwrap();
    assert_eq!(
        (plan.focus_minutes, plan.focus_mutes, plan.hush_banners),
        (50, false, true)
    );
    let settings: Settings = Encoding::Json
        .decode(br#"{"version":1,"film":true}"#)
        .unwrap();
    assert!(settings.film && !settings.film_strict && !settings.quiet_company);
}

#[test]
fn every_command_survives_both_encodings() {
    for command in commands() {
        let message = ClientMessage::Do {
            reference: 1,
            command,
        };
        for encoding in ENCODINGS {
            let bytes = encoding.encode(&message);
            assert_eq!(
                encoding.decode::<ClientMessage>(&bytes),
                Ok(message.clone())
            );
        }
    }
}

#[test]
fn every_server_message_survives_both_encodings() {
    for message in server_messages() {
        for encoding in ENCODINGS {
            let bytes = encoding.encode(&message);
            assert_eq!(
                encoding.decode_trusted::<ServerMessage>(&bytes),
                Ok(message.clone())
            );
        }
    }
}

#[test]
fn json_reads_as_the_protocol_page_says() {
    for (message, json) in [
        (
            ClientMessage::Hello {
                enter: Enter::Join {
                    slug: "physics".into(),
                    name: "Ada".into(),
                    password: None,
                    host_key: None,
                    sound: true,
                    device: None,
                    file_hash: None,
                },
                client: "example 1.0".into(),
            },
            r#"{"type":"hello","payload":{"enter":{"type":"join","payload":{"slug":"physics","name":"Ada","password":null,"host_key":null,"sound":true}},"client":"example 1.0"}}"#,
        ),
        (
            ClientMessage::Do {
                reference: 4,
                command: Command::RaiseHand { raised: true },
            },
            r#"{"type":"do","payload":{"ref":4,"command":{"type":"raise_hand","payload":{"raised":true}}}}"#,
        ),
        (
            ClientMessage::Do {
                reference: 5,
                command: Command::EndRoom,
            },
            r#"{"type":"do","payload":{"ref":5,"command":{"type":"end_room"}}}"#,
        ),
        (
            ClientMessage::Ack { number: 9 },
            r#"{"type":"ack","payload":{"number":9}}"#,
        ),
        (
            ClientMessage::OfferMedia {
                sdp: "v=0\r\n".into(),
            },
            r#"{"type":"offer_media","payload":{"sdp":"v=0\r\n"}}"#,
        ),
    ] {
        assert_eq!(
            String::from_utf8(Encoding::Json.encode(&message)).unwrap(),
            json
        );
        assert_eq!(
            Encoding::Json.decode::<ClientMessage>(json.as_bytes()),
            Ok(message)
        );
    }
}

#[test]
fn fields_of_a_later_version_are_passed_over() {
    let json = br#"{"type":"ack","payload":{"number":9,"colour":"blue"},"later":[1,2]}"#;
    assert_eq!(
        Encoding::Json.decode::<ClientMessage>(json),
        Ok(ClientMessage::Ack { number: 9 })
    );
}

#[test]
fn a_message_that_is_too_large_is_not_even_read() {
    for encoding in ENCODINGS {
        let bytes = vec![b' '; CONTROL_MESSAGE_BYTES_MAX + 1];
        assert_eq!(
            encoding.decode::<ClientMessage>(&bytes),
            Err(DecodeError::TooLarge)
        );
    }
}

#[test]
fn deep_nesting_is_refused_before_it_is_built() {
    let deep = CONTROL_DEPTH_MAX + 1;
    let json = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    assert_eq!(
        Encoding::Json.decode::<ClientMessage>(json.as_bytes()),
        Err(DecodeError::TooDeep)
    );
    // An unknown field whose value is nested: arrays of one element (0x91) around nil (0xc0).
    let mut packed = vec![0x82, 0xa1, b'x'];
    packed.extend(std::iter::repeat_n(0x91, 10_000));
    packed.push(0xc0);
    assert_eq!(
        Encoding::MessagePack.decode::<ClientMessage>(&packed),
        Err(DecodeError::TooDeep)
    );
}

#[test]
fn brackets_in_a_string_are_no_nesting() {
    let message = ClientMessage::Do {
        reference: 1,
        command: Command::Say {
            text: "[{\\\"[".repeat(100),
        },
    };
    let bytes = Encoding::Json.encode(&message);
    assert_eq!(Encoding::Json.decode::<ClientMessage>(&bytes), Ok(message));
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    // A MessagePack string, array and map that promise 4 GiB.
    for head in [0xdb, 0xdd, 0xdf] {
        let bytes = [head, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        assert_eq!(
            Encoding::MessagePack.decode::<ClientMessage>(&bytes),
            Err(DecodeError::Malformed)
        );
    }
}

#[test]
fn every_refusal_has_a_status_and_a_sentence() {
    let mut codes = std::collections::BTreeSet::new();
    for &code in RefusalCode::ALL {
        assert!((400..600).contains(&code.status()), "{code:?}");
        assert!(code.sentence().ends_with('.'), "{code:?}");
        assert!(codes.insert(serde_json::to_string(&code).unwrap()));
    }
}

proptest! {
    #[test]
    fn truncated_or_damaged_messages_never_panic(
        which in 0..33usize, cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1..=255u8,
    ) {
        let command = commands().swap_remove(which);
        for encoding in ENCODINGS {
            let whole = encoding.encode(&ClientMessage::Do { reference: 1, command: command.clone() });
            let short = &whole[..cut.index(whole.len())];
            prop_assert!(encoding.decode::<ClientMessage>(short).is_err());
            let mut damaged = whole.clone();
            damaged[at.index(whole.len())] ^= flip;
            if let Ok(other) = encoding.decode::<ClientMessage>(&damaged) {
                prop_assert_eq!(encoding.decode::<ClientMessage>(&encoding.encode(&other)), Ok(other));
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for encoding in ENCODINGS {
            let _ = encoding.decode::<ClientMessage>(&bytes);
            let _ = encoding.decode_trusted::<ServerMessage>(&bytes);
        }
    }
}

#[test]
fn the_protocol_page_names_every_refusal() {
    let page = include_str!("../../../docs/PROTOCOL.md");
    for &code in RefusalCode::ALL {
        let name = serde_json::to_string(&code).unwrap().replace('"', "");
        let row = format!("| `{name}` | {} | {} |", code.status(), code.sentence());
        assert!(page.contains(&row), "docs/PROTOCOL.md lacks: {row}");
    }
}

#[test]
fn settings_of_before_there_were_questions_are_read_as_they_were_meant() {
    let json = br#"{"newcomers":"presenter","members_max":7,"muted_on_entry":true,"keep_hours":0}"#;
    let settings: Settings = Encoding::Json.decode_trusted(json).unwrap();
    let expected = Settings {
        newcomers: Role::Presenter,
        members_max: 7,
        muted_on_entry: true,
        keep_hours: 0,
        ..Settings::default()
    };
    assert_eq!(settings, expected);
    assert!(settings.may_unmute && !settings.waiting_room && !settings.questions.open);
}

/// Pieces of JSON that are messages: what stands apart, over as many lines as its braces need, and what is in quotes.
fn examples(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = String::new();
    for line in page.lines() {
        if !open.is_empty() || line.starts_with("    {\"type\":\"") {
            open.push_str(line.trim());
            if open.matches('{').count() == open.matches('}').count() {
                found.push(std::mem::take(&mut open));
            }
            continue;
        }
        let quoted = line.split('`').skip(1).step_by(2);
        found.extend(
            quoted
                .filter(|text| text.starts_with("{\"type\":\""))
                .map(str::to_owned),
        );
    }
    assert_eq!(open, "", "an example that does not end");
    found
}

#[test]
fn the_examples_of_the_protocol_page_are_messages() {
    fn reads<T: serde::de::DeserializeOwned>(text: &str) -> bool {
        serde_json::from_str::<T>(text).is_ok()
    }
    let page = include_str!("../../../docs/PROTOCOL.md");
    let examples = examples(page);
    assert!(examples.len() >= 18, "{examples:#?}");
    for example in examples {
        // Hashes are cut short on the page.
        let whole = example.replace("a3f5…", &"a3".repeat(32));
        let whole = whole.replace("b7c1…", &"b7".repeat(32));
        let message = reads::<ClientMessage>(&whole) || reads::<ServerMessage>(&whole);
        let part = reads::<Command>(&whole) || reads::<Enter>(&whole) || reads::<Event>(&whole);
        assert!(message || part, "nothing reads {example}");
    }
}
