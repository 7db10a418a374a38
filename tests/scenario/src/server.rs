//! The real server as a process of its own: started, killed, started again on the same ports and data.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use conclave_client::link::{
    dial::Dialer,
    http::{HttpClient, HttpError},
    invite::{Address, Invite},
};
use conclave_wire::http::{CreateRoom, RoomCreated};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Only ends a story that would fail anyway.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// How often a process is asked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Of the log, shown when a story fails.
const LOG_LINES_SHOWN: usize = 40;
/// Clock ticks a second in /proc, on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;

/// The server's program, beside the folder of this test program.
///
/// # Panics
/// When it has not been built.
pub fn program() -> PathBuf {
    let test = env::current_exe().expect("a test program has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("target/PROFILE/deps/PROGRAM");
    let program = folder.join("conclave-server");
    assert!(
        program.exists(),
        "{} is not there: run `cargo build --package conclave-server` first",
        program.display()
    );
    program
}

/// A command for the server that hears nothing of this shell's settings.
pub fn command() -> Command {
    let mut command = Command::new(program());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CONCLAVE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command that should end by itself.
///
/// # Panics
/// When it does not within [`DEADLINE`].
pub fn run_to_end(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the server can be started");
    if wait(&mut child, DEADLINE).is_none() {
        child.kill().ok();
        let output = child.wait_with_output();
        panic!("it runs on instead of saying what is wrong: {output:?}");
    }
    child.wait_with_output().expect("it has ended")
}

/// A server on loopback. Dropping it kills it.
pub struct Server {
    tcp: SocketAddr,
    udp: SocketAddr,
    join_link: String,
    host_link: String,
    settings: Vec<String>,
    data: PathBuf,
    rooms: AtomicU32,
    child: Mutex<Option<Child>>,
    folder: TempDir,
}

/// What a server says when it runs.
struct Banner {
    tcp_port: u16,
    udp_port: u16,
    join_link: String,
    host_link: String,
}

impl Server {
    /// A server with its standard settings.
    pub fn start() -> Server {
        Server::with(&[])
    }

    /// `settings` are assignments like `join_deadline_seconds=1`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn with(settings: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        Server::launch(folder, data, settings)
    }

    /// With its data somewhere else.
    pub fn with_data(data: &Path, settings: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Server::launch(folder, data.to_owned(), settings)
    }

    fn launch(folder: TempDir, data: PathBuf, settings: &[&str]) -> Server {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Server {
            tcp: loopback(0),
            udp: loopback(0),
            join_link: String::new(),
            host_link: String::new(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            data,
            rooms: AtomicU32::new(0),
            child: Mutex::new(None),
            folder,
        };
        let banner = server.spawn();
        server.tcp = loopback(banner.tcp_port);
        server.udp = loopback(banner.udp_port);
        server.join_link = banner.join_link;
        server.host_link = banner.host_link;
        server
    }

    /// Starts the program, on the ports it has or on any.
    fn spawn(&self) -> Banner {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("the log can be written");
        let mut command = command();
        command
            .arg("--data")
            .arg(&self.data)
            .args(["--tcp-port", &self.tcp.port().to_string()])
            .args(["--udp-port", &self.udp.port().to_string()])
            .args(["--set", "tcp_bind=127.0.0.1", "--set", "udp_bind=127.0.0.1"]);
        // Stories join, fail and connect from one address more than people do.
        for setting in [
            "log_level=info,conclave_server=debug",
            "wrong_passwords_per_address_burst=1000",
            "rooms_made_per_stranger=10000",
            "joins_per_stranger=10000",
            "requests_per_stranger=10000",
        ]
        .into_iter()
        .chain(self.settings.iter().map(String::as_str))
        {
            command.args(["--set", setting]);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server can be started");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        *self.child.lock() = Some(child);
        let (said, lines) = mpsc::channel();
        // Reads to the end, so that the server never waits for its output to be taken.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                said.send(line).ok();
            }
        });
        Banner::read(&lines)
            .unwrap_or_else(|| panic!("the server does not start:\n{}", self.log_tail()))
    }

    /// As the power fails, for the program.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Starts again what was killed or stopped, on the same ports and data.
    ///
    /// # Panics
    /// When it still runs, or does not start.
    pub fn start_again(&self) {
        assert!(self.child.lock().is_none(), "it still runs");
        let banner = self.spawn();
        assert_eq!(
            (banner.tcp_port, banner.udp_port),
            (self.tcp.port(), self.udp.port())
        );
    }

    /// Asks it to stop, as systems do, and waits for it.
    ///
    /// # Panics
    /// When it does not stop within [`DEADLINE`].
    pub fn stop(&self) -> ExitStatus {
        let mut child = self.child.lock().take().expect("it runs");
        kill_process(pid(&child), Signal::TERM).expect("it can be signalled");
        match wait(&mut child, DEADLINE) {
            Some(status) => status,
            None => {
                child.kill().ok();
                panic!("it does not stop:\n{}", self.log_tail());
            }
        }
    }

    /// Nothing of it runs until [`thaw`](Server::thaw), as on a machine that swaps.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock();
        let child = child.as_ref().expect("it runs");
        kill_process(pid(child), signal).expect("it can be signalled");
    }

    pub fn is_running(&self) -> bool {
        let mut child = self.child.lock();
        let child = child.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    pub fn tcp(&self) -> SocketAddr {
        self.tcp
    }

    pub fn udp(&self) -> SocketAddr {
        self.udp
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// To the first room.
    pub fn invite(&self) -> Invite {
        Invite::parse(&self.join_link).expect("the server's links can be read")
    }

    /// To the first room, as its host.
    pub fn host_invite(&self) -> Invite {
        Invite::parse(&self.host_link).expect("the server's links can be read")
    }

    pub fn http(&self) -> HttpClient {
        HttpClient::new(Dialer::new(&self.invite()).expect("TLS works here"))
    }

    /// A new room with its own settings; the invite makes its bearer host.
    pub async fn room_with(&self, room: CreateRoom) -> Invite {
        let created = self.try_room(room).await;
        let created = created.unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()));
        Invite::parse(&created.host_link).expect("the server's links can be read")
    }

    /// A new room for one story among several on this server.
    pub async fn room(&self) -> Invite {
        let number = self.rooms.fetch_add(1, Ordering::Relaxed);
        self.room_with(CreateRoom {
            title: format!("Room {number}"),
            ..CreateRoom::default()
        })
        .await
    }

    /// # Errors
    /// What the server says.
    pub async fn try_room(&self, room: CreateRoom) -> Result<RoomCreated, HttpError> {
        self.http().create_room(&room).await
    }

    /// Memory that is really there for it (resident set), in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("Linux says VmRSS in kB") * 1_024
    }

    /// Processor time that it has used since it was started.
    pub fn processor_time(&self) -> Duration {
        let stat = self.proc("stat");
        // The name, in parentheses, may hold spaces; user and system time are the 14th and 15th field.
        let (_, rest) = stat.rsplit_once(") ").expect("proc(5)");
        let ticks: u64 = rest
            .split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().expect("proc(5)"))
            .sum();
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
    }

    fn proc(&self, file: &str) -> String {
        let child = self.child.lock();
        let id = child.as_ref().expect("it runs").id();
        fs::read_to_string(format!("/proc/{id}/{file}")).expect("this is Linux, and it runs")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// What it said last.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.lock().is_none() {
            return;
        }
        self.kill();
        if thread::panicking() {
            eprintln!("the server's last words:\n{}", self.log_tail());
        }
    }
}

impl Banner {
    /// `None` when the program ends without it, or takes too long.
    fn read(lines: &mpsc::Receiver<String>) -> Option<Banner> {
        let deadline = Instant::now() + DEADLINE;
        let (mut ports, mut join_link, mut host_link) = (None, None, None);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).ok()?;
            if let Some(rest) = line.strip_prefix("Conclave runs: TCP port ") {
                let (tcp, rest) = rest.split_once(" and UDP port ")?;
                let (udp, _) = rest.split_once(',')?;
                ports = Some((tcp.parse().ok()?, udp.parse().ok()?));
            } else if let Some(link) = line.strip_prefix("Join:") {
                join_link = Some(link.trim().to_owned());
            } else if let Some(link) = line.strip_prefix("Host:") {
                host_link = link.split_whitespace().next().map(str::to_owned);
            } else if line.starts_with("Admin:") {
                let (tcp_port, udp_port) = ports?;
                return Some(Banner {
                    tcp_port,
                    udp_port,
                    join_link: join_link?,
                    host_link: host_link?,
                });
            }
        }
    }
}

/// One server for the stories of a file that run at the same time; it ends with the last of them.
pub struct SharedServer {
    server: Mutex<Weak<Server>>,
    settings: &'static [&'static str],
}

impl SharedServer {
    pub const fn new(settings: &'static [&'static str]) -> SharedServer {
        SharedServer {
            server: Mutex::new(Weak::new()),
            settings,
        }
    }

    pub fn get(&self) -> Arc<Server> {
        let mut server = self.server.lock();
        server.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Server::with(self.settings));
            *server = Arc::downgrade(&started);
            started
        })
    }
}

/// The same invite by way of a proxy.
pub fn through(invite: &Invite, proxy: SocketAddr) -> Invite {
    Invite {
        addresses: vec![Address {
            host: proxy.ip().to_string(),
            port: proxy.port(),
        }],
        ..invite.clone()
    }
}

fn pid(child: &Child) -> Pid {
    let id = i32::try_from(child.id()).expect("ids of processes are positive numbers of 31 bits");
    Pid::from_raw(id).expect("a child is not process 0")
}

fn wait(child: &mut Child, at_most: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}
