//! Passwords of rooms: bcrypt on a thread of its own, behind a bounded queue.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use aws_lc_rs::hmac;
use conclave_wire::{RefusalCode, limits::PASSWORD_BYTES_MAX};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::token::random_bytes;

/// Cost of bcrypt: 2^10 rounds, about 80 ms.
pub const BCRYPT_COST: u32 = 10;
/// Hashes whose password was once right and is known by its keyed digest.
const KNOWN_HASHES_MAX: usize = 4_096;

/// What came of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    Right,
    Wrong,
    /// Longer than bcrypt reads.
    TooLong,
    /// Too many passwords wait to be compared; try again.
    Busy,
}

/// Handle of the password thread, which ends when the last handle is dropped.
#[derive(Clone)]
pub struct PasswordChecker {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: SyncSender<Job>,
    key: hmac::Key,
    known: Mutex<Known>,
}

/// Right passwords of recent rooms, as digests under a key that never leaves the process.
#[derive(Default)]
struct Known {
    digests: BTreeMap<String, hmac::Tag>,
    order: VecDeque<String>,
}

enum Job {
    Check {
        hash: String,
        password: String,
        answer: oneshot::Sender<bool>,
    },
    Hash {
        password: String,
        answer: oneshot::Sender<Option<String>>,
    },
}

impl PasswordChecker {
    /// Starts the thread. More than `waiting_max` passwords at once are refused as `Busy`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(waiting_max: usize) -> std::io::Result<PasswordChecker> {
        let (jobs, waiting) = sync_channel(waiting_max);
        thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || work(waiting))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random_bytes::<32>());
        Ok(PasswordChecker {
            shared: Arc::new(Shared {
                jobs,
                key,
                known: Mutex::default(),
            }),
        })
    }

    /// Compares a password with a room's hash. After the first success the answer comes from
    /// memory, so that a full meeting coming back does not wait for bcrypt.
    pub async fn check(&self, hash: &str, password: &str) -> Verdict {
        if password.len() > PASSWORD_BYTES_MAX {
            return Verdict::TooLong;
        }
        if let Some(verdict) = self.check_known(hash, password) {
            return verdict;
        }
        let (answer, verdict) = oneshot::channel();
        let job = Job::Check {
            hash: hash.to_owned(),
            password: password.to_owned(),
            answer,
        };
        if self.submit(job).is_err() {
            return Verdict::Busy;
        }
        match verdict.await {
            Ok(true) => {
                self.remember(hash, password);
                Verdict::Right
            }
            Ok(false) => Verdict::Wrong,
            Err(_) => Verdict::Busy,
        }
    }

    /// Makes the hash of a new password.
    ///
    /// # Errors
    /// `PasswordTooLong` above 72 bytes, `Busy` when too many wait, `Internal` when bcrypt fails.
    pub async fn hash(&self, password: &str) -> Result<String, RefusalCode> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(RefusalCode::PasswordTooLong);
        }
        let (answer, hash) = oneshot::channel();
        let job = Job::Hash {
            password: password.to_owned(),
            answer,
        };
        self.submit(job)?;
        let hash = hash.await.map_err(|_| RefusalCode::Busy)?;
        let hash = hash.ok_or(RefusalCode::Internal)?;
        self.remember(&hash, password);
        Ok(hash)
    }

    fn submit(&self, job: Job) -> Result<(), RefusalCode> {
        self.shared.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => RefusalCode::Busy,
        })
    }

    fn check_known(&self, hash: &str, password: &str) -> Option<Verdict> {
        let known = self.shared.known.lock();
        let digest = known.digests.get(hash)?;
        // `verify` compares in constant time.
        match hmac::verify(&self.shared.key, password.as_bytes(), digest.as_ref()) {
            Ok(()) => Some(Verdict::Right),
            Err(_) => Some(Verdict::Wrong),
        }
    }

    fn remember(&self, hash: &str, password: &str) {
        let digest = hmac::sign(&self.shared.key, password.as_bytes());
        let mut known = self.shared.known.lock();
        if known.digests.insert(hash.to_owned(), digest).is_none() {
            known.order.push_back(hash.to_owned());
        }
        if known.order.len() > KNOWN_HASHES_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.digests.remove(&oldest);
        }
    }
}

fn work(jobs: Receiver<Job>) {
    for job in jobs {
        // Whoever asked may be gone by now; then nobody needs the answer.
        match job {
            Job::Check {
                hash,
                password,
                answer,
            } => {
                if !answer.is_closed() {
                    let right = bcrypt::verify(&password, &hash).unwrap_or(false);
                    answer.send(right).ok();
                }
            }
            Job::Hash { password, answer } => {
                if !answer.is_closed() {
                    answer.send(bcrypt::hash(&password, BCRYPT_COST).ok()).ok();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_right_the_first_time_and_from_memory() {
        let maker = PasswordChecker::start(4).unwrap();
        let hash = maker.hash("open sesame").await.unwrap();
        assert!(hash.starts_with("$2b$10$"), "{hash}");

        let checker = PasswordChecker::start(4).unwrap();
        assert_eq!(checker.check(&hash, "close sesame").await, Verdict::Wrong);
        assert_eq!(checker.check_known(&hash, "open sesame"), None);
        assert_eq!(checker.check(&hash, "open sesame").await, Verdict::Right);
        assert_eq!(
            checker.check_known(&hash, "open sesame"),
            Some(Verdict::Right)
        );
        assert_eq!(checker.check(&hash, "close sesame").await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn more_than_72_bytes_are_refused_and_72_are_not() {
        let checker = PasswordChecker::start(4).unwrap();
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert_eq!(checker.hash(&long).await, Err(RefusalCode::PasswordTooLong));
        let hash = checker.hash(&long[1..]).await.unwrap();
        assert_eq!(checker.check(&hash, &long).await, Verdict::TooLong);
        assert_eq!(checker.check(&hash, &long[1..]).await, Verdict::Right);
    }

    #[tokio::test]
    async fn a_full_queue_says_busy_at_once() {
        let (jobs, waiting) = sync_channel(1);
        let shared = Shared {
            jobs,
            key: hmac::Key::new(hmac::HMAC_SHA256, b"any"),
            known: Mutex::default(),
        };
        let checker = PasswordChecker {
            shared: Arc::new(shared),
        };
        // Nobody takes jobs from `waiting`, so the second one finds the queue full.
        let first = tokio::spawn({
            let checker = checker.clone();
            async move { checker.check("$2b$04$x", "a").await }
        });
        tokio::task::yield_now().await;
        assert_eq!(checker.check("$2b$04$x", "b").await, Verdict::Busy);
        drop(waiting);
        assert_eq!(first.await.unwrap(), Verdict::Busy);
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_never_right() {
        let checker = PasswordChecker::start(1).unwrap();
        assert_eq!(checker.check("not a hash", "").await, Verdict::Wrong);
    }
}
