//! When which guest is due: a heap, so that nobody is asked who is not.

use std::{cmp::Reverse, collections::BinaryHeap, time::Instant};

use crate::media::guests::GuestKey;

/// Whom to wake when. An entry may be out of date; whoever is woken early is listed again.
#[derive(Default)]
pub struct DueGuests(BinaryHeap<Reverse<(Instant, GuestKey)>>);

/// When a guest is due, and for when they stand in the heap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Due {
    pub at: Option<Instant>,
    listed: Option<Instant>,
}

impl DueGuests {
    /// Lists a guest whose moment may have changed. One that is listed for earlier stays so.
    pub fn list(&mut self, key: GuestKey, due: &mut Due) {
        let Some(at) = due.at else {
            return;
        };
        if due.listed.is_none_or(|listed| at < listed) {
            due.listed = Some(at);
            self.0.push(Reverse((at, key)));
        }
    }

    /// Takes out the next one that is listed for `now` or before.
    pub fn take(&mut self, now: Instant) -> Option<(Instant, GuestKey)> {
        let Reverse((at, _)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    /// When to look again.
    pub fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }
}

impl Due {
    /// The entry for `listed` was taken out of the heap. True when the guest is due at `now`.
    pub fn taken(&mut self, listed: Instant, now: Instant) -> bool {
        self.listed.take_if(|at| *at == listed);
        self.at.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEY: GuestKey = GuestKey {
        slot: 1,
        generation: 1,
    };

    #[test]
    fn whoever_is_due_later_than_listed_is_woken_once_more_and_not_forgotten() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (mut guests, mut due) = (DueGuests::default(), Due::default());
        due.at = Some(at(10));
        guests.list(KEY, &mut due);
        // Input came: due later. No second entry is made.
        due.at = Some(at(20));
        guests.list(KEY, &mut due);
        assert_eq!(guests.take(at(9)), None);
        assert_eq!(guests.take(at(10)), Some((at(10), KEY)));
        assert!(!due.taken(at(10), at(10)));
        guests.list(KEY, &mut due);
        assert_eq!(guests.next(), Some(at(20)));
        assert_eq!(guests.take(at(20)), Some((at(20), KEY)));
        assert!(due.taken(at(20), at(20)));
    }

    #[test]
    fn whoever_is_due_earlier_than_listed_is_woken_in_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (mut guests, mut due) = (DueGuests::default(), Due::default());
        due.at = Some(at(20));
        guests.list(KEY, &mut due);
        due.at = Some(at(5));
        guests.list(KEY, &mut due);
        let (listed, _) = guests.take(at(5)).unwrap();
        assert!(due.taken(listed, at(5)));
        due.at = Some(at(30));
        guests.list(KEY, &mut due);
        // The entry that is out of date is passed over.
        let (listed, _) = guests.take(at(20)).unwrap();
        assert!(!due.taken(listed, at(20)));
        guests.list(KEY, &mut due);
        assert_eq!(guests.take(at(29)), None);
        assert_eq!(guests.next(), Some(at(30)));
    }
}
