//! Goal: whatever a network does to fragments, what comes out of the assembler is whole, correct and in order.
//! Method: frames of random sizes around the wrap of their numbers; fragments shuffled, lost and doubled.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, time::Duration};

use conclave_core::{
    Moment,
    media::{assemble::*, sequence::is_after},
};
use conclave_wire::{
    Layer, ParticipantId,
    datagram::{CameraCodec, FRAGMENT_PAYLOAD_BYTES_MAX, Fragment, ReRequest},
    limits::CAMERA_FRAME_BYTES_MAX,
};
use proptest::prelude::*;

const SOURCE: ParticipantId = ParticipantId(7);

fn frame(number: u32, bytes: usize) -> EncodedFrame {
    EncodedFrame {
        number,
        codec: CameraCodec::Jpeg,
        keyframe: true,
        captured_ms: number.wrapping_mul(66),
        bytes: (0..bytes)
            .map(|at| (at as u32 ^ number.wrapping_mul(31)) as u8)
            .collect(),
    }
}

fn fragments(frame: &EncodedFrame) -> Vec<Fragment<'_>> {
    split(frame, SOURCE, Layer::Normal).unwrap().collect()
}

fn ms(ms: u64) -> Moment {
    Moment::from_ms(ms)
}

#[test]
fn a_frame_is_split_and_put_together() {
    let frame = frame(1, 2 * FRAGMENT_PAYLOAD_BYTES_MAX + 1);
    let fragments = fragments(&frame);
    assert_eq!(fragments.len(), 3);
    assert_eq!(fragments[2].payload.len(), 1);
    let mut assembler = FrameAssembler::new();
    assert_eq!(assembler.insert(&fragments[0], ms(0)), None);
    assert_eq!(assembler.insert(&fragments[1], ms(1)), None);
    assert_eq!(assembler.insert(&fragments[2], ms(2)), Some(frame.clone()));
    assert_eq!(assembler.next_wakeup(), None);
}

#[test]
fn the_largest_frame_goes_through_and_a_larger_one_is_refused() {
    let largest = frame(1, CAMERA_FRAME_BYTES_MAX);
    let fragments = fragments(&largest);
    assert_eq!(fragments.len(), FRAGMENTS_MAX);
    let mut assembler = FrameAssembler::new();
    let out = fragments
        .iter()
        .rev()
        .find_map(|fragment| assembler.insert(fragment, ms(0)));
    assert_eq!(out, Some(largest.clone()));
    let larger = frame(2, CAMERA_FRAME_BYTES_MAX + 1);
    assert_eq!(
        split(&larger, SOURCE, Layer::Normal).err(),
        Some(FrameRefused::TooLarge)
    );
    let nothing = frame(3, 0);
    assert_eq!(
        split(&nothing, SOURCE, Layer::Normal).err(),
        Some(FrameRefused::Empty)
    );
}

#[test]
fn a_count_beyond_the_largest_frame_takes_no_memory() {
    let real = frame(1, 100);
    let mut forged = fragments(&real)[0];
    forged.count = u16::MAX;
    let mut assembler = FrameAssembler::new();
    assert_eq!(assembler.insert(&forged, ms(0)), None);
    assert_eq!(
        (assembler.held_bytes(), assembler.figures().malformed),
        (0, 1)
    );
    assert_eq!(assembler.next_wakeup(), None);
}

#[test]
fn a_gap_is_asked_for_after_ten_milliseconds_and_at_most_twice() {
    let frame = frame(1, 3 * FRAGMENT_PAYLOAD_BYTES_MAX);
    let fragments = fragments(&frame);
    let mut assembler = FrameAssembler::new();
    assembler.insert(&fragments[0], ms(0));
    assembler.insert(&fragments[2], ms(1));
    let mut asked = Vec::new();
    while let Some(at) = assembler.next_wakeup() {
        let missing = assembler.wake(at);
        asked.extend(
            missing
                .into_iter()
                .map(|missing| (at.as_ms(), missing.frame, missing.indices)),
        );
    }
    assert_eq!(asked, [(11, 1, vec![1]), (61, 1, vec![1])]);
    assert_eq!(assembler.figures().dropped, 1);
}

#[test]
fn a_lost_tail_is_asked_for_and_what_comes_is_counted_as_recovered() {
    let frame = frame(1, 3 * FRAGMENT_PAYLOAD_BYTES_MAX);
    let fragments = fragments(&frame);
    let mut assembler = FrameAssembler::new();
    assembler.insert(&fragments[0], ms(0));
    assert_eq!(assembler.next_wakeup(), Some(ms(20)));
    let missing = assembler.wake(ms(20));
    assert_eq!(
        missing,
        [Missing {
            frame: 1,
            indices: vec![1, 2]
        }]
    );
    assembler.insert(&fragments[2], ms(23));
    assert_eq!(assembler.insert(&fragments[1], ms(24)), Some(frame.clone()));
    assert_eq!(
        (
            assembler.figures().re_requested,
            assembler.figures().recovered
        ),
        (2, 2)
    );
}

#[test]
fn a_newer_frame_that_is_whole_ends_the_older_ones() {
    let (old, new) = (frame(u32::MAX, 3_000), frame(0, 500));
    let mut assembler = FrameAssembler::new();
    assembler.insert(&fragments(&old)[0], ms(0));
    assert_eq!(
        assembler.insert(&fragments(&new)[0], ms(5)),
        Some(new.clone())
    );
    for fragment in fragments(&old) {
        assert_eq!(assembler.insert(&fragment, ms(6)), None);
    }
    assert_eq!(
        (assembler.figures().dropped, assembler.figures().late),
        (1, 3)
    );
}

#[test]
fn a_publisher_that_starts_anew_is_seen_again_after_a_silence() {
    let (before, after) = (frame(900, 500), frame(0, 500));
    let mut assembler = FrameAssembler::new();
    assert!(assembler.insert(&fragments(&before)[0], ms(0)).is_some());
    assert_eq!(assembler.insert(&fragments(&after)[0], ms(1_000)), None);
    assert_eq!(
        assembler.insert(&fragments(&after)[0], ms(3_000)),
        Some(after.clone())
    );
}

/// One fragment on its way: of which frame, which of its fragments, and what happens to it.
#[derive(Clone, Debug)]
struct Delivery {
    sizes: Vec<usize>,
    /// (sort key, frame, fragment, lost, doubled) for every fragment that could be sent.
    fates: Vec<(u16, bool, bool)>,
    gap_ms: u64,
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let size = prop_oneof![1..1_200usize, 1..9_000usize];
    (prop::collection::vec(size, 1..12), 0..12u64).prop_flat_map(|(sizes, gap_ms)| {
        let count: usize = sizes
            .iter()
            .map(|size| size.div_ceil(FRAGMENT_PAYLOAD_BYTES_MAX))
            .sum();
        let fate = (
            0..400u16,
            prop::bool::weighted(0.15),
            prop::bool::weighted(0.1),
        );
        let fates = prop::collection::vec(fate, count);
        (Just(sizes), fates, Just(gap_ms)).prop_map(|(sizes, fates, gap_ms)| Delivery {
            sizes,
            fates,
            gap_ms,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn only_whole_and_correct_frames_come_out_in_order(delivery in delivery(), first in any::<u32>()) {
        // Half of the runs cross the wrap of the frame numbers.
        let first = if first % 2 == 0 { u32::MAX - 4 } else { first };
        let frames: Vec<_> = delivery.sizes.iter().enumerate()
            .map(|(at, &size)| frame(first.wrapping_add(at as u32), size)).collect();
        let mut sent = Vec::new();
        for (position, fragment) in frames.iter().flat_map(fragments).enumerate() {
            let (shift, lost, doubled) = delivery.fates[position];
            // Fragments are up to 40 places late.
            let place = position as u32 * 10 + u32::from(shift);
            if !lost { sent.push((place, fragment)); }
            if doubled { sent.push((place + 77, fragment)); }
        }
        sent.sort_by_key(|(place, _)| *place);

        let mut assembler = FrameAssembler::new();
        let mut now = ms(0);
        let mut last: Option<u32> = None;
        let mut asked: BTreeMap<(u32, u16), u32> = BTreeMap::new();
        for (_, fragment) in &sent {
            now = now + Duration::from_millis(delivery.gap_ms);
            for missing in assembler.wake(now) {
                for index in missing.indices { *asked.entry((missing.frame, index)).or_default() += 1; }
            }
            if let Some(out) = assembler.insert(fragment, now) {
                let truth = &frames[out.number.wrapping_sub(first) as usize];
                prop_assert_eq!(&out, truth);
                prop_assert!(last.is_none_or(|last| is_after(out.number, last)));
                last = Some(out.number);
            }
            prop_assert!(assembler.held_bytes() <= 2 * CAMERA_FRAME_BYTES_MAX);
            prop_assert!(assembler.next_wakeup().is_none_or(|at| at <= now + FRAME_LIFE));
        }
        prop_assert!(asked.values().all(|&times| times <= u32::from(ASKS_MAX)));

        // Nothing is left for ever.
        while let Some(at) = assembler.next_wakeup() { now = at; assembler.wake(now); }
        prop_assert_eq!(assembler.held_bytes(), 0);
        let figures = assembler.figures();
        prop_assert!(figures.complete + figures.dropped <= frames.len() as u64);
    }

    #[test]
    fn without_loss_the_newest_frame_always_comes_out(sizes in prop::collection::vec(1..20_000usize, 1..6)) {
        let mut assembler = FrameAssembler::new();
        for (number, &size) in sizes.iter().enumerate() {
            let frame = frame(number as u32, size);
            let out: Vec<_> = fragments(&frame).iter()
                .filter_map(|fragment| assembler.insert(fragment, ms(66 * number as u64))).collect();
            prop_assert_eq!(out, [frame.clone()]);
        }
    }

    /// A viewer that asks as it likes gets no fragment more than twice, and at most 15 % of its bytes again.
    #[test]
    fn repetitions_stay_within_their_budget(
        steps in prop::collection::vec((0..3u8, 0..30u16, 1..1_150usize, 0..40u64), 1..400)
    ) {
        let (mut cache, mut budget) = (FragmentCache::new(), ResendBudget::new());
        let mut upstream = UpstreamRequests::new();
        let mut now = ms(0);
        let (mut sent, mut resent) = (0u64, 0u64);
        let mut times: BTreeMap<u16, u32> = BTreeMap::new();
        let mut asked: BTreeMap<u16, u32> = BTreeMap::new();
        for (what, index, size, wait) in steps {
            let key = FragmentKey { layer: Layer::Normal, frame: 0, index };
            match what {
                0 => {
                    let body = vec![index as u8; size];
                    if times.contains_key(&index) { continue; }
                    times.insert(index, 0);
                    budget.sent(size);
                    sent += size as u64;
                    cache.insert(key, body, now);
                }
                1 => {
                    let request = ReRequest { source: SOURCE, layer: Layer::Normal, frame: 0, indices: vec![index] };
                    let answer = answer(&request, &mut cache, &mut budget, now);
                    for body in answer.bodies {
                        resent += body.len() as u64;
                        *times.get_mut(&index).unwrap() += 1;
                    }
                    for index in answer.absent.and_then(|absent| upstream.merge(absent, now)).into_iter()
                        .flat_map(|request| request.indices)
                    { *asked.entry(index).or_default() += 1; }
                }
                _ => now = now + Duration::from_millis(wait / 8),
            }
            prop_assert!(resent * 100 <= sent * RESEND_PERCENT_MAX);
            prop_assert!(cache.held_bytes() <= CACHE_BYTES_MAX);
            // The frame's whole story is within the time that repetitions are counted for.
            if now < ms(400) {
                prop_assert!(times.values().all(|&times| times <= 2));
                prop_assert!(asked.values().all(|&times| times <= 2));
            }
        }
    }
}

#[test]
fn a_cached_fragment_is_gone_after_a_frames_life() {
    let mut cache = FragmentCache::new();
    let key = FragmentKey {
        layer: Layer::Large,
        frame: 3,
        index: 0,
    };
    cache.insert(key, vec![1, 2, 3], ms(0));
    assert_eq!(cache.get(key, ms(199)), Some(vec![1, 2, 3]));
    assert_eq!(cache.get(key, ms(200)), None);
    assert_eq!(cache.held_bytes(), 0);
}

#[test]
fn many_viewers_asking_at_once_are_one_request_upstream() {
    let mut upstream = UpstreamRequests::new();
    let request = |indices: &[u16]| ReRequest {
        source: SOURCE,
        layer: Layer::Normal,
        frame: 9,
        indices: indices.to_vec(),
    };
    assert_eq!(
        upstream.merge(request(&[1, 2]), ms(0)),
        Some(request(&[1, 2]))
    );
    assert_eq!(
        upstream.merge(request(&[1, 2, 3]), ms(1)),
        Some(request(&[3]))
    );
    assert_eq!(upstream.merge(request(&[2]), ms(30)), Some(request(&[2])));
    assert_eq!(upstream.merge(request(&[2]), ms(60)), None);
}
