//! The token bucket: bursts pass, the rate holds in the long run.

use std::time::Duration;

use conclave_core::{Moment, limit::TokenBucket};
use proptest::prelude::*;

const START: Moment = Moment(5_000_000);

#[test]
fn a_full_bucket_gives_its_capacity_at_once_and_then_says_how_long_to_wait() {
    let mut bucket = TokenBucket::new(3, 2, START);
    for _ in 0..3 {
        assert_eq!(bucket.try_take(START, 1), Ok(()));
    }
    assert_eq!(
        bucket.try_take(START, 1),
        Err(Duration::from_millis(500)),
        "two tokens a second are one in half a second"
    );
    let later = START + Duration::from_millis(500);
    assert_eq!(bucket.try_take(later, 1), Ok(()));
    assert!(bucket.try_take(later, 1).is_err());
}

#[test]
fn the_wait_that_is_named_is_enough_and_no_more_than_that() {
    let mut bucket = TokenBucket::new(10, 3, START);
    assert_eq!(bucket.try_take(START, 10), Ok(()));
    let wait = bucket.try_take(START, 1).unwrap_err();
    let just_before = START + (wait - Duration::from_micros(1));
    assert!(bucket.clone().try_take(just_before, 1).is_err());
    assert_eq!(bucket.try_take(START + wait, 1), Ok(()));
}

#[test]
fn a_refusal_takes_nothing() {
    let mut bucket = TokenBucket::new(5, 1, START);
    assert_eq!(bucket.try_take(START, 3), Ok(()));
    assert!(bucket.try_take(START, 3).is_err());
    assert_eq!(bucket.try_take(START, 2), Ok(()));
}

#[test]
fn more_than_the_capacity_never_comes() {
    let mut bucket = TokenBucket::new(5, 1, START);
    assert_eq!(bucket.try_take(START, 6), Err(Duration::MAX));
    let mut dry = TokenBucket::new(1, 0, START);
    assert_eq!(dry.try_take(START, 1), Ok(()));
    assert_eq!(dry.try_take(START, 1), Err(Duration::MAX));
}

#[test]
fn it_never_holds_more_than_its_capacity() {
    let mut bucket = TokenBucket::new(5, u32::MAX, START);
    assert_eq!(bucket.available(Moment(u64::MAX)), 5);
}

#[test]
fn a_clock_that_goes_back_refills_nothing() {
    let mut bucket = TokenBucket::new(1, 1, START);
    assert_eq!(bucket.try_take(START, 1), Ok(()));
    assert!(bucket.try_take(Moment(0), 1).is_err());
    assert!(bucket.try_take(START, 1).is_err());
}

proptest! {
    /// In any time no more is given than the capacity and what that time refilled; and whoever asks
    /// often enough gets nearly all of it, however the time is cut into pieces.
    #[test]
    fn the_rate_holds_however_it_is_asked(
        capacity in 1u32..1_000,
        rate in 1u32..100_000,
        steps in prop::collection::vec((0u64..200_000, 1u32..50), 1..200),
    ) {
        let mut bucket = TokenBucket::new(capacity, rate, START);
        let (mut now, mut given) = (START, 0u64);
        for (micros, tokens) in steps {
            now = now + Duration::from_micros(micros);
            if bucket.try_take(now, tokens).is_ok() {
                given += u64::from(tokens);
            }
            let refilled = now.since(START).as_micros() as u64 * u64::from(rate);
            prop_assert!(given * 1_000_000 <= u64::from(capacity) * 1_000_000 + refilled);
        }
        let rest = u64::from(bucket.available(now));
        prop_assert!(rest <= u64::from(capacity));
    }
}
