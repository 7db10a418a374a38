//! What the process takes of its machine, as the overview shows it.

use std::path::Path;

use conclave_core::Moment;
use serde::Serialize;

use crate::telemetry::system::{Disk, ProcessUse};

/// What is not known on this system is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MachineFigures {
    /// 100 is one core.
    pub cpu_percent: Option<f64>,
    pub memory_bytes: Option<u64>,
    pub disk_free_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
}

/// Measures between two calls.
#[derive(Debug, Default)]
pub struct MachineMeter {
    last: Option<(Moment, f64)>,
}

impl MachineMeter {
    /// It reads a few small files and asks for the space of the disk: it blocks.
    pub fn measure(&mut self, data: &Path, now: Moment) -> MachineFigures {
        let (process, disk) = (ProcessUse::now(), Disk::of(data));
        MachineFigures {
            cpu_percent: process.and_then(|process| self.cpu_percent(process.cpu_seconds, now)),
            memory_bytes: process.map(|process| process.resident_bytes),
            disk_free_bytes: disk.map(|disk| disk.free_bytes),
            disk_bytes: disk.map(|disk| disk.total_bytes),
        }
    }

    fn cpu_percent(&mut self, used: f64, now: Moment) -> Option<f64> {
        let (before, used_before) = self.last.replace((now, used))?;
        let passed = now.since(before).as_secs_f64();
        (passed > 0.0).then(|| 100.0 * (used - used_before) / passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_what_was_used_since_the_last_time() {
        let mut meter = MachineMeter::default();
        assert_eq!(meter.cpu_percent(10.0, Moment::from_ms(0)), None);
        assert_eq!(meter.cpu_percent(10.5, Moment::from_ms(1_000)), Some(50.0));
        assert_eq!(meter.cpu_percent(13.5, Moment::from_ms(2_000)), Some(300.0));
        assert_eq!(meter.cpu_percent(14.0, Moment::from_ms(2_000)), None);
    }
}
