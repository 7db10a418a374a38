//! One meeting, for the page: what the client says becomes what the page is told, and what the page wants
//! becomes what the client does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use conclave_wire::{
    Command, Event, LeaveReason, Numbered, ParticipantId, RefusalCode, Welcome, command::Reply,
    event::Hint,
};
use parking_lot::Mutex;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    EndReason, LinkState, LocalDevice, MediaFailure, RoomLink, Shared, Told, Trouble,
    floor::Screens,
    own::{self, Own},
    transfers::Transfers,
    words::Figures,
};
use crate::{
    client::{Client, ClientEvent},
    link::invite::Invite,
    media::{
        clock::MediaClock,
        devices::{DeviceKind, DeviceList},
        link::Way,
    },
    session::{AskError, LEAVE_DEADLINE, SessionEvent},
};

/// How often a meter moves, and how often our own camera is shown.
const LEVEL_EVERY: Duration = Duration::from_millis(66);
/// How often figures of the link and the room clock are told.
const FIGURES_EVERY: Duration = Duration::from_secs(1);
/// Devices that have just been looked for show themselves within this.
const DEVICES_SHOW_MAX: Duration = Duration::from_secs(2);
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
    /// One switch at a time.
    switching: tokio::sync::Mutex<()>,
    has_microphone: AtomicBool,
    has_camera: AtomicBool,
    mirror: Mutex<Option<JoinHandle<()>>>,
    hint: Mutex<Option<Hint>>,
    attempts: AtomicU32,
    over: AtomicBool,
}

impl Meeting {
    pub(super) fn new(
        shared: Arc<Shared>,
        client: Client,
        clock: MediaClock,
        invite: Invite,
        sound: bool,
    ) -> Arc<Meeting> {
        let files = client.files(Some(shared.places.data.join("uploads")));
        let telling = Arc::clone(&shared);
        let own = Own::new(sound, move |media| {
            telling.host.microphone(Some(media.microphone.is_on()));
            telling.tell(Told::Media { media });
        });
        shared.frames.begin(client.frame_taker());
        shared.host.meeting(true);
        shared.host.microphone(Some(false));
        Arc::new(Meeting {
            you: client.welcome().you,
            transfers: Transfers::new(Arc::clone(&shared), files),
            shared,
            client,
            clock,
            invite,
            own,
            screens: Screens::default(),
            switching: tokio::sync::Mutex::default(),
            has_microphone: AtomicBool::new(false),
            has_camera: AtomicBool::new(false),
            mirror: Mutex::new(None),
            hint: Mutex::new(None),
            attempts: AtomicU32::new(0),
            over: AtomicBool::new(false),
        })
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

    async fn session(self: &Arc<Meeting>, event: SessionEvent) {
        match event {
            SessionEvent::Welcomed(welcome) => {
                self.attempts.store(0, Ordering::Relaxed);
                self.welcomed(welcome).await;
                self.shared.tell(Told::Link {
                    link: LinkState::Up,
                });
            }
            // Told with the welcome, as a whole.
            SessionEvent::Snapshot => {}
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
        if let Some(state) = &welcome.snapshot {
            if let Some(own) = state.members.iter().find(|member| member.id == self.you) {
                self.own.known(own.media);
            }
            self.remember(&state.title, welcome.host_key.clone());
        }
        let welcome = Box::new(Welcome::clone(&welcome));
        self.shared.tell(Told::Welcome { welcome });
        self.floor_changed().await;
    }

    async fn happened(self: &Arc<Meeting>, events: Vec<Numbered>) {
        let mut floor = false;
        for Numbered { event, .. } in &events {
            if let Event::MediaChanged { id, media, .. } = event {
                if *id == self.you {
                    self.own.known(*media);
                    // While we ask, the answer settles it.
                    if self.switching.try_lock().is_ok() {
                        self.own.settle();
                        self.show_ourselves();
                    }
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

    pub(super) async fn ask(&self, command: Command) -> Result<Reply, Trouble> {
        Ok(self.client.ask(command).await?)
    }

    pub(super) async fn set_microphone(&self, on: bool) {
        let _turn = self.switching.lock().await;
        if self.own.microphone_is_on() == on {
            return;
        }
        if on {
            self.own
                .change(|media| media.microphone = LocalDevice::Starting);
            if !self.has(DeviceKind::Microphone).await {
                return self.fail(DeviceKind::Microphone, MediaFailure::None);
            }
            if !self.has_microphone.swap(true, Ordering::Relaxed) {
                let microphone = self.shared.rack.microphone();
                if let Err(error) = self.client.set_microphone(Some(microphone)) {
                    tracing::error!(%error, "no voice can be encoded");
                    return self.fail(DeviceKind::Microphone, MediaFailure::Unsupported);
                }
            }
        }
        self.switch(DeviceKind::Microphone, on).await;
    }

    pub(super) async fn set_camera(&self, on: bool) {
        let _turn = self.switching.lock().await;
        if self.own.now().camera.is_on() == on {
            return;
        }
        if on {
            self.own
                .change(|media| media.camera = LocalDevice::Starting);
            if !self.has(DeviceKind::Camera).await {
                return self.fail(DeviceKind::Camera, MediaFailure::None);
            }
            if !self.has_camera.swap(true, Ordering::Relaxed) {
                self.client.set_camera(Some(self.shared.rack.camera()));
            }
        }
        self.switch(DeviceKind::Camera, on).await;
        self.show_ourselves();
    }

    pub(super) async fn set_sound(&self, on: bool) {
        let _turn = self.switching.lock().await;
        self.own.change(|media| media.sound = on);
        if on {
            self.client.set_speaker(self.shared.rack.speaker());
        }
        if let Err(error) = self.client.set_media(self.own.state()).await {
            tracing::debug!(%error, "the room does not know of our sound");
        }
    }

    /// Tells the room, and shows what came of it.
    async fn switch(&self, kind: DeviceKind, on: bool) {
        let mut wish = self.own.state();
        match kind {
            DeviceKind::Microphone => wish.microphone = on,
            DeviceKind::Camera => wish.camera = on,
            DeviceKind::Speaker => {}
        }
        if !on {
            self.shown(kind, LocalDevice::Off);
        }
        match self.client.set_media(wish).await {
            Ok(_) if on => {
                self.own.known(wish);
                self.shown(kind, own::on(&*self.shared.rack, kind));
            }
            Ok(_) => {}
            Err(AskError::Refused(refusal)) if refusal.code == RefusalCode::MutedByHost => {
                self.fail(kind, MediaFailure::MutedByHost);
            }
            Err(error) => {
                tracing::debug!(%error, "a device stays off");
                if on {
                    self.fail(kind, MediaFailure::Failed);
                }
            }
        }
        self.own.settle();
    }

    /// Whether there is such a device, or one shows itself in a moment.
    async fn has(&self, kind: DeviceKind) -> bool {
        let rack = &self.shared.rack;
        let there = || {
            let list: DeviceList = rack.list();
            list.resolve(kind, rack.settings().choice(kind)).is_some()
        };
        let showing = async {
            while !there() {
                tokio::time::sleep(LEVEL_EVERY).await;
            }
        };
        timeout(DEVICES_SHOW_MAX, showing).await.is_ok()
    }

    fn shown(&self, kind: DeviceKind, shown: LocalDevice) {
        self.own.change(|media| match kind {
            DeviceKind::Microphone => media.microphone = shown,
            DeviceKind::Camera => media.camera = shown,
            DeviceKind::Speaker => {}
        });
    }

    fn fail(&self, kind: DeviceKind, why: MediaFailure) {
        self.shown(kind, LocalDevice::Failed { why });
    }

    fn lost(self: &Arc<Meeting>, kind: DeviceKind) {
        self.fail(kind, MediaFailure::Unplugged);
        let meeting = Arc::clone(self);
        tokio::spawn(async move {
            let _ = meeting.client.set_media(meeting.own.state()).await;
        });
    }

    /// Our own camera is shown to us as long as it is on.
    fn show_ourselves(&self) {
        let on = self.own.now().camera.is_on();
        let mut mirror = self.mirror.lock();
        if !on {
            if let Some(task) = mirror.take() {
                task.abort();
            }
            return;
        }
        if mirror.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let Ok(preview) = self.shared.rack.preview() else {
            return;
        };
        let frames = Arc::clone(&self.shared.frames);
        *mirror = Some(tokio::spawn(async move {
            let mut tick = interval(LEVEL_EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                if let Some(jpeg) = preview.take() {
                    frames.own(jpeg);
                }
            }
        }));
    }

    fn tell_figures(&self, before: &mut (u64, u64)) {
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
        self.transfers.close();
        self.close_screens().await;
        let _ = self.client.set_microphone(None);
        self.client.set_camera(None);
        self.shared.frames.end();
        {
            let mut meeting = self.shared.meeting.lock();
            if meeting.as_ref().is_some_and(|now| Arc::ptr_eq(now, self)) {
                *meeting = None;
            }
        }
        self.shared.host.microphone(None);
        self.shared.host.meeting(false);
        self.shared.tell(Told::Ended {
            reason,
            text: text.to_owned(),
        });
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
