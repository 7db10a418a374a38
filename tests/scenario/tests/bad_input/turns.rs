//! What can be read, but is out of turn or outside of what is allowed.

use super::*;

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
