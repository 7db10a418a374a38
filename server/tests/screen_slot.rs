//! The presenter slot with stand-ins for links: what reaches whom, and that nobody waits for a slow one.
#![allow(clippy::unwrap_used)]

use std::{
    io::Read,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use actix::prelude::*;
use actix_web::web::Bytes;
use conclave_server::{
    actors::presenter_slot::{
        CloseScreen, FromScreen, LeaveScreen, OpenScreen, PresenterSlotActor, SetPresenter,
        ToScreen,
    },
    clock::Clock,
    gateway::sockets::SocketHandle,
};
use conclave_wire::{
    ParticipantId, Refusal, RefusalCode,
    screen::{Run, RunCodec, ScreenMessage, ScreenPurpose},
};
use socket2::SockRef;

const PRESENTER: ParticipantId = ParticipantId(1);
const VIEWER: ParticipantId = ParticipantId(2);

/// What a link was handed.
#[derive(Default)]
struct Heard {
    messages: Vec<Bytes>,
    end: Option<RefusalCode>,
}

/// A link that takes what it is handed, unless it is held up.
struct Link {
    heard: Arc<Mutex<Heard>>,
    slot: Addr<PresenterSlotActor>,
    address: Option<Addr<LinkStub>>,
    number: u64,
    taken: u32,
    /// The other end of the socket.
    far: TcpStream,
}

struct LinkStub(Arc<Mutex<Heard>>);

impl Actor for LinkStub {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1);
    }
}

impl Handler<ToScreen> for LinkStub {
    type Result = ();

    fn handle(&mut self, to: ToScreen, _: &mut Self::Context) {
        let mut heard = self.0.lock().unwrap();
        heard.messages.extend(to.messages);
        heard.end = heard.end.or(to.end);
    }
}

/// Takes nothing for a while, as a frozen link does.
#[derive(Message)]
#[rtype(result = "()")]
struct Freeze(Duration);

impl Handler<Freeze> for LinkStub {
    type Result = ();

    fn handle(&mut self, Freeze(time): Freeze, ctx: &mut Self::Context) {
        ctx.wait(actix_rt::time::sleep(time).into_actor(self));
    }
}

impl Link {
    async fn open(
        slot: &Addr<PresenterSlotActor>,
        seat: ParticipantId,
        purpose: ScreenPurpose,
    ) -> Result<Link, Refusal> {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        let socket = Arc::new(SocketHandle::of(SockRef::from(&near)).unwrap());
        let stub = LinkStub(heard.clone()).start();
        let link = stub.clone().recipient();
        let open = OpenScreen {
            seat,
            purpose,
            link,
            socket,
        };
        let number = slot.send(open).await.unwrap()?;
        let (slot, address) = (slot.clone(), Some(stub));
        Ok(Link {
            heard,
            slot,
            address,
            number,
            taken: 0,
            far,
        })
    }

    async fn say(&self, message: ScreenMessage<'_>) {
        let message = message.to_bytes().into();
        let link = self.number;
        self.slot.send(FromScreen { link, message }).await.unwrap();
    }

    /// What it was handed until now, acknowledged.
    async fn read(&mut self) -> Vec<Bytes> {
        settle().await;
        let messages = std::mem::take(&mut self.heard.lock().unwrap().messages);
        self.taken += messages.iter().map(Bytes::len).sum::<usize>() as u32;
        if !messages.is_empty() {
            self.say(ScreenMessage::Ack { bytes: self.taken }).await;
        }
        messages
    }

    /// Everything there is for it.
    async fn read_all(&mut self) -> Vec<Bytes> {
        let mut all = Vec::new();
        loop {
            let messages = self.read().await;
            if messages.is_empty() {
                return all;
            }
            all.extend(messages);
        }
    }

    fn end(&self) -> Option<RefusalCode> {
        self.heard.lock().unwrap().end
    }
}

/// Lets the actors of this thread do what they have to do.
async fn settle() {
    for _ in 0..16 {
        actix_rt::task::yield_now().await;
    }
}

fn kinds(messages: &[Bytes]) -> String {
    let kind = |message: &Bytes| match ScreenMessage::parse(message).unwrap() {
        ScreenMessage::Start { .. } => 'S',
        ScreenMessage::Run(_) => 'R',
        ScreenMessage::FrameEnd { .. } => 'E',
        ScreenMessage::Pointer { .. } => 'P',
        ScreenMessage::Stop => 'X',
        ScreenMessage::Ack { .. } => 'A',
        ScreenMessage::Pace { .. } => 'I',
        ScreenMessage::Refresh => 'F',
    };
    messages.iter().map(kind).collect()
}

async fn presenting() -> (Addr<PresenterSlotActor>, Link) {
    let slot = PresenterSlotActor::new(Clock::start()).start();
    slot.send(SetPresenter(Some(PRESENTER))).await.unwrap();
    let presenter = Link::open(&slot, PRESENTER, ScreenPurpose::Present)
        .await
        .unwrap();
    presenter
        .say(ScreenMessage::Start {
            width_px: 640,
            height_px: 640,
        })
        .await;
    (slot, presenter)
}

/// One frame of the whole screen, ten runs of so many bytes.
async fn frame(presenter: &Link, generation: u32, bytes: usize) {
    for y in 0..10 {
        let bytes = &vec![generation as u8; bytes];
        let run = Run {
            generation,
            x: 0,
            y,
            width: 10,
            codec: RunCodec::Jpeg,
            bytes,
        };
        presenter.say(ScreenMessage::Run(run)).await;
    }
    presenter
        .say(ScreenMessage::FrameEnd {
            generation,
            captured_ms: 0,
        })
        .await;
}

#[actix::test]
async fn who_has_the_floor_shows_and_everybody_sees_the_late_one_too() {
    tokio::time::pause();
    let (slot, presenter) = presenting().await;
    let mut early = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    frame(&presenter, 1, 100).await;
    assert_eq!(kinds(&early.read().await), "SRRRRRRRRRRE");
    let mut late = Link::open(&slot, ParticipantId(3), ScreenPurpose::View)
        .await
        .unwrap();
    assert_eq!(kinds(&late.read().await), "SRRRRRRRRRRE");
    // A pace at first, then acknowledgements.
    assert!(kinds(&presenter.heard.lock().unwrap().messages).starts_with("IA"));

    let refused = Link::open(&slot, VIEWER, ScreenPurpose::Present)
        .await
        .err();
    assert_eq!(
        refused.map(|refusal| refusal.code),
        Some(RefusalCode::NotPresenting)
    );
    slot.send(SetPresenter(None)).await.unwrap();
    assert_eq!(kinds(&late.read().await), "X");
    assert_eq!(presenter.end(), Some(RefusalCode::NotPresenting));
}

#[actix::test]
async fn a_viewer_that_does_not_acknowledge_gets_no_more_than_its_window_and_then_the_newest() {
    tokio::time::pause();
    let (slot, presenter) = presenting().await;
    let mut quick = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    let mut slow = Link::open(&slot, ParticipantId(3), ScreenPurpose::View)
        .await
        .unwrap();
    for generation in 1..=10 {
        frame(&presenter, generation, 20_000).await;
        assert!(kinds(&quick.read_all().await).ends_with('E'));
    }
    settle().await;
    let held: usize = slow
        .heard
        .lock()
        .unwrap()
        .messages
        .iter()
        .map(Bytes::len)
        .sum();
    assert!(held <= 256 * 1024, "{held}");
    let messages = slow.read_all().await;
    assert!(
        messages.len() < 40,
        "what was superseded was sent: {}",
        messages.len()
    );
    let last = ScreenMessage::parse(messages.last().unwrap());
    assert_eq!(
        last,
        Some(ScreenMessage::FrameEnd {
            generation: 10,
            captured_ms: 0
        })
    );
}

#[actix::test]
async fn what_a_frozen_link_has_no_room_for_comes_when_it_thaws() {
    tokio::time::pause();
    let (slot, presenter) = presenting().await;
    let mut viewer = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    let stub = viewer.address.clone().unwrap();
    stub.send(Freeze(Duration::from_secs(2))).await.unwrap();
    for generation in 1..=5 {
        frame(&presenter, generation, 100).await;
    }
    assert!(viewer.heard.lock().unwrap().messages.len() <= 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let messages = viewer.read_all().await;
    let last = ScreenMessage::parse(messages.last().unwrap());
    assert_eq!(
        last,
        Some(ScreenMessage::FrameEnd {
            generation: 5,
            captured_ms: 0
        })
    );
}

#[actix::test]
async fn a_link_that_stays_frozen_is_cut_off_from_outside() {
    tokio::time::pause();
    let (slot, presenter) = presenting().await;
    let mut viewer = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    let stub = viewer.address.clone().unwrap();
    stub.send(Freeze(Duration::from_secs(3_600))).await.unwrap();
    frame(&presenter, 1, 100).await;
    frame(&presenter, 2, 100).await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    // The socket was shut down: its other end reads the end of the stream.
    viewer
        .far
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    assert_eq!(viewer.far.read(&mut [0; 1]).unwrap(), 0);
}

#[actix::test]
async fn who_leaves_is_shown_nothing_more() {
    tokio::time::pause();
    let (slot, presenter) = presenting().await;
    let mut viewer = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    viewer.read_all().await;
    slot.send(LeaveScreen(VIEWER)).await.unwrap();
    settle().await;
    assert_eq!(viewer.end(), Some(RefusalCode::SeatUnknown));
    frame(&presenter, 1, 100).await;
    assert_eq!(viewer.read().await, Vec::<Bytes>::new());
    slot.send(LeaveScreen(PRESENTER)).await.unwrap();
    settle().await;
    assert_eq!(presenter.end(), Some(RefusalCode::SeatUnknown));
}

#[actix::test]
async fn a_closed_link_costs_nothing_and_the_picture_stays_for_the_others() {
    tokio::time::pause();
    let (slot, mut presenter) = presenting().await;
    let gone = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    frame(&presenter, 1, 100).await;
    slot.send(CloseScreen { link: gone.number }).await.unwrap();
    slot.send(CloseScreen {
        link: presenter.number,
    })
    .await
    .unwrap();
    presenter.address = None;
    let mut late = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    assert_eq!(kinds(&late.read().await), "SRRRRRRRRRRE");
}

#[actix::test]
async fn bytes_that_are_no_message_end_their_link_alone() {
    tokio::time::pause();
    let (slot, presenter) = presenting().await;
    let mut good = Link::open(&slot, VIEWER, ScreenPurpose::View)
        .await
        .unwrap();
    let bad = Link::open(&slot, ParticipantId(3), ScreenPurpose::View)
        .await
        .unwrap();
    let message = Bytes::from_static(&[0xff; 40]);
    slot.send(FromScreen {
        link: bad.number,
        message,
    })
    .await
    .unwrap();
    // Nobody has this number.
    let message = Bytes::from_static(&[0xff; 40]);
    slot.send(FromScreen { link: 999, message }).await.unwrap();
    settle().await;
    assert_eq!(bad.end(), Some(RefusalCode::Malformed));
    frame(&presenter, 1, 100).await;
    assert_eq!(kinds(&good.read_all().await), "SRRRRRRRRRRE");
}
