//! Counting that wraps, windows against replay, and what the gaps in a count say about the network.

/// Extends a wrapping 32-bit count to 64 bits by serial number arithmetic (RFC 1982): a value is taken
/// for the one nearest to the newest value seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper {
    newest: Option<i64>,
}

impl Unwrapper {
    pub fn new() -> Unwrapper {
        Unwrapper::default()
    }

    /// The extended value. The first one is itself; later ones lie less than 2^31 from the newest.
    pub fn extend(&mut self, wrapped: u32) -> i64 {
        let value = self.peek(wrapped);
        self.newest = Some(self.newest.map_or(value, |newest| newest.max(value)));
        value
    }

    /// What [`extend`](Self::extend) would say, without remembering the value.
    pub fn peek(&self, wrapped: u32) -> i64 {
        let Some(newest) = self.newest else {
            return i64::from(wrapped);
        };
        newest + i64::from(wrapped.wrapping_sub(newest as u32) as i32)
    }
}

/// Whether `a` comes after `b` on a wrapping 32-bit clock (RFC 1982).
pub fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// A sliding window against replay (RFC 4303 section 3.4.3, kept as a ring of bits as in RFC 6479) over
/// the last `64 * WORDS` packet numbers.
///
/// [`accepts`](Self::accepts) only looks and [`take`](Self::take) marks, so that the caller authenticates
/// the packet in between: a forged number must not move the window.
#[derive(Clone, Debug)]
pub struct ReplayWindow<const WORDS: usize> {
    /// One more than the highest number taken; 0 when none was.
    next: u64,
    /// Bit `n % BITS` tells whether `n` was taken, for the last `BITS` numbers.
    seen: [u64; WORDS],
}

/// 128 packet numbers.
pub type VoiceWindow = ReplayWindow<2>;
/// 2,048 packet numbers.
pub type CameraWindow = ReplayWindow<32>;

impl<const WORDS: usize> Default for ReplayWindow<WORDS> {
    fn default() -> Self {
        ReplayWindow {
            next: 0,
            seen: [0; WORDS],
        }
    }
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    /// How many numbers back a packet may come.
    pub const BITS: u64 = 64 * WORDS as u64;

    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `number` is neither taken nor older than the window. `u64::MAX` is never accepted: no
    /// sender may come that far under one key.
    pub fn accepts(&self, number: u64) -> bool {
        if number == u64::MAX {
            return false;
        }
        number >= self.next || (self.next - number <= Self::BITS && !self.is_set(number))
    }

    /// Marks `number` as taken. False, and nothing changes, when it was not acceptable.
    pub fn take(&mut self, number: u64) -> bool {
        if !self.accepts(number) {
            return false;
        }
        if number >= self.next {
            if number - self.next >= Self::BITS {
                self.seen = [0; WORDS];
            } else {
                (self.next..number).for_each(|skipped| self.clear(skipped));
            }
            self.next = number + 1;
        }
        let (word, bit) = Self::place(number);
        self.seen[word] |= bit;
        true
    }

    /// The highest number taken.
    pub fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    fn is_set(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.seen[word] & bit != 0
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        self.seen[word] &= !bit;
    }

    fn place(number: u64) -> (usize, u64) {
        let at = number % Self::BITS;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

/// Counts what arrived against what the packet numbers say was sent (RFC 3550 appendix A.3).
#[derive(Clone, Debug, Default)]
pub struct LossCounter {
    window: ReplayWindow<LOSS_WINDOW_WORDS>,
    /// The first number of the interval that is not yet reported.
    from: Option<u64>,
    now: LossReport,
}

/// 1,024 numbers: 20 s of voice, one second of camera.
const LOSS_WINDOW_WORDS: usize = 16;

/// Packets of one interval.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LossReport {
    /// How many the numbers of the interval say were sent.
    pub expected: u64,
    /// How many came, each counted once; those of an earlier interval too.
    pub received: u64,
    /// Expected and not received, never below zero.
    pub lost: u64,
    /// Came after a packet with a higher number.
    pub reordered: u64,
    /// Came a second time.
    pub duplicate: u64,
    /// Too old to tell whether they came before.
    pub late: u64,
}

impl LossReport {
    /// Lost packets per thousand expected.
    pub fn lost_permille(&self) -> u32 {
        match self.expected {
            0 => 0,
            expected => u32::try_from(self.lost * 1_000 / expected).unwrap_or(1_000),
        }
    }
}

impl LossCounter {
    pub fn new() -> LossCounter {
        LossCounter::default()
    }

    /// Counts the packet with this number.
    pub fn take(&mut self, number: u64) {
        let highest = self.window.highest();
        self.from.get_or_insert(number);
        if self.window.take(number) {
            self.now.received += 1;
            self.now.reordered += u64::from(highest.is_some_and(|highest| number < highest));
        } else if highest.is_some_and(|highest| highest - number.min(highest) >= LOSS_WINDOW) {
            self.now.late += 1;
        } else {
            self.now.duplicate += 1;
        }
    }

    /// The interval since the last report, and begins the next one.
    pub fn report(&mut self) -> LossReport {
        let report = self.peek();
        self.now = LossReport::default();
        if let Some(highest) = self.window.highest() {
            self.from = Some(highest.saturating_add(1));
        }
        report
    }

    /// The interval so far.
    pub fn peek(&self) -> LossReport {
        let expected = match (self.window.highest(), self.from) {
            (Some(highest), Some(from)) => (highest + 1).saturating_sub(from),
            _ => 0,
        };
        LossReport {
            expected,
            lost: expected.saturating_sub(self.now.received),
            ..self.now
        }
    }
}

const LOSS_WINDOW: u64 = ReplayWindow::<LOSS_WINDOW_WORDS>::BITS;
