//! A client in a process of its own, told what to do in lines of JSON.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use conclave_client::link::invite::Invite;
use serde_json::{Value, json};

use super::sound_server::SoundServer;
use crate::Outcome;

/// Ended when it is dropped.
pub struct Headless {
    child: Child,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    /// Its number in the room.
    pub you: u32,
}

impl Headless {
    /// Joins with the microphone and the speaker that have its name.
    pub fn join(
        invite: &Invite,
        name: &str,
        sound: &SoundServer,
        frames_per_packet: u8,
        camera: bool,
    ) -> Outcome<Headless> {
        let program = std::env::current_exe()?.with_file_name("conclave-headless");
        let mut child = Command::new(&program)
            .env("PULSE_SERVER", sound.address())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let mut orders = child.stdin.take().ok_or("no input")?;
        let said = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let device = |what: &str| {
            let name = format!("{name}_{what}");
            json!({"choose": "device", "id": format!("pulseaudio:{name}"), "name": name})
        };
        let join = json!({
            "link": invite.to_string(),
            "name": name,
            "microphone": true,
            "camera": camera,
            "frames_per_packet": frames_per_packet,
            "devices": {
                "microphone": device("microphone"),
                "speaker": device("hears"),
                "camera": {"choose": "device", "id": "test-picture", "name": "Test picture"},
            },
        });
        writeln!(orders, "{join}")?;
        let mut headless = Headless {
            child,
            orders,
            said,
            you: 0,
        };
        let joined = headless.hear("joined")?;
        let you = joined["you"]
            .as_u64()
            .and_then(|you| u32::try_from(you).ok());
        headless.you = you.ok_or("it has no number")?;
        Ok(headless)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn order(&mut self, order: &Value) -> Outcome<()> {
        Ok(writeln!(self.orders, "{order}")?)
    }

    pub fn state(&mut self) -> Outcome<Value> {
        self.order(&json!({"do": "state"}))?;
        self.hear("state")
    }

    /// Reads on until it says this.
    fn hear(&mut self, what: &str) -> Outcome<Value> {
        loop {
            let line = self.said.next().ok_or("the client has ended")??;
            let said: Value = serde_json::from_str(&line)?;
            if said["said"] == what {
                return Ok(said);
            }
        }
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
