//! What a server makes of bytes that are no messages, in both encodings, over a real socket.

use conclave_client::link::{control::open_socket, dial::Dialer};
use conclave_wire::{
    ClientMessage, Encoding, RefusalCode, ServerMessage, limits::CONTROL_MESSAGE_BYTES_MAX,
    message::Enter,
};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::served::{PATIENCE, Served};

/// A socket that says anything.
struct Raw<S> {
    socket: S,
    encoding: Encoding,
}

macro_rules! raw {
    ($served:expr, $encoding:expr) => {{
        let dialer = Dialer::new(&$served.invite("lobby")).unwrap();
        let subprotocol = Some($encoding.subprotocol());
        Raw {
            socket: open_socket(&dialer, "/ws", subprotocol).await.unwrap(),
            encoding: $encoding,
        }
    }};
}

impl<S> Raw<S>
where
    S: futures_util::Sink<Message>
        + futures_util::Stream<Item = tokio_tungstenite::tungstenite::Result<Message>>
        + Unpin,
{
    async fn send(&mut self, message: Message) {
        // The server may have closed already, which the reading end sees.
        let _ = timeout(PATIENCE, self.socket.send(message)).await.unwrap();
    }

    /// Bytes in the kind of frame that this encoding uses.
    fn framed(&self, bytes: impl Into<Vec<u8>>) -> Message {
        let bytes = bytes.into();
        match self.encoding {
            Encoding::MessagePack => Message::Binary(bytes.into()),
            Encoding::Json => Message::Text(String::from_utf8(bytes).unwrap().into()),
        }
    }

    /// The code of the next refusal; `None` when the server has closed.
    async fn refusal(&mut self) -> Option<RefusalCode> {
        loop {
            let bytes = match timeout(PATIENCE, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Text(text))) => text.into(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => continue,
            };
            match self.encoding.decode_trusted(&bytes).unwrap() {
                ServerMessage::Refused { refusal, .. } => return Some(refusal.code),
                _ => continue,
            }
        }
    }

    async fn closed(&mut self) {
        while self.refusal().await.is_some() {}
    }
}

fn hello(slug: &str) -> ClientMessage {
    ClientMessage::Hello {
        enter: Enter::Join {
            slug: slug.to_owned(),
            name: "Ada".to_owned(),
            password: None,
            host_key: None,
            sound: true,
            device: None,
            file_hash: None,
        },
        client: "test".to_owned(),
    }
}

const BOTH: [Encoding; 2] = [Encoding::MessagePack, Encoding::Json];

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_with_a_code_and_the_link_lives() {
    let served = Served::start().await;
    for encoding in BOTH {
        let mut raw = raw!(served, encoding);
        let whole = encoding.encode(&hello("lobby"));
        let unknown: &[u8] = match encoding {
            Encoding::Json => br#"{"type":"fly","payload":{"height":3}}"#,
            Encoding::MessagePack => &[0x81, 0xa4, b't', b'y', b'p', b'e', 0xa3, b'f', b'l', b'y'],
        };
        let wrong_type: &[u8] = match encoding {
            Encoding::Json => br#"{"type":"ack","payload":{"number":"seven"}}"#,
            Encoding::MessagePack => &[0x93, 1, 2, 3],
        };
        let deep: Vec<u8> = match encoding {
            Encoding::Json => "[".repeat(1_000).into_bytes(),
            Encoding::MessagePack => vec![0x91; 1_000],
        };
        let cut = whole[..whole.len() / 2].to_vec();
        for bytes in [cut, unknown.to_vec(), wrong_type.to_vec(), Vec::new()] {
            let message = raw.framed(bytes.clone());
            raw.send(message).await;
            let code = raw.refusal().await;
            assert_eq!(code, Some(RefusalCode::Malformed), "{encoding:?} {bytes:?}");
        }
        let message = raw.framed(deep);
        raw.send(message).await;
        let code = raw.refusal().await.unwrap();
        assert!(
            matches!(code, RefusalCode::TooDeep | RefusalCode::Malformed),
            "{encoding:?} {code:?}"
        );
        let other_kind = match encoding {
            Encoding::MessagePack => Message::Text("{}".into()),
            Encoding::Json => Message::Binary(whole.into()),
        };
        raw.send(other_kind).await;
        assert_eq!(raw.refusal().await, Some(RefusalCode::Malformed));
        // After all that it still listens, and knows what it waits for.
        let ack = encoding.encode(&ClientMessage::Do {
            reference: 1,
            command: conclave_wire::Command::AskFloor,
        });
        let message = raw.framed(ack);
        raw.send(message).await;
        assert_eq!(raw.refusal().await, Some(RefusalCode::HelloExpected));
    }
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_that_cannot_be_read_ends_the_link() {
    let served = Served::start().await;
    for encoding in BOTH {
        let mut raw = raw!(served, encoding);
        for _ in 0..50 {
            let message = raw.framed(*b"\"nonsense");
            raw.send(message).await;
        }
        raw.closed().await;
    }
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_the_limit_is_refused_and_ends_the_link() {
    let served = Served::start().await;
    for encoding in BOTH {
        let mut raw = raw!(served, encoding);
        let message = raw.framed(vec![b' '; CONTROL_MESSAGE_BYTES_MAX + 1]);
        raw.send(message).await;
        assert_eq!(raw.refusal().await, Some(RefusalCode::TooLarge));
        raw.closed().await;
    }
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_pieces_is_put_together_within_the_same_limit() {
    let served = Served::start().await;
    for encoding in BOTH {
        let mut raw = raw!(served, encoding);
        let first = match encoding {
            Encoding::MessagePack => Data::Binary,
            Encoding::Json => Data::Text,
        };
        let bytes = encoding.encode(&hello("there-is-no-such-room"));
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        let piece = |data, bytes: &[u8], last| {
            Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(data), last))
        };
        // Too large as a whole, though no piece is.
        for index in 0..3 {
            let data = if index == 0 { first } else { Data::Continue };
            let half = vec![b' '; CONTROL_MESSAGE_BYTES_MAX / 2];
            raw.send(piece(data, &half, index == 2)).await;
        }
        assert_eq!(raw.refusal().await, Some(RefusalCode::TooLarge));
        raw.send(piece(first, head, false)).await;
        raw.send(piece(Data::Continue, tail, true)).await;
        assert_eq!(raw.refusal().await, Some(RefusalCode::RoomNotFound));
        raw.closed().await;
    }
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_protocol_is_refused_at_the_upgrade() {
    let served = Served::start().await;
    let dialer = Dialer::new(&served.invite("lobby")).unwrap();
    let refused = open_socket(&dialer, "/ws", Some("conclave.9.msgpack")).await;
    let error = refused.map(drop).unwrap_err();
    assert!(
        matches!(&error, conclave_client::link::control::OpenError::Refused(refusal)
            if refusal.code == RefusalCode::UnsupportedVersion),
        "{error}"
    );
    served.running.stop().await;
}
