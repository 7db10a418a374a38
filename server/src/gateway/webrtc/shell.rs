//! What guests' peers need of the world: the socket, the mixers, the cameras, the counters.

use std::{collections::HashMap, sync::Arc, time::Instant};

use conclave_core::{Moment, media::voices::VoiceFrame};
use conclave_wire::{ParticipantId, datagram::Kind};

use super::{SendDatagram, directory::Directory};
use crate::{
    clock::Clock,
    media::{
        figures::Count,
        guests::{FromGuest, GuestPath},
        seat::{RoomKey, VoiceArrived},
        sessions::{MediaSessions, Session},
    },
};

/// One moment in both kinds of time.
#[derive(Clone, Copy, Debug)]
pub struct Present {
    pub moment: Moment,
    pub instant: Instant,
}

impl Present {
    pub fn of(clock: Clock) -> Present {
        let moment = clock.now();
        Present {
            moment,
            instant: clock.instant(moment).into_std(),
        }
    }
}

/// Lives on the thread of guests.
pub struct Shell {
    pub sessions: MediaSessions,
    pub directory: Arc<Directory>,
    send: SendDatagram,
    voice: HashMap<RoomKey, RoomVoice>,
}

/// Voice of one room in this batch.
struct RoomVoice {
    /// Anybody of the room: knows the mixer.
    session: Arc<Session>,
    packets: Vec<(ParticipantId, VoiceFrame)>,
}

impl Shell {
    pub fn new(send: SendDatagram, sessions: MediaSessions, directory: Arc<Directory>) -> Shell {
        Shell {
            sessions,
            directory,
            send,
            voice: HashMap::new(),
        }
    }

    pub fn count(&self, count: Count, more: u64) {
        self.sessions.figures().add(count, more);
    }

    /// Sends a datagram; what does not fit into a buffer is lost.
    pub fn send(&self, to: &GuestPath, datagram: &[u8]) {
        let sent = match to {
            GuestPath::Udp(path) => (self.send)(*path, datagram),
            GuestPath::Tcp(stream) => stream.frames.try_send(datagram.to_vec()).is_ok(),
        };
        if !sent {
            self.count(Count::GuestQueueFull, 1);
        }
    }

    /// Takes a packet for the room's mixer; it leaves with others of its batch.
    pub fn voice(&mut self, session: &Arc<Session>, frame: VoiceFrame) {
        self.count(Count::VoiceReceived, 1);
        let room = self.voice.entry(session.seat.room);
        let room = room.or_insert_with(|| RoomVoice {
            session: session.clone(),
            packets: Vec::new(),
        });
        room.packets.push((session.seat.id, frame));
    }

    /// Hands the voice of this batch to the mixers, one message a room.
    pub fn voice_ended(&mut self) {
        for (_, RoomVoice { session, packets }) in self.voice.drain() {
            if session.seat.voice.try_send(VoiceArrived(packets)).is_err() {
                self.sessions.figures().one(Count::VoiceQueueFull);
            }
        }
    }

    /// Hands what is about cameras to the thread that forwards them.
    pub fn camera(&self, session: &Arc<Session>, kind: Kind, body: &[u8]) {
        let from = FromGuest {
            session: session.clone(),
            kind,
            body: body.to_vec(),
        };
        if self.sessions.guests().from_guests.try_send(from).is_err() {
            self.count(Count::GuestQueueFull, 1);
        }
    }
}
