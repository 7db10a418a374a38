//! Rooms as the page names them, and the invites that they stand for: every server's key is known before
//! anything is sent to it.

use serde::{Deserialize, Serialize};

use super::{Kept, Trouble};
use crate::link::invite::{ADDRESSES_MAX, Address, DEFAULT_PORT, Fingerprint, Invite, InviteError};

/// A room as a link names it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomLink {
    pub slug: String,
    pub host_key: Option<String>,
    /// `host:port` of the server, several with commas between; `None` is the server in use.
    pub server: Option<String>,
    /// What the link pins the server's key to.
    pub fingerprint: Option<String>,
    /// What proves that one has the room's link.
    #[serde(default)]
    pub invite: Option<String>,
}

/// Why a room cannot be gone to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LinkRefused {
    #[error(transparent)]
    Unreadable(#[from] InviteError),
    #[error("Choose a server first, or paste the whole link.")]
    NoServer,
    #[error(
        "The server at {address} had another key when you were there last. It may have been set up anew, or \
         somebody stands between you and it. Nothing was sent. Ask who runs it; if they say that the key is new, \
         forget the server on the first page and open a new link."
    )]
    KeyChanged { address: Address },
}

impl From<LinkRefused> for Trouble {
    fn from(refused: LinkRefused) -> Trouble {
        let code = match refused {
            LinkRefused::KeyChanged { .. } => "untrusted",
            LinkRefused::Unreadable(_) | LinkRefused::NoServer => "invalid",
        };
        Trouble::refusal(code, refused.to_string())
    }
}

impl RoomLink {
    pub fn of(invite: &Invite) -> RoomLink {
        RoomLink {
            slug: invite.slug.clone(),
            host_key: invite.host_key.clone(),
            server: Some(server_of(&invite.addresses)),
            fingerprint: Some(invite.fingerprint.to_string()),
            invite: invite.proof.clone(),
        }
    }

    /// Reads what a person has pasted: a whole link, or a room's code on the server in use. A link
    /// without a key will do for a server that is known.
    ///
    /// # Errors
    /// [`LinkRefused`], with a sentence for who pasted it.
    pub fn read(text: &str, kept: &Kept) -> Result<RoomLink, LinkRefused> {
        let text = text.trim();
        if !text.contains("://") && !text.contains('/') {
            let link = RoomLink {
                slug: text.to_ascii_lowercase(),
                ..RoomLink::default()
            };
            return Ok(RoomLink::of(&link.invite(kept)?));
        }
        let invite = match Invite::parse(text) {
            Err(InviteError::Key) => with_known_key(text, kept)?,
            parsed => parsed?,
        };
        let link = RoomLink::of(&invite);
        link.invite(kept)?;
        Ok(link)
    }

    /// Where to go, with the key that must be there.
    ///
    /// # Errors
    /// [`LinkRefused`]; above all when the key is another than the one that is known.
    pub fn invite(&self, kept: &Kept) -> Result<Invite, LinkRefused> {
        let server = self.server.as_deref().or(kept.current.as_deref());
        let addresses = addresses_of(server.ok_or(LinkRefused::NoServer)?)?;
        let known = addresses
            .iter()
            .find_map(|address| Some((address, kept.known(address)?)));
        let known = known.and_then(|(address, server)| Some((address, server.key()?)));
        let said = match &self.fingerprint {
            Some(text) => Some(Fingerprint::parse(text).ok_or(InviteError::KeyDamaged)?),
            None => None,
        };
        let fingerprint = match (said, known) {
            (Some(said), Some((address, key))) if said != key => {
                let address = address.clone();
                return Err(LinkRefused::KeyChanged { address });
            }
            (Some(key), _) | (None, Some((_, key))) => key,
            (None, None) => return Err(InviteError::Key.into()),
        };
        let invite = Invite {
            addresses,
            slug: self.slug.clone(),
            fingerprint,
            proof: self.invite.clone(),
            host_key: self.host_key.clone(),
        };
        // Written out and read again, the room's name is judged by the same rule as in links.
        Ok(Invite::parse(&invite.to_string())?)
    }
}

/// `host:port`, with commas between.
pub(super) fn server_of(addresses: &[Address]) -> String {
    let texts: Vec<String> = addresses.iter().map(Address::to_string).collect();
    texts.join(",")
}

/// # Errors
/// [`InviteError::Address`] when one is none, [`InviteError::TooManyAddresses`].
pub(super) fn addresses_of(server: &str) -> Result<Vec<Address>, InviteError> {
    let texts = server.split(',').take(ADDRESSES_MAX + 1);
    let parsed: Option<Vec<Address>> = texts
        .map(|text| Address::parse(text.trim(), DEFAULT_PORT))
        .collect();
    match parsed.ok_or(InviteError::Address)? {
        some if some.len() > ADDRESSES_MAX => Err(InviteError::TooManyAddresses),
        some => Ok(some),
    }
}

/// A link that names no key, of a server whose key is known.
fn with_known_key(link: &str, kept: &Kept) -> Result<Invite, LinkRefused> {
    let (place, _) = link.split_once('#').unwrap_or((link, ""));
    // The key of nobody: it only lets the rest be read.
    let nobody = Fingerprint([0; 32]);
    let mut invite = Invite::parse(&format!("{place}#k={nobody}"))?;
    let known = invite
        .addresses
        .iter()
        .find_map(|address| kept.known(address)?.key());
    invite.fingerprint = known.ok_or(InviteError::Key)?;
    Ok(invite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::KnownServer;

    fn key(byte: u8) -> String {
        Fingerprint([byte; 32]).to_string()
    }

    fn knowing(server: &str, byte: u8) -> Kept {
        let mut kept = Kept::default();
        kept.remember_server(KnownServer {
            server: server.to_owned(),
            fingerprint: key(byte),
            name: "Home".to_owned(),
        });
        kept
    }

    #[test]
    fn a_link_brings_its_key() {
        let link = format!("conclave://10.0.0.7/r/physics#k={}&h=secret", key(7));
        let link = RoomLink::read(&link, &Kept::default()).unwrap();
        assert_eq!(link.server.as_deref(), Some("10.0.0.7:7443"));
        let invite = link.invite(&Kept::default()).unwrap();
        assert_eq!(invite.fingerprint, Fingerprint([7; 32]));
        assert_eq!(invite.host_key.as_deref(), Some("secret"));
    }

    #[test]
    fn a_link_without_a_key_is_for_known_servers_only() {
        let link = "https://10.0.0.7:7443/r/physics";
        let refused = RoomLink::read(link, &Kept::default()).unwrap_err();
        assert_eq!(refused, InviteError::Key.into());
        let link = RoomLink::read(link, &knowing("10.0.0.7:7443", 3)).unwrap();
        assert_eq!(link.fingerprint, Some(key(3)));
    }

    #[test]
    fn a_key_that_has_changed_stops_everything() {
        let kept = knowing("10.0.0.7:7443", 3);
        let link = format!("https://10.0.0.7:7443/r/physics#k={}", key(4));
        let refused = RoomLink::read(&link, &kept).unwrap_err();
        assert!(
            matches!(refused, LinkRefused::KeyChanged { .. }),
            "{refused}"
        );
        let trouble = Trouble::from(refused);
        assert!(matches!(trouble, Trouble::Refusal { code, .. } if code == "untrusted"));
    }

    #[test]
    fn a_code_is_a_room_of_the_server_in_use() {
        let mut kept = knowing("10.0.0.7:7443", 3);
        let refused = RoomLink::read("physics", &Kept::default()).unwrap_err();
        assert_eq!(refused, LinkRefused::NoServer);
        kept.current = Some("10.0.0.7:7443".to_owned());
        let link = RoomLink::read("Physics", &kept).unwrap();
        assert_eq!(link.slug, "physics");
        assert_eq!(link.server.as_deref(), Some("10.0.0.7:7443"));
    }

    #[test]
    fn a_name_that_no_room_can_have_goes_nowhere() {
        let link = RoomLink {
            slug: "../admin".to_owned(),
            server: Some("10.0.0.7:7443".to_owned()),
            fingerprint: Some(key(1)),
            ..RoomLink::default()
        };
        let refused = link.invite(&Kept::default()).unwrap_err();
        assert_eq!(refused, InviteError::Room.into());
    }
}
