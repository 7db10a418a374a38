//! The keys of a media session, and what guards its incoming side.

use std::{net::SocketAddr, time::Duration};

use conclave_core::media::sequence::{CameraWindow, LossCounter, VoiceWindow};
use conclave_wire::{
    MediaSession,
    datagram::{Class, Header},
    sealing::{Direction, Opener, SECRET_BYTES, Sealer},
};
use futures_util::future::join_all;
use tokio::{net::lookup_host, time::timeout};

/// Addresses of one session that are tried.
pub const ADDRESSES_MAX: usize = 16;
/// Numbers that are tried for one name.
const NUMBERS_PER_NAME_MAX: usize = 4;
/// A name is looked up for so long.
const LOOKUP_MAX: Duration = Duration::from_secs(2);

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

/// Both sides of a session.
pub fn derive(session: &MediaSession) -> Result<(Outgoing, Incoming), SessionRefused> {
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
    Ok((outgoing, incoming))
}

/// Where the server listens. Names are looked up; what cannot be found is left out, and without any
/// address the control port remains.
pub async fn addresses_of(session: &MediaSession) -> Vec<SocketAddr> {
    let looked_up = session
        .addresses
        .iter()
        .take(ADDRESSES_MAX)
        .map(|named| async move {
            if let Ok(address) = named.parse() {
                return vec![address];
            }
            match timeout(LOOKUP_MAX, lookup_host(named)).await {
                Ok(Ok(numbers)) => numbers.take(NUMBERS_PER_NAME_MAX).collect(),
                Ok(Err(_)) | Err(_) => Vec::new(),
            }
        });
    let mut addresses = join_all(looked_up).await.concat();
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

#[cfg(test)]
mod tests {
    use conclave_wire::Suite;

    use super::*;

    fn session(addresses: &[&str]) -> MediaSession {
        MediaSession {
            addresses: addresses
                .iter()
                .map(|&address| address.to_owned())
                .collect(),
            session: "00000000000000ff".into(),
            suite: Suite::ChaCha20Poly1305,
            secret: "ab".repeat(SECRET_BYTES),
        }
    }

    #[tokio::test]
    async fn names_are_looked_up_and_what_is_neither_is_left_out() {
        let named = session(&["[::1]:7443", "no port", "localhost:7443"]);
        let addresses = addresses_of(&named).await;
        assert_eq!(addresses[0], "[::1]:7443".parse().unwrap());
        assert!(addresses.len() >= 2, "{addresses:?}");
        assert!(addresses.iter().all(|address| address.port() == 7443));
    }

    #[test]
    fn a_session_that_is_not_readable_is_refused() {
        let whole = session(&[]);
        assert!(derive(&whole).is_ok());
        for (id, secret) in [
            ("ff", &*whole.secret),
            ("00000000000000xy", &*whole.secret),
            (&*whole.session, "ab"),
        ] {
            let broken = MediaSession {
                session: id.to_owned(),
                secret: secret.to_owned(),
                ..whole.clone()
            };
            assert!(derive(&broken).is_err());
        }
    }
}
