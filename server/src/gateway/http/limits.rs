//! How much a stranger may try: token buckets by address, at the door and before any work is done.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use conclave_core::{Moment, limit::TokenBucket};
use conclave_wire::{Refusal, RefusalCode};
use parking_lot::Mutex;

use crate::{clock::Clock, config::Config, gateway::sockets::network_of};

/// Addresses that are remembered; who has done nothing lately is forgotten first.
const ADDRESSES_MAX: usize = 65_536;
const SECONDS_PER_MINUTE: u32 = 60;

/// What an address spends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// A new connection, before its TLS handshake.
    Handshake,
    /// To join with an invite, or to come back to a seat.
    Join,
    /// A password, seat token or host key that was wrong.
    WrongSecret,
}

/// Buckets of every address that was seen lately. An IPv6 network of 64 bits counts as one address.
#[derive(Debug)]
pub struct AddressLimits {
    clock: Clock,
    rates: Rates,
    addresses: Mutex<BTreeMap<IpAddr, Spent>>,
}

/// Capacity and refill a second of each bucket. What is limited by the minute costs 60 tokens.
#[derive(Clone, Copy, Debug)]
struct Rates {
    handshakes: (u32, u32),
    joins: (u32, u32),
    wrong_secrets: (u32, u32),
}

#[derive(Debug)]
struct Spent {
    handshakes: TokenBucket,
    joins: TokenBucket,
    wrong_secrets: TokenBucket,
    last: Moment,
}

impl AddressLimits {
    pub fn new(config: &Config, clock: Clock) -> AddressLimits {
        let by_minute = |burst: u32, rate| (burst.saturating_mul(SECONDS_PER_MINUTE), rate);
        AddressLimits {
            clock,
            rates: Rates {
                handshakes: (
                    config.handshakes_per_address_burst,
                    config.handshakes_per_address_per_second,
                ),
                joins: (
                    config.joins_per_address_burst,
                    config.joins_per_address_per_second,
                ),
                wrong_secrets: by_minute(
                    config.wrong_passwords_per_address_burst,
                    config.wrong_passwords_per_address_per_minute,
                ),
            },
            addresses: Mutex::default(),
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// `TooFast`, with how long to wait.
    pub fn spend(&self, address: IpAddr, attempt: Attempt) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.with(address, now, |spent| {
            let (bucket, cost) = spent.bucket(attempt);
            bucket.try_take(now, cost).map_err(too_fast)
        })
    }

    /// Whether another wrong secret would still be allowed; ask before a secret is looked at.
    ///
    /// # Errors
    /// `TooFast`, with how long to wait.
    pub fn may_try_secret(&self, address: IpAddr) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.with(address, now, |spent| {
            let (bucket, cost) = spent.bucket(Attempt::WrongSecret);
            bucket.clone().try_take(now, cost).map_err(too_fast)
        })
    }

    fn with<R>(&self, address: IpAddr, now: Moment, work: impl FnOnce(&mut Spent) -> R) -> R {
        let address = network_of(address);
        let mut addresses = self.addresses.lock();
        if addresses.len() >= ADDRESSES_MAX && !addresses.contains_key(&address) {
            forget_oldest(&mut addresses);
        }
        let spent = addresses
            .entry(address)
            .or_insert_with(|| Spent::nothing(&self.rates, now));
        spent.last = now;
        work(spent)
    }
}

impl Spent {
    fn nothing(rates: &Rates, now: Moment) -> Spent {
        let full = |(capacity, refill)| TokenBucket::new(capacity, refill, now);
        Spent {
            handshakes: full(rates.handshakes),
            joins: full(rates.joins),
            wrong_secrets: full(rates.wrong_secrets),
            last: now,
        }
    }

    fn bucket(&mut self, attempt: Attempt) -> (&mut TokenBucket, u32) {
        match attempt {
            Attempt::Handshake => (&mut self.handshakes, 1),
            Attempt::Join => (&mut self.joins, 1),
            Attempt::WrongSecret => (&mut self.wrong_secrets, SECONDS_PER_MINUTE),
        }
    }
}

/// Forgets the older half, so that this happens seldom however many addresses come.
fn forget_oldest(addresses: &mut BTreeMap<IpAddr, Spent>) {
    let mut times: Vec<Moment> = addresses.values().map(|spent| spent.last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    addresses.retain(|_, spent| spent.last > median);
}

fn too_fast(wait: Duration) -> Refusal {
    let ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    Refusal::retry_after(RefusalCode::TooFast, ms.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> AddressLimits {
        let config = Config {
            joins_per_address_burst: 2,
            joins_per_address_per_second: 1,
            wrong_passwords_per_address_burst: 1,
            wrong_passwords_per_address_per_minute: 60,
            ..Config::default()
        };
        AddressLimits::new(&config, Clock::start())
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_the_next_has_to_wait_as_long_as_it_is_told() {
        let limits = limits();
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(limits.spend(address, Attempt::Join), Ok(()));
        assert_eq!(limits.spend(address, Attempt::Join), Ok(()));
        let refusal = limits.spend(address, Attempt::Join).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::TooFast);
        let wait = refusal.retry_after_ms.unwrap();
        assert!((999..=1_001).contains(&wait), "{wait}");
        tokio::time::advance(Duration::from_millis(wait.into())).await;
        assert_eq!(limits.spend(address, Attempt::Join), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_do_not_pay_for_each_other_but_those_of_one_ipv6_network_do() {
        let limits = limits();
        for _ in 0..2 {
            let first = "2001:db8::1".parse().unwrap();
            assert_eq!(limits.spend(first, Attempt::Join), Ok(()));
        }
        let neighbour = "2001:db8::2".parse().unwrap();
        assert!(limits.spend(neighbour, Attempt::Join).is_err());
        let stranger = "2001:db8:0:1::2".parse().unwrap();
        assert_eq!(limits.spend(stranger, Attempt::Join), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn secrets_may_be_tried_until_too_many_were_wrong() {
        let limits = limits();
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(limits.may_try_secret(address), Ok(()));
        assert_eq!(limits.may_try_secret(address), Ok(()));
        limits.spend(address, Attempt::WrongSecret).unwrap();
        assert!(limits.may_try_secret(address).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_however_many_addresses_come() {
        let limits = limits();
        for number in 0..u32::try_from(ADDRESSES_MAX + 10).unwrap() {
            let address = std::net::Ipv4Addr::from_bits(number).into();
            limits.spend(address, Attempt::Join).unwrap();
            if number == 100 {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
        }
        assert!(limits.addresses.lock().len() <= ADDRESSES_MAX);
    }
}
