//! A PostgreSQL server of the tests' own: in a folder of its own, reached by a socket there, started when
//! the first test wants it, and gone with the tests, however they end.

use std::{
    env, fs, io,
    io::Write as _,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const START_DEADLINE: Duration = Duration::from_secs(30);
const LOOKED_AGAIN: Duration = Duration::from_millis(20);

/// Keeps the server as long as somebody holds the other end of its input: a test that is killed closes it, too.
/// With a second word it removes what the server has left.
const KEEPER: &str = r#"
bin=$1 folder=$2 remove=$3
"$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=300 \
    -c shared_buffers=32MB >"$folder/log" 2>&1 </dev/null &
server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server"
[ -z "$remove" ] || rm -rf "$folder"
"#;

pub struct Postgres {
    folder: PathBuf,
    bin: PathBuf,
    user: Option<(u32, u32)>,
    keepers: Mutex<Vec<Child>>,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that the tests of this program share. `None` when none is installed, which is said, and is
    /// a failure in continuous integration.
    pub fn shared() -> Option<&'static Postgres> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(Postgres::start).as_ref()
    }

    /// A server for one test, which stops it in the middle.
    ///
    /// # Panics
    /// When it is installed and does not start.
    pub fn start() -> Option<Postgres> {
        let Some(bin) = programs() else {
            let ci = env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "PostgreSQL is not installed: scripts/prepare test");
            // Past what the tests' runner captures.
            let said = "SKIPPED on PostgreSQL: it is not installed (scripts/prepare test)\n";
            io::stderr().write_all(said.as_bytes()).ok();
            return None;
        };
        let folder = TempDir::with_prefix("conclave-pg-").expect("a temporary folder");
        let user = unprivileged(folder.path());
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).expect("root may give a folder away");
        }
        let server = Postgres {
            // The keeper removes it.
            folder: folder.keep(),
            bin,
            user,
            keepers: Mutex::default(),
            databases: AtomicU32::new(0),
        };
        let data = server.folder.join("data");
        let mut made = server.program("initdb");
        made.arg("-D").arg(&data);
        made.args(["-U", "conclave", "--auth=trust", "--no-sync"]);
        succeeded(&made.args(["--encoding=UTF8", "--locale=C"]).output());
        server.run("remove");
        Some(server)
    }

    /// The address of a new database, with nothing in it.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let mut made = self.program("createdb");
        made.arg("-h").arg(&self.folder).args(["-U", "conclave"]);
        succeeded(&made.arg(&name).output());
        let host: String = self
            .folder
            .to_str()
            .expect("temporary folders are text")
            .replace('/', "%2F");
        format!("postgres://conclave@{host}/{name}?sslmode=disable")
    }

    /// Ends it: as an operator would, or as a crash does. Connections break either way.
    ///
    /// # Panics
    /// When it does not end.
    #[allow(dead_code, reason = "not every test program stops it")]
    pub fn stop(&self, crashes: bool) {
        let pid = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        let pid = pid.lines().next().expect("the first line is the process");
        let signal = if crashes { "-QUIT" } else { "-INT" };
        succeeded(&Command::new("kill").args([signal, pid]).output());
        let deadline = Instant::now() + START_DEADLINE;
        while self.folder.join("data/postmaster.pid").exists() {
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(LOOKED_AGAIN);
        }
    }

    /// Starts it again after [`Postgres::stop`].
    ///
    /// # Panics
    /// When it does not start.
    #[allow(dead_code, reason = "not every test program stops it")]
    pub fn start_again(&self) {
        self.run("");
    }

    fn run(&self, remove: &str) {
        let mut keeper = Command::new("sh");
        self.give_up_root(&mut keeper);
        let keeper = keeper
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.bin)
            .arg(&self.folder)
            .arg(remove)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not to be told by the terminal what its tests are told.
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        self.keepers
            .lock()
            .expect("no test panics here")
            .push(keeper);
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let mut ready = self.program("pg_isready");
            ready.arg("-q").arg("-h").arg(&self.folder);
            if ready.status().is_ok_and(|status| status.success()) {
                return;
            }
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "it does not start: {}", log());
            thread::sleep(LOOKED_AGAIN);
        }
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        self.give_up_root(&mut command);
        command
    }

    fn give_up_root(&self, command: &mut Command) {
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group).current_dir("/");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Ok(keepers) = self.keepers.get_mut() else {
            return;
        };
        // The newest first, and the one that removes the folder last.
        for keeper in keepers.iter_mut().rev() {
            drop(keeper.stdin.take());
            keeper.wait().ok();
        }
    }
}

/// Where the programs are: in the path, or where Debian has them.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).map(|folder| folder.join("postgres"));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut debian: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin/postgres")))
        .collect();
    debian.sort();
    let mut found = in_path.chain(debian.into_iter().rev());
    // Behind links, where the other programs are.
    let postgres = found.find_map(|postgres| fs::canonicalize(postgres).ok())?;
    let bin = postgres.parent()?;
    bin.join("initdb").exists().then(|| bin.to_owned())
}

/// As whom it runs when the tests are root's, which it refuses to be.
fn unprivileged(own: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let is_root = fs::metadata(own).is_ok_and(|folder| folder.uid() == 0);
    if !is_root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("every system has users");
    let of = |name: &str| {
        let mut lines = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let line = lines.find(|line| line.first() == Some(&name))?;
        Some((line.get(2)?.parse().ok()?, line.get(3)?.parse().ok()?))
    };
    let found = of("postgres").or_else(|| of("nobody"));
    Some(found.expect("a user who is not root"))
}

fn succeeded(done: &io::Result<Output>) {
    let done = done.as_ref().expect("it can be started");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
}
