//! One upload: what may be appended where, when it is whole, when it has waited too long.

use std::time::Duration;

use conclave_wire::RefusalCode;

use crate::Moment;

/// Where an upload stands. Bytes are only ever added at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upload {
    size_bytes: u64,
    /// Invariant: never more than `size_bytes`.
    offset_bytes: u64,
    idle_max: Duration,
    touched: Moment,
}

/// Why bytes were not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AppendRefused {
    #[error("the upload stands at {0}")]
    OffsetMismatch(u64),
    #[error("more bytes than were announced")]
    TooLarge,
    #[error("the upload has expired")]
    Expired,
}

impl AppendRefused {
    pub fn code(self) -> RefusalCode {
        match self {
            AppendRefused::OffsetMismatch(_) => RefusalCode::OffsetMismatch,
            AppendRefused::TooLarge => RefusalCode::FileTooLarge,
            AppendRefused::Expired => RefusalCode::UploadGone,
        }
    }
}

impl Upload {
    /// An upload of `size_bytes` of which `offset_bytes` are there (0, or what a restart found). It
    /// expires when nothing has come for `idle_max`.
    pub fn resume(size_bytes: u64, offset_bytes: u64, idle_max: Duration, now: Moment) -> Upload {
        Upload {
            size_bytes,
            offset_bytes: offset_bytes.min(size_bytes),
            idle_max,
            touched: now,
        }
    }

    /// Whether `bytes` may be appended at `offset`.
    ///
    /// # Errors
    /// [`AppendRefused`]; the upload stays as it is.
    pub fn check(&self, offset: u64, bytes: u64, now: Moment) -> Result<(), AppendRefused> {
        if now >= self.expires() {
            return Err(AppendRefused::Expired);
        }
        if offset != self.offset_bytes {
            return Err(AppendRefused::OffsetMismatch(self.offset_bytes));
        }
        match bytes > self.size_bytes - self.offset_bytes {
            true => Err(AppendRefused::TooLarge),
            false => Ok(()),
        }
    }

    /// Bytes that passed [`Upload::check`] now stand on the disk.
    pub fn appended(&mut self, bytes: u64, now: Moment) {
        self.offset_bytes = self.offset_bytes.saturating_add(bytes).min(self.size_bytes);
        self.touched = now;
    }

    pub fn offset_bytes(&self) -> u64 {
        self.offset_bytes
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub fn is_whole(&self) -> bool {
        self.offset_bytes == self.size_bytes
    }

    pub fn expires(&self) -> Moment {
        self.touched + self.idle_max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn bytes_are_taken_only_at_the_end() {
        let mut upload = Upload::resume(10, 0, HOUR, Moment(0));
        assert_eq!(
            upload.check(1, 1, Moment(1)),
            Err(AppendRefused::OffsetMismatch(0))
        );
        assert_eq!(upload.check(0, 11, Moment(1)), Err(AppendRefused::TooLarge));
        assert_eq!(upload.check(0, 10, Moment(1)), Ok(()));
        upload.appended(10, Moment(1));
        assert!(upload.is_whole());
        assert_eq!(
            upload.check(0, 10, Moment(2)),
            Err(AppendRefused::OffsetMismatch(10))
        );
    }

    #[test]
    fn an_upload_expires_when_nothing_comes_and_not_while_something_does() {
        let mut upload = Upload::resume(10, 0, HOUR, Moment(0));
        let late = Moment(0) + HOUR;
        assert_eq!(upload.check(0, 1, late), Err(AppendRefused::Expired));
        upload.appended(1, Moment::from_ms(1));
        assert_eq!(upload.check(1, 1, late), Ok(()));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_the_file_is_the_bytes_in_order(
            whole in prop::collection::vec(any::<u8>(), 0..200),
            pieces in prop::collection::vec((0..220usize, 0..80usize), 0..60),
        ) {
            let mut upload = Upload::resume(whole.len() as u64, 0, HOUR, Moment(0));
            let mut disk: Vec<u8> = Vec::new();
            for (offset, length) in pieces {
                let Some(piece) = whole.get(offset..offset + length) else {
                    prop_assert!(upload.check(offset as u64, length as u64, Moment(1)).is_err());
                    continue;
                };
                if upload.check(offset as u64, length as u64, Moment(1)).is_ok() {
                    disk.extend_from_slice(piece);
                    upload.appended(length as u64, Moment(1));
                }
            }
            prop_assert_eq!(upload.offset_bytes(), disk.len() as u64);
            prop_assert_eq!(&disk[..], &whole[..disk.len()]);
            prop_assert_eq!(upload.is_whole(), disk.len() == whole.len());
        }
    }
}
