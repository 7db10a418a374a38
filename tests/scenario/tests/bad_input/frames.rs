//! Frames of the control link that cannot be read.

use super::*;

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
