//! A join link: where the server is, which room, and the key that proves it.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use conclave_wire::limits::SLUG_BYTES_MAX;

/// The port of a `conclave://` link that names none; an `https://` link means 443, as in browsers.
pub const DEFAULT_PORT: u16 = 7443;
/// Addresses in one link.
pub const ADDRESSES_MAX: usize = 16;
/// A whole link, in bytes.
pub const LINK_BYTES_MAX: usize = 4_096;

/// SHA-256 of the SubjectPublicKeyInfo of the server's certificate authority.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint(pub [u8; 32]);

/// A host name or address, and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// Without brackets.
    pub host: String,
    pub port: u16,
}

/// What a join link says. `https://HOST:PORT/r/SLUG#k=FINGERPRINT[&i=PROOF][&h=HOSTKEY][&a=HOST:PORT,…]`, or
/// the same with `conclave://`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invite {
    /// At least one; tried in parallel.
    pub addresses: Vec<Address>,
    pub slug: String,
    pub fingerprint: Fingerprint,
    /// Shown to the server it proves that one has the room's link, and is no stranger.
    pub proof: Option<String>,
    pub host_key: Option<String>,
}

/// Why a text is no join link. The sentence is for the person who pasted it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InviteError {
    #[error("This is not a join link: it begins with https:// or conclave://.")]
    Scheme,
    #[error("This is too long to be a join link.")]
    TooLong,
    #[error("The link names no server, or its name or port is wrong. Copy it again, whole.")]
    Address,
    #[error("The link names more than {ADDRESSES_MAX} addresses.")]
    TooManyAddresses,
    #[error("The link names no room: after the server comes /r/ and the room's name.")]
    Room,
    #[error(
        "The link has no key (the part from #k= on), so the server cannot be verified. Copy it again, whole."
    )]
    Key,
    #[error("The key in the link (the part from #k= on) is damaged. Copy it again, whole.")]
    KeyDamaged,
}

impl FromStr for Invite {
    type Err = InviteError;

    fn from_str(link: &str) -> Result<Invite, InviteError> {
        Invite::parse(link)
    }
}

impl Invite {
    /// # Errors
    /// [`InviteError`] says which part is missing or wrong.
    pub fn parse(link: &str) -> Result<Invite, InviteError> {
        let link = link.trim();
        if link.len() > LINK_BYTES_MAX {
            return Err(InviteError::TooLong);
        }
        let (scheme, rest) = link.split_once("://").ok_or(InviteError::Scheme)?;
        let port = match scheme.to_ascii_lowercase().as_str() {
            "https" => 443,
            "conclave" => DEFAULT_PORT,
            _ => return Err(InviteError::Scheme),
        };
        let (place, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let address = |text: &str| Address::parse(text, port).ok_or(InviteError::Address);
        let mut addresses = vec![address(authority)?];
        let path = path.split('?').next().unwrap_or_default();
        let slug = path
            .strip_prefix("r/")
            .map(|slug| slug.strip_suffix('/').unwrap_or(slug))
            .filter(|slug| is_slug(slug))
            .ok_or(InviteError::Room)?;

        let (mut fingerprint, mut proof, mut host_key) = (None, None, None);
        for part in fragment.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = percent_decode(value).ok_or(InviteError::KeyDamaged)?;
            match name {
                "k" => {
                    let key = Fingerprint::parse(&value).ok_or(InviteError::KeyDamaged)?;
                    fingerprint = Some(key);
                }
                "i" => proof = Some(value).filter(|proof| is_proof(proof)),
                "h" => host_key = Some(value).filter(|key| !key.is_empty()),
                "a" => {
                    for text in value.split(',').filter(|text| !text.is_empty()) {
                        let next = address(text)?;
                        if !addresses.contains(&next) {
                            addresses.push(next);
                        }
                    }
                }
                // Links of later versions may say more.
                _ => {}
            }
        }
        if addresses.len() > ADDRESSES_MAX {
            return Err(InviteError::TooManyAddresses);
        }
        Ok(Invite {
            addresses,
            slug: slug.to_owned(),
            fingerprint: fingerprint.ok_or(InviteError::Key)?,
            proof,
            host_key,
        })
    }

    /// The link that opens the desktop program; `Display` gives the one for browsers and people.
    pub fn to_conclave(&self) -> String {
        self.to_string().replacen("https", "conclave", 1)
    }

    /// The same invite for another room of the server, or for somebody who is not host.
    pub fn for_room(&self, slug: &str, host_key: Option<String>) -> Invite {
        Invite {
            slug: slug.to_owned(),
            proof: self.proof.clone().filter(|_| slug == self.slug),
            host_key,
            ..self.clone()
        }
    }
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, others @ ..] = &self.addresses[..] else {
            return Ok(());
        };
        write!(f, "https://{first}/r/{}#k={}", self.slug, self.fingerprint)?;
        if let Some(proof) = &self.proof {
            write!(f, "&i={proof}")?;
        }
        if let Some(key) = &self.host_key {
            write!(f, "&h={key}")?;
        }
        for (index, address) in others.iter().enumerate() {
            f.write_str(if index == 0 { "&a=" } else { "," })?;
            write!(f, "{address}")?;
        }
        Ok(())
    }
}

impl Fingerprint {
    /// 43 characters of base64url without padding.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Address {
    /// `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub fn parse(text: &str, default_port: u16) -> Option<Address> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (
                    host,
                    after
                        .strip_prefix(':')
                        .or_else(|| after.is_empty().then_some("")),
                )
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, Some("")),
            },
        };
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || host.len() > HOST_BYTES_MAX || !host.chars().all(named) {
            return None;
        }
        let port = match port? {
            "" => default_port,
            digits => digits.parse().ok().filter(|&port| port != 0)?,
        };
        Some(Address {
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let six = self.host.contains(':');
        if six {
            f.write_char('[')?;
        }
        f.write_str(&self.host)?;
        if six {
            f.write_char(']')?;
        }
        write!(f, ":{}", self.port)
    }
}

/// RFC 1035 section 2.3.4, without the root's dot.
const HOST_BYTES_MAX: usize = 253;

/// Some programs escape what needs no escape (RFC 3986 section 2.1).
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// 128 bits in base64url; anything else is nothing that a server gave.
fn is_proof(proof: &str) -> bool {
    let of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    proof.len() == 22 && proof.bytes().all(of_base64)
}

fn is_slug(slug: &str) -> bool {
    let small = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=SLUG_BYTES_MAX).contains(&slug.len()) && slug.bytes().all(small)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn address(host: &str, port: u16) -> Address {
        Address {
            host: host.into(),
            port,
        }
    }

    #[test]
    fn a_link_is_read_and_written_as_it_was() {
        for (link, addresses, host_key) in [
            (
                format!("https://box.lan:7443/r/physics#k={KEY}"),
                vec![address("box.lan", 7443)],
                None,
            ),
            (
                format!("https://[fe80::1]:8000/r/a-1#k={KEY}&h=secret&a=10.0.0.1:7443,[::1]:9"),
                vec![
                    address("fe80::1", 8000),
                    address("10.0.0.1", 7443),
                    address("::1", 9),
                ],
                Some("secret".to_owned()),
            ),
        ] {
            let invite = Invite::parse(&link).unwrap();
            assert_eq!(
                (&invite.addresses, &invite.host_key),
                (&addresses, &host_key)
            );
            assert_eq!(invite.fingerprint, Fingerprint([0; 32]));
            assert_eq!(invite.to_string(), link);
            assert_eq!(
                Invite::parse(&link.replace("https://", "conclave://")),
                Ok(invite)
            );
        }
    }

    #[test]
    fn the_proof_of_a_link_is_kept_for_its_room_alone() {
        let link = format!("https://box.lan:7443/r/physics#k={KEY}&i=AAAAAAAAAAAAAAAAAAAA-_");
        let invite = Invite::parse(&link).unwrap();
        assert_eq!(invite.to_string(), link);
        assert_eq!(invite.for_room("physics", None).proof, invite.proof);
        assert_eq!(invite.for_room("chemistry", None).proof, None);
        let damaged = Invite::parse(&link.replace("-_", "\r\n")).unwrap();
        assert_eq!(damaged.proof, None);
    }

    #[test]
    fn a_port_may_be_left_out() {
        for (scheme, port) in [("https", 443), ("conclave", DEFAULT_PORT)] {
            let link = format!("{scheme}://10.0.0.7/r/physics#k={KEY}");
            let invite = Invite::parse(&link).unwrap();
            assert_eq!(invite.addresses, [address("10.0.0.7", port)]);
        }
    }

    #[test]
    fn what_other_programs_make_of_a_link_is_understood() {
        let plain = format!("https://box.lan:1/r/a#k={KEY}&a=[::1]:9,10.0.0.1:7");
        let invite = Invite::parse(&plain).unwrap();
        let escaped = format!("https://box.lan:1/r/a#k={KEY}&a=%5B::1%5d:9%2C10.0.0.1:7");
        for link in [
            escaped,
            format!("  {plain}\n"),
            plain
                .replace("https", "HTTPS")
                .replace("box.lan", "Box.LAN"),
            plain.replace("/r/a", "/r/a/?from=mail"),
            plain.replace("#k", "#later=1&k"),
            invite.to_conclave(),
        ] {
            assert_eq!(link.parse(), Ok(invite.clone()), "{link}");
        }
    }

    #[test]
    fn what_is_missing_or_damaged_is_said() {
        let many: Vec<_> = (1..=16).map(|n| format!("10.0.0.{n}:1")).collect();
        for (link, why) in [
            (format!("http://box/r/physics#k={KEY}"), InviteError::Scheme),
            ("physics".into(), InviteError::Scheme),
            (
                format!("https://{}", "a".repeat(5_000)),
                InviteError::TooLong,
            ),
            (format!("https:///r/physics#k={KEY}"), InviteError::Address),
            (
                format!("https://box:0/r/physics#k={KEY}"),
                InviteError::Address,
            ),
            (
                format!("https://box:70000/r/physics#k={KEY}"),
                InviteError::Address,
            ),
            (
                format!("https://me@box/r/physics#k={KEY}"),
                InviteError::Address,
            ),
            (
                format!("https://[nonsense]/r/physics#k={KEY}"),
                InviteError::Address,
            ),
            (
                format!("https://[::1/r/physics#k={KEY}"),
                InviteError::Address,
            ),
            (
                format!("https://box/r/physics#k={KEY}&a={}", many.join(",")),
                InviteError::TooManyAddresses,
            ),
            (format!("https://box#k={KEY}"), InviteError::Room),
            (format!("https://box/#k={KEY}"), InviteError::Room),
            (format!("https://box/r/a/b#k={KEY}"), InviteError::Room),
            (format!("https://box/r/Physics!#k={KEY}"), InviteError::Room),
            ("https://box/r/physics".into(), InviteError::Key),
            (
                "https://box/r/physics#k=short".into(),
                InviteError::KeyDamaged,
            ),
            (
                format!("https://box/r/a#k={KEY}&h=%G0"),
                InviteError::KeyDamaged,
            ),
        ] {
            assert_eq!(Invite::parse(&link), Err(why), "{link}");
        }
    }
}
