//! Goal: every listener hears everyone but themselves, each moment once, on the cheapest way that is right.
//! Method: a codec whose packets are plain samples, in which each speaker writes a running number into a
//! slot of their own, so that a listener can tell from any mix who said what; a virtual network in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use conclave_core::{
    Moment,
    media::{jitter::*, level::HANGOVER, voices::*},
};
use proptest::prelude::*;

const STEP: usize = 480;
const SLOT: usize = 60;
/// Slots for the numbers of speakers 1 to 6; the rest of the 10 ms is a loud carrier.
const SLOTS: usize = 6;

struct Plain;
struct PlainDecoder;
struct PlainEncoder;

impl Codecs for Plain {
    type Decoder = PlainDecoder;
    type Encoder = PlainEncoder;
    fn decoder(&self) -> PlainDecoder {
        PlainDecoder
    }
    fn encoder(&self) -> PlainEncoder {
        PlainEncoder
    }
}

impl VoiceDecoder for PlainDecoder {
    fn decode(&mut self, opus: &[u8], out: &mut [i16]) -> usize {
        let samples = unpack(opus);
        out[..samples.len()].copy_from_slice(&samples);
        samples.len()
    }
    fn conceal(&mut self, _next: Option<&[u8]>, out: &mut [i16]) -> usize {
        out.fill(0);
        out.len()
    }
}

impl VoiceEncoder for PlainEncoder {
    fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        assert_eq!(pcm.len(), 960);
        if pcm.iter().any(|&sample| sample != 0) {
            out.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
        }
    }
}

fn unpack(opus: &[u8]) -> Vec<i16> {
    opus.chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// Who says which number in a packet; the first 10 ms of it.
fn spoken(opus: &[u8]) -> Vec<(usize, i16)> {
    let pcm = unpack(opus);
    let said = |slot: usize| Some((slot, *pcm.get(slot * SLOT + SLOT / 2)?));
    (0..SLOTS)
        .filter_map(said)
        .filter(|&(_, number)| number != 0)
        .collect()
}

/// What speaker `who` says in the `step`th 10 ms.
fn words(who: u32, step: u64) -> Vec<i16> {
    let slot = (who as usize - 1) * SLOT;
    (0..STEP)
        .map(|i| match i {
            i if i >= SLOTS * SLOT => 1_500,
            i if i >= slot && i < slot + SLOT => (step % 20_000) as i16 + 1,
            _ => 0,
        })
        .collect()
}

/// A speaker's packets: when sent, in microseconds, and the packet.
struct Speech {
    who: u32,
    /// Samples a packet, 480 or 960.
    samples: u32,
    /// The speaker's clock at time zero.
    clock: u32,
    /// When the first packet is ready, and how many follow.
    from_us: u64,
    packets: u64,
}

impl Speech {
    fn packet(&self, n: u64) -> (u64, VoiceFrame) {
        let steps = u64::from(self.samples) / STEP as u64;
        let opus = (0..steps)
            .flat_map(|k| words(self.who, n * steps + k))
            .flat_map(i16::to_le_bytes);
        let sent = self.from_us + n * steps * 10_000;
        let spoken = (self.from_us * 48 / 1_000) as u32;
        let frame = VoiceFrame {
            number: n,
            media_time: self
                .clock
                .wrapping_add(spoken)
                .wrapping_add((n * u64::from(self.samples)) as u32),
            spurt_start: n == 0,
            level: 25,
            samples: self.samples,
            opus: opus.collect(),
        };
        (sent, frame)
    }

    /// What says that the speaker pauses: a packet of DTX.
    fn pause(&self) -> (u64, VoiceFrame) {
        let (sent, mut frame) = self.packet(self.packets);
        frame.opus = Arc::from([0u8; 1]);
        frame.level = 127;
        (sent, frame)
    }

    fn steps(&self) -> Vec<i16> {
        let steps = self.packets * u64::from(self.samples) / STEP as u64;
        (0..steps).map(|step| (step % 20_000) as i16 + 1).collect()
    }
}

/// A listener who plays each moment of the room's clock once.
#[derive(Default)]
struct Ear {
    /// By 10 ms step of the room's clock: the number each speaker said.
    timeline: BTreeMap<u32, [i16; SLOTS]>,
    repeated: u32,
    sources: Vec<u32>,
}

impl Ear {
    fn take(&mut self, frame: &OutFrame) {
        if self.sources.last() != Some(&frame.source) {
            self.sources.push(frame.source);
        }
        assert_eq!(frame.media_time % STEP as u32, 0, "on the grid");
        let pcm = unpack(&frame.opus);
        assert_eq!(pcm.len(), frame.samples as usize);
        for (k, step) in pcm.chunks_exact(STEP).enumerate() {
            let at = frame.media_time / STEP as u32 + k as u32;
            let said = std::array::from_fn(|slot| step[slot * SLOT + SLOT / 2]);
            match self.timeline.entry(at) {
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(said);
                }
                std::collections::btree_map::Entry::Occupied(_) => self.repeated += 1,
            }
        }
    }

    /// What one speaker said, in the order of the clock.
    fn heard(&self, who: u32) -> Vec<i16> {
        let slot = who as usize - 1;
        let said = self.timeline.values().filter_map(|said| said.get(slot));
        said.copied().filter(|&n| n != 0).collect()
    }
}

struct Hall {
    voices: Voices<Plain>,
    ears: BTreeMap<u32, Ear>,
    now: Moment,
    wakeups: u32,
    /// The lists of listeners that were used, by address.
    lists: BTreeSet<usize>,
    /// When what a speaker said arrived, by speaker and number, and how long it took to the listener.
    arrived: BTreeMap<(usize, i16), Moment>,
    took_us: Vec<u64>,
    /// What listener 10 was sent, and when.
    sent: Vec<(Moment, OutFrame)>,
}

impl Hall {
    fn new(seats: impl IntoIterator<Item = u32>) -> Hall {
        let opened = Moment(987_654_321);
        let mut voices = Voices::new(Plain, opened);
        seats.into_iter().for_each(|seat| voices.enter(seat, true));
        Hall {
            voices,
            ears: BTreeMap::new(),
            now: opened,
            wakeups: 0,
            lists: BTreeSet::new(),
            arrived: BTreeMap::new(),
            took_us: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn deliver(&mut self, out: Vec<Outgoing>) {
        for packet in out {
            self.lists
                .insert(Arc::as_ptr(&packet.to).cast::<u8>() as usize);
            assert!(!packet.to.is_empty());
            for (slot, number) in spoken(&packet.frame.opus) {
                let took = self
                    .arrived
                    .get(&(slot, number))
                    .map(|at| self.now.since(*at));
                self.took_us
                    .extend(took.map(|took| took.as_micros() as u64));
            }
            if packet.to.contains(&10) {
                self.sent.push((self.now, packet.frame.clone()));
            }
            for &seat in packet.to.iter() {
                assert_ne!(seat, packet.frame.source, "nobody hears themselves");
                self.ears.entry(seat).or_default().take(&packet.frame);
            }
        }
    }

    fn wait(&mut self, until: Moment) {
        while let Some(at) = self.voices.next_wakeup().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.wakeups += 1;
            assert!(self.wakeups < 1_000_000, "wakes for ever");
            let mut out = Vec::new();
            self.voices.tick(self.now, &mut out);
            self.deliver(out);
        }
        self.now = self.now.max(until);
    }

    fn say(&mut self, from: u32, frame: VoiceFrame) {
        for key in spoken(&frame.opus) {
            self.arrived.insert(key, self.now);
        }
        let mut out = Vec::new();
        self.voices.packet(self.now, from, frame, &mut out);
        self.deliver(out);
    }

    /// Plays speeches over a network that delays packet `n` of a speaker by `delay_us(who, n)`; `None` loses it.
    fn play(&mut self, speeches: &[Speech], delay_us: impl Fn(u32, u64) -> Option<u64>) {
        let begin = self.now;
        let mut arrivals = Vec::new();
        for speech in speeches {
            for n in 0..=speech.packets {
                let (sent, frame) = match n < speech.packets {
                    true => speech.packet(n),
                    false => speech.pause(),
                };
                if let Some(delay) = delay_us(speech.who, n) {
                    arrivals.push((sent + delay, speech.who, frame));
                }
            }
        }
        arrivals.sort_by_key(|&(at, who, _)| (at, who));
        for (at, who, frame) in arrivals {
            self.wait(begin + Duration::from_micros(at));
            self.say(who, frame);
        }
        self.wait(self.now + Duration::from_secs(5));
    }

    fn ear(&self, seat: u32) -> &Ear {
        &self.ears[&seat]
    }
}

/// Plays what arrives through a jitter buffer, as a sound card pulls it; says what sounded, by 10 ms.
fn listen(arrivals: Vec<(Moment, u64, &OutFrame)>) -> Vec<[i16; SLOTS]> {
    let mut buffer = JitterBuffer::new();
    let mut said = Vec::new();
    let mut now = arrivals[0].0;
    let end = arrivals[arrivals.len() - 1].0 + Duration::from_secs(2);
    let mut arrivals = arrivals.into_iter().peekable();
    while now < end {
        while let Some((at, number, frame)) = arrivals.next_if(|(at, ..)| *at <= now) {
            let OutFrame {
                media_time,
                samples,
                spurt_start,
                source,
                ..
            } = *frame;
            buffer.push(
                at,
                Packet {
                    media_time,
                    samples,
                    number,
                    spurt_start,
                    source,
                    payload: unpack(&frame.opus),
                },
            );
        }
        let lasts = match buffer.pull(now) {
            Playout::Frame {
                packet,
                skip,
                adjust,
            } => {
                let pcm = &packet.payload[skip as usize..];
                let steps = pcm.chunks_exact(STEP);
                said.extend(
                    steps.map(|step| std::array::from_fn(|slot| step[slot * SLOT + SLOT / 2])),
                );
                match adjust {
                    Adjust::Keep => pcm.len(),
                    Adjust::Lengthen => pcm.len() + 200,
                    Adjust::Shorten => pcm.len() - 200,
                }
            }
            Playout::Missing { samples, .. } | Playout::Silence { samples } => samples as usize,
        };
        now = now + Duration::from_nanos(lasts as u64 * 1_000_000_000 / 48_000);
    }
    said
}

fn speech(who: u32, from_ms: u64, ms: u64) -> Speech {
    Speech {
        who,
        samples: 960,
        clock: u32::MAX - 20_000 + who,
        from_us: from_ms * 1_000,
        packets: ms / 20,
    }
}

fn even(_: u32, _: u64) -> Option<u64> {
    Some(3_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn changing_the_way_repeats_and_skips_no_speech(
        clocks in prop::array::uniform3(any::<u32>()),
        short in prop::array::uniform3(any::<bool>()),
        phases in prop::array::uniform3(0u64..20_000),
        spurts in prop::array::uniform2((300u64..2_500, 200u64..900)),
        jitter in prop::collection::vec(0u64..9_000, 64),
    ) {
        let mut hall = Hall::new([1, 2, 3, 10, 11]);
        let speech = |i: usize, from_ms: u64, ms: u64| {
            let samples = if short[i] { 480 } else { 960 };
            Speech {
                who: i as u32 + 1,
                samples,
                clock: clocks[i],
                from_us: from_ms * 1_000 + phases[i],
                packets: ms * 48 / u64::from(samples),
            }
        };
        let speeches = [
            speech(0, 0, 5_000),
            speech(1, spurts[0].0, spurts[0].1),
            speech(2, spurts[1].0, spurts[1].1),
        ];
        // Packets of one speaker stay in order: the jitter is below a packet's length.
        hall.play(&speeches, |who, n| Some(jitter[(n as usize * 7 + who as usize * 13) % jitter.len()]));
        for listener in [1, 2, 3, 10, 11] {
            for speech in speeches.iter().filter(|speech| speech.who != listener) {
                let heard = hall.ear(listener).heard(speech.who);
                prop_assert_eq!(heard, speech.steps(), "{} hears {}", listener, speech.who);
            }
            prop_assert!(hall.ear(listener).heard(listener).is_empty(), "a trace of the own voice");
        }
        for listener in [10, 11] {
            let sources = &hall.ear(listener).sources;
            prop_assert_eq!(sources.first(), Some(&1));
            prop_assert!(sources.contains(&SOURCE_MIX));
            prop_assert_eq!(sources.last(), Some(&1), "back to passing on");
        }
        prop_assert_eq!(hall.voices.figures().concealed, 0);
        prop_assert_eq!(hall.voices.next_wakeup(), None);
    }

    #[test]
    fn a_listener_behind_a_jitter_buffer_misses_no_word_when_the_way_changes(
        phases in prop::array::uniform3(0u64..20_000),
        spurts in prop::array::uniform2((300u64..2_500, 200u64..900)),
        jitter in prop::collection::vec(0u64..9_000, 64),
    ) {
        let mut hall = Hall::new([1, 2, 3, 10]);
        let mut speeches = [speech(1, 0, 5_000), speech(2, spurts[0].0, spurts[0].1), speech(3, spurts[1].0, spurts[1].1)];
        speeches.iter_mut().zip(phases).for_each(|(speech, phase)| speech.from_us += phase);
        let delay = |n: usize| jitter[n * 7 % jitter.len()];
        hall.play(&speeches, |who, n| Some(delay(n as usize * 5 + who as usize)));

        let mut before = Moment::default();
        let arrivals = hall.sent.iter().enumerate().map(|(n, (at, frame))| {
            before = before.max(*at + Duration::from_micros(delay(n)));
            (before, n as u64, frame)
        });
        let said = listen(arrivals.collect());
        for speech in &speeches {
            let heard: Vec<i16> = said.iter().map(|said| said[speech.who as usize - 1]).filter(|&n| n != 0).collect();
            prop_assert_eq!(heard, speech.steps(), "speaker {}", speech.who);
        }
    }

    #[test]
    fn a_wild_network_never_repeats_reorders_or_invents(
        fates in prop::collection::vec((0u64..150_000, 0u8..8), 200),
        spurts in prop::array::uniform2((0u64..1_500, 200u64..1_500)),
    ) {
        let mut hall = Hall::new([1, 2, 10]);
        let speeches = [speech(1, spurts[0].0, spurts[0].1), speech(2, spurts[1].0, spurts[1].1)];
        hall.play(&speeches, |who, n| {
            let (delay, luck) = fates[(n as usize * 3 + who as usize * 71) % fates.len()];
            (luck > 0).then_some(delay)
        });
        for (listener, who) in [(10, 1), (10, 2), (1, 2), (2, 1)] {
            let Some(ear) = hall.ears.get(&listener) else { continue };
            let heard = ear.heard(who);
            prop_assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "{} hears {}: {:?}", listener, who, heard);
            prop_assert!(ear.heard(listener).is_empty());
        }
        prop_assert_eq!(hall.voices.next_wakeup(), None);
    }
}

#[test]
fn a_silent_room_costs_nothing() {
    let mut hall = Hall::new(0..50);
    assert_eq!(hall.voices.next_wakeup(), None);
    let mut quiet = speech(1, 0, 1_000);
    quiet.packets = 50;
    for n in 0..50 {
        let (_, mut frame) = quiet.packet(n);
        frame.level = 90;
        hall.say(1, frame);
    }
    assert_eq!(hall.voices.next_wakeup(), None);
    assert!(hall.ears.is_empty());
}

#[test]
fn one_voice_is_passed_on_as_it_is_to_all_others() {
    let mut hall = Hall::new(1..=50);
    hall.play(&[speech(5, 0, 1_000)], even);
    let figures = hall.voices.figures();
    assert_eq!(
        (figures.passed_on, figures.encodes, figures.decodes),
        (50, 0, 0)
    );
    assert_eq!(hall.ears.len(), 49);
    assert_eq!(hall.ear(1).heard(5), speech(5, 0, 1_000).steps());
    assert_eq!(hall.lists.len(), 1, "one list for all packets");
}

#[test]
fn two_hundred_listeners_share_one_encode() {
    let mut hall = Hall::new(1..=203);
    hall.play(
        &[
            speech(1, 0, 4_000),
            speech(2, 0, 4_000),
            speech(3, 0, 4_000),
        ],
        even,
    );
    let figures = hall.voices.figures();
    let ticks = figures.mixed_shared;
    assert!((195..=205).contains(&ticks), "{figures:?}");
    // The shared one and a mix-minus for each of the three, with a word of silence at the end.
    assert!(figures.encodes <= 4 * (ticks + 60), "{figures:?}");
    assert!(figures.decodes <= 3 * (ticks + 5), "{figures:?}");
    for listener in [4, 100, 203] {
        assert_eq!(hall.ear(listener).heard(2), speech(2, 0, 4_000).steps());
    }
    assert_eq!(hall.ear(1).heard(2), speech(2, 0, 4_000).steps());
    assert!(
        hall.lists.len() < 40,
        "lists are shared between packets: {}",
        hall.lists.len()
    );
}

#[test]
fn mixing_takes_little_longer_than_the_network_is_uneven() {
    let mut hall = Hall::new(1..=10);
    // Half a second later all three speak at odd times; the network is even to 2 ms.
    let mut speeches = [
        speech(1, 500, 10_000),
        speech(2, 505, 10_000),
        speech(3, 513, 10_000),
    ];
    speeches
        .iter_mut()
        .for_each(|speech| speech.from_us += 1_300);
    hall.play(&speeches, |who, n| {
        Some((n * 37 + u64::from(who) * 911) % 2_000)
    });
    hall.took_us.sort_unstable();
    let (middle, nearly_all) = (hall.took_us.len() / 2, hall.took_us.len() * 99 / 100);
    assert!(hall.took_us[middle] <= 30_000, "{}", hall.took_us[middle]);
    assert!(
        hall.took_us[nearly_all] <= 50_000,
        "{}",
        hall.took_us[nearly_all]
    );
}

#[test]
fn a_voice_of_short_frames_that_joins_a_running_mix_is_heard_from_its_first_word() {
    // The mix still runs for the one who spoke before; frames of 10 ms need 10 ms more of it.
    for late_ms in 0..20 {
        let mut hall = Hall::new([1, 2, 3, 4]);
        let short = Speech {
            samples: 480,
            packets: 30,
            ..speech(3, 1_500 + late_ms, 300)
        };
        hall.play(
            &[speech(1, 0, 4_000), speech(2, 300, 300), short],
            |who, n| Some(if who == 3 { n * 3_700 % 9_000 } else { 0 }),
        );
        let all: Vec<i16> = (1..=30).collect();
        assert_eq!(hall.ear(4).heard(3), all, "{late_ms}");
    }
}

#[test]
fn two_talkers_alone_get_each_other_passed_on() {
    let mut hall = Hall::new([1, 2]);
    hall.play(&[speech(1, 0, 2_000), speech(2, 500, 2_000)], even);
    let figures = hall.voices.figures();
    assert_eq!((figures.encodes, figures.decodes), (0, 0));
    assert_eq!(hall.ear(1).heard(2), speech(2, 0, 2_000).steps());
    assert_eq!(hall.ear(2).heard(1), speech(1, 0, 2_000).steps());
}

#[test]
fn a_loss_in_pass_on_stays_a_gap_and_in_the_mix_is_concealed() {
    let mut hall = Hall::new([1, 2, 3]);
    hall.play(&[speech(1, 0, 1_000)], |_, n| (n != 20).then_some(0));
    let steps = hall.ear(3).timeline.keys().copied().collect::<Vec<_>>();
    let gaps: Vec<u32> = steps
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|&gap| gap > 1)
        .collect();
    assert_eq!(gaps, [3], "20 ms are missing at their place");

    let mut hall = Hall::new([1, 2, 3]);
    hall.play(&[speech(1, 0, 1_000), speech(2, 0, 1_000)], |who, n| {
        (who == 2 || n != 20).then_some(0)
    });
    let steps = hall.ear(3).timeline.keys().copied().collect::<Vec<_>>();
    assert!(
        steps.windows(2).all(|pair| pair[1] - pair[0] == 1),
        "the other voice goes on"
    );
    assert_eq!(hall.voices.figures().concealed, 1);
}

#[test]
fn what_the_host_mutes_is_dropped() {
    let mut hall = Hall::new([1, 2]);
    hall.voices.allow(1, false);
    hall.play(&[speech(1, 0, 200)], even);
    assert!(hall.ears.is_empty());
    assert_eq!(hall.voices.figures().muted, 11);
    hall.voices.allow(1, true);
    hall.play(&[speech(1, 0, 200)], even);
    assert_eq!(hall.ear(2).heard(1).len(), 20);
}

#[test]
fn a_mute_in_the_middle_of_a_mix_leaves_the_other() {
    let mut hall = Hall::new([1, 2, 3]);
    let (one, two) = (speech(1, 0, 4_000), speech(2, 0, 4_000));
    for n in 0..one.packets {
        hall.wait(Moment(987_654_321) + Duration::from_millis(20 * n));
        if n == 50 {
            hall.voices.allow(2, false);
        }
        hall.say(1, one.packet(n).1);
        hall.say(2, two.packet(n).1);
    }
    hall.wait(hall.now + Duration::from_secs(3));
    assert_eq!(hall.ear(3).heard(1), one.steps());
    let heard = hall.ear(3).heard(2).len();
    assert!((80..=100).contains(&heard), "{heard}");
    assert_eq!(hall.ear(3).sources, [1, SOURCE_MIX, 1]);
}

#[test]
fn a_screen_without_sound_gets_nothing() {
    let mut hall = Hall::new([1, 2]);
    hall.voices.enter(3, false);
    hall.voices.hear(2, false);
    hall.play(&[speech(1, 0, 200)], even);
    assert!(hall.ears.is_empty());
    hall.voices.hear(2, true);
    hall.play(&[speech(1, 0, 200)], even);
    assert_eq!(hall.ears.keys().collect::<Vec<_>>(), [&2]);
}

#[test]
fn volumes_make_a_mix_of_ones_own() {
    let mut hall = Hall::new([1, 2, 3, 4]);
    hall.voices.set_volume(3, 1, 50).unwrap();
    hall.voices.set_volume(4, 2, 0).unwrap();
    hall.play(&[speech(1, 0, 1_000), speech(2, 0, 1_000)], even);
    let halved: Vec<i16> = speech(1, 0, 1_000)
        .steps()
        .iter()
        .map(|n| n / 2)
        .filter(|&n| n != 0)
        .collect();
    assert_eq!(hall.ear(3).heard(1), halved);
    assert_eq!(hall.ear(3).heard(2), speech(2, 0, 1_000).steps());
    // Without one voice, the other is the only one: passed on, with no mix at all.
    assert_eq!(hall.ear(4).heard(1), speech(1, 0, 1_000).steps());
    assert!(hall.ear(4).heard(2).is_empty());
    assert_eq!(hall.ear(4).sources, [1]);
    assert!(hall.voices.figures().mixed_personal >= 50);
}

#[test]
fn one_voice_at_another_volume_is_mixed_from_its_first_packet() {
    let mut hall = Hall::new([1, 2]);
    hall.voices.set_volume(2, 1, 200).unwrap();
    hall.play(&[speech(1, 40, 600)], even);
    let doubled: Vec<i16> = speech(1, 0, 600).steps().iter().map(|n| n * 2).collect();
    assert_eq!(hall.ear(2).heard(1), doubled);
}

#[test]
fn a_volume_set_in_the_middle_of_a_word_skips_nothing() {
    let mut hall = Hall::new([1, 2, 3]);
    let one = speech(1, 0, 3_000);
    for n in 0..one.packets {
        hall.wait(Moment(987_654_321) + Duration::from_millis(20 * n));
        match n {
            50 => hall.voices.set_volume(2, 1, 200).unwrap(),
            90 => hall.voices.set_volume(2, 1, 100).unwrap(),
            _ => {}
        }
        hall.say(1, one.packet(n).1);
    }
    hall.wait(hall.now + Duration::from_secs(3));
    let heard = hall.ear(2).heard(1);
    assert_eq!(heard.len(), one.steps().len());
    assert_eq!(hall.ear(3).heard(1), one.steps());
    assert_eq!(hall.ear(3).sources, [1]);
    assert_eq!(hall.ear(2).sources, [1, SOURCE_MIX, 1]);
}

#[test]
fn personal_mixes_are_limited_and_a_freed_one_is_given_again() {
    let mut hall = Hall::new(1..=20);
    for seat in 1..=PERSONAL_MIXES_MAX as u32 {
        assert_eq!(hall.voices.set_volume(seat, 20, 50), Ok(()));
        assert_eq!(
            hall.voices.set_volume(seat, 19, 50),
            Ok(()),
            "one mix, however many volumes"
        );
    }
    assert_eq!(hall.voices.set_volume(15, 20, 50), Err(PersonalMixesFull));
    assert_eq!(hall.voices.set_volume(15, 20, 100), Ok(()));
    hall.voices.set_volume(1, 20, 100).unwrap();
    assert_eq!(hall.voices.set_volume(15, 20, 50), Err(PersonalMixesFull));
    hall.voices.set_volume(1, 19, 100).unwrap();
    assert_eq!(hall.voices.set_volume(15, 20, 50), Ok(()));
    hall.voices.leave(2);
    assert_eq!(hall.voices.set_volume(16, 20, 50), Ok(()));
    // Somebody leaves: the volumes set for them are gone, and so are the mixes.
    hall.voices.leave(20);
    hall.voices.leave(19);
    assert_eq!(hall.voices.set_volume(17, 18, 50), Ok(()));
}

#[test]
fn a_volume_that_found_no_mix_free_is_heard_once_one_is() {
    let mut hall = Hall::new(1..=20);
    for seat in 1..=PERSONAL_MIXES_MAX as u32 {
        hall.voices.set_volume(seat, 20, 50).unwrap();
    }
    assert_eq!(hall.voices.set_volume(15, 20, 50), Err(PersonalMixesFull));
    assert_eq!(hall.voices.set_volume(16, 20, 50), Err(PersonalMixesFull));
    let talk = speech(20, 0, 1_000);
    for n in 0..talk.packets {
        hall.wait(Moment(987_654_321) + Duration::from_millis(20 * n));
        if n == talk.packets / 2 {
            hall.voices.set_volume(1, 20, 100).unwrap();
        }
        hall.say(20, talk.packet(n).1);
    }
    hall.wait(hall.now + Duration::from_secs(3));
    assert_eq!(hall.ear(15).sources, [20, SOURCE_MIX], "it waited longest");
    assert_eq!(hall.ear(16).sources, [20]);
    assert_eq!(hall.voices.set_volume(15, 20, 30), Ok(()));
}

#[test]
fn at_most_the_loudest_few_are_heard() {
    let mut hall = Hall::new(1..=20);
    let speeches: Vec<Speech> = (1..=10)
        .map(|who| Speech {
            who: (who - 1) % 6 + 1,
            ..speech(1, 0, 1_000)
        })
        .collect();
    for n in 0..50 {
        hall.wait(Moment(987_654_321) + Duration::from_millis(20 * n));
        for (i, speech) in speeches.iter().enumerate() {
            let (_, mut frame) = speech.packet(n);
            frame.level = if i < 4 { 50 } else { 20 };
            hall.say(i as u32 + 1, frame);
        }
    }
    let figures = hall.voices.figures();
    assert!(
        figures.decodes <= (TALKERS_MAX as u64) * 55 + 20,
        "{figures:?}"
    );
    assert!(
        figures.encodes <= (TALKERS_MAX as u64 + 5) * 55,
        "{figures:?}"
    );
    let mut speaking: Vec<(u32, u8)> = hall.voices.speaking(hall.now).collect();
    speaking.sort_by_key(|&(_, level)| level);
    assert_eq!(speaking.len(), 10, "all are shown");
    assert!(speaking[..6].iter().all(|&(who, _)| who > 4));
}

#[test]
fn packets_of_dtx_are_not_passed_on() {
    let mut hall = Hall::new([1, 2]);
    let one = speech(1, 0, 1_000);
    hall.say(1, one.packet(0).1);
    let (_, mut frame) = one.packet(1);
    frame.opus = Arc::from([0u8; 1]);
    hall.say(1, frame);
    assert_eq!(hall.voices.figures().passed_on, 1);
}

#[test]
fn a_flood_is_held_to_real_time() {
    let mut hall = Hall::new([1, 2]);
    let one = Speech {
        packets: 5_000,
        ..speech(1, 0, 0)
    };
    for n in 0..5_000 {
        // A hundred seconds of sound within one.
        hall.wait(Moment(987_654_321) + Duration::from_micros(200 * n));
        hall.say(1, one.packet(n).1);
    }
    let figures = hall.voices.figures();
    assert!(figures.passed_on <= 120, "{figures:?}");
    assert!(figures.dropped >= 4_800, "{figures:?}");
    assert_eq!(hall.ear(2).repeated, 0);
}

#[test]
fn a_mixer_that_was_not_woken_leaves_out_and_goes_on() {
    let mut hall = Hall::new([1, 2, 3]);
    let speeches = [speech(1, 0, 300), speech(2, 0, 300)];
    hall.play(&speeches, even);
    for n in 0..10 {
        for speech in &speeches {
            let (_, mut frame) = speech.packet(n);
            frame.media_time = frame.media_time.wrapping_add(6 * 48_000);
            hall.say(speech.who, frame);
        }
    }
    hall.now = hall.now + Duration::from_secs(60);
    let mut out = Vec::new();
    hall.voices.tick(hall.now, &mut out);
    assert!(out.len() <= 100, "{}", out.len());
    hall.wait(hall.now + HANGOVER + Duration::from_secs(3));
    assert_eq!(hall.voices.next_wakeup(), None);
}

#[test]
fn who_leaves_is_gone_and_who_comes_in_the_middle_hears_on() {
    let mut hall = Hall::new([1, 2, 3]);
    let (one, two) = (speech(1, 0, 2_000), speech(2, 0, 2_000));
    for n in 0..one.packets {
        hall.wait(Moment(987_654_321) + Duration::from_millis(20 * n));
        match n {
            30 => hall.voices.leave(3),
            40 => hall.voices.enter(4, true),
            60 => hall.voices.leave(2),
            _ => {}
        }
        hall.say(1, one.packet(n).1);
        hall.say(2, two.packet(n).1);
    }
    hall.wait(hall.now + Duration::from_secs(3));
    assert!(hall.ear(3).heard(1).len() <= 62);
    let heard = hall.ear(4).heard(1);
    assert!(heard.len() >= 100, "{}", heard.len());
    assert!(
        heard.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{heard:?}"
    );
    assert!(hall.ear(4).heard(2).len() <= 42);
}

#[test]
fn durations_are_read_from_the_toc() {
    // RFC 6716 table 2: configuration, then the code of how many frames.
    let toc = |config: u8, code: u8| [config << 3 | code, 2];
    assert_eq!(opus_samples(&toc(0, 0)), Some(480));
    assert_eq!(opus_samples(&toc(9, 0)), Some(960));
    assert_eq!(opus_samples(&toc(10, 0)), None, "40 ms");
    assert_eq!(opus_samples(&toc(12, 0)), Some(480));
    assert_eq!(opus_samples(&toc(15, 0)), Some(960));
    assert_eq!(opus_samples(&toc(31, 0)), Some(960));
    assert_eq!(opus_samples(&toc(30, 1)), Some(960));
    assert_eq!(opus_samples(&toc(31, 2)), None, "two of 20 ms");
    assert_eq!(opus_samples(&toc(30, 3)), Some(960));
    assert_eq!(opus_samples(&[31 << 3 | 3]), None, "cut off");
    assert_eq!(opus_samples(&[]), None);
}
