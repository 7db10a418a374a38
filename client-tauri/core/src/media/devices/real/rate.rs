//! How fast a device's clock really is.

use std::time::Instant;

/// Updates further than this from where they were expected are no jitter: the device stood still.
const JUMP_S: f64 = 0.1;
/// Bandwidth of the loop, in hertz: wide at first, so that it locks, then narrow, so that jitter of some
/// milliseconds moves it by a few parts in a million only.
const BANDWIDTH_HZ_MAX: f64 = 0.5;
const BANDWIDTH_HZ_MIN: f64 = 0.02;
/// Nothing is corrected before the loop has settled, in seconds.
const SETTLES_S: f64 = 10.0;
/// Clocks of sound cards differ by 100 parts in a million; more than ten times that is something else.
const DRIFT_MAX: f64 = 0.001;

/// A delay-locked loop over the moments at which a device gave or took samples (F. Adriaensen, "Using a
/// DLL to filter time", Linux Audio Conference 2005).
#[derive(Clone, Debug)]
pub(super) struct DeviceRate {
    nominal_hz: f64,
    lock: Option<Lock>,
}

#[derive(Clone, Copy, Debug)]
struct Lock {
    began: Instant,
    /// Where the loop believes the last update was, in seconds after it began.
    time: f64,
    /// Seconds a sample.
    period: f64,
}

impl DeviceRate {
    pub(super) fn new(nominal_hz: u32) -> DeviceRate {
        DeviceRate {
            nominal_hz: f64::from(nominal_hz.max(1)),
            lock: None,
        }
    }

    /// At `at` the device was done with so many more samples.
    pub(super) fn push(&mut self, at: Instant, samples: u32) {
        if samples == 0 {
            return;
        }
        let samples = f64::from(samples);
        let Some(lock) = &mut self.lock else {
            self.restart(at);
            return;
        };
        let predicted = lock.time + samples * lock.period;
        let elapsed = at.saturating_duration_since(lock.began).as_secs_f64();
        let error = elapsed - predicted;
        if error.abs() > JUMP_S {
            self.restart(at);
            return;
        }
        let bandwidth = (1.0 / elapsed.max(1.0)).clamp(BANDWIDTH_HZ_MIN, BANDWIDTH_HZ_MAX);
        let omega = std::f64::consts::TAU * bandwidth * samples / self.nominal_hz;
        lock.time = predicted + std::f64::consts::SQRT_2 * omega * error;
        lock.period += omega * omega * error / samples;
    }

    /// True seconds that the device takes for a second of its own: above 1 it is slow.
    pub(super) fn seconds_a_second(&self) -> f64 {
        match &self.lock {
            Some(lock) if lock.time >= SETTLES_S => {
                (lock.period * self.nominal_hz).clamp(1.0 - DRIFT_MAX, 1.0 + DRIFT_MAX)
            }
            _ => 1.0,
        }
    }

    fn restart(&mut self, at: Instant) {
        self.lock = Some(Lock {
            began: at,
            time: 0.0,
            period: 1.0 / self.nominal_hz,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    /// A device that is `ppm` slow and whose callbacks come up to `jitter_ms` late, for a minute.
    fn measured_ppm(ppm: f64, jitter_ms: f64) -> f64 {
        let mut random = StdRng::seed_from_u64(1);
        let mut rate = DeviceRate::new(48_000);
        let start = Instant::now();
        for i in 0..6_000 {
            let at = f64::from(i) * 0.01 * (1.0 + ppm / 1e6)
                + random.random_range(0.0..=jitter_ms / 1e3);
            rate.push(start + Duration::from_secs_f64(at), 480);
        }
        (rate.seconds_a_second() - 1.0) * 1e6
    }

    #[test]
    fn a_slow_and_a_fast_clock_are_measured_through_jitter() {
        for ppm in [-200.0, 0.0, 50.0, 300.0] {
            let measured = measured_ppm(ppm, 5.0);
            assert!((measured - ppm).abs() < 40.0, "{ppm}: {measured}");
        }
    }

    #[test]
    fn a_device_that_stood_still_is_measured_anew() {
        let mut rate = DeviceRate::new(48_000);
        let start = Instant::now();
        for i in 0..2_000 {
            rate.push(start + Duration::from_millis(10 * i), 480);
        }
        rate.push(start + Duration::from_secs(60), 480);
        assert_eq!(rate.seconds_a_second(), 1.0);
    }
}
