//! What the server does from time to time: look at its addresses, forget what is past its time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{AppState, candidates, links};
use crate::{actors::lobby::purge, auth::addresses::HostNames};

const ADDRESSES_LOOKED_AT: Duration = Duration::from_secs(60);
/// How often the operator's certificate is looked at.
const CERTIFICATE_LOOKED_AT: Duration = Duration::from_secs(5);
const PURGED: Duration = Duration::from_secs(3_600);

/// Runs both until the server's system ends.
pub(super) fn spawn(state: Arc<AppState>, udp_port: u16) {
    actix_rt::spawn(follow_addresses(state.clone(), udp_port));
    actix_rt::spawn(follow_certificate(state.clone()));
    actix_rt::spawn(forget_past(state));
}

async fn follow_addresses(state: Arc<AppState>, udp_port: u16) {
    loop {
        tokio::time::sleep(ADDRESSES_LOOKED_AT).await;
        let config = &state.config;
        let names = HostNames::of_this_machine(&config.advertised_addresses);
        match state.identity.renew(names) {
            Ok(false) => {}
            Ok(true) => {
                state.links.refresh(config);
                state
                    .sessions
                    .set_addresses(links::media_addresses(config, udp_port));
                let tcp_port = state
                    .sessions
                    .candidates()
                    .tcp
                    .first()
                    .map(SocketAddr::port);
                let found = candidates::candidates(config, udp_port, tcp_port).await;
                state.sessions.set_candidates(found);
                tracing::info!("a new certificate follows this machine's addresses");
            }
            Err(error) => tracing::warn!(%error, "the certificate was not renewed"),
        }
    }
}

/// Presents the operator's certificate anew when its files have changed. Links that stand go on.
async fn follow_certificate(state: Arc<AppState>) {
    loop {
        tokio::time::sleep(CERTIFICATE_LOOKED_AT).await;
        let identity = state.identity.clone();
        let reloaded = actix_rt::task::spawn_blocking(move || identity.reload_own()).await;
        match reloaded {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => {
                state.watch.certificate_is_stale(false);
                tracing::info!("the certificate has changed and is presented from now on");
            }
            Ok(Err(error)) => {
                state.watch.certificate_is_stale(true);
                tracing::warn!(%error, "the certificate has changed and cannot be used");
            }
            // The runtime ends.
            Err(_) => return,
        }
    }
}

async fn forget_past(state: Arc<AppState>) {
    loop {
        purge(Arc::new(state.store.clone()), state.uploads.clone()).await;
        tokio::time::sleep(PURGED).await;
    }
}
