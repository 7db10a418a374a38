//! One media session: its keys, its windows against replay, what it may send, and its paths.

use std::{sync::Arc, time::Duration};

use conclave_core::{
    Moment,
    limit::TokenBucket,
    media::sequence::{CameraWindow, VoiceWindow},
};
use conclave_wire::{
    Suite,
    datagram::{Class, Header, Kind, parse_nonce},
    sealing::{Direction, Opener, SECRET_BYTES, Sealer},
};
use parking_lot::Mutex;

use super::paths::{Paths, Turn, Way};
use crate::{
    auth::token,
    media::{guests::GuestLink, seat::MediaSeat},
};

/// Voice packets a session may send in a second: 10 ms frames, and a fifth more for clocks that run fast.
pub const VOICE_PACKETS_PER_SECOND_MAX: u32 = 120;
/// What may come at once after a stall of the network: a second.
pub const VOICE_PACKETS_BURST: u32 = 120;
/// Re-requests in a second: 25 cameras of 15 frames, each of which may lack something. What they cost is
/// bounded by the viewer's budget.
pub const RE_REQUESTS_PER_SECOND_MAX: u32 = 500;
pub const RE_REQUESTS_BURST: u32 = 250;
/// Hellos, probes, responses and reports in a second.
pub const OTHER_DATAGRAMS_PER_SECOND_MAX: u32 = 60;
pub const OTHER_DATAGRAMS_BURST: u32 = 120;
/// All layers of one camera: 20 Mbit/s.
pub const CAMERA_BYTES_PER_SECOND_MAX: u32 = 2_500_000;
/// Two of the largest frames.
pub const CAMERA_BYTES_BURST: u32 = 2 * 1024 * 1024 + 256 * 1024;

/// One client's media, from one welcome to the next.
pub struct Session {
    pub id: u64,
    pub seat: MediaSeat,
    voice: Keys,
    camera: Keys,
    receiving: Mutex<Receiving>,
    paths: Mutex<Paths>,
}

struct Keys {
    up: Opener,
    down: Sealer,
}

struct Receiving {
    voice_window: VoiceWindow,
    camera_window: CameraWindow,
    voice_packets: TokenBucket,
    other_datagrams: TokenBucket,
    re_requests: TokenBucket,
    camera_bytes: TokenBucket,
}

/// An authentic datagram.
pub struct Opened<'a> {
    pub body: &'a mut [u8],
    pub turn: Turn,
}

/// Why a datagram is ignored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dropped {
    Replayed,
    Forged,
    TooFast,
    /// Only the server sends this kind.
    Unexpected,
}

impl Session {
    pub(super) fn new(
        seat: MediaSeat,
        id: u64,
        suite: Suite,
        secret: &[u8; SECRET_BYTES],
        now: Moment,
    ) -> Session {
        let keys = |class| Keys {
            up: Opener::new(suite, secret, id, Direction::Up, class),
            down: Sealer::new(suite, secret, id, Direction::Down, class),
        };
        Session {
            id,
            seat,
            voice: keys(Class::Voice),
            camera: keys(Class::Camera),
            receiving: Mutex::new(Receiving {
                voice_window: VoiceWindow::new(),
                camera_window: CameraWindow::new(),
                voice_packets: TokenBucket::new(
                    VOICE_PACKETS_BURST,
                    VOICE_PACKETS_PER_SECOND_MAX,
                    now,
                ),
                other_datagrams: TokenBucket::new(
                    OTHER_DATAGRAMS_BURST,
                    OTHER_DATAGRAMS_PER_SECOND_MAX,
                    now,
                ),
                re_requests: TokenBucket::new(RE_REQUESTS_BURST, RE_REQUESTS_PER_SECOND_MAX, now),
                camera_bytes: TokenBucket::new(
                    CAMERA_BYTES_BURST,
                    CAMERA_BYTES_PER_SECOND_MAX,
                    now,
                ),
            }),
            paths: Mutex::default(),
        }
    }

    /// Opens a datagram in place: looked up in the window first, authenticated, and only then does
    /// anything change.
    ///
    /// # Errors
    /// [`Dropped`]; but for `TooFast` nothing has changed.
    pub fn open<'a>(
        &self,
        now: Moment,
        header: &Header,
        from: &Way,
        datagram: &'a mut [u8],
    ) -> Result<Opened<'a>, Dropped> {
        if matches!(header.kind, Kind::Echo | Kind::Challenge) {
            return Err(Dropped::Unexpected);
        }
        let class = header.kind.class();
        let bytes = u32::try_from(datagram.len()).unwrap_or(u32::MAX);
        let mut receiving = self.receiving.lock();
        if !receiving.accepts(class, header.number) {
            return Err(Dropped::Replayed);
        }
        let opener = &self.keys(class).up;
        let body = opener.open(header, datagram).ok_or(Dropped::Forged)?;
        let newest = receiving.take(class, header.number);
        let allowed = receiving.allow(now, header.kind, bytes);
        drop(receiving);
        if let Way::WebSocket(link) = from {
            link.authenticate();
        }
        // Also what is too fast says where the sender is.
        let turn = match class {
            Class::Voice => self.arrived(now, header.kind, from, newest, body),
            Class::Camera => Turn::default(),
        };
        match allowed {
            true => Ok(Opened { body, turn }),
            false => Err(Dropped::TooFast),
        }
    }

    /// Writes a whole datagram to this session's client into `datagram`, which is emptied first. False
    /// when it would be too large.
    pub fn seal(
        &self,
        kind: Kind,
        datagram: &mut Vec<u8>,
        write_body: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let sealer = &self.keys(kind.class()).down;
        sealer.seal(kind, datagram, write_body).is_some()
    }

    pub fn voice_way(&self) -> Option<Way> {
        self.paths.lock().voice.clone()
    }

    pub fn camera_way(&self) -> Option<Way> {
        self.paths.lock().camera.clone()
    }

    /// Whether a browser may send this now; if so it is counted.
    pub fn allows_guest(&self, now: Moment, kind: Kind, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.receiving.lock().allow(now, kind, bytes)
    }

    /// A browser's peer connection stands: voice goes there from now on.
    pub fn guest_connected(&self, guest: &Arc<GuestLink>) {
        self.paths.lock().guest_connected(guest);
    }

    /// And camera, over its data channel.
    pub fn guest_channel_opened(&self, guest: &Arc<GuestLink>) {
        self.paths.lock().guest_channel_opened(guest);
    }

    pub fn guest_left(&self, guest: &Arc<GuestLink>) {
        self.paths.lock().guest_left(guest);
    }

    /// The room clock at `now`, in microseconds.
    pub fn room_clock_us(&self, now: Moment) -> u64 {
        let since: Duration = now.since(self.seat.room_opened);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn keys(&self, class: Class) -> &Keys {
        match class {
            Class::Voice => &self.voice,
            Class::Camera => &self.camera,
        }
    }

    fn arrived(&self, now: Moment, kind: Kind, from: &Way, newest: bool, body: &[u8]) -> Turn {
        let mut paths = self.paths.lock();
        let response = (kind == Kind::Response)
            .then(|| parse_nonce(body))
            .flatten();
        let answered = response.map(|nonce| paths.responded(from, nonce));
        match answered {
            Some(turn) if turn.udp.is_some() => turn,
            _ => paths.arrived(now, from, kind, newest, random_u64),
        }
    }
}

impl Receiving {
    fn accepts(&self, class: Class, number: u64) -> bool {
        match class {
            Class::Voice => self.voice_window.accepts(number),
            Class::Camera => self.camera_window.accepts(number),
        }
    }

    /// Marks a number; says whether no higher one came before.
    fn take(&mut self, class: Class, number: u64) -> bool {
        let highest = match class {
            Class::Voice => {
                self.voice_window.take(number);
                self.voice_window.highest()
            }
            Class::Camera => {
                self.camera_window.take(number);
                self.camera_window.highest()
            }
        };
        highest == Some(number)
    }

    fn allow(&mut self, now: Moment, kind: Kind, bytes: u32) -> bool {
        let taken = match kind {
            Kind::Voice => self.voice_packets.try_take(now, 1),
            Kind::Camera => self.camera_bytes.try_take(now, bytes),
            Kind::ReRequest => self.re_requests.try_take(now, 1),
            Kind::Hello
            | Kind::Report
            | Kind::Probe
            | Kind::Echo
            | Kind::Challenge
            | Kind::Response => self.other_datagrams.try_take(now, 1),
        };
        taken.is_ok()
    }
}

/// AES where the processor has instructions for it, else ChaCha20.
pub(super) fn fastest_suite() -> Suite {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let has_aes = std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    match has_aes {
        true => Suite::Aes256Gcm,
        false => Suite::ChaCha20Poly1305,
    }
}

pub(super) fn random_u64() -> u64 {
    u64::from_be_bytes(token::random_bytes())
}
