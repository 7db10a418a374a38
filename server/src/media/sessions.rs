//! Media sessions: who may send and get datagrams, under which keys, and where they are reached.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc as blocking,
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use conclave_core::Moment;
use conclave_wire::{
    MediaSession, ParticipantId, Refusal, RefusalCode, Suite, sealing::SECRET_BYTES,
};
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;

use super::{
    figures::{Count, MediaFigures},
    guests::{self, FromGuest, GuestQueues, GuestSenders},
    seat::{MediaSeat, RoomKey, VoiceBatch, VoiceSink},
};
use crate::{auth::token, clock::Clock};

mod paths;
mod session;

pub use paths::{
    SendDatagrams, Turn, UdpPath, WEBSOCKET_CAMERA_BYTES_MAX, WEBSOCKET_VOICE_BYTES_MAX, Way,
    WebSocketLink,
};
pub use session::{Dropped, Opened, Session};

/// A seat's session lives so much longer when the seat has got a new one, so that what is on its way
/// still counts.
pub const OLD_SESSION_LIVES: Duration = Duration::from_secs(5);
/// Batches that wait for the voice thread.
pub const VOICE_BATCHES_QUEUED_MAX: usize = 1_024;
/// Datagrams that came by WebSocket and wait for the media thread.
pub const WEBSOCKET_DATAGRAMS_QUEUED_MAX: usize = 4_096;

/// The table of sessions, and the queues towards the media threads. Cloning shares it.
#[derive(Clone)]
pub struct MediaSessions {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    suite: Suite,
    addresses: ArcSwap<Vec<String>>,
    candidates: ArcSwap<Candidates>,
    rooms: AtomicU32,
    table: RwLock<Table>,
    voice: blocking::SyncSender<VoiceBatch>,
    websockets: mpsc::Sender<FromWebSocket>,
    guests: GuestSenders,
    queues: Mutex<Option<Queues>>,
    figures: Arc<MediaFigures>,
}

/// Where browsers find the media ports.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Candidates {
    pub udp: Vec<SocketAddr>,
    /// Empty unless the operator has set a TCP port for media.
    pub tcp: Vec<SocketAddr>,
}

/// A datagram that came by WebSocket.
pub struct FromWebSocket {
    pub link: Arc<WebSocketLink>,
    pub datagram: Vec<u8>,
}

/// The other ends of the queues; the UDP gateway takes them.
pub struct Queues {
    pub voice: blocking::Receiver<VoiceBatch>,
    pub websockets: mpsc::Receiver<FromWebSocket>,
    pub guests: GuestQueues,
    pub from_guests: mpsc::Receiver<FromGuest>,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<u64, Arc<Session>>,
    by_seat: HashMap<(RoomKey, ParticipantId), SeatSessions>,
    /// Sessions that were replaced, in the order in which they die.
    dying: VecDeque<(Moment, Arc<Session>)>,
}

struct SeatSessions {
    current: Arc<Session>,
    /// Still serves the seat until the client has said hello under the current one.
    older: Option<Arc<Session>>,
}

impl MediaSessions {
    pub fn new(clock: Clock) -> MediaSessions {
        let (voice, voice_taken) = blocking::sync_channel(VOICE_BATCHES_QUEUED_MAX);
        let (websockets, websockets_taken) = mpsc::channel(WEBSOCKET_DATAGRAMS_QUEUED_MAX);
        let (guests, guest_queues, from_guests) = guests::queues();
        let queues = Queues {
            voice: voice_taken,
            websockets: websockets_taken,
            guests: guest_queues,
            from_guests,
        };
        MediaSessions {
            shared: Arc::new(Shared {
                clock,
                suite: session::fastest_suite(),
                addresses: ArcSwap::default(),
                candidates: ArcSwap::default(),
                rooms: AtomicU32::new(0),
                table: RwLock::default(),
                voice,
                websockets,
                guests,
                queues: Mutex::new(Some(queues)),
                figures: Arc::default(),
            }),
        }
    }

    /// What welcomes name from now on: `address:port`, IPv6 in brackets.
    pub fn set_addresses(&self, addresses: Vec<String>) {
        self.shared.addresses.store(Arc::new(addresses));
    }

    /// What answers to browsers name from now on.
    pub fn set_candidates(&self, candidates: Candidates) {
        self.shared.candidates.store(Arc::new(candidates));
    }

    pub fn candidates(&self) -> Arc<Candidates> {
        self.shared.candidates.load_full()
    }

    /// A key for a room that opens.
    pub fn next_room(&self) -> RoomKey {
        RoomKey(self.shared.rooms.fetch_add(1, Ordering::Relaxed))
    }

    /// Gives a seat a fresh session and secret. The seat's older session lives [`OLD_SESSION_LIVES`] more.
    pub fn open(&self, seat: MediaSeat) -> MediaSession {
        let shared = &self.shared;
        let secret = token::random_bytes::<SECRET_BYTES>();
        let place = (seat.room, seat.id);
        let now = shared.clock.now();
        let mut table = shared.table.write();
        let id = std::iter::repeat_with(session::random_u64)
            .find(|id| !table.by_id.contains_key(id))
            .expect("64-bit numbers do not run out");
        let session = Arc::new(Session::new(seat, id, shared.suite, &secret, now));
        table.by_id.insert(id, session.clone());
        let older = table.by_seat.remove(&place).map(|seat| seat.current);
        if let Some(older) = &older {
            table
                .dying
                .push_back((now + OLD_SESSION_LIVES, older.clone()));
        }
        let sessions = SeatSessions {
            current: session,
            older,
        };
        table.by_seat.insert(place, sessions);
        MediaSession {
            addresses: shared.addresses.load().to_vec(),
            session: format!("{id:016x}"),
            suite: shared.suite,
            secret: hex::encode(secret),
        }
    }

    /// The seat is given up: its sessions end at once.
    pub fn close(&self, room: RoomKey, id: ParticipantId) {
        self.forget(|session| (session.seat.room, session.seat.id) == (room, id));
    }

    /// The room has ended: all its sessions end at once.
    pub fn close_room(&self, room: RoomKey) {
        self.forget(|session| session.seat.room == room);
    }

    /// The session of this id, unless it is dead.
    pub fn find(&self, session: u64) -> Option<Arc<Session>> {
        self.shared.table.read().by_id.get(&session).cloned()
    }

    /// Looks up those whom packets go to, for many at once. Sessions cannot be opened meanwhile.
    pub fn receivers(&self) -> Receivers<'_> {
        Receivers(self.shared.table.read())
    }

    /// Ends the sessions whose time is over.
    pub fn sweep(&self) {
        let now = self.shared.clock.now();
        let due = |table: &Table| table.dying.front().is_some_and(|(at, _)| *at <= now);
        if !due(&self.shared.table.read()) {
            return;
        }
        let mut table = self.shared.table.write();
        while due(&table) {
            let Some((_, session)) = table.dying.pop_front() else {
                return;
            };
            table.by_id.remove(&session.id);
            let place = (session.seat.room, session.seat.id);
            if let Some(seat) = table.by_seat.get_mut(&place) {
                seat.older.take_if(|older| older.id == session.id);
            }
        }
    }

    /// How many sessions live.
    pub fn len(&self) -> usize {
        self.shared.table.read().by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where mixers send.
    pub fn voice_sink(&self) -> Arc<dyn VoiceSink> {
        Arc::new(self.clone())
    }

    /// Hands a datagram that came by WebSocket to the media thread; when that is behind, it is dropped.
    pub fn arrived_by_websocket(&self, from: FromWebSocket) {
        if !from.link.may_arrive() {
            self.figures().one(Count::WebSocketQueueFull);
        } else if let Err(full) = self.shared.websockets.try_send(from) {
            full.into_inner().link.taken();
            self.figures().one(Count::WebSocketQueueFull);
        }
    }

    /// Hands a browser's offer to the thread that speaks WebRTC; what comes of it.
    ///
    /// # Errors
    /// A refusal with one of the codes for offers; `media_busy` when the session is over.
    pub fn offer(
        &self,
        session: u64,
        sdp: String,
    ) -> impl Future<Output = Result<String, Refusal>> + 'static {
        let (session, guests) = (self.find(session), self.shared.guests.clone());
        async move {
            let session = session.ok_or(RefusalCode::MediaBusy)?;
            guests.offer(session, sdp).await
        }
    }

    /// The queues towards the thread that speaks WebRTC.
    pub fn guests(&self) -> &GuestSenders {
        &self.shared.guests
    }

    pub fn figures(&self) -> &Arc<MediaFigures> {
        &self.shared.figures
    }

    /// Leaves the sign of life of the thread that sends voice.
    pub fn send_beat(&self) {
        self.shared.figures.send_beat.leave(self.shared.clock.now());
    }

    /// The ends from which the media threads take. `None` when a gateway has them already.
    pub fn take_queues(&self) -> Option<Queues> {
        self.shared.queues.lock().take()
    }

    fn forget(&self, gone: impl Fn(&Session) -> bool) {
        let mut table = self.shared.table.write();
        table.by_id.retain(|_, session| !gone(session));
        table.by_seat.retain(|_, seat| !gone(&seat.current));
        table.dying.retain(|(_, session)| !gone(session));
    }
}

impl VoiceSink for MediaSessions {
    fn send(&self, batch: VoiceBatch) {
        if self.shared.voice.try_send(batch).is_err() {
            self.figures().one(Count::VoiceQueueFull);
        }
    }
}

/// The table, open for reading.
pub struct Receivers<'a>(parking_lot::RwLockReadGuard<'a, Table>);

impl Receivers<'_> {
    /// The session under which a seat is reached for voice, and where. `None` until the seat's client has
    /// said hello.
    pub fn voice(&self, room: RoomKey, id: ParticipantId) -> Option<(&Arc<Session>, Way)> {
        self.reached(room, id, Session::voice_way)
    }

    /// The same for camera.
    pub fn camera(&self, room: RoomKey, id: ParticipantId) -> Option<(&Arc<Session>, Way)> {
        self.reached(room, id, Session::camera_way)
    }

    fn reached(
        &self,
        room: RoomKey,
        id: ParticipantId,
        way: impl Fn(&Session) -> Option<Way>,
    ) -> Option<(&Arc<Session>, Way)> {
        let seat = self.0.by_seat.get(&(room, id))?;
        let older = seat.older.as_ref();
        std::iter::once(&seat.current)
            .chain(older)
            .find_map(|session| way(session).map(|way| (session, way)))
    }
}
