//! Tells the local network that a server is here (DNS-SD over multicast DNS, RFC 6763 and RFC 6762).
//!
//! What is told is a hint for a list to choose from. Anybody on the network can tell the same, so a
//! program that finds a server this way must still check its key.

use std::net::IpAddr;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};

use crate::config::Config;

/// The type of service that Conclave's programs look for.
pub const SERVICE_TYPE: &str = "_conclave._tcp.local.";
/// RFC 6763 section 4.1.1: an instance's name is one DNS label.
const NAME_BYTES_MAX: usize = 63;

/// The announcement; dropping it takes it back.
pub(super) struct Announcement {
    daemon: ServiceDaemon,
    name: String,
}

impl Announcement {
    /// Begins, if the operator wants it. A network that takes no multicast is no reason not to start.
    pub(super) fn begin(config: &Config, fingerprint: &str, tcp_port: u16) -> Option<Announcement> {
        if !config.announce {
            return None;
        }
        match announce(config, fingerprint, tcp_port) {
            Ok(announcement) => Some(announcement),
            Err(error) => {
                tracing::warn!(%error, "the local network is not told that the server is here");
                None
            }
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // What was told is taken back when the daemon gets to it; else it is forgotten after its time.
        self.daemon.unregister(&self.name).ok();
        self.daemon.shutdown().ok();
    }
}

fn announce(
    config: &Config,
    fingerprint: &str,
    tcp_port: u16,
) -> Result<Announcement, mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    if config.announce_interfaces.is_empty() {
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    } else {
        daemon.disable_interface(IfKind::All)?;
        let chosen = config.announce_interfaces.iter();
        let chosen: Vec<IfKind> = chosen.map(|name| interface(name)).collect();
        daemon.enable_interface(chosen)?;
    }
    // RFC 6763 section 6.4: keys are short; `v` is the version of what the others mean.
    let properties = [
        ("v", "1"),
        ("k", fingerprint),
        ("name", config.server_name.trim()),
    ];
    let host = format!("conclave-{}.local.", &host_part(fingerprint));
    let name = label(config.server_name.trim());
    let service = match config.tcp_bind {
        any if any.is_unspecified() => {
            ServiceInfo::new(SERVICE_TYPE, name, &host, (), tcp_port, &properties[..])?
                .enable_addr_auto()
        }
        one => ServiceInfo::new(SERVICE_TYPE, name, &host, one, tcp_port, &properties[..])?,
    };
    let name = service.get_fullname().to_owned();
    daemon.register(service)?;
    tracing::info!("the local network is told that the server is here");
    Ok(Announcement { daemon, name })
}

fn interface(name: &str) -> IfKind {
    match name.parse::<IpAddr>() {
        Ok(address) => IfKind::Addr(address),
        Err(_) => IfKind::Name(name.to_owned()),
    }
}

/// The name of a host of our own, so that no other program's name for this machine is taken: letters and
/// digits of the fingerprint.
fn host_part(fingerprint: &str) -> String {
    let plain = fingerprint.chars().filter(char::is_ascii_alphanumeric);
    plain.take(8).collect::<String>().to_ascii_lowercase()
}

/// As much of a name as fits in a label.
fn label(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_between_characters() {
        assert_eq!(label("Conclave"), "Conclave");
        assert_eq!(label(&"\u{e4}".repeat(40)).len(), 62);
    }

    #[test]
    fn the_host_is_named_after_the_fingerprint() {
        assert_eq!(host_part("-Ab_3fGh9xyz"), "ab3fgh9x");
    }
}
