//! Speech over whole paths in bad weather: microphone, network, mixer, network, jitter buffer, ear.

use std::{collections::BTreeSet, time::Duration};

use conclave_core::{Moment, media::voices::SOURCE_MIX};
use conclave_simulation::{
    for_each_seed,
    network::{Outage, Weather},
    voice::{SERVER, Spurt, VoiceRoom},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

const LISTENERS: [u32; 2] = [10, 11];
/// Speech that nobody hears of beyond what is lost: the first and last packets of a spurt, and what two
/// buffers that wait for 97 % of all packets each leave behind.
const LATE_SHARE: f64 = 2.0 * 0.03;
/// ITU-T G.114: beyond, people talk into each other's words.
const MOUTH_TO_EAR_MAX: Duration = Duration::from_millis(400);

fn spurt(room: &VoiceRoom, from_ms: u64, until_ms: u64) -> Spurt {
    Spurt {
        from: room.after_ms(from_ms),
        until: room.after_ms(until_ms),
    }
}

/// One person talks all the time and two others break in, so that listeners go from passing on to the mix
/// and back.
fn conversation(seed: u64, weather: Weather) -> VoiceRoom {
    let mut random = StdRng::seed_from_u64(!seed);
    let mut room = VoiceRoom::new(seed, weather);
    let mut drift = || random.random_range(-100..=100i64);
    for seat in [1, 2, 3].into_iter().chain(LISTENERS) {
        let drift = drift();
        room.listen(seat, drift);
    }
    let all = vec![spurt(&room, 500, 20_000)];
    room.speak(1, random.random_range(-100..=100), random.random(), all);
    for (seat, begins_ms) in [(2, 3_000), (3, 11_000)] {
        let from = begins_ms + random.random_range(0..2_000);
        let until = from + random.random_range(400..3_000);
        let broken_in = vec![spurt(&room, from, until)];
        room.speak(
            seat,
            random.random_range(-100..=100),
            random.random(),
            broken_in,
        );
    }
    room
}

fn assert_in_order_and_once(room: &VoiceRoom) {
    for (seat, listener) in &room.listeners {
        for speaker in room.speakers.keys() {
            let heard = listener.heard(*speaker);
            if seat == speaker {
                assert!(heard.is_empty(), "{seat} hears a trace of their own voice");
            }
            if let Some(pair) = heard.windows(2).find(|pair| pair[0] >= pair[1]) {
                panic!(
                    "{seat} hears step {} of {speaker} after {}",
                    pair[1], pair[0]
                );
            }
        }
    }
}

/// Steps of 10 ms that were said to somebody else and did not sound there, and all that were said.
fn missed(room: &VoiceRoom) -> (usize, usize) {
    let (mut missed, mut said) = (0, 0);
    for (seat, listener) in &room.listeners {
        for (speaker, spoken) in room.speakers.iter().filter(|(speaker, _)| *speaker != seat) {
            let heard: BTreeSet<u32> = listener.heard(*speaker).into_iter().collect();
            said += spoken.said.len();
            missed += spoken
                .said
                .iter()
                .filter(|step| !heard.contains(step))
                .count();
        }
    }
    (missed, said)
}

/// Times from mouth to ear of everything that was heard, sorted.
fn mouth_to_ear(room: &VoiceRoom) -> Vec<Duration> {
    let mut took = Vec::new();
    for listener in room.listeners.values() {
        for (speaker, spoken) in &room.speakers {
            let heard = listener.heard_at(*speaker);
            took.extend(heard.map(|(at, step)| at.since(spoken.captured(step))));
        }
    }
    took.sort_unstable();
    took
}

fn assert_prompt(room: &VoiceRoom) {
    let took = mouth_to_ear(room);
    let p99 = took[took.len() * 99 / 100];
    assert!(p99 <= MOUTH_TO_EAR_MAX, "mouth to ear takes {p99:?} (p99)");
}

#[test]
fn in_a_storm_no_listener_hears_the_same_speech_twice_or_out_of_order() {
    for_each_seed(40, |seed| {
        let mut room = conversation(seed, Weather::STORM);
        room.run_for(Duration::from_secs(25));
        assert_in_order_and_once(&room);
        for listener in LISTENERS {
            let sources = &room.listeners[&listener].sources;
            let passed_on = sources.first().copied().zip(sources.last().copied());
            assert_eq!(passed_on, Some((1, 1)), "passed on at first and at last");
            assert!(sources.contains(&SOURCE_MIX), "and mixed between");
        }
    });
}

#[test]
fn in_a_storm_hardly_more_is_missed_than_was_lost() {
    for_each_seed(20, |seed| {
        let mut room = conversation(seed, Weather::STORM);
        room.run_for(Duration::from_secs(25));
        let (missed, said) = missed(&room);
        let share = missed as f64 / said as f64;
        // A packet is heard when it survives both ways.
        let lost = 1.0 - (1.0 - Weather::STORM.loss).powi(2);
        assert!(
            share <= lost + LATE_SHARE,
            "{missed} of {said} steps missed"
        );
    });
}

#[test]
fn in_a_storm_speech_is_heard_in_good_time() {
    for_each_seed(20, |seed| {
        let mut room = conversation(seed, Weather::STORM);
        room.run_for(Duration::from_secs(25));
        assert_prompt(&room);
    });
}

#[test]
fn on_a_calm_network_no_step_is_missed_by_anybody() {
    for_each_seed(20, |seed| {
        let mut room = conversation(seed, Weather::CALM);
        room.run_for(Duration::from_secs(25));
        assert_in_order_and_once(&room);
        assert_eq!(missed(&room).0, 0);
    });
}

#[test]
fn clocks_that_drift_for_ten_minutes_neither_empty_nor_fill_the_buffers() {
    let weather = Weather {
        jitter: Duration::from_millis(5),
        ..Weather::CALM
    };
    for_each_seed(2, |seed| {
        // One voice that is passed on, or two that are mixed; fast and slow.
        for (speakers, drift) in [(1, 100), (1, -100), (2, 100)] {
            let mut room = VoiceRoom::new(seed, weather);
            for seat in 1..=speakers {
                let drift = if seat == 1 { drift } else { -drift };
                let talk = vec![spurt(&room, 100, 600_000)];
                room.speak(seat, drift, u32::MAX - 1_000, talk);
            }
            room.listen(10, 100);
            room.listen(11, -100);
            for _minute in 0..10 {
                room.run_for(Duration::from_secs(60));
                for listener in room.listeners.values() {
                    let figures = listener.figures();
                    let off = figures.delay_ms.abs_diff(figures.target_ms);
                    assert!(off <= 40, "drift {drift}: {figures:?}");
                    assert!(listener.waiting() <= 6, "{} wait", listener.waiting());
                }
            }
            assert_in_order_and_once(&room);
            let (missed, said) = missed(&room);
            assert!(
                missed * 500 <= said,
                "drift {drift}: {missed} of {said} missed"
            );
            for listener in room.listeners.values() {
                // A buffer that runs dry says so by making sound up.
                let made_up = Duration::from_micros(listener.missing_samples * 1_000 / 48);
                assert!(
                    made_up < Duration::from_secs(3),
                    "drift {drift}: {made_up:?} made up"
                );
            }
            assert_prompt(&room);
        }
    });
}

#[test]
fn an_outage_of_half_a_second_costs_at_most_about_half_a_second_of_speech() {
    const OUT_MS: u64 = 500;
    /// What begins again begins at a border of the grid, and with a new guess of the jitter.
    const AROUND_MS: usize = 100;
    for_each_seed(20, |seed| {
        for (outage, uplink) in [
            (Outage::Loses, true),
            (Outage::Loses, false),
            (Outage::Holds, true),
            (Outage::Holds, false),
        ] {
            let mut room = VoiceRoom::new(seed, Weather::CALM);
            let mut random = StdRng::seed_from_u64(seed);
            room.listen(10, 0);
            let talk = vec![spurt(&room, 100, 10_000)];
            room.speak(1, 0, random.random(), talk);
            let since = room.after_ms(random.random_range(3_000..4_000));
            let until = since + Duration::from_millis(OUT_MS);
            match uplink {
                true => room.network.out(1, SERVER, since, until, outage),
                false => room.network.out(SERVER, 10, since, until, outage),
            }
            room.run_for(Duration::from_secs(15));
            assert_in_order_and_once(&room);
            let (missed, _) = missed(&room);
            let missed_ms = 10 * missed;
            assert!(
                missed_ms <= OUT_MS as usize + AROUND_MS,
                "{outage:?}, uplink {uplink}: {missed_ms} ms of speech missed"
            );
            // And the delay does not stay.
            let late = |(at, step): &(Moment, u32)| at.since(room.speakers[&1].captured(*step));
            let last = room.listeners[&10].heard_at(1).last().unwrap();
            assert!(
                late(&last) < Duration::from_millis(200),
                "{outage:?}, uplink {uplink}: {:?} late after six seconds",
                late(&last)
            );
        }
    });
}

#[test]
fn a_silent_room_is_never_woken_and_sends_nothing() {
    for_each_seed(3, |seed| {
        let mut room = VoiceRoom::new(seed, Weather::STORM);
        for seat in 1..=6 {
            room.listen(seat, 0);
            room.speak(seat, 0, 0, Vec::new());
        }
        room.run_for(Duration::from_secs(60));
        assert!(room.figures().received > 0, "silence is told under DTX");
        assert_eq!((room.wakeups, room.sent), (0, 0));
        assert_eq!(room.voices.next_wakeup(), None);
    });
}

#[test]
fn a_room_that_falls_silent_is_woken_no_more() {
    for_each_seed(10, |seed| {
        let mut room = conversation(seed, Weather::STORM);
        room.run_for(Duration::from_secs(25));
        let (woken, sent) = (room.wakeups, room.sent);
        assert!(woken > 0 && sent > 0);
        room.run_for(Duration::from_secs(60));
        assert_eq!((room.wakeups, room.sent), (woken, sent));
    });
}
