//! Interarrival jitter.

/// Smoothed deviation of the time between packets, as in RFC 3550 section 6.4.1 and appendix A.8:
/// `J += (|D| - J) / 16`.
#[derive(Clone, Copy, Debug, Default)]
pub struct JitterEstimator {
    last_transit_us: Option<i64>,
    /// Sixteen times the estimate, so that integers do (appendix A.8).
    scaled_us: i64,
}

impl JitterEstimator {
    pub fn new() -> JitterEstimator {
        JitterEstimator::default()
    }

    /// A packet that was sent at `sent_us` on its sender's clock arrived at `arrived_us` on ours.
    pub fn arrived(&mut self, sent_us: i64, arrived_us: i64) {
        let transit_us = arrived_us.wrapping_sub(sent_us);
        if let Some(last) = self.last_transit_us.replace(transit_us) {
            let deviation_us = transit_us
                .saturating_sub(last)
                .saturating_abs()
                .min(u32::MAX.into());
            self.scaled_us += deviation_us - ((self.scaled_us + 8) >> 4);
        }
    }

    /// The sender's clock has jumped: the next packet begins anew, the estimate stays.
    pub fn restart(&mut self) {
        self.last_transit_us = None;
    }

    pub fn jitter_us(&self) -> u32 {
        (self.scaled_us >> 4).clamp(0, u32::MAX.into()) as u32
    }
}
