//! Goal: counts survive wrap-around, no number is taken twice, and reports say what the network did.
//! Method: random numbers against naive models that remember everything.

use std::collections::BTreeSet;

use conclave_core::media::sequence::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn extended_times_follow_the_true_ones(first in any::<u32>(), steps in prop::collection::vec(-50_000i64..2_000_000, 1..200)) {
        let mut unwrapper = Unwrapper::new();
        let mut truth = i64::from(first);
        let mut newest = truth;
        prop_assert_eq!(unwrapper.extend(first), truth);
        for step in steps {
            truth = (newest + step).max(i64::from(first));
            newest = newest.max(truth);
            prop_assert_eq!(unwrapper.peek(truth as u32), truth);
            prop_assert_eq!(unwrapper.extend(truth as u32), truth);
        }
    }

    #[test]
    fn the_window_agrees_with_a_naive_one(start in 0u64..1_000, jumps in prop::collection::vec((-200i64..40, 0u8..20), 1..400)) {
        let mut window = VoiceWindow::new();
        let mut seen = BTreeSet::new();
        let mut at = start as i64;
        for (jump, leap) in jumps {
            at = (at + jump + if leap == 0 { 300 } else { 25 }).max(0);
            let number = at as u64;
            let highest = seen.last().copied();
            let too_old = highest.is_some_and(|highest: u64| number + VoiceWindow::BITS <= highest);
            let expected = !too_old && !seen.contains(&number);
            prop_assert_eq!(window.accepts(number), expected);
            prop_assert_eq!(window.take(number), expected);
            if expected {
                seen.insert(number);
            }
            prop_assert_eq!(window.highest(), seen.last().copied());
        }
    }

    #[test]
    fn a_report_adds_up(fates in prop::collection::vec(0u8..4, 1..300)) {
        // 0: lost, 1: arrives, 2: arrives twice, 3: arrives after its successor
        let mut arrivals = Vec::new();
        for (number, fate) in fates.iter().enumerate() {
            let number = number as u64;
            match fate {
                0 => {}
                1 => arrivals.push((2 * number, number)),
                2 => arrivals.extend([(2 * number, number), (2 * number, number)]),
                _ => arrivals.push((2 * number + 3, number)),
            }
        }
        arrivals.sort_unstable();
        let mut counter = LossCounter::new();
        arrivals.iter().for_each(|&(_, number)| counter.take(number));
        let report = counter.report();

        let kept: BTreeSet<u64> = arrivals.iter().map(|&(_, number)| number).collect();
        prop_assert_eq!(report.received, kept.len() as u64);
        prop_assert_eq!(report.duplicate, (arrivals.len() - kept.len()) as u64);
        prop_assert_eq!(report.late, 0);
        if let (Some(&(_, first)), Some(last)) = (arrivals.first(), kept.last()) {
            prop_assert_eq!(report.expected, last + 1 - first);
            let lost = report.expected.saturating_sub(report.received);
            prop_assert_eq!(report.lost, lost);
        }
        prop_assert_eq!(counter.report(), LossReport::default());
    }
}

#[test]
fn a_time_comes_after_another_across_the_wrap() {
    assert!(is_after(5, u32::MAX - 5));
    assert!(!is_after(u32::MAX - 5, 5));
    assert!(!is_after(7, 7));
}

#[test]
fn looking_at_a_number_does_not_move_the_window() {
    let mut window = CameraWindow::new();
    assert!(window.take(10));
    assert!(window.accepts(1_000_000));
    assert!(window.accepts(9));
    assert!(window.take(10 + CameraWindow::BITS - 1));
    assert!(!window.accepts(10), "taken already");
    assert!(window.accepts(11));
    assert!(window.take(10 + CameraWindow::BITS));
    assert!(!window.accepts(10), "behind the window");
    assert!(!window.accepts(u64::MAX));
}

#[test]
fn a_tenth_lost_is_a_hundred_permille() {
    let mut counter = LossCounter::new();
    (0..1_000)
        .filter(|n| n % 10 != 5)
        .for_each(|n| counter.take(n));
    let report = counter.report();
    assert_eq!(
        (report.expected, report.lost, report.lost_permille()),
        (1_000, 100, 100)
    );
    counter.take(2_000);
    assert_eq!(counter.report().lost, 1_000, "1000 to 1999 never came");
    counter.take(0);
    assert_eq!(counter.report().late, 1);
}
