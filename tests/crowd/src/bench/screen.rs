//! A shared screen: what typing, scrolling and slides cost, and how soon the picture is exact.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_client::{
    client::{Client, ClientConfig, ClientEvent},
    link::invite::Invite,
    media::figures::{Summary, record},
    screen::{
        ScreenEvent, ScreenGone, ScreenShare, ScreenSource, ScreenView, Script, Shot,
        SyntheticDesktop,
    },
    session::SessionConfig,
};
use conclave_core::media::quality::Histogram;
use conclave_wire::{Command, Encoding};
use parking_lot::Mutex;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    Outcome,
    load::Load,
    page::{Section, number, percentiles},
    served::Served,
};

const DESKTOP_PX: (u32, u32) = (1_280, 720);
/// Captures in which the desktop changes, before it stands still: one new slide.
const STEPS: u32 = 60;
const EXACT_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(2);

const ABOUT: &str = "A desktop of 1,280 by 720 pixels is shown by one whole client and viewed by another. In \
each turn it changes for 60 captures (60 letters are typed, 60 lines are scrolled, one new slide comes) and then \
stands still. *Exact* is from the last change until each pixel at the viewer is that of the desktop: JPEG comes \
at once, and PNG when a tile has stood still for 150 ms. *Whole* is from a capture to the picture painted at the \
viewer, exact or not. Bytes are those that the viewer received in a turn.";

/// What the presenter's thread and the measure share.
#[derive(Default)]
struct Stage {
    steps_left: u32,
    /// Since the desktop stands still, and as what.
    still: Option<(Instant, Vec<u8>)>,
}

/// A desktop that changes when it is told to.
struct Staged {
    desktop: SyntheticDesktop,
    stage: Arc<Mutex<Stage>>,
}

impl ScreenSource for Staged {
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone> {
        let mut stage = self.stage.lock();
        if stage.steps_left > 0 {
            self.desktop.advance();
            stage.steps_left -= 1;
            if stage.steps_left == 0 {
                stage.still = Some((Instant::now(), self.desktop.pixels().to_vec()));
            }
        }
        Ok(Shot {
            width_px: DESKTOP_PX.0,
            height_px: DESKTOP_PX.1,
            bgra: self.desktop.pixels(),
            stride: 4 * DESKTOP_PX.0 as usize,
            pointer: None,
        })
    }
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let served = Served::start()?;
    let way = load.to(&served)?;
    let invite = way.room("screen", 10).await?;
    let (presenter, _presenter_events) = join(&invite, load, "Presenter").await?;
    let (viewer, _viewer_events) = join(&invite.for_room("screen", None), load, "Viewer").await?;
    presenter.ask(Command::TakeFloor).await?;
    let you = presenter.welcome().you;
    let mut state = presenter.state();
    let presenting = state.wait_for(|state| state.floor.presenter == Some(you));
    timeout(EXACT_MAX, presenting).await??;

    let mut section = Section::new("Screen", ABOUT);
    for (what, script) in [
        ("typing", Script::Typing),
        ("scrolling", Script::Scrolling),
        ("a new slide", Script::Slides),
    ] {
        let figures = turns(load, &presenter, &viewer, script).await?;
        section.row(format!("{what}: exact"), percentiles(&figures.exact));
        section.row(format!("{what}: whole"), percentiles(&figures.whole));
        let kb = figures.bytes as f64 / 1e3 / f64::from(figures.turns);
        section.row(
            format!("{what}: bytes a turn"),
            format!("{} kB", number(kb)),
        );
    }
    presenter.leave().await;
    viewer.leave().await;
    Ok(section)
}

struct Figures {
    exact: Summary,
    whole: Summary,
    bytes: u64,
    turns: u32,
}

async fn turns(
    load: &Load,
    presenter: &Client,
    viewer: &Client,
    script: Script,
) -> Outcome<Figures> {
    let turns = load.scale(4, 1);
    let stage: Arc<Mutex<Stage>> = Arc::default();
    let source = Staged {
        desktop: SyntheticDesktop::new(DESKTOP_PX.0, DESKTOP_PX.1, script),
        stage: stage.clone(),
    };
    let first = source.desktop.pixels().to_vec();
    let (share, _share_events) =
        ScreenShare::start(presenter.screen_access(), load.clock, || Box::new(source));
    let (view, events) = ScreenView::open(viewer.screen_access());
    exact(&view, &first).await?;
    let whole = Arc::new(Mutex::new(Histogram::new()));
    let watching = tokio::spawn(watch(events, load.clock, whole.clone()));
    let before = view.figures().bytes;
    let mut took = Histogram::new();
    for _ in 0..turns {
        stage.lock().steps_left = STEPS;
        let (since, pixels) = timeout(EXACT_MAX, stands(&stage)).await?;
        record(
            &mut took,
            exact(&view, &pixels).await?.duration_since(since),
        );
    }
    let bytes = view.figures().bytes - before;
    share.stop().await;
    watching.abort();
    let whole = Summary::of(&whole.lock());
    Ok(Figures {
        exact: Summary::of(&took),
        whole,
        bytes,
        turns,
    })
}

/// Waits until the desktop stands still.
async fn stands(stage: &Mutex<Stage>) -> (Instant, Vec<u8>) {
    loop {
        if let Some(still) = stage.lock().still.take() {
            return still;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// When the viewer's picture is this one, but for the fourth byte of each pixel.
async fn exact(view: &ScreenView, pixels: &[u8]) -> Outcome<Instant> {
    let began = Instant::now();
    loop {
        let same = view.with_canvas(|canvas| {
            canvas.is_some_and(|canvas| {
                let painted = canvas.pixels().chunks_exact(4);
                let wanted = pixels.chunks_exact(4);
                painted.zip(wanted).all(|(a, b)| a[..3] == b[..3])
            })
        });
        if same {
            return Ok(Instant::now());
        }
        if began.elapsed() >= EXACT_MAX {
            return Err("the picture does not become exact".into());
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn watch(
    mut events: mpsc::Receiver<ScreenEvent>,
    clock: conclave_client::media::clock::MediaClock,
    whole: Arc<Mutex<Histogram>>,
) {
    while let Some(event) = events.recv().await {
        if let ScreenEvent::Painted { captured_ms, .. } = event {
            let took = (clock.now().as_ms() as u32).wrapping_sub(captured_ms);
            record(&mut whole.lock(), Duration::from_millis(took.into()));
        }
    }
}

async fn join(
    invite: &Invite,
    load: &Load,
    name: &str,
) -> Outcome<(Client, mpsc::Receiver<ClientEvent>)> {
    let mut config = ClientConfig::new(SessionConfig {
        invite: invite.clone(),
        name: name.to_owned(),
        password: None,
        sound: false,
        encoding: Encoding::MessagePack,
        seed: 1,
        device: None,
        file_hash: None,
        waiting: None,
    });
    config.clock = load.clock;
    Ok(Client::join(config).await?)
}
