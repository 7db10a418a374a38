//! Camera over real loopback sockets: forwarding, challenges, re-requests, measures, scaling.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod media;

use std::time::Duration;

use conclave_core::{
    Moment,
    media::assemble::{EncodedFrame, FrameAssembler, split},
};
use conclave_server::media::{figures::Count, scale::Picture, seat::CameraReports};
use conclave_wire::{
    Layer, ParticipantId,
    command::Watch,
    datagram::{CameraCodec, Fragment, Kind, ReRequest, Report},
};
use media::*;

const NOW: Moment = Moment::from_ms(1_000);

fn watch(layer_max: Layer) -> [Watch; 1] {
    [Watch {
        source: ANNA,
        layer_max,
        pinned: false,
    }]
}

/// Anna's camera is on; the others watch its thumbnail.
fn film(hall: &mut Hall, viewers: &[ParticipantId]) {
    hall.cameras.enter(NOW, ANNA);
    hall.cameras.camera(NOW, ANNA, true);
    for &viewer in viewers {
        hall.cameras.enter(NOW, viewer);
        hall.cameras.watch(NOW, viewer, &watch(Layer::Thumbnail));
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

async fn publish(from: &Caller, layer: Layer, frame: &EncodedFrame, leave_out: &[u16]) {
    // A client does not know under which name it is forwarded; what it says is replaced.
    for fragment in split(frame, CARA, layer).unwrap() {
        if !leave_out.contains(&fragment.index) {
            from.send(Kind::Camera, |body| fragment.write(body)).await;
        }
    }
}

/// Receives until a frame is whole.
async fn whole_frame(viewer: &Caller, layer: Layer) -> EncodedFrame {
    let mut assembler = FrameAssembler::new();
    loop {
        let received = viewer.receive_kind(Kind::Camera).await;
        let fragment = Fragment::parse(&received.body).unwrap();
        assert_eq!((fragment.source, fragment.layer), (ANNA, layer));
        if let Some(frame) = assembler.insert(&fragment, NOW) {
            return frame;
        }
    }
}

async fn ask(viewer: &Caller, frame: u32, indices: &[u16]) {
    let request = ReRequest {
        source: ANNA,
        layer: Layer::Thumbnail,
        frame,
        indices: indices.to_vec(),
    };
    viewer
        .send(Kind::ReRequest, |body| request.write(body))
        .await;
}

async fn fragment_index(viewer: &Caller) -> u16 {
    let received = viewer.receive_kind(Kind::Camera).await;
    Fragment::parse(&received.body).unwrap().index
}

#[actix::test]
async fn a_frame_reaches_those_who_watch_whole_and_nobody_else() {
    let mut hall = Hall::open();
    let (anna, bert, cara) = (
        hall.greeted(ANNA).await,
        hall.greeted(BERT).await,
        hall.greeted(CARA).await,
    );
    film(&mut hall, &[BERT]);
    let sent = frame(7, 80_000);
    publish(&anna, Layer::Thumbnail, &sent, &[]).await;
    assert_eq!(whole_frame(&bert, Layer::Thumbnail).await, sent);
    cara.expect_nothing_before_echo().await;
    anna.expect_nothing_before_echo().await;
}

#[actix::test]
async fn a_camera_that_is_not_on_goes_nowhere() {
    let mut hall = Hall::open();
    let (anna, bert) = (hall.greeted(ANNA).await, hall.greeted(BERT).await);
    film(&mut hall, &[BERT]);
    // Bert watches, but his own camera is off, and of Anna nobody watches the large layer.
    publish(&bert, Layer::Thumbnail, &frame(1, 900), &[]).await;
    publish(&anna, Layer::Large, &frame(1, 900), &[]).await;
    hall.counted(Count::CameraUnrouted, 2).await;
    anna.expect_nothing_before_echo().await;
    bert.expect_nothing_before_echo().await;
}

#[actix::test]
async fn who_has_not_answered_a_challenge_gets_voice_but_no_camera() {
    let mut hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let mut bert = hall.greeted(BERT).await;
    film(&mut hall, &[BERT]);
    let old = bert.move_house().await;
    bert.probe(Kind::Probe, 3).await;
    let challenge = bert.receive_kind(Kind::Challenge).await;
    bert.receive_kind(Kind::Echo).await;

    // Camera still goes where the last challenge was answered.
    publish(&anna, Layer::Thumbnail, &frame(1, 500), &[]).await;
    let mut datagram = vec![0; 2_048];
    let bytes = tokio::time::timeout(DEADLINE, old.recv(&mut datagram)).await;
    let received = bert.keys.open(&mut datagram[..bytes.unwrap().unwrap()]);
    assert_eq!(received.kind, Kind::Camera);

    challenge.respond(&bert).await;
    bert.expect_nothing_before_echo().await;
    // At a camera's pace: faster frames than Bert is to get would be left out.
    tokio::time::sleep(Duration::from_millis(150)).await;
    publish(&anna, Layer::Thumbnail, &frame(2, 500), &[]).await;
    let moved = bert.receive_kind(Kind::Camera).await;
    assert_eq!(Fragment::parse(&moved.body).unwrap().frame, 2);
}

#[actix::test]
async fn a_fragment_is_sent_again_at_most_twice_each_time_under_a_new_number() {
    let mut hall = Hall::open();
    let (anna, bert) = (hall.greeted(ANNA).await, hall.greeted(BERT).await);
    film(&mut hall, &[BERT]);
    publish(&anna, Layer::Thumbnail, &frame(7, 30_000), &[]).await;
    whole_frame(&bert, Layer::Thumbnail).await;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        ask(&bert, 7, &[4]).await;
        let again = bert.receive_kind(Kind::Camera).await;
        assert_eq!(Fragment::parse(&again.body).unwrap().index, 4);
        numbers.push(again.number);
    }
    assert!(numbers[0] < numbers[1]);
    ask(&bert, 7, &[4]).await;
    hall.counted(Count::ReRequested, 3).await;
    bert.expect_nothing_before_echo().await;
    assert_eq!(hall.count(Count::Resent), 2);
}

#[actix::test]
async fn what_is_sent_again_is_a_share_of_what_was_sent() {
    let mut hall = Hall::open();
    let (anna, bert) = (hall.greeted(ANNA).await, hall.greeted(BERT).await);
    film(&mut hall, &[BERT]);
    publish(&anna, Layer::Thumbnail, &frame(7, 40_000), &[]).await;
    whole_frame(&bert, Layer::Thumbnail).await;
    // 36 fragments; 15 % of them is no more than 6.
    let all: Vec<u16> = (0..36).collect();
    ask(&bert, 7, &all).await;
    hall.counted(Count::ReRequested, 36).await;
    bert.probe(Kind::Probe, 5).await;
    bert.receive_kind(Kind::Echo).await;
    let resent = hall.count(Count::Resent);
    assert!((1..=6).contains(&resent), "{resent}");
}

#[actix::test]
async fn what_never_came_is_asked_of_the_publisher_once_for_all_viewers() {
    let mut hall = Hall::open();
    let (anna, bert, cara) = (
        hall.greeted(ANNA).await,
        hall.greeted(BERT).await,
        hall.greeted(CARA).await,
    );
    film(&mut hall, &[BERT, CARA]);
    let sent = frame(7, 8_000);
    publish(&anna, Layer::Thumbnail, &sent, &[3]).await;
    for viewer in [&bert, &cara] {
        for _ in 0..7 {
            assert_ne!(fragment_index(viewer).await, 3);
        }
    }
    ask(&bert, 7, &[3]).await;
    ask(&cara, 7, &[3]).await;
    let request = anna.receive_kind(Kind::ReRequest).await;
    let request = ReRequest::parse(&request.body).unwrap();
    assert_eq!(
        (request.source, request.frame, request.indices),
        (ANNA, 7, vec![3])
    );
    hall.counted(Count::ReRequested, 2).await;
    anna.expect_nothing_before_echo().await;

    let missing = split(&sent, ANNA, Layer::Thumbnail)
        .unwrap()
        .nth(3)
        .unwrap();
    anna.send(Kind::Camera, |body| missing.write(body)).await;
    for viewer in [&bert, &cara] {
        assert_eq!(fragment_index(viewer).await, 3);
    }
}

#[actix::test]
async fn who_does_not_watch_cannot_ask() {
    let mut hall = Hall::open();
    let (anna, bert, cara) = (
        hall.greeted(ANNA).await,
        hall.greeted(BERT).await,
        hall.greeted(CARA).await,
    );
    film(&mut hall, &[BERT]);
    publish(&anna, Layer::Thumbnail, &frame(7, 3_000), &[]).await;
    whole_frame(&bert, Layer::Thumbnail).await;
    ask(&cara, 7, &[0]).await;
    cara.expect_nothing_before_echo().await;
}

#[actix::test]
async fn the_room_gets_reports_and_measures_in_batches() {
    let mut hall = Hall::open();
    let (anna, bert) = (hall.greeted(ANNA).await, hall.greeted(BERT).await);
    film(&mut hall, &[BERT]);
    let report = Report {
        interval_ms: 250,
        camera_received: 40,
        camera_lost: 1,
        ..Report::default()
    };
    bert.send(Kind::Report, |body| report.write(body)).await;
    let (mut viewers, mut rates) = (Vec::new(), Vec::new());
    for number in 0..30 {
        publish(&anna, Layer::Thumbnail, &frame(number, 5_000), &[]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while viewers.is_empty() || rates.last().is_none_or(|&(bits, _)| bits > 0) {
        let CameraReports {
            viewers: seen,
            published,
            ..
        } = hall
            .hears(|told| match told {
                Told::Cameras(batch) => Some(batch),
                _ => None,
            })
            .await;
        viewers.extend(seen);
        rates.extend(published.into_iter().map(|(source, layer, bits, fps)| {
            assert_eq!((source, layer), (ANNA, Layer::Thumbnail));
            (bits, fps)
        }));
    }
    assert_eq!(viewers, [(BERT, report)]);
    // About 50 frames a second of 5 fragments, whose headers count too; the last batch says that it ceased.
    let peak = rates.iter().copied().max().unwrap();
    assert!(peak.0 > 40_000 && peak.1 > 1, "{rates:?}");
    assert_eq!(rates.last(), Some(&(0, 0)));
}

#[actix::test]
async fn of_a_large_picture_alone_the_server_makes_the_thumbnail() {
    let mut hall = Hall::open();
    let (anna, bert) = (hall.greeted(ANNA).await, hall.greeted(BERT).await);
    film(&mut hall, &[BERT]);
    // The room has seen for a while that Anna publishes 720p whatever she is asked for.
    for quarter in 1..40 {
        let now = NOW + Duration::from_millis(250) * quarter;
        hall.cameras.published(now, ANNA, Layer::Large, 900_000, 10);
        hall.cameras.report(
            now,
            BERT,
            &Report {
                interval_ms: 250,
                ..Report::default()
            },
        );
        hall.cameras.wake(now);
        if let Some(routes) = hall.cameras.take_routes() {
            hall.routes.publish(routes);
        }
    }
    let grey = Picture {
        width: 1_280,
        height: 720,
        rgb: vec![120; 1_280 * 720 * 3],
    };
    let sent = EncodedFrame {
        bytes: grey.encode().unwrap(),
        ..frame(1, 1)
    };
    publish(&anna, Layer::Large, &sent, &[]).await;
    let small = whole_frame(&bert, Layer::Thumbnail).await;
    let picture = Picture::decode(&small.bytes).unwrap();
    assert_eq!((picture.width, picture.height), (320, 180));
    assert_eq!(
        (small.number, small.captured_ms),
        (sent.number, sent.captured_ms)
    );
    assert_eq!(hall.count(Count::Scaled), 1);
}
