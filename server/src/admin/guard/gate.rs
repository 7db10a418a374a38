//! How fast passwords may be guessed: each wrong one makes the next wait longer.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use conclave_core::Moment;
use parking_lot::Mutex;

use crate::gateway::sockets::network_of;

/// Attempts of one address that wait for nothing.
pub const ATTEMPTS_FREE: u32 = 3;
/// After these the first wait; each one more doubles it.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
pub const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// An address that has not tried for so long begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Addresses that are remembered; who has tried longest ago is forgotten first.
const ADDRESSES_MAX: usize = 4_096;

/// Who has tried lately. An IPv6 network of 64 bits counts as one address.
#[derive(Debug, Default)]
pub struct LoginGate {
    tried: Mutex<Tried>,
}

#[derive(Debug, Default)]
struct Tried {
    addresses: BTreeMap<IpAddr, Attempts>,
}

#[derive(Clone, Copy, Debug)]
struct Attempts {
    count: u32,
    last: Moment,
}

impl LoginGate {
    /// Counts an attempt as failed before it is made, so that attempts at the same time do not share one
    /// wait. [`LoginGate::succeeded`] takes it back.
    ///
    /// # Errors
    /// How long to wait; the attempt is not counted then.
    pub fn try_now(&self, address: IpAddr, now: Moment) -> Result<(), Duration> {
        let address = network_of(address);
        let mut tried = self.tried.lock();
        let known = tried.addresses.get(&address).copied();
        let recent = known.filter(|attempts| now.since(attempts.last) < FORGOTTEN_AFTER);
        let count = recent.map_or(0, |attempts| attempts.count);
        if let Some(attempts) = recent {
            let wait = now.until(attempts.last + wait_after(count));
            if wait > Duration::ZERO {
                return Err(wait);
            }
        }
        if tried.addresses.len() >= ADDRESSES_MAX && known.is_none() {
            tried.forget_oldest();
        }
        let attempts = Attempts {
            count: count.saturating_add(1),
            last: now,
        };
        tried.addresses.insert(address, attempts);
        Ok(())
    }

    /// The password was right: the address begins anew.
    pub fn succeeded(&self, address: IpAddr) {
        self.tried.lock().addresses.remove(&network_of(address));
    }
}

impl Tried {
    fn forget_oldest(&mut self) {
        let oldest = self.addresses.iter().min_by_key(|(_, tried)| tried.last);
        if let Some((&address, _)) = oldest {
            self.addresses.remove(&address);
        }
    }
}

/// How long to wait after so many attempts.
fn wait_after(attempts: u32) -> Duration {
    match attempts.checked_sub(ATTEMPTS_FREE) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_WAIT
            .saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))
            .min(WAIT_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn each_wrong_password_makes_the_next_wait_twice_as_long() {
        let gate = LoginGate::default();
        let mut now = Moment::from_ms(1_000);
        for _ in 0..ATTEMPTS_FREE {
            assert_eq!(gate.try_now(STRANGER, now), Ok(()));
        }
        for seconds in [1, 2, 4, 8] {
            let wait = Duration::from_secs(seconds);
            assert_eq!(gate.try_now(STRANGER, now), Err(wait));
            now = now + wait;
            assert_eq!(gate.try_now(STRANGER, now), Ok(()));
        }
    }

    #[test]
    fn the_wait_grows_no_longer_than_its_limit_and_ends() {
        let gate = LoginGate::default();
        let mut now = Moment::from_ms(0);
        for _ in 0..100 {
            now = now + WAIT_MAX;
            assert_eq!(gate.try_now(STRANGER, now), Ok(()));
        }
        assert_eq!(gate.try_now(STRANGER, now), Err(WAIT_MAX));
        now = now + FORGOTTEN_AFTER;
        for _ in 0..ATTEMPTS_FREE {
            assert_eq!(gate.try_now(STRANGER, now), Ok(()));
        }
    }

    #[test]
    fn the_right_password_begins_anew_and_others_do_not_wait() {
        let gate = LoginGate::default();
        let now = Moment::from_ms(0);
        for _ in 0..ATTEMPTS_FREE {
            gate.try_now(STRANGER, now).unwrap();
        }
        let neighbour = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
        assert_eq!(gate.try_now(neighbour, now), Ok(()));
        assert!(gate.try_now(STRANGER, now).is_err());
        gate.succeeded(STRANGER);
        assert_eq!(gate.try_now(STRANGER, now), Ok(()));
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_try() {
        let gate = LoginGate::default();
        for number in 0..u32::try_from(ADDRESSES_MAX + 10).unwrap() {
            let address = std::net::Ipv4Addr::from_bits(number).into();
            gate.try_now(address, Moment(number.into())).unwrap();
        }
        let tried = gate.tried.lock();
        assert_eq!(tried.addresses.len(), ADDRESSES_MAX);
    }
}
