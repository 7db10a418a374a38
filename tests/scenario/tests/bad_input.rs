//! What cannot be read, or comes out of turn, is refused with a code, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use conclave_client::link::{
    dial::Dialer,
    http::{HttpClient, HttpError, Upload, success},
    invite::Invite,
};
use conclave_scenario::{
    raw::{RawClient, join_as, refusal_of, upgrade},
    server::{Server, SharedServer},
};
use conclave_wire::{
    ClientMessage, Command, Encoding, LeaveReason, ParticipantId, RefusalCode, ServerMessage,
    Settings,
    command::Reply,
    http::{CreateRoom, JoinRoom},
    limits::{CONTROL_DEPTH_MAX, CONTROL_MESSAGE_BYTES_MAX, LINE_BYTES_MAX},
    message::Enter,
};
use hyper::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

static SERVER: SharedServer = SharedServer::new(&[]);
const BOTH: [Encoding; 2] = [Encoding::Json, Encoding::MessagePack];

/// Somebody in the room whose day must not be spoiled.
struct Witness(RawClient);

impl Witness {
    async fn join(invite: &Invite) -> Witness {
        Witness(RawClient::join(invite, "Witness", Encoding::Json).await.0)
    }

    /// The room still works, and nobody was told more than that people came and went.
    async fn is_well(&mut self, mark: &str) {
        self.0.say(mark).await;
    }
}

/// This value in that encoding, whether or not it is a message.
fn encoded(encoding: Encoding, value: &Value) -> Vec<u8> {
    encoding.encode(value)
}

/// Lists in lists.
fn nested(encoding: Encoding, levels: usize) -> Vec<u8> {
    match encoding {
        Encoding::Json => format!("{}{}", "[".repeat(levels), "]".repeat(levels)).into_bytes(),
        Encoding::MessagePack => [vec![0x91; levels], vec![0xc0]].concat(),
    }
}

fn beat() -> Value {
    json!({"type": "beat", "payload": {"sent_ms": 1}})
}

/// Frames that are no message, and what each is refused with.
fn unreadable(encoding: Encoding) -> Vec<(&'static str, Vec<u8>, RefusalCode)> {
    let whole = encoded(encoding, &beat());
    let cut = whole[..whole.len() - 3].to_vec();
    let malformed = [
        ("nothing", Vec::new()),
        ("cut short", cut),
        ("two in one", [whole.clone(), whole].concat()),
        (
            "an unknown type",
            encoded(encoding, &json!({"type": "dance", "payload": {}})),
        ),
        ("no type", encoded(encoding, &json!({"payload": {}}))),
        ("no payload", encoded(encoding, &json!({"type": "ack"}))),
        (
            "a number as text",
            encoded(
                encoding,
                &json!({"type": "ack", "payload": {"number": "1"}}),
            ),
        ),
        (
            "a number too large",
            encoded(
                encoding,
                &json!({"type": "ack", "payload": {"number": 1_u64 << 40}}),
            ),
        ),
        (
            "a number below zero",
            encoded(encoding, &json!({"type": "ack", "payload": {"number": -1}})),
        ),
        ("a list as message", encoded(encoding, &json!([1, 2, 3]))),
        ("a text as message", encoded(encoding, &json!("hello"))),
        (
            "an unknown command",
            encoded(
                encoding,
                &json!({"type": "do", "payload": {"ref": 1, "command": {"type": "dance"}}}),
            ),
        ),
        (
            "a command of the wrong type",
            encoded(
                encoding,
                &json!({"type": "do", "payload": {"ref": 1, "command": {"type": "say", "payload": {"text": 5}}}}),
            ),
        ),
        (
            "a command without reference",
            encoded(
                encoding,
                &json!({"type": "do", "payload": {"command": {"type": "leave"}}}),
            ),
        ),
        (
            "an unknown way in",
            encoded(
                encoding,
                &json!({"type": "hello", "payload": {"enter": {"type": "fly"}, "client": "x"}}),
            ),
        ),
        (
            "deep, but not too deep",
            nested(encoding, CONTROL_DEPTH_MAX),
        ),
    ];
    let mut frames: Vec<_> = malformed
        .into_iter()
        .map(|(what, bytes)| (what, bytes, RefusalCode::Malformed))
        .collect();
    frames.push((
        "too deep",
        nested(encoding, CONTROL_DEPTH_MAX + 1),
        RefusalCode::TooDeep,
    ));
    frames.push((
        "far too deep",
        nested(encoding, 20_000),
        RefusalCode::TooDeep,
    ));
    if encoding == Encoding::MessagePack {
        let lies: [(&str, &[u8]); 4] = [
            (
                "a list that says it is endless",
                b"\xdd\xff\xff\xff\xff\xc0",
            ),
            (
                "a map that says it is endless",
                b"\xdf\xff\xff\xff\xff\xc0\xc0",
            ),
            ("a text that says it is endless", b"\xdb\xff\xff\xff\xffx"),
            ("a byte that means nothing", b"\xc1"),
        ];
        frames.extend(lies.map(|(what, bytes)| (what, bytes.to_vec(), RefusalCode::Malformed)));
    }
    frames
}

#[tokio::test]
async fn frames_that_cannot_be_read_are_refused_and_the_link_lives() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut witness = Witness::join(&invite).await;
    for encoding in BOTH {
        // A few at a time: who goes on with it is dropped.
        for frames in unreadable(encoding).chunks(4) {
            let (mut client, _) = RawClient::join(&invite, "Clumsy", encoding).await;
            for (what, bytes, code) in frames {
                client.send_bytes(bytes.clone()).await;
                assert_eq!(client.refused().await.code, *code, "{what} in {encoding:?}");
            }
            client.say("here I am").await;
            witness.0.hears("here I am").await;
        }
    }
    witness.is_well("all well").await;
}

#[tokio::test]
async fn frames_that_cannot_be_read_are_refused_before_hello_too() {
    let server = SERVER.get();
    let invite = server.room().await;
    for encoding in BOTH {
        for frames in unreadable(encoding).chunks(4) {
            let mut client = RawClient::open(&invite, encoding).await;
            for (what, bytes, code) in frames {
                client.send_bytes(bytes.clone()).await;
                assert_eq!(client.refused().await.code, *code, "{what} in {encoding:?}");
            }
            client.hello(join_as(&invite, "Late")).await;
            client.welcomed().await;
        }
    }
}

#[tokio::test]
async fn frames_of_the_other_kind_are_refused() {
    let server = SERVER.get();
    let invite = server.room().await;
    for encoding in BOTH {
        let (mut client, _) = RawClient::join(&invite, "Mixed up", encoding).await;
        let other = match encoding {
            Encoding::Json => Message::Binary(encoded(Encoding::MessagePack, &beat()).into()),
            Encoding::MessagePack => Message::Text(beat().to_string().into()),
        };
        assert!(client.try_send(other).await);
        assert_eq!(client.refused().await.code, RefusalCode::Malformed);
        client.say("still here").await;
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut witness = Witness::join(&invite).await;
    for encoding in BOTH {
        let text = "x".repeat(CONTROL_MESSAGE_BYTES_MAX);
        let large = json!({"type": "do", "payload": {"ref": 1, "command": {"type": "say", "payload": {"text": text}}}});
        let bytes = encoded(encoding, &large);

        // In one frame: the rest of the frame is not read, so the link ends.
        let (mut client, _) = RawClient::join(&invite, "Loud", encoding).await;
        client.send_bytes(bytes.clone()).await;
        assert_eq!(client.refused().await.code, RefusalCode::TooLarge);
        client.closed().await;

        // In pieces: each is small enough to be read and forgotten, so the link lives.
        let (mut client, _) = RawClient::join(&invite, "Loud", encoding).await;
        send_in_pieces(&mut client, encoding, &bytes, 16 * 1_024).await;
        assert_eq!(client.refused().await.code, RefusalCode::TooLarge);
        client.say("smaller now").await;
        witness.0.hears("smaller now").await;
    }
    witness.is_well("all well").await;
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message() {
    let server = SERVER.get();
    let invite = server.room().await;
    for encoding in BOTH {
        let (mut client, _) = RawClient::join(&invite, "Slow", encoding).await;
        let command = Command::Say {
            text: "piece by piece".to_owned(),
        };
        let reference = client.take_reference();
        let bytes = encoding.encode(&ClientMessage::Do { reference, command });
        send_in_pieces(&mut client, encoding, &bytes, 10).await;
        client.hears("piece by piece").await;
    }
}

async fn send_in_pieces(client: &mut RawClient, encoding: Encoding, bytes: &[u8], size: usize) {
    let first = match encoding {
        Encoding::Json => Data::Text,
        Encoding::MessagePack => Data::Binary,
    };
    let count = bytes.chunks(size).count();
    for (index, piece) in bytes.chunks(size).enumerate() {
        let kind = if index == 0 { first } else { Data::Continue };
        let frame = Frame::message(piece.to_vec(), OpCode::Data(kind), index + 1 == count);
        assert!(client.try_send(Message::Frame(frame)).await);
    }
}

#[tokio::test]
async fn who_goes_on_with_what_cannot_be_read_is_dropped() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut witness = Witness::join(&invite).await;
    let (mut client, welcome) = RawClient::join(&invite, "Stubborn", Encoding::Json).await;
    for _ in 0..100 {
        if !client.try_send(Message::Text("{".into())).await {
            break;
        }
    }
    let last_words = client.closed().await;
    let refused = last_words.iter().filter(|message| {
        matches!(message, ServerMessage::Refused { refusal, .. } if refusal.code == RefusalCode::Malformed)
    });
    let refused = refused.count();
    assert!((1..100).contains(&refused), "{refused} of 100");
    assert!(
        matches!(
            last_words.last(),
            Some(ServerMessage::Goodbye {
                reason: LeaveReason::Flooding,
                ..
            })
        ),
        "{last_words:?}"
    );
    gone_or_away(&mut witness.0, welcome.you).await;
    witness.is_well("all well").await;
}

async fn gone_or_away(witness: &mut RawClient, who: ParticipantId) {
    use conclave_wire::Event::{ParticipantAway, ParticipantLeft};
    witness
        .until("that somebody went", |message| {
            let ServerMessage::Events { events } = message else {
                return None;
            };
            let went = events.iter().any(|numbered| match numbered.event {
                ParticipantLeft { id, .. } => id == who,
                ParticipantAway { id, away } => id == who && away,
                _ => false,
            });
            went.then_some(())
        })
        .await;
}

#[tokio::test]
async fn nothing_is_done_before_hello() {
    let server = SERVER.get();
    let invite = server.room().await;
    for encoding in BOTH {
        let mut client = RawClient::open(&invite, encoding).await;
        let command = Command::Say {
            text: "who am I?".to_owned(),
        };
        client
            .send(&ClientMessage::Do {
                reference: 1,
                command,
            })
            .await;
        assert_eq!(client.refused().await.code, RefusalCode::HelloExpected);
        client.hello(join_as(&invite, "Now in")).await;
        let welcome = client.welcomed().await;
        let lines = welcome.snapshot.expect("a newcomer gets the state").lines;
        assert!(
            lines.iter().all(|line| line.text != "who am I?"),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_second_hello_is_refused_and_takes_no_second_seat() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut witness = Witness::join(&invite).await;
    for encoding in BOTH {
        let (mut client, _) = RawClient::join(&invite, "Twice", encoding).await;
        client.hello(join_as(&invite, "Twice")).await;
        assert_eq!(client.refused().await.code, RefusalCode::HelloTwice);
        client.say("once").await;
        witness.0.hears("once").await;
    }
    let look = server.http().look(&invite.slug).await.unwrap();
    assert!(look.members <= 3, "{look:?}");
}

#[tokio::test]
async fn who_does_not_say_hello_in_time_is_turned_away() {
    let server = Server::with(&["join_deadline_seconds=1"]);
    let mut silent = RawClient::open(&server.invite(), Encoding::Json).await;
    assert_eq!(silent.refused().await.code, RefusalCode::Timeout);
    silent.closed().await;
    // Signs of life are no hello.
    let mut chatty = RawClient::open(&server.invite(), Encoding::MessagePack).await;
    chatty.send(&ClientMessage::Beat { sent_ms: 1 }).await;
    chatty.send(&ClientMessage::Ack { number: 7 }).await;
    assert_eq!(chatty.refused().await.code, RefusalCode::Timeout);
    chatty.closed().await;
    // Who came in time stays.
    let (mut client, _) = RawClient::join(&server.invite(), "In time", Encoding::Json).await;
    let mut late = RawClient::open(&server.invite(), Encoding::Json).await;
    late.closed().await;
    client.say("still here").await;
}

#[tokio::test]
async fn links_of_other_versions_and_other_sites_are_refused() {
    let server = SERVER.get();
    let invite = server.invite();
    let newer = upgrade(
        &invite,
        "/ws",
        &[("sec-websocket-protocol", "conclave.9.json")],
    )
    .await;
    let (status, refusal) = refusal_of(newer);
    assert_eq!(
        (status, refusal.code),
        (
            StatusCode::UPGRADE_REQUIRED,
            RefusalCode::UnsupportedVersion
        )
    );
    for path in ["/ws", "/media", "/screen"] {
        let foreign = upgrade(&invite, path, &[("origin", "https://evil.example")]).await;
        let (status, refusal) = refusal_of(foreign);
        assert_eq!(
            (status, refusal.code),
            (StatusCode::FORBIDDEN, RefusalCode::OriginRefused),
            "{path}"
        );
    }
}

#[tokio::test]
async fn values_outside_of_what_is_allowed_are_refused() {
    let server = SERVER.get();
    let invite = server.room().await;
    let nobody = ParticipantId(4_000_000_000);
    for encoding in BOTH {
        let (mut host, _) = RawClient::join(&invite, "Host", encoding).await;
        let guest = Invite {
            host_key: None,
            ..invite.clone()
        };
        let (mut guest, _) = RawClient::join(&guest, "Guest", encoding).await;
        let say = |text: String| Command::Say { text };
        for (command, code) in [
            (say(String::new()), RefusalCode::LineInvalid),
            (
                say("x".repeat(LINE_BYTES_MAX + 1)),
                RefusalCode::LineInvalid,
            ),
            (
                Command::Rename {
                    name: String::new(),
                },
                RefusalCode::NameInvalid,
            ),
            (
                Command::Rename {
                    name: "x".repeat(101),
                },
                RefusalCode::NameInvalid,
            ),
            (
                Command::React {
                    emoji: "not an emoji".into(),
                },
                RefusalCode::ReactionInvalid,
            ),
            (
                Command::Kick {
                    id: nobody,
                    reason: String::new(),
                },
                RefusalCode::NoSuchPerson,
            ),
            (
                Command::Mute {
                    id: nobody,
                    may_unmute: false,
                },
                RefusalCode::NoSuchPerson,
            ),
            (
                Command::SetVolume {
                    of: nobody,
                    percent: 100,
                },
                RefusalCode::NoSuchPerson,
            ),
            (
                Command::SetPassword {
                    password: Some("x".repeat(73)),
                },
                RefusalCode::PasswordTooLong,
            ),
            (
                Command::DeleteLine {
                    line: conclave_wire::LineId(77_777),
                },
                RefusalCode::NoSuchLine,
            ),
            (
                Command::RemoveFile {
                    file: conclave_wire::FileId(77_777),
                },
                RefusalCode::FileNotFound,
            ),
        ] {
            let answer = host.ask(command.clone()).await;
            assert_eq!(
                answer.map_err(|refusal| refusal.code),
                Err(code),
                "{command:?}"
            );
        }
        for command in [
            Command::Lock { locked: true },
            Command::EndRoom,
            Command::SetPassword { password: None },
            Command::MuteAll { may_unmute: false },
            Command::Kick {
                id: nobody,
                reason: String::new(),
            },
            Command::Announce {
                text: "all mine".into(),
            },
            Command::ChangeSettings {
                settings: Settings::default(),
            },
        ] {
            let answer = guest.ask(command.clone()).await;
            let code = answer.map_err(|refusal| refusal.code);
            assert_eq!(code, Err(RefusalCode::NotAllowed), "{command:?}");
        }
        let listed = guest
            .ask(Command::ListLines {
                before: conclave_wire::LineId(u32::MAX),
                lines_max: u32::MAX,
            })
            .await;
        assert!(matches!(listed, Ok(Reply::Lines { .. })), "{listed:?}");
    }
}

fn refusal(result: Result<impl std::fmt::Debug, HttpError>) -> (u16, RefusalCode) {
    match result {
        Err(HttpError::Refused { status, refusal }) => (status, refusal.code),
        other => panic!("not refused: {other:?}"),
    }
}

/// Sends any bytes to any path.
async fn post(
    http: &HttpClient,
    path: &str,
    body: impl Into<bytes::Bytes>,
) -> Result<(), HttpError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Upload::bytes(body))
        .unwrap();
    success(http.send(request).await?).await.map(drop)
}

#[tokio::test]
async fn http_bodies_that_cannot_be_read_are_refused() {
    let server = SERVER.get();
    let http = server.http();
    let invite = server.room().await;
    let join = format!("/api/rooms/{}/join", invite.slug);
    for path in ["/api/rooms", &join] {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{\"title\": 5, \"name\": 5}",
            "{\"title\": \"a\", \"name\": \"a\", \"password\": {\"deep\": []}}",
            "\u{0}\u{1}",
        ] {
            let refused = refusal(post(&http, path, body).await);
            assert_eq!(refused, (400, RefusalCode::Malformed), "{body} to {path}");
        }
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(
            refusal(post(&http, path, deep).await),
            (400, RefusalCode::TooDeep)
        );
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
        assert_eq!(
            refusal(post(&http, path, large).await),
            (413, RefusalCode::TooLarge)
        );
    }
    let (mut client, _) = RawClient::join(&invite, "Well", Encoding::Json).await;
    client.say("all well").await;
}

#[tokio::test]
async fn a_door_over_http_refuses_with_a_code() {
    let server = SERVER.get();
    let http = server.http();
    let who = |password: Option<&str>| JoinRoom {
        name: "Anna".to_owned(),
        password: password.map(str::to_owned),
        host_key: None,
        device: None,
        file_hash: None,
    };

    let unknown = http.join("no-such-room", &who(None)).await;
    assert_eq!(refusal(unknown), (404, RefusalCode::RoomNotFound));
    assert_eq!(
        refusal(http.look("no-such-room").await),
        (404, RefusalCode::RoomNotFound)
    );
    for slug in ["UPPER", "..", "%2e%2e", &"x".repeat(200)] {
        let (status, code) = refusal(http.look(slug).await);
        assert_eq!((status, code), (404, RefusalCode::RoomNotFound), "{slug}");
    }

    let secret = server
        .room_with(CreateRoom {
            title: "Secret".to_owned(),
            password: Some("open sesame".to_owned()),
            ..CreateRoom::default()
        })
        .await
        .slug;
    let join = |password| {
        let (http, secret, who) = (&http, &secret, who(password));
        async move { http.join(secret, &who).await }
    };
    assert_eq!(
        refusal(join(None).await),
        (401, RefusalCode::PasswordNeeded)
    );
    assert_eq!(
        refusal(join(Some("wrong")).await),
        (401, RefusalCode::PasswordWrong)
    );
    let long = "x".repeat(100);
    let (status, code) = refusal(join(Some(&long)).await);
    assert!(
        matches!(
            (status, code),
            (401, RefusalCode::PasswordWrong) | (422, RefusalCode::PasswordTooLong)
        ),
        "{status} {code:?}"
    );
    join(Some("open sesame"))
        .await
        .expect("the right password opens");

    let small = server
        .room_with(CreateRoom {
            title: "Small".to_owned(),
            settings: Settings {
                members_max: 1,
                ..Settings::default()
            },
            ..CreateRoom::default()
        })
        .await;
    let (mut only, _) = RawClient::join(&small, "Only", Encoding::Json).await;
    assert_eq!(
        refusal(http.join(&small.slug, &who(None)).await),
        (409, RefusalCode::RoomFull)
    );

    only.ask(Command::Lock { locked: true }).await.unwrap();
    assert_eq!(
        refusal(http.join(&small.slug, &who(None)).await),
        (403, RefusalCode::RoomLocked)
    );

    only.ask(Command::EndRoom).await.ok();
    only.closed().await;
    assert_eq!(
        refusal(http.join(&small.slug, &who(None)).await),
        (410, RefusalCode::RoomEnded)
    );

    let room = server.room().await;
    for name in ["", "   ", &"x".repeat(101)] {
        let join = JoinRoom {
            name: name.to_owned(),
            ..who(None)
        };
        let refused = refusal(http.join(&room.slug, &join).await);
        assert_eq!(refused, (422, RefusalCode::NameInvalid), "{name:?}");
    }
    let wrong_key = JoinRoom {
        host_key: Some("guess".to_owned()),
        ..who(None)
    };
    let refused = refusal(http.join(&room.slug, &wrong_key).await);
    assert_eq!(refused, (403, RefusalCode::HostKeyWrong));
    let refused = refusal(http.end(&room.slug, "guess").await);
    assert!(
        matches!(
            refused,
            (401, RefusalCode::SeatUnknown) | (403, RefusalCode::HostKeyWrong)
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_same_door_on_the_control_link_refuses_with_the_same_codes() {
    let server = SERVER.get();
    let room = server
        .room_with(CreateRoom {
            title: "Secret".to_owned(),
            password: Some("open sesame".to_owned()),
            ..CreateRoom::default()
        })
        .await;
    let enter = |password: Option<&str>| Enter::Join {
        slug: room.slug.clone(),
        name: "Anna".to_owned(),
        password: password.map(str::to_owned),
        host_key: None,
        sound: true,
        device: None,
        file_hash: None,
    };
    for encoding in BOTH {
        for (enter, code) in [
            (enter(None), RefusalCode::PasswordNeeded),
            (enter(Some("wrong")), RefusalCode::PasswordWrong),
            (
                Enter::Resume {
                    seat_token: format!("{}.guess", room.slug),
                    cursor: None,
                },
                RefusalCode::SeatUnknown,
            ),
            (
                Enter::Resume {
                    seat_token: "nonsense".to_owned(),
                    cursor: None,
                },
                RefusalCode::SeatUnknown,
            ),
            (
                Enter::Join {
                    slug: "no-such-room".to_owned(),
                    name: "Anna".to_owned(),
                    password: None,
                    host_key: None,
                    sound: true,
                    device: None,
                    file_hash: None,
                },
                RefusalCode::RoomNotFound,
            ),
        ] {
            let mut client = RawClient::open(&room, encoding).await;
            client.hello(enter.clone()).await;
            assert_eq!(client.refused().await.code, code, "{enter:?}");
            client.closed().await;
        }
    }
}

#[tokio::test]
async fn rooms_that_cannot_be_made_are_refused() {
    let server = SERVER.get();
    let room = |title: &str, slug: Option<&str>| CreateRoom {
        title: title.to_owned(),
        slug: slug.map(str::to_owned),
        ..CreateRoom::default()
    };
    let taken = server.room().await.slug;
    for (room, status, code) in [
        (room("", None), 422, RefusalCode::TitleInvalid),
        (room(&"x".repeat(201), None), 422, RefusalCode::TitleInvalid),
        (
            room("Room", Some("Not A Slug")),
            422,
            RefusalCode::SlugInvalid,
        ),
        (room("Room", Some("")), 422, RefusalCode::SlugInvalid),
        (
            room("Room", Some("../../etc")),
            422,
            RefusalCode::SlugInvalid,
        ),
        (room("Room", Some(&taken)), 409, RefusalCode::SlugTaken),
        (
            CreateRoom {
                password: Some("x".repeat(73)),
                ..room("Room", None)
            },
            422,
            RefusalCode::PasswordTooLong,
        ),
    ] {
        let made = server.try_room(room.clone()).await;
        assert_eq!(refusal(made), (status, code), "{room:?}");
    }
}

#[tokio::test]
async fn a_server_with_another_key_is_told_nothing() {
    let server = SERVER.get();
    let mut invite = server.invite();
    invite.fingerprint.0[0] ^= 1;
    let dialer = Dialer::new(&invite).unwrap();
    let refused = HttpClient::new(dialer).look("lobby").await.unwrap_err();
    assert!(
        matches!(
            refused,
            HttpError::Dial(conclave_client::link::dial::DialError::OtherKey { .. })
        ),
        "{refused:?}"
    );
}
