//! Servers that tell the local network of themselves (DNS-SD over multicast DNS, RFC 6763 and RFC 6762).
//! What they tell is a hint for a list to choose from: anybody can tell the same.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent};
use serde::Serialize;

use super::{Kept, Shared, Told, links::server_of};
use crate::link::invite::{ADDRESSES_MAX, Address, Fingerprint};

/// The type of service that servers announce.
pub const SERVICE_TYPE: &str = "_conclave._tcp.local.";
/// A network that tells of more is playing tricks.
const FOUND_MAX: usize = 50;
/// Names that are longer are cut.
const NAME_CHARS_MAX: usize = 80;
/// How soon the thread notices that nobody looks any more.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A server that was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundServer {
    pub name: String,
    /// `host:port`, several with commas between.
    pub server: String,
    /// What it says its key is; to be compared by the person before it is trusted.
    pub fingerprint: String,
    /// It has the key that it had before.
    pub known: bool,
    /// It says another key than it had before.
    pub key_changed: bool,
}

/// Looking for servers; dropping it ends that.
pub(super) struct Finding {
    stop: Arc<AtomicBool>,
}

impl Finding {
    pub(super) fn start(shared: Weak<Shared>) -> Finding {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("finding servers".into());
        if let Err(error) = thread.spawn(move || look(&shared, &stopped)) {
            tracing::error!(%error, "no thread to find servers with");
        }
        Finding { stop }
    }
}

impl Drop for Finding {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn look(shared: &Weak<Shared>, stop: &AtomicBool) {
    let begun = ServiceDaemon::new().and_then(|daemon| Ok((daemon.browse(SERVICE_TYPE)?, daemon)));
    let (events, daemon) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(%error, "servers on the network cannot be found");
            return;
        }
    };
    let mut found: BTreeMap<String, ResolvedService> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(event) = events.recv_timeout(LOOK_EVERY) else {
            if events.is_disconnected() {
                break;
            }
            continue;
        };
        match event {
            ServiceEvent::ServiceResolved(service) => {
                if found.len() < FOUND_MAX || found.contains_key(&service.fullname) {
                    found.insert(service.fullname.clone(), *service);
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => {
                found.remove(&name);
            }
            _ => continue,
        }
        let Some(shared) = shared.upgrade() else {
            break;
        };
        let servers = {
            let kept = shared.kept.lock();
            found
                .values()
                .filter_map(|service| read(service, &kept))
                .collect()
        };
        shared.tell(Told::Servers { servers });
    }
    // It ends with the program at the latest.
    daemon.shutdown().ok();
}

/// `None` when what is told cannot be a server.
fn read(service: &ResolvedService, kept: &Kept) -> Option<FoundServer> {
    let fingerprint = service.get_property_val_str("k")?;
    let key = Fingerprint::parse(fingerprint)?;
    let mut numbers: Vec<_> = service
        .addresses
        .iter()
        .map(mdns_sd::ScopedIp::to_ip_addr)
        // A link-local address of version 6 means nothing without its interface.
        .filter(
            |number| !matches!(number, std::net::IpAddr::V6(six) if six.is_unicast_link_local()),
        )
        .collect();
    numbers.sort();
    let addresses: Vec<Address> = numbers
        .into_iter()
        .take(ADDRESSES_MAX)
        .map(|number| Address {
            host: number.to_string(),
            port: service.port,
        })
        .collect();
    let known = addresses.iter().find_map(|address| kept.known(address));
    let same = known.is_some_and(|known| known.key() == Some(key));
    (!addresses.is_empty()).then(|| FoundServer {
        name: name_of(service),
        server: server_of(&addresses),
        fingerprint: key.to_string(),
        known: same,
        key_changed: known.is_some() && !same,
    })
}

fn name_of(service: &ResolvedService) -> String {
    let told = service.get_property_val_str("name").unwrap_or_default();
    let name = match told.trim() {
        "" => service
            .fullname
            .trim_end_matches(SERVICE_TYPE)
            .trim_end_matches('.'),
        told => told,
    };
    let plain = name.chars().filter(|char| !char.is_control());
    plain.take(NAME_CHARS_MAX).collect()
}
