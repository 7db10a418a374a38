//! A shell for tests: it keeps links, a store and clients in memory, and carries a room's effects out.
//! Each test file uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

mod store;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use conclave_core::{Moment, Now, room::*};
use conclave_wire::{command::Reply, *};

pub use store::MemoryStore;

pub const HOST_KEY: [u8; 32] = [7; 32];
pub const UNIX_MS: u64 = 1_700_000_000_000;
pub const LIMITS: Limits = Limits {
    members_max: 50,
    files_bytes_max: 1_000,
    idle_max: Duration::from_secs(3_600),
};

/// One person's program: what it holds, and what it was answered.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: ParticipantId,
    pub token: [u8; 32],
    pub cursor: Cursor,
    pub state: RoomState,
    /// What its welcome told already.
    pub welcomed_at: u32,
    /// States it held before, to come back from.
    pub saved: Vec<(Cursor, RoomState)>,
    /// What the room sends reaches nobody any more.
    pub dark: bool,
    pub goodbye: Option<LeaveReason>,
    pub answers: BTreeMap<u32, Vec<Result<Reply, Refusal>>>,
    pub signs: Vec<Signs>,
    pub events: Vec<Event>,
    pub next_reference: u32,
    /// How often each command was sent while the room was listening.
    pub sent: BTreeMap<u32, (u32, Command)>,
}

/// Somebody at the door.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub id: WaitingId,
    pub token: [u8; 32],
    /// Whether their link stands.
    pub linked: bool,
    pub positions: Vec<u32>,
    pub turned_away: Option<RefusalCode>,
    /// The index of their client, once they were let in.
    pub client: Option<usize>,
}

/// What the shell has begun and not finished.
#[derive(Clone, Debug)]
pub enum Job {
    Store(Record),
    Answer {
        seat: ParticipantId,
        reference: u32,
        result: Result<Reply, Refusal>,
    },
    Volume {
        seat: ParticipantId,
        reference: u32,
    },
    Lines {
        seat: ParticipantId,
        reference: u32,
        before: LineId,
        lines_max: u32,
    },
    Line {
        seat: ParticipantId,
        reference: u32,
        line: LineId,
    },
    Hash {
        seat: ParticipantId,
        reference: u32,
        password: String,
    },
    Template {
        seat: ParticipantId,
        reference: u32,
    },
}

pub struct World {
    pub room: Room,
    pub now: Now,
    pub clients: Vec<Client>,
    pub waiters: Vec<Arrival>,
    /// Indices of clients by the seat that they are linked to.
    pub links: BTreeMap<ParticipantId, usize>,
    pub jobs: VecDeque<Job>,
    pub store: MemoryStore,
    pub ended: Option<EndReason>,
    pub voice: Vec<VoiceOrder>,
    pub cameras: Vec<CameraOrder>,
    pub presenter: Option<ParticipantId>,
    pub deleted: Vec<SharedFile>,
    pub templates: Vec<Template>,
    /// Whose template was to be saved or deleted, in order.
    pub template_owners: Vec<[u8; 32]>,
    tokens: u8,
    epochs: u32,
}

impl World {
    pub fn new(settings: Settings) -> World {
        World::with(settings, None)
    }

    pub fn with(settings: Settings, time_limit: Option<Duration>) -> World {
        let now = Now {
            moment: Moment::from_ms(5_000),
            unix_ms: UNIX_MS,
        };
        let mut out = Outbox::new();
        let opening = Opening {
            slug: Slug::parse("room").unwrap(),
            title: Title::parse("Room").unwrap(),
            settings,
            password_hash: None,
            host_key_hash: HOST_KEY,
            time_limit,
        };
        let room = Room::open(opening, 1, LIMITS, now, &mut out).unwrap();
        let mut world = World {
            room,
            now,
            clients: Vec::new(),
            waiters: Vec::new(),
            links: BTreeMap::new(),
            jobs: VecDeque::new(),
            store: MemoryStore::default(),
            ended: None,
            voice: Vec::new(),
            cameras: Vec::new(),
            presenter: None,
            deleted: Vec::new(),
            templates: Vec::new(),
            template_owners: Vec::new(),
            tokens: 0,
            epochs: 1,
        };
        world.carry_out(out);
        world
    }

    pub fn drive<R>(&mut self, input: impl FnOnce(&mut Room, Now, &mut Outbox) -> R) -> R {
        let mut out = Outbox::new();
        let reply = input(&mut self.room, self.now, &mut out);
        self.carry_out(out);
        reply
    }

    /// Joins, with a link; the index of the client.
    pub fn join(&mut self, name: &str) -> usize {
        let newcomer = self.newcomer(name);
        self.enter(newcomer).unwrap()
    }

    pub fn join_as_host(&mut self, name: &str) -> usize {
        let newcomer = Newcomer {
            host_key_hash: Some(HOST_KEY),
            ..self.newcomer(name)
        };
        self.enter(newcomer).unwrap()
    }

    pub fn newcomer(&mut self, name: &str) -> Newcomer {
        self.tokens += 1;
        Newcomer {
            name: name.to_owned(),
            password: PasswordProof::NotGiven,
            host_key_hash: None,
            sound: true,
            token_hash: [self.tokens; 32],
            device_hash: None,
            file_hash: None,
            linked: true,
        }
    }

    /// Comes in; the index of the client. Where people wait at the door use [`World::knock`].
    pub fn enter(&mut self, newcomer: Newcomer) -> Result<usize, RefusalCode> {
        self.knock(newcomer).map(|entered| match entered {
            Ok(client) => client,
            Err(waiter) => panic!("waiter {waiter} stands at the door"),
        })
    }

    /// Comes in or waits: the index of the client, or else of the waiter.
    pub fn knock(&mut self, newcomer: Newcomer) -> Result<Result<usize, usize>, RefusalCode> {
        let (token, linked) = (newcomer.token_hash, newcomer.linked);
        let mut out = Outbox::new();
        let entered = match self.room.enter(newcomer, self.now, &mut out)? {
            Entry::In(admission) => Ok(self.seat(*admission, token, linked)),
            Entry::Waits(id) => {
                self.waiters.push(Arrival {
                    id,
                    token,
                    linked: true,
                    positions: Vec::new(),
                    turned_away: None,
                    client: None,
                });
                Err(self.waiters.len() - 1)
            }
        };
        self.carry_out(out);
        Ok(entered)
    }

    fn seat(&mut self, admission: Admission, token: [u8; 32], linked: bool) -> usize {
        self.clients.push(Client {
            id: admission.id,
            token,
            cursor: admission.cursor,
            state: admission.snapshot.expect("a newcomer has nothing yet"),
            welcomed_at: admission.cursor.number,
            saved: Vec::new(),
            dark: false,
            goodbye: None,
            answers: BTreeMap::new(),
            signs: Vec::new(),
            events: Vec::new(),
            next_reference: 1,
            sent: BTreeMap::new(),
        });
        let index = self.clients.len() - 1;
        if linked {
            self.links.insert(admission.id, index);
        }
        index
    }

    /// The link of somebody at the door is gone.
    pub fn lose_waiting_link(&mut self, waiter: usize) {
        self.waiters[waiter].linked = false;
        let id = self.waiters[waiter].id;
        self.drive(|room, now, out| room.waiting_link_lost(id, now, out));
    }

    /// Somebody who waited comes back with their token: to the door, or to the seat that they have by now.
    pub fn resume_waiting(&mut self, waiter: usize) -> Result<(), RefusalCode> {
        if let Some(client) = self.waiters[waiter].client {
            return self.resume(client, None);
        }
        let mut out = Outbox::new();
        let token = self.waiters[waiter].token;
        let entry = self.room.resume(&token, None, self.now, &mut out)?;
        assert!(matches!(entry, Entry::Waits(id) if id == self.waiters[waiter].id));
        self.waiters[waiter].linked = true;
        self.carry_out(out);
        Ok(())
    }

    /// Comes back with the cursor that the client has, or one that is given instead.
    pub fn resume(&mut self, index: usize, cursor: Option<Cursor>) -> Result<(), RefusalCode> {
        let mut out = Outbox::new();
        let token = self.clients[index].token;
        let Entry::In(admission) = self.room.resume(&token, cursor, self.now, &mut out)? else {
            panic!("who has a seat does not wait");
        };
        let client = &mut self.clients[index];
        client.dark = false;
        client.goodbye = None;
        client.cursor = admission.cursor;
        client.welcomed_at = self.room.cursor().number;
        match admission.snapshot {
            Some(snapshot) => client.state = snapshot,
            None => assert_eq!(
                Some(admission.cursor),
                cursor,
                "events follow what the client has"
            ),
        }
        for event in &admission.missed {
            client.take(event);
        }
        self.links.insert(admission.id, index);
        self.carry_out(out);
        Ok(())
    }

    pub fn lose_link(&mut self, index: usize) {
        let id = self.clients[index].id;
        if self.links.get(&id) == Some(&index) {
            self.links.remove(&id);
            self.drive(|room, now, out| room.link_lost(id, now, out));
        }
    }

    /// Sends a new command and returns its reference.
    pub fn send(&mut self, index: usize, command: Command) -> u32 {
        let reference = self.clients[index].next_reference;
        self.clients[index].next_reference += 1;
        self.send_as(index, reference, command);
        reference
    }

    pub fn send_as(&mut self, index: usize, reference: u32, command: Command) {
        let client = &mut self.clients[index];
        let id = client.id;
        if self.links.get(&id) != Some(&index) || client.dark {
            return;
        }
        client
            .sent
            .entry(reference)
            .or_insert((0, command.clone()))
            .0 += 1;
        self.drive(|room, now, out| room.act(id, reference, command, now, out));
    }

    /// Sends a command, finishes all jobs, and gives its first answer.
    pub fn ask(&mut self, index: usize, command: Command) -> Result<Reply, RefusalCode> {
        let reference = self.send(index, command);
        self.finish_jobs(usize::MAX);
        let answers = &self.clients[index].answers[&reference];
        answers[0].clone().map_err(|refusal| refusal.code)
    }

    pub fn finish_jobs(&mut self, jobs_max: usize) {
        for _ in 0..jobs_max {
            let Some(job) = self.jobs.pop_front() else {
                return;
            };
            let mut out = Outbox::new();
            let room = &mut self.room;
            match job {
                Job::Store(record) => self.store.keep(record),
                Job::Answer {
                    seat,
                    reference,
                    result,
                } => room.stored(seat, reference, result, &mut out),
                Job::Volume { seat, reference } => room.volume_set(seat, reference, true, &mut out),
                Job::Lines {
                    seat,
                    reference,
                    before,
                    lines_max,
                } => {
                    let found = self.store.lines_before(before, lines_max);
                    room.lines_found(seat, reference, Ok(found), &mut out);
                }
                Job::Line {
                    seat,
                    reference,
                    line,
                } => {
                    let found = self
                        .store
                        .lines
                        .iter()
                        .find(|kept| kept.id == line)
                        .cloned();
                    room.line_found(seat, reference, Ok(found), &mut out);
                }
                Job::Hash {
                    seat,
                    reference,
                    password,
                } => {
                    room.password_hashed(
                        seat,
                        reference,
                        Ok(format!("hash of {password}")),
                        &mut out,
                    );
                }
                Job::Template { seat, reference } => {
                    room.template_saved(seat, reference, Ok(()), &mut out);
                }
            }
            self.carry_out(out);
        }
    }

    /// Time passes; the room is woken whenever it wants to be.
    pub fn wait(&mut self, ms: u64) {
        let until = self.now.moment + Duration::from_millis(ms);
        while let Some(at) = self.room.next_wakeup().filter(|at| *at <= until) {
            assert!(at > self.now.moment, "a wakeup that is not in the future");
            self.set_now(at);
            self.drive(|room, now, out| room.wake(now, out));
        }
        self.set_now(until);
    }

    /// The server dies and starts again: what was not stored is lost.
    pub fn restart(&mut self) {
        self.jobs.clear();
        self.links.clear();
        self.waiters.clear();
        self.epochs += 1;
        let stored = self.store.room.clone().expect("the room was stored first");
        self.room = Room::restore(stored, self.epochs, LIMITS, self.now);
        self.presenter = None;
        self.drive(|room, now, out| room.wake(now, out));
    }

    /// Clients that hear what the room says.
    pub fn listening(&self) -> impl Iterator<Item = &Client> {
        self.links
            .values()
            .map(|index| &self.clients[*index])
            .filter(|client| !client.dark)
    }

    pub fn member(&self, index: usize) -> Member {
        let id = self.clients[index].id;
        let members = self.room.snapshot().members;
        members
            .into_iter()
            .find(|member| member.id == id)
            .expect("the seat is taken")
    }

    pub fn set_now(&mut self, moment: Moment) {
        let passed = moment.since(self.now.moment).as_millis() as u64;
        self.now = Now {
            moment,
            unix_ms: self.now.unix_ms + passed,
        };
    }

    fn carry_out(&mut self, out: Outbox) {
        let mut dismissed = Vec::new();
        for effect in out {
            match effect {
                Effect::Tell { to, event } => self.deliver(&to, |client| {
                    if event.number > client.welcomed_at {
                        client.take(&event);
                    }
                }),
                Effect::Wait { id, position } => {
                    if let Some(waiter) = self.waiter(id) {
                        waiter.positions.push(position);
                    }
                }
                Effect::Admit { id, admission } => {
                    let waiter = self.waiter(id).expect("they wait");
                    let (token, linked) = (waiter.token, waiter.linked);
                    let client = self.seat(*admission, token, linked);
                    self.waiter(id).expect("they wait").client = Some(client);
                }
                Effect::TurnAway { id, refusal } => {
                    if let Some(waiter) = self.waiter(id) {
                        waiter.turned_away = Some(refusal.code);
                    }
                }
                Effect::SaveTemplate {
                    seat,
                    reference,
                    template,
                    owner,
                } => {
                    self.template_owners.push(owner);
                    self.templates.push(*template);
                    self.jobs.push_back(Job::Template { seat, reference });
                }
                Effect::DeleteTemplate {
                    seat,
                    reference,
                    name,
                    owner,
                } => {
                    self.template_owners.push(owner);
                    self.templates.retain(|template| template.name != name);
                    self.jobs.push_back(Job::Template { seat, reference });
                }
                Effect::Sign { to, signs } => {
                    self.deliver(&to, |client| client.signs.push(signs.clone()))
                }
                Effect::Answer {
                    seat,
                    reference,
                    result,
                    durable: true,
                } => {
                    self.jobs.push_back(Job::Answer {
                        seat,
                        reference,
                        result,
                    });
                }
                Effect::Answer {
                    seat,
                    reference,
                    result,
                    durable: false,
                } => {
                    self.deliver(&Audience::One(seat), |client| {
                        client
                            .answers
                            .entry(reference)
                            .or_default()
                            .push(result.clone());
                    });
                }
                Effect::Record(record) => self.jobs.push_back(Job::Store(record)),
                Effect::Dismiss { seat, reason, .. } => dismissed.push((seat, reason)),
                Effect::AskVolume {
                    reference,
                    listener,
                    ..
                } => {
                    self.jobs.push_back(Job::Volume {
                        seat: listener,
                        reference,
                    });
                }
                Effect::FindLines {
                    seat,
                    reference,
                    before,
                    lines_max,
                } => {
                    self.jobs.push_back(Job::Lines {
                        seat,
                        reference,
                        before,
                        lines_max,
                    });
                }
                Effect::FindLine {
                    seat,
                    reference,
                    line,
                } => {
                    self.jobs.push_back(Job::Line {
                        seat,
                        reference,
                        line,
                    });
                }
                Effect::HashPassword {
                    seat,
                    reference,
                    password,
                } => {
                    self.jobs.push_back(Job::Hash {
                        seat,
                        reference,
                        password,
                    });
                }
                Effect::Voice(order) => self.voice.push(order),
                Effect::Camera(order) => self.cameras.push(order),
                Effect::Present(presenter) => self.presenter = presenter,
                Effect::DeleteFile(file) => self.deleted.push(file),
                Effect::CloseMedia { .. } | Effect::EndUploads { .. } => {}
                Effect::End(reason) => self.ended = Some(reason),
            }
        }
        for (seat, reason) in dismissed {
            self.deliver(&Audience::One(seat), |client| client.goodbye = Some(reason));
            self.links.remove(&seat);
        }
    }

    fn waiter(&mut self, id: WaitingId) -> Option<&mut Arrival> {
        self.waiters.iter_mut().find(|waiter| waiter.id == id)
    }

    fn deliver(&mut self, to: &Audience, mut hand: impl FnMut(&mut Client)) {
        for (_, index) in self.links.iter().filter(|(id, _)| to.includes(**id)) {
            let client = &mut self.clients[*index];
            if !client.dark {
                hand(client);
            }
        }
    }
}

impl Client {
    fn take(&mut self, event: &Numbered) {
        assert!(
            event.number > self.cursor.number,
            "events rise, and none comes twice"
        );
        replica::apply(&mut self.state, &event.event);
        self.events.push(event.event.clone());
        self.cursor.number = event.number;
    }

    pub fn save(&mut self) {
        self.saved.push((self.cursor, self.state.clone()));
    }
}

/// Mutes somebody until a host lifts it.
pub fn hold(id: ParticipantId) -> Command {
    Command::Mute {
        id,
        may_unmute: false,
    }
}
