//! Goal: the jitter buffer plays what came, in order, each moment once, and its delay follows the network.
//! Method: random networks, and a playout that pulls as a sound card does.

use std::time::Duration;

use conclave_core::{Moment, media::jitter::*};
use proptest::prelude::*;

/// Payload: the true media time, without wrap.
type Buffer = JitterBuffer<i64>;

fn packet(first: u32, media: i64, samples: u32, number: u64, spurt_start: bool) -> Packet<i64> {
    let media_time = first.wrapping_add(media as u32);
    Packet {
        media_time,
        samples,
        number,
        spurt_start,
        source: 1,
        payload: media,
    }
}

fn samples(count: i64) -> Duration {
    Duration::from_nanos(count as u64 * 1_000_000_000 / 48_000)
}

/// Plays for a while; stretches as told. Returns `(media time, samples)` of what sounded.
struct Player {
    buffer: Buffer,
    now: Moment,
    played: Vec<(i64, i64)>,
    missing: i64,
}

impl Player {
    fn new() -> Player {
        Player {
            buffer: Buffer::new(),
            now: Moment::default(),
            played: Vec::new(),
            missing: 0,
        }
    }

    fn pull(&mut self) {
        let lasted = match self.buffer.pull(self.now) {
            Playout::Frame {
                packet,
                skip,
                adjust,
            } => {
                let sounds = i64::from(packet.samples - skip);
                self.played.push((packet.payload + i64::from(skip), sounds));
                match adjust {
                    Adjust::Keep => sounds,
                    Adjust::Lengthen => sounds + 200,
                    Adjust::Shorten => sounds - 200,
                }
            }
            Playout::Missing { samples, .. } => {
                self.missing += i64::from(samples);
                i64::from(samples)
            }
            Playout::Silence { samples } => i64::from(samples),
        };
        assert!(lasted > 0, "time goes on");
        self.now = self.now + samples(lasted);
    }

    fn play_until(&mut self, end: Moment) {
        while self.now < end {
            self.pull();
        }
    }

    /// Feeds `(arrival in ms, packet)`, sorted by arrival, and plays on for a second.
    fn run(&mut self, mut arrivals: Vec<(u64, Packet<i64>)>) {
        arrivals.sort_by_key(|(at, _)| *at);
        for (at, packet) in arrivals {
            self.play_until(Moment::from_ms(at));
            self.buffer.push(Moment::from_ms(at), packet);
            assert!(self.buffer.len() <= BUFFER_PACKETS_MAX);
        }
        self.play_until(self.now + Duration::from_secs(2));
        assert!(self.buffer.is_empty());
    }
}

fn in_order_and_once(played: &[(i64, i64)]) -> bool {
    played
        .windows(2)
        .all(|pair| pair[0].0 + pair[0].1 <= pair[1].0)
}

/// Frames of 10 or 20 ms one behind the other.
fn frames(sizes: &[bool]) -> Vec<(i64, u32)> {
    let sizes = sizes.iter().map(|&long| if long { 960u32 } else { 480 });
    let placed = sizes.scan(0, |at, size| {
        let from = *at;
        *at += i64::from(size);
        Some((from, size))
    });
    placed.collect()
}

proptest! {
    #[test]
    fn whatever_the_network_does_each_moment_sounds_at_most_once_and_in_order(
        first in any::<u32>(),
        fates in prop::collection::vec((any::<bool>(), 0u64..120, 0u8..10, 0u8..25), 1..150),
    ) {
        let sizes: Vec<bool> = fates.iter().map(|fate| fate.0).collect();
        let mut arrivals = Vec::new();
        for (number, (&(media, size), &(_, delay, luck, spurt))) in frames(&sizes).iter().zip(&fates).enumerate() {
            let sent = media as u64 / 48;
            let packet = packet(first, media, size, number as u64, spurt == 0);
            if luck > 0 {
                arrivals.push((sent + delay, packet.clone()));
            }
            if luck > 7 {
                arrivals.push((sent + delay * 2, packet));
            }
        }
        let sent: Vec<(i64, i64)> = arrivals.iter().map(|(_, packet)| (packet.payload, i64::from(packet.samples))).collect();
        let mut player = Player::new();
        player.run(arrivals);
        prop_assert!(in_order_and_once(&player.played), "{:?}", player.played);
        for &(from, lasts) in &player.played {
            let end = from + lasts;
            let known = sent.iter().any(|&(media, samples)| media <= from && media + samples == end);
            prop_assert!(known, "nothing is invented");
        }
        let figures = player.buffer.figures();
        prop_assert!(figures.target_ms >= 10 && figures.target_ms <= 500);
        prop_assert_eq!(figures.played, player.played.len() as u64);
    }

    #[test]
    fn what_comes_in_order_is_played_however_late(
        first in any::<u32>(),
        fates in prop::collection::vec((any::<bool>(), 0u64..300), 1..150),
    ) {
        let sizes: Vec<bool> = fates.iter().map(|fate| fate.0).collect();
        let mut arrivals = Vec::new();
        let mut before = 0;
        for (number, (&(media, size), &(_, delay))) in frames(&sizes).iter().zip(&fates).enumerate() {
            before = (media as u64 / 48 + delay).max(before);
            arrivals.push((before, packet(first, media, size, number as u64, number == 0)));
        }
        let mut player = Player::new();
        player.run(arrivals);
        let all: Vec<(i64, i64)> = frames(&sizes).iter().map(|&(media, size)| (media, i64::from(size))).collect();
        prop_assert_eq!(&player.played, &all);
        let figures = player.buffer.figures();
        prop_assert_eq!((figures.lost, figures.late, figures.overflowed), (0, 0, 0));
    }

    #[test]
    fn order_does_not_matter_while_nothing_has_sounded(
        first in any::<u32>(),
        order in Just((0..40u64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut player = Player::new();
        for &number in &order {
            // A clock may begin anywhere, but the packet nearest to the first one seen fixes the wrap.
            let packet = packet(first, number as i64 * 960, 960, number, number == 0);
            prop_assert_eq!(player.buffer.push(Moment::default(), packet), Pushed::Kept);
        }
        player.play_until(Moment::from_ms(3_000));
        let all: Vec<(i64, i64)> = (0..40).map(|n| (n * 960, 960)).collect();
        prop_assert_eq!(&player.played, &all);
    }

    #[test]
    fn what_waits_is_bounded(media in prop::collection::vec((any::<u32>(), 1u32..5_000), 1..600)) {
        let mut buffer = Buffer::new();
        for (number, (media, size)) in media.into_iter().enumerate() {
            let packet = Packet { media_time: media, samples: size, number: number as u64, spurt_start: false, source: 1, payload: 0 };
            buffer.push(Moment::from_ms(number as u64), packet);
            prop_assert!(buffer.len() <= BUFFER_PACKETS_MAX);
        }
    }
}

fn steady(count: u64, delay_ms: impl Fn(u64) -> u64) -> Vec<(u64, Packet<i64>)> {
    let packet = |n: u64| packet(u32::MAX - 4_000, n as i64 * 960, 960, n, n == 0);
    (0..count)
        .map(|n| (n * 20 + delay_ms(n), packet(n)))
        .collect()
}

#[test]
fn an_even_network_is_played_with_little_delay() {
    let mut player = Player::new();
    player.run(steady(500, |_| 30));
    let figures = player.buffer.figures();
    assert_eq!((player.played.len(), figures.lost), (500, 0));
    assert!(figures.target_ms <= 25, "{figures:?}");
    assert!(figures.delay_ms <= 45, "{figures:?}");
}

#[test]
fn jitter_raises_the_target_and_calm_lowers_it() {
    let mut player = Player::new();
    player.run(steady(1_000, |n| if n < 500 { n * 37 % 80 } else { 0 }));
    let calm = player.buffer.target();
    let mut player = Player::new();
    player.run(steady(500, |n| n * 37 % 80));
    let wild = player.buffer.target();
    assert!((60 * 48..=100 * 48).contains(&wild), "{wild}");
    assert!(calm <= 30 * 48, "{calm}");
}

#[test]
fn ten_calm_seconds_halve_the_least_delay_until_something_is_late() {
    let target = |packets, late| {
        let mut player = Player::new();
        player.run(steady(packets, |n| if n == late { 22 } else { 10 }));
        player.buffer.target()
    };
    let never = u64::MAX;
    assert_eq!(target(450, never), TARGET_SAMPLES_MIN);
    assert_eq!(target(600, never), TARGET_SAMPLES_CALM);
    assert_eq!(target(600, 550), TARGET_SAMPLES_MIN);
    assert_eq!(target(1_100, 550), TARGET_SAMPLES_CALM);
}

#[test]
fn a_talk_without_a_pause_is_heard_earlier_too_when_the_network_has_become_calm() {
    let heard_after = |packets| {
        let mut player = Player::new();
        player.run(steady(packets, |_| 10));
        let figures = player.buffer.figures();
        assert_eq!(
            (figures.lost, figures.stretched_samples, player.missing),
            (0, 0, 4_800)
        );
        figures.delay_ms
    };
    let (before, after) = (heard_after(450), heard_after(1_000));
    assert!((20..=40).contains(&before), "{before} ms");
    assert!((10..=18).contains(&after), "{after} ms");
}

#[test]
fn a_source_that_comes_later_is_stretched_and_then_shrunk_again() {
    // As when the room goes from passing on to mixing: later by 60 ms, and nothing lost.
    let mut player = Player::new();
    player.run(steady(1_500, |n| if n < 300 { 10 } else { 70 }));
    let figures = player.buffer.figures();
    assert_eq!(player.played.len(), 1_500);
    assert_eq!((figures.lost, figures.late), (0, 0));
    assert!(figures.stretched_samples >= 20 * 48, "{figures:?}");
    assert!(figures.delay_ms <= figures.target_ms + 21, "{figures:?}");
}

#[test]
fn a_lost_packet_is_concealed_with_the_one_behind_it() {
    let mut buffer = Buffer::new();
    for n in [0, 1, 3, 4] {
        buffer.push(Moment::default(), packet(0, n * 960, 960, n as u64, n == 0));
    }
    let mut now = Moment::from_ms(100);
    let mut heard = Vec::new();
    for _ in 0..5 {
        let (what, lasted) = match buffer.pull(now) {
            Playout::Frame { packet, .. } => (packet.payload / 960, 960),
            Playout::Missing { samples, next } => {
                assert_eq!((samples, next), (960, Some(&(3 * 960))));
                (-1, 960)
            }
            Playout::Silence { .. } => panic!("there is sound"),
        };
        heard.push(what);
        now = now + samples(lasted);
    }
    assert_eq!(heard, [0, 1, -1, 3, 4]);
    assert_eq!(
        (buffer.figures().lost, buffer.figures().concealed_samples),
        (1, 960)
    );
}

#[test]
fn a_pause_is_silence_and_no_loss() {
    let mut player = Player::new();
    let speech = |n: u64| n % 50 < 25;
    let packets = (0..500).filter(|&n| speech(n)).enumerate();
    let arrivals = packets.map(|(number, n)| {
        (
            n * 20 + 10,
            packet(0, n as i64 * 960, 960, number as u64, n % 50 == 0),
        )
    });
    player.run(arrivals.collect());
    let figures = player.buffer.figures();
    assert_eq!(
        (player.played.len(), figures.lost, figures.concealed_samples),
        (250, 0, 0)
    );
}

#[test]
fn a_frame_that_overlaps_what_sounded_is_played_from_there_on() {
    // Half a frame was passed on; then the mix comes, on its own grid.
    let mut player = Player::new();
    player
        .buffer
        .push(Moment::default(), packet(0, 0, 960, 0, true));
    player
        .buffer
        .push(Moment::default(), packet(0, 960, 480, 1, false));
    player.play_until(Moment::from_ms(35));
    player
        .buffer
        .push(Moment::from_ms(35), packet(0, 960, 960, 2, false));
    player.play_until(Moment::from_ms(200));
    assert_eq!(player.played, [(0, 960), (960, 480), (1_440, 480)]);
}

#[test]
fn drift_of_the_clocks_is_followed() {
    // The sender's clock is 200 ppm fast: 12 ms a minute, without any pause for a re-anchor.
    let mut player = Player::new();
    let arrival = |n: u64| (n * 20_000 - n * 4) / 1_000;
    let packets = (0..9_000).map(|n| (arrival(n), packet(0, n as i64 * 960, 960, n, n == 0)));
    player.run(packets.collect());
    let figures = player.buffer.figures();
    assert_eq!(
        (player.played.len(), figures.lost, figures.overflowed),
        (9_000, 0, 0)
    );
    assert!(figures.delay_ms <= 50, "{figures:?}");
}

#[test]
fn a_clock_that_begins_anew_is_followed() {
    for (clock, lost) in [(3_000_000_000, 0), (10_000, 25)] {
        let mut player = Player::new();
        player.run(steady(50, |_| 0));
        let later = player.now;
        for n in 0..50 {
            player.play_until(later + Duration::from_millis(n * 20));
            let packet = packet(clock, n as i64 * 960, 960, 100 + n, n == 0);
            player.buffer.push(player.now, packet);
        }
        player.play_until(player.now + Duration::from_secs(1));
        // Where the new clock reads nearly what the old one did, it takes half a second to be sure.
        assert_eq!(player.played.len(), 100 - lost);
        assert_eq!(player.buffer.figures().restarts, 1);
    }
}
