//! Opaque secrets: tokens of seats, host keys, share tokens. 256 random bits each, stored hashed.

use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

/// Random bytes in a token.
pub const TOKEN_BYTES: usize = 32;
/// A token as text: base64url without padding.
pub const TOKEN_CHARS: usize = 43;

/// SHA-256 of a token's text: what is stored and compared.
pub type TokenHash = [u8; 32];

/// A new token: 256 random bits as 43 characters that any URL may hold.
pub fn draw() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<TOKEN_BYTES>())
}

/// A new seat token, which names its room: a link that is opened again says nothing but the token.
pub fn draw_seat(slug: &str) -> String {
    format!("{slug}.{}", draw())
}

/// The slug of the room that a seat token is for. Says nothing about whether the token is good.
pub fn room_of(seat_token: &str) -> Option<&str> {
    seat_token.rsplit_once('.').map(|(slug, _)| slug)
}

/// What is kept of a token. Tokens have full entropy, so that one plain hash is enough.
pub fn hash(token: &str) -> TokenHash {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// Compares hashes in constant time.
pub fn same(left: &TokenHash, right: &TokenHash) -> bool {
    left.ct_eq(right).into()
}

/// Random bytes of the operating system.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random source does not fail once it is seeded");
    bytes
}

/// A random number, for epochs and seeds.
pub fn random_u32() -> u32 {
    u32::from_le_bytes(random_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_43_characters_and_never_the_same() {
        let (one, other) = (draw(), draw());
        assert_eq!(one.len(), TOKEN_CHARS);
        assert_ne!(one, other);
        assert!(!same(&hash(&one), &hash(&other)));
        assert!(same(&hash(&one), &hash(&one)));
    }

    #[test]
    fn a_seat_token_names_its_room() {
        assert_eq!(room_of(&draw_seat("math-101")), Some("math-101"));
        assert_eq!(room_of("math-101"), None);
    }

    #[test]
    fn the_hash_is_sha_256() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            hex::encode(hash("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
