//! Stand-ins for what a room has around it: a store in memory, and seats that keep what they get.
//! Each test file uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix::prelude::*;
use conclave_core::room::{Limits, Opening, Outbox, Record, Room, Slug, StoredRoom, Title};
use conclave_server::{
    actors::{
        lobby::{LobbyLimits, LobbyServices},
        room::*,
    },
    auth::{password::PasswordChecker, token},
    clock::Clock,
    files::{FileLimits, Uploads},
    media::sessions::MediaSessions,
    store::{StoreError, Unreferenced},
};
use conclave_wire::*;
use tempfile::TempDir;
use tokio::sync::watch;

/// What the creator got.
pub const HOST_KEY: &str = "the host's key";
const PASSWORDS_WAITING_MAX: usize = 16;

/// Keeps records; commits can be held back, or fail.
#[derive(Clone)]
pub struct MemoryStore {
    pub written: Arc<Mutex<Vec<(String, Record)>>>,
    pub templates: Arc<Mutex<Vec<Template>>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    Commits,
    HoldsBack,
    DiskFull,
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore {
            written: Arc::default(),
            templates: Arc::default(),
            state: watch::Sender::new(State::Commits),
        }
    }
}

impl MemoryStore {
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    pub fn records(&self) -> Vec<Record> {
        self.written
            .lock()
            .unwrap()
            .iter()
            .map(|(_, record)| record.clone())
            .collect()
    }
}

impl RoomStore for MemoryStore {
    fn write(&self, slug: &str, records: Vec<Record>) -> Stored<()> {
        let (slug, written, mut state) = (
            slug.to_owned(),
            self.written.clone(),
            self.state.subscribe(),
        );
        Box::pin(async move {
            let state = *state
                .wait_for(|state| *state != State::HoldsBack)
                .await
                .unwrap();
            if state == State::DiskFull {
                return Err(StoreError::DiskFull);
            }
            let records = records.into_iter().map(|record| (slug.clone(), record));
            written.lock().unwrap().extend(records);
            Ok(())
        })
    }

    fn lines_before(&self, _: &str, before: LineId, lines_max: u32) -> Stored<(Vec<Line>, bool)> {
        let mut lines: Vec<_> = self
            .records()
            .into_iter()
            .filter_map(|record| match record {
                Record::LineSaid { line, .. } if line.id < before => Some(line),
                _ => None,
            })
            .collect();
        let more = lines.len() > lines_max as usize;
        lines.drain(..lines.len().saturating_sub(lines_max as usize));
        Box::pin(async move { Ok((lines, more)) })
    }

    fn open_rooms(&self) -> Stored<Vec<StoredRoom>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn ended(&self, slug: &str) -> Stored<Option<EndReason>> {
        let of_slug = |(of, record): &(String, Record)| match record {
            Record::RoomEnded { reason, .. } if of == slug => Some(*reason),
            _ => None,
        };
        let ended = self.written.lock().unwrap().iter().rev().find_map(of_slug);
        Box::pin(async move { Ok(ended) })
    }

    fn shared_by_token(&self, _: &str) -> Stored<Option<(String, SharedFile)>> {
        Box::pin(async { Ok(None) })
    }

    fn purge(&self, _: u64) -> Stored<Vec<Unreferenced>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn reopen(&self, _: &str, _: [u8; 32], _: u64) -> Stored<Result<StoredRoom, RefusalCode>> {
        Box::pin(async { Ok(Err(RefusalCode::RoomNotFound)) })
    }

    fn save_template(&self, template: Template, _: [u8; 32]) -> Stored<()> {
        self.templates.lock().unwrap().push(template);
        Box::pin(async { Ok(()) })
    }

    fn delete_template(&self, name: &str, _: [u8; 32]) -> Stored<bool> {
        let mut templates = self.templates.lock().unwrap();
        let before = templates.len();
        templates.retain(|template| template.name != name);
        let gone = templates.len() < before;
        Box::pin(async move { Ok(gone) })
    }

    fn templates(&self) -> Stored<Vec<Template>> {
        let templates = self.templates.lock().unwrap().clone();
        Box::pin(async move { Ok(templates) })
    }
}

/// A server's insides without its outsides.
pub struct Building {
    pub clock: Clock,
    pub store: MemoryStore,
    pub uploads: Uploads,
    pub closed: Closed,
    pub limits: Limits,
    data: TempDir,
}

impl Building {
    pub fn new() -> Building {
        let data = tempfile::tempdir().unwrap();
        Building {
            clock: Clock::start(),
            store: MemoryStore::default(),
            uploads: Uploads::open(data.path(), FileLimits::default()).unwrap(),
            closed: Closed::default(),
            limits: Limits::default(),
            data,
        }
    }

    pub fn room(&self, settings: Settings, time_limit: Option<Duration>) -> Addr<RoomActor> {
        self.room_with(settings, time_limit, None)
    }

    pub fn room_with(
        &self,
        settings: Settings,
        time_limit: Option<Duration>,
        password_hash: Option<String>,
    ) -> Addr<RoomActor> {
        let opening = Opening {
            slug: Slug::parse("room").unwrap(),
            title: Title::parse("Room").unwrap(),
            settings,
            password_hash,
            host_key_hash: token::hash(HOST_KEY),
            time_limit,
        };
        let room = Room::open(
            opening,
            1,
            self.limits,
            self.clock.both(),
            &mut Outbox::new(),
        );
        RoomActor::open(room.unwrap(), self.room_services()).start()
    }

    pub fn lobby_services(&self, rooms_max: u32) -> LobbyServices {
        LobbyServices {
            clock: self.clock,
            store: Arc::new(self.store.clone()),
            sessions: MediaSessions::new(self.clock),
            passwords: PasswordChecker::start(PASSWORDS_WAITING_MAX).unwrap(),
            uploads: self.uploads.clone(),
            limits: LobbyLimits {
                rooms_max,
                visited_links_open_rooms: false,
                room: self.limits,
            },
            first_room: "always".to_owned(),
            room_arbiters: vec![Arbiter::current()],
            media_arbiters: vec![Arbiter::current()],
        }
    }

    fn room_services(&self) -> RoomServices {
        RoomServices {
            clock: self.clock,
            store: Arc::new(self.store.clone()),
            sessions: MediaSessions::new(self.clock),
            passwords: PasswordChecker::start(PASSWORDS_WAITING_MAX).unwrap(),
            uploads: self.uploads.clone(),
            media_arbiter: Arbiter::current(),
            closed: self.closed.clone().start().recipient(),
        }
    }
}

/// Where a lobby would be.
#[derive(Clone, Default)]
pub struct Closed(pub Arc<Mutex<Vec<RoomClosed>>>);

impl Actor for Closed {
    type Context = Context<Self>;
}

impl Handler<RoomClosed> for Closed {
    type Result = ();

    fn handle(&mut self, closed: RoomClosed, _: &mut Self::Context) {
        self.0.lock().unwrap().push(closed);
    }
}

type Shared = Arc<EncodedOnce<ServerMessage>>;

/// A participant that only keeps what it gets.
#[derive(Clone, Default)]
pub struct Seat {
    pub got: Arc<Mutex<Vec<Shared>>>,
    capacity: Option<usize>,
}

impl Actor for Seat {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.capacity.unwrap_or(1_024));
    }
}

impl Handler<Deliver> for Seat {
    type Result = ();

    fn handle(&mut self, Deliver(batch): Deliver, _: &mut Self::Context) {
        self.got.lock().unwrap().extend(batch);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub struct StopReading;

impl Handler<StopReading> for Seat {
    type Result = ();

    /// Waits for ever: its mailbox fills up.
    fn handle(&mut self, _: StopReading, ctx: &mut Self::Context) {
        ctx.wait(std::future::pending().into_actor(self));
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub struct Die;

impl Handler<Die> for Seat {
    type Result = ();

    fn handle(&mut self, _: Die, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// A seat in a room, with its link.
pub struct Person {
    pub id: ParticipantId,
    pub attachment: u64,
    pub welcome: Welcome,
    pub missed: Vec<Shared>,
    pub seat: Seat,
    pub addr: Addr<Seat>,
    room: Addr<RoomActor>,
    references: u32,
}

pub fn join(name: &str) -> Entrance {
    Entrance::Join {
        name: name.to_owned(),
        password: None,
        host_key: None,
        sound: true,
        device: None,
        file_hash: None,
    }
}

pub fn join_as_host(name: &str) -> Entrance {
    Entrance::Join {
        name: name.to_owned(),
        password: None,
        host_key: Some(HOST_KEY.to_owned()),
        sound: true,
        device: None,
        file_hash: None,
    }
}

impl Person {
    pub async fn enter(room: &Addr<RoomActor>, enter: Entrance) -> Result<Person, RefusalCode> {
        Person::enter_with(room, enter, 1_024).await
    }

    /// With a mailbox that holds so many batches.
    pub async fn enter_with(
        room: &Addr<RoomActor>,
        enter: Entrance,
        capacity: usize,
    ) -> Result<Person, RefusalCode> {
        let seat = Seat {
            capacity: Some(capacity),
            ..Seat::default()
        };
        let addr = seat.clone().start();
        let message = EnterRoom {
            enter,
            seat: Some(addr.clone().recipient()),
            client: "test".to_owned(),
        };
        let admitted = room
            .send(message)
            .await
            .unwrap()
            .map_err(|refusal| refusal.code)?;
        Ok(Person {
            id: admitted.welcome.you,
            attachment: admitted.attachment,
            welcome: admitted.welcome,
            missed: admitted.missed,
            seat,
            addr,
            room: room.clone(),
            references: 0,
        })
    }

    pub fn resume(&self, cursor: Option<Cursor>) -> Entrance {
        Entrance::Resume {
            seat_token: self.welcome.seat_token.clone(),
            cursor,
        }
    }

    /// Sends a command; its reference.
    pub async fn act(&mut self, command: Command) -> u32 {
        self.references += 1;
        let (id, attachment, reference) = (self.id, self.attachment, self.references);
        self.room
            .send(Act {
                id,
                attachment,
                reference,
                command,
            })
            .await
            .unwrap();
        settle().await;
        reference
    }

    pub fn got(&self) -> Vec<ServerMessage> {
        self.seat
            .got
            .lock()
            .unwrap()
            .iter()
            .map(|shared| shared.message.clone())
            .collect()
    }

    pub fn events(&self) -> Vec<Event> {
        events(&self.got())
    }

    pub fn answer(&self, reference: u32) -> Option<Result<command::Reply, RefusalCode>> {
        self.got().into_iter().find_map(|message| match message {
            ServerMessage::Done {
                reference: of,
                reply,
            } if of == reference => Some(Ok(reply)),
            ServerMessage::Refused {
                reference: Some(of),
                refusal,
            } if of == reference => Some(Err(refusal.code)),
            _ => None,
        })
    }

    pub fn goodbye(&self) -> Option<LeaveReason> {
        match self.got().last() {
            Some(ServerMessage::Goodbye { reason, .. }) => Some(*reason),
            _ => None,
        }
    }
}

pub fn events(messages: &[ServerMessage]) -> Vec<Event> {
    let mut all = BTreeMap::new();
    for message in messages {
        if let ServerMessage::Events { events } = message {
            for event in events {
                assert!(
                    all.insert(event.number, event.event.clone()).is_none(),
                    "an event came twice"
                );
            }
        }
    }
    all.into_values().collect()
}

/// Lets every actor do what it has to do now.
pub async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}
