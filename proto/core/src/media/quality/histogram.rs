//! Percentiles in bounded memory.

/// Sub-buckets of each power of two: a percentile is at most a sixteenth too high.
const SUB_BUCKETS: u32 = 16;
const SUB_BUCKET_BITS: u32 = SUB_BUCKETS.ilog2();
const BUCKETS: usize = (SUB_BUCKETS * (u32::BITS - SUB_BUCKET_BITS + 1)) as usize;

/// A histogram with buckets that widen with the value (the layout of HdrHistogram), in under 2 KiB.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u32]>,
    total: u64,
    largest: u32,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            total: 0,
            largest: 0,
        }
    }
}

impl Histogram {
    pub fn new() -> Histogram {
        Histogram::default()
    }

    pub fn record(&mut self, value: u32) {
        let count = &mut self.counts[bucket(value)];
        if *count < u32::MAX {
            *count += 1;
            self.total += 1;
        }
        self.largest = self.largest.max(value);
    }

    /// Adds everything that `other` has recorded.
    pub fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            let sum = count.saturating_add(*more);
            self.total += u64::from(sum - *count);
            *count = sum;
        }
        self.largest = self.largest.max(other.largest);
    }

    /// How many values were recorded.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The value that `permille` thousandths of the recorded values do not exceed (nearest rank), at most
    /// a sixteenth too high; `None` when nothing was recorded.
    pub fn percentile(&self, permille: u32) -> Option<u32> {
        let rank = (self.total * u64::from(permille.min(1_000)))
            .div_ceil(1_000)
            .max(1);
        let mut below = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            below += u64::from(count);
            if below >= rank {
                return Some(highest_of(index).min(self.largest));
            }
        }
        None
    }
}

fn bucket(value: u32) -> usize {
    if value < SUB_BUCKETS {
        return value as usize;
    }
    let shift = value.ilog2() - SUB_BUCKET_BITS;
    // The leading bit of the mantissa counts once more for each power of two.
    ((shift << SUB_BUCKET_BITS) + (value >> shift)) as usize
}

fn highest_of(bucket: usize) -> u32 {
    let bucket = bucket as u32;
    if bucket < 2 * SUB_BUCKETS {
        return bucket;
    }
    let shift = (bucket >> SUB_BUCKET_BITS) - 1;
    let mantissa = u64::from(bucket - (shift << SUB_BUCKET_BITS));
    (((mantissa + 1) << shift) - 1).min(u32::MAX.into()) as u32
}
