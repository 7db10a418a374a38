//! How often each refusal was given, in the whole process: they are made in many places that know of
//! nothing else.

use std::sync::atomic::{AtomicU64, Ordering};

use conclave_wire::RefusalCode;

static COUNTS: [AtomicU64; RefusalCode::ALL.len()] =
    [const { AtomicU64::new(0) }; RefusalCode::ALL.len()];

/// One more was given.
pub fn count(code: RefusalCode) {
    COUNTS[code as usize].fetch_add(1, Ordering::Relaxed);
}

/// All codes with their counts, in order of the codes.
pub fn counts() -> impl Iterator<Item = (RefusalCode, u64)> {
    let counts = COUNTS.iter().map(|count| count.load(Ordering::Relaxed));
    RefusalCode::ALL.iter().copied().zip(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_count_of_its_own() {
        for (place, code) in RefusalCode::ALL.iter().enumerate() {
            assert_eq!(*code as usize, place, "codes are numbered in order");
        }
        // Other tests of this process count too, but none gives this one.
        count(RefusalCode::NotImplemented);
        let counted: Vec<_> = counts().collect();
        let of = |code| counted.iter().find(|(its, _)| *its == code).unwrap().1;
        assert!(of(RefusalCode::NotImplemented) >= 1);
    }
}
