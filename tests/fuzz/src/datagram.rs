//! Everything that arrives in a media datagram: its header, its seal, and the bodies within.

use std::sync::LazyLock;

use conclave_wire::{
    datagram::{
        Class, FRAGMENT_HEADER_BYTES, Fragment, HEADER_BYTES, Header, Probe,
        RE_REQUEST_INDICES_MAX, ReRequest, Report, TAG_BYTES, VOICE_HEADER_BYTES, Voice,
        parse_nonce, write_nonce,
    },
    limits::{CAMERA_BODY_BYTES_MAX, OPUS_PACKET_BYTES_MAX},
    model::Suite,
    sealing::{Direction, Opener, SECRET_BYTES},
};

use crate::Verdict;

pub(crate) fn header(datagram: &[u8]) -> Verdict {
    let Some(header) = Header::parse(datagram) else {
        return Verdict::Refused;
    };
    assert!(datagram.len() >= HEADER_BYTES + TAG_BYTES);
    assert_eq!(header.to_bytes(), datagram[..HEADER_BYTES]);
    Verdict::Read
}

/// Nobody who fuzzes has the key, so nothing may open.
pub(crate) fn sealed(datagram: &[u8]) -> Verdict {
    static OPENERS: LazyLock<[Opener; 2]> = LazyLock::new(|| {
        [Suite::Aes256Gcm, Suite::ChaCha20Poly1305]
            .map(|suite| Opener::new(suite, &[0x5e; SECRET_BYTES], 1, Direction::Up, Class::Voice))
    });
    let Some(header) = Header::parse(datagram) else {
        return Verdict::Refused;
    };
    for opener in OPENERS.iter() {
        assert!(opener.open(&header, &mut datagram.to_vec()).is_none());
    }
    Verdict::Refused
}

pub(crate) fn voice(body: &[u8]) -> Verdict {
    let Some(voice) = Voice::parse(body) else {
        return Verdict::Refused;
    };
    assert!((1..=OPUS_PACKET_BYTES_MAX).contains(&voice.opus.len()));
    assert!(voice.level <= 127);
    let written = written(|out| voice.write(out));
    assert_eq!(written.len(), VOICE_HEADER_BYTES + voice.opus.len());
    assert_eq!(Voice::parse(&written), Some(voice));
    Verdict::Read
}

pub(crate) fn camera_fragment(body: &[u8]) -> Verdict {
    let Some(fragment) = Fragment::parse(body) else {
        return Verdict::Refused;
    };
    assert!(body.len() <= CAMERA_BODY_BYTES_MAX);
    assert!(fragment.index < fragment.count);
    assert_eq!(fragment.payload.len(), body.len() - FRAGMENT_HEADER_BYTES);
    assert_eq!(
        Fragment::parse(&written(|out| fragment.write(out))),
        Some(fragment)
    );
    Verdict::Read
}

pub(crate) fn re_request(body: &[u8]) -> Verdict {
    let Some(request) = ReRequest::parse(body) else {
        return Verdict::Refused;
    };
    assert!((1..=RE_REQUEST_INDICES_MAX).contains(&request.indices.len()));
    assert_eq!(
        ReRequest::parse(&written(|out| request.write(out))),
        Some(request)
    );
    Verdict::Read
}

pub(crate) fn report(body: &[u8]) -> Verdict {
    let report = Report::parse(body);
    Verdict::of(report.is_some_and(|report| {
        let written = written(|out| report.write(out));
        assert_eq!(written, body[..Report::BYTES]);
        true
    }))
}

pub(crate) fn probe(body: &[u8]) -> Verdict {
    let probe = Probe::parse(body);
    Verdict::of(probe.is_some_and(|probe| {
        let written = written(|out| probe.write(out));
        assert_eq!(written, body[..Probe::BYTES]);
        true
    }))
}

pub(crate) fn nonce(body: &[u8]) -> Verdict {
    let nonce = parse_nonce(body);
    Verdict::of(nonce.is_some_and(|nonce| {
        assert_eq!(written(|out| write_nonce(nonce, out)), body[..8]);
        true
    }))
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}
