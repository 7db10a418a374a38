//! What the server does from time to time: look at its addresses, forget what is past its time.

use std::{sync::Arc, time::Duration};

use super::{AppState, links};
use crate::{actors::lobby::purge, auth::addresses::HostNames};

const ADDRESSES_LOOKED_AT: Duration = Duration::from_secs(60);
const PURGED: Duration = Duration::from_secs(3_600);

/// Runs both until the server's system ends.
pub(super) fn spawn(state: Arc<AppState>, udp_port: u16) {
    actix_rt::spawn(follow_addresses(state.clone(), udp_port));
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
                tracing::info!("a new certificate follows this machine's addresses");
            }
            Err(error) => tracing::warn!(%error, "the certificate was not renewed"),
        }
    }
}

async fn forget_past(state: Arc<AppState>) {
    loop {
        purge(Arc::new(state.store.clone()), state.uploads.clone()).await;
        tokio::time::sleep(PURGED).await;
    }
}
