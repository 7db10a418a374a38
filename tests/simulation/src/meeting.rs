//! A meeting over control links that break: the room, a store that takes its time, and clients that come back
//! with a cursor and send again what was not answered.

use std::{collections::BTreeMap, time::Duration};

use conclave_core::{
    Moment, Now,
    room::{
        Admission, Effect, Entry, Limits, Newcomer, Opening, Outbox, PasswordProof, Record, Room,
        Slug, Title,
    },
};
use conclave_wire::{
    Command, Cursor, Line, LineId, Numbered, ParticipantId, Refusal, RoomState, Settings,
    command::Reply,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::network::{Network, Node, Weather};

mod client;

pub use client::{Asked, Client};

/// The server's place on the network; clients are 1 and up.
pub const SERVER: Node = 0;
const HOST_KEY_HASH: [u8; 32] = [7; 32];
/// The store commits what it has been given after so long at most.
const COMMIT_MAX_US: u64 = 20_000;
/// The server notices a broken link after so long at most: heartbeats.
const NOTICE_MAX_MS: u64 = 6_000;
/// A run that makes more steps for one moment stands still.
const STEPS_AT_ONCE_MAX: u32 = 10_000;

/// One message on a control link. What is of an older link is thrown away by whoever gets it.
#[derive(Clone, Debug)]
pub struct Packet {
    link: u32,
    message: Message,
}

#[derive(Clone, Debug)]
enum Message {
    Hello {
        cursor: Option<Cursor>,
    },
    Do {
        reference: u32,
        command: Command,
    },
    Welcome(Box<Welcome>),
    Happened(Numbered),
    Answered {
        reference: u32,
        result: Result<Reply, Refusal>,
    },
}

/// What somebody is told when they are in.
#[derive(Clone, Debug)]
struct Welcome {
    cursor: Cursor,
    snapshot: Option<RoomState>,
    missed: Vec<Numbered>,
}

impl From<Admission> for Welcome {
    fn from(admission: Admission) -> Welcome {
        Welcome {
            cursor: admission.cursor,
            snapshot: admission.snapshot,
            missed: admission.missed,
        }
    }
}

/// What the server has begun and not finished.
#[derive(Clone, Debug)]
enum Job {
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
    },
    Line {
        seat: ParticipantId,
        reference: u32,
        line: LineId,
    },
    Notice {
        seat: ParticipantId,
        link: u32,
    },
}

/// The link of a seat, as the server knows it.
#[derive(Clone, Copy, Debug)]
struct Link {
    link: u32,
    /// Events up to here came with the welcome.
    welcomed_at: u32,
}

pub struct Meeting {
    pub room: Room,
    pub clients: BTreeMap<Node, Client>,
    /// What was stored, in order.
    pub records: Vec<Record>,
    pub now: Moment,
    /// Links that broke.
    pub broken: u64,
    network: Network<Packet>,
    random: StdRng,
    links: BTreeMap<ParticipantId, Link>,
    jobs: BTreeMap<(Moment, u64), Job>,
    jobs_begun: u64,
    /// Jobs of the store end in the order in which they began.
    stored_until: Moment,
    lines: Vec<Line>,
}

impl Meeting {
    /// A meeting of `people`; the first is host.
    pub fn new(seed: u64, people: u32) -> Meeting {
        let now = Moment::from_ms(1_000_000);
        let mut out = Outbox::new();
        let (Ok(slug), Ok(title)) = (Slug::parse("storm"), Title::parse("Storm")) else {
            unreachable!("both are fixed and allowed");
        };
        let opening = Opening {
            slug,
            title,
            settings: Settings::default(),
            password_hash: None,
            host_key_hash: HOST_KEY_HASH,
            time_limit: None,
        };
        let opened = Room::open(
            opening,
            seed as u32,
            Limits::default(),
            dated(now),
            &mut out,
        );
        let Ok(room) = opened else {
            unreachable!("the usual settings are allowed");
        };
        let mut meeting = Meeting {
            room,
            clients: BTreeMap::new(),
            records: Vec::new(),
            now,
            broken: 0,
            network: Network::new(seed, Weather::STREAM),
            random: StdRng::seed_from_u64(!seed),
            links: BTreeMap::new(),
            jobs: BTreeMap::new(),
            jobs_begun: 0,
            stored_until: now,
            lines: Vec::new(),
        };
        meeting.carry_out(out);
        (1..=people).for_each(|node| meeting.join(node));
        meeting
    }

    /// Somebody asks for something; it is sent now, or when they are back.
    pub fn ask(&mut self, node: Node, command: Command) {
        let Some(client) = self.clients.get_mut(&node) else {
            return;
        };
        if let Some((link, reference)) = client.ask(command.clone()) {
            self.up(node, link, Message::Do { reference, command });
        }
    }

    /// Breaks somebody's link: what is on its way either way is lost. They try to come back after `away`
    /// and a while that backs off; the server notices when it notices.
    pub fn break_link(&mut self, node: Node, away: Duration) {
        let (now, random) = (self.now, self.random.random());
        let Some(client) = self.clients.get_mut(&node) else {
            return;
        };
        let (seat, link) = (client.seat, client.link);
        client.lose_link(now + away, random);
        self.broken += 1;
        let notices_ms = self.random.random_range(0..NOTICE_MAX_MS);
        let notices = self.now + Duration::from_millis(notices_ms);
        self.begin_at(notices, Job::Notice { seat, link });
    }

    /// Everybody is back and nothing is unanswered or on its way.
    pub fn is_settled(&self) -> bool {
        let settled = |client: &Client| client.is_linked() && client.unanswered() == 0;
        self.clients.values().all(settled)
            && self.jobs.is_empty()
            && self.network.next_arrival().is_none()
    }

    /// Lets everything happen that happens in so much time.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut at_once = 0;
        while let Some(at) = self.next_event().filter(|&at| at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < STEPS_AT_ONCE_MAX, "time stands still");
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Moment> {
        let clients = self.clients.values().filter_map(Client::next_attempt);
        let job = self.jobs.first_key_value().map(|(&(at, _), _)| at);
        let server = [self.network.next_arrival(), job, self.room.next_wakeup()];
        clients.chain(server.into_iter().flatten()).min()
    }

    fn step(&mut self) {
        let now = self.now;
        if let Some(arrival) = self.network.arrived(now) {
            match arrival.to {
                SERVER => self.said(arrival.from, arrival.message),
                node => self.told(node, arrival.message),
            }
        }
        if let Some(job) = self.jobs.first_entry()
            && job.key().0 <= now
        {
            let job = job.remove();
            self.finish(job);
        }
        if self.room.next_wakeup().is_some_and(|at| at <= now) {
            let mut out = Outbox::new();
            self.room.wake(dated(now), &mut out);
            self.carry_out(out);
        }
        let due: Vec<Node> = (self.clients.iter())
            .filter(|(_, client)| client.next_attempt().is_some_and(|at| at <= now))
            .map(|(&node, _)| node)
            .collect();
        for node in due {
            let random = self.random.random();
            if let Some(client) = self.clients.get_mut(&node) {
                let (link, cursor) = client.come_back(now, random);
                self.up(node, link, Message::Hello { cursor });
            }
        }
    }

    fn join(&mut self, node: Node) {
        let mut out = Outbox::new();
        let newcomer = Newcomer {
            name: format!("Guest {node}"),
            password: PasswordProof::NotGiven,
            host_key_hash: (node == 1).then_some(HOST_KEY_HASH),
            sound: true,
            token_hash: token(node),
            device_hash: None,
            file_hash: None,
            linked: true,
        };
        let Ok(Entry::In(admission)) = self.room.enter(newcomer, dated(self.now), &mut out) else {
            unreachable!("there is room, and neither lock nor password nor a waiting room");
        };
        let seat = admission.id;
        let Some(snapshot) = admission.snapshot else {
            unreachable!("a newcomer has nothing yet");
        };
        let client = Client::new(seat, admission.cursor, snapshot);
        let link = Link {
            link: client.link,
            welcomed_at: admission.cursor.number,
        };
        self.clients.insert(node, client);
        self.links.insert(seat, link);
        self.carry_out(out);
    }

    /// A client says something to the server.
    fn said(&mut self, node: Node, packet: Packet) {
        let Some(client) = self.clients.get(&node) else {
            return;
        };
        // The connection of an older link is gone, with everything that was in it.
        if client.link != packet.link {
            return;
        }
        let seat = client.seat;
        let now = dated(self.now);
        let mut out = Outbox::new();
        match packet.message {
            Message::Hello { cursor } => {
                if let Ok(Entry::In(admission)) =
                    self.room.resume(&token(node), cursor, now, &mut out)
                {
                    let welcomed_at = self.room.cursor().number;
                    let link = packet.link;
                    self.links.insert(seat, Link { link, welcomed_at });
                    let welcome = Message::Welcome(Box::new((*admission).into()));
                    self.down(seat, welcome);
                }
            }
            Message::Do { reference, command } => {
                let linked = self.links.get(&seat);
                if linked.is_some_and(|linked| linked.link == packet.link) {
                    self.room.act(seat, reference, command, now, &mut out);
                }
            }
            Message::Welcome(_) | Message::Happened(_) | Message::Answered { .. } => {}
        }
        self.carry_out(out);
    }

    /// The server says something to a client.
    fn told(&mut self, node: Node, packet: Packet) {
        let Some(client) = self.clients.get_mut(&node) else {
            return;
        };
        if client.link != packet.link {
            return;
        }
        match packet.message {
            Message::Welcome(welcome) => {
                let Welcome {
                    cursor,
                    snapshot,
                    missed,
                } = *welcome;
                let again = client.welcomed(cursor, snapshot, &missed);
                for (reference, command) in again {
                    self.up(node, packet.link, Message::Do { reference, command });
                }
            }
            Message::Happened(numbered) => client.happened(&numbered),
            Message::Answered { reference, result } => client.answered(reference, result),
            Message::Hello { .. } | Message::Do { .. } => {}
        }
    }

    fn carry_out(&mut self, out: Outbox) {
        for effect in out {
            match effect {
                Effect::Tell {
                    to,
                    event: numbered,
                } => {
                    let linked: Vec<ParticipantId> = (self.links.iter())
                        .filter(|(_, link)| link.welcomed_at < numbered.number)
                        .filter(|(id, _)| to.includes(**id))
                        .map(|(&id, _)| id)
                        .collect();
                    for seat in linked {
                        self.down(seat, Message::Happened(numbered.clone()));
                    }
                }
                Effect::Answer {
                    seat,
                    reference,
                    result,
                    durable: true,
                } => {
                    self.begin_stored(Job::Answer {
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
                    self.down(seat, Message::Answered { reference, result });
                }
                Effect::Record(record) => self.begin_stored(Job::Store(record)),
                Effect::AskVolume {
                    reference,
                    listener: seat,
                    ..
                } => {
                    self.begin_soon(Job::Volume { seat, reference });
                }
                Effect::FindLines {
                    seat, reference, ..
                } => {
                    self.begin_soon(Job::Lines { seat, reference });
                }
                Effect::FindLine {
                    seat,
                    reference,
                    line,
                } => {
                    self.begin_soon(Job::Line {
                        seat,
                        reference,
                        line,
                    });
                }
                Effect::Dismiss { seat, .. } => drop(self.links.remove(&seat)),
                // Of no consequence to what is told and answered.
                Effect::Sign { .. }
                | Effect::CloseMedia { .. }
                | Effect::Voice(_)
                | Effect::Camera(_)
                | Effect::Present(_)
                | Effect::HashPassword { .. }
                | Effect::Wait { .. }
                | Effect::Admit { .. }
                | Effect::TurnAway { .. }
                | Effect::SaveTemplate { .. }
                | Effect::DeleteTemplate { .. }
                | Effect::EndUploads { .. }
                | Effect::DeleteFile(_)
                | Effect::End(_) => {}
            }
        }
    }

    fn finish(&mut self, job: Job) {
        let mut out = Outbox::new();
        let now = dated(self.now);
        match job {
            Job::Store(record) => {
                if let Record::LineSaid { line, .. } = &record {
                    self.lines.push(line.clone());
                }
                self.records.push(record);
            }
            Job::Answer {
                seat,
                reference,
                result,
            } => self.room.stored(seat, reference, result, &mut out),
            Job::Volume { seat, reference } => {
                self.room.volume_set(seat, reference, true, &mut out)
            }
            Job::Lines { seat, reference } => {
                let found = Ok((Vec::new(), false));
                self.room.lines_found(seat, reference, found, &mut out);
            }
            Job::Line {
                seat,
                reference,
                line,
            } => {
                let found = self.lines.iter().find(|kept| kept.id == line).cloned();
                self.room.line_found(seat, reference, Ok(found), &mut out);
            }
            Job::Notice { seat, link } => {
                let known = self
                    .links
                    .get(&seat)
                    .is_some_and(|known| known.link == link);
                if known {
                    self.links.remove(&seat);
                    self.room.link_lost(seat, now, &mut out);
                }
            }
        }
        self.carry_out(out);
    }

    fn begin_stored(&mut self, job: Job) {
        let takes = Duration::from_micros(self.random.random_range(0..COMMIT_MAX_US));
        self.stored_until = self.stored_until.max(self.now + takes);
        self.begin_at(self.stored_until, job);
    }

    fn begin_soon(&mut self, job: Job) {
        let takes = Duration::from_micros(self.random.random_range(0..COMMIT_MAX_US));
        self.begin_at(self.now + takes, job);
    }

    fn begin_at(&mut self, at: Moment, job: Job) {
        self.jobs.insert((at, self.jobs_begun), job);
        self.jobs_begun += 1;
    }

    fn up(&mut self, node: Node, link: u32, message: Message) {
        self.network
            .send(self.now, node, SERVER, 100, Packet { link, message });
    }

    /// Sends on the link that the server believes a seat to have.
    fn down(&mut self, seat: ParticipantId, message: Message) {
        let Some(&Link { link, .. }) = self.links.get(&seat) else {
            return;
        };
        let node = self.clients.iter().find(|(_, client)| client.seat == seat);
        if let Some((&node, _)) = node {
            self.network
                .send(self.now, SERVER, node, 100, Packet { link, message });
        }
    }
}

fn token(node: Node) -> [u8; 32] {
    [node as u8; 32]
}

fn dated(moment: Moment) -> Now {
    Now {
        moment,
        unix_ms: 1_700_000_000_000 + moment.as_ms(),
    }
}
