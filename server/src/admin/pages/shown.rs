//! Quantities as people read them; as JSON they are numbers.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

const KIB: f64 = 1_024.0;

/// Milliseconds since the Unix epoch, shown in UTC.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Stamp(pub u64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0) * 1_000_000;
        // Later than the year 9999 is shown as the first moment there is.
        let at =
            OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / KIB;
        let mut unit = "KiB";
        for larger in ["MiB", "GiB", "TiB", "PiB"] {
            // 1,023.95 would be shown as 1024.0.
            if value < 1_023.95 {
                break;
            }
            value /= KIB;
            unit = larger;
        }
        write!(f, "{value:.1} {unit}")
    }
}

/// Seconds, shown in the two largest units.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Seconds(pub u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, minutes) = (self.0 % 60, self.0 / 60 % 60);
        let (hours, days) = (self.0 / 3_600 % 24, self.0 / 86_400);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {seconds:02} s"),
            (0, _, _) => write!(f, "{hours} h {minutes:02} min"),
            (_, _, _) => write!(f, "{days} d {hours:02} h"),
        }
    }
}

/// A part of a whole in percent, at most 100; none of nothing.
pub fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(100).min(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(Stamp(0).to_string(), "1970-01-01 00:00:00");
        // 2^31 seconds: RFC 3339's and everybody's example.
        assert_eq!(Stamp(2_147_483_648_000).to_string(), "2038-01-19 03:14:08");
        assert_eq!(Stamp(u64::MAX).to_string(), "1970-01-01 00:00:00");
    }

    #[test]
    fn bytes_are_shown_in_the_unit_that_fits() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (1_610_612_736, "1.5 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
    }

    #[test]
    fn times_are_shown_in_two_units() {
        for (seconds, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 01 s"),
            (3_660, "1 h 01 min"),
            (90_000, "1 d 01 h"),
        ] {
            assert_eq!(Seconds(seconds).to_string(), shown);
        }
    }

    #[test]
    fn a_part_is_never_more_than_the_whole() {
        assert_eq!(percent(1, 2), 50);
        assert_eq!(percent(3, 2), 100);
        assert_eq!(percent(3, 0), 100);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
