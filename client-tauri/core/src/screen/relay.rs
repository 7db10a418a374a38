//! Viewing a screen without painting it: its runs are kept encoded, for somebody else to paint. What is
//! superseded before they fetch it is never handed over.

use std::sync::Arc;

use bytes::Bytes;
use conclave_core::{
    Moment,
    media::tiles::{CachedRun, Next, Span, TileCache, TileGrid, ViewerPace},
};
use conclave_wire::screen::{ScreenMessage, ScreenPurpose};
use parking_lot::Mutex;
use tokio::{sync::mpsc, time::Instant};

use super::{
    ScreenAccess, ScreenEvent,
    link::{Ended, Incoming, Outgoing, Retry},
};

/// Events that wait for the reader.
const EVENTS_MAX: usize = 64;
/// The server is told what was taken after so many bytes.
const ACK_EVERY_BYTES: u32 = 32 * 1024;

/// A screen that is viewed by somebody who fetches it. Dropping it ends that.
pub struct ScreenRelay {
    shared: Arc<Shared>,
    link: tokio::task::JoinHandle<()>,
}

struct Shared {
    kept: Mutex<Kept>,
    events: mpsc::Sender<ScreenEvent>,
    begun: Instant,
}

struct Kept {
    cache: TileCache<Bytes>,
    /// A number that rises with each move, and where the pointer is.
    pointer: (u64, Option<(u16, u16)>),
    viewer: ViewerPace,
    /// Bytes handed over, wrapping.
    handed: u32,
}

impl ScreenRelay {
    /// Views a room's screen, whenever somebody shows one. Must be called within a tokio runtime.
    pub fn open(access: ScreenAccess) -> (ScreenRelay, mpsc::Receiver<ScreenEvent>) {
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let shared = Arc::new(Shared {
            kept: Mutex::new(Kept {
                cache: TileCache::new(),
                pointer: (0, None),
                viewer: ViewerPace::new(Moment(0)),
                handed: 0,
            }),
            events,
            begun: Instant::now(),
        });
        let link = tokio::spawn(hold_link(access, Arc::clone(&shared)));
        (ScreenRelay { shared, link }, received)
    }

    /// The messages that the fetcher lacks, in order, and at most 256 KiB at once. Fetching again says
    /// that those of the time before have arrived.
    pub fn take(&self) -> Vec<Bytes> {
        let now = self.shared.now();
        let mut kept = self.shared.kept.lock();
        kept.take(now)
    }

    /// What is kept for the fetcher.
    pub fn held_bytes(&self) -> usize {
        self.shared.kept.lock().cache.held_bytes()
    }
}

impl Drop for ScreenRelay {
    fn drop(&mut self) {
        self.link.abort();
    }
}

impl Kept {
    fn take(&mut self, now: Moment) -> Vec<Bytes> {
        let Kept {
            cache,
            pointer,
            viewer,
            handed,
        } = self;
        if viewer.acknowledge(*handed, now).is_err() {
            tracing::error!("a fetcher of the screen has more than it was given");
        }
        let mut messages = Vec::new();
        while let Some(next) = viewer.next(cache, *pointer) {
            let message = match next {
                Next::Run(run) => run.body.clone(),
                Next::Start(grid) => ScreenMessage::Start {
                    width_px: u16::try_from(grid.width_px()).unwrap_or(u16::MAX),
                    height_px: u16::try_from(grid.height_px()).unwrap_or(u16::MAX),
                }
                .to_bytes()
                .into(),
                Next::Stop => ScreenMessage::Stop.to_bytes().into(),
                Next::FrameEnd(end) => ScreenMessage::FrameEnd {
                    generation: end.generation,
                    captured_ms: end.captured_ms,
                }
                .to_bytes()
                .into(),
                Next::Pointer(at) => ScreenMessage::Pointer { at }.to_bytes().into(),
            };
            *handed = handed.wrapping_add(u32::try_from(message.len()).unwrap_or(u32::MAX));
            messages.push(message);
        }
        messages
    }

    /// Says what there is to tell.
    fn keep(&mut self, bytes: Bytes, now: Moment) -> Option<ScreenEvent> {
        let whole = bytes.clone();
        match ScreenMessage::parse(&whole)? {
            ScreenMessage::Start {
                width_px,
                height_px,
            } => {
                let (width_px, height_px) = (width_px.into(), height_px.into());
                self.cache.start(TileGrid::new(width_px, height_px).ok()?);
                Some(ScreenEvent::Started {
                    width_px,
                    height_px,
                })
            }
            ScreenMessage::Run(run) => {
                let kept = self.cache.insert(CachedRun {
                    generation: run.generation,
                    span: Span::of(&run),
                    codec: run.codec,
                    body: bytes,
                });
                if let Err(error) = kept {
                    tracing::warn!(%error, "a part of the screen is left out");
                }
                None
            }
            ScreenMessage::FrameEnd {
                generation,
                captured_ms,
            } => {
                self.cache.end_frame(generation, captured_ms, now);
                self.viewer.frame_ended(now);
                Some(ScreenEvent::Painted {
                    generation,
                    captured_ms,
                })
            }
            ScreenMessage::Pointer { at } => {
                self.pointer = (self.pointer.0 + 1, at);
                Some(ScreenEvent::Pointer(at))
            }
            ScreenMessage::Stop => {
                self.cache.stop();
                Some(ScreenEvent::Stopped)
            }
            ScreenMessage::Ack { .. } | ScreenMessage::Pace { .. } | ScreenMessage::Refresh => None,
        }
    }
}

impl Shared {
    fn now(&self) -> Moment {
        Moment(0) + self.begun.elapsed()
    }

    fn tell(&self, event: ScreenEvent) {
        // A reader that is behind misses what is over; what is kept has it all.
        let _ = self.events.try_send(event);
    }
}

/// Opens the link, and again when it is lost.
async fn hold_link(access: ScreenAccess, shared: Arc<Shared>) {
    let mut retry = Retry::default();
    loop {
        let ended = match access.open(ScreenPurpose::View).await {
            Ok((outgoing, incoming)) => run_link(outgoing, incoming, &shared, &mut retry).await,
            Err(ended) => ended,
        };
        let refusal = match ended {
            Ended::Lost => {
                shared.tell(ScreenEvent::Lost);
                match retry.wait().await {
                    true => continue,
                    false => None,
                }
            }
            Ended::Refused(refusal) => Some(refusal),
        };
        return shared.tell(ScreenEvent::Ended(refusal));
    }
}

async fn run_link(
    mut outgoing: Outgoing,
    mut incoming: Incoming,
    shared: &Shared,
    retry: &mut Retry,
) -> Ended {
    let (mut taken, mut acknowledged) = (0_u32, 0_u32);
    loop {
        let message = match incoming.next().await {
            Ok(message) => message,
            Err(ended) => return ended,
        };
        retry.succeeded();
        taken = taken.wrapping_add(u32::try_from(message.len()).unwrap_or(u32::MAX));
        let event = shared.kept.lock().keep(message, shared.now());
        let whole = event.is_some();
        if let Some(event) = event {
            shared.tell(event);
        }
        if whole || taken.wrapping_sub(acknowledged) >= ACK_EVERY_BYTES {
            acknowledged = taken;
            let ack = ScreenMessage::Ack { bytes: taken }.to_bytes();
            if let Err(ended) = outgoing.send(ack.into()).await {
                return ended;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::media::tiles::CACHE_BYTES_MAX;
    use conclave_wire::screen::{Run, RunCodec};

    use super::*;

    fn kept() -> Kept {
        Kept {
            cache: TileCache::new(),
            pointer: (0, None),
            viewer: ViewerPace::new(Moment(0)),
            handed: 0,
        }
    }

    fn frame(kept: &mut Kept, generation: u32, bytes: &[u8]) {
        for y in 0..4 {
            let run = ScreenMessage::Run(Run {
                generation,
                x: 0,
                y,
                width: 4,
                codec: RunCodec::Jpeg,
                bytes,
            });
            kept.keep(run.to_bytes().into(), Moment(0));
        }
        let end = ScreenMessage::FrameEnd {
            generation,
            captured_ms: generation,
        };
        kept.keep(end.to_bytes().into(), Moment(0));
    }

    fn start(kept: &mut Kept) {
        let start = ScreenMessage::Start {
            width_px: 256,
            height_px: 256,
        };
        kept.keep(start.to_bytes().into(), Moment(0));
    }

    #[test]
    fn who_fetches_late_gets_the_newest_of_each_tile_and_once() {
        let mut kept = kept();
        start(&mut kept);
        for generation in 1..=500 {
            frame(&mut kept, generation, &[generation as u8; 10_000]);
        }
        assert!(
            kept.cache.held_bytes() < 50_000,
            "no more than one picture is kept"
        );
        assert!(kept.cache.held_bytes() < CACHE_BYTES_MAX);
        let messages = kept.take(Moment(0));
        let parsed: Vec<_> = messages
            .iter()
            .map(|message| ScreenMessage::parse(message).unwrap())
            .collect();
        assert!(matches!(parsed[0], ScreenMessage::Start { .. }));
        let newest = |message: &&ScreenMessage<'_>| matches!(message, ScreenMessage::Run(run) if run.generation == 500);
        assert_eq!(parsed.iter().filter(newest).count(), 4);
        assert!(matches!(
            parsed.last(),
            Some(ScreenMessage::FrameEnd {
                generation: 500,
                ..
            })
        ));
        assert_eq!(parsed.len(), 6);
        assert!(kept.take(Moment(0)).is_empty());
    }

    #[test]
    fn what_is_handed_over_at_once_is_bounded() {
        let mut kept = kept();
        start(&mut kept);
        frame(&mut kept, 1, &[1; 60_000]);
        frame(&mut kept, 2, &[2; 60_000]);
        let first: usize = kept.take(Moment(0)).iter().map(Bytes::len).sum();
        assert!(first <= 256 * 1024);
        frame(&mut kept, 3, &[3; 60_000]);
        let again: usize = kept.take(Moment(0)).iter().map(Bytes::len).sum();
        assert!(again > 60_000);
    }
}
