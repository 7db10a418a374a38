//! Goal: datagrams and screen messages survive the wire, and no bytes from outside can do harm.
//! Method: random bodies there and back, every truncation, random bytes.

use conclave_wire::{Layer, ParticipantId, datagram::*, screen::*};
use proptest::prelude::*;

fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(&Layer::ALL[..])
}

#[test]
fn the_first_byte_stays_clear_of_webrtc() {
    for kind in [
        Kind::Hello,
        Kind::Voice,
        Kind::Camera,
        Kind::ReRequest,
        Kind::Report,
        Kind::Probe,
        Kind::Response,
    ] {
        let bytes = Header {
            kind,
            session: 1,
            number: 2,
        }
        .to_bytes();
        // RFC 7983 section 7 leaves 192 to 255 unassigned.
        assert!(bytes[0] >= 192);
    }
}

#[test]
fn an_answer_is_as_long_as_its_question() {
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    Probe {
        sent_us: 1,
        room_clock_us: 0,
    }
    .write(&mut question);
    Probe {
        sent_us: 1,
        room_clock_us: u64::MAX,
    }
    .write(&mut answer);
    assert_eq!(question.len(), answer.len());
    assert_eq!(question.len(), Probe::BYTES);
}

#[test]
fn the_largest_fragment_fits_a_datagram() {
    let payload = vec![1; FRAGMENT_PAYLOAD_BYTES_MAX];
    let fragment = Fragment {
        source: ParticipantId(1),
        layer: Layer::Large,
        codec: CameraCodec::Jpeg,
        keyframe: true,
        frame: 1,
        index: 0,
        count: 1,
        captured_ms: 0,
        payload: &payload,
    };
    let mut body = Vec::new();
    fragment.write(&mut body);
    assert!(HEADER_BYTES + body.len() + TAG_BYTES <= conclave_wire::limits::DATAGRAM_BYTES_MAX);
    assert_eq!(Fragment::parse(&body), Some(fragment));
    body.push(0);
    assert_eq!(
        Fragment::parse(&body),
        None,
        "larger than a browser's message may be"
    );
}

proptest! {
    #[test]
    fn headers_survive(kind in 0..9u8, session: u64, number: u64) {
        let kinds = [Kind::Hello, Kind::Voice, Kind::Camera, Kind::ReRequest, Kind::Report, Kind::Probe, Kind::Echo, Kind::Challenge, Kind::Response];
        let header = Header { kind: kinds[usize::from(kind)], session, number };
        let mut datagram = header.to_bytes().to_vec();
        prop_assert_eq!(Header::parse(&datagram), None, "without room for a tag it is no datagram");
        datagram.extend([0; TAG_BYTES]);
        prop_assert_eq!(Header::parse(&datagram), Some(header));
        datagram[0] ^= 0b0001_0000;
        prop_assert_eq!(Header::parse(&datagram), None, "another version is not ours");
    }

    #[test]
    fn voice_survives(source: u32, spurt_start: bool, level in 0..128u8, media_time: u32, opus in prop::collection::vec(any::<u8>(), 1..1_275)) {
        let voice = Voice { source: ParticipantId(source), spurt_start, level, media_time, opus: &opus };
        let mut body = Vec::new();
        voice.write(&mut body);
        prop_assert_eq!(Voice::parse(&body), Some(voice));
        for cut in 0..=VOICE_HEADER_BYTES {
            prop_assert_eq!(Voice::parse(&body[..cut]), None);
        }
    }

    #[test]
    fn re_requests_survive(source: u32, layer in layer(), frame: u32, indices in prop::collection::vec(any::<u16>(), 1..RE_REQUEST_INDICES_MAX)) {
        let request = ReRequest { source: ParticipantId(source), layer, frame, indices };
        let mut body = Vec::new();
        request.write(&mut body);
        for cut in 0..body.len() {
            prop_assert_eq!(ReRequest::parse(&body[..cut]), None);
        }
        prop_assert_eq!(ReRequest::parse(&body), Some(request));
    }

    #[test]
    fn reports_survive(fields: [u32; 7], interval_ms: u16, queueing_ms: u16) {
        let [camera_received, camera_lost, camera_bytes, voice_received, voice_lost, jitter_us, round_trip_us] = fields;
        let report = Report { interval_ms, camera_received, camera_lost, camera_bytes, queueing_ms, voice_received, voice_lost, jitter_us, round_trip_us };
        let mut body = Vec::new();
        report.write(&mut body);
        prop_assert_eq!(body.len(), Report::BYTES);
        prop_assert_eq!(Report::parse(&body), Some(report));
        prop_assert_eq!(Report::parse(&body[..Report::BYTES - 1]), None);
    }

    #[test]
    fn runs_survive(generation: u32, x in 0..240u16, y in 0..240u16, width in 1..240u16, png: bool, bytes in prop::collection::vec(any::<u8>(), 1..500)) {
        let codec = if png { RunCodec::Png } else { RunCodec::Jpeg };
        let message = ScreenMessage::Run(Run { generation, x, y, width, codec, bytes: &bytes });
        let written = message.to_bytes();
        prop_assert_eq!(written.len(), RUN_HEADER_BYTES + bytes.len());
        prop_assert_eq!(ScreenMessage::parse(&written), Some(message));
    }

    #[test]
    fn small_screen_messages_survive(a in 1..15_360u16, b in 1..15_360u16, number: u32, hidden: bool) {
        for message in [
            ScreenMessage::Start { width_px: a, height_px: b },
            ScreenMessage::FrameEnd { generation: number, captured_ms: number },
            ScreenMessage::Pointer { at: (!hidden).then_some((a, b)) },
            ScreenMessage::Stop,
            ScreenMessage::Ack { bytes: number },
            ScreenMessage::Pace { interval_ms: a },
            ScreenMessage::Refresh,
        ] {
            let mut written = message.to_bytes();
            prop_assert_eq!(ScreenMessage::parse(&written), Some(message));
            written.push(0);
            prop_assert_eq!(ScreenMessage::parse(&written), None, "nothing may follow a message");
        }
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Header::parse(&bytes);
        let _ = Voice::parse(&bytes);
        let _ = Fragment::parse(&bytes);
        let _ = ReRequest::parse(&bytes);
        let _ = Report::parse(&bytes);
        let _ = Probe::parse(&bytes);
        let _ = ScreenMessage::parse(&bytes);
    }
}
