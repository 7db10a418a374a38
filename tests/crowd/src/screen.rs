//! One of the crowd shows a synthetic desktop, others look at it.

use std::{error::Error, sync::Arc, time::Duration};

use conclave_client::{
    client::Client,
    media::figures::{Summary, record},
    screen::{ScreenEvent, ScreenShare, ScreenView, Script, ShareEvent, SyntheticDesktop},
};
use conclave_core::media::quality::Histogram;
use conclave_wire::Command;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::board::Board;

/// Size of the desktop, in pixels.
const DESKTOP_PX: (u32, u32) = (1_280, 720);
/// The room must agree that somebody presents within this time.
const FLOOR_MAX: Duration = Duration::from_secs(5);

/// What came of the screen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ScreenFigures {
    pub frames_sent: u64,
    pub bytes_sent: u64,
    pub viewers: u64,
    /// Viewers who never saw a whole picture.
    pub blind: u64,
    pub frames_seen: u64,
    pub bytes_seen: u64,
    /// From capture to a whole picture on the viewer's canvas.
    pub latency: Summary,
    pub first_failure: Option<String>,
}

/// A desktop that is shown, and those who look at it.
pub struct Showing {
    share: ScreenShare,
    viewers: Vec<Viewer>,
    latency: Arc<Mutex<Histogram>>,
    watching: JoinHandle<Option<String>>,
}

struct Viewer {
    view: ScreenView,
    watching: JoinHandle<()>,
}

/// Lets the first of the people present and so many others look.
pub async fn show(
    board: &Board,
    people: &[&Client],
    viewers: usize,
) -> Result<Showing, Box<dyn Error>> {
    let (presenter, others) = people.split_first().ok_or("nobody is there to present")?;
    take_floor(presenter).await?;
    let source = || {
        let (width, height) = DESKTOP_PX;
        Box::new(SyntheticDesktop::new(width, height, Script::Working)) as _
    };
    let (share, events) = ScreenShare::start(presenter.screen_access(), board.clock, source);
    let latency = Arc::new(Mutex::new(Histogram::new()));
    let viewers = others.iter().take(viewers).map(|client| {
        let (view, events) = ScreenView::open(client.screen_access());
        let (clock, latency) = (board.clock, Arc::clone(&latency));
        let watching = tokio::spawn(async move {
            let mut events: mpsc::Receiver<ScreenEvent> = events;
            while let Some(event) = events.recv().await {
                if let ScreenEvent::Painted { captured_ms, .. } = event {
                    let took = (clock.now().as_ms() as u32).wrapping_sub(captured_ms);
                    record(&mut latency.lock(), Duration::from_millis(took.into()));
                }
            }
        });
        Viewer { view, watching }
    });
    Ok(Showing {
        viewers: viewers.collect(),
        latency,
        share,
        watching: tokio::spawn(ended(events)),
    })
}

impl Showing {
    /// Ends it and counts.
    pub async fn end(self) -> ScreenFigures {
        let sent = self.share.figures();
        let mut figures = ScreenFigures {
            frames_sent: sent.frames,
            bytes_sent: sent.bytes,
            viewers: self.viewers.len() as u64,
            latency: Summary::of(&self.latency.lock()),
            ..ScreenFigures::default()
        };
        for viewer in self.viewers {
            let seen = viewer.view.figures();
            figures.frames_seen += seen.frames;
            figures.bytes_seen += seen.bytes;
            figures.blind += u64::from(seen.frames == 0);
            viewer.watching.abort();
        }
        self.share.stop().await;
        // The events end with the share.
        let failure = timeout(FLOOR_MAX, self.watching).await;
        figures.first_failure = failure.ok().and_then(Result::ok).flatten();
        figures
    }
}

/// Takes the presenter's place, or asks for it where one may not take it.
async fn take_floor(presenter: &Client) -> Result<(), Box<dyn Error>> {
    if presenter.ask(Command::TakeFloor).await.is_err() {
        presenter.ask(Command::AskFloor).await?;
    }
    let you = presenter.welcome().you;
    let mut state = presenter.state();
    let granted = state.wait_for(|state| state.floor.presenter == Some(you));
    timeout(FLOOR_MAX, granted)
        .await
        .map_err(|_| "nobody lets the crowd present in this room")??;
    Ok(())
}

/// Why the share ended by itself, if it did.
async fn ended(mut events: mpsc::Receiver<ShareEvent>) -> Option<String> {
    while let Some(event) = events.recv().await {
        match event {
            ShareEvent::Ended(refusal) => {
                let gone = || "the server cannot be reached".to_owned();
                return Some(refusal.map_or_else(gone, |refusal| refusal.message));
            }
            ShareEvent::SourceGone => return Some("the desktop is gone".to_owned()),
            ShareEvent::Live | ShareEvent::Lost => {}
        }
    }
    None
}
