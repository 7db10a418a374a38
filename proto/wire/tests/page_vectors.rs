//! The page's encoders are another implementation of the protocol: both are tested against the same bytes.
#![allow(clippy::unwrap_used)]

use std::fs;

use conclave_wire::{
    Layer, ParticipantId,
    datagram::{CameraCodec, Fragment, Probe, ReRequest, Report},
    screen::{Run, RunCodec, ScreenMessage},
};
use serde_json::Value;

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../ui/tests/fixtures/media_vectors.json"
);

fn vectors() -> Value {
    let text = fs::read_to_string(VECTORS).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits: Vec<u8> = hex.as_str().unwrap().replace(' ', "").into_bytes();
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn number<T: TryFrom<u64>>(of: &Value, name: &str) -> T {
    let number = of[name].as_u64().unwrap();
    T::try_from(number)
        .ok()
        .unwrap_or_else(|| panic!("{name} is too large"))
}

fn layer(of: &Value) -> Layer {
    serde_json::from_value(of["layer"].clone()).unwrap()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn bodies_of_the_data_channel_are_the_bytes_that_the_page_knows() {
    let vectors = vectors();

    let of = &vectors["fragment"];
    let payload = bytes(&of["payload"]);
    let fragment = Fragment {
        source: ParticipantId(number(of, "source")),
        layer: layer(of),
        codec: CameraCodec::Jpeg,
        keyframe: of["keyframe"].as_bool().unwrap(),
        frame: number(of, "frame"),
        index: number(of, "index"),
        count: number(of, "count"),
        captured_ms: number(of, "captured_ms"),
        payload: &payload,
    };
    assert_eq!(written(|out| fragment.write(out)), bytes(&of["body"]));
    assert_eq!(Fragment::parse(&bytes(&of["body"])), Some(fragment));

    let of = &vectors["re_request"];
    let indices = of["indices"].as_array().unwrap().iter();
    let request = ReRequest {
        source: ParticipantId(number(of, "source")),
        layer: layer(of),
        frame: number(of, "frame"),
        indices: indices
            .map(|index| index.as_u64().unwrap() as u16)
            .collect(),
    };
    assert_eq!(written(|out| request.write(out)), bytes(&of["body"]));
    assert_eq!(ReRequest::parse(&bytes(&of["body"])), Some(request));

    let of = &vectors["report"];
    let report = Report {
        interval_ms: number(of, "interval_ms"),
        queueing_ms: number(of, "queueing_ms"),
        camera_received: number(of, "camera_received"),
        camera_lost: number(of, "camera_lost"),
        camera_bytes: number(of, "camera_bytes"),
        voice_received: number(of, "voice_received"),
        voice_lost: number(of, "voice_lost"),
        jitter_us: number(of, "jitter_us"),
        round_trip_us: number(of, "round_trip_us"),
    };
    assert_eq!(written(|out| report.write(out)), bytes(&of["body"]));

    let of = &vectors["probe"];
    let probe = Probe {
        sent_us: number(of, "sent_us"),
        room_clock_us: number(of, "room_clock_us"),
    };
    assert_eq!(written(|out| probe.write(out)), bytes(&of["body"]));
}

#[test]
fn messages_of_the_screen_link_are_the_bytes_that_the_page_knows() {
    let vectors = vectors();
    for of in vectors["screen"].as_array().unwrap() {
        let picture = of.get("picture").map(bytes).unwrap_or_default();
        let message = match of["type"].as_str().unwrap() {
            "start" => ScreenMessage::Start {
                width_px: number(of, "width_px"),
                height_px: number(of, "height_px"),
            },
            "run" => ScreenMessage::Run(Run {
                generation: number(of, "generation"),
                x: number(of, "x"),
                y: number(of, "y"),
                width: number(of, "width"),
                codec: match of["codec"].as_str().unwrap() {
                    "jpeg" => RunCodec::Jpeg,
                    "png" => RunCodec::Png,
                    other => panic!("{other}"),
                },
                bytes: &picture,
            }),
            "frame_end" => ScreenMessage::FrameEnd {
                generation: number(of, "generation"),
                captured_ms: number(of, "captured_ms"),
            },
            "pointer" => ScreenMessage::Pointer {
                at: of["visible"]
                    .as_bool()
                    .unwrap()
                    .then(|| (number(of, "x"), number(of, "y"))),
            },
            "stop" => ScreenMessage::Stop,
            "ack" => ScreenMessage::Ack {
                bytes: number(of, "bytes_taken"),
            },
            "pace" => ScreenMessage::Pace {
                interval_ms: number(of, "interval_ms"),
            },
            "refresh" => ScreenMessage::Refresh,
            other => panic!("{other}"),
        };
        assert_eq!(message.to_bytes(), bytes(&of["bytes"]), "{of}");
        assert_eq!(ScreenMessage::parse(&bytes(&of["bytes"])), Some(message));
    }
    for wrong in vectors["not_screen"].as_array().unwrap() {
        assert_eq!(ScreenMessage::parse(&bytes(wrong)), None, "{wrong}");
    }
}
