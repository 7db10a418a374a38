//! One meeting, for the page: what the client says becomes what the page is told, and what the page wants
//! becomes what the client does.

mod devices;
mod telling;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use conclave_wire::{Command, LeaveReason, ParticipantId, command::Reply, event::Hint};
use parking_lot::Mutex;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    EndReason, RoomLink, Shared, Told, Trouble, films::Films, floor::Screens, own::Own,
    transfers::Transfers,
};
use crate::{
    client::{Client, ClientEvent},
    link::invite::Invite,
    media::{clock::MediaClock, devices::DeviceKind},
    session::{LEAVE_DEADLINE, SessionEvent},
};

/// How often a meter moves, and how often our own camera is shown.
const LEVEL_EVERY: Duration = Duration::from_millis(66);
/// How often figures of the link and the room clock are told.
const FIGURES_EVERY: Duration = Duration::from_secs(1);
/// Events that go to the page in one message.
const EVENTS_AT_ONCE_MAX: usize = 256;

pub(crate) struct Meeting {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) clock: MediaClock,
    pub(super) you: ParticipantId,
    pub(super) invite: Invite,
    pub(super) own: Own,
    pub(super) screens: Screens,
    pub(super) transfers: Transfers,
    pub(super) films: Films,
    /// One switch at a time.
    switching: tokio::sync::Mutex<()>,
    has_microphone: AtomicBool,
    has_camera: AtomicBool,
    mirror: Mutex<Option<JoinHandle<()>>>,
    hint: Mutex<Option<Hint>>,
    attempts: AtomicU32,
    /// What is still to be switched on, once the page knows of the meeting.
    entry: Mutex<Option<Entry>>,
    over: AtomicBool,
}

/// What a person wants switched on when they come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) sound: bool,
    pub(super) microphone: bool,
    pub(super) camera: bool,
}

impl Meeting {
    pub(super) fn new(
        shared: Arc<Shared>,
        client: Client,
        clock: MediaClock,
        invite: Invite,
        entry: Entry,
    ) -> Arc<Meeting> {
        let files = client.files(Some(shared.places.data.join("uploads")));
        let telling = Arc::clone(&shared);
        let heard = Mutex::new(false);
        let own = Own::new(entry.sound, move |media| {
            let is_on = media.microphone.is_on();
            // A level moves many times a second, and the tray's icon is a file.
            if std::mem::replace(&mut *heard.lock(), is_on) != is_on {
                telling.host.microphone(Some(is_on));
            }
            telling.tell(Told::Media { media });
        });
        Arc::new(Meeting {
            you: client.welcome().you,
            transfers: Transfers::new(Arc::clone(&shared), files),
            shared,
            client,
            clock,
            invite,
            own,
            screens: Screens::default(),
            films: Films::default(),
            switching: tokio::sync::Mutex::default(),
            has_microphone: AtomicBool::new(false),
            has_camera: AtomicBool::new(false),
            mirror: Mutex::new(None),
            hint: Mutex::new(None),
            attempts: AtomicU32::new(0),
            entry: Mutex::new(Some(entry)),
            over: AtomicBool::new(false),
        })
    }

    /// Becomes the meeting of the desk. The end of the one before is told earlier, or not at all.
    pub(super) fn begin(self: &Arc<Meeting>) {
        let mut meeting = self.shared.meeting.lock();
        *meeting = Some(Arc::clone(self));
        self.shared.frames.begin(self.client.frame_taker());
        self.shared.host.meeting(true);
        self.shared.host.microphone(Some(false));
    }

    /// Tells the page everything until the meeting is over.
    pub(super) async fn run(self: Arc<Meeting>, mut events: mpsc::Receiver<ClientEvent>) {
        let mut levels = interval(LEVEL_EVERY);
        let mut figures = interval(FIGURES_EVERY);
        levels.set_missed_tick_behavior(MissedTickBehavior::Delay);
        figures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = (0, 0);
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else { break };
                    let mut next = Some(event);
                    while let Some(event) = next {
                        next = self.take(event, &mut events).await;
                    }
                }
                _ = levels.tick() => {
                    if self.has_microphone.load(Ordering::Relaxed) {
                        self.own.level(self.shared.rack.level());
                    }
                }
                _ = figures.tick() => self.tell_figures(&mut before),
            }
            if self.is_over() {
                break;
            }
        }
        let words = "The connection to the meeting is gone.";
        self.end(EndReason::Bridge("unreachable"), words).await;
    }

    /// Takes one event; gives back one that it has read too many.
    async fn take(
        self: &Arc<Meeting>,
        event: ClientEvent,
        events: &mut mpsc::Receiver<ClientEvent>,
    ) -> Option<ClientEvent> {
        match event {
            ClientEvent::Session(SessionEvent::Happened(first)) => {
                let mut list = vec![first];
                let mut other = None;
                while list.len() < EVENTS_AT_ONCE_MAX {
                    match events.try_recv() {
                        Ok(ClientEvent::Session(SessionEvent::Happened(next))) => list.push(next),
                        Ok(next) => {
                            other = Some(next);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                self.happened(list).await;
                return other;
            }
            ClientEvent::Session(event) => self.session(event).await,
            ClientEvent::CameraFrame { source } => self.shared.frames.camera(source),
            ClientEvent::TalkingWhileMuted => self.own.talked_while_muted(),
            ClientEvent::MicrophoneGone => {
                self.has_microphone.store(false, Ordering::Relaxed);
                self.lost(DeviceKind::Microphone);
            }
            ClientEvent::CameraGone => {
                self.has_camera.store(false, Ordering::Relaxed);
                self.lost(DeviceKind::Camera);
            }
            ClientEvent::WayChanged(_) | ClientEvent::QualityChanged(_) => {}
        }
        None
    }

    pub(super) async fn ask(&self, command: Command) -> Result<Reply, Trouble> {
        Ok(self.client.ask(command).await?)
    }

    fn remember(&self, title: &str, host_key: Option<String>) {
        let mut link = RoomLink::of(&self.invite);
        link.host_key = host_key.or(link.host_key);
        super::doors::remember_room(&self.shared, link, title);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Gives the seat up, and tells that it is over.
    pub(super) async fn leave(self: &Arc<Meeting>) {
        if !self.is_over() {
            // The answer is the goodbye.
            let _ = timeout(LEAVE_DEADLINE, self.client.ask(Command::Leave)).await;
        }
        let words = "You have left the meeting.";
        self.end(EndReason::Said(LeaveReason::Left), words).await;
    }

    /// The first one counts.
    async fn end(self: &Arc<Meeting>, reason: EndReason, text: &str) {
        if self.over.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(task) = self.mirror.lock().take() {
            task.abort();
        }
        self.close_screens().await;
        let _ = self.client.set_microphone(None);
        self.client.set_camera(None);
        self.transfers.close().await;
        self.films.close().await;
        {
            let mut meeting = self.shared.meeting.lock();
            if meeting.as_ref().is_some_and(|now| Arc::ptr_eq(now, self)) {
                *meeting = None;
            }
            // One that has begun meanwhile goes on: its pictures come, and its machine stays awake.
            if meeting.is_some() {
                return;
            }
            self.shared.frames.end();
            self.shared.host.microphone(None);
            self.shared.host.meeting(false);
        }
        self.shared.tell(Told::Ended {
            reason,
            text: text.to_owned(),
        });
    }
}
