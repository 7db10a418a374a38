//! A PulseAudio without sound cards, and what is said and heard on its sinks.

use std::{
    fs,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use conclave_client::media::devices::{FRAME_SAMPLES, Sound};
use tempfile::TempDir;

use super::hearing::Heard;
use crate::Outcome;

const STARTS_MAX: Duration = Duration::from_secs(10);
/// Recordings come in pieces of this, so that it is known when they were made.
const RECORD_MS: u32 = 5;
const SCRIPT: &str = "
load-module module-native-protocol-unix auth-anonymous=1 socket=SOCKET
load-module module-null-sink sink_name=ada_hears rate=48000 channels=1
load-module module-null-sink sink_name=bob_hears rate=48000 channels=1
load-module module-null-sink sink_name=ada_says rate=48000 channels=1
load-module module-null-sink sink_name=bob_says rate=48000 channels=1
load-module module-remap-source master=ada_says.monitor source_name=ada_microphone
load-module module-remap-source master=bob_says.monitor source_name=bob_microphone
";

/// Ended when it is dropped.
pub struct SoundServer {
    folder: TempDir,
    child: Child,
}

/// A recording that runs.
pub struct Recorder {
    child: Child,
    stopped: Arc<AtomicBool>,
    keeping: JoinHandle<Heard>,
}

/// Somebody who talks.
pub struct Talking {
    child: Child,
    feeding: JoinHandle<std::io::Result<()>>,
}

impl SoundServer {
    pub fn start() -> Outcome<SoundServer> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("script.pa");
        let socket = folder.path().join("native");
        fs::write(
            &script,
            SCRIPT.replace("SOCKET", &socket.display().to_string()),
        )?;
        let child = Command::new("pulseaudio")
            .args([
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--use-pid-file=no",
            ])
            .args(["--disable-shm=yes", "-F"])
            .arg(&script)
            .envs([("HOME", folder.path()), ("XDG_RUNTIME_DIR", folder.path())])
            .env("PULSE_RUNTIME_PATH", folder.path())
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("pulseaudio cannot be started: {error}"))?;
        let server = SoundServer { folder, child };
        let deadline = Instant::now() + STARTS_MAX;
        while !server
            .command("pactl")
            .arg("info")
            .output()?
            .status
            .success()
        {
            if Instant::now() > deadline {
                return Err("PulseAudio does not start".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// For PULSE_SERVER.
    pub fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("native").display())
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

    /// Plays a sound into a sink, in its own time.
    pub fn talk(
        &self,
        into: &str,
        mut sound: impl Sound + 'static,
        seconds: u64,
    ) -> Outcome<Talking> {
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
            .spawn()?;
        let mut input = child.stdin.take().ok_or("no way to talk")?;
        let feeding = thread::spawn(move || {
            let mut frame = [0; FRAME_SAMPLES];
            for _ in 0..seconds * 100 {
                sound.fill(&mut frame);
                let bytes: Vec<u8> = frame
                    .iter()
                    .flat_map(|sample| sample.to_le_bytes())
                    .collect();
                input.write_all(&bytes)?;
            }
            Ok(())
        });
        Ok(Talking { child, feeding })
    }

    pub fn record(&self, sink: &str) -> Outcome<Recorder> {
        let mut child = self
            .command("parec")
            .args(["--raw", "--format=s16le", "--rate=48000", "--channels=1"])
            .arg(format!("--latency-msec={RECORD_MS}"))
            .arg(format!("--device={sink}.monitor"))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut sound = child.stdout.take().ok_or("no recording")?;
        let stopped = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stopped);
        let keeping = thread::spawn(move || {
            let mut heard = Heard::default();
            let (mut buffer, mut odd) = ([0; 4_096], Vec::new());
            while let Ok(count @ 1..) = sound.read(&mut buffer) {
                let at = Instant::now();
                odd.extend_from_slice(&buffer[..count]);
                let pairs = odd.as_chunks::<2>().0;
                heard.push(at, pairs.iter().map(|&pair| i16::from_le_bytes(pair)));
                odd.drain(..odd.len() / 2 * 2);
                if stops.load(Ordering::Relaxed) {
                    break;
                }
            }
            heard
        });
        Ok(Recorder {
            child,
            stopped,
            keeping,
        })
    }
}

impl Recorder {
    pub fn stop(mut self) -> Heard {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.keeping.join().unwrap_or_default()
    }
}

impl Talking {
    /// Until all of it was said.
    pub fn wait(&mut self) -> Outcome<()> {
        while !self.feeding.is_finished() {
            thread::sleep(Duration::from_millis(50));
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
