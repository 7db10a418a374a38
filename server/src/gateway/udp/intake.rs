//! What is done with each datagram: authenticate, then answer, hand over or forward.

use std::{collections::HashMap, sync::Arc};

use conclave_core::{
    Moment,
    media::voices::{VoiceFrame, opus_samples},
};
use conclave_wire::{
    ParticipantId,
    datagram::{Class, Header, Kind, Probe, Report, Voice, write_nonce},
    limits::DATAGRAM_BYTES_MAX,
};

use super::{
    forward::Forwarder,
    send::{Courier, Patience},
    socket::MediaSocket,
};
use crate::{
    gateway::webrtc::{Inlet, Protocol, protocol_of},
    media::{
        figures::Count,
        guests::FromGuest,
        scale::{Scaled, Scaler},
        seat::{RoomKey, UdpStatus, VoiceArrived},
        sessions::{Dropped, FromWebSocket, MediaSessions, Opened, Session, Turn, Way},
    },
};

/// Takes datagrams batch by batch. Lives on the receiving thread alone.
pub struct Intake {
    sessions: MediaSessions,
    courier: Courier,
    forwarder: Forwarder,
    guests: Inlet,
    voice: HashMap<RoomKey, RoomVoice>,
}

/// Voice of one room in this batch.
struct RoomVoice {
    /// Anybody of the room: knows the mixer.
    session: Arc<Session>,
    packets: Vec<(ParticipantId, VoiceFrame)>,
}

impl Intake {
    pub fn new(
        socket: Arc<MediaSocket>,
        sessions: MediaSessions,
        scaler: Scaler,
        guests: Inlet,
    ) -> Intake {
        Intake {
            guests,
            courier: Courier::new(socket.clone()),
            forwarder: Forwarder::new(socket, sessions.clone(), scaler),
            voice: HashMap::new(),
            sessions,
        }
    }

    /// Takes a datagram that came by UDP or by WebSocket; it is opened in place. Nothing of it leaves before
    /// [`voice_ended`](Self::voice_ended) or [`camera_ended`](Self::camera_ended).
    pub fn datagram(&mut self, now: Moment, from: &Way, datagram: &mut [u8]) {
        let figures = self.sessions.figures();
        figures.one(Count::Received);
        if let (Way::Udp(path), false) = (from, protocol_of(datagram) == Protocol::Ours) {
            return self.guests.datagram(*path, datagram);
        }
        let header = (datagram.len() <= DATAGRAM_BYTES_MAX)
            .then(|| Header::parse(datagram))
            .flatten();
        let Some(header) = header else {
            figures.one(Count::NotOurs);
            return;
        };
        let Some(session) = self.sessions.find(header.session) else {
            figures.one(Count::Stranger);
            return;
        };
        let outcome = match session.open(now, &header, from, datagram) {
            Ok(Opened { body, turn }) => {
                self.turn(&session, from, turn);
                match self.take(now, &session, from, header, body) {
                    true => return,
                    false => Count::Malformed,
                }
            }
            Err(Dropped::Replayed) => Count::Replayed,
            Err(Dropped::Forged) => Count::Forged,
            Err(Dropped::TooFast) => Count::TooFast,
            Err(Dropped::Unexpected) => Count::Unexpected,
        };
        tracing::trace!(?outcome, "datagram ignored");
        self.sessions.figures().one(outcome);
    }

    pub fn by_websocket(&mut self, now: Moment, from: FromWebSocket) {
        let FromWebSocket { link, mut datagram } = from;
        link.taken();
        self.datagram(now, &Way::WebSocket(link), &mut datagram);
    }

    /// Takes what a guest sent about cameras: authentic already, and as welcome as a datagram.
    pub fn by_guest(&mut self, now: Moment, from: FromGuest) {
        let FromGuest {
            session,
            kind,
            mut body,
        } = from;
        let figures = self.sessions.figures();
        figures.one(Count::Received);
        if self.sessions.find(session.id).is_none() {
            return figures.one(Count::Stranger);
        }
        if !session.allows_guest(now, kind, body.len()) {
            return figures.one(Count::TooFast);
        }
        let taken = match kind {
            Kind::Camera => self.forwarder.fragment(now, &session, &mut body),
            Kind::ReRequest => self.forwarder.re_request(now, &session, &body),
            Kind::Report => self.report(&session, &body),
            Kind::Hello
            | Kind::Voice
            | Kind::Probe
            | Kind::Echo
            | Kind::Challenge
            | Kind::Response => false,
        };
        if !taken {
            self.sessions.figures().one(Count::Malformed);
        }
    }

    pub fn scaled(&mut self, now: Moment, scaled: &Scaled) {
        self.sessions.figures().one(Count::Scaled);
        self.forwarder.scaled(now, scaled);
    }

    /// Hands the voice of this batch to the mixers, one message a room, and what is of guests to their
    /// thread.
    pub fn voice_ended(&mut self) {
        self.guests.depart();
        for (_, RoomVoice { session, packets }) in self.voice.drain() {
            if session.seat.voice.try_send(VoiceArrived(packets)).is_err() {
                self.sessions.figures().one(Count::VoiceQueueFull);
            }
        }
    }

    /// Sends what is left of this batch's camera frames, unless the rest of a frame is worth a wait.
    pub fn camera_ended(&mut self, now: Moment) {
        self.forwarder.batch_ended(now);
    }

    /// When [`camera_ended`](Self::camera_ended) is due though nothing has come.
    pub fn next_departure(&self) -> Option<Moment> {
        self.forwarder.next_departure()
    }

    /// Every [`REPORT_EVERY`](super::measure::REPORT_EVERY).
    pub fn interval_ended(&mut self, now: Moment, load_percent: u8) {
        let load_percent = load_percent.max(self.guests.guests_load_percent());
        self.forwarder.interval_ended(now, load_percent);
        self.sessions.sweep();
    }

    /// False when the body is malformed.
    fn take(
        &mut self,
        now: Moment,
        session: &Arc<Session>,
        from: &Way,
        header: Header,
        body: &mut [u8],
    ) -> bool {
        match header.kind {
            Kind::Hello | Kind::Probe => self.echo(now, session, from, body),
            Kind::Voice => self.voice(session, header.number, body),
            Kind::Camera => self.forwarder.fragment(now, session, body),
            Kind::ReRequest => self.forwarder.re_request(now, session, body),
            Kind::Report => self.report(session, body),
            // The session has compared it already.
            Kind::Response => body.len() >= 8,
            Kind::Echo | Kind::Challenge => false,
        }
    }

    /// The answer goes where the question came from, is as long, and has the room clock in it.
    fn echo(&mut self, now: Moment, session: &Session, from: &Way, body: &[u8]) -> bool {
        let Some(probe) = Probe::parse(body) else {
            return false;
        };
        let echo = Probe {
            room_clock_us: session.room_clock_us(now),
            ..probe
        };
        let write_body = |body: &mut Vec<u8>| echo.write(body);
        let mut none = Patience::none();
        if self
            .courier
            .voice(session, from, Kind::Echo, &mut none, write_body)
        {
            self.sessions.figures().one(Count::Echoed);
        }
        true
    }

    fn report(&mut self, session: &Arc<Session>, body: &[u8]) -> bool {
        let Some(report) = Report::parse(body) else {
            return false;
        };
        self.forwarder.measures().report(session, report);
        true
    }

    fn voice(&mut self, session: &Arc<Session>, number: u64, body: &[u8]) -> bool {
        let Some(voice) = Voice::parse(body) else {
            return false;
        };
        let Some(samples) = opus_samples(voice.opus) else {
            return false;
        };
        self.sessions.figures().one(Count::VoiceReceived);
        let frame = VoiceFrame {
            number,
            media_time: voice.media_time,
            spurt_start: voice.spurt_start,
            level: voice.level,
            samples,
            opus: Arc::from(voice.opus),
        };
        let room = self.voice.entry(session.seat.room);
        let room = room.or_insert_with(|| RoomVoice {
            session: session.clone(),
            packets: Vec::new(),
        });
        room.packets.push((session.seat.id, frame));
        true
    }

    /// Asks a new address whether it is there, and tells the room which way media go.
    fn turn(&mut self, session: &Session, from: &Way, turn: Turn) {
        if let Some(nonce) = turn.challenge {
            let write_body = |body: &mut Vec<u8>| write_nonce(nonce, body);
            let mut none = Patience::none();
            self.courier
                .voice(session, from, Kind::Challenge, &mut none, write_body);
            self.sessions.figures().one(Count::Challenged);
        }
        if let Some(udp) = turn.udp {
            let id = session.seat.id;
            if session.seat.udp.try_send(UdpStatus { id, udp }).is_err() {
                tracing::debug!("a room was too busy to hear which way media go");
            }
        }
    }
}

/// Whether a datagram belongs before others of its batch: voice, and what is as small and urgent.
pub fn goes_first(datagram: &[u8]) -> bool {
    Header::parse(datagram).is_none_or(|header| header.kind.class() == Class::Voice)
}
