//! Which names and addresses this machine is reached by.

use std::{
    collections::BTreeSet,
    env, fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// At most so many addresses of interfaces go into a certificate; machines with containers have many.
const INTERFACE_ADDRESSES_MAX: usize = 64;

/// The names and addresses a certificate is for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostNames {
    pub dns: BTreeSet<String>,
    pub addresses: BTreeSet<IpAddr>,
}

impl HostNames {
    /// Every interface's addresses, the machine's name, loopback, and what the operator advertises
    /// (hosts, with or without a port).
    pub fn of_this_machine(advertised: &[String]) -> HostNames {
        let mut names = HostNames::default();
        names.dns.insert("localhost".to_owned());
        names
            .dns
            .extend(hostname().filter(|name| is_dns_name(name)));
        names.addresses.insert(Ipv4Addr::LOCALHOST.into());
        names.addresses.insert(Ipv6Addr::LOCALHOST.into());
        names.addresses.extend(interface_addresses());
        for host in advertised.iter().map(|address| host_of(address)) {
            match host.parse() {
                Ok(address) => drop(names.addresses.insert(address)),
                Err(_) if is_dns_name(host) => drop(names.dns.insert(host.to_ascii_lowercase())),
                Err(_) => {}
            }
        }
        names
    }

    pub(super) fn to_strings(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(IpAddr::to_string);
        self.dns.iter().cloned().chain(addresses).collect()
    }
}

/// Addresses of this machine's interfaces that other machines may reach, without loopback and
/// link-local ones; IPv4 first.
pub fn interface_addresses() -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .take(INTERFACE_ADDRESSES_MAX)
        .collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
pub fn host_of(address: &str) -> &str {
    if let Some(rest) = address.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match address.split_once(':') {
        // More than one colon: an IPv6 address without brackets.
        Some((_, rest)) if rest.contains(':') => address,
        Some((host, _)) => host,
        None => address,
    }
}

fn hostname() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| env::var("COMPUTERNAME").ok())
        .or_else(|| env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_ascii_lowercase())
}

fn is_dns_name(name: &str) -> bool {
    let labels_are_right = name.split('.').all(|label| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    labels_are_right && name.len() <= 253
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found_in_every_way_to_write_an_address() {
        for (address, host) in [
            ("example.org", "example.org"),
            ("example.org:7443", "example.org"),
            ("192.0.2.1:7443", "192.0.2.1"),
            ("[2001:db8::1]:7443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(host_of(address), host, "{address}");
        }
    }

    #[test]
    fn names_hold_loopback_and_what_is_advertised_but_no_nonsense() {
        let advertised = [
            "Meet.Example.org:1".into(),
            "192.0.2.9".into(),
            "a b".into(),
        ];
        let names = HostNames::of_this_machine(&advertised);
        assert!(names.dns.contains("localhost"));
        assert!(names.dns.contains("meet.example.org"));
        assert!(!names.dns.iter().any(|name| name.contains(' ')));
        for address in ["127.0.0.1", "::1", "192.0.2.9"] {
            assert!(
                names.addresses.contains(&address.parse().unwrap()),
                "{address}"
            );
        }
    }
}
