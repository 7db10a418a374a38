//! What fits: bytes are reserved before the first one is taken, so that an upload which was let in
//! can finish.

use conclave_wire::RefusalCode;

/// Space for files, of a room or of the whole server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quota {
    bytes_max: u64,
    /// Invariant: `taken <= bytes_max`, unless the limit was lowered between two starts.
    taken_bytes: u64,
    when_full: RefusalCode,
}

impl Quota {
    pub fn new(bytes_max: u64, when_full: RefusalCode) -> Quota {
        Quota {
            bytes_max,
            taken_bytes: 0,
            when_full,
        }
    }

    /// Counts what stands already, limit or not.
    pub fn found(&mut self, bytes: u64) {
        self.taken_bytes = self.taken_bytes.saturating_add(bytes);
    }

    /// # Errors
    /// The quota's own code when that much is not left; nothing is reserved then.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), RefusalCode> {
        match bytes > self.left_bytes() {
            true => Err(self.when_full),
            false => {
                self.taken_bytes += bytes;
                Ok(())
            }
        }
    }

    pub fn release(&mut self, bytes: u64) {
        self.taken_bytes = self.taken_bytes.saturating_sub(bytes);
    }

    pub fn left_bytes(&self) -> u64 {
        self.bytes_max.saturating_sub(self.taken_bytes)
    }

    pub fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let mut quota = Quota::new(100, RefusalCode::RoomQuotaReached);
        assert_eq!(quota.reserve(60), Ok(()));
        assert_eq!(quota.reserve(41), Err(RefusalCode::RoomQuotaReached));
        assert_eq!(quota.left_bytes(), 40);
        quota.release(60);
        assert_eq!(quota.reserve(100), Ok(()));
        assert_eq!(quota.reserve(u64::MAX), Err(RefusalCode::RoomQuotaReached));
    }

    #[test]
    fn a_lowered_limit_refuses_until_there_is_room_again() {
        let mut quota = Quota::new(10, RefusalCode::ServerQuotaReached);
        quota.found(25);
        assert_eq!(quota.reserve(1), Err(RefusalCode::ServerQuotaReached));
        quota.release(20);
        assert_eq!(quota.reserve(5), Ok(()));
    }
}
