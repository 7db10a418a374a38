//! Browsers in a room: cameras over the data channel, both ways, through the same forwarder.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod browser;
mod media;

use std::time::Duration;

use browser::*;
use conclave_core::{
    Moment,
    media::assemble::{EncodedFrame, FrameAssembler, split},
};
use conclave_server::media::{figures::Count, sessions::Candidates};
use conclave_wire::{
    Layer, ParticipantId,
    command::Watch,
    datagram::{CameraCodec, Fragment, Kind, Probe, ReRequest, Report},
};
use media::*;

const NOW: Moment = Moment::from_ms(1_000);

async fn browse(hall: &Hall, id: ParticipantId) -> Browser {
    let candidates = Candidates {
        udp: vec![hall.gateway.local_address()],
        tcp: Vec::new(),
    };
    hall.sessions.set_candidates(candidates);
    let session = hall.sessions.open(hall.seat(id));
    let number = u64::from_str_radix(&session.session, 16).unwrap();
    let offering = Offering::new().await;
    let answer = hall.sessions.offer(number, offering.sdp.clone()).await;
    let browser = offering.answered(&answer.unwrap());
    browser.stands().await;
    browser
}

/// The camera of one is on; the others watch its thumbnail.
fn film(hall: &mut Hall, source: ParticipantId, viewers: &[ParticipantId]) {
    hall.cameras.enter(NOW, source);
    hall.cameras.camera(NOW, source, true);
    for &viewer in viewers {
        hall.cameras.enter(NOW, viewer);
        let watch = Watch {
            source,
            layer_max: Layer::Thumbnail,
            pinned: false,
        };
        hall.cameras.watch(NOW, viewer, &[watch]);
    }
    hall.routes.publish(hall.cameras.take_routes().unwrap());
}

fn frame(number: u32, bytes: usize) -> EncodedFrame {
    EncodedFrame {
        number,
        codec: CameraCodec::Jpeg,
        keyframe: true,
        captured_ms: number * 66,
        bytes: (0..bytes).map(|at| (at % 251) as u8).collect(),
    }
}

fn bodies(frame: &EncodedFrame) -> Vec<Vec<u8>> {
    let fragments = split(frame, CARA, Layer::Thumbnail).unwrap();
    let bodies = fragments.into_iter().map(|fragment| {
        let mut body = Vec::new();
        fragment.write(&mut body);
        body
    });
    bodies.collect()
}

fn assemble<'a>(
    bodies: impl IntoIterator<Item = &'a Vec<u8>>,
    source: ParticipantId,
) -> Option<EncodedFrame> {
    let mut assembler = FrameAssembler::new();
    bodies.into_iter().find_map(|body| {
        let fragment = Fragment::parse(body).unwrap();
        assert_eq!(fragment.source, source);
        assembler.insert(&fragment, NOW)
    })
}

#[actix::test]
async fn a_browsers_frame_reaches_a_native_viewer_and_a_browser() {
    let mut hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    let bert = hall.greeted(BERT).await;
    let cara = browse(&hall, CARA).await;
    film(&mut hall, ANNA, &[BERT, CARA]);
    let sent = frame(7, 20_000);
    for body in bodies(&sent) {
        anna.send(Kind::Camera, |message| message.extend_from_slice(&body));
    }
    let mut native = Vec::new();
    while assemble(&native, ANNA).is_none() {
        native.push(bert.receive_kind(Kind::Camera).await.body);
    }
    assert_eq!(assemble(&native, ANNA), Some(sent.clone()));
    let seen = cara
        .sees("the frame", |seen| {
            assemble(&seen.of_kind(Kind::Camera), ANNA)
        })
        .await;
    assert_eq!(seen, sent);
    assert_eq!(anna.seen().messages, Vec::<Vec<u8>>::new(), "not herself");
}

#[actix::test]
async fn a_native_clients_frame_reaches_a_browser() {
    let mut hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let bert = browse(&hall, BERT).await;
    film(&mut hall, ANNA, &[BERT]);
    let sent = frame(3, 60_000);
    for body in bodies(&sent) {
        anna.send(Kind::Camera, |message| message.extend_from_slice(&body))
            .await;
    }
    let seen = bert
        .sees("the frame", |seen| {
            assemble(&seen.of_kind(Kind::Camera), ANNA)
        })
        .await;
    assert_eq!(seen, sent);
}

#[actix::test]
async fn a_camera_that_a_browser_may_not_see_does_not_come() {
    let mut hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    let bert = browse(&hall, BERT).await;
    film(&mut hall, ANNA, &[]);
    for body in bodies(&frame(1, 900)) {
        anna.send(Kind::Camera, |message| message.extend_from_slice(&body));
    }
    hall.counted(Count::CameraUnrouted, 1).await;
    probe(&bert, 5);
    bert.gets(Kind::Echo, 1).await;
    assert_eq!(bert.seen().of_kind(Kind::Camera), Vec::<Vec<u8>>::new());
}

fn probe(browser: &Browser, sent_us: u64) {
    let probe = Probe {
        sent_us,
        room_clock_us: 0,
    };
    browser.send(Kind::Probe, |body| probe.write(body));
}

#[actix::test]
async fn a_probe_over_the_channel_is_echoed_with_the_rooms_clock() {
    let hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    let before = hall.clock.now().0;
    probe(&anna, 77);
    let echo = anna.gets(Kind::Echo, 1).await;
    let echo = Probe::parse(&echo[0]).unwrap();
    assert_eq!(echo.sent_us, 77);
    assert!((before..=hall.clock.now().0).contains(&echo.room_clock_us));
}

fn ask(frame: u32, indices: &[u16]) -> ReRequest {
    ReRequest {
        source: ANNA,
        layer: Layer::Thumbnail,
        frame,
        indices: indices.to_vec(),
    }
}

#[actix::test]
async fn a_browser_gets_what_it_asks_for_again_from_the_servers_cache() {
    let mut hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let bert = browse(&hall, BERT).await;
    film(&mut hall, ANNA, &[BERT]);
    let sent = bodies(&frame(3, 40_000));
    for body in &sent {
        anna.send(Kind::Camera, |message| message.extend_from_slice(body))
            .await;
    }
    bert.gets(Kind::Camera, sent.len()).await;
    bert.send(Kind::ReRequest, |body| ask(3, &[1]).write(body));
    let again = bert.gets(Kind::Camera, sent.len() + 1).await;
    let again = Fragment::parse(again.last().unwrap()).unwrap();
    assert_eq!((again.frame, again.index), (3, 1));
}

#[actix::test]
async fn a_browser_is_asked_for_what_never_came() {
    let mut hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    let bert = hall.greeted(BERT).await;
    film(&mut hall, ANNA, &[BERT]);
    let sent = bodies(&frame(3, 5_000));
    for body in sent.iter().skip(1) {
        anna.send(Kind::Camera, |message| message.extend_from_slice(body));
    }
    bert.receive_kind(Kind::Camera).await;
    bert.send(Kind::ReRequest, |body| ask(3, &[0]).write(body))
        .await;
    let asked = anna.gets(Kind::ReRequest, 1).await;
    let asked = ReRequest::parse(&asked[0]).unwrap();
    assert_eq!(
        (asked.source, asked.frame, asked.indices),
        (ANNA, 3, vec![0])
    );
    anna.send(Kind::Camera, |message| message.extend_from_slice(&sent[0]));
    loop {
        let came = bert.receive_kind(Kind::Camera).await;
        if Fragment::parse(&came.body).unwrap().index == 0 {
            break;
        }
    }
}

#[actix::test]
async fn a_browsers_report_feeds_the_same_ladder() {
    let mut hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    let report = Report {
        interval_ms: 250,
        camera_received: 12,
        camera_lost: 3,
        ..Report::default()
    };
    anna.send(Kind::Report, |body| report.write(body));
    let told = hall
        .hears(|told| match told {
            Told::Cameras(reports) if !reports.viewers.is_empty() => Some(reports.viewers),
            _ => None,
        })
        .await;
    assert_eq!(told, [(ANNA, report)]);
}

#[actix::test]
async fn messages_that_mean_nothing_are_dropped_and_the_connection_goes_on() {
    let hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    let malformed = [
        (vec![99, 1, 2], true),
        (vec![Kind::Voice as u8, 0, 0], true),
        (vec![Kind::Echo as u8; 17], true),
        (vec![Kind::Probe as u8, 1], true),
        (vec![Kind::Camera as u8; 18], true),
        (vec![Kind::ReRequest as u8; 5], true),
        (vec![Kind::Report as u8; 9], true),
        (b"hello".to_vec(), false),
    ];
    let count = malformed.len() as u64;
    for (message, is_binary) in malformed {
        anna.send_message(message, is_binary);
    }
    hall.counted(Count::Malformed, count).await;
    probe(&anna, 1);
    anna.gets(Kind::Echo, 1).await;
}

#[actix::test]
async fn a_channel_that_nobody_agreed_on_ends_the_connection() {
    let hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    anna.open_another_channel();
    anna.is_closed().await;
}

#[actix::test]
async fn a_flood_of_probes_is_cut() {
    let hall = Hall::open();
    let anna = browse(&hall, ANNA).await;
    for number in 0..400 {
        probe(&anna, number);
        if number % 50 == 49 {
            hall.counted(Count::GuestMessages, number + 1).await;
        }
    }
    assert!(hall.count(Count::TooFast) > 0);
    assert!(!anna.seen().closed);
}

#[actix::test]
async fn a_browser_that_takes_nothing_costs_only_itself() {
    let mut hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let bert = browse(&hall, BERT).await;
    let cara = browse(&hall, CARA).await;
    film(&mut hall, ANNA, &[BERT, CARA]);
    bert.pause(true);
    // More than may wait for a channel and in it, at the pace of a camera.
    let size = 60_000;
    let count = 15;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for number in 0..count {
        pace.tick().await;
        let sent = frame(number, size);
        for body in bodies(&sent) {
            anna.send(Kind::Camera, |message| message.extend_from_slice(&body))
                .await;
        }
        let seen = cara
            .sees("a frame", |seen| {
                let whole = seen.of_kind(Kind::Camera);
                let of_this = whole.iter().filter(|body| {
                    Fragment::parse(body).is_some_and(|fragment| fragment.frame == number)
                });
                assemble(of_this, ANNA)
            })
            .await;
        assert_eq!(seen, sent);
    }
    hall.counted(Count::GuestCameraLate, 1).await;
    bert.pause(false);
    probe(&bert, 9);
    bert.gets(Kind::Echo, 1).await;
    let fragments = bodies(&frame(0, size)).len() * count as usize;
    assert!(bert.seen().of_kind(Kind::Camera).len() < fragments);
}
