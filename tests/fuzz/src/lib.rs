//! Fuzz targets: one function for each decoder of bytes from outside. A target panics when the
//! decoder does, or when what was read is not the same after writing and reading it again.
//!
//! `cargo-fuzz/` runs them under libFuzzer, which needs a nightly compiler; `tests/replay.rs` replays
//! the corpus, and mutations of it, on stable.

mod control;
mod datagram;
mod screen;

/// What a decoder made of the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// They are a word of the protocol.
    Read,
    /// They are not, and the decoder said so.
    Refused,
}

/// One decoder under test.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its folder in `corpus/`, and its program in `cargo-fuzz/fuzz_targets/`.
    pub name: &'static str,
    pub read: fn(&[u8]) -> Verdict,
    /// What the decoder may have allocated at once, beyond [`COPIES_MAX`] times its input.
    pub reserve_bytes_max: usize,
}

/// How many times its own size an input may take in memory: one byte of an encoding can stand for a
/// value of a few dozen bytes, and growing vectors double.
pub const COPIES_MAX: usize = 256;

/// Room for an error or a nearly empty list, whatever the input.
const SMALL_RESERVE_BYTES: usize = 4 * 1024;

pub const TARGETS: &[Target] = &[
    control_target("client_message_msgpack", control::client_message_msgpack),
    control_target("client_message_json", control::client_message_json),
    control_target("server_message_msgpack", control::server_message_msgpack),
    control_target("server_message_json", control::server_message_json),
    control_target("http_create_room", control::http_create_room),
    control_target("http_join_room", control::http_join_room),
    control_target("screen_hello", control::screen_hello),
    byte_target("datagram_header", datagram::header),
    byte_target("sealed_datagram", datagram::sealed),
    byte_target("voice", datagram::voice),
    byte_target("camera_fragment", datagram::camera_fragment),
    byte_target("re_request", datagram::re_request),
    byte_target("report", datagram::report),
    byte_target("probe", datagram::probe),
    byte_target("nonce", datagram::nonce),
    byte_target("screen_message", screen::message),
];

const fn control_target(name: &'static str, read: fn(&[u8]) -> Verdict) -> Target {
    Target {
        name,
        read,
        reserve_bytes_max: control::RESERVE_BYTES_MAX,
    }
}

const fn byte_target(name: &'static str, read: fn(&[u8]) -> Verdict) -> Target {
    Target {
        name,
        read,
        reserve_bytes_max: SMALL_RESERVE_BYTES,
    }
}

/// Runs one target by name; the libFuzzer programs call this.
///
/// # Panics
/// When there is no such target, and when the decoder is wrong.
pub fn run(name: &str, bytes: &[u8]) -> Verdict {
    let target = TARGETS
        .iter()
        .find(|target| target.name == name)
        .unwrap_or_else(|| panic!("there is no fuzz target {name}"));
    (target.read)(bytes)
}

impl Verdict {
    fn of(read: bool) -> Verdict {
        if read {
            Verdict::Read
        } else {
            Verdict::Refused
        }
    }
}
