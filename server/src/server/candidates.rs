//! Where browsers find the media ports: every interface, and what the operator advertises.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{net::lookup_host, time::timeout};

use crate::{
    auth::addresses::{host_of, interface_addresses},
    config::Config,
    media::sessions::Candidates,
};

/// Candidates of each kind; a browser checks each of them against each of its own addresses.
const CANDIDATES_MAX: usize = 16;
/// A name that is not resolved by then is left out.
const RESOLVED_WITHIN: Duration = Duration::from_secs(2);

/// Looks at this machine's addresses and resolves the advertised names, which WebRTC does not know.
pub(super) async fn candidates(
    config: &Config,
    udp_port: u16,
    tcp_port: Option<u16>,
) -> Candidates {
    let mut udp = Vec::new();
    for advertised in &config.advertised_addresses {
        udp.extend(resolve(advertised, udp_port).await);
    }
    udp.extend(of_this_machine(config.udp_bind).map(|ip| SocketAddr::new(ip, udp_port)));
    let mut known = Vec::new();
    for address in udp {
        if !known.contains(&address) && known.len() < CANDIDATES_MAX {
            known.push(address);
        }
    }
    let mut hosts: Vec<IpAddr> = known.iter().map(SocketAddr::ip).collect();
    hosts.dedup();
    let tcp = tcp_port.map(|port| hosts.iter().map(|ip| SocketAddr::new(*ip, port)).collect());
    Candidates {
        udp: known,
        tcp: tcp.unwrap_or_default(),
    }
}

/// The address that the port is bound to, else those of all interfaces; loopback when there are none.
fn of_this_machine(bind: IpAddr) -> impl Iterator<Item = IpAddr> {
    let mut addresses = match bind.is_unspecified() {
        true => interface_addresses(),
        false => vec![bind],
    };
    addresses.retain(|address| bind.is_ipv6() || address.is_ipv4());
    if addresses.is_empty() {
        addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    addresses.into_iter()
}

/// An advertised host, with the port that it names or this one.
async fn resolve(advertised: &str, port: u16) -> Vec<SocketAddr> {
    if let Ok(address) = advertised.parse() {
        return vec![address];
    }
    let host = host_of(advertised);
    if let Ok(ip) = host.parse() {
        return vec![SocketAddr::new(ip, port)];
    }
    let named = advertised
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    let port = named.unwrap_or(port);
    match timeout(RESOLVED_WITHIN, lookup_host((host, port))).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("an advertised name is not resolved: browsers are not told of it");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn advertised_addresses_lead_and_nothing_is_named_twice() {
        let config = Config {
            advertised_addresses: vec!["192.0.2.1:443".into(), "127.0.0.1".into()],
            udp_bind: "127.0.0.1".parse().unwrap(),
            ..Config::default()
        };
        let found = candidates(&config, 7443, Some(7444)).await;
        let addresses = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter()
                .map(|address| address.parse().unwrap())
                .collect()
        };
        assert_eq!(found.udp, addresses(&["192.0.2.1:443", "127.0.0.1:7443"]));
        assert_eq!(found.tcp, addresses(&["192.0.2.1:7444", "127.0.0.1:7444"]));
    }

    #[tokio::test]
    async fn without_a_tcp_port_no_tcp_candidate_is_named() {
        let found = candidates(&Config::default(), 1, None).await;
        assert!(!found.udp.is_empty() && found.tcp.is_empty());
    }
}
