//! Whose address a request comes from: the peer's, unless that is a proxy which the operator has named.
//! Then it is the last hop in the proxy's header that is no named proxy itself (RFC 7239 section 7.4).

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::config::{Config, ProxyHeader};

/// Hops that are looked at, from the last one; a longer list is somebody's invention.
const HOPS_MAX: usize = 16;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that the operator trusts to say for whom they ask.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    networks: Vec<Network>,
    header: ProxyHeader,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    /// IPv4 as mapped addresses, so that one comparison does for both.
    bits: u128,
    prefix: u32,
}

impl Proxies {
    /// The proxies of a configuration that was checked; what cannot be read names nobody.
    pub fn of(config: &Config) -> Proxies {
        let networks = config.trusted_proxies.iter();
        Proxies {
            networks: networks.filter_map(|text| Network::parse(text)).collect(),
            header: config.proxy_header,
        }
    }

    /// Whether a text names an address or a network (`192.0.2.1`, `2001:db8::/32`).
    pub(crate) fn is_network(text: &str) -> bool {
        Network::parse(text).is_some()
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        let bits = bits_of(address);
        self.networks.iter().any(|network| network.contains(bits))
    }

    /// The address that stands behind a request.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        for hop in self.hops(headers).iter().rev().take(HOPS_MAX) {
            // What a proxy does not name stays the proxy's own.
            let Some(address) = address_of(hop) else {
                break;
            };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    /// Only of the header that the proxy writes: the other one would be the stranger's own words.
    fn hops(&self, headers: &HeaderMap) -> Vec<String> {
        let name = match self.header {
            ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
            ProxyHeader::Forwarded => header::FORWARDED,
        };
        let lines = headers.get_all(name).filter_map(|line| line.to_str().ok());
        let hops = lines.flat_map(|line| line.split(','));
        match self.header {
            ProxyHeader::XForwardedFor => hops.map(|hop| hop.trim().to_owned()).collect(),
            ProxyHeader::Forwarded => hops.map(forwarded_for).collect(),
        }
    }
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let (own_bits, before) = match address {
            IpAddr::V4(_) => (32, 96),
            IpAddr::V6(_) => (128, 0),
        };
        let prefix = prefix.unwrap_or(own_bits);
        (prefix <= own_bits).then(|| Network {
            bits: bits_of(address),
            prefix: before + prefix,
        })
    }

    fn contains(&self, bits: u128) -> bool {
        let shift = u128::BITS - self.prefix;
        let head = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
        head(self.bits) == head(bits)
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// `for=…` of one hop of `Forwarded`; empty when it says none.
fn forwarded_for(hop: &str) -> String {
    let pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    let mut of = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let value = of.next().map(|(_, value)| value.trim().trim_matches('"'));
    value.unwrap_or_default().to_owned()
}

/// An address with or without a port, IPv6 with or without brackets.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    if let Ok(address) = hop.parse() {
        return Some(address);
    }
    if let Ok(address) = hop.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(header: ProxyHeader, peer: &str, lines: &[(&str, &str)]) -> String {
        let config = Config {
            trusted_proxies: vec!["127.0.0.1".into(), "10.0.0.0/8".into(), "fd00::/8".into()],
            proxy_header: header,
            ..Config::default()
        };
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::from_str(line).unwrap());
        }
        let address = Proxies::of(&config).client(peer.parse().unwrap(), &headers);
        address.to_string()
    }

    #[test]
    fn strangers_cannot_say_that_they_are_somebody_else() {
        let lines = [("x-forwarded-for", "192.0.2.1")];
        for peer in ["203.0.113.9", "2001:db8::1", "11.0.0.1"] {
            assert_eq!(client(ProxyHeader::XForwardedFor, peer, &lines), peer);
        }
    }

    #[test]
    fn a_named_proxy_says_for_whom_it_asks() {
        for (lines, address) in [
            (vec![("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
            (vec![("x-forwarded-for", "192.0.2.1:4711")], "192.0.2.1"),
            (vec![("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
            (vec![("x-forwarded-for", "[2001:db8::1]:99")], "2001:db8::1"),
            // What stands before the last hop that nobody trusts was written by anybody.
            (
                vec![("x-forwarded-for", "198.51.100.7, 192.0.2.1, 10.1.2.3")],
                "192.0.2.1",
            ),
            (
                vec![
                    ("x-forwarded-for", "198.51.100.7"),
                    ("x-forwarded-for", "192.0.2.1"),
                ],
                "192.0.2.1",
            ),
            (vec![("x-forwarded-for", "unknown")], "127.0.0.1"),
            (
                vec![
                    ("forwarded", "for=198.51.100.7"),
                    ("x-forwarded-for", "192.0.2.1"),
                ],
                "192.0.2.1",
            ),
            (vec![], "127.0.0.1"),
        ] {
            assert_eq!(
                client(ProxyHeader::XForwardedFor, "127.0.0.1", &lines),
                address
            );
            assert_eq!(
                client(ProxyHeader::XForwardedFor, "::ffff:127.0.0.1", &lines),
                address
            );
        }
    }

    #[test]
    fn the_standard_header_is_read_where_the_proxy_writes_that() {
        for (line, address) in [
            ("for=192.0.2.1", "192.0.2.1"),
            (
                "proto=https;For=\"[2001:db8::1]:4711\";by=10.0.0.1",
                "2001:db8::1",
            ),
            ("for=192.0.2.1, for=\"[fd00::5]\"", "192.0.2.1"),
            ("for=_hidden", "127.0.0.1"),
            ("by=10.0.0.1", "127.0.0.1"),
        ] {
            let lines = [("forwarded", line), ("x-forwarded-for", "198.51.100.7")];
            assert_eq!(
                client(ProxyHeader::Forwarded, "127.0.0.1", &lines),
                address,
                "{line}"
            );
        }
    }

    #[test]
    fn networks_are_addresses_with_or_without_a_length() {
        for text in [
            "192.0.2.1",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "::1",
            "2001:db8::/32",
            "::/0",
        ] {
            assert!(Proxies::is_network(text), "{text}");
        }
        for text in [
            "",
            "proxy",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0/8",
            "10.0.0.1/-1",
        ] {
            assert!(!Proxies::is_network(text), "{text}");
        }
    }
}
