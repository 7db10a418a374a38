//! Starting VLC with its HTTP interface, on loopback and behind a password that no other person of the machine sees.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use rand::Rng;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::http::Door;
use crate::film::{
    folder::PrivateFolder, player::PlayerError, programs::PlayerKind, refused::PlayerRefused,
};

/// From the start of the program until it answers.
const START_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How VLC is to be started.
#[derive(Clone, Debug, Default)]
pub struct VlcStart {
    /// Its program; the first in `PATH` when absent.
    pub program: Option<PathBuf>,
    /// Without window and sound, for machines that have none.
    pub headless: bool,
    /// Further options, which win over ours.
    pub options: Vec<String>,
}

const OPTIONS: [&str; 7] = [
    "--extraintf=http",
    "--http-host=127.0.0.1",
    // At the end the last picture stays.
    "--play-and-pause",
    "--no-video-title-show",
    "--no-one-instance",
    "--no-playlist-autostart",
    // Nothing is fetched from anywhere.
    "--no-metadata-network-access",
];

/// The program as it runs, and its settings, which go with it.
pub(super) struct Process {
    pub child: Child,
    _settings: PrivateFolder,
}

/// # Errors
/// `player_missing`, `player_failed`
pub(super) async fn start(wish: VlcStart) -> Result<(Process, Door), PlayerRefused> {
    let program = PlayerKind::Vlc.found(wish.program)?;
    let failed = |why: &str| PlayerRefused::failed("VLC", why);
    let because = |error: io::Error| PlayerRefused::failed("VLC", &error.to_string());
    let door = Door {
        address: free_port().map_err(because)?,
        password: format!("{:032x}", rand::rng().random::<u128>()),
    };
    let folder = PrivateFolder::new("vlc").map_err(because)?;
    let settings = folder.path().join("vlcrc");
    let secret = format!("[lua]\nhttp-password={}\n", door.password);
    std::fs::write(&settings, secret).map_err(because)?;
    let mut command = Command::new(program);
    command
        .args(OPTIONS)
        .arg(format!("--config={}", settings.display()))
        .arg(format!("--http-port={}", door.address.port()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if wish.headless {
        command.args(["--intf=dummy", "--vout=dummy", "--aout=dummy"]);
    }
    let mut process = Process {
        child: command.args(&wish.options).spawn().map_err(because)?,
        _settings: folder,
    };
    let deadline = Instant::now() + START_MAX;
    loop {
        match door.ask("").await {
            Ok(_) => return Ok((process, door)),
            Err(PlayerError::Refused(why)) => return Err(failed(&why)),
            Err(PlayerError::Gone | PlayerError::Hung) => {}
        }
        if let Ok(Some(status)) = process.child.try_wait() {
            return Err(failed(&format!("it ended at once ({status})")));
        }
        if Instant::now() >= deadline {
            return Err(failed("it takes no commands"));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// A port that nobody has now.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
