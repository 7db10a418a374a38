//! How well somebody hears and sees: figures from probes and reports, and a verdict (I1).

mod histogram;
mod jitter;
mod meter;

pub use histogram::Histogram;
pub use jitter::JitterEstimator;
pub use meter::{
    BETTER_AFTER, FAIR, LOSS_WINDOW, POOR, Percentiles, QualityMeter, Thresholds, WORSE_AFTER,
};
