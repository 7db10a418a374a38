//! Starting mpv, and finding the socket of one that runs.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::ipc::Stream;
use crate::film::{folder::PrivateFolder, programs::PlayerKind, refused::PlayerRefused};

/// From the start of the program until it takes commands; a cold disk takes a few seconds.
const START_MAX: Duration = Duration::from_secs(8);
/// How often its socket is looked for: nothing tells that it is there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How mpv is to be started.
#[derive(Clone, Debug, Default)]
pub struct MpvStart {
    /// Its program; the first in `PATH` when absent.
    pub program: Option<PathBuf>,
    /// Without window and sound, for machines that have none.
    pub headless: bool,
    /// Further options, which win over ours.
    pub options: Vec<String>,
}

/// What makes mpv a player that follows.
const OPTIONS: [&str; 18] = [
    "--idle=yes",
    "--no-terminal",
    "--no-config",
    "--force-window=immediate",
    "--pause",
    // At the end the last picture stays, and the film can be taken back.
    "--keep-open=yes",
    "--keep-open-pause=yes",
    "--hr-seek=yes",
    "--hr-seek-framedrop=no",
    "--hwdec=auto-safe",
    // A position is told when its picture is shown, not up to 50 ms before.
    "--video-timing-offset=0",
    "--audio-pitch-correction=yes",
    "--no-resume-playback",
    "--no-save-position-on-quit",
    // A file is a file: nothing is fetched from anywhere.
    "--ytdl=no",
    "--load-unsafe-playlists=no",
    "--access-references=no",
    "--osd-level=1",
];

/// The program as it runs, and the folder of its socket, which goes with it.
pub(super) struct Process {
    pub child: Child,
    pub socket: PathBuf,
    _folder: PrivateFolder,
}

/// Starts mpv and connects to it.
///
/// # Errors
/// `player_missing`, `player_failed`
pub(super) async fn start(wish: MpvStart) -> Result<(Process, Box<dyn Stream>), PlayerRefused> {
    let program = PlayerKind::Mpv.found(wish.program)?;
    let failed = |why: &str| PlayerRefused::failed("mpv", why);
    let folder = PrivateFolder::new("mpv").map_err(|error| failed(&error.to_string()))?;
    let socket = address_in(folder.path());
    let mut command = Command::new(program);
    command
        .args(OPTIONS)
        .arg(format!("--input-ipc-server={}", socket.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if wish.headless {
        command.args(["--vo=null", "--ao=null"]);
    }
    let child = command.args(&wish.options).spawn();
    let child = child.map_err(|error| failed(&error.to_string()))?;
    let mut process = Process {
        child,
        socket: socket.clone(),
        _folder: folder,
    };
    let deadline = Instant::now() + START_MAX;
    loop {
        if let Ok(stream) = connect(&socket).await {
            return Ok((process, stream));
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

#[cfg(unix)]
pub(super) async fn connect(socket: &Path) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(tokio::net::UnixStream::connect(socket).await?))
}

#[cfg(windows)]
pub(super) async fn connect(pipe: &Path) -> io::Result<Box<dyn Stream>> {
    let client = tokio::net::windows::named_pipe::ClientOptions::new().open(pipe)?;
    Ok(Box::new(client))
}

#[cfg(unix)]
fn address_in(folder: &Path) -> PathBuf {
    folder.join("socket")
}

/// Pipes have a name space of their own.
#[cfg(windows)]
fn address_in(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default();
    Path::new(r"\\.\pipe").join(name)
}
