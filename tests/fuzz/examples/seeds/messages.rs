//! Seeds for what serde reads: the control link in both encodings, HTTP bodies, the screen's hello.

use conclave_wire::{
    Answer, AtTheDoor, ClientMessage, Command, Cursor, Encoding, Event, Film, FilmAnchor, FilmFile,
    FilmHold, FilmMark, FilmMove, FilmReadiness, Goal, Layer, Member, Mine, Numbered,
    ParticipantId, Question, QuestionId, Refusal, RefusalCode, Role, RoomState, ServerMessage,
    SharedStudy, Signs, Study, TimerPlan, VoteCount, Waiter, WaitingId,
    command::{Reply, Watch},
    event::PersonSigns,
    film::Unchecked,
    http::{CreateRoom, JoinRoom},
    limits::{CONTROL_DEPTH_MAX, CONTROL_MESSAGE_BYTES_MAX},
    message::Enter,
    model::{Agenda, Floor, LeaveReason, MediaSession, MediaState, Settings, Suite, Welcome},
    screen::{ScreenHello, ScreenPurpose},
};
use serde::Serialize;

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, message) in client_messages() {
        both_encodings(&mut seeds, CLIENT, name, &message);
    }
    for (name, message) in server_messages() {
        both_encodings(&mut seeds, SERVER, name, &message);
    }
    for targets in [CLIENT, SERVER] {
        bad_json(&mut seeds, targets.json);
        bad_msgpack(&mut seeds, targets.msgpack);
    }
    for (target, valid) in json_bodies() {
        seeds.push(Seed(target, "valid-whole".to_owned(), valid));
        bad_json(&mut seeds, target);
    }
    seeds
}

#[derive(Clone, Copy)]
struct Targets {
    msgpack: &'static str,
    json: &'static str,
}

const CLIENT: Targets = Targets {
    msgpack: "client_message_msgpack",
    json: "client_message_json",
};
const SERVER: Targets = Targets {
    msgpack: "server_message_msgpack",
    json: "server_message_json",
};

fn both_encodings<T: Serialize>(seeds: &mut Vec<Seed>, targets: Targets, name: &str, message: &T) {
    for (target, encoding) in [
        (targets.msgpack, Encoding::MessagePack),
        (targets.json, Encoding::Json),
    ] {
        seeds.push(Seed(
            target,
            format!("valid-{name}"),
            encoding.encode(message),
        ));
    }
}

fn command(reference: u32, command: Command) -> ClientMessage {
    ClientMessage::Do { reference, command }
}

fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let hello = |enter| ClientMessage::Hello {
        enter,
        client: "seed 1".to_owned(),
    };
    vec![
        (
            "join",
            hello(Enter::Join {
                slug: "maths-3b".to_owned(),
                name: "Zoë 🦉".to_owned(),
                password: Some("correct horse".to_owned()),
                host_key: None,
                sound: true,
                device: None,
                file_hash: None,
            }),
        ),
        (
            "resume",
            hello(Enter::Resume {
                seat_token: "c2VlZA".to_owned(),
                cursor: Some(Cursor {
                    epoch: u32::MAX,
                    number: 41,
                }),
            }),
        ),
        ("ack", ClientMessage::Ack { number: u32::MAX }),
        ("beat", ClientMessage::Beat { sent_ms: u64::MAX }),
        (
            "offer-media",
            ClientMessage::OfferMedia {
                sdp: "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".to_owned(),
            },
        ),
        ("do-leave", command(1, Command::Leave)),
        (
            "do-turn-away",
            command(
                6,
                Command::TurnAway {
                    id: WaitingId(u32::MAX),
                    reason: "Who is this?".to_owned(),
                },
            ),
        ),
        (
            "do-ask-question",
            command(
                7,
                Command::AskQuestion {
                    text: "Why? 🤔".to_owned(),
                    anonymous: true,
                },
            ),
        ),
        (
            "do-answer-question",
            command(
                8,
                Command::AnswerQuestion {
                    question: QuestionId(1),
                    text: None,
                },
            ),
        ),
        (
            "do-say",
            command(
                2,
                Command::Say {
                    text: "*bold* \"quoted\" \\ and\nmore".to_owned(),
                },
            ),
        ),
        (
            "do-change-settings",
            command(
                3,
                Command::ChangeSettings {
                    settings: Settings::default(),
                },
            ),
        ),
        (
            "do-set-password",
            command(4, Command::SetPassword { password: None }),
        ),
        (
            "do-watch-cameras",
            command(
                5,
                Command::WatchCameras {
                    watch: vec![Watch {
                        source: ParticipantId(7),
                        layer_max: Layer::Large,
                        pinned: true,
                    }],
                },
            ),
        ),
        ("do-start-focus", command(9, Command::StartFocus)),
        (
            "do-set-timer-plan",
            command(
                10,
                Command::SetTimerPlan {
                    plan: TimerPlan {
                        focus_minutes: u32::MAX,
                        ..TimerPlan::default()
                    },
                },
            ),
        ),
        (
            "do-share-study",
            command(
                11,
                Command::ShareStudy {
                    shared: Some(SharedStudy {
                        focus_on: "Integrals ∫".to_owned(),
                        goals: vec![Goal {
                            text: "Exercise 4".to_owned(),
                            done: true,
                        }],
                        streak_days: u32::MAX,
                    }),
                },
            ),
        ),
        (
            "do-open-film",
            command(12, Command::OpenFilm { film: film_file() }),
        ),
        (
            "do-seek-film",
            command(
                13,
                Command::SeekFilm {
                    position_ms: Unchecked(-1e300),
                },
            ),
        ),
        (
            "do-play-film",
            command(14, Command::PlayFilm { position_ms: None }),
        ),
        (
            "do-mark-film",
            command(
                15,
                Command::MarkFilm {
                    readiness: FilmReadiness::Mismatched,
                },
            ),
        ),
        (
            "do-set-time-limit",
            command(
                6,
                Command::SetTimeLimit {
                    in_ms: Some(1 << 60),
                },
            ),
        ),
    ]
}

fn film_file() -> FilmFile {
    FilmFile {
        name: "Metropolis 🎬.mkv".to_owned(),
        size_bytes: 1 << 53,
        duration_ms: 9_180_000,
        sample: Some("5a".repeat(32)),
        sha256: Some("not a hash".to_owned()),
    }
}

fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let member = Member {
        id: ParticipantId(1),
        name: "Ada".to_owned(),
        role: Role::Host,
        media: MediaState::default(),
        held_mute: false,
        away: true,
        joined_at_ms: 1_700_000_000_000,
    };
    let state = RoomState {
        slug: "maths-3b".to_owned(),
        title: "Maths".to_owned(),
        locked: false,
        has_password: true,
        settings: Settings::default(),
        members: vec![member.clone()],
        floor: Floor {
            presenter: Some(ParticipantId(1)),
            queue: vec![],
            hands: vec![ParticipantId(2), ParticipantId(3)],
        },
        lines: vec![],
        files: vec![],
        agenda: Agenda::default(),
        spotlight: Some(ParticipantId(2)),
        waiting: vec![Waiter {
            id: WaitingId(4),
            name: "Cyd".to_owned(),
            since_ms: 1_700_000_000_000,
        }],
        questions: vec![question()],
        mine: Mine {
            questions: vec![QuestionId(1)],
            votes: vec![],
        },
        study: Study {
            goal: "Chapter 3".to_owned(),
            ..Study::default()
        },
        film: Film {
            file: Some(film_file()),
            ..Film::default()
        },
    };
    vec![
        (
            "welcome",
            ServerMessage::Welcome(Box::new(Welcome {
                you: ParticipantId(1),
                role: Role::Host,
                seat_token: "c2VlZA".to_owned(),
                cursor: Cursor {
                    epoch: 9,
                    number: 1,
                },
                snapshot: Some(state),
                media: MediaSession {
                    addresses: vec!["127.0.0.1:7443".to_owned(), "[::1]:7443".to_owned()],
                    session: "00000000000000ff".to_owned(),
                    suite: Suite::ChaCha20Poly1305,
                    secret: "5e".repeat(32),
                },
                room_clock_ms: 12,
                beat_interval_ms: 5_000,
                host_key: None,
                pulse: None,
            })),
        ),
        (
            "film",
            ServerMessage::Events {
                events: vec![
                    Numbered {
                        number: 1,
                        event: Event::FilmOpened {
                            file: Some(film_file()),
                            leader: Some(ParticipantId(1)),
                            anchor: FilmAnchor::default(),
                        },
                    },
                    Numbered {
                        number: 2,
                        event: Event::FilmMoved {
                            anchor: FilmAnchor {
                                playing: true,
                                position_ms: u64::MAX,
                                hold: Some(FilmHold {
                                    waiting_for: vec![ParticipantId(2)],
                                    until_ms: 10_000,
                                }),
                                ..FilmAnchor::default()
                            },
                            why: FilmMove::Held,
                            by: None,
                        },
                    },
                    Numbered {
                        number: 3,
                        event: Event::FilmMarked {
                            marks: vec![FilmMark {
                                id: ParticipantId(2),
                                readiness: FilmReadiness::Buffering,
                                sure: true,
                            }],
                        },
                    },
                ],
            },
        ),
        (
            "waiting",
            ServerMessage::Waiting(AtTheDoor {
                title: "Maths".to_owned(),
                position: 2,
                seat_token: "c2VlZA".to_owned(),
            }),
        ),
        (
            "events",
            ServerMessage::Events {
                events: vec![
                    Numbered {
                        number: 1,
                        event: Event::ParticipantJoined { member },
                    },
                    Numbered {
                        number: 5,
                        event: Event::RoomLocked { locked: true },
                    },
                    Numbered {
                        number: 6,
                        event: Event::QuestionAsked {
                            question: question(),
                        },
                    },
                    Numbered {
                        number: 9,
                        event: Event::VotesCounted {
                            counts: vec![VoteCount {
                                question: QuestionId(1),
                                votes: u32::MAX,
                            }],
                        },
                    },
                ],
            },
        ),
        (
            "signs",
            ServerMessage::Signs(Signs {
                people: vec![PersonSigns {
                    id: ParticipantId(1),
                    level: Some(127),
                    reaction: Some("👍🏽".to_owned()),
                    ..PersonSigns::default()
                }],
                publish_layers: Some(vec![Layer::Thumbnail]),
                ..Signs::default()
            }),
        ),
        (
            "done",
            ServerMessage::Done {
                reference: 3,
                reply: Reply::Nothing,
            },
        ),
        (
            "refused",
            ServerMessage::Refused {
                reference: None,
                refusal: Refusal::retry_after(RefusalCode::TooFast, 250),
            },
        ),
        (
            "media-answer",
            ServerMessage::MediaAnswer {
                sdp: "v=0\r\na=ice-lite\r\n".to_owned(),
            },
        ),
        (
            "goodbye",
            ServerMessage::Goodbye {
                reason: LeaveReason::TooSlow,
                text: String::new(),
            },
        ),
    ]
}

fn json_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let create = CreateRoom {
        title: "Maths".to_owned(),
        password: Some("x".repeat(72)),
        ..CreateRoom::default()
    };
    let join = JoinRoom {
        name: "Ada".to_owned(),
        password: None,
        host_key: None,
        device: None,
        file_hash: None,
    };
    let hello = ScreenHello {
        slug: "maths".to_owned(),
        seat_token: "c2VlZA".to_owned(),
        purpose: ScreenPurpose::View,
    };
    vec![
        ("http_create_room", Encoding::Json.encode(&create)),
        ("http_join_room", Encoding::Json.encode(&join)),
        ("screen_hello", Encoding::Json.encode(&hello)),
    ]
}

fn bad_json(seeds: &mut Vec<Seed>, target: &'static str) {
    let deep = |levels: usize, opening: &str, closing: &str| {
        [
            opening.repeat(levels),
            "1".to_owned(),
            closing.repeat(levels),
        ]
        .concat()
    };
    let texts = [
        ("empty", String::new()),
        (
            "truncated",
            r#"{"type":"hello","payload":{"enter":"#.to_owned(),
        ),
        (
            "unknown-type",
            r#"{"type":"fly","payload":{"name":"x","title":"y"}"#.to_owned(),
        ),
        (
            "wrong-types",
            r#"{"type":"ack","payload":{"number":"7"},"name":1,"title":[]}"#.to_owned(),
        ),
        (
            "negative",
            r#"{"type":"ack","payload":{"number":-1},"name":null,"title":null}"#.to_owned(),
        ),
        (
            "number-too-large",
            r#"{"type":"ack","payload":{"number":99999999999},"name":1e999}"#.to_owned(),
        ),
        (
            "twice-the-key",
            r#"{"type":"ack","type":"ack","payload":{"number":1},"title":1,"name":2}"#.to_owned(),
        ),
        (
            "lone-surrogate",
            r#"{"title":"\ud800","name":"\udfff","type":"\ud83d"}"#.to_owned(),
        ),
        (
            "trailing",
            r#"{"type":"ack","payload":{"number":1},"name":"x","title":"y"} ,"#.to_owned(),
        ),
        (
            "bracket-in-string",
            format!(r#"{{"type":"{}"}}"#, "[{".repeat(60)),
        ),
        ("deep-lists", deep(CONTROL_DEPTH_MAX + 1, "[", "]")),
        ("deep-objects", deep(20_000 / 6, r#"{"a":"#, "}")),
        ("deep-unclosed", "[".repeat(50_000)),
        // Content before its tag has to be kept until the tag is known.
        (
            "payload-first",
            format!(
                r#"{{"payload":{},"type":"fly"}}"#,
                deep(CONTROL_DEPTH_MAX - 2, "[", "]")
            ),
        ),
        (
            "many-empty-lists",
            format!(r#"{{"payload":[{}[]],"type":"fly"}}"#, "[],".repeat(20_000)),
        ),
        (
            "oversized",
            format!("\"{}\"", "a".repeat(CONTROL_MESSAGE_BYTES_MAX)),
        ),
    ];
    for (name, text) in texts {
        seeds.push(Seed(target, format!("bad-{name}"), text.into_bytes()));
    }
    let not_utf8 = b"{\"type\":\"\xff\xfe\",\"name\":\"\xc0\x80\"}".to_vec();
    seeds.push(Seed(target, "bad-not-utf8".to_owned(), not_utf8));
}

fn bad_msgpack(seeds: &mut Vec<Seed>, target: &'static str) {
    // {"payload": …, "type": "fly"}: content before its tag, so that it has to be kept.
    let kept = |payload: &[u8]| {
        let mut bytes = b"\x82\xa7payload".to_vec();
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(b"\xa4type\xa3fly");
        bytes
    };
    let cases = [
        ("empty", vec![]),
        ("reserved-marker", vec![0xc1]),
        ("truncated", b"\x82\xa4type\xa5hello\xa7payl".to_vec()),
        (
            "unknown-type",
            b"\x82\xa4type\xa3fly\xa7payload\x80".to_vec(),
        ),
        (
            "wrong-types",
            b"\x82\xa4type\xa3ack\xa7payload\x81\xa6number\xa17".to_vec(),
        ),
        (
            "negative",
            b"\x82\xa4type\xa3ack\xa7payload\x81\xa6number\xff".to_vec(),
        ),
        (
            "trailing",
            b"\x82\xa4type\xa3ack\xa7payload\x81\xa6number\x01\xc0".to_vec(),
        ),
        ("not-utf8", b"\x81\xa4type\xa2\xff\xfe".to_vec()),
        ("list-of-4-billion", b"\xdd\xff\xff\xff\xff".to_vec()),
        ("map-of-4-billion", b"\xdf\xff\xff\xff\xff\xa4type".to_vec()),
        (
            "string-of-4-billion",
            b"\x81\xa4type\xdb\xff\xff\xff\xffx".to_vec(),
        ),
        ("kept-bytes-of-4-billion", kept(b"\xc6\xff\xff\xff\xff")),
        (
            "kept-lists-of-4-billion",
            kept(&b"\xdd\xff\xff\xff\xff".repeat(CONTROL_DEPTH_MAX - 2)),
        ),
        (
            "kept-lists-of-4-billion-too-deep",
            kept(&b"\xdd\xff\xff\xff\xff".repeat(1_000)),
        ),
        (
            "kept-maps-of-4-billion",
            kept(&b"\xdf\xff\xff\xff\xff\xa1a".repeat(CONTROL_DEPTH_MAX - 2)),
        ),
        ("kept-extension", kept(b"\xc9\xff\xff\xff\xff\x01")),
        ("deep-lists", [vec![0x91; 60_000], vec![0xc0]].concat()),
        (
            "many-kept-nils",
            kept(&[vec![0xdc, 0xea, 0x60], vec![0xc0; 60_000]].concat()),
        ),
        (
            "deep-kept-lists",
            kept(&[vec![0x91; 1_000], vec![0xc0]].concat()),
        ),
        (
            "oversized",
            [
                vec![0xdb, 0, 1, 0, 0],
                vec![b'a'; CONTROL_MESSAGE_BYTES_MAX],
            ]
            .concat(),
        ),
    ];
    for (name, bytes) in cases {
        seeds.push(Seed(target, format!("bad-{name}"), bytes));
    }
}

fn question() -> Question {
    Question {
        id: QuestionId(1),
        from: None,
        name: String::new(),
        text: "Why?".to_owned(),
        at_ms: 1_700_000_000_000,
        moment_ms: 12_000,
        votes: 3,
        pinned: true,
        hidden: false,
        in_review: false,
        answer: Some(Answer {
            by: ParticipantId(7),
            name: "Ada".to_owned(),
            text: None,
            at_ms: 1_700_000_060_000,
            moment_ms: 72_000,
        }),
    }
}
