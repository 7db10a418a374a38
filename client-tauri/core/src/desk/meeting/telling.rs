//! What the client says of a meeting, told to the page.

use std::sync::{Arc, atomic::Ordering};

use conclave_wire::{Event, LeaveReason, Numbered, RefusalCode, RoomState, Welcome};

use super::Meeting;
use crate::{
    desk::{EndReason, LinkState, Told, words::Figures},
    media::link::Way,
    session::SessionEvent,
};

impl Meeting {
    pub(super) async fn session(self: &Arc<Meeting>, event: SessionEvent) {
        match event {
            SessionEvent::Welcomed(welcome) => {
                self.attempts.store(0, Ordering::Relaxed);
                self.welcomed(welcome).await;
                self.shared.tell(Told::Link {
                    link: LinkState::Up,
                });
            }
            SessionEvent::Snapshot => self.caught_up().await,
            SessionEvent::Happened(numbered) => self.happened(vec![numbered]).await,
            SessionEvent::Signs(signs) => {
                if let Some(layers) = &signs.publish_layers {
                    self.own.publishing(layers);
                }
                if signs.hint.is_some() {
                    *self.hint.lock() = signs.hint;
                }
                self.shared.tell(Told::Signs { signs });
            }
            SessionEvent::Pulsed(pulse) => {
                self.shared.tell(Told::Pulse { pulse });
            }
            SessionEvent::Connecting { .. } => {}
            SessionEvent::Lost { retry_in_ms } => {
                let attempt = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
                let link = LinkState::Lost {
                    retry_in_ms,
                    attempt,
                };
                self.shared.tell(Told::Link { link });
            }
            SessionEvent::Ended { reason, text } => {
                self.end(EndReason::Said(reason), &text).await;
            }
            SessionEvent::Refused(refusal) => {
                let reason = ended_by(refusal.code);
                self.end(reason, &refusal.message).await;
            }
        }
    }

    async fn welcomed(self: &Arc<Meeting>, welcome: Arc<Welcome>) {
        if let Some(state) = &welcome.snapshot
            && let Some(own) = state.members.iter().find(|member| member.id == self.you)
        {
            self.own.known(own.media);
        }
        let told = Box::new(Welcome::clone(&welcome));
        self.shared.tell(Told::Welcome { welcome: told });
        let entry = self.entry.lock().take();
        if let Some(entry) = entry {
            // A page that does not know of the meeting yet would miss what becomes of its devices.
            let meeting = Arc::clone(self);
            tokio::spawn(async move { meeting.switch_on(entry).await });
        }
        if let Some(state) = &welcome.snapshot {
            self.remember(&state.title, welcome.host_key.clone());
        }
        self.floor_changed().await;
    }

    pub(super) async fn happened(self: &Arc<Meeting>, events: Vec<Numbered>) {
        let mut floor = false;
        for Numbered { event, .. } in &events {
            if let Event::MediaChanged { id, .. } = event {
                if *id == self.you {
                    self.settle_ourselves();
                }
            } else if let Event::FloorChanged { .. } = event {
                floor = true;
            } else if let Event::FileShared { file } = event
                && file.owner == self.you
            {
                self.transfers.shared_by_us(file);
            }
        }
        self.shared.tell(Told::Events { events });
        if floor {
            self.floor_changed().await;
        }
    }

    /// Too much was missed: the page gets all of it, and what is of our own follows.
    async fn caught_up(self: &Arc<Meeting>) {
        let session = self.client.session();
        let (cursor, state) = session.snapshot();
        let state = Box::new(RoomState::clone(&state));
        self.shared.tell(Told::Snapshot { cursor, state });
        // That the link came back may be among what was missed.
        if session.figures().borrow().connected {
            self.shared.tell(Told::Link {
                link: LinkState::Up,
            });
        }
        self.settle_ourselves();
        self.floor_changed().await;
    }

    fn settle_ourselves(self: &Arc<Meeting>) {
        self.know_ourselves();
        // While we ask, the answer settles it.
        if self.switching.try_lock().is_ok() {
            self.own.settle();
            self.show_ourselves();
        }
    }

    /// An event may be read when a later one has already happened: what counts is how the room stands now.
    fn know_ourselves(&self) {
        let state = self.client.state();
        let state = state.borrow();
        if let Some(own) = state.members.iter().find(|member| member.id == self.you) {
            self.own.known(own.media);
        }
    }

    pub(super) fn tell_figures(&self, before: &mut (u64, u64)) {
        if self
            .client
            .session()
            .figures()
            .borrow()
            .round_trip
            .is_some()
        {
            self.shared.tell(Told::Clock {
                room_clock_ms: self.client.session().room_clock_ms(),
            });
        }
        let link = self.client.figures().link;
        let kbps = |now: u64, before: &mut u64| {
            let bytes = now.saturating_sub(*before);
            *before = now;
            u32::try_from(bytes * 8 / 1_000).unwrap_or(u32::MAX)
        };
        let measured = link.quality.round_trip_ms > 0 || link.room_clock_error_us.is_some();
        let figures = Figures {
            round_trip_ms: measured.then_some(link.quality.round_trip_ms),
            jitter_ms: measured.then_some(link.quality.jitter_ms),
            loss_permille: measured.then_some(link.quality.loss_permille),
            receive_kbps: kbps(link.bytes_received, &mut before.0),
            send_kbps: kbps(link.bytes_sent, &mut before.1),
            path: match link.way {
                Way::Searching => "none",
                Way::Udp => "udp",
                Way::Tunnel => "tcp",
            },
            hint: *self.hint.lock(),
        };
        self.shared.tell(Told::Quality { figures });
    }
}

/// The server does not take us back.
fn ended_by(code: RefusalCode) -> EndReason {
    EndReason::Said(match code {
        RefusalCode::Kicked => LeaveReason::Kicked,
        RefusalCode::TakenOver => LeaveReason::TakenOver,
        RefusalCode::Banned => LeaveReason::Banned,
        RefusalCode::RoomEnded | RefusalCode::RoomNotFound => LeaveReason::RoomEnded,
        _ => return EndReason::Bridge("unreachable"),
    })
}
