//! A PulseAudio without sound cards: what is played can be recorded, and what is fed is a microphone.

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use conclave_scenario::server::DEADLINE;
use parking_lot::Mutex;
use tempfile::TempDir;

/// Two people, each with a speaker and a microphone.
const SCRIPT: &str = "
load-module module-native-protocol-unix auth-anonymous=1 socket=SOCKET
load-module module-null-sink sink_name=ada_hears rate=48000 channels=1
load-module module-null-sink sink_name=bob_hears rate=48000 channels=1
load-module module-null-sink sink_name=ada_says rate=48000 channels=1
load-module module-null-sink sink_name=bob_says rate=48000 channels=1
load-module module-remap-source master=ada_says.monitor source_name=ada_microphone
load-module module-remap-source master=bob_says.monitor source_name=bob_microphone
set-default-sink bob_hears
set-default-source bob_microphone
";

pub struct SoundServer {
    folder: TempDir,
    child: Child,
}

/// What is heard on a sink, from the beginning of the recording on, mono at 48 kHz.
pub struct Recorder {
    child: Child,
    heard: Arc<Mutex<Vec<i16>>>,
}

impl SoundServer {
    /// # Panics
    /// When PulseAudio is not installed or does not start.
    pub fn start() -> SoundServer {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script.pa");
        let socket = folder.path().join("native");
        fs::write(&script, SCRIPT.replace("SOCKET", socket.to_str().unwrap())).unwrap();
        let child = Command::new("pulseaudio")
            .args([
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--use-pid-file=no",
            ])
            .args([
                "--disable-shm=yes",
                "--realtime=no",
                "--high-priority=no",
                "-F",
            ])
            .arg(&script)
            .envs([("HOME", folder.path()), ("XDG_RUNTIME_DIR", folder.path())])
            .env("PULSE_RUNTIME_PATH", folder.path())
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is installed");
        let server = SoundServer { folder, child };
        let deadline = Instant::now() + DEADLINE;
        while server.try_control(&["info"]).is_none() {
            assert!(Instant::now() < deadline, "PulseAudio does not start");
            thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// For PULSE_SERVER.
    pub fn address(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("native")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PULSE_SERVER", self.address())
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn try_control(&self, words: &[&str]) -> Option<String> {
        let output = self.command("pactl").args(words).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then_some(text)
    }

    fn control(&self, words: &[&str]) -> String {
        let done = self.try_control(words);
        done.unwrap_or_else(|| panic!("pactl {words:?} is refused"))
    }

    /// Pulls the plug of a sink or a source; gives what connects it again.
    pub fn unplug(&self, name: &str) -> String {
        let modules = self.control(&["list", "short", "modules"]);
        let module = modules
            .lines()
            .find(|line| line.contains(&format!("_name={name}")))
            .unwrap_or_else(|| panic!("no {name} in {modules}"));
        let mut fields = module.split('\t');
        let (number, kind) = (fields.next().unwrap(), fields.next().unwrap());
        let arguments = fields.next().unwrap().to_owned();
        self.control(&["unload-module", number]);
        format!("{kind} {arguments}")
    }

    pub fn plug(&self, what: &str) {
        let words: Vec<&str> = what.split(' ').collect();
        self.control(&[&["load-module"], &words[..]].concat());
    }

    /// Says something into a microphone, in its own time; returns when the last of it is on its way.
    pub fn say(&self, into: &str, speech: &[i16]) {
        let mut child = self
            .command("pacat")
            .args([
                "--playback",
                "--raw",
                "--format=s16le",
                "--rate=48000",
                "--channels=1",
            ])
            .args(["--latency-msec=20", &format!("--device={into}")])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let bytes: Vec<u8> = speech
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        child.wait().unwrap();
    }

    pub fn record(&self, sink: &str) -> Recorder {
        let mut child = self
            .command("parec")
            .args(["--raw", "--format=s16le", "--rate=48000", "--channels=1"])
            .args(["--latency-msec=20", &format!("--device={sink}.monitor")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut sound = child.stdout.take().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&heard);
        thread::spawn(move || {
            let (mut buffer, mut kept) = ([0; 4_096], Vec::new());
            while let Ok(count @ 1..) = sound.read(&mut buffer) {
                kept.extend_from_slice(&buffer[..count]);
                let whole = kept.len() / 2 * 2;
                let samples = kept[..whole].chunks_exact(2);
                let samples = samples.map(|two| i16::from_le_bytes([two[0], two[1]]));
                keeps.lock().extend(samples);
                kept.drain(..whole);
            }
        });
        Recorder { child, heard }
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Recorder {
    /// Everything up to now.
    pub fn heard(&self) -> Vec<i16> {
        self.heard.lock().clone()
    }

    /// Waits until it runs, so that nothing is missed.
    pub fn running(self) -> Recorder {
        self.listen(20);
        self
    }

    /// Listens so much longer.
    pub fn listen(&self, ms: usize) {
        let until = self.heard.lock().len() + ms * 48;
        let deadline = Instant::now() + DEADLINE + Duration::from_millis(ms as u64);
        while self.heard.lock().len() < until {
            assert!(Instant::now() < deadline, "the recording stands still");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
