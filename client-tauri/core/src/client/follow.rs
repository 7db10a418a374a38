//! The task that follows the session: media do what the room says, and everything is told on.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Duration};

use conclave_wire::{Event, ParticipantId, Signs, Welcome, event::QualityVerdict};
use tokio::sync::mpsc;

use super::{ClientEvent, Parts};
use crate::session::{Session, SessionEvent};

/// How often the link's quality is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Session events that wait for a reader who is behind. Beyond, all of them are replaced by one that
/// says to look at the state.
const BACKLOG_MAX: usize = 4_096;

/// Follows one session to its end.
pub struct Follow {
    you: ParticipantId,
    session: Arc<Session>,
    parts: Arc<Parts>,
    /// The media session that is in use.
    media_session: String,
    /// Of the room; another one is a server that has started again and forgotten what was switched on.
    epoch: u32,
    backlog: VecDeque<SessionEvent>,
    /// Wishes that are being told to a room that has forgotten them.
    telling: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Follow {
    pub fn new(session: Arc<Session>, welcome: &Welcome, parts: Arc<Parts>) -> Follow {
        Follow {
            you: welcome.you,
            session,
            parts,
            media_session: welcome.media.session.clone(),
            epoch: welcome.cursor.epoch,
            backlog: VecDeque::new(),
            telling: None,
        }
    }

    pub async fn run(mut self, mut events: mpsc::Receiver<SessionEvent>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut way = self.parts.link.way();
        let mut verdict = QualityVerdict::default();
        let out = self.parts.events.clone();
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else { break };
                    self.obey(&event).await;
                    self.tell(event);
                }
                room = out.reserve(), if !self.backlog.is_empty() && !out.is_closed() => {
                    if let (Ok(room), Some(event)) = (room, self.backlog.pop_front()) {
                        room.send(ClientEvent::Session(event));
                    }
                }
                () = told(&mut self.telling) => self.telling = None,
                changed = way.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let way = *way.borrow_and_update();
                    let _ = out.try_send(ClientEvent::WayChanged(way));
                }
                _ = look.tick() => {
                    let quality = self.parts.link.figures().quality;
                    self.expect_loss(quality.loss_permille);
                    if quality.verdict != verdict {
                        verdict = quality.verdict;
                        let _ = out.try_send(ClientEvent::QualityChanged(quality));
                    }
                }
            }
        }
        // The session has ended; what it said last is still told, to whoever reads.
        for event in self.backlog.drain(..) {
            let _ = out.try_send(ClientEvent::Session(event));
        }
    }

    /// Tells an event on, behind those that wait. A reader who is behind holds up nobody else.
    fn tell(&mut self, event: SessionEvent) {
        let event = match self.backlog.is_empty() {
            true => match self.parts.events.try_send(ClientEvent::Session(event)) {
                Err(mpsc::error::TrySendError::Full(ClientEvent::Session(event))) => event,
                Ok(()) | Err(_) => return,
            },
            false => event,
        };
        if self.backlog.len() == BACKLOG_MAX {
            self.backlog.clear();
            self.backlog.push_back(SessionEvent::Snapshot);
        }
        self.backlog.push_back(event);
    }

    async fn obey(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Welcomed(welcome) => {
                let forgotten = welcome.cursor.epoch != self.epoch;
                if forgotten {
                    self.epoch = welcome.cursor.epoch;
                    self.parts.inlet.voice_down.restart();
                }
                if welcome.media.session != self.media_session {
                    self.media_session = welcome.media.session.clone();
                    if let Err(error) = self.parts.link.renew(&welcome.media).await {
                        tracing::error!(%error, "voice and camera have no session");
                    }
                }
                match forgotten {
                    true => self.tell_wishes(),
                    false => self.apply_own(),
                }
            }
            SessionEvent::Snapshot => self.apply_own(),
            SessionEvent::Happened(numbered) => self.happened(&numbered.event),
            SessionEvent::Signs(signs) => self.signs(signs),
            SessionEvent::Pulsed(_)
            | SessionEvent::Connecting { .. }
            | SessionEvent::Lost { .. }
            | SessionEvent::Ended { .. }
            | SessionEvent::Refused(_) => {}
        }
    }

    /// A server that has started again does not know what was switched on, nor whom this client watches.
    fn tell_wishes(&mut self) {
        let session = Arc::clone(&self.session);
        let wishes = self.parts.wish.lock().commands();
        self.telling = Some(Box::pin(async move {
            for wish in wishes {
                if let Err(error) = session.ask(wish).await {
                    tracing::debug!(%error, "the room does not take up a wish again");
                }
            }
        }));
    }

    fn happened(&self, event: &Event) {
        if let Event::SettingsChanged { settings } = event {
            self.parts.keep_quiet(settings.quiet_company);
        } else if let Event::MediaChanged { id, media, .. } = event {
            if *id == self.you {
                self.parts.apply(*media);
                self.parts.wish.lock().media = Some(*media);
            } else if !media.camera {
                self.forget(*id);
            }
        } else if let Event::ParticipantLeft { id, .. } = event {
            self.forget(*id);
            self.parts.wish.lock().volumes.remove(id);
        }
    }

    fn signs(&self, signs: &Signs) {
        if let Some(layers) = &signs.publish_layers {
            self.parts.watched(layers);
        }
    }

    /// What the room says of this person is what the devices do.
    fn apply_own(&self) {
        let state = self.session.state().borrow().clone();
        self.parts.keep_quiet(state.settings.quiet_company);
        let own = state.members.iter().find(|member| member.id == self.you);
        if let Some(own) = own {
            self.parts.apply(own.media);
        }
    }

    fn forget(&self, id: ParticipantId) {
        self.parts.inlet.camera_down.lock().forget(id);
    }

    /// What comes down is the best guess of what gets lost going up.
    fn expect_loss(&self, permille: u32) {
        if let Some(voice) = &*self.parts.voice_up.lock() {
            voice.expect_loss(u8::try_from(permille.div_ceil(10)).unwrap_or(u8::MAX));
        }
    }
}

async fn told(telling: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match telling {
        Some(telling) => telling.await,
        None => std::future::pending().await,
    }
}
