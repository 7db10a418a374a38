//! Whether two copies are the same film: surely by their SHA-256, likely by a sample of them.

use conclave_wire::{
    FilmFile, RefusalCode,
    limits::{FILM_BYTES_MAX, FILM_DURATION_MS_MAX},
};

/// Players and containers differ by so much about the length of one and the same file, in milliseconds.
pub const DURATION_SLACK_MS: u64 = 1_000;
const HASH_DIGITS: usize = 64;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// Byte for byte.
    Same,
    /// As far as has been read.
    Likely,
    Differs(Difference),
}

/// What a person is told of two copies that are not the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Difference {
    /// As large and as long, but of other content.
    OtherFile,
    /// Longer or shorter.
    OtherLength,
    /// As long, but not as large: another cut, or encoded otherwise.
    OtherCut,
}

/// Compares two copies. The SHA-256 decides where both have one, else the sample; where there is nothing to
/// compare but size and length, equal ones are likely the same.
pub fn compare(one: &FilmFile, other: &FilmFile) -> Comparison {
    let both =
        |one: &Option<String>, other: &Option<String>| Some(one.as_ref()? == other.as_ref()?);
    match (
        both(&one.sha256, &other.sha256),
        both(&one.sample, &other.sample),
    ) {
        (Some(true), _) => Comparison::Same,
        (Some(false), _) | (None, Some(false)) => Comparison::Differs(difference(one, other)),
        (None, Some(true)) => Comparison::Likely,
        (None, None) => match one.size_bytes == other.size_bytes && as_long(one, other) {
            true => Comparison::Likely,
            false => Comparison::Differs(difference(one, other)),
        },
    }
}

fn difference(one: &FilmFile, other: &FilmFile) -> Difference {
    if !as_long(one, other) {
        Difference::OtherLength
    } else if one.size_bytes != other.size_bytes {
        Difference::OtherCut
    } else {
        Difference::OtherFile
    }
}

fn as_long(one: &FilmFile, other: &FilmFile) -> bool {
    let known = one.duration_ms > 0 && other.duration_ms > 0;
    !known || one.duration_ms.abs_diff(other.duration_ms) <= DURATION_SLACK_MS
}

/// Sizes and hashes that a film may have. The name is checked apart.
///
/// # Errors
/// `FilmInvalid` for an empty or impossibly large or long one; `FileHashInvalid` for a hash that is none, and
/// when there is no hash at all.
pub fn check_file(file: &FilmFile) -> Result<(), RefusalCode> {
    let sized = (1..=FILM_BYTES_MAX).contains(&file.size_bytes);
    if !sized || file.duration_ms > FILM_DURATION_MS_MAX {
        return Err(RefusalCode::FilmInvalid);
    }
    let hashes = [&file.sample, &file.sha256];
    let mut hashes = hashes.into_iter().flatten().peekable();
    match hashes.peek().is_some() && hashes.all(|hash| is_hash(hash)) {
        true => Ok(()),
        false => Err(RefusalCode::FileHashInvalid),
    }
}

/// Whether this is a hash of 256 bits in small hexadecimal digits.
pub fn is_hash(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == HASH_DIGITS && text.bytes().all(digit)
}
