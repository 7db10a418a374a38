//! The rules that outside bytes reach right after their decoders: buffers that strangers' numbers must
//! not break, fill or stall, and names that come with files.

use std::time::Duration;

use conclave_core::{
    Moment,
    media::{
        assemble::FrameAssembler,
        jitter::{BUFFER_PACKETS_MAX, BUFFER_SAMPLES_MAX, JitterBuffer, Packet, Playout},
    },
    transfer::file_name,
};
use conclave_wire::{
    datagram::{Fragment, RE_REQUEST_INDICES_MAX, Voice},
    limits::{CAMERA_FRAME_BYTES_MAX, FILE_NAME_BYTES_MAX},
};

use crate::Verdict;

/// Slots for the fragments of the frames that are put together at once, before any has come.
pub(crate) const CAMERA_RESERVE_BYTES_MAX: usize = 256 * 1024;
/// What a jitter buffer holds when it is full of empty packets, and its memory of lateness.
pub(crate) const VOICE_RESERVE_BYTES_MAX: usize = 64 * 1024;

/// Steps of a stream in one input: `milliseconds since the last, length (two bytes), body`.
struct Steps<'a>(&'a [u8]);

impl<'a> Iterator for Steps<'a> {
    type Item = (Duration, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[ms, high, low], rest) = self.0.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (body, rest) = rest.split_at(length);
        self.0 = rest;
        Some((Duration::from_millis(ms.into()), body))
    }
}

/// Bodies of camera datagrams into one assembler. Read when a frame came out.
pub(crate) fn camera(bytes: &[u8]) -> Verdict {
    let mut assembler = FrameAssembler::new();
    let mut now = Moment::default();
    let mut frames = 0;
    for (pause, body) in Steps(bytes) {
        now = now + pause;
        if let Some(fragment) = Fragment::parse(body)
            && let Some(frame) = assembler.insert(&fragment, now)
        {
            frames += 1;
            assert!((1..=CAMERA_FRAME_BYTES_MAX).contains(&frame.bytes.len()));
        }
        for missing in assembler.wake(now) {
            assert!((1..=RE_REQUEST_INDICES_MAX).contains(&missing.indices.len()));
        }
        assert!(assembler.held_bytes() <= 2 * CAMERA_FRAME_BYTES_MAX);
    }
    Verdict::of(frames > 0)
}

/// Bodies of voice datagrams into one jitter buffer, which is pulled in real time. The first eight bytes
/// of the Opus packet stand for the packet number. Read when a frame was played.
pub(crate) fn voice(bytes: &[u8]) -> Verdict {
    let mut buffer = JitterBuffer::new();
    let mut arrived = Moment::default();
    let mut sounding = Moment::default();
    let mut frames = 0;
    for (pause, body) in Steps(bytes) {
        arrived = arrived + pause;
        while sounding <= arrived {
            let samples = match buffer.pull(sounding) {
                Playout::Frame { packet, skip, .. } => {
                    frames += 1;
                    assert!(skip < packet.samples);
                    packet.samples - skip
                }
                Playout::Missing { samples, .. } | Playout::Silence { samples } => samples,
            };
            // A playout that does not get on would be pulled for ever.
            assert!((1..=BUFFER_SAMPLES_MAX).contains(&i64::from(samples)));
            sounding = sounding + Duration::from_micros(u64::from(samples) * 1_000 / 48);
        }
        if let Some(voice) = Voice::parse(body) {
            let number = voice
                .opus
                .first_chunk()
                .map_or(0, |bytes| u64::from_be_bytes(*bytes));
            buffer.push(
                arrived,
                Packet {
                    media_time: voice.media_time,
                    samples: if voice.level % 2 == 0 { 960 } else { 480 },
                    number,
                    spurt_start: voice.spurt_start,
                    source: voice.source.0,
                    payload: (),
                },
            );
        }
        assert!(buffer.len() <= BUFFER_PACKETS_MAX);
    }
    Verdict::of(frames > 0)
}

/// The name that comes with an upload.
pub(crate) fn name_of_file(bytes: &[u8]) -> Verdict {
    let Some(name) = std::str::from_utf8(bytes)
        .ok()
        .and_then(|given| file_name(given).ok())
    else {
        return Verdict::Refused;
    };
    assert!((1..=FILE_NAME_BYTES_MAX).contains(&name.len()));
    assert!(!name.contains(['/', '\\', '\0', '\n', '\r']));
    assert!(name != "." && name != "..");
    assert_eq!(file_name(&name).as_ref(), Ok(&name));
    Verdict::Read
}
