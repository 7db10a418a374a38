//! Links that people pass on, and the addresses in them.

use std::net::IpAddr;

use arc_swap::ArcSwap;

use crate::{
    auth::{
        addresses::{host_of, interface_addresses},
        invites::Invites,
    },
    config::Config,
};

/// Addresses in a link beside its own; more would make its QR code hard to read.
const FURTHER_ADDRESSES_MAX: usize = 3;

/// Makes links: `https://host:port/r/slug#k=fingerprint&i=invite`, with `&h=` and the host key, and `&a=` and
/// further addresses that are tried in parallel. What is behind the `#` is never sent to a server.
#[derive(Debug)]
pub struct Links {
    fingerprint: String,
    invites: Invites,
    tcp_port: u16,
    /// Never empty; the first one leads.
    hosts: ArcSwap<Vec<String>>,
}

impl Links {
    pub(super) fn new(
        fingerprint: &str,
        invites: Invites,
        tcp_port: u16,
        config: &Config,
    ) -> Links {
        Links {
            fingerprint: fingerprint.to_owned(),
            invites,
            tcp_port,
            hosts: ArcSwap::from_pointee(hosts(&config.advertised_addresses, config.tcp_bind)),
        }
    }

    /// Looks again at what this machine's addresses are.
    pub(super) fn refresh(&self, config: &Config) {
        let hosts = hosts(&config.advertised_addresses, config.tcp_bind);
        self.hosts.store(hosts.into());
    }

    /// The link for everybody.
    pub fn join(&self, slug: &str) -> String {
        self.link(slug, None)
    }

    /// The link for who may be host.
    pub fn host(&self, slug: &str, host_key: &str) -> String {
        self.link(slug, Some(host_key))
    }

    /// Whether this is what the link to that room proves.
    pub fn is_invite(&self, slug: &str, invite: &str) -> bool {
        self.invites.is_to(slug, invite)
    }

    /// `host:port` as it leads.
    pub fn authority(&self) -> String {
        let hosts = self.hosts.load();
        hosts
            .first()
            .map(|host| with_port(host, self.tcp_port))
            .unwrap_or_default()
    }

    /// The same host at another port.
    pub(super) fn authority_at(&self, port: u16) -> String {
        let hosts = self.hosts.load();
        hosts
            .first()
            .map(|host| with_port(host_of(host), port))
            .unwrap_or_default()
    }

    fn link(&self, slug: &str, host_key: Option<&str>) -> String {
        let hosts = self.hosts.load();
        let mut addresses = hosts.iter().map(|host| with_port(host, self.tcp_port));
        let leading = addresses.next().unwrap_or_default();
        let (key, invite) = (&self.fingerprint, self.invites.to(slug));
        let mut link = format!("https://{leading}/r/{slug}#k={key}&i={invite}");
        if let Some(host_key) = host_key {
            link.push_str("&h=");
            link.push_str(host_key);
        }
        let further: Vec<String> = addresses.take(FURTHER_ADDRESSES_MAX).collect();
        if !further.is_empty() {
            link.push_str("&a=");
            link.push_str(&further.join(","));
        }
        link
    }
}

/// Addresses with a port at which media are reached, for the welcome.
pub(super) fn media_addresses(config: &Config, udp_port: u16) -> Vec<String> {
    hosts(&config.advertised_addresses, config.udp_bind)
        .iter()
        .map(|host| with_port(host, udp_port))
        .collect()
}

/// What leads to this machine: what is advertised, else the address it listens on, else those of all
/// interfaces; never none.
fn hosts(advertised: &[String], bind: IpAddr) -> Vec<String> {
    if !advertised.is_empty() {
        return advertised.to_vec();
    }
    if !bind.is_unspecified() {
        return vec![bind.to_string()];
    }
    let mut hosts: Vec<String> = interface_addresses()
        .iter()
        .filter(|address| bind.is_ipv6() || address.is_ipv4())
        .map(IpAddr::to_string)
        .collect();
    if hosts.is_empty() {
        hosts.push("127.0.0.1".to_owned());
    }
    hosts
}

/// Adds the port unless the host names one; puts IPv6 in brackets.
fn with_port(host: &str, port: u16) -> String {
    let bare = host_of(host);
    let named = host
        .rsplit_once(':')
        .filter(|(before, _)| before.ends_with(bare) || before.ends_with(']'))
        .and_then(|(_, port)| port.parse().ok());
    let port: u16 = named.unwrap_or(port);
    match bare.contains(':') {
        true => format!("[{bare}]:{port}"),
        false => format!("{bare}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_added_where_there_is_none() {
        for (host, address) in [
            ("example.org", "example.org:7443"),
            ("example.org:443", "example.org:443"),
            ("192.0.2.1", "192.0.2.1:7443"),
            ("2001:db8::1", "[2001:db8::1]:7443"),
            ("[2001:db8::1]", "[2001:db8::1]:7443"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            // An IPv6 address whose last group could be a port.
            ("2001:db8::443", "[2001:db8::443]:7443"),
        ] {
            assert_eq!(with_port(host, 7443), address, "{host}");
        }
    }

    fn invites() -> (tempfile::TempDir, Invites) {
        let folder = tempfile::tempdir().unwrap();
        let invites = Invites::load_or_make(folder.path()).unwrap();
        (folder, invites)
    }

    #[test]
    fn links_lead_to_what_is_advertised_and_name_the_rest() {
        let config = Config {
            advertised_addresses: vec!["meet.example.org".into(), "192.0.2.1:443".into()],
            ..Config::default()
        };
        let (_folder, invites) = invites();
        let invite = invites.to("lobby");
        let links = Links::new("FINGER", invites, 7443, &config);
        let place = format!("https://meet.example.org:7443/r/lobby#k=FINGER&i={invite}");
        assert_eq!(links.join("lobby"), format!("{place}&a=192.0.2.1:443"));
        assert_eq!(
            links.host("lobby", "KEY"),
            format!("{place}&h=KEY&a=192.0.2.1:443")
        );
        assert!(links.is_invite("lobby", &invite) && !links.is_invite("other", &invite));
    }

    #[test]
    fn a_server_on_one_address_is_linked_by_it() {
        let config = Config {
            tcp_bind: "127.0.0.1".parse().unwrap(),
            ..Config::default()
        };
        let (_folder, invites) = invites();
        let invite = invites.to("a");
        let links = Links::new("FINGER", invites, 1, &config);
        assert_eq!(
            links.join("a"),
            format!("https://127.0.0.1:1/r/a#k=FINGER&i={invite}")
        );
    }
}
