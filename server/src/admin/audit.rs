//! The audit log: every act of an operator, and everybody who was not let in.

use std::{net::IpAddr, time::Duration};

use conclave_core::limit::TokenBucket;
use parking_lot::Mutex;

use crate::{
    clock::{Clock, unix_ms},
    store::{AuditEntry, OperatorRecord, Store},
};

/// What is refused to strangers goes into the log as long as it is not a flood.
const REFUSALS_BURST: u32 = 120;
const REFUSALS_PER_SECOND: u32 = 1;
/// How long an act waits for its entry.
const STORED_DEADLINE: Duration = Duration::from_secs(5);
/// What an operator wrote, in the log.
const DETAIL_BYTES_MAX: usize = 1_000;

pub struct Audit {
    store: Store,
    clock: Clock,
    refusals: Mutex<TokenBucket>,
}

/// An act on its way into the log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Act {
    /// As `kick` or `end_room`.
    pub action: &'static str,
    pub target: String,
    pub detail: String,
}

impl Act {
    pub fn new(action: &'static str) -> Act {
        Act {
            action,
            ..Act::default()
        }
    }

    pub fn on(mut self, target: impl Into<String>) -> Act {
        self.target = target.into();
        self
    }

    pub fn saying(mut self, detail: &str) -> Act {
        let end = detail.floor_char_boundary(DETAIL_BYTES_MAX);
        self.detail = detail[..end].to_owned();
        self
    }
}

impl Audit {
    pub fn new(store: Store, clock: Clock) -> Audit {
        let refusals = TokenBucket::new(REFUSALS_BURST, REFUSALS_PER_SECOND, clock.now());
        Audit {
            store,
            clock,
            refusals: Mutex::new(refusals),
        }
    }

    /// Enters what somebody did, or tried; `outcome` is `done` or the code of a refusal. Returns when it
    /// is stored.
    pub async fn enter(&self, operator: &str, address: IpAddr, act: Act, outcome: &str) {
        let stored = self.record(operator, address, act, outcome);
        match tokio::time::timeout(STORED_DEADLINE, stored).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the audit log did not take an entry"),
            Err(_) => tracing::warn!("the audit log is late"),
        }
    }

    /// Enters what was refused to somebody who is no operator. Does not wait.
    pub fn refused(&self, address: IpAddr, act: Act, outcome: &str) {
        let now = self.clock.now();
        if self.refusals.lock().try_take(now, 1).is_err() {
            tracing::debug!(outcome, "refused; not in the audit log, there are too many");
            return;
        }
        let stored = self.record("", address, act, outcome);
        actix_rt::spawn(async move {
            if let Err(error) = stored.await {
                tracing::warn!(%error, "the audit log did not take an entry");
            }
        });
    }

    fn record(
        &self,
        operator: &str,
        address: IpAddr,
        act: Act,
        outcome: &str,
    ) -> impl Future<Output = Result<(), crate::store::StoreError>> + use<> {
        tracing::info!(action = act.action, outcome, "operator");
        self.store.operate(OperatorRecord::Audited(AuditEntry {
            number: 0,
            at_unix_ms: unix_ms(),
            operator: operator.to_owned(),
            address: address.to_canonical().to_string(),
            action: act.action.to_owned(),
            target: act.target,
            outcome: outcome.to_owned(),
            detail: act.detail,
        }))
    }
}
