//! Packets in, sound out: the jitter buffer, the decoders and the stretching, with time as an input.

use std::collections::VecDeque;

use conclave_core::{
    Moment,
    media::{
        jitter::{Adjust, JitterBuffer, JitterFigures, Packet, Playout, Pushed},
        stretch::{lengthen, shorten},
    },
};
use conclave_wire::datagram::Voice;

use super::decoders::Decoders;
use crate::media::devices::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// From one source to another the sound fades over so many samples (5 ms), so that nothing clicks.
const FADE_SAMPLES: usize = 240;

/// A packet that waits for the playout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Arrived {
    pub at: Moment,
    pub number: u64,
    pub source: u32,
    pub spurt_start: bool,
    pub media_time: u32,
    pub opus: Vec<u8>,
}

impl Arrived {
    /// A voice datagram that came at `at` with packet number `number`.
    pub fn of(at: Moment, number: u64, voice: &Voice<'_>) -> Arrived {
        Arrived {
            at,
            number,
            source: voice.source.0,
            spurt_start: voice.spurt_start,
            media_time: voice.media_time,
            opus: voice.opus.to_vec(),
        }
    }
}

/// What one listener hears, pulled in frames of 10 ms.
#[derive(Default)]
pub struct VoicePlayout {
    buffer: JitterBuffer<Vec<u8>>,
    decoders: Decoders,
    /// Decoded and not pulled yet.
    ready: VecDeque<i16>,
    /// Whose sound was the last, while it lasts.
    sounding: Option<u32>,
    malformed: u64,
    decoded: Vec<i16>,
    stretched: Vec<i16>,
}

impl VoicePlayout {
    pub fn new() -> VoicePlayout {
        VoicePlayout::default()
    }

    pub fn push(&mut self, arrived: Arrived) {
        let samples = opus::packet::get_nb_samples(&arrived.opus, SAMPLE_RATE);
        let Ok(samples) = samples.map(|samples| samples as u32) else {
            self.malformed += 1;
            return;
        };
        let packet = Packet {
            media_time: arrived.media_time,
            samples,
            number: arrived.number,
            spurt_start: arrived.spurt_start,
            source: arrived.source,
            payload: arrived.opus,
        };
        if self.buffer.push(arrived.at, packet) == Pushed::Malformed {
            self.malformed += 1;
        }
    }

    /// Fills the frame that will begin to sound at `sounds_at`.
    pub fn pull(&mut self, sounds_at: Moment, frame: &mut Frame) {
        while self.ready.len() < frame.len() {
            let ready_us = self.ready.len() as u64 * 1_000_000 / u64::from(SAMPLE_RATE);
            let at = sounds_at + std::time::Duration::from_micros(ready_us);
            self.decode_next(at);
        }
        for (sample, ready) in frame.iter_mut().zip(self.ready.drain(..FRAME_SAMPLES)) {
            *sample = ready;
        }
    }

    /// The media clock has started anew: what waits is of the old one.
    pub fn restart(&mut self) {
        self.buffer.restart();
        self.sounding = None;
    }

    pub fn figures(&self) -> JitterFigures {
        self.buffer.figures()
    }

    /// Packets that were no Opus.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    fn decode_next(&mut self, at: Moment) {
        match self.buffer.pull(at) {
            Playout::Silence { samples } => {
                self.sounding = None;
                self.ready.extend(std::iter::repeat_n(0, samples as usize));
            }
            Playout::Missing { samples, next } => {
                let samples = samples as usize;
                match self.sounding {
                    Some(source) => {
                        let next = next.map(Vec::as_slice);
                        self.decoders
                            .conceal(source, samples, next, &mut self.decoded);
                        self.ready.extend(&self.decoded);
                    }
                    None => self.ready.extend(std::iter::repeat_n(0, samples)),
                }
            }
            Playout::Frame {
                packet,
                skip,
                adjust,
            } => self.play(&packet, skip as usize, adjust),
        }
    }

    fn play(&mut self, packet: &Packet<Vec<u8>>, skip: usize, adjust: Adjust) {
        let mut fading = Vec::new();
        if let Some(before) = self.sounding.filter(|before| *before != packet.source)
            && self.decoders.knows(before)
        {
            self.decoders
                .conceal(before, FADE_SAMPLES, None, &mut fading);
        }
        let decoded = self
            .decoders
            .decode(packet.source, &packet.payload, &mut self.decoded);
        if decoded.is_err() {
            self.malformed += 1;
            let samples = packet.samples as usize;
            self.decoders
                .conceal(packet.source, samples, None, &mut self.decoded);
        }
        self.sounding = Some(packet.source);
        let heard = self.decoded.get_mut(skip..).unwrap_or_default();
        fade(&fading, heard);
        self.stretched.clear();
        match adjust {
            Adjust::Keep => self.stretched.extend_from_slice(heard),
            Adjust::Lengthen => {
                lengthen(heard, &mut self.stretched);
            }
            Adjust::Shorten => {
                shorten(heard, &mut self.stretched);
            }
        }
        self.ready.extend(&self.stretched);
    }
}

/// Fades from one sound into another, over the length of the first.
fn fade(from: &[i16], to: &mut [i16]) {
    let len = from.len() as f32;
    for (i, (from, to)) in from.iter().zip(to).enumerate() {
        let share = i as f32 / len;
        *to = (f32::from(*from) * (1.0 - share) + f32::from(*to) * share) as i16;
    }
}
