//! What keeps a link alive: the watchdog, the waits between attempts, the other side's clock.

use std::time::Duration;

use conclave_core::{
    Moment,
    link::{
        backoff::{BACKOFF_FIRST, BACKOFF_MAX, Backoff},
        clock::{Exchange, RemoteClock, SLEW_PPM, STEP_THRESHOLD, WINDOW_EXCHANGES},
        heartbeat::{BEAT_INTERVAL, DEAD_AFTER, Heartbeat, Pulse, RoundTrip},
    },
};
use proptest::prelude::*;

const START: Moment = Moment(1_000_000);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Lets time pass as a shell does, and returns what was due and when.
fn run(heartbeat: &mut Heartbeat, until: Moment) -> Vec<(Moment, Pulse)> {
    let mut due = Vec::new();
    while let Some(at) = heartbeat.next_wakeup().filter(|&at| at <= until) {
        due.extend(heartbeat.wake(at).map(|pulse| (at, pulse)));
    }
    due
}

#[test]
fn a_silent_link_is_dead_after_three_beats() {
    let mut heartbeat = Heartbeat::start(START);
    let due = run(&mut heartbeat, START + ms(60_000));
    let expected = [
        (START, Pulse::Beat),
        (START + BEAT_INTERVAL, Pulse::Beat),
        (START + 2 * BEAT_INTERVAL, Pulse::Beat),
        (START + DEAD_AFTER, Pulse::Dead),
    ];
    assert_eq!(due, expected);
    assert_eq!(heartbeat.next_wakeup(), None, "it dies once");
}

#[test]
fn anything_that_is_heard_keeps_a_link_alive() {
    let mut heartbeat = Heartbeat::start(START);
    for second in 0..60 {
        let now = START + ms(second * 5_000);
        heartbeat.heard(now);
        let due = run(&mut heartbeat, now + ms(4_999));
        assert!(due.iter().all(|&(_, pulse)| pulse == Pulse::Beat));
        assert!(!due.is_empty());
    }
}

#[test]
fn a_shell_that_slept_sends_one_beat_and_not_a_burst() {
    let mut heartbeat = Heartbeat::start(START);
    heartbeat.heard(START + ms(20_000));
    let woken = START + ms(20_001);
    assert_eq!(heartbeat.wake(woken), Some(Pulse::Beat));
    assert_eq!(heartbeat.wake(woken), None);
    assert_eq!(heartbeat.next_wakeup(), Some(woken + BEAT_INTERVAL));
}

#[test]
fn the_round_trip_is_smoothed_as_in_rfc_6298() {
    let mut round_trip = RoundTrip::default();
    assert_eq!(round_trip.smoothed(), None);
    // By hand: SRTT = R, RTTVAR = R/2; then 7/8 and 1/8, 3/4 and 1/4.
    assert_eq!(round_trip.measured(ms(80)), ms(80));
    assert_eq!(round_trip.variation(), Some(ms(40)));
    assert_eq!(round_trip.measured(ms(160)), ms(90));
    assert_eq!(round_trip.variation(), Some(ms(50)));
}

#[test]
fn a_beat_that_came_back_is_measured() {
    let mut heartbeat = Heartbeat::start(START);
    assert_eq!(heartbeat.round_trip(), None);
    assert_eq!(heartbeat.returned(START + ms(12), START), ms(12));
    assert_eq!(heartbeat.round_trip(), Some(ms(12)));
}

#[test]
fn a_beat_tells_the_interval_since_the_one_before() {
    let mut heartbeat = Heartbeat::start(START);
    assert_eq!(heartbeat.beat_heard(START), None);
    for beat in 1..=100 {
        let interval = heartbeat.beat_heard(START + ms(beat * beat));
        assert_eq!(interval, Some(ms(2 * beat - 1)));
    }
}

#[test]
fn waits_double_from_a_tenth_of_a_second_to_one_second() {
    let mut backoff = Backoff::default();
    let longest: Vec<_> = (0..6).map(|_| backoff.next_wait(u64::MAX)).collect();
    assert_eq!(
        longest,
        [100, 200, 400, 800, 1_000, 1_000].map(Duration::from_millis)
    );
    assert_eq!(backoff.attempts(), 6);
    backoff.succeeded();
    assert_eq!(backoff.next_wait(u64::MAX), BACKOFF_FIRST);
}

#[test]
fn the_jitter_is_full() {
    assert_eq!(Backoff::default().next_wait(0), Duration::ZERO);
    let half = Backoff::default().next_wait(1 << 63);
    assert_eq!(half, BACKOFF_FIRST / 2);
}

#[test]
fn offset_and_delay_are_those_of_rfc_5905() {
    // The other clock is 1,000 ms ahead; 30 ms there, 5 ms of thought, 10 ms back.
    let exchange = Exchange {
        sent: Moment::from_ms(100),
        remote_received: Moment::from_ms(1_130),
        remote_sent: Moment::from_ms(1_135),
        received: Moment::from_ms(145),
    };
    assert_eq!(exchange.delay(), ms(40));
    assert_eq!(
        exchange.offset_us(),
        1_010_000,
        "wrong by half of 30 - 10 ms"
    );
}

fn exchange(sent: Moment, offset_us: i64, there: Duration, back: Duration) -> Exchange {
    let remote = Moment((sent + there).0.saturating_add_signed(offset_us));
    Exchange::answered_at_once(sent, remote, sent + there + back)
}

#[test]
fn the_exchange_with_the_least_delay_is_believed() {
    let mut clock = RemoteClock::new();
    assert_eq!(clock.read(START), None);
    let true_offset = 7_000_000;
    clock.exchanged(exchange(START, true_offset, ms(2), ms(2)));
    // Queues in one direction would pull a mean by 50 ms each.
    let mut now = START;
    for _ in 1..WINDOW_EXCHANGES {
        now = now + BEAT_INTERVAL;
        clock.exchanged(exchange(now, true_offset, ms(102), ms(2)));
    }
    let now = now + ms(104);
    let reading = clock.read(now).unwrap();
    assert_eq!(reading.remote, Moment(now.0 + 7_000_000));
    assert!(
        reading.error >= ms(2) && reading.error < ms(3),
        "{reading:?}"
    );
}

#[test]
fn a_small_correction_is_slewed_and_never_goes_back() {
    let mut clock = RemoteClock::new();
    clock.exchanged(exchange(START, 50_000, ms(40), ms(40)));
    let started = START + ms(80);
    let before = clock.read(started).unwrap().remote;
    // A better exchange says that the estimate is 20 ms ahead.
    clock.exchanged(exchange(started, 30_000, ms(1), ms(1)));
    let mut last = before;
    for step in 1..=3_000 {
        let now = started + ms(step);
        let reading = clock.read(now).unwrap();
        assert!(reading.remote >= last, "it never goes back");
        let truth = Moment(now.0 + 30_000);
        let off = Duration::from_micros(reading.remote.0.abs_diff(truth.0));
        assert!(
            off <= reading.error,
            "the bound holds: {reading:?}, off by {off:?}"
        );
        last = reading.remote;
    }
    // 20 ms at 10 ms a second are done after two seconds.
    assert_eq!(SLEW_PPM, 10_000);
    assert_eq!(last, Moment((started + ms(3_000)).0 + 30_000));
}

#[test]
fn a_clock_that_is_far_off_is_set_at_once() {
    let mut clock = RemoteClock::new();
    clock.exchanged(exchange(START, 0, ms(400), ms(400)));
    let at = START + ms(800);
    let jump = i64::try_from(STEP_THRESHOLD.as_micros()).unwrap() + 1;
    clock.exchanged(exchange(at, jump, ms(1), ms(1)));
    let now = at + ms(2);
    assert_eq!(
        clock.read(now).unwrap().remote,
        Moment(now.0.saturating_add_signed(jump))
    );
}

#[test]
fn a_clock_that_must_go_back_far_stands_still_until_it_is_right() {
    let mut clock = RemoteClock::new();
    clock.exchanged(exchange(START, 500_000, ms(400), ms(400)));
    let at = START + ms(800);
    let before = clock.read(at).unwrap().remote;
    clock.exchanged(exchange(at, 0, ms(1), ms(1)));
    assert_eq!(clock.read(at + ms(100)).unwrap().remote, before);
    assert!(clock.read(at + ms(100)).unwrap().error >= ms(400));
    let later = at + ms(1_000);
    assert_eq!(clock.read(later).unwrap().remote, later);
}

#[test]
fn after_a_sleep_or_with_another_server_the_first_exchange_is_believed() {
    // Ahead by an hour, as after a sleep of this machine; back by a day, as with a server started anew.
    for jump_us in [3_600_000_000i64, -86_400_000_000] {
        let mut clock = RemoteClock::new();
        let mut now = Moment(200_000_000_000);
        for _ in 0..WINDOW_EXCHANGES {
            clock.exchanged(exchange(now, 50_000, ms(1), ms(1)));
            now = now + BEAT_INTERVAL;
        }
        let offset_us = 50_000 + jump_us;
        clock.exchanged(exchange(now, offset_us, ms(3), ms(3)));
        let now = now + ms(6);
        let reading = clock.read(now).unwrap();
        assert_eq!(
            reading.remote,
            Moment(now.0.saturating_add_signed(offset_us))
        );
        assert!(reading.error < ms(4), "{reading:?}");
    }
}

proptest! {
    #[test]
    fn a_wait_is_never_longer_than_its_ceiling(randoms in prop::collection::vec(any::<u64>(), 1..40)) {
        let mut backoff = Backoff::default();
        for (attempt, random) in randoms.into_iter().enumerate() {
            let ceiling = BACKOFF_FIRST.saturating_mul(1 << attempt.min(16)).min(BACKOFF_MAX);
            prop_assert!(backoff.next_wait(random) <= ceiling);
        }
    }

    /// Whatever the ways there and back are: the estimate never goes back, and the truth is within
    /// the bound that it gives.
    #[test]
    fn the_estimate_is_monotone_and_its_bound_holds(
        offset_us in -900_000i64..900_000,
        ways in prop::collection::vec((0u64..300_000, 0u64..300_000, 1u64..3_000_000), 1..40),
    ) {
        let mut clock = RemoteClock::new();
        let (mut now, mut last) = (Moment(10_000_000), Moment(0));
        for (there, back, pause) in ways {
            let asked = exchange(now, offset_us, Duration::from_micros(there), Duration::from_micros(back));
            clock.exchanged(asked);
            for at in [asked.received, asked.received + Duration::from_micros(pause)] {
                let reading = clock.read(at).unwrap();
                let truth = at.0.saturating_add_signed(offset_us);
                prop_assert!(reading.remote >= last);
                // One microsecond for halving whole microseconds.
                let off = Duration::from_micros(reading.remote.0.abs_diff(truth).saturating_sub(1));
                prop_assert!(off <= reading.error, "{off:?} {reading:?}");
                last = reading.remote;
                now = at;
            }
        }
    }
}
