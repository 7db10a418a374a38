//! Seeds for the buffers behind the decoders, and for names of files.

use conclave_wire::{
    Layer, ParticipantId,
    datagram::{CameraCodec, Fragment, Voice},
    limits::FILE_NAME_BYTES_MAX,
};

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, bytes) in camera_streams() {
        seeds.push(Seed("camera_stream", name.to_owned(), bytes));
    }
    for (name, bytes) in voice_streams() {
        seeds.push(Seed("voice_stream", name.to_owned(), bytes));
    }
    for (name, text) in file_names() {
        seeds.push(Seed("file_name", name.to_owned(), text.into_bytes()));
    }
    seeds
}

fn step(pause_ms: u8, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::new();
    write(&mut body);
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [vec![pause_ms], length.to_vec(), body].concat()
}

fn camera_streams() -> Vec<(&'static str, Vec<u8>)> {
    let part = |pause_ms, frame, index, count| {
        step(pause_ms, |body| {
            Fragment {
                source: ParticipantId(3),
                layer: Layer::Normal,
                codec: CameraCodec::Jpeg,
                keyframe: true,
                frame,
                index,
                count,
                captured_ms: frame.wrapping_mul(66),
                payload: b"\xff\xd8picture",
            }
            .write(body)
        })
    };
    vec![
        (
            "valid-one-frame",
            [part(0, 7, 0, 2), part(1, 7, 1, 2)].concat(),
        ),
        (
            "valid-reordered-over-the-wrap",
            [
                part(0, u32::MAX, 1, 2),
                part(1, 0, 0, 2),
                part(1, u32::MAX, 0, 2),
                part(1, 0, 1, 2),
            ]
            .concat(),
        ),
        (
            "valid-recovered",
            [part(0, 1, 0, 3), part(0, 1, 2, 3), part(60, 1, 1, 3)].concat(),
        ),
        (
            "valid-started-anew-after-silence",
            [
                vec![part(0, 90_000, 0, 1)],
                vec![step(255, |_| ()); 9],
                vec![part(0, 1, 0, 1)],
            ]
            .concat()
            .concat(),
        ),
        ("bad-empty", vec![]),
        (
            "bad-never-whole",
            [part(0, 1, 0, 3), part(255, 1, 2, 3)].concat(),
        ),
        (
            "bad-contradicts-itself",
            [part(0, 1, 0, 3), part(0, 1, 1, 2), part(0, 1, 2, 900)].concat(),
        ),
        ("bad-count-too-large", part(0, 1, 0, u16::MAX)),
        (
            "bad-many-frames-begun",
            (0..200).flat_map(|frame| part(0, frame, 0, 900)).collect(),
        ),
        (
            "bad-numbers-far-apart",
            (0..200)
                .flat_map(|turn: u32| part(1, turn.wrapping_mul(0x3fff_ffff), 1, 2))
                .collect(),
        ),
    ]
}

fn voice_streams() -> Vec<(&'static str, Vec<u8>)> {
    let packet = |pause_ms, number: u64, media_time, level, source| {
        step(pause_ms, |body| {
            Voice {
                source: ParticipantId(source),
                spurt_start: number == 0,
                level,
                media_time,
                opus: &number.to_be_bytes(),
            }
            .write(body)
        })
    };
    let even = |numbers: std::ops::Range<u64>, from: u32| -> Vec<u8> {
        numbers
            .flat_map(|number| packet(20, number, from.wrapping_add(960 * number as u32), 40, 1))
            .collect()
    };
    vec![
        ("valid-even", even(0..20, 0)),
        ("valid-over-the-wrap", even(0..20, u32::MAX - 5_000)),
        (
            "valid-with-a-hole-and-the-mix",
            [even(0..5, 0), even(9..14, 0), packet(20, 14, 13_440, 41, 0)].concat(),
        ),
        (
            "valid-clock-started-anew",
            [even(0..10, 3_000_000), even(10..20, 7)].concat(),
        ),
        (
            "valid-largest-numbers",
            (0..20)
                .flat_map(|turn: u32| {
                    packet(20, u64::MAX - 5 + u64::from(turn % 6), 960 * turn, 40, 1)
                })
                .collect(),
        ),
        ("bad-empty", vec![]),
        ("bad-one-and-no-time", packet(0, 0, 0, 40, 1)),
        (
            "bad-burst",
            (0..400)
                .flat_map(|turn: u32| packet(0, turn.into(), 960 * turn, 40, 1))
                .collect(),
        ),
    ]
}

fn file_names() -> Vec<(&'static str, String)> {
    vec![
        ("valid-plain", "notes.txt".to_owned()),
        ("valid-path", "../../etc/passwd".to_owned()),
        ("valid-drive", r"C:\photos\Über cat.jpg".to_owned()),
        ("valid-longest", "x".repeat(FILE_NAME_BYTES_MAX)),
        ("bad-empty", String::new()),
        ("bad-up", "..".to_owned()),
        ("bad-folder", "a/".to_owned()),
        ("bad-line", "a\nb".to_owned()),
        ("bad-nul", "a\0b".to_owned()),
        ("bad-turned-around", "cod.\u{202e}gpj.exe".to_owned()),
        ("bad-oversized", "x".repeat(FILE_NAME_BYTES_MAX + 1)),
    ]
}
