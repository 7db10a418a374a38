//! A room of people who talk and listen: microphone, network, mixer, network, jitter buffer, ear.

use std::{collections::BTreeMap, time::Duration};

use conclave_core::{
    Moment,
    media::{
        sequence::VoiceWindow,
        voices::{OutFrame, Outgoing, VoiceFigures, VoiceFrame, Voices},
    },
};

use crate::network::{Network, Node, Weather};

mod codec;
mod listener;
mod speaker;

pub use codec::{NumberedSpeech, SLOTS, Step};
pub use listener::{Listener, Played};
pub use speaker::{Speaker, Spurt};

/// The server's place on the network.
pub const SERVER: Node = 0;
/// Bytes of a voice datagram that matter to nobody here.
const DATAGRAM_BYTES: usize = 160;
/// A run that makes more steps for one moment stands still.
const STEPS_AT_ONCE_MAX: u32 = 10_000;

/// What travels.
#[derive(Clone, Debug)]
pub enum Datagram {
    Up(VoiceFrame),
    Down { number: u64, frame: OutFrame },
}

pub struct VoiceRoom {
    pub network: Network<Datagram>,
    pub voices: Voices<NumberedSpeech>,
    pub speakers: BTreeMap<u32, Speaker>,
    pub listeners: BTreeMap<u32, Listener>,
    pub now: Moment,
    /// How often the mixer was woken.
    pub wakeups: u64,
    /// Packets that the server has sent.
    pub sent: u64,
    /// What a session keeps of each seat: the window against replay, and the number of the next packet.
    windows: BTreeMap<u32, VoiceWindow>,
    numbers: BTreeMap<u32, u64>,
}

impl VoiceRoom {
    /// An empty room, with this weather on all links.
    pub fn new(seed: u64, weather: Weather) -> VoiceRoom {
        let now = Moment::from_ms(3_600_000);
        VoiceRoom {
            network: Network::new(seed, weather),
            voices: Voices::new(NumberedSpeech, now),
            speakers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            now,
            wakeups: 0,
            sent: 0,
            windows: BTreeMap::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// Somebody comes who listens. Their sound card runs `drift_ppm` fast.
    pub fn listen(&mut self, seat: u32, drift_ppm: i64) {
        self.voices.enter(seat, true);
        self.listeners
            .insert(seat, Listener::new(self.now, drift_ppm));
    }

    /// Gives a seat, 1 to [`SLOTS`], a microphone; who does not listen comes without ears. Its sound card runs
    /// `drift_ppm` fast; `clock` is what its media clock reads now.
    pub fn speak(&mut self, seat: u32, drift_ppm: i64, clock: u32, spurts: Vec<Spurt>) {
        let ears = self.listeners.contains_key(&seat);
        self.voices.enter(seat, ears);
        self.speakers
            .insert(seat, Speaker::new(seat, self.now, drift_ppm, clock, spurts));
    }

    /// The moment so long after the present.
    pub fn after_ms(&self, ms: u64) -> Moment {
        self.now + Duration::from_millis(ms)
    }

    /// Lets everything happen that happens in so much time.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut at_once = 0;
        while let Some(at) = self.next_event().filter(|&at| at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < STEPS_AT_ONCE_MAX, "time stands still");
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    pub fn figures(&self) -> VoiceFigures {
        self.voices.figures()
    }

    fn next_event(&self) -> Option<Moment> {
        let speakers = self.speakers.values().map(Speaker::next_frame);
        let listeners = self.listeners.values().map(Listener::next_pull);
        let server = self.voices.next_wakeup();
        let events = speakers.chain(listeners);
        events
            .chain(server)
            .chain(self.network.next_arrival())
            .min()
    }

    fn step(&mut self) {
        let now = self.now;
        for (&seat, speaker) in &mut self.speakers {
            while speaker.next_frame() <= now {
                if let Some(frame) = speaker.frame() {
                    let message = Datagram::Up(frame);
                    self.network
                        .send(now, seat, SERVER, DATAGRAM_BYTES, message);
                }
            }
        }
        while let Some(arrival) = self.network.arrived(now) {
            match arrival.message {
                Datagram::Up(frame) => self.arrived_up(arrival.from, frame),
                Datagram::Down { number, frame } => {
                    if let Some(listener) = self.listeners.get_mut(&arrival.to) {
                        listener.arrived(now, number, frame);
                    }
                }
            }
        }
        if self.voices.next_wakeup().is_some_and(|at| at <= now) {
            self.wakeups += 1;
            let mut out = Vec::new();
            self.voices.tick(now, &mut out);
            self.send_down(out);
        }
        for listener in self.listeners.values_mut() {
            while listener.next_pull() <= now {
                listener.pull();
            }
        }
    }

    fn arrived_up(&mut self, from: u32, frame: VoiceFrame) {
        let window = self.windows.entry(from).or_default();
        if !window.take(frame.number) {
            return;
        }
        let mut out = Vec::new();
        self.voices.packet(self.now, from, frame, &mut out);
        self.send_down(out);
    }

    fn send_down(&mut self, out: Vec<Outgoing>) {
        for Outgoing { frame, to } in out {
            for &seat in to.iter() {
                let next = self.numbers.entry(seat).or_default();
                let (number, frame) = (*next, frame.clone());
                *next += 1;
                self.sent += 1;
                let message = Datagram::Down { number, frame };
                self.network
                    .send(self.now, SERVER, seat, DATAGRAM_BYTES, message);
            }
        }
    }
}
