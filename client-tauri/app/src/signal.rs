//! Words to a Conclave that runs already, by a socket in the person's own folder: so there is one window, links
//! find it, and the desktop's own shortcuts switch the microphone (`conclave ptt`).

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use conclave_client::desk::{Desk, Talk};
use tauri::AppHandle;

use crate::links;

const SOCKET: &str = "conclave.sock";
/// A join link is the longest word.
const WORD_BYTES_MAX: u64 = 8 * 1024;
const WORD_DEADLINE: Duration = Duration::from_secs(2);
const DONE: &str = "ok";

/// What may be said.
#[derive(Debug, Eq, PartialEq)]
enum Word {
    Show,
    Open(String),
    Talk(Talk),
    Mute,
}

impl Word {
    fn parse(line: &str) -> Option<Word> {
        Some(match line.split_once(' ') {
            None if line == "show" => Word::Show,
            Some(("open", link)) => Word::Open(link.to_owned()),
            Some(("ptt", "on")) => Word::Talk(Talk::On),
            Some(("ptt", "off")) => Word::Talk(Talk::Off),
            Some(("ptt", "toggle")) => Word::Talk(Talk::Toggle),
            Some(("ptt", "mute")) => Word::Mute,
            _ => return None,
        })
    }
}

/// Says a word to the Conclave that runs.
///
/// # Errors
/// When none runs, or it does not understand.
pub fn send(word: &str) -> io::Result<()> {
    send_to(&folder()?.join(SOCKET), word)
}

fn send_to(socket: &Path, word: &str) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(WORD_DEADLINE))?;
    stream.set_write_timeout(Some(WORD_DEADLINE))?;
    writeln!(stream, "{word}")?;
    let mut answer = String::new();
    BufReader::new(stream.take(WORD_BYTES_MAX)).read_line(&mut answer)?;
    match answer.trim() == DONE {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Hears words from now on, on a thread of its own.
pub fn listen(app: &AppHandle, desk: Desk) {
    let listener = match folder().and_then(|folder| bind(&folder.join(SOCKET))) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "links and shortcuts from outside do not reach this window");
            return;
        }
    };
    let app = app.clone();
    let hearing = std::thread::Builder::new().name("words".into());
    let heard = hearing.spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = take(stream, |word| match word {
                Word::Show => links::bring_to_front(&app),
                Word::Open(link) => {
                    desk.open_link(link);
                    links::bring_to_front(&app);
                }
                Word::Talk(talk) => switch(&desk, talk),
                Word::Mute => switch(&desk, Talk::Off),
            });
            if let Err(error) = taken {
                tracing::debug!(%error, "a word was not understood");
            }
        }
    });
    if let Err(error) = heard {
        tracing::error!(%error, "no thread to hear words with");
    }
}

fn switch(desk: &Desk, talk: Talk) {
    let desk = desk.clone();
    tauri::async_runtime::spawn(async move { desk.talk(talk).await });
}

fn take(stream: UnixStream, act: impl FnOnce(Word)) -> io::Result<()> {
    stream.set_read_timeout(Some(WORD_DEADLINE))?;
    stream.set_write_timeout(Some(WORD_DEADLINE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(WORD_BYTES_MAX)).read_line(&mut line)?;
    match Word::parse(line.trim()) {
        Some(word) => {
            act(word);
            writeln!(&stream, "{DONE}")
        }
        None => writeln!(&stream, "not understood"),
    }
}

/// A socket that nobody answers on is of a Conclave that was killed.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(socket) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if UnixStream::connect(socket).is_ok() {
                return Err(error);
            }
            fs::remove_file(socket)?;
            UnixListener::bind(socket)
        }
        bound => bound,
    }
}

/// The person's own folder for what lives as long as they are logged in.
fn folder() -> io::Result<PathBuf> {
    if let Some(runtime) = env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(runtime));
    }
    let home = env::var_os("HOME").ok_or(io::ErrorKind::NotFound)?;
    let folder = PathBuf::from(home).join(".cache").join("conclave");
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    // Nobody else may put a socket there.
    match fs::metadata(&folder)?.mode() & 0o022 {
        0 => Ok(folder),
        _ => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_word_reaches_the_one_that_runs_and_nonsense_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join(SOCKET);
        assert!(send_to(&socket, "show").is_err(), "none runs");
        let listener = bind(&socket).unwrap();
        let (words, heard) = mpsc::channel();
        let hearing = std::thread::spawn(move || {
            for stream in listener.incoming().take(3).flatten() {
                let words = words.clone();
                take(stream, move |word| words.send(word).unwrap()).unwrap();
            }
        });
        send_to(&socket, "ptt toggle").unwrap();
        send_to(&socket, "open conclave://a/r/b#k=c").unwrap();
        assert!(send_to(&socket, "rm -rf /").is_err());
        hearing.join().unwrap();
        let heard: Vec<Word> = heard.iter().collect();
        let link = Word::Open("conclave://a/r/b#k=c".to_owned());
        assert_eq!(heard, [Word::Talk(Talk::Toggle), link]);
    }

    #[test]
    fn the_socket_of_a_killed_one_is_taken_over_and_that_of_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join(SOCKET);
        let living = bind(&socket).unwrap();
        assert!(bind(&socket).is_err());
        drop(living);
        assert!(bind(&socket).is_ok());
    }
}
