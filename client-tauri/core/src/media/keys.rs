//! The keys of a media session, and what guards its incoming side.

use std::net::SocketAddr;

use conclave_core::media::sequence::{CameraWindow, LossCounter, VoiceWindow};
use conclave_wire::{
    MediaSession,
    datagram::{Class, Header},
    sealing::{Direction, Opener, SECRET_BYTES, Sealer},
};

/// Addresses of one session that are tried.
pub const ADDRESSES_MAX: usize = 16;

/// Why a session that the server offered cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SessionRefused {
    #[error("The server's media session is not readable. Update the program and try again.")]
    Unreadable,
}

/// The outgoing side, shared by all threads that send.
pub struct Outgoing {
    pub session: u64,
    pub voice: Sealer,
    pub camera: Sealer,
}

impl Outgoing {
    pub fn sealer(&self, class: Class) -> &Sealer {
        match class {
            Class::Voice => &self.voice,
            Class::Camera => &self.camera,
        }
    }
}

/// The incoming side, owned by the one task that receives.
pub struct Incoming {
    pub session: u64,
    voice: Opener,
    camera: Opener,
    voice_window: VoiceWindow,
    camera_window: CameraWindow,
    /// Of the numbers of each class, for reports.
    pub voice_loss: LossCounter,
    pub camera_loss: LossCounter,
    /// Not accepted: forged, damaged or replayed.
    pub refused: u64,
}

impl Incoming {
    /// Opens a datagram of this session in place. `None` when it is forged, replayed or too old; nothing
    /// is remembered of it then.
    pub fn open<'a>(&mut self, header: &Header, datagram: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let class = header.kind.class();
        let fresh = match class {
            Class::Voice => self.voice_window.accepts(header.number),
            Class::Camera => self.camera_window.accepts(header.number),
        };
        let opener = match class {
            Class::Voice => &self.voice,
            Class::Camera => &self.camera,
        };
        let body = match fresh {
            true => opener.open(header, datagram),
            false => None,
        };
        if body.is_none() {
            self.refused += 1;
            return None;
        }
        match class {
            Class::Voice => {
                self.voice_window.take(header.number);
                self.voice_loss.take(header.number);
            }
            Class::Camera => {
                self.camera_window.take(header.number);
                self.camera_loss.take(header.number);
            }
        }
        body
    }
}

/// Both sides of a session, and where the server listens. What is no address of numbers is left out;
/// without any, the control port remains.
pub fn derive(
    session: &MediaSession,
) -> Result<(Outgoing, Incoming, Vec<SocketAddr>), SessionRefused> {
    let id = match session.session.len() {
        16 => u64::from_str_radix(&session.session, 16).map_err(|_| SessionRefused::Unreadable)?,
        _ => return Err(SessionRefused::Unreadable),
    };
    let mut secret = [0; SECRET_BYTES];
    hex::decode_to_slice(&session.secret, &mut secret).map_err(|_| SessionRefused::Unreadable)?;
    let sealer = |class| Sealer::new(session.suite, &secret, id, Direction::Up, class);
    let opener = |class| Opener::new(session.suite, &secret, id, Direction::Down, class);
    let outgoing = Outgoing {
        session: id,
        voice: sealer(Class::Voice),
        camera: sealer(Class::Camera),
    };
    let incoming = Incoming {
        session: id,
        voice: opener(Class::Voice),
        camera: opener(Class::Camera),
        voice_window: VoiceWindow::new(),
        camera_window: CameraWindow::new(),
        voice_loss: LossCounter::new(),
        camera_loss: LossCounter::new(),
        refused: 0,
    };
    let parsed = session
        .addresses
        .iter()
        .filter_map(|address| address.parse().ok());
    let addresses: Vec<SocketAddr> = parsed.take(ADDRESSES_MAX).collect();
    Ok((outgoing, incoming, addresses))
}
