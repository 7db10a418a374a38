//! Pictures on their way to the page: of each camera the newest, of the screen what it lacks. A page that
//! asks too late gets newer pictures and never more of them, so one that stops asking costs nothing.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use conclave_wire::ParticipantId;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::timeout};

use crate::{client::FrameTaker, screen::ScreenRelay};

/// A page is answered after this even if there is nothing, so that neither side waits for a dead one.
pub const POLL_MAX: Duration = Duration::from_secs(10);
/// One answer. What does not fit comes with the next.
pub const FRAMES_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Kind, source, length.
const HEADER_BYTES: usize = 1 + 4 + 4;
const CAMERA: u8 = 1;
const OWN_CAMERA: u8 = 2;
const SCREEN: u8 = 3;

/// The mailbox that the page empties.
#[derive(Default)]
pub struct Frames {
    waiting: Mutex<Waiting>,
    changed: Notify,
    /// Rises with each question: only the newest is answered with pictures.
    newest: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    cameras: BTreeSet<ParticipantId>,
    taker: Option<FrameTaker>,
    own: Option<Bytes>,
    screen: Option<Arc<ScreenRelay>>,
    screen_news: bool,
}

impl Frames {
    /// The newest pictures, as soon as there are any: for each a kind (1 a camera, 2 our own camera, 3 a
    /// message of the screen link), the participant, the length in bytes (big-endian, 1 + 4 + 4 bytes), and
    /// the picture. Empty after [`POLL_MAX`], or when a later question has taken its place.
    ///
    /// A question says that the answer before has arrived.
    pub async fn next(&self) -> Vec<u8> {
        let turn = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        // Whoever asked before is answered now.
        self.changed.notify_waiters();
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.newest.load(Ordering::SeqCst) != turn {
                    return Vec::new();
                }
                let batch = self.waiting.lock().take();
                if !batch.is_empty() {
                    return batch;
                }
                changed.await;
            }
        };
        timeout(POLL_MAX, waiting).await.unwrap_or_default()
    }

    /// A meeting begins: its cameras are taken here.
    pub(super) fn begin(&self, taker: FrameTaker) {
        *self.waiting.lock() = Waiting {
            taker: Some(taker),
            ..Waiting::default()
        };
    }

    pub(super) fn end(&self) {
        *self.waiting.lock() = Waiting::default();
    }

    /// Somebody's newest picture waits at the taker.
    pub(super) fn camera(&self, source: ParticipantId) {
        self.waiting.lock().cameras.insert(source);
        self.changed.notify_waiters();
    }

    /// A picture of our own camera replaces the one before.
    pub(super) fn own(&self, jpeg: Bytes) {
        self.waiting.lock().own = Some(jpeg);
        self.changed.notify_waiters();
    }

    /// The screen that is viewed now.
    pub(super) fn view(&self, screen: Option<Arc<ScreenRelay>>) {
        let mut waiting = self.waiting.lock();
        waiting.screen = screen;
        waiting.screen_news = false;
    }

    pub(super) fn screen(&self) {
        self.waiting.lock().screen_news = true;
        self.changed.notify_waiters();
    }
}

impl Waiting {
    fn take(&mut self) -> Vec<u8> {
        let mut batch = Vec::new();
        if let Some(jpeg) = self.own.take() {
            put(&mut batch, OWN_CAMERA, 0, &jpeg);
        }
        while batch.len() < FRAMES_BYTES_MAX
            && let Some(source) = self.cameras.pop_first()
        {
            let frame = self.taker.as_ref().and_then(|taker| taker.take(source));
            if let Some(frame) = frame {
                put(&mut batch, CAMERA, source.0, &frame.jpeg);
            }
        }
        if self.screen_news
            && let Some(screen) = &self.screen
        {
            self.screen_news = false;
            for message in screen.take() {
                // There may be more than the page has room for at once.
                self.screen_news = true;
                put(&mut batch, SCREEN, 0, &message);
            }
        }
        batch
    }
}

fn put(batch: &mut Vec<u8>, kind: u8, source: u32, bytes: &[u8]) {
    batch.reserve(HEADER_BYTES + bytes.len());
    batch.push(kind);
    batch.extend_from_slice(&source.to_be_bytes());
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    batch.extend_from_slice(&length.to_be_bytes());
    batch.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_picture_takes_the_place_of_those_that_nobody_fetched() {
        let frames = Frames::default();
        for shade in 0..200_u8 {
            frames.own(vec![shade; 1_000].into());
        }
        let batch = frames.next().await;
        assert_eq!(batch.len(), HEADER_BYTES + 1_000, "one picture, not all");
        assert_eq!(
            batch[..HEADER_BYTES],
            [OWN_CAMERA, 0, 0, 0, 0, 0, 0, 3, 232]
        );
        assert!(batch[HEADER_BYTES..].iter().all(|&byte| byte == 199));
    }

    #[tokio::test]
    async fn a_later_question_takes_the_place_of_an_earlier_one() {
        let frames = Arc::new(Frames::default());
        let early = tokio::spawn({
            let frames = frames.clone();
            async move { frames.next().await }
        });
        tokio::task::yield_now().await;
        let late = tokio::spawn({
            let frames = frames.clone();
            async move { frames.next().await }
        });
        assert!(early.await.unwrap().is_empty());
        frames.own(Bytes::from_static(b"picture"));
        assert!(late.await.unwrap().ends_with(b"picture"));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        assert!(Frames::default().next().await.is_empty());
    }
}
