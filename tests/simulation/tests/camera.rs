//! Pictures over whole paths in bad weather: publisher, the server's cache and ladders, assembler.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use conclave_core::{
    Moment,
    media::{assemble::FRAME_LIFE, ladder::LAYER_LINGER},
};
use conclave_simulation::{
    camera::{CameraRoom, Offered, REPORT_EVERY, Seen, Viewer},
    for_each_seed,
    network::{Bottleneck, Weather},
};
use conclave_wire::{Layer, ParticipantId, command::Watch, limits::DATAGRAM_BYTES_MAX};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// 5 % loss with some jitter, over 10 ms.
const LOSSY: Weather = Weather {
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(5),
    loss: 0.05,
    duplication: 0.02,
    reordering: 0.02,
    ..Weather::CALM
};

fn watch(source: ParticipantId, layer_max: Layer) -> Watch {
    Watch {
        source,
        layer_max,
        pinned: false,
    }
}

fn narrow(bits_per_second: u64) -> Weather {
    Weather {
        delay: Duration::from_millis(5),
        bottleneck: Some(Bottleneck {
            bits_per_second,
            // A quarter of a second, as routers at home have.
            queue_bytes_max: bits_per_second / 8 / 4,
        }),
        ..Weather::CALM
    }
}

fn assert_whole_and_in_order(viewer: &Viewer) {
    assert_eq!(viewer.spoilt, 0, "what comes out is what was published");
    let mut newest: BTreeMap<(ParticipantId, Layer), u32> = BTreeMap::new();
    for seen in &viewer.seen {
        let before = newest.insert((seen.source, seen.layer), seen.frame);
        assert!(before < Some(seen.frame), "{:?} after {before:?}", seen);
    }
}

/// Frames that came whole, and all that the server began to send; those still on their way left out.
fn came(room: &CameraRoom, viewer: ParticipantId) -> (usize, usize) {
    let seen = &room.viewers[&viewer].seen;
    let seen: BTreeSet<_> = (seen
        .iter()
        .map(|seen| (seen.source, seen.layer, seen.frame)))
    .collect();
    let newest = |offered: &Offered| {
        let of_this = seen
            .range((offered.source, offered.layer, 0)..=(offered.source, offered.layer, u32::MAX));
        of_this
            .last()
            .is_some_and(|&(_, _, newest)| offered.frame <= newest)
    };
    let offered = room
        .offered
        .iter()
        .filter(|offered| offered.viewer == viewer);
    (
        seen.len(),
        offered.filter(|offered| newest(offered)).count(),
    )
}

#[test]
fn under_loss_frames_come_whole_thanks_to_re_requests() {
    for_each_seed(8, |seed| {
        for layer in [Layer::Thumbnail, Layer::Normal] {
            let mut room = CameraRoom::new(seed, LOSSY);
            let source = room.publish(1);
            let viewers = [10, 11, 12].map(|id| room.view(id, false));
            for viewer in viewers {
                room.watch(viewer, vec![watch(source, layer)]);
            }
            room.run_for(Duration::from_secs(40));
            let (mut whole, mut all) = (0, 0);
            for viewer in viewers {
                assert_whole_and_in_order(&room.viewers[&viewer]);
                let (came, offered) = came(&room, viewer);
                assert!(offered > 200, "{offered} frames in forty seconds");
                (whole, all) = (whole + came, all + offered);
            }
            assert!(
                whole * 10 >= all * 9,
                "{layer:?}: {whole} of {all} came whole"
            );
        }
    });
}

#[test]
fn with_ladders_under_loss_a_picture_stays() {
    for_each_seed(8, |seed| {
        let mut room = CameraRoom::new(seed, LOSSY);
        let source = room.publish(1);
        let viewer = room.view(10, true);
        room.watch(viewer, vec![watch(source, Layer::Large)]);
        room.run_for(Duration::from_secs(60));
        let seen = &room.viewers[&viewer];
        assert_whole_and_in_order(seen);
        let (whole, all) = came(&room, viewer);
        assert!(whole * 10 >= all * 9, "{whole} of {all} came whole");
        let late = seen
            .seen
            .windows(2)
            .map(|pair| pair[1].at.since(pair[0].at))
            .max();
        assert!(
            late < Some(Duration::from_secs(2)),
            "the picture stands for {late:?}"
        );
    });
}

/// Frames and bits a second of a viewer since a moment.
fn since(room: &CameraRoom, viewer: ParticipantId, from: Moment) -> Vec<Seen> {
    let seen = room.viewers[&viewer].seen.iter().copied();
    seen.filter(|seen| seen.at >= from).collect()
}

#[test]
fn the_ladder_settles_under_a_narrow_link_and_climbs_when_it_widens() {
    const NARROW_BPS: u64 = 2_000_000;
    for_each_seed(3, |seed| {
        let mut room = CameraRoom::new(seed, Weather::CALM);
        let source = room.publish(1);
        let viewer = room.view(10, true);
        room.media.set_weather(0, viewer.0, narrow(NARROW_BPS));
        room.watch(viewer, vec![watch(source, Layer::Large)]);
        room.run_for(Duration::from_secs(60));

        let (from, bytes) = (room.now, room.viewers[&viewer].bytes);
        let lost = room.media.figures().queue_full;
        room.run_for(Duration::from_secs(60));
        let settled = since(&room, viewer, from);
        let bits_per_second = (room.viewers[&viewer].bytes - bytes) * 8 / 60;
        assert!(
            settled.len() >= 5 * 60,
            "{} frames in a minute",
            settled.len()
        );
        assert!(bits_per_second <= NARROW_BPS, "{bits_per_second} bit/s");
        // Once a minute it tries whether more goes through.
        let lost = room.media.figures().queue_full - lost;
        let sent = (room.viewers[&viewer].bytes - bytes) / DATAGRAM_BYTES_MAX as u64;
        assert!(
            lost * 100 <= sent,
            "{lost} of {sent} fragments lost in the queue"
        );
        assert!(!room.viewers[&viewer].audio_only);

        room.media.set_weather(0, viewer.0, narrow(50_000_000));
        room.run_for(Duration::from_secs(180));
        let from = room.now;
        room.run_for(Duration::from_secs(10));
        let wide = since(&room, viewer, from);
        assert!(
            wide.iter().all(|seen| seen.layer == Layer::Large),
            "it climbs to the top"
        );
        assert!(
            wide.len() >= 10 * 14,
            "{} frames in ten seconds",
            wide.len()
        );
        assert_whole_and_in_order(&room.viewers[&viewer]);
    });
}

#[test]
fn a_link_that_breaks_down_and_heals_brings_the_picture_back() {
    for_each_seed(3, |seed| {
        let mut room = CameraRoom::new(seed, Weather::CALM);
        let source = room.publish(1);
        let viewer = room.view(10, true);
        room.watch(viewer, vec![watch(source, Layer::Normal)]);
        room.run_for(Duration::from_secs(10));
        room.media.set_weather(0, viewer.0, narrow(100_000));
        room.run_for(Duration::from_secs(20));
        assert!(room.viewers[&viewer].audio_only, "said plainly");
        room.media.set_weather(0, viewer.0, Weather::CALM);
        // The budget starts again at 64 kbit/s.
        room.run_for(Duration::from_secs(120));
        assert!(!room.viewers[&viewer].audio_only);
        let from = room.now;
        room.run_for(Duration::from_secs(10));
        assert!(since(&room, viewer, from).len() >= 10 * 4);
    });
}

#[test]
fn a_narrow_link_holds_nobody_else_back() {
    for_each_seed(3, |seed| {
        let mut room = CameraRoom::new(seed, Weather::CALM);
        let source = room.publish(1);
        let (poor, rich) = (room.view(10, true), room.view(11, true));
        room.media.set_weather(0, poor.0, narrow(600_000));
        for viewer in [poor, rich] {
            room.watch(viewer, vec![watch(source, Layer::Large)]);
        }
        room.run_for(Duration::from_secs(60));
        let from = room.now;
        room.run_for(Duration::from_secs(10));
        let seen = since(&room, rich, from);
        assert!(seen.iter().all(|seen| seen.layer == Layer::Large));
        assert!(
            seen.len() >= 10 * 14,
            "{} frames in ten seconds",
            seen.len()
        );
    });
}

#[test]
fn no_layer_is_published_that_nobody_watches() {
    // What the server says takes a moment to arrive; frames are 67 ms apart and come before it.
    let longest = LAYER_LINGER + Weather::STREAM.delay + Weather::STREAM.jitter;
    for_each_seed(8, |seed| {
        let mut random = StdRng::seed_from_u64(seed);
        let mut room = CameraRoom::new(seed, LOSSY);
        let sources = [1, 2].map(|id| room.publish(id));
        room.run_for(Duration::from_secs(5));
        assert_eq!(room.media.figures().sent, 0, "nobody is there to watch");

        let viewers = [10, 11, 12].map(|id| room.view(id, true));
        for _ in 0..30 {
            let viewer = viewers[random.random_range(0..viewers.len())];
            let wishes = sources.iter().filter_map(|&source| {
                let layer = Layer::ALL.get(random.random_range(0..=Layer::ALL.len()))?;
                Some(watch(source, *layer))
            });
            let wishes = wishes.collect();
            room.watch(viewer, wishes);
            room.run_for(Duration::from_millis(random.random_range(0..5_000)));
        }
        for viewer in viewers {
            room.watch(viewer, Vec::new());
        }
        room.run_for(longest + FRAME_LIFE + REPORT_EVERY);
        assert!(
            room.publishers
                .values()
                .all(|publisher| publisher.layers.is_empty())
        );
        assert!(
            room.unwatched_max <= longest,
            "published {:?} after the last viewer had gone",
            room.unwatched_max
        );
        assert!(room.viewers.values().any(|viewer| !viewer.seen.is_empty()));
    });
}
