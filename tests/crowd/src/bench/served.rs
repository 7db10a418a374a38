//! The server under measure: a process of its own, with a data folder that is gone afterwards.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use conclave_client::link::invite::Invite;
use tempfile::TempDir;

use crate::{Outcome, process};

/// Limits on strangers, which here all come from one address, are taken away.
const CONFIG: &str = r#"
log_level = "warn"
advertised_addresses = ["127.0.0.1"]
rooms_max = 5000
connections_per_address_max = 16384
handshakes_per_address_burst = 100000
handshakes_per_address_per_second = 100000
rooms_made_per_stranger = 1000000
joins_per_stranger = 1000000
messages_per_stranger = 1000000
requests_per_stranger = 1000000
joins_per_address_burst = 100000
joins_per_address_per_second = 100000
"#;

/// A running server. Dropping it kills it.
pub struct Served {
    folder: TempDir,
    child: Child,
    /// Into the first room, as its host.
    pub host: Invite,
    /// To the operator's pages.
    pub admin: String,
    ports: (u16, u16),
    /// From the start of the process to the links that it prints.
    pub printed_after: Duration,
}

struct Printed {
    host: String,
    admin: String,
    ports: (u16, u16),
}

impl Served {
    /// A server on free ports, with an empty data folder.
    pub fn start() -> Outcome<Served> {
        Served::with("")
    }

    /// The same with more settings.
    pub fn with(settings: &str) -> Outcome<Served> {
        let folder = tempfile::Builder::new()
            .prefix("conclave-bench")
            .tempdir()?;
        fs::write(
            folder.path().join("conclave.toml"),
            format!("{CONFIG}{settings}"),
        )?;
        Served::spawn(folder, (0, 0))
    }

    /// Ends it as a failing machine would, and starts it again on the same data and ports.
    pub fn kill_and_start_again(&mut self) -> Outcome<()> {
        self.kill();
        let began = Instant::now();
        let (child, _) = spawn(&self.folder, self.ports)?;
        self.child = child;
        self.printed_after = began.elapsed();
        Ok(())
    }

    /// Processor seconds since it began.
    pub fn cpu_seconds(&self) -> Outcome<f64> {
        process::cpu_seconds(self.child.id())
    }

    pub fn memory_mb(&self) -> Outcome<f64> {
        process::memory_mb(self.child.id())
    }

    pub fn port(&self) -> u16 {
        self.ports.0
    }

    pub fn udp_port(&self) -> u16 {
        self.ports.1
    }

    /// A folder for the measure's own files, gone with the server.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    fn spawn(folder: TempDir, ports: (u16, u16)) -> Outcome<Served> {
        let began = Instant::now();
        let (child, printed) = spawn(&folder, ports)?;
        let printed_after = began.elapsed();
        Ok(Served {
            folder,
            child,
            host: Invite::parse(&printed.host)?,
            admin: printed.admin,
            ports: printed.ports,
            printed_after,
        })
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &TempDir, (tcp, udp): (u16, u16)) -> Outcome<(Child, Printed)> {
    let program = std::env::current_exe()?.with_file_name("conclave-server");
    let errors = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("errors.log"))?;
    let mut child = Command::new(&program)
        .arg("--config")
        .arg(folder.path().join("conclave.toml"))
        .arg("--data")
        .arg(folder.path().join("data"))
        .args([
            "--tcp-port",
            &tcp.to_string(),
            "--udp-port",
            &udp.to_string(),
        ])
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let printed = child.stdout.take().ok_or("no output").map(printed);
    match printed {
        Ok(Ok(printed)) => Ok((child, printed)),
        Ok(Err(error)) => {
            let _ = child.kill();
            let _ = child.wait();
            let log = fs::read_to_string(folder.path().join("errors.log")).unwrap_or_default();
            Err(format!("{error}\n{log}").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads on until the links are there.
fn printed(stdout: ChildStdout) -> Outcome<Printed> {
    let (mut ports, mut host, mut admin) = (None, None, None);
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next().transpose()? {
        if let Some(rest) = line.strip_prefix("Conclave runs: ") {
            let mut numbers = rest
                .split([' ', ','])
                .filter_map(|word| word.parse::<u16>().ok());
            ports = numbers.next().zip(numbers.next());
        }
        if let Some(rest) = line.strip_prefix("Host:") {
            host = rest.split_whitespace().next().map(str::to_owned);
        }
        if let Some(rest) = line.strip_prefix("Admin:") {
            admin = rest.split_whitespace().next().map(str::to_owned);
            break;
        }
    }
    // What it prints later is not waited for, and must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    let (ports, host) = ports.zip(host).ok_or("the server printed no links")?;
    let admin = admin.ok_or("the server printed no link for its operator")?;
    Ok(Printed { host, admin, ports })
}
