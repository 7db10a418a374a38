//! mpv's JSON IPC (mpv manual, "JSON IPC"): one JSON object a line, answers by request id, events between.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use crate::film::player::PlayerError;

/// An answer comes within this, or the player hangs: below the deadline of whoever asks the player.
pub(super) const ANSWER_MAX: Duration = Duration::from_millis(900);
/// The longest line, a list of tracks, has a few kilobytes.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// Requests that wait for their answers; a player that hangs gets no more than one at a time.
const WAITING_MAX: usize = 32;

/// Socket or pipe.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Answer = Result<Value, String>;

/// A connection. Dropping it ends it.
pub(super) struct Ipc {
    writer: tokio::sync::Mutex<Box<dyn AsyncWrite + Send + Unpin>>,
    shared: Arc<Shared>,
    next: AtomicU64,
    reading: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<Answer>>>,
    gone: AtomicBool,
    /// The last request was not answered in time, nor was anything since.
    silent: AtomicBool,
}

impl Ipc {
    /// Speaks over `stream`; `heard` gets every event and the moment it came, and `None` at the end.
    pub(super) fn over(
        stream: Box<dyn Stream>,
        mut heard: impl FnMut(Instant, Option<&Value>) + Send + 'static,
    ) -> Ipc {
        let (reader, writer) = tokio::io::split(stream);
        let shared = Arc::new(Shared::default());
        let listening = Arc::clone(&shared);
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(reader);
            let mut line = Vec::new();
            while matches!(read_line(&mut lines, &mut line).await, Ok(true)) {
                let now = Instant::now();
                listening.silent.store(false, Ordering::Relaxed);
                let Ok(message) = serde_json::from_slice::<Value>(&line) else {
                    tracing::debug!("mpv said what is no JSON");
                    continue;
                };
                if message.get("event").is_some() {
                    heard(now, Some(&message));
                } else {
                    listening.answered(&message);
                }
            }
            listening.gone.store(true, Ordering::Release);
            // Who waits hears that nothing will come.
            listening.waiting.lock().clear();
            heard(Instant::now(), None);
        });
        Ipc {
            writer: tokio::sync::Mutex::new(Box::new(writer)),
            shared,
            next: AtomicU64::new(1),
            reading,
        }
    }

    /// Does a command, a list of its name and arguments.
    ///
    /// # Errors
    /// `Refused` with mpv's own words; `Hung` after [`ANSWER_MAX`], and then at once until mpv says something;
    /// `Gone`.
    pub(super) async fn ask(&self, command: Value) -> Result<Value, PlayerError> {
        if self.shared.gone.load(Ordering::Acquire) {
            return Err(PlayerError::Gone);
        }
        // What piled up would all be done when it wakes.
        if self.shared.silent.load(Ordering::Relaxed) && !self.shared.waiting.lock().is_empty() {
            return Err(PlayerError::Hung);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.shared.waiting.lock();
            if waiting.len() >= WAITING_MAX {
                return Err(PlayerError::Hung);
            }
            waiting.insert(id, answer);
        }
        let mut line = json!({"command": command, "request_id": id}).to_string();
        line.push('\n');
        let asking = async {
            let mut writer = self.writer.lock().await;
            let written = writer.write_all(line.as_bytes()).await;
            drop(writer);
            written.map_err(|_| PlayerError::Gone)?;
            answered.await.map_err(|_| PlayerError::Gone)
        };
        match timeout(ANSWER_MAX, asking).await {
            Ok(answer) => answer?.map_err(PlayerError::Refused),
            Err(_) => {
                // It stays among those that wait: its answer says that mpv is awake.
                self.shared.silent.store(true, Ordering::Relaxed);
                Err(PlayerError::Hung)
            }
        }
    }

    pub(super) async fn set(&self, property: &str, value: Value) -> Result<(), PlayerError> {
        self.ask(json!(["set_property", property, value]))
            .await
            .map(|_| ())
    }

    pub(super) fn is_gone(&self) -> bool {
        self.shared.gone.load(Ordering::Acquire)
    }
}

impl Drop for Ipc {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Shared {
    fn answered(&self, message: &Value) {
        let Some(id) = message.get("request_id").and_then(Value::as_u64) else {
            return;
        };
        let Some(waiting) = self.waiting.lock().remove(&id) else {
            return;
        };
        let error = message.get("error").and_then(Value::as_str);
        let answer = match error {
            Some("success") => Ok(message.get("data").cloned().unwrap_or(Value::Null)),
            Some(other) => Err(other.to_owned()),
            None => Err("no answer".to_owned()),
        };
        // Who asked may have stopped waiting.
        let _ = waiting.send(answer);
    }
}

/// Whether a line came; a longer one than allowed is an error.
async fn read_line(
    lines: &mut (impl AsyncBufReadExt + Unpin),
    line: &mut Vec<u8>,
) -> io::Result<bool> {
    line.clear();
    let read = lines.take(LINE_BYTES_MAX).read_until(b'\n', line).await?;
    match line.last() {
        Some(b'\n') => Ok(true),
        Some(_) if read as u64 == LINE_BYTES_MAX => Err(io::ErrorKind::InvalidData.into()),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// What was told without being asked for; `None` at the end.
    type Heard = Arc<Mutex<Vec<Option<Value>>>>;

    fn connected() -> (Ipc, BufReader<DuplexStream>, Heard) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        let ipc = Ipc::over(Box::new(ours), move |_, event| {
            hearing.lock().push(event.cloned());
        });
        (ipc, BufReader::new(theirs), heard)
    }

    async fn request(mpv: &mut BufReader<DuplexStream>) -> Value {
        let mut line = String::new();
        mpv.read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn say(mpv: &mut BufReader<DuplexStream>, line: &str) {
        let line = format!("{line}\n");
        mpv.get_mut().write_all(line.as_bytes()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn answers_find_who_asked_though_events_and_rubbish_come_between() {
        let (ipc, mut mpv, heard) = connected();
        let playing = async {
            let asked = request(&mut mpv).await;
            assert_eq!(asked["command"], json!(["get_property", "pid"]));
            say(&mut mpv, r#"{"event":"idle"}"#).await;
            say(&mut mpv, "rubbish").await;
            say(&mut mpv, r#"{"request_id":99,"error":"success"}"#).await;
            let id = &asked["request_id"];
            say(
                &mut mpv,
                &format!(r#"{{"data":7,"request_id":{id},"error":"success"}}"#),
            )
            .await;
            let asked = request(&mut mpv).await;
            let id = &asked["request_id"];
            say(
                &mut mpv,
                &format!(r#"{{"request_id":{id},"error":"property not found"}}"#),
            )
            .await;
        };
        let asking = async {
            let pid = ipc.ask(json!(["get_property", "pid"])).await;
            let no = ipc.ask(json!(["get_property", "no"])).await;
            (pid, no)
        };
        let (_, (pid, no)) = tokio::join!(playing, asking);
        assert_eq!(pid, Ok(json!(7)));
        assert_eq!(no, Err(PlayerError::Refused("property not found".into())));
        assert_eq!(*heard.lock(), [Some(json!({"event": "idle"}))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_player_that_hangs_is_asked_once_and_again_when_it_wakes() {
        let (ipc, mut mpv, _) = connected();
        assert_eq!(ipc.ask(json!(["stop"])).await, Err(PlayerError::Hung));
        for _ in 0..10 {
            assert_eq!(ipc.ask(json!(["stop"])).await, Err(PlayerError::Hung));
        }
        let asked = request(&mut mpv).await;
        say(
            &mut mpv,
            &format!(
                r#"{{"request_id":{},"error":"success"}}"#,
                asked["request_id"]
            ),
        )
        .await;
        while ipc.shared.silent.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let (answer, asked) = tokio::join!(ipc.ask(json!(["quit"])), async {
            let asked = request(&mut mpv).await;
            say(
                &mut mpv,
                &format!(
                    r#"{{"request_id":{},"error":"success"}}"#,
                    asked["request_id"]
                ),
            )
            .await;
            asked
        });
        assert_eq!(asked["command"], json!(["quit"]), "only one waited");
        assert_eq!(answer, Ok(Value::Null));
    }

    #[tokio::test(start_paused = true)]
    async fn a_player_that_is_closed_leaves_nobody_waiting() {
        let (ipc, mpv, heard) = connected();
        let (answer, ()) = tokio::join!(ipc.ask(json!(["stop"])), async { drop(mpv) });
        assert_eq!(answer, Err(PlayerError::Gone));
        assert_eq!(ipc.ask(json!(["stop"])).await, Err(PlayerError::Gone));
        assert_eq!(*heard.lock(), [None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_without_end_is_the_end() {
        let (ipc, mut mpv, _) = connected();
        let flood = async {
            let piece = vec![b'x'; 64 * 1024];
            while mpv.get_mut().write_all(&piece).await.is_ok() {}
            std::future::pending().await
        };
        let answer = tokio::select! {
            answer = ipc.ask(json!(["stop"])) => answer,
            () = flood => unreachable!("it has no end"),
        };
        assert_eq!(answer, Err(PlayerError::Gone));
    }
}
