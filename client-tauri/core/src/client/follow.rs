//! The task that follows the session: media do what the room says, and everything is told on.

use std::{sync::Arc, time::Duration};

use conclave_wire::{Event, ParticipantId, RoomState, Signs, event::QualityVerdict};
use tokio::sync::{mpsc, watch};

use super::{ClientEvent, Parts};
use crate::session::SessionEvent;

/// How often the link's quality is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Follows one session to its end.
pub struct Follow {
    pub you: ParticipantId,
    /// The media session that is in use.
    pub media_session: String,
    pub state: watch::Receiver<Arc<RoomState>>,
    pub parts: Arc<Parts>,
}

impl Follow {
    pub async fn run(mut self, mut events: mpsc::Receiver<SessionEvent>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut way = self.parts.link.way();
        let mut verdict = QualityVerdict::default();
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else { break };
                    self.obey(&event).await;
                    // Whoever does not read holds up nothing but this: media have their own ways.
                    let _ = self.parts.events.send(ClientEvent::Session(event)).await;
                }
                changed = way.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let way = *way.borrow_and_update();
                    let _ = self.parts.events.try_send(ClientEvent::WayChanged(way));
                }
                _ = look.tick() => {
                    let quality = self.parts.link.figures().quality;
                    self.expect_loss(quality.loss_permille);
                    if quality.verdict != verdict {
                        verdict = quality.verdict;
                        let _ = self.parts.events.try_send(ClientEvent::QualityChanged(quality));
                    }
                }
            }
        }
    }

    async fn obey(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Welcomed(welcome) => {
                if welcome.media.session != self.media_session {
                    self.media_session = welcome.media.session.clone();
                    if let Err(error) = self.parts.link.renew(&welcome.media).await {
                        tracing::error!(%error, "voice and camera have no session");
                    }
                }
                self.apply_own();
            }
            SessionEvent::Snapshot => self.apply_own(),
            SessionEvent::Happened(numbered) => self.happened(&numbered.event),
            SessionEvent::Signs(signs) => self.signs(signs),
            SessionEvent::Connecting { .. }
            | SessionEvent::Lost { .. }
            | SessionEvent::Ended { .. }
            | SessionEvent::Refused(_) => {}
        }
    }

    fn happened(&self, event: &Event) {
        match event {
            Event::MediaChanged { id, media, .. } if *id == self.you => self.parts.apply(*media),
            Event::MediaChanged { id, media, .. } if !media.camera => self.forget(*id),
            Event::ParticipantLeft { id, .. } => self.forget(*id),
            _ => {}
        }
    }

    fn signs(&self, signs: &Signs) {
        if let Some(layers) = &signs.publish_layers
            && let Some(camera) = &*self.parts.inlet.camera_up.lock()
        {
            camera.watched(layers);
        }
    }

    /// What the room says of this person is what the devices do.
    fn apply_own(&self) {
        let state = self.state.borrow().clone();
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
