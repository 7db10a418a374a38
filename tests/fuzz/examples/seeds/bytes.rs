//! Seeds for what is laid out byte by byte: datagrams and the screen link.

use conclave_wire::{
    Layer, ParticipantId,
    datagram::{
        CameraCodec, Class, FRAGMENT_PAYLOAD_BYTES_MAX, Fragment, Header, Kind, MIX, Probe,
        RE_REQUEST_INDICES_MAX, ReRequest, Report, TAG_BYTES, Voice, write_nonce,
    },
    limits::{DATAGRAM_BYTES_MAX, OPUS_PACKET_BYTES_MAX, SCREEN_MESSAGE_BYTES_MAX},
    model::Suite,
    screen::{RUN_BYTES_MAX, Run, RunCodec, ScreenMessage},
    sealing::{Direction, SECRET_BYTES, Sealer},
};

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |target, name: &str, bytes: Vec<u8>| {
        seeds.push(Seed(target, name.to_owned(), bytes));
    };
    headers(&mut add);
    voice(&mut add);
    camera(&mut add);
    re_requests(&mut add);
    measurements(&mut add);
    screen(&mut add);
    seeds
}

type Add<'a> = &'a mut dyn FnMut(&'static str, &str, Vec<u8>);

fn body(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// `bytes` with the one at `at` set to `value`.
fn with(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    bytes[at] = value;
    bytes
}

fn without_last(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop();
    bytes
}

fn headers(add: Add) {
    let target = "datagram_header";
    let whole = |kind| {
        let header = Header {
            kind,
            session: 0x0123_4567_89ab_cdef,
            number: u64::MAX,
        };
        [header.to_bytes().to_vec(), vec![0; TAG_BYTES]].concat()
    };
    add(target, "valid-hello", whole(Kind::Hello));
    add(target, "valid-response", whole(Kind::Response));
    add(target, "bad-empty", vec![]);
    add(
        target,
        "bad-no-room-for-the-tag",
        without_last(whole(Kind::Voice)),
    );
    add(target, "bad-kind", with(whole(Kind::Voice), 0, 0b1101_1111));
    add(
        target,
        "bad-version",
        with(whole(Kind::Voice), 0, 0b1110_0001),
    );
    add(target, "bad-stun", with(whole(Kind::Voice), 0, 0));
    add(target, "bad-dtls", with(whole(Kind::Voice), 0, 22));
    add(target, "bad-rtp", with(whole(Kind::Voice), 0, 0x80));

    let target = "sealed_datagram";
    let sealer = Sealer::new(
        Suite::Aes256Gcm,
        &[0x77; SECRET_BYTES],
        1,
        Direction::Up,
        Class::Voice,
    );
    let mut strangers = Vec::new();
    sealer.seal(Kind::Voice, &mut strangers, |out| {
        out.extend_from_slice(b"of another session")
    });
    add(target, "bad-of-a-stranger", strangers);
    add(target, "bad-only-a-tag", whole(Kind::Voice));
    add(target, "bad-empty", vec![]);
    add(
        target,
        "bad-full-of-zeros",
        [whole(Kind::Camera), vec![0; DATAGRAM_BYTES_MAX]].concat(),
    );
}

fn voice(add: Add) {
    let target = "voice";
    let whole = |opus: &[u8]| {
        body(|out| {
            Voice {
                source: MIX,
                spurt_start: true,
                level: 30,
                media_time: u32::MAX,
                opus,
            }
            .write(out)
        })
    };
    add(target, "valid-silence", whole(&[0xf8]));
    add(
        target,
        "valid-largest",
        whole(&[0xfc; OPUS_PACKET_BYTES_MAX]),
    );
    add(
        target,
        "valid-level-above-127",
        with(whole(&[0xf8]), 5, 255),
    );
    add(target, "bad-empty", vec![]);
    add(target, "bad-no-opus", whole(&[]));
    add(target, "bad-header-cut", whole(&[])[..9].to_vec());
    add(
        target,
        "bad-oversized",
        whole(&[0xfc; OPUS_PACKET_BYTES_MAX + 1]),
    );
}

fn camera(add: Add) {
    let target = "camera_fragment";
    let whole = |index, count, payload: &[u8]| {
        body(|out| {
            Fragment {
                source: ParticipantId(3),
                layer: Layer::Large,
                codec: CameraCodec::Jpeg,
                keyframe: true,
                frame: u32::MAX,
                index,
                count,
                captured_ms: 1,
                payload,
            }
            .write(out)
        })
    };
    add(target, "valid-only-one", whole(0, 1, b"\xff\xd8\xff\xd9"));
    add(
        target,
        "valid-last-of-most",
        whole(u16::MAX - 1, u16::MAX, &[7; FRAGMENT_PAYLOAD_BYTES_MAX]),
    );
    add(target, "bad-empty", vec![]);
    add(target, "bad-no-payload", whole(0, 1, b""));
    add(target, "bad-index-after-the-last", whole(1, 1, b"x"));
    add(target, "bad-none-of-none", whole(0, 0, b"x"));
    add(target, "bad-header-cut", whole(0, 1, b"")[..17].to_vec());
    add(target, "bad-layer", with(whole(0, 1, b"x"), 4, 0x03));
    add(target, "bad-codec", with(whole(0, 1, b"x"), 4, 0x10));
    add(
        target,
        "bad-oversized",
        whole(0, 1, &[7; FRAGMENT_PAYLOAD_BYTES_MAX + 1]),
    );
}

fn re_requests(add: Add) {
    let target = "re_request";
    let whole = |count: usize| {
        let indices = (0..count).map(|index| index as u16).collect();
        body(|out| {
            ReRequest {
                source: ParticipantId(3),
                layer: Layer::Thumbnail,
                frame: 8,
                indices,
            }
            .write(out)
        })
    };
    add(target, "valid-one", whole(1));
    add(target, "valid-most", whole(RE_REQUEST_INDICES_MAX));
    add(target, "bad-empty", vec![]);
    add(target, "bad-none", whole(0));
    add(target, "bad-fewer-than-said", with(whole(2), 9, 3));
    add(target, "bad-more-than-said", with(whole(2), 9, 1));
    add(
        target,
        "bad-count-too-large",
        with([whole(64), vec![0; 2]].concat(), 9, 65),
    );
    add(target, "bad-layer", with(whole(1), 4, 255));
}

fn measurements(add: Add) {
    let report = body(|out| {
        Report {
            interval_ms: 250,
            camera_received: 100,
            jitter_us: u32::MAX,
            ..Report::default()
        }
        .write(out)
    });
    add("report", "valid-whole", report.clone());
    add(
        "report",
        "valid-longer",
        [report.clone(), vec![1; 8]].concat(),
    );
    add("report", "bad-cut", without_last(report));
    add("report", "bad-empty", vec![]);

    let probe = body(|out| {
        Probe {
            sent_us: u64::MAX,
            room_clock_us: 1,
        }
        .write(out)
    });
    add("probe", "valid-whole", probe.clone());
    add(
        "probe",
        "valid-longer",
        [probe.clone(), vec![1; 8]].concat(),
    );
    add("probe", "bad-cut", without_last(probe));
    add("probe", "bad-empty", vec![]);

    let nonce = body(|out| write_nonce(0x0123_4567_89ab_cdef, out));
    add("nonce", "valid-whole", nonce.clone());
    add("nonce", "bad-cut", without_last(nonce));
    add("nonce", "bad-empty", vec![]);
}

fn screen(add: Add) {
    let target = "screen_message";
    let run = |x, width, bytes: &[u8]| {
        ScreenMessage::Run(Run {
            generation: u32::MAX,
            x,
            y: 3,
            width,
            codec: RunCodec::Png,
            bytes,
        })
        .to_bytes()
    };
    let start = |width_px, height_px| {
        ScreenMessage::Start {
            width_px,
            height_px,
        }
        .to_bytes()
    };
    add(target, "valid-start", start(15_360, 1));
    add(target, "valid-run", run(0, 1, b"\x89PNG"));
    add(
        target,
        "valid-largest-run",
        run(239, 1, &[7; RUN_BYTES_MAX]),
    );
    add(
        target,
        "valid-frame-end",
        ScreenMessage::FrameEnd {
            generation: 1,
            captured_ms: 2,
        }
        .to_bytes(),
    );
    add(
        target,
        "valid-pointer",
        ScreenMessage::Pointer { at: Some((9, 9)) }.to_bytes(),
    );
    add(
        target,
        "valid-pointer-away",
        ScreenMessage::Pointer { at: None }.to_bytes(),
    );
    add(target, "valid-stop", ScreenMessage::Stop.to_bytes());
    add(
        target,
        "valid-ack",
        ScreenMessage::Ack { bytes: u32::MAX }.to_bytes(),
    );
    add(
        target,
        "valid-pace",
        ScreenMessage::Pace { interval_ms: 66 }.to_bytes(),
    );
    add(target, "valid-refresh", ScreenMessage::Refresh.to_bytes());
    add(target, "bad-empty", vec![]);
    add(target, "bad-type", vec![0]);
    add(target, "bad-start-of-nothing", start(0, 10));
    add(target, "bad-start-too-wide", start(15_361, 10));
    add(target, "bad-run-of-no-width", run(0, 0, b"x"));
    add(target, "bad-run-off-the-edge", run(u16::MAX, 2, b"x"));
    add(target, "bad-run-without-picture", run(0, 1, b""));
    add(target, "bad-run-codec", with(run(0, 1, b"x"), 11, 2));
    add(
        target,
        "bad-oversized-run",
        run(0, 1, &[7; SCREEN_MESSAGE_BYTES_MAX]),
    );
    add(target, "bad-trailing", vec![5, 0]);
    add(target, "bad-frame-end-cut", vec![3, 0, 0, 0, 1, 0, 0]);
}
