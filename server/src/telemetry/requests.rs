//! Requests of the interface by endpoint and by what became of them. Bounded: the endpoints are those that
//! there are, and everything else is one.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// Method and path as they are documented; nothing where there is no endpoint.
pub type Place = Option<(&'static str, &'static str)>;

static COUNTS: Mutex<BTreeMap<(Place, u16), u64>> = Mutex::new(BTreeMap::new());

/// Counts a request that was answered with this status.
pub fn count(place: Place, status: u16) {
    *COUNTS.lock().entry((place, status)).or_default() += 1;
}

/// How many there were since the program started, by place and status, in this order.
pub fn counts() -> Vec<((Place, u16), u64)> {
    let counts = COUNTS.lock();
    counts.iter().map(|(&key, &count)| (key, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_place_and_status() {
        let place = Some(("GET", "/api/nothing-but-this-test"));
        for status in [200, 404, 404] {
            count(place, status);
        }
        let of = |wanted| {
            let counts = counts();
            let found = counts.iter().find(|(key, _)| *key == (place, wanted));
            found.map(|(_, count)| *count)
        };
        assert_eq!((of(200), of(404), of(500)), (Some(1), Some(2), None));
    }
}
