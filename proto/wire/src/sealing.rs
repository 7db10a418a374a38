//! Keys of a media session, and sealing and opening of datagrams (AEAD, RFC 5116).
//!
//! From the session's secret each direction and class gets a key of its own (HKDF-SHA256, RFC 5869;
//! salt: the session id; info: [`Direction`] and [`Class`] in words), so that each has a counter of
//! its own and threads share none. The nonce is the packet number; a number is never used twice
//! under a key.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf,
};

use crate::{
    datagram::{Class, HEADER_BYTES, Header, Kind},
    limits::DATAGRAM_BYTES_MAX,
    model::Suite,
};

pub const SECRET_BYTES: usize = 32;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// Client to server.
    Up,
    /// Server to client.
    Down,
}

/// Seals datagrams of one direction and class. Shared by reference: the counter is atomic.
pub struct Sealer {
    session: u64,
    key: LessSafeKey,
    next: AtomicU64,
}

impl Sealer {
    pub fn new(
        suite: Suite,
        secret: &[u8; SECRET_BYTES],
        session: u64,
        direction: Direction,
        class: Class,
    ) -> Sealer {
        Sealer {
            session,
            key: derive(suite, secret, session, direction, class),
            next: AtomicU64::new(0),
        }
    }

    /// Writes a whole datagram into `datagram` (emptied first); `write_body` appends the body.
    /// Returns the packet number, or `None` when the datagram would be too large to send.
    pub fn seal(
        &self,
        kind: Kind,
        datagram: &mut Vec<u8>,
        write_body: impl FnOnce(&mut Vec<u8>),
    ) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let header = Header {
            kind,
            session: self.session,
            number,
        }
        .to_bytes();
        datagram.clear();
        datagram.extend_from_slice(&header);
        write_body(datagram);
        let body = &mut datagram[HEADER_BYTES..];
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(number), Aad::from(header), body)
            .ok()?;
        datagram.extend_from_slice(tag.as_ref());
        (datagram.len() <= DATAGRAM_BYTES_MAX).then_some(number)
    }
}

/// Opens datagrams of one direction and class.
pub struct Opener {
    key: LessSafeKey,
}

impl Opener {
    pub fn new(
        suite: Suite,
        secret: &[u8; SECRET_BYTES],
        session: u64,
        direction: Direction,
        class: Class,
    ) -> Opener {
        Opener {
            key: derive(suite, secret, session, direction, class),
        }
    }

    /// Opens a datagram in place and returns its body, or `None` when it is not authentic.
    pub fn open<'a>(&self, header: &Header, datagram: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let (head, sealed) = datagram.split_at_mut_checked(HEADER_BYTES)?;
        self.key
            .open_in_place(nonce(header.number), Aad::from(&*head), sealed)
            .ok()
    }
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn derive(
    suite: Suite,
    secret: &[u8; SECRET_BYTES],
    session: u64,
    direction: Direction,
    class: Class,
) -> LessSafeKey {
    let algorithm: &'static Algorithm = match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    let info: &[u8] = match (direction, class) {
        (Direction::Up, Class::Voice) => b"conclave 1 up voice",
        (Direction::Up, Class::Camera) => b"conclave 1 up camera",
        (Direction::Down, Class::Voice) => b"conclave 1 down voice",
        (Direction::Down, Class::Camera) => b"conclave 1 down camera",
    };
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &session.to_be_bytes());
    let key = salt
        .extract(secret)
        .expand(&[info], algorithm)
        .map(UnboundKey::from)
        .expect("both suites' keys are 32 bytes, far below HKDF's limit");
    LessSafeKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    fn pair(suite: Suite) -> (Sealer, Opener) {
        let sealer = Sealer::new(suite, &SECRET, 9, Direction::Up, Class::Voice);
        (
            sealer,
            Opener::new(suite, &SECRET, 9, Direction::Up, Class::Voice),
        )
    }

    #[test]
    fn what_is_sealed_opens_again_in_both_suites() {
        for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
            let (sealer, opener) = pair(suite);
            for expected in 0..3 {
                let mut datagram = Vec::new();
                let number = sealer.seal(Kind::Voice, &mut datagram, |body| {
                    body.extend_from_slice(b"hello")
                });
                assert_eq!(number, Some(expected));
                let header = Header::parse(&datagram).unwrap();
                assert_eq!(
                    header,
                    Header {
                        kind: Kind::Voice,
                        session: 9,
                        number: expected
                    }
                );
                assert_eq!(opener.open(&header, &mut datagram).unwrap(), b"hello");
            }
        }
    }

    #[test]
    fn no_bit_of_a_datagram_can_be_changed() {
        let (sealer, opener) = pair(Suite::Aes256Gcm);
        let mut whole = Vec::new();
        sealer.seal(Kind::Voice, &mut whole, |body| {
            body.extend_from_slice(b"hello")
        });
        for bit in 0..whole.len() * 8 {
            let mut forged = whole.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let opened = Header::parse(&forged)
                .is_some_and(|header| opener.open(&header, &mut forged).is_some());
            assert!(!opened, "bit {bit}");
        }
    }

    #[test]
    fn another_direction_class_or_session_does_not_open() {
        let (sealer, _) = pair(Suite::Aes256Gcm);
        let mut whole = Vec::new();
        sealer.seal(Kind::Voice, &mut whole, |body| {
            body.extend_from_slice(b"hello")
        });
        let header = Header::parse(&whole).unwrap();
        for (session, direction, class) in [
            (9, Direction::Down, Class::Voice),
            (9, Direction::Up, Class::Camera),
            (8, Direction::Up, Class::Voice),
        ] {
            let opener = Opener::new(Suite::Aes256Gcm, &SECRET, session, direction, class);
            assert!(opener.open(&header, &mut whole.clone()).is_none());
        }
    }

    #[test]
    fn a_body_that_does_not_fit_is_not_sent() {
        let (sealer, _) = pair(Suite::Aes256Gcm);
        let mut datagram = Vec::new();
        assert!(
            sealer
                .seal(Kind::Camera, &mut datagram, |body| body
                    .resize(HEADER_BYTES + 1_168, 0))
                .is_none()
        );
    }
}
