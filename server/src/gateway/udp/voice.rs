//! The thread that sends voice: takes what the mixers made, seals it for each listener, sends it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use conclave_core::media::voices::Outgoing;
use conclave_wire::{
    ParticipantId,
    datagram::{Kind, Voice},
};

use super::{
    send::{Courier, Patience},
    socket::MediaSocket,
};
use crate::media::{
    figures::Count,
    guests::GuestLink,
    seat::{RoomKey, VoiceBatch},
    sessions::{MediaSessions, Session, Way},
};

/// How often an idle thread looks whether it is to stop.
const STOP_CHECK_EVERY: Duration = Duration::from_millis(200);

pub struct VoiceSender {
    sessions: MediaSessions,
    courier: Courier,
    /// Whom the present packet goes to.
    listeners: Vec<(Arc<Session>, Way)>,
    guests: Vec<Arc<GuestLink>>,
}

impl VoiceSender {
    pub fn new(socket: Arc<MediaSocket>, sessions: MediaSessions) -> VoiceSender {
        VoiceSender {
            sessions,
            courier: Courier::new(socket),
            listeners: Vec::new(),
            guests: Vec::new(),
        }
    }

    /// Sends until told to stop.
    pub fn run(mut self, batches: &Receiver<VoiceBatch>, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            self.sessions.send_beat();
            match batches.recv_timeout(STOP_CHECK_EVERY) {
                Ok(VoiceBatch { room, packets }) => {
                    let mut patience = Patience::for_batch();
                    for packet in &packets {
                        self.send(room, packet, &mut patience);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn send(&mut self, room: RoomKey, Outgoing { frame, to }: &Outgoing, patience: &mut Patience) {
        // The table is let go before anything is sent: whoever joins must not wait for two hundred sends.
        let receivers = self.sessions.receivers();
        let reached = to.iter().filter_map(|&id| {
            let (session, way) = receivers.voice(room, ParticipantId(id))?;
            match way {
                // A packet goes to all browsers at once.
                Way::Guest(guest) => {
                    self.guests.push(guest);
                    None
                }
                Way::Udp(_) | Way::WebSocket(_) => Some((session.clone(), way)),
            }
        });
        self.listeners.extend(reached);
        drop(receivers);
        if !self.guests.is_empty() {
            let guests = std::mem::take(&mut self.guests);
            let count = guests.len() as u64;
            if !GuestLink::send_voice(frame.clone(), guests) {
                self.sessions.figures().add(Count::GuestQueueFull, count);
            }
        }

        let voice = Voice {
            source: ParticipantId(frame.source),
            spurt_start: frame.spurt_start,
            level: frame.level,
            media_time: frame.media_time,
            opus: &frame.opus,
        };
        let (mut sent, mut dropped) = (0, 0);
        for (session, way) in self.listeners.drain(..) {
            let write_body = |body: &mut Vec<u8>| voice.write(body);
            let courier = &mut self.courier;
            match courier.voice(&session, &way, Kind::Voice, patience, write_body) {
                true => sent += 1,
                false => dropped += 1,
            }
        }
        let figures = self.sessions.figures();
        figures.add(Count::VoiceSent, sent);
        figures.add(Count::VoiceNotSent, dropped);
    }
}
