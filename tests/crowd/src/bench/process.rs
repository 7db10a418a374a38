//! Processes: what they use, and how a measure gets one of its own.

use std::{
    fs,
    io::Read,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};

use crate::{Outcome, page::Section};

/// Linux counts processor time in these, on every architecture that Rust's tier 1 knows.
const TICKS_PER_SECOND: f64 = 100.0;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Processor time of a process since it began, all its threads, user and system, in seconds.
pub fn cpu_seconds(pid: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name is in brackets and may hold anything; user and system time are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(") ").ok_or("no such process")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
    };
    let (user, system) = ticks(11).zip(ticks(12)).ok_or("no processor time")?;
    Ok((user + system) / TICKS_PER_SECOND)
}

/// Memory that a process has in RAM, in MB of 10^6 bytes.
pub fn memory_mb(pid: u32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no memory")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1_024.0 / 1e6)
}

/// Processor time of the calling thread since it began, in seconds.
pub fn own_thread_seconds() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().ok_or("no processor time")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}

/// As many open files as the system lets this user have: each person of the load takes two or three.
pub fn raise_open_files() -> Outcome<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// Does one measure in a process of its own, which is killed with its server when it takes too long.
pub fn in_a_child(measure: &str, quick: bool, longest: Duration) -> Outcome<Section> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--role", measure]);
    if quick {
        command.arg("--quick");
    }
    let child = command.stdout(Stdio::piped()).process_group(0).spawn()?;
    let mut group = Group(child);
    let mut stdout = group.0.stdout.take().ok_or("the measure has no output")?;
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let deadline = Instant::now() + longest;
    while !reading.is_finished() {
        if Instant::now() >= deadline {
            return Err(format!("it took longer than {} s", longest.as_secs()).into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let text = reading.join().map_err(|_| "its output was lost")??;
    let line = text.lines().last().ok_or("it ended without figures")?;
    Ok(serde_json::from_str(line)?)
}

/// A child and everything that it started, ended together.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // It has gone already when all went well.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}
