//! The camera routing table: who gets what, and what publishers are told.

use std::time::Duration;

use conclave_core::{
    Moment,
    media::cameras::{CameraSign, Cameras, Routes},
};
use conclave_wire::{Layer, ParticipantId, QualityChoice, command::Watch, datagram::Report};

const ANNA: ParticipantId = ParticipantId(1);
const BERT: ParticipantId = ParticipantId(2);
const CARA: ParticipantId = ParticipantId(3);
const QUARTER: Duration = Duration::from_millis(250);

fn wish(source: ParticipantId, layer_max: Layer) -> Watch {
    Watch {
        source,
        layer_max,
        pinned: false,
    }
}

fn viewers(routes: &Routes, source: ParticipantId, layer: Layer) -> Vec<ParticipantId> {
    let source = routes.source(source).expect("the camera is on");
    source
        .viewers(layer)
        .iter()
        .map(|viewer| viewer.id)
        .collect()
}

fn everywhere(routes: &Routes, source: ParticipantId) -> Vec<ParticipantId> {
    let layers = Layer::ALL.into_iter();
    layers
        .flat_map(|layer| viewers(routes, source, layer))
        .collect()
}

fn told(cameras: &mut Cameras, id: ParticipantId) -> Option<Vec<Layer>> {
    let signs = cameras.take_signs().into_iter().rev();
    let mut layers = signs.filter_map(|(who, sign)| match sign {
        CameraSign::PublishLayers(layers) if who == id => Some(layers),
        CameraSign::PublishLayers(_) | CameraSign::AudioOnly(_) => None,
    });
    layers.next()
}

/// Three people; Anna's camera is on.
fn room() -> (Cameras, Moment) {
    let now = Moment::from_ms(1_000);
    let mut cameras = Cameras::new();
    for id in [ANNA, BERT, CARA] {
        cameras.enter(now, id);
    }
    cameras.camera(now, ANNA, true);
    (cameras, now)
}

fn good_report() -> Report {
    Report {
        interval_ms: 250,
        camera_received: 50,
        camera_bytes: 60_000,
        ..Report::default()
    }
}

#[test]
fn a_camera_goes_to_those_who_watch_and_to_nobody_else() {
    let (mut cameras, now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    let routes = cameras.take_routes().unwrap();
    assert_eq!(viewers(&routes, ANNA, Layer::Thumbnail), [BERT]);
    assert_eq!(everywhere(&routes, ANNA), [BERT]);
    assert!(cameras.take_routes().is_none(), "nothing has changed since");
}

#[test]
fn a_camera_that_is_off_has_no_routes_whoever_wishes() {
    let (mut cameras, now) = room();
    cameras.watch(now, ANNA, &[wish(BERT, Layer::Normal)]);
    let routes = cameras.take_routes().unwrap();
    assert!(routes.source(BERT).is_none());
    cameras.camera(now, ANNA, false);
    assert!(cameras.take_routes().unwrap().source(ANNA).is_none());
}

#[test]
fn nobody_is_sent_their_own_camera() {
    let (mut cameras, now) = room();
    cameras.watch(now, ANNA, &[wish(ANNA, Layer::Normal)]);
    let routes = cameras.take_routes().unwrap();
    assert!(everywhere(&routes, ANNA).is_empty());
}

#[test]
fn a_publisher_is_told_the_layers_that_somebody_watches() {
    let (mut cameras, now) = room();
    assert_eq!(told(&mut cameras, ANNA), Some(vec![]), "nobody watches yet");
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    assert_eq!(told(&mut cameras, ANNA), Some(vec![Layer::Thumbnail]));
    cameras.watch(now, CARA, &[wish(ANNA, Layer::Normal)]);
    assert_eq!(
        told(&mut cameras, ANNA),
        Some(vec![Layer::Thumbnail, Layer::Normal])
    );
    assert_eq!(told(&mut cameras, ANNA), None, "told once");
}

#[test]
fn a_layer_that_nobody_watches_any_more_is_given_up_when_the_alarm_rings() {
    let (mut cameras, now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    cameras.take_signs();
    cameras.leave(now, BERT);
    cameras.take_signs();
    let alarm = cameras.next_wakeup().expect("the layer is to be given up");
    cameras.wake(alarm);
    assert_eq!(told(&mut cameras, ANNA), Some(vec![]));
    assert_eq!(cameras.next_wakeup(), None);
}

#[test]
fn who_comes_back_is_told_everything_again() {
    let (mut cameras, now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    cameras.take_signs();
    cameras.enter(now, ANNA);
    assert_eq!(told(&mut cameras, ANNA), Some(vec![Layer::Thumbnail]));
}

#[test]
fn who_leaves_neither_watches_nor_is_watched() {
    let (mut cameras, now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    cameras.watch(now, CARA, &[wish(ANNA, Layer::Thumbnail)]);
    cameras.leave(now, BERT);
    assert_eq!(everywhere(&cameras.take_routes().unwrap(), ANNA), [CARA]);
    cameras.leave(now, ANNA);
    assert!(cameras.take_routes().unwrap().source(ANNA).is_none());
}

#[test]
fn the_choice_of_quality_caps_the_layer() {
    let (mut cameras, now) = room();
    cameras.choose(now, BERT, QualityChoice::Low);
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Large)]);
    let routes = cameras.take_routes().unwrap();
    assert_eq!(viewers(&routes, ANNA, Layer::Thumbnail), [BERT]);
}

#[test]
fn a_link_that_carries_nothing_leaves_sound_alone_and_says_so() {
    let (mut cameras, mut now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    cameras.take_signs();
    let congested = Report {
        interval_ms: 250,
        queueing_ms: 900,
        camera_received: 10,
        camera_lost: 10,
        ..Report::default()
    };
    let mut signs = Vec::new();
    for _ in 0..40 {
        now = now + QUARTER;
        cameras.report(now, BERT, &congested);
        // The smallest picture weighs more than what is left of the link.
        cameras.published(now, ANNA, Layer::Thumbnail, 2_000_000, 15);
        signs.extend(cameras.take_signs());
    }
    assert!(
        signs.contains(&(BERT, CameraSign::AudioOnly(true))),
        "{signs:?}"
    );
    assert!(everywhere(&cameras.take_routes().unwrap(), ANNA).is_empty());
}

#[test]
fn under_load_cameras_yield_and_come_back() {
    let (mut cameras, mut now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Normal)]);
    let before = cameras.take_routes().unwrap();
    assert_eq!(viewers(&before, ANNA, Layer::Normal), [BERT]);
    for _ in 0..20 {
        now = now + QUARTER;
        cameras.server_load(now, 99);
    }
    let under_load = cameras.take_routes().expect("less is sent");
    assert!(viewers(&under_load, ANNA, Layer::Normal).is_empty());
    for _ in 0..200 {
        now = now + QUARTER;
        cameras.server_load(now, 20);
        cameras.report(now, BERT, &good_report());
        cameras.take_routes();
        cameras.take_signs();
    }
    cameras.enter(now, CARA);
    cameras.watch(now, CARA, &[wish(ANNA, Layer::Thumbnail)]);
    let after = cameras.take_routes().unwrap();
    assert_eq!(
        viewers(&after, ANNA, Layer::Normal),
        viewers(&before, ANNA, Layer::Normal)
    );
}

#[test]
fn of_a_publisher_with_one_layer_the_server_makes_the_smaller_ones() {
    let (mut cameras, mut now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    cameras.watch(now, CARA, &[wish(ANNA, Layer::Large)]);
    let mut routes = cameras.take_routes().unwrap();
    // Whatever it is asked for, this publisher sends 720p.
    for _ in 0..40 {
        now = now + QUARTER;
        cameras.published(now, ANNA, Layer::Large, 900_000, 10);
        for viewer in [BERT, CARA] {
            cameras.report(now, viewer, &good_report());
        }
        cameras.wake(now);
        routes = cameras.take_routes().unwrap_or(routes);
        cameras.take_signs();
    }
    let scalings = routes.source(ANNA).unwrap().scalings();
    let made: Vec<_> = scalings
        .iter()
        .map(|scaling| (scaling.from, scaling.to))
        .collect();
    assert_eq!(made, [(Layer::Large, Layer::Thumbnail)]);
    assert_eq!(viewers(&routes, ANNA, Layer::Thumbnail), [BERT]);
    assert_eq!(viewers(&routes, ANNA, Layer::Large), [CARA]);

    // And when the thumbnail comes after all, the server rests.
    for _ in 0..4 {
        now = now + QUARTER;
        cameras.published(now, ANNA, Layer::Thumbnail, 100_000, 10);
        cameras.published(now, ANNA, Layer::Large, 900_000, 10);
        routes = cameras.take_routes().unwrap_or(routes);
    }
    assert!(routes.source(ANNA).unwrap().scalings().is_empty());
}

#[test]
fn a_publisher_who_has_only_the_largest_layer_is_found_out_layer_by_layer() {
    let (mut cameras, mut now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    let mut routes = cameras.take_routes().unwrap();
    for _ in 0..40 {
        now = now + QUARTER;
        cameras.published(now, ANNA, Layer::Large, 900_000, 10);
        cameras.report(now, BERT, &good_report());
        cameras.wake(now);
        routes = cameras.take_routes().unwrap_or(routes);
    }
    let scaling = routes.source(ANNA).unwrap().scalings()[0];
    assert_eq!((scaling.from, scaling.to), (Layer::Large, Layer::Thumbnail));
    assert_eq!(viewers(&routes, ANNA, Layer::Thumbnail), [BERT]);
    assert_eq!(told(&mut cameras, ANNA), Some(vec![Layer::Large]));
}

#[test]
fn a_publisher_of_whom_nothing_comes_is_not_judged() {
    let (mut cameras, mut now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    for _ in 0..40 {
        now = now + QUARTER;
        cameras.wake(now);
        cameras.report(now, BERT, &good_report());
        cameras.take_routes();
    }
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    cameras.take_routes();
    assert_eq!(told(&mut cameras, ANNA), Some(vec![Layer::Thumbnail]));
}

/// Nothing is sent, so nothing comes that a client could report.
#[test]
fn a_viewer_on_audio_only_who_is_silent_is_tried_again() {
    let (mut cameras, mut now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Thumbnail)]);
    let broken = Report {
        queueing_ms: 500,
        camera_lost: 40,
        ..good_report()
    };
    for _ in 0..40 {
        now = now + QUARTER;
        cameras.report(now, BERT, &broken);
        cameras.take_routes();
    }
    let audio_only = |audio_only| (BERT, CameraSign::AudioOnly(audio_only));
    assert!(cameras.take_signs().contains(&audio_only(true)));
    let broken_at = now;
    while let Some(at) = cameras.next_wakeup() {
        assert!(now.since(broken_at) < Duration::from_secs(120), "for ever");
        now = now.max(at);
        cameras.wake(now);
        if cameras.take_signs().contains(&audio_only(false)) {
            break;
        }
    }
    let routes = cameras.take_routes().unwrap();
    assert_eq!(viewers(&routes, ANNA, Layer::Thumbnail), [BERT]);
}

#[test]
fn in_quiet_company_there_is_one_small_layer_whatever_is_wished() {
    let (mut cameras, now) = room();
    cameras.watch(now, BERT, &[wish(ANNA, Layer::Large)]);
    let routes = cameras.take_routes().unwrap();
    assert!(!routes.source(ANNA).unwrap().quiet());
    cameras.set_quiet(now, true);
    cameras.watch(now, CARA, &[wish(ANNA, Layer::Normal)]);
    let routes = cameras.take_routes().unwrap();
    assert!(routes.source(ANNA).unwrap().quiet());
    assert_eq!(viewers(&routes, ANNA, Layer::Thumbnail), [BERT, CARA]);
    assert_eq!(everywhere(&routes, ANNA).len(), 2);
    let wanted = |cameras: &mut Cameras, now| {
        // Layers that nobody watches any more are given up after a while.
        let now = now + Duration::from_secs(30);
        cameras.wake(now);
        (told(cameras, ANNA), now)
    };
    assert_eq!(wanted(&mut cameras, now).0, Some(vec![Layer::Thumbnail]));
    // What they wished for is not forgotten.
    cameras.set_quiet(now, false);
    let routes = cameras.take_routes().unwrap();
    assert!(!routes.source(ANNA).unwrap().quiet());
    let larger = |viewer| {
        let layers = [Layer::Normal, Layer::Large].into_iter();
        layers
            .flat_map(|layer| viewers(&routes, ANNA, layer))
            .any(|id| id == viewer)
    };
    assert!(larger(BERT));
}
