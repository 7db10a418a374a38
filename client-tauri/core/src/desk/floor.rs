//! Screens in a meeting: showing ours (the display first, then the floor, then the link), and seeing that of
//! somebody else.

use std::sync::{Arc, Weak};

use conclave_wire::{Command, Floor, ParticipantId, RefusalCode};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{
    LocalDevice, MediaFailure, ScreenState, Told,
    meeting::Meeting,
    rack::{OpenScreen, RackRefused},
};
use crate::{
    screen::{ScreenEvent, ScreenRelay, ScreenShare, ShareEvent},
    session::AskError,
};

#[derive(Default)]
pub(super) struct Screens {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is to be shown, as long as it waits for the floor.
    wanted: Option<(OpenScreen, String)>,
    /// The room was asked for the floor because of it.
    asked: bool,
    share: Option<ScreenShare>,
    /// Rises with each share: what an earlier one says does not matter.
    turn: u64,
    view: Option<Arc<ScreenRelay>>,
}

impl Meeting {
    /// Shows a screen, as soon as the floor is ours. What came of it is told as our media.
    pub(super) async fn share_screen(self: &Arc<Meeting>, id: Option<String>) {
        let Some(id) = id else {
            return self.stop_sharing().await;
        };
        if self.is_sharing() {
            self.end_share(LocalDevice::Off).await;
        }
        self.screen_is(LocalDevice::Starting);
        let rack = Arc::clone(&self.shared.rack);
        let wanted = id.clone();
        let opened = tokio::task::spawn_blocking(move || rack.open_screen(&wanted)).await;
        let open = match opened {
            Ok(Ok(open)) => open,
            Ok(Err(RackRefused { why, message })) => {
                return self.screen_is(LocalDevice::failed(why, message));
            }
            Err(_) => {
                return self.screen_is(LocalDevice::Failed {
                    why: MediaFailure::Failed,
                    said: None,
                });
            }
        };
        {
            let mut state = self.screens.state.lock();
            state.wanted = Some((open, id));
            state.asked = false;
        }
        if !self.floor_is_ours() {
            match self.client.ask(Command::AskFloor).await {
                Ok(_) => {}
                Err(AskError::Refused(refusal)) if refusal.code == RefusalCode::AlreadyQueued => {}
                Err(error) => {
                    let failed = LocalDevice::failed(MediaFailure::Failed, error);
                    return self.end_share(failed).await;
                }
            }
        }
        // Events come before answers: the floor is what it is by now.
        self.screens.state.lock().asked = true;
        self.floor_changed().await;
    }

    /// Ends it, and gives the floor back.
    async fn stop_sharing(self: &Arc<Meeting>) {
        let floor = self.floor();
        let holds = floor.presenter == Some(self.you) || floor.queue.contains(&self.you);
        self.end_share(LocalDevice::Off).await;
        if holds {
            // Refused when somebody has taken it meanwhile, which is as well.
            let _ = self.client.ask(Command::ReleaseFloor).await;
        }
    }

    /// The room says who presents and who waits.
    pub(super) async fn floor_changed(self: &Arc<Meeting>) {
        let floor = self.floor();
        let (begin, end) = {
            let state = self.screens.state.lock();
            let ours = floor.presenter == Some(self.you);
            let waits = floor.queue.contains(&self.you);
            let lost = state.share.is_some() || (state.asked && state.wanted.is_some() && !waits);
            (ours && state.wanted.is_some(), !ours && lost)
        };
        if begin {
            self.begin_share();
        } else if end {
            self.end_share(LocalDevice::Off).await;
        }
        self.view_screen(floor.presenter.filter(|&id| id != self.you));
    }

    pub(super) fn floor_is_ours(&self) -> bool {
        self.floor().presenter == Some(self.you)
    }

    fn floor(&self) -> Floor {
        self.client.state().borrow().floor.clone()
    }

    fn is_sharing(&self) -> bool {
        let state = self.screens.state.lock();
        state.share.is_some() || state.wanted.is_some()
    }

    fn begin_share(self: &Arc<Meeting>) {
        let mut state = self.screens.state.lock();
        let Some((open, id)) = state.wanted.take() else {
            return;
        };
        let (share, events) = ScreenShare::start(self.client.screen_access(), self.clock, open);
        state.share = Some(share);
        state.turn += 1;
        let turn = state.turn;
        tokio::spawn(follow_share(Arc::downgrade(self), turn, id, events));
    }

    async fn end_share(&self, shown: LocalDevice) {
        let share = {
            let mut state = self.screens.state.lock();
            state.wanted = None;
            state.asked = false;
            state.turn += 1;
            state.share.take()
        };
        if let Some(share) = share {
            share.stop().await;
        }
        self.screen_is(shown);
    }

    fn screen_is(&self, shown: LocalDevice) {
        self.own.change(|media| media.screen = shown);
    }

    fn view_screen(self: &Arc<Meeting>, presenter: Option<ParticipantId>) {
        let mut state = self.screens.state.lock();
        match (presenter, &state.view) {
            (Some(_), None) => {
                let (relay, events) = ScreenRelay::open(self.client.screen_access());
                let relay = Arc::new(relay);
                state.view = Some(Arc::clone(&relay));
                self.shared.frames.view(Some(relay));
                tokio::spawn(follow_view(Arc::downgrade(self), events));
                self.shared.tell(Told::Screen {
                    screen: ScreenState::Waiting,
                });
            }
            (None, Some(_)) => {
                state.view = None;
                self.shared.frames.view(None);
                self.shared.tell(Told::Screen {
                    screen: ScreenState::None,
                });
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// The meeting is over.
    pub(super) async fn close_screens(&self) {
        self.end_share(LocalDevice::Off).await;
        self.screens.state.lock().view = None;
        self.shared.frames.view(None);
    }
}

async fn follow_share(
    meeting: Weak<Meeting>,
    turn: u64,
    id: String,
    mut events: mpsc::Receiver<ShareEvent>,
) {
    while let Some(event) = events.recv().await {
        let Some(meeting) = meeting.upgrade() else {
            return;
        };
        if meeting.screens.state.lock().turn != turn {
            return;
        }
        match event {
            ShareEvent::Live => meeting.screen_is(LocalDevice::On {
                device: Some(id.clone()),
                label: id.clone(),
                failing: None,
            }),
            // Viewers keep what they have, and the link comes back.
            ShareEvent::Lost => {}
            ShareEvent::SourceGone => {
                meeting.stop_sharing().await;
                meeting.screen_is(LocalDevice::Failed {
                    why: MediaFailure::Unplugged,
                    said: None,
                });
                return;
            }
            ShareEvent::Ended(refusal) => {
                let shown = match refusal {
                    // Somebody else presents now: the floor's event says so, too.
                    Some(refusal) if refusal.code == RefusalCode::NotPresenting => LocalDevice::Off,
                    refusal => LocalDevice::Failed {
                        why: MediaFailure::Failed,
                        said: refusal.map(|refusal| refusal.message),
                    },
                };
                meeting.stop_sharing().await;
                meeting.screen_is(shown);
                return;
            }
        }
    }
}

async fn follow_view(meeting: Weak<Meeting>, mut events: mpsc::Receiver<ScreenEvent>) {
    while let Some(event) = events.recv().await {
        let Some(meeting) = meeting.upgrade() else {
            return;
        };
        let screen = match event {
            ScreenEvent::Started {
                width_px,
                height_px,
            } => ScreenState::Shown {
                width: width_px,
                height: height_px,
            },
            ScreenEvent::Stopped => ScreenState::Waiting,
            ScreenEvent::Painted { .. } | ScreenEvent::Pointer(_) => {
                meeting.shared.frames.screen();
                continue;
            }
            ScreenEvent::Lost => continue,
            ScreenEvent::Ended(_) => return,
        };
        meeting.shared.tell(Told::Screen { screen });
        meeting.shared.frames.screen();
    }
}
