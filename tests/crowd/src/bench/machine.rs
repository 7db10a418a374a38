//! What the figures were measured on.

use std::{fs, process::Command};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Everything that a figure depends on and the measure does not.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    commit: String,
    date: String,
    load_average: String,
}

impl Machine {
    /// This machine, now. `commit` is asked of git when it is not given.
    pub fn look(commit: Option<&str>) -> Machine {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find(|line| line.starts_with("model name"))
            .and_then(|line| line.split_once(": "));
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let now = OffsetDateTime::now_utc();
        Machine {
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: kernel.trim().to_owned(),
            commit: commit.map_or_else(commit_of_tree, str::to_owned),
            date: format!(
                "{}-{:02}-{:02}",
                now.year(),
                u8::from(now.month()),
                now.day()
            ),
            load_average: load.split(' ').take(2).collect::<Vec<_>>().join(" and "),
        }
    }

    /// What several measures may have in common.
    pub fn to_markdown(&self) -> String {
        format!(
            "| | |\n|---|---|\n| processor | {} |\n| cores | {} |\n| kernel | {} |\n",
            self.processor, self.cores, self.kernel
        )
    }

    /// What belongs to one measure alone.
    pub fn when(&self) -> String {
        format!(
            "Measured on {} at commit {}; load average before it began, over 1 and 5 minutes: {}.",
            self.date, self.commit, self.load_average
        )
    }
}

/// The commit, and whether there is more in the tree than that.
fn commit_of_tree() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    match changed.is_some_and(|changed| !changed.is_empty()) {
        true => format!("{commit}, with changes"),
        false => commit,
    }
}
