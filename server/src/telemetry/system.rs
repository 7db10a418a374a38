//! What the operating system knows about this process, its disk and its UDP port. On systems without
//! `/proc` most of it is not known.

use std::{fs, path::Path};

/// The unit of times in `/proc` (proc(5): `USER_HZ`, 100 on every architecture that we build for).
const TICKS_PER_SECOND: f64 = 100.0;
/// Columns of `/proc/[pid]/stat` behind the command's name, counted from the state (proc(5), fields 14, 15
/// and 20).
const STAT_USER: usize = 11;
const STAT_SYSTEM: usize = 12;
const STAT_THREADS: usize = 17;

/// What this process has used since it started, and has now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessUse {
    /// Of all threads, in user and kernel mode.
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub threads: u64,
}

/// The disk that a folder is on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Disk {
    /// For who is not root.
    pub free_bytes: u64,
    pub total_bytes: u64,
}

impl Disk {
    /// `None` when the system does not say. It blocks.
    pub fn of(folder: &Path) -> Option<Disk> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(Disk {
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    pub fn free_percent(&self) -> f64 {
        self.free_bytes as f64 * 100.0 / self.total_bytes.max(1) as f64
    }
}

impl ProcessUse {
    /// `None` without `/proc`.
    pub fn now() -> Option<ProcessUse> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        ProcessUse::parse(&stat, &status)
    }

    fn parse(stat: &str, status: &str) -> Option<ProcessUse> {
        // The command's name may hold spaces and brackets; the last bracket ends it.
        let (_, columns) = stat.rsplit_once(')')?;
        let columns: Vec<&str> = columns.split_whitespace().collect();
        let number = |place: usize| columns.get(place)?.parse::<u64>().ok();
        let ticks = number(STAT_USER)? + number(STAT_SYSTEM)?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident_kib: u64 = resident.split_whitespace().next()?.parse().ok()?;
        Some(ProcessUse {
            cpu_seconds: ticks as f64 / TICKS_PER_SECOND,
            resident_bytes: resident_kib * 1_024,
            threads: number(STAT_THREADS)?,
        })
    }
}

/// Datagrams to a local UDP port that the kernel dropped because nobody had read them in time, since the
/// port was opened; `None` without `/proc` or without such a port.
pub fn udp_receive_drops(port: u16) -> Option<u64> {
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    let drops = tables
        .iter()
        .filter_map(|table| drops_in(&fs::read_to_string(table).ok()?, port));
    drops.reduce(|left, right| left + right)
}

/// Sums the last column, `drops`, of the lines whose local address ends in the port (four hexadecimal
/// digits).
fn drops_in(table: &str, port: u16) -> Option<u64> {
    let end = format!(":{port:04X}");
    let of_port = table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace();
        let local = columns.nth(1)?;
        let drops = columns.last()?;
        local.ends_with(&end).then(|| drops.parse::<u64>().ok())?
    });
    of_port.reduce(|left, right| left + right)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    const TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  310: 00000000:1D13 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0000000000000000 41
  311: 0100007F:1D13 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 13 2 0000000000000000 1
  312: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 14 2 0000000000000000 999
";

    #[test]
    fn drops_of_the_port_are_summed_and_others_left_out() {
        assert_eq!(drops_in(TABLE, 7443), Some(42));
        assert_eq!(drops_in(TABLE, 53), Some(999));
        assert_eq!(drops_in(TABLE, 54), None);
        assert_eq!(drops_in("", 7443), None);
        assert_eq!(drops_in("head\nshort line\n", 7443), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_nobody_reads_is_counted_as_dropped() {
        let reader = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = reader.local_addr().unwrap();
        assert_eq!(udp_receive_drops(at.port()), Some(0));
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        // Far more than the kernel's default buffer holds.
        for _ in 0..2_000 {
            sender.send_to(&[0; 1_200], at).unwrap();
        }
        assert!(udp_receive_drops(at.port()).unwrap() > 0);
    }

    #[test]
    fn a_process_is_read_however_its_command_is_called() {
        let stat = "7 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 9 0 0 0 0";
        let status = "Name:\ta\nVmRSS:\t    2048 kB\nThreads:\t9\n";
        let process = ProcessUse::parse(stat, status);
        let expected = ProcessUse {
            cpu_seconds: 2.0,
            resident_bytes: 2_097_152,
            threads: 9,
        };
        assert_eq!(process, Some(expected));
        assert_eq!(ProcessUse::parse("", status), None);
        assert_eq!(ProcessUse::parse(stat, ""), None);
    }

    #[test]
    fn a_disk_says_how_much_is_free() {
        let disk = Disk::of(Path::new(".")).unwrap();
        assert!(disk.free_bytes <= disk.total_bytes && disk.total_bytes > 0);
        assert!((0.0..=100.0).contains(&disk.free_percent()));
        assert_eq!(Disk::of(Path::new("/no/such/folder")), None);
    }
}
