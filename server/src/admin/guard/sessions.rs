//! Who is signed in. In memory, so that a page needs no database; and in the store, so that a restart
//! signs nobody out.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::{
    auth::token::{self, TokenHash},
    store::{OperatorRecord, Store, StoreError, StoredSession},
};

/// A session ends after so long, whatever is done.
pub const SESSION_LIFE_MS: u64 = 24 * 3_600_000;
/// And when nothing was done for so long.
pub const SESSION_IDLE_MS: u64 = 2 * 3_600_000;
/// Sessions at once; one more ends the one that was idle longest.
const SESSIONS_MAX: usize = 64;

pub(super) struct Sessions {
    store: Store,
    open: Mutex<BTreeMap<TokenHash, Session>>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    pub operator: String,
    pub opened_unix_ms: u64,
    pub ends_unix_ms: u64,
    pub seen_unix_ms: u64,
}

impl Session {
    fn is_over(&self, now_unix_ms: u64) -> bool {
        now_unix_ms >= self.ends_unix_ms || now_unix_ms >= self.seen_unix_ms + SESSION_IDLE_MS
    }
}

impl Sessions {
    pub(super) async fn load(store: Store, now_unix_ms: u64) -> Result<Sessions, StoreError> {
        let stored = store.operator_sessions().await?;
        let open = stored.into_iter().map(|stored| {
            let session = Session {
                operator: stored.operator,
                opened_unix_ms: stored.opened_unix_ms,
                ends_unix_ms: stored.ends_unix_ms,
                seen_unix_ms: now_unix_ms,
            };
            (stored.token_hash, session)
        });
        Ok(Sessions {
            store,
            open: Mutex::new(open.collect()),
        })
    }

    /// Opens a session and gives its token, which is kept nowhere.
    pub(super) fn open(&self, operator: &str, now_unix_ms: u64) -> String {
        let token = token::draw();
        let token_hash = token::hash(&token);
        let session = Session {
            operator: operator.to_owned(),
            opened_unix_ms: now_unix_ms,
            ends_unix_ms: now_unix_ms.saturating_add(SESSION_LIFE_MS),
            seen_unix_ms: now_unix_ms,
        };
        let stored = StoredSession {
            token_hash,
            operator: session.operator.clone(),
            opened_unix_ms: session.opened_unix_ms,
            ends_unix_ms: session.ends_unix_ms,
        };
        let mut open = self.open.lock();
        let over: Vec<_> = open
            .iter()
            .filter(|(_, session)| session.is_over(now_unix_ms))
            .map(|(&hash, _)| hash)
            .collect();
        for hash in over {
            self.forget(&mut open, &hash);
        }
        while open.len() >= SESSIONS_MAX
            && let Some((&idle, _)) = open.iter().min_by_key(|(_, session)| session.seen_unix_ms)
        {
            self.forget(&mut open, &idle);
        }
        open.insert(token_hash, session);
        drop(open);
        self.record(OperatorRecord::SessionOpened(stored));
        token
    }

    /// The session of a token, which has been seen now; `None` when it is over or there was none.
    pub(super) fn see(&self, token_hash: &TokenHash, now_unix_ms: u64) -> Option<Session> {
        let mut open = self.open.lock();
        let session = open.get_mut(token_hash)?;
        if session.is_over(now_unix_ms) {
            self.forget(&mut open, token_hash);
            return None;
        }
        session.seen_unix_ms = now_unix_ms;
        Some(session.clone())
    }

    /// Whether a session goes on. It is not seen by that: a page that is left open keeps nobody signed in.
    pub(super) fn goes_on(&self, token_hash: &TokenHash, now_unix_ms: u64) -> bool {
        let open = self.open.lock();
        open.get(token_hash)
            .is_some_and(|session| !session.is_over(now_unix_ms))
    }

    /// All that go on, with the start of their hash as a name.
    pub(super) fn list(&self, now_unix_ms: u64) -> Vec<(TokenHash, Session)> {
        let open = self.open.lock();
        let going_on = open
            .iter()
            .filter(|(_, session)| !session.is_over(now_unix_ms));
        going_on
            .map(|(&hash, session)| (hash, session.clone()))
            .collect()
    }

    pub(super) fn close(&self, token_hash: &TokenHash) {
        self.forget(&mut self.open.lock(), token_hash);
    }

    pub(super) fn close_others(&self, own: Option<&TokenHash>) {
        let mut open = self.open.lock();
        let others: Vec<_> = open
            .keys()
            .filter(|hash| Some(*hash) != own)
            .copied()
            .collect();
        for hash in others {
            self.forget(&mut open, &hash);
        }
    }

    fn forget(&self, open: &mut BTreeMap<TokenHash, Session>, token_hash: &TokenHash) {
        if open.remove(token_hash).is_some() {
            let token_hash = *token_hash;
            self.record(OperatorRecord::SessionClosed { token_hash });
        }
    }

    /// Queued at once. A session that could not be stored ends with the server.
    fn record(&self, record: OperatorRecord) {
        let stored = self.store.operate(record);
        actix_rt::spawn(async move {
            if let Err(error) = stored.await {
                tracing::warn!(%error, "an operator's session was not stored");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sessions() -> (tempfile::TempDir, Sessions) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        (folder, Sessions::load(store, 0).await.unwrap())
    }

    #[actix_rt::test]
    async fn a_session_ends_when_nothing_was_done_for_too_long() {
        let (_folder, sessions) = sessions().await;
        let hash = token::hash(&sessions.open("Ada", 0));
        let almost = SESSION_IDLE_MS - 1;
        assert!(sessions.see(&hash, almost).is_some());
        assert!(sessions.see(&hash, 2 * almost).is_some(), "it was seen");
        let over = 2 * almost + SESSION_IDLE_MS;
        assert!(!sessions.goes_on(&hash, over));
        assert_eq!(sessions.see(&hash, over), None);
        assert_eq!(sessions.see(&hash, 0), None, "it is gone for good");
    }

    #[actix_rt::test]
    async fn a_session_ends_after_its_life_however_busy_it_is() {
        let (_folder, sessions) = sessions().await;
        let hash = token::hash(&sessions.open("Ada", 0));
        for hour in 1..24 {
            assert!(sessions.see(&hash, hour * 3_600_000).is_some());
        }
        assert_eq!(sessions.see(&hash, SESSION_LIFE_MS), None);
    }

    #[actix_rt::test]
    async fn a_page_that_is_left_open_keeps_nobody_signed_in() {
        let (_folder, sessions) = sessions().await;
        let hash = token::hash(&sessions.open("Ada", 0));
        assert!(sessions.goes_on(&hash, SESSION_IDLE_MS - 1));
        assert!(!sessions.goes_on(&hash, SESSION_IDLE_MS));
    }

    #[actix_rt::test]
    async fn one_session_too_many_ends_the_one_that_was_idle_longest() {
        let (_folder, sessions) = sessions().await;
        let first = token::hash(&sessions.open("first", 0));
        let second = token::hash(&sessions.open("second", 1));
        assert!(sessions.see(&first, 2).is_some());
        for now in 3..=SESSIONS_MAX as u64 + 1 {
            sessions.open("more", now);
        }
        assert_eq!(sessions.list(SESSION_IDLE_MS).len(), SESSIONS_MAX);
        assert!(sessions.goes_on(&first, 100) && !sessions.goes_on(&second, 100));
    }
}
