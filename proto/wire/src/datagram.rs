//! Media datagrams: voice, camera and probes over one UDP port.
//!
//! ```text
//! byte  0        1..9            9..17            17..n-16        n-16..n
//!       kind     session         packet number    sealed body     tag
//! ```
//! The first byte is `0b11vv_kkkk`: the range 192 to 255 that RFC 7983 leaves free beside WebRTC's
//! protocols, two bits of version, four of kind. All numbers are big-endian. The header is
//! authenticated, not encrypted. This module knows layouts only; the keys are in `sealing`.

use crate::{
    id::ParticipantId,
    limits::{CAMERA_BODY_BYTES_MAX, OPUS_PACKET_BYTES_MAX},
    model::Layer,
};

pub const VERSION: u8 = 1;
pub const HEADER_BYTES: usize = 17;
/// Both suites have tags of 128 bits.
pub const TAG_BYTES: usize = 16;
/// Voice: source, flags, level, media time.
pub const VOICE_HEADER_BYTES: usize = 10;
/// Camera: source, layer and codec, flags, frame, index, count, capture time.
pub const FRAGMENT_HEADER_BYTES: usize = 18;
/// What one fragment carries of a picture.
pub const FRAGMENT_PAYLOAD_BYTES_MAX: usize = CAMERA_BODY_BYTES_MAX - FRAGMENT_HEADER_BYTES;
/// Fragments named in one re-request.
pub const RE_REQUEST_INDICES_MAX: usize = 64;
/// The source of what the server has mixed.
pub const MIX: ParticipantId = ParticipantId(0);

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// Client to server: here I am; answered by an echo.
    Hello = 0,
    Voice = 1,
    Camera = 2,
    /// These fragments are missing. Viewer to server, and merged from server to publisher.
    ReRequest = 3,
    /// Viewer to server, every 250 ms.
    Report = 4,
    Probe = 5,
    Echo = 6,
    /// Server to a new address: answer this before camera frames go there.
    Challenge = 7,
    Response = 8,
}

/// Datagrams of one class share a key and a counter in each direction, and nothing else does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    Voice,
    Camera,
}

impl Kind {
    pub const fn class(self) -> Class {
        match self {
            Kind::Hello
            | Kind::Voice
            | Kind::Probe
            | Kind::Echo
            | Kind::Challenge
            | Kind::Response => Class::Voice,
            Kind::Camera | Kind::ReRequest | Kind::Report => Class::Camera,
        }
    }

    /// The kind of this number, as it stands in the header and before each message on a browser's data
    /// channel.
    pub const fn from_bits(bits: u8) -> Option<Kind> {
        Some(match bits {
            0 => Kind::Hello,
            1 => Kind::Voice,
            2 => Kind::Camera,
            3 => Kind::ReRequest,
            4 => Kind::Report,
            5 => Kind::Probe,
            6 => Kind::Echo,
            7 => Kind::Challenge,
            8 => Kind::Response,
            _ => return None,
        })
    }
}

/// The part of a datagram that is authenticated but not encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    pub kind: Kind,
    pub session: u64,
    pub number: u64,
}

impl Header {
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = 0b1100_0000 | VERSION << 4 | self.kind as u8;
        bytes[1..9].copy_from_slice(&self.session.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    /// `None` when it is not a whole datagram of this version.
    pub fn parse(datagram: &[u8]) -> Option<Header> {
        if datagram.len() < HEADER_BYTES + TAG_BYTES
            || datagram[0] & 0b1111_0000 != 0b1100_0000 | VERSION << 4
        {
            return None;
        }
        let mut reader = Reader(&datagram[1..HEADER_BYTES]);
        Some(Header {
            kind: Kind::from_bits(datagram[0] & 0b1111)?,
            session: reader.u64()?,
            number: reader.u64()?,
        })
    }
}

/// The body of a voice datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Voice<'a> {
    /// Who speaks, or [`MIX`]. What a client puts here is ignored.
    pub source: ParticipantId,
    /// The first packet after silence.
    pub spurt_start: bool,
    /// 0 (loudest) to 127 (silence), in -dBov (RFC 6464).
    pub level: u8,
    /// 48 kHz samples, wrapping; towards a listener always on the room's media clock.
    pub media_time: u32,
    pub opus: &'a [u8],
}

const SPURT_START: u8 = 1;

impl<'a> Voice<'a> {
    pub fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.source.0.to_be_bytes());
        body.push(if self.spurt_start { SPURT_START } else { 0 });
        body.push(self.level);
        body.extend_from_slice(&self.media_time.to_be_bytes());
        body.extend_from_slice(self.opus);
    }

    pub fn parse(body: &'a [u8]) -> Option<Voice<'a>> {
        let mut reader = Reader(body);
        let source = ParticipantId(reader.u32()?);
        let spurt_start = reader.u8()? & SPURT_START != 0;
        let level = reader.u8()?.min(127);
        let media_time = reader.u32()?;
        let opus = reader.0;
        let fits = !opus.is_empty() && opus.len() <= OPUS_PACKET_BYTES_MAX;
        fits.then_some(Voice {
            source,
            spurt_start,
            level,
            media_time,
            opus,
        })
    }
}

/// How a camera frame is encoded. VP8 is reserved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum CameraCodec {
    Jpeg = 0,
}

/// The body of a camera datagram: one fragment of one frame. The same bytes are one message on a
/// browser's data channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fragment<'a> {
    /// Whose camera. What a client puts here is ignored.
    pub source: ParticipantId,
    pub layer: Layer,
    pub codec: CameraCodec,
    pub keyframe: bool,
    pub frame: u32,
    pub index: u16,
    pub count: u16,
    /// Milliseconds on the publisher's clock, wrapping.
    pub captured_ms: u32,
    pub payload: &'a [u8],
}

const KEYFRAME: u8 = 1;

impl<'a> Fragment<'a> {
    pub fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.source.0.to_be_bytes());
        body.push((self.codec as u8) << 4 | layer_bits(self.layer));
        body.push(if self.keyframe { KEYFRAME } else { 0 });
        body.extend_from_slice(&self.frame.to_be_bytes());
        body.extend_from_slice(&self.index.to_be_bytes());
        body.extend_from_slice(&self.count.to_be_bytes());
        body.extend_from_slice(&self.captured_ms.to_be_bytes());
        body.extend_from_slice(self.payload);
    }

    pub fn parse(body: &'a [u8]) -> Option<Fragment<'a>> {
        if body.len() > CAMERA_BODY_BYTES_MAX {
            return None;
        }
        let mut reader = Reader(body);
        let source = ParticipantId(reader.u32()?);
        let bits = reader.u8()?;
        let layer = layer_from_bits(bits & 0b1111)?;
        if bits >> 4 != CameraCodec::Jpeg as u8 {
            return None;
        }
        let keyframe = reader.u8()? & KEYFRAME != 0;
        let (frame, index, count) = (reader.u32()?, reader.u16()?, reader.u16()?);
        let captured_ms = reader.u32()?;
        let payload = reader.0;
        let fits = index < count && !payload.is_empty();
        fits.then_some(Fragment {
            source,
            layer,
            codec: CameraCodec::Jpeg,
            keyframe,
            frame,
            index,
            count,
            captured_ms,
            payload,
        })
    }
}

/// Puts another source into the body of a camera datagram, where it stands.
pub fn set_fragment_source(body: &mut [u8], source: ParticipantId) {
    if let Some(bytes) = body.get_mut(..4) {
        bytes.copy_from_slice(&source.0.to_be_bytes());
    }
}

/// Which fragments of a frame are missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReRequest {
    pub source: ParticipantId,
    pub layer: Layer,
    pub frame: u32,
    /// At most [`RE_REQUEST_INDICES_MAX`].
    pub indices: Vec<u16>,
}

impl ReRequest {
    pub fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.source.0.to_be_bytes());
        body.push(layer_bits(self.layer));
        body.extend_from_slice(&self.frame.to_be_bytes());
        let indices = &self.indices[..self.indices.len().min(RE_REQUEST_INDICES_MAX)];
        body.push(indices.len() as u8);
        for index in indices {
            body.extend_from_slice(&index.to_be_bytes());
        }
    }

    pub fn parse(body: &[u8]) -> Option<ReRequest> {
        let mut reader = Reader(body);
        let source = ParticipantId(reader.u32()?);
        let layer = layer_from_bits(reader.u8()?)?;
        let frame = reader.u32()?;
        let count = usize::from(reader.u8()?);
        if count == 0 || count > RE_REQUEST_INDICES_MAX || reader.0.len() != 2 * count {
            return None;
        }
        let indices = reader
            .0
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        Some(ReRequest {
            source,
            layer,
            frame,
            indices,
        })
    }
}

/// What a receiver saw in one interval.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    pub interval_ms: u16,
    /// Camera datagrams, and how many of the numbers between the first and the last did not come.
    pub camera_received: u32,
    pub camera_lost: u32,
    pub camera_bytes: u32,
    /// How much later than the fastest of late even the fastest camera datagram of the interval came: what
    /// stands in queues. Jitter and repetitions are none.
    pub queueing_ms: u16,
    pub voice_received: u32,
    pub voice_lost: u32,
    /// RFC 3550 section 6.4.1, of voice.
    pub jitter_us: u32,
    /// Of the newest probe; 0 when there was none.
    pub round_trip_us: u32,
}

impl Report {
    pub const BYTES: usize = 32;

    pub fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.interval_ms.to_be_bytes());
        body.extend_from_slice(&self.queueing_ms.to_be_bytes());
        for field in [
            self.camera_received,
            self.camera_lost,
            self.camera_bytes,
            self.voice_received,
            self.voice_lost,
            self.jitter_us,
            self.round_trip_us,
        ] {
            body.extend_from_slice(&field.to_be_bytes());
        }
    }

    pub fn parse(body: &[u8]) -> Option<Report> {
        let mut reader = Reader(body);
        let report = Report {
            interval_ms: reader.u16()?,
            queueing_ms: reader.u16()?,
            camera_received: reader.u32()?,
            camera_lost: reader.u32()?,
            camera_bytes: reader.u32()?,
            voice_received: reader.u32()?,
            voice_lost: reader.u32()?,
            jitter_us: reader.u32()?,
            round_trip_us: reader.u32()?,
        };
        Some(report)
    }
}

/// Hello, probe and echo have one layout, so that an answer is never larger than its question.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Probe {
    /// The asker's clock, returned as it was.
    pub sent_us: u64,
    /// The room clock at the server, microseconds since the room was opened; 0 in a question.
    pub room_clock_us: u64,
}

impl Probe {
    pub const BYTES: usize = 16;

    pub fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.sent_us.to_be_bytes());
        body.extend_from_slice(&self.room_clock_us.to_be_bytes());
    }

    pub fn parse(body: &[u8]) -> Option<Probe> {
        let mut reader = Reader(body);
        Some(Probe {
            sent_us: reader.u64()?,
            room_clock_us: reader.u64()?,
        })
    }
}

/// A challenge and its response: a number that only the receiver at that address can know.
pub fn write_nonce(nonce: u64, body: &mut Vec<u8>) {
    body.extend_from_slice(&nonce.to_be_bytes());
}

pub fn parse_nonce(body: &[u8]) -> Option<u64> {
    Reader(body).u64()
}

fn layer_bits(layer: Layer) -> u8 {
    match layer {
        Layer::Thumbnail => 0,
        Layer::Normal => 1,
        Layer::Large => 2,
    }
}

fn layer_from_bits(bits: u8) -> Option<Layer> {
    Layer::ALL.get(usize::from(bits)).copied()
}

/// Takes big-endian numbers off the front of bytes, or says that there are too few.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}
