//! The figures are those of their definitions, and the verdict does not flutter.

use std::time::Duration;

use conclave_core::{Moment, media::quality::*};
use conclave_wire::{datagram::Report, event::QualityVerdict};
use proptest::prelude::*;

proptest! {
    #[test]
    fn percentiles_agree_with_the_sorted_truth(
        mut values in prop::collection::vec(prop_oneof![0..40u32, 0..5_000u32, any::<u32>()], 1..400),
        permille in 1..=1_000u32,
    ) {
        let mut histogram = Histogram::new();
        values.iter().for_each(|&value| histogram.record(value));
        values.sort_unstable();
        let rank = (values.len() * permille as usize).div_ceil(1_000);
        let truth = values[rank - 1];
        let found = histogram.percentile(permille).unwrap();
        prop_assert!(found >= truth);
        prop_assert!(u64::from(found) <= u64::from(truth) + u64::from(truth) / 16, "{} for {}", found, truth);
    }

    #[test]
    fn jitter_follows_the_formula_of_rfc_3550(transits in prop::collection::vec(0..500_000i64, 2..200)) {
        let mut estimator = JitterEstimator::new();
        let mut truth = 0.0f64;
        for (at, &transit) in transits.iter().enumerate() {
            let sent = 20_000 * at as i64;
            estimator.arrived(sent, sent + transit);
            if at > 0 {
                let deviation = (transit - transits[at - 1]).abs() as f64;
                truth += (deviation - truth) / 16.0;
            }
        }
        prop_assert!((f64::from(estimator.jitter_us()) - truth).abs() <= 2.0);
    }
}

#[test]
fn nothing_recorded_has_no_percentile() {
    assert_eq!(Histogram::new().percentile(500), None);
}

fn report(lost_permille: u32) -> Report {
    Report {
        interval_ms: 250,
        voice_received: 1_000 - lost_permille,
        voice_lost: lost_permille,
        camera_bytes: 62_500,
        jitter_us: 4_000,
        round_trip_us: 2_000,
        ..Report::default()
    }
}

/// Feeds reports every 250 ms and gives the verdict after each.
fn verdicts(
    meter: &mut QualityMeter,
    now: &mut Moment,
    lost_permille: u32,
    reports: usize,
) -> Vec<QualityVerdict> {
    (0..reports)
        .map(|_| {
            *now = *now + Duration::from_millis(250);
            meter.report(report(lost_permille), *now);
            meter.verdict()
        })
        .collect()
}

#[test]
fn a_bad_link_is_poor_at_once_and_good_again_only_after_a_while() {
    let (mut meter, mut now) = (QualityMeter::new(), Moment(0));
    assert!(
        verdicts(&mut meter, &mut now, 0, 8)
            .iter()
            .all(|&verdict| verdict == QualityVerdict::Good)
    );
    let falling = verdicts(&mut meter, &mut now, 300, 24);
    assert_eq!(falling.last(), Some(&QualityVerdict::Poor));
    let rising = verdicts(&mut meter, &mut now, 0, 60);
    assert_eq!(
        rising[10],
        QualityVerdict::Poor,
        "the window still holds the loss"
    );
    assert_eq!(rising.last(), Some(&QualityVerdict::Good));
    for steps in [falling, rising] {
        assert!(steps.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 2);
    }
}

#[test]
fn figures_about_a_threshold_do_not_flutter() {
    let (mut meter, mut now) = (QualityMeter::new(), Moment(0));
    let mut seen = Vec::new();
    for round in 0..100 {
        let lost = FAIR.loss_permille + if round % 2 == 0 { 3 } else { 0 };
        seen.extend(verdicts(&mut meter, &mut now, lost, 1));
    }
    let changes = seen.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes <= 1, "{seen:?}");
}

#[test]
fn people_see_loss_bitrate_and_round_trip() {
    let (mut meter, mut now) = (QualityMeter::new(), Moment(0));
    verdicts(&mut meter, &mut now, 10, 20);
    let quality = meter.quality();
    assert_eq!((quality.loss_permille, quality.receive_kbps), (10, 2_000));
    assert_eq!((quality.round_trip_ms, quality.jitter_ms), (2, 4));
}
