//! Somebody shows their screen on the real server: everybody ends with the same picture, to the last bit.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::sync::Arc;

use conclave_client::{
    link::{dial::Dialer, invite::Invite},
    media::clock::MediaClock,
    screen::{
        ScreenAccess, ScreenEvent, ScreenGone, ScreenShare, ScreenSource, ScreenView, Script,
        ShareEvent, Shot, SyntheticDesktop,
    },
    session::{Session, SessionConfig, SessionEvent},
};
use conclave_scenario::{
    network::TcpProxy,
    raw::upgrade,
    server::{DEADLINE, Server, SharedServer, through},
};
use conclave_wire::{
    Command, Encoding, LeaveReason, Refusal, RefusalCode,
    screen::{ScreenHello, ScreenMessage, ScreenPurpose},
};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::tungstenite::Message;

static SERVER: SharedServer = SharedServer::new(&["join_deadline_seconds=2"]);

const WIDTH: u32 = 1_000;
const HEIGHT: u32 = 700;

struct Person {
    session: Session,
    access: ScreenAccess,
    // Kept, so that the session is not held up by events that nobody takes.
    _events: tokio::task::JoinHandle<Option<SessionEvent>>,
}

impl Person {
    async fn join(invite: &Invite, name: &str) -> Person {
        let config = SessionConfig {
            invite: invite.clone(),
            name: name.to_owned(),
            password: None,
            sound: false,
            encoding: Encoding::MessagePack,
            seed: 7,
            device: None,
            file_hash: None,
            waiting: None,
        };
        let (session, mut events) = Session::join(config).await.expect("the room is open");
        let access = ScreenAccess {
            dialer: Dialer::new(invite).expect("TLS works here"),
            slug: invite.slug.clone(),
            welcome: session.welcomes(),
        };
        let _events = tokio::spawn(async move {
            let mut last = None;
            while let Some(event) = events.recv().await {
                last = Some(event);
            }
            last
        });
        Person {
            session,
            access,
            _events,
        }
    }

    async fn presenting(invite: &Invite) -> Person {
        let person = Person::join(invite, "Presenter").await;
        person
            .session
            .ask(Command::TakeFloor)
            .await
            .expect("a host may present");
        person
    }
}

/// A desktop that others can look at, and that stops when it is told to.
#[derive(Clone)]
struct Desk(Arc<Mutex<(SyntheticDesktop, bool)>>);

/// The desk as a source, with its picture of the moment.
struct Captured {
    desk: Desk,
    shot: Vec<u8>,
}

impl Desk {
    fn new(script: Script) -> Desk {
        Desk(Arc::new(Mutex::new((
            SyntheticDesktop::new(WIDTH, HEIGHT, script),
            true,
        ))))
    }

    /// Nothing happens any more; gives what stands.
    fn stand_still(&self) -> Vec<u8> {
        let mut desk = self.0.lock();
        desk.1 = false;
        desk.0.pixels().to_vec()
    }

    fn share(&self, access: &ScreenAccess) -> (ScreenShare, mpsc::Receiver<ShareEvent>) {
        let desk = self.clone();
        let open = move || {
            Box::new(Captured {
                desk,
                shot: Vec::new(),
            }) as Box<dyn ScreenSource>
        };
        ScreenShare::start(access.clone(), MediaClock::start(), open)
    }
}

impl ScreenSource for Captured {
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone> {
        let mut desk = self.desk.0.lock();
        if desk.1 {
            desk.0.advance();
        }
        self.shot.clear();
        self.shot.extend_from_slice(desk.0.pixels());
        Ok(Shot {
            width_px: WIDTH,
            height_px: HEIGHT,
            bgra: &self.shot,
            stride: 4 * WIDTH as usize,
            pointer: Some((10, 20)),
        })
    }
}

/// Waits until what a viewer has is the picture.
async fn sees(view: &ScreenView, events: &mut mpsc::Receiver<ScreenEvent>, picture: &[u8]) {
    let seen = timeout(DEADLINE, async {
        while !view.with_canvas(|canvas| canvas.is_some_and(|canvas| canvas.pixels() == picture)) {
            let event = events.recv().await.expect("the view goes on");
            assert!(!matches!(event, ScreenEvent::Ended(_)), "{event:?}");
        }
    });
    if seen.await.is_err() {
        panic!("not the same picture: {:?}", view.figures());
    }
}

async fn hears<T: std::fmt::Debug>(
    events: &mut mpsc::Receiver<T>,
    what: &str,
    mut is: impl FnMut(&T) -> bool,
) -> T {
    let heard = timeout(DEADLINE, async {
        loop {
            let event = events
                .recv()
                .await
                .unwrap_or_else(|| panic!("no {what}, and no more"));
            if is(&event) {
                return event;
            }
        }
    });
    heard.await.unwrap_or_else(|_| panic!("no {what}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_ends_with_the_presenters_picture_who_comes_late_too() {
    let server = SERVER.get();
    let invite = server.room().await;
    let presenter = Person::presenting(&invite).await;
    let early = Person::join(&invite, "Early").await;
    let (early_view, mut early_events) = ScreenView::open(early.access.clone());

    let desk = Desk::new(Script::Scrolling);
    let (share, mut share_events) = desk.share(&presenter.access);
    hears(&mut share_events, "link", |event| {
        *event == ShareEvent::Live
    })
    .await;
    let size = ScreenEvent::Started {
        width_px: WIDTH,
        height_px: HEIGHT,
    };
    hears(&mut early_events, "screen", |event| *event == size).await;
    let pointer = ScreenEvent::Pointer(Some((10, 20)));
    hears(&mut early_events, "pointer", |event| *event == pointer).await;
    for _ in 0..5 {
        hears(&mut early_events, "frame", |event| {
            matches!(event, ScreenEvent::Painted { .. })
        })
        .await;
    }

    let picture = desk.stand_still();
    sees(&early_view, &mut early_events, &picture).await;
    let sent = share.figures();
    let late = Person::join(&invite, "Late").await;
    let (late_view, mut late_events) = ScreenView::open(late.access.clone());
    sees(&late_view, &mut late_events, &picture).await;
    assert_eq!(
        share.figures().frames,
        sent.frames,
        "the presenter was bothered"
    );
    assert_eq!(late_view.figures().refused_runs, 0);
    // What stands was sent exactly, and the lossy runs under it are gone from the cache.
    assert_eq!(late_view.figures().jpeg_runs, 0);

    share.stop().await;
    for events in [&mut early_events, &mut late_events] {
        hears(events, "end", |event| *event == ScreenEvent::Stopped).await;
    }
    assert!(late_view.with_canvas(|canvas| canvas.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_has_the_floor_may_show_and_losing_it_ends_the_show() {
    let server = SERVER.get();
    let invite = server.room().await;
    let presenter = Person::presenting(&invite).await;
    let other = Person::join(
        &Invite {
            host_key: None,
            ..invite.clone()
        },
        "Other",
    )
    .await;
    let refused = Some(Refusal::from(RefusalCode::NotPresenting));

    let desk = Desk::new(Script::Still);
    let (_share, mut events) = desk.share(&other.access);
    let ended = hears(&mut events, "refusal", |event| {
        matches!(event, ShareEvent::Ended(_))
    })
    .await;
    assert_eq!(ended, ShareEvent::Ended(refused.clone()));

    let (_share, mut events) = desk.share(&presenter.access);
    hears(&mut events, "link", |event| *event == ShareEvent::Live).await;
    let to = other.session.id();
    presenter
        .session
        .ask(Command::HandOverFloor { id: to })
        .await
        .expect("a presenter may");
    let ended = hears(&mut events, "end", |event| {
        matches!(event, ShareEvent::Ended(_))
    })
    .await;
    assert_eq!(ended, ShareEvent::Ended(refused));
    let (_share, mut events) = desk.share(&other.access);
    hears(&mut events, "link", |event| *event == ShareEvent::Live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_view_of_the_same_seat_takes_over() {
    let server = SERVER.get();
    let invite = server.room().await;
    let person = Person::join(&invite, "Viewer").await;
    let (_first, mut first_events) = ScreenView::open(person.access.clone());
    let _presenter = person
        .session
        .ask(Command::TakeFloor)
        .await
        .expect("a host may present");
    let (_share, mut share_events) = Desk::new(Script::Still).share(&person.access);
    hears(&mut share_events, "link", |event| {
        *event == ShareEvent::Live
    })
    .await;
    hears(&mut first_events, "screen", |event| {
        matches!(event, ScreenEvent::Started { .. })
    })
    .await;
    let (_second, mut second_events) = ScreenView::open(person.access.clone());
    hears(&mut second_events, "screen", |event| {
        matches!(event, ScreenEvent::Started { .. })
    })
    .await;
    let ended = hears(&mut first_events, "end", |event| {
        matches!(event, ScreenEvent::Ended(_))
    })
    .await;
    assert_eq!(
        ended,
        ScreenEvent::Ended(Some(RefusalCode::TakenOver.into()))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_taken_out_of_the_room_sees_nothing_more() {
    let server = SERVER.get();
    let invite = server.room().await;
    let presenter = Person::presenting(&invite).await;
    let desk = Desk::new(Script::Typing);
    let (_share, mut share_events) = desk.share(&presenter.access);
    hears(&mut share_events, "link", |event| {
        *event == ShareEvent::Live
    })
    .await;
    let guest = Person::join(
        &Invite {
            host_key: None,
            ..invite.clone()
        },
        "Guest",
    )
    .await;
    let (_view, mut events) = ScreenView::open(guest.access.clone());
    hears(&mut events, "screen", |event| {
        matches!(event, ScreenEvent::Started { .. })
    })
    .await;
    let id = guest.session.id();
    let kick = Command::Kick {
        id,
        reason: String::new(),
    };
    presenter.session.ask(kick).await.expect("a host may");
    hears(&mut events, "loss", |event| *event == ScreenEvent::Lost).await;
    let last = guest._events.await.unwrap();
    assert!(
        matches!(
            last,
            Some(SessionEvent::Ended {
                reason: LeaveReason::Kicked,
                ..
            })
        ),
        "{last:?}"
    );
}

/// Says something on a new link and gives the refusal with which it ends.
async fn refused(server: &Server, said: Vec<Message>) -> RefusalCode {
    let mut socket = upgrade(&server.invite(), "/screen", &[])
        .await
        .expect("it is a WebSocket");
    for message in said {
        socket.send(message).await.expect("the link is open");
    }
    let ended = timeout(DEADLINE, async {
        loop {
            if let Message::Text(text) = socket.next().await.expect("a refusal").expect("a frame") {
                return serde_json::from_str::<Refusal>(&text)
                    .expect("a refusal")
                    .code;
            }
        }
    });
    ended.await.expect("the link ends")
}

fn hello(slug: &str, seat_token: &str, purpose: ScreenPurpose) -> Message {
    let hello = ScreenHello {
        slug: slug.to_owned(),
        seat_token: seat_token.to_owned(),
        purpose,
    };
    Message::Text(serde_json::to_string(&hello).unwrap().into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_and_strange_words_are_refused_with_a_code() {
    let server = SERVER.get();
    let slug = server.invite().slug;
    let stranger = hello(&slug, "bm90IGEgdG9rZW4", ScreenPurpose::View);
    let nowhere = hello("no-such-room", "bm90IGEgdG9rZW4", ScreenPurpose::View);
    let pace = Message::Binary(ScreenMessage::Refresh.to_bytes().into());
    for (said, code) in [
        (vec![stranger], RefusalCode::SeatUnknown),
        (vec![nowhere], RefusalCode::RoomNotFound),
        (vec![pace], RefusalCode::HelloExpected),
        (vec![Message::Text("{}".into())], RefusalCode::Malformed),
        (
            vec![Message::Text("[".repeat(900).into())],
            RefusalCode::Malformed,
        ),
        (
            vec![Message::Text("x".repeat(2_000).into())],
            RefusalCode::TooLarge,
        ),
        (
            vec![Message::Binary(vec![0; 65_537].into())],
            RefusalCode::TooLarge,
        ),
        // Says nothing, and is waited for two seconds.
        (vec![], RefusalCode::Timeout),
    ] {
        assert_eq!(refused(&server, said.clone()).await, code, "{said:?}");
    }
    let member = Person::join(&server.invite(), "Member").await;
    let token = member.session.welcome().seat_token.clone();
    let view = || hello(&slug, &token, ScreenPurpose::View);
    for (said, code) in [
        (Message::Binary(vec![].into()), RefusalCode::Malformed),
        (
            Message::Binary(vec![99; 60_000].into()),
            RefusalCode::Malformed,
        ),
        (
            Message::Binary(ScreenMessage::Ack { bytes: 5 }.to_bytes().into()),
            RefusalCode::Invalid,
        ),
        (
            Message::Binary(ScreenMessage::Stop.to_bytes().into()),
            RefusalCode::Invalid,
        ),
        (view(), RefusalCode::HelloTwice),
    ] {
        assert_eq!(
            refused(&server, vec![view(), said.clone()]).await,
            code,
            "{said:?}"
        );
    }
    let present = hello(&slug, &token, ScreenPurpose::Present);
    assert_eq!(
        refused(&server, vec![present]).await,
        RefusalCode::NotPresenting
    );
}

/// A viewer that reads nothing: memory stays bounded, and nobody else is slower.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_does_not_read_harms_nobody() {
    let server = SERVER.get();
    let invite = server.room().await;
    let presenter = Person::presenting(&invite).await;
    let deaf = Person::join(&invite, "Deaf").await;
    let token = deaf.session.welcome().seat_token.clone();
    let mut socket = upgrade(&invite, "/screen", &[])
        .await
        .expect("it is a WebSocket");
    socket
        .send(hello(&invite.slug, &token, ScreenPurpose::View))
        .await
        .expect("it is open");

    let desk = Desk::new(Script::Scrolling);
    let (share, mut share_events) = desk.share(&presenter.access);
    hears(&mut share_events, "link", |event| {
        *event == ShareEvent::Live
    })
    .await;
    let viewer = Person::join(&invite, "Viewer").await;
    let (view, mut events) = ScreenView::open(viewer.access.clone());
    let before = server.memory_bytes();
    let enough = 8 * 256 * 1024;
    while share.figures().bytes < enough {
        hears(&mut events, "frame", |event| {
            matches!(event, ScreenEvent::Painted { .. })
        })
        .await;
    }
    let grown = server.memory_bytes().saturating_sub(before);
    assert!(grown < 48 * 1024 * 1024, "{grown}");
    let picture = desk.stand_still();
    sees(&view, &mut events, &picture).await;
    drop(socket);
}

/// The control link is cut and comes back: who shows and who views go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_control_link_does_not_stop_the_picture() {
    let server = SERVER.get();
    let invite = server.room().await;
    let presenter = Person::presenting(&invite).await;
    let viewer = Person::join(&invite, "Viewer").await;
    let (view, mut events) = ScreenView::open(viewer.access.clone());
    let desk = Desk::new(Script::Typing);
    let (_share, mut share_events) = desk.share(&presenter.access);
    hears(&mut share_events, "link", |event| {
        *event == ShareEvent::Live
    })
    .await;
    let mut welcomes = (presenter.session.welcomes(), viewer.session.welcomes());
    welcomes.0.mark_unchanged();
    welcomes.1.mark_unchanged();
    presenter.session.cut();
    viewer.session.cut();
    timeout(DEADLINE, welcomes.0.changed())
        .await
        .expect("it resumes")
        .unwrap();
    timeout(DEADLINE, welcomes.1.changed())
        .await
        .expect("it resumes")
        .unwrap();
    for _ in 0..10 {
        hears(&mut events, "frame", |event| {
            matches!(event, ScreenEvent::Painted { .. })
        })
        .await;
    }
    let picture = desk.stand_still();
    sees(&view, &mut events, &picture).await;
}

/// Cables are pulled on both sides: the picture comes back by itself, and is right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_are_cut_come_back_with_the_whole_picture() {
    let server = SERVER.get();
    let invite = server.room().await;
    let (near_presenter, near_viewer) = (
        TcpProxy::start().await.unwrap(),
        TcpProxy::start().await.unwrap(),
    );
    near_presenter.lead_to(server.tcp());
    near_viewer.lead_to(server.tcp());
    let presenter = Person::presenting(&through(&invite, near_presenter.address())).await;
    let viewer = Person::join(&through(&invite, near_viewer.address()), "Viewer").await;
    let (view, mut events) = ScreenView::open(viewer.access.clone());
    let desk = Desk::new(Script::Scrolling);
    let (_share, mut share_events) = desk.share(&presenter.access);
    let painted = |event: &ScreenEvent| matches!(event, ScreenEvent::Painted { .. });
    hears(&mut events, "frame", painted).await;

    near_presenter.cut();
    hears(&mut share_events, "loss", |event| {
        *event == ShareEvent::Lost
    })
    .await;
    hears(&mut share_events, "link", |event| {
        *event == ShareEvent::Live
    })
    .await;
    hears(&mut events, "screen", |event| {
        matches!(event, ScreenEvent::Started { .. })
    })
    .await;
    hears(&mut events, "frame", painted).await;
    near_viewer.cut();
    hears(&mut events, "loss", |event| *event == ScreenEvent::Lost).await;
    hears(&mut events, "screen", |event| {
        matches!(event, ScreenEvent::Started { .. })
    })
    .await;
    let picture = desk.stand_still();
    sees(&view, &mut events, &picture).await;
}

/// A viewer's program hangs: the others see every frame meanwhile, and it catches up with few messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_hangs_skips_what_is_superseded() {
    let server = SERVER.get();
    let invite = server.room().await;
    let presenter = Person::presenting(&invite).await;
    let (slow, quick) = (
        Person::join(&invite, "Slow").await,
        Person::join(&invite, "Quick").await,
    );
    let (slow_view, mut slow_events) = ScreenView::open(slow.access.clone());
    let (quick_view, mut quick_events) = ScreenView::open(quick.access.clone());
    let desk = Desk::new(Script::Scrolling);
    let (_share, _events) = desk.share(&presenter.access);
    let painted = |event: &ScreenEvent| matches!(event, ScreenEvent::Painted { .. });
    hears(&mut slow_events, "frame", painted).await;

    let slow_view = Arc::new(slow_view);
    let (go_on, hold) = std::sync::mpsc::channel::<()>();
    let hanging = std::thread::spawn({
        let slow_view = Arc::clone(&slow_view);
        move || slow_view.with_canvas(|_| hold.recv().ok())
    });
    let enough = quick_view.figures().bytes + 3 * 1024 * 1024;
    while quick_view.figures().bytes < enough {
        hears(&mut quick_events, "frame", painted).await;
    }
    let picture = desk.stand_still();
    sees(&quick_view, &mut quick_events, &picture).await;
    go_on.send(()).unwrap();
    hanging.join().unwrap();
    sees(&slow_view, &mut slow_events, &picture).await;
    let (slow, quick) = (slow_view.figures().bytes, quick_view.figures().bytes);
    assert!(slow < quick - 2 * 1024 * 1024, "{slow} and {quick}");
}
