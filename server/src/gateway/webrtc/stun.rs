//! What the first bytes of a datagram say: whose protocol it is, and which guest a STUN request names.

/// Of every STUN message (RFC 8489 section 5).
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
/// RFC 8445 section 16.1.
const USE_CANDIDATE: u16 = 0x0025;

/// Who speaks on a port that several protocols share (RFC 7983 section 7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    Stun,
    Dtls,
    /// RTP and RTCP.
    Rtp,
    /// Datagrams of native clients.
    Ours,
    Unknown,
}

/// Told by the first byte.
pub fn protocol_of(datagram: &[u8]) -> Protocol {
    match datagram.first() {
        Some(0..=3) => Protocol::Stun,
        Some(20..=63) => Protocol::Dtls,
        Some(128..=191) => Protocol::Rtp,
        Some(192..=255) => Protocol::Ours,
        Some(4..=19 | 64..=127) | None => Protocol::Unknown,
    }
}

/// A connectivity check, before anything about it is verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Request<'a> {
    /// Our half of the user name: which guest it is for.
    pub ufrag: &'a str,
    /// The browser wants to be reached on this way.
    pub nominates: bool,
}

/// `None` when it is no whole binding request with a user name.
pub fn request(datagram: &[u8]) -> Option<Request<'_>> {
    let (header, mut rest) = datagram.split_at_checked(HEADER_BYTES)?;
    let is_request = u16_at(header, 0)? == BINDING_REQUEST && header[4..8] == MAGIC_COOKIE;
    if !is_request || usize::from(u16_at(header, 2)?) != rest.len() {
        return None;
    }
    let (mut ufrag, mut nominates) = (None, false);
    while !rest.is_empty() {
        let (kind, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let value = rest.get(4..4 + length)?;
        match kind {
            USERNAME => ufrag = str::from_utf8(value).ok()?.split(':').next(),
            USE_CANDIDATE => nominates = true,
            // What follows is not authenticated.
            MESSAGE_INTEGRITY => break,
            _ => {}
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    ufrag.map(|ufrag| Request { ufrag, nominates })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&(value.len() as u16).to_be_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut message = kind.to_be_bytes().to_vec();
        message.extend_from_slice(&(body.len() as u16).to_be_bytes());
        message.extend_from_slice(&MAGIC_COOKIE);
        message.extend_from_slice(&[7; 12]);
        message.extend_from_slice(&body);
        message
    }

    #[test]
    fn every_first_byte_belongs_to_the_protocol_that_the_rfc_says() {
        let count = |protocol| {
            let of = |byte: &u8| protocol_of(&[*byte]) == protocol;
            (0..=255).filter(of).count()
        };
        assert_eq!(count(Protocol::Stun), 4);
        assert_eq!(count(Protocol::Dtls), 44);
        assert_eq!(count(Protocol::Rtp), 64);
        assert_eq!(count(Protocol::Ours), 64);
        assert_eq!(protocol_of(&[]), Protocol::Unknown);
    }

    #[test]
    fn a_request_names_its_guest_and_whether_it_nominates() {
        let checks = message(1, &[(USERNAME, b"00001abc:them"), (0x24, &[0; 4])]);
        let request = request(&checks).unwrap();
        assert_eq!((request.ufrag, request.nominates), ("00001abc", false));
        let nominates = message(1, &[(USERNAME, b"a:b"), (USE_CANDIDATE, &[])]);
        assert!(super::request(&nominates).unwrap().nominates);
    }

    #[test]
    fn what_is_behind_the_integrity_is_not_believed() {
        let forged = message(
            1,
            &[
                (USERNAME, b"a:b"),
                (MESSAGE_INTEGRITY, &[0; 20]),
                (USE_CANDIDATE, &[]),
            ],
        );
        assert!(!request(&forged).unwrap().nominates);
    }

    #[test]
    fn whatever_is_cut_or_no_request_names_nobody() {
        let whole = message(1, &[(USERNAME, b"abcd:efgh")]);
        for length in 0..whole.len() {
            assert_eq!(request(&whole[..length]), None, "{length} bytes");
        }
        assert_eq!(request(&message(0x0101, &[(USERNAME, b"a:b")])), None);
        assert_eq!(request(&message(1, &[(0x24, &[0; 4])])), None);
        let mut too_long = whole.clone();
        too_long[23] = 200;
        assert_eq!(request(&too_long), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(noise in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            request(&noise);
            // The same with a header that is believed.
            let mut whole = message(1, &[]);
            let length = noise.len() as u16;
            whole[2..4].copy_from_slice(&length.to_be_bytes());
            whole.extend_from_slice(&noise);
            request(&whole);
        }
    }
}
