//! What the talkers of the load say: encoded before anything is measured, and sent on time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use conclave_client::media::{
    clock::MediaClock,
    devices::{FRAME_SAMPLES, SAMPLE_RATE, Sound, SyntheticSpeech, Tone},
};
use conclave_core::{Moment, media::level::level};
use conclave_wire::{ParticipantId, datagram::Voice, limits::OPUS_PACKET_BYTES_MAX};
use opus::{Application, Bitrate, Channels, Encoder};

use crate::{Outcome, light_media::Media};

pub const PACKET: Duration = Duration::from_millis(20);
pub const PACKET_SAMPLES: usize = 2 * FRAME_SAMPLES;
const BITS_PER_SECOND: i32 = 32_000;
/// Talkers do not send at the same moment.
const APART: Duration = Duration::from_millis(7);

/// One packet of 20 ms.
pub struct Packet {
    pub opus: Vec<u8>,
    pub level: u8,
}

/// A loop of packets, each of which can be told from the others by its bytes.
pub struct Script {
    pub packets: Vec<Packet>,
    /// When each was sent last, in microseconds of the load's clock.
    sent: Vec<AtomicU64>,
    places: HashMap<Vec<u8>, usize>,
}

impl Script {
    /// Somebody who talks without pauses.
    pub fn speech(seed: u64, length: Duration) -> Outcome<Arc<Script>> {
        Script::encode(&mut SyntheticSpeech::without_pauses(seed), length)
    }

    /// One beep, from its first sample on.
    pub fn beep(hertz: f32, length: Duration) -> Outcome<Arc<Script>> {
        Script::encode(&mut Tone::new(hertz, 0.4), length)
    }

    fn encode(sound: &mut dyn Sound, length: Duration) -> Outcome<Arc<Script>> {
        let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
        let mut packets = Vec::new();
        let mut places = HashMap::new();
        for place in 0..(length.as_millis() / PACKET.as_millis()) as usize {
            let mut samples = Vec::with_capacity(PACKET_SAMPLES);
            for _ in 0..PACKET_SAMPLES / FRAME_SAMPLES {
                let mut frame = [0; FRAME_SAMPLES];
                sound.fill(&mut frame);
                samples.extend(frame);
            }
            let opus = encoder.encode_vec(&samples, OPUS_PACKET_BYTES_MAX)?;
            places.insert(opus.clone(), place);
            packets.push(Packet {
                opus,
                level: level(&samples),
            });
        }
        Ok(Arc::new(Script {
            sent: packets.iter().map(|_| AtomicU64::new(0)).collect(),
            packets,
            places,
        }))
    }

    /// When the packet with these bytes was sent last.
    pub fn sent_at(&self, opus: &[u8]) -> Option<Moment> {
        let place = self.places.get(opus)?;
        Some(Moment(self.sent[*place].load(Ordering::Relaxed)))
    }
}

/// A thread that talks until this is dropped.
pub struct Talking {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Says one script, over and over or in spurts.
pub struct Talker {
    pub media: Arc<Media>,
    pub script: Arc<Script>,
    /// Silence behind each time through; none when it goes on without a seam.
    pub pause: Option<fn(u32) -> Duration>,
}

impl Talking {
    pub fn start(clock: MediaClock, talkers: Vec<Talker>) -> Talking {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let now = Instant::now();
            let mut mouths: Vec<Mouth> = talkers
                .into_iter()
                .zip(0u32..)
                .map(|(talker, index)| Mouth::new(talker, now + index * APART))
                .collect();
            while !stopped.load(Ordering::Relaxed) {
                let Some(mouth) = mouths.iter_mut().min_by_key(|mouth| mouth.next_at) else {
                    return;
                };
                std::thread::sleep(mouth.next_at.saturating_duration_since(Instant::now()));
                mouth.speak(clock);
            }
        });
        Talking {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A talker that panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Mouth {
    talker: Talker,
    next_at: Instant,
    place: usize,
    times: u32,
    media_time: u32,
    spurt_start: bool,
}

impl Mouth {
    fn new(talker: Talker, next_at: Instant) -> Mouth {
        Mouth {
            talker,
            next_at,
            place: 0,
            times: 0,
            media_time: 0,
            spurt_start: true,
        }
    }

    fn speak(&mut self, clock: MediaClock) {
        let script = self.talker.script.clone();
        let packet = &script.packets[self.place];
        script.sent[self.place].store(clock.now().0, Ordering::Relaxed);
        self.talker.media.voice(&Voice {
            source: ParticipantId(0),
            spurt_start: self.spurt_start,
            level: packet.level,
            media_time: self.media_time,
            opus: &packet.opus,
        });
        self.spurt_start = false;
        self.pass(PACKET);
        self.place += 1;
        if self.place == script.packets.len() {
            self.place = 0;
            self.times += 1;
            if let Some(pause) = self.talker.pause {
                self.spurt_start = true;
                self.pass(pause(self.times));
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.next_at += time;
        let samples = time.as_micros() as u64 * u64::from(SAMPLE_RATE) / 1_000_000;
        self.media_time = self.media_time.wrapping_add(samples as u32);
    }
}
