//! The actor between a link and its room: what it passes on, and that it watches the link from outside.
#![allow(clippy::unwrap_used)]

use std::{
    future::pending,
    io::Read,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use actix::prelude::*;
use conclave_core::link::attachment::{AttachmentLimits, OutboxLimits};
use conclave_server::{
    actors::{
        participant::{
            Answering, Finding, FromLink, LinkParts, MAILBOX_MESSAGES, ParticipantActor, RoomLine,
            Rooms, ToLink,
        },
        room::{Act, Admitted, Deliver, EnterRoom, LinkLost, Measured},
    },
    auth::token,
    clock::Clock,
    gateway::sockets::SocketHandle,
};
use conclave_wire::{
    ClientMessage, Command, Cursor, EncodedOnce, Encoding, LeaveReason, MediaSession,
    ParticipantId, Refusal, RefusalCode, Role, ServerMessage, Signs, Suite, Welcome,
    message::Enter,
};
use socket2::SockRef;

const ME: ParticipantId = ParticipantId(3);
const ATTACHMENT: u64 = 11;

/// What the stand-ins have seen.
#[derive(Default)]
struct Seen {
    entered: Vec<Recipient<Deliver>>,
    acts: Vec<(u64, u32, Command)>,
    lost: Vec<(u64, LeaveReason)>,
    measured: usize,
    said: Vec<ServerMessage>,
    closed: bool,
}

type Shared = Arc<Mutex<Seen>>;

struct StubRoom(Shared);

impl Actor for StubRoom {
    type Context = Context<Self>;
}

impl Handler<EnterRoom> for StubRoom {
    type Result = Result<Admitted, Refusal>;

    fn handle(&mut self, message: EnterRoom, _: &mut Self::Context) -> Self::Result {
        self.0.lock().unwrap().entered.extend(message.seat);
        Ok(Admitted {
            attachment: ATTACHMENT,
            welcome: welcome(),
            missed: vec![signs()],
        })
    }
}

impl Handler<Act> for StubRoom {
    type Result = ();

    fn handle(&mut self, act: Act, _: &mut Self::Context) {
        let seen = (act.attachment, act.reference, act.command);
        self.0.lock().unwrap().acts.push(seen);
    }
}

impl Handler<LinkLost> for StubRoom {
    type Result = ();

    fn handle(&mut self, lost: LinkLost, _: &mut Self::Context) {
        let seen = (lost.attachment, lost.reason);
        self.0.lock().unwrap().lost.push(seen);
    }
}

impl Handler<Measured> for StubRoom {
    type Result = ();

    fn handle(&mut self, _: Measured, _: &mut Self::Context) {
        self.0.lock().unwrap().measured += 1;
    }
}

/// A way to one room, for those who do not call themselves `Mallory`.
struct OneRoom(RoomLine);

impl Rooms for OneRoom {
    fn may_try(&self, enter: &Enter) -> Result<(), Refusal> {
        match enter {
            Enter::Join { name, .. } if name == "Mallory" => Err(RefusalCode::TooFast.into()),
            _ => Ok(()),
        }
    }

    fn turned_away(&self, _: RefusalCode) {}

    fn offer_media(&self, session: u64, sdp: String) -> Answering {
        Box::pin(async move {
            match sdp.as_str() {
                "v=0" => Ok(format!("answer for {session}")),
                _ => Err(RefusalCode::OfferInvalid.into()),
            }
        })
    }

    fn find(&self, slug: String) -> Finding {
        let found = match slug.as_str() {
            "here" => Ok(self.0.clone()),
            _ => Err(RefusalCode::RoomNotFound.into()),
        };
        Box::pin(async { found })
    }
}

/// A link that writes down what it is given, or takes nothing at all.
struct StubLink {
    seen: Shared,
    encoding: Encoding,
    frozen: bool,
}

impl Actor for StubLink {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // As the real one has.
        ctx.set_mailbox_capacity(2 * MAILBOX_MESSAGES);
        if self.frozen {
            ctx.wait(pending().into_actor(self));
        }
    }
}

impl Handler<ToLink> for StubLink {
    type Result = ();

    fn handle(&mut self, to: ToLink, _: &mut Self::Context) {
        let mut seen = self.seen.lock().unwrap();
        for frame in to.frames {
            let message = self.encoding.decode_trusted(&frame).unwrap();
            seen.said.push(message);
        }
        seen.closed |= to.close;
    }
}

/// A participant between stand-ins. `near` is the client's end of the socket.
struct Stage {
    seen: Shared,
    participant: Addr<ParticipantActor>,
    near: TcpStream,
}

impl Stage {
    fn new(encoding: Encoding, frozen: bool) -> Stage {
        let seen = Shared::default();
        let room = StubRoom(seen.clone()).start();
        let line = RoomLine {
            enter: room.clone().recipient(),
            act: room.clone().recipient(),
            lost: room.clone().recipient(),
            measured: room.recipient(),
        };
        let link = StubLink {
            seen: seen.clone(),
            encoding,
            frozen,
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_nonblocking(true).unwrap();
        let (far, _) = listener.accept().unwrap();
        let parts = LinkParts {
            link: link.start().recipient(),
            socket: Arc::new(SocketHandle::of(SockRef::from(&far)).unwrap()),
            encoding,
            limits: AttachmentLimits::default(),
        };
        let participant = ParticipantActor::new(parts, Box::new(OneRoom(line)), Clock::start());
        Stage {
            seen,
            participant: participant.start(),
            near,
        }
    }

    async fn seated(encoding: Encoding) -> Stage {
        let stage = Stage::new(encoding, false);
        stage.say(join("here")).await;
        stage.until(|seen| !seen.said.is_empty()).await;
        stage
    }

    async fn say(&self, message: ClientMessage) {
        self.participant
            .send(FromLink::Said(message))
            .await
            .unwrap();
    }

    /// Waits until the stand-ins have seen it. Time is paused, so that nothing is waited out.
    async fn until(&self, mut seen: impl FnMut(&Seen) -> bool) {
        for _ in 0..1_000 {
            if seen(&self.seen.lock().unwrap()) {
                return;
            }
            actix_rt::task::yield_now().await;
        }
        panic!("it was never seen");
    }

    fn is_shut_down(&mut self) -> bool {
        matches!(self.near.read(&mut [0; 1]), Ok(0))
    }
}

fn join(slug: &str) -> ClientMessage {
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

fn resume(seat_token: String) -> ClientMessage {
    ClientMessage::Hello {
        enter: Enter::Resume {
            seat_token,
            cursor: None,
        },
        client: "test".to_owned(),
    }
}

fn welcome() -> Welcome {
    Welcome {
        you: ME,
        role: Role::Participant,
        seat_token: token::draw_seat("here"),
        cursor: Cursor::default(),
        snapshot: None,
        media: MediaSession {
            addresses: Vec::new(),
            session: "000000000000002a".to_owned(),
            suite: Suite::Aes256Gcm,
            secret: String::new(),
        },
        room_clock_ms: 0,
        beat_interval_ms: 2_000,
        host_key: None,
        pulse: None,
    }
}

fn signs() -> Arc<EncodedOnce<ServerMessage>> {
    EncodedOnce::new(ServerMessage::Signs(Signs::default()))
}

fn refusal(seen: &Seen) -> Option<RefusalCode> {
    seen.said.iter().find_map(|message| match message {
        ServerMessage::Refused { refusal, .. } => Some(refusal.code),
        _ => None,
    })
}

#[actix::test]
async fn a_hello_brings_the_welcome_and_what_was_missed_in_either_encoding() {
    tokio::time::pause();
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let stage = Stage::seated(encoding).await;
        let said = stage.seen.lock().unwrap().said.clone();
        assert!(
            matches!(
                said[..],
                [ServerMessage::Welcome(_), ServerMessage::Signs(_)]
            ),
            "{said:?}"
        );
    }
}

#[actix::test]
async fn commands_go_to_the_room_and_what_it_delivers_to_the_link() {
    tokio::time::pause();
    let stage = Stage::seated(Encoding::MessagePack).await;
    let command = Command::AskFloor;
    stage
        .say(ClientMessage::Do {
            reference: 5,
            command: command.clone(),
        })
        .await;
    stage.until(|seen| !seen.acts.is_empty()).await;
    assert_eq!(stage.seen.lock().unwrap().acts, [(ATTACHMENT, 5, command)]);

    let seat = stage.seen.lock().unwrap().entered[0].clone();
    let goodbye = EncodedOnce::new(ServerMessage::Goodbye {
        reason: LeaveReason::Kicked,
        text: "out".to_owned(),
    });
    seat.send(Deliver(vec![signs(), goodbye])).await.unwrap();
    stage.until(|seen| seen.closed).await;
    let seen = stage.seen.lock().unwrap();
    assert!(matches!(
        seen.said[2..],
        [ServerMessage::Signs(_), ServerMessage::Goodbye { .. }]
    ));
    assert!(seen.lost.is_empty(), "the room knows already");
}

#[actix::test]
async fn a_seat_token_leads_to_its_room() {
    tokio::time::pause();
    let stage = Stage::new(Encoding::Json, false);
    stage.say(resume(token::draw_seat("here"))).await;
    stage.until(|seen| !seen.entered.is_empty()).await;

    for (seat_token, code) in [
        (token::draw_seat("elsewhere"), RefusalCode::RoomNotFound),
        ("nonsense".to_owned(), RefusalCode::SeatUnknown),
    ] {
        let stage = Stage::new(Encoding::Json, false);
        stage.say(resume(seat_token)).await;
        stage.until(|seen| seen.closed).await;
        assert_eq!(refusal(&stage.seen.lock().unwrap()), Some(code));
    }
}

#[actix::test]
async fn who_tries_too_often_does_not_reach_the_room() {
    tokio::time::pause();
    let stage = Stage::new(Encoding::Json, false);
    let ClientMessage::Hello { mut enter, client } = join("here") else {
        unreachable!("join says hello");
    };
    if let Enter::Join { name, .. } = &mut enter {
        "Mallory".clone_into(name);
    }
    stage.say(ClientMessage::Hello { enter, client }).await;
    stage.until(|seen| seen.closed).await;
    let seen = stage.seen.lock().unwrap();
    assert_eq!(refusal(&seen), Some(RefusalCode::TooFast));
    assert!(seen.entered.is_empty());
}

#[actix::test]
async fn a_frozen_link_is_shut_down_from_outside() {
    tokio::time::pause();
    let mut stage = Stage::new(Encoding::Json, true);
    stage.say(join("here")).await;
    stage.until(|seen| !seen.entered.is_empty()).await;
    let seat = stage.seen.lock().unwrap().entered[0].clone();
    for _ in 0..=2 * OutboxLimits::default().messages_max {
        if seat.send(Deliver(vec![signs()])).await.is_err() {
            break;
        }
    }
    stage.until(|seen| !seen.lost.is_empty()).await;
    let lost = stage.seen.lock().unwrap().lost.clone();
    assert_eq!(lost, [(ATTACHMENT, LeaveReason::TooSlow)]);
    assert!(stage.is_shut_down());
    assert!(!seat.connected());
}

#[actix::test]
async fn a_burst_does_not_look_like_a_frozen_link() {
    tokio::time::pause();
    let mut stage = Stage::seated(Encoding::Json).await;
    let seat = stage.seen.lock().unwrap().entered[0].clone();
    // All at once, before either actor runs again.
    for _ in 0..MAILBOX_MESSAGES {
        seat.try_send(Deliver(vec![signs()])).unwrap();
    }
    stage
        .until(|seen| seen.said.len() == MAILBOX_MESSAGES + 2)
        .await;
    assert!(!stage.is_shut_down());
}

#[actix::test]
async fn a_link_where_nothing_is_heard_is_shut_down() {
    tokio::time::pause();
    let mut stage = Stage::seated(Encoding::Json).await;
    tokio::time::sleep(Duration::from_millis(5_900)).await;
    assert!(!stage.is_shut_down());
    tokio::time::sleep(Duration::from_millis(200)).await;
    stage.until(|seen| !seen.lost.is_empty()).await;
    let lost = stage.seen.lock().unwrap().lost.clone();
    assert_eq!(lost, [(ATTACHMENT, LeaveReason::LinkLost)]);
    assert!(stage.is_shut_down());
}

#[actix::test]
async fn the_room_hears_that_a_link_has_closed() {
    tokio::time::pause();
    let stage = Stage::seated(Encoding::Json).await;
    stage.participant.send(FromLink::Closed).await.unwrap();
    stage.until(|seen| !seen.lost.is_empty()).await;
    let lost = stage.seen.lock().unwrap().lost.clone();
    assert_eq!(lost, [(ATTACHMENT, LeaveReason::LinkLost)]);
}

#[actix::test]
async fn an_offer_is_answered_for_the_session_of_the_welcome() {
    tokio::time::pause();
    let stage = Stage::seated(Encoding::Json).await;
    for sdp in ["v=0", "nonsense"] {
        stage
            .say(ClientMessage::OfferMedia {
                sdp: sdp.to_owned(),
            })
            .await;
    }
    stage.until(|seen| refusal(seen).is_some()).await;
    let seen = stage.seen.lock().unwrap();
    assert_eq!(refusal(&seen), Some(RefusalCode::OfferInvalid));
    let answered = seen.said.iter().find_map(|message| match message {
        ServerMessage::MediaAnswer { sdp } => Some(sdp.as_str()),
        _ => None,
    });
    assert_eq!(answered, Some("answer for 42"));
}
