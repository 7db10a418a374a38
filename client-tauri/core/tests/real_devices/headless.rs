//! A client in a process of its own, with the devices that its environment gives it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};

use conclave_scenario::server::DEADLINE;
use serde_json::{Value, json};

pub struct Headless {
    child: Child,
    orders: ChildStdin,
    said: mpsc::Receiver<Value>,
    /// What was said and not waited for yet.
    waiting: Vec<Value>,
}

/// How somebody comes: their devices by id, as JSON of the settings.
pub struct Coming<'a> {
    pub link: &'a str,
    pub name: &'a str,
    pub devices: Value,
    pub environment: Vec<(&'a str, String)>,
    pub camera: bool,
}

/// A choice of one of PulseAudio's devices.
pub fn chosen(name: &str) -> Value {
    json!({"choose": "device", "id": format!("pulseaudio:{name}"), "name": name})
}

impl Headless {
    /// # Panics
    /// When they are not let in.
    pub fn come(coming: Coming<'_>) -> Headless {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conclave-headless"));
        for name in [
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "XDG_SESSION_TYPE",
            "XDG_RUNTIME_DIR",
        ] {
            command.env_remove(name);
        }
        let mut child = command
            .envs(coming.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut orders = child.stdin.take().unwrap();
        let join = json!({
            "link": coming.link,
            "name": coming.name,
            "devices": coming.devices,
            "microphone": true,
            "camera": coming.camera,
        });
        writeln!(orders, "{join}").unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                sender.send(serde_json::from_str(&line).unwrap()).ok();
            }
        });
        let mut headless = Headless {
            child,
            orders,
            said,
            waiting: Vec::new(),
        };
        headless.hears("that it is in", |said| {
            (said["said"] == "joined").then_some(())
        });
        headless
    }

    pub fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// Waits for something that it says, now or before; what was waited for is gone.
    ///
    /// # Panics
    /// When it does not.
    pub fn hears<T>(&mut self, what: &str, mut pick: impl FnMut(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut at = 0;
        loop {
            while at < self.waiting.len() {
                if let Some(picked) = pick(&self.waiting[at]) {
                    self.waiting.remove(at);
                    return picked;
                }
                at += 1;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(said) => self.waiting.push(said),
                Err(_) => panic!("it does not say {what}, but: {:#?}", self.waiting),
            }
        }
    }

    /// Waits for an event of its devices.
    pub fn device_event(&mut self, kind: &str) -> Value {
        self.hears(kind, |said| {
            (said["event"]["type"] == kind).then(|| said["event"].clone())
        })
    }

    pub fn state(&mut self) -> Value {
        self.order(&json!({"do": "state"}));
        self.hears("its state", |said| {
            (said["said"] == "state").then(|| said.clone())
        })
    }

    /// Waits until its state is as it should be.
    pub fn reaches(&mut self, what: &str, mut is: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let state = self.state();
            if is(&state) {
                return state;
            }
            assert!(Instant::now() < deadline, "not {what}: {state:#}");
            thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Waits until it speaks and hears through these devices of PulseAudio, and voice finds its way.
    pub fn uses(&mut self, microphone: &str, speaker: &str) {
        let id = |name: &str| json!(format!("pulseaudio:{name}"));
        let (microphone, speaker) = (id(microphone), id(speaker));
        self.reaches("with its devices", |state| {
            state["microphone"]["id"] == microphone && state["speaker"]["id"] == speaker
        });
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        // The end of its orders is the order to leave; if it hangs that is seen.
        writeln!(self.orders, "{}", json!({"do": "leave"})).ok();
        let deadline = Instant::now() + DEADLINE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(std::time::Duration::from_millis(10));
        }
        let ended = matches!(self.child.try_wait(), Ok(Some(_)));
        self.child.kill().ok();
        self.child.wait().ok();
        assert!(ended || thread::panicking(), "it does not leave");
    }
}
