//! Fuzz targets: one function for each decoder of bytes from outside, and for the
//! rules that these bytes reach first. A target panics when the
//! decoder does, or when what was read is not the same after writing and reading it again.
//!
//! `cargo-fuzz/` runs them under libFuzzer, which needs a nightly compiler; `tests/replay.rs` replays
//! the corpus, and mutations of it, on stable.

mod control;
mod datagram;
mod screen;
mod streams;

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
    /// What it may take of memory at once, besides [`COPIES_MAX`] times its input.
    pub reserve_bytes_max: usize,
}

/// How many times its own size an input may take in memory at once: one byte of MessagePack can
/// stand for a value of 32 bytes, and a list that doubles is held in its old and its new size.
pub const COPIES_MAX: usize = 96;
/// An error, an empty map, what a test of a property itself copies.
const SMALL_RESERVE_BYTES_MAX: usize = 4 * 1024;

pub const TARGETS: &[Target] = &[
    target("client_message_msgpack", control::client_message_msgpack),
    target("client_message_json", control::client_message_json),
    target("server_message_msgpack", control::server_message_msgpack),
    target("server_message_json", control::server_message_json),
    target("http_create_room", control::http_create_room),
    target("http_join_room", control::http_join_room),
    target("screen_hello", control::screen_hello),
    target("datagram_header", datagram::header),
    target("sealed_datagram", datagram::sealed),
    target("voice", datagram::voice),
    target("camera_fragment", datagram::camera_fragment),
    target("re_request", datagram::re_request),
    target("report", datagram::report),
    target("probe", datagram::probe),
    target("nonce", datagram::nonce),
    target("screen_message", screen::message),
    target("file_name", streams::name_of_file),
    Target {
        name: "camera_stream",
        read: streams::camera,
        reserve_bytes_max: streams::CAMERA_RESERVE_BYTES_MAX,
    },
    Target {
        name: "voice_stream",
        read: streams::voice,
        reserve_bytes_max: streams::VOICE_RESERVE_BYTES_MAX,
    },
];

const fn target(name: &'static str, read: fn(&[u8]) -> Verdict) -> Target {
    Target {
        name,
        read,
        reserve_bytes_max: SMALL_RESERVE_BYTES_MAX,
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
