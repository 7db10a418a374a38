//! All guests of the server: offers become peers, peers are driven when they are due, and end.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use conclave_wire::{Refusal, RefusalCode};

use super::{
    due::DueGuests,
    offer::{Answered, Answerer},
    peer::Peer,
    shell::{Present, Shell},
};
use crate::media::{
    figures::Count,
    guests::{GuestCamera, GuestDatagram, GuestKey, GuestLink, GuestVoice, Offer},
    sessions::Session,
};

/// Guests that are woken in one go before anything else gets its turn.
const WOKEN_MAX: usize = 256;

/// Lives on the thread of guests.
pub struct Peers {
    shell: Shell,
    answerer: Option<Arc<Answerer>>,
    peers: HashMap<GuestKey, Peer>,
    by_session: HashMap<u64, GuestKey>,
    due: DueGuests,
}

impl Peers {
    /// Without an answerer every offer is refused.
    pub fn new(shell: Shell, answerer: Option<Answerer>) -> Peers {
        Peers {
            shell,
            answerer: answerer.map(Arc::new),
            peers: HashMap::new(),
            by_session: HashMap::new(),
            due: DueGuests::default(),
        }
    }

    pub fn offer(&mut self, now: Present, offer: Offer) {
        self.shell.count(Count::GuestOffers, 1);
        let answered = self.answer(now, &offer);
        if answered.is_err() {
            self.shell.count(Count::GuestOffersRefused, 1);
        }
        // Whoever asked may have gone; then the peer is given up for want of a browser.
        let _gone = offer.answer.send(answered.map_err(Refusal::from));
    }

    pub fn datagram(&mut self, now: Present, datagram: GuestDatagram) {
        let GuestDatagram { to, from, bytes } = datagram;
        to.arrived();
        self.drive(to.key, |peer, shell| {
            peer.datagram(now, &from, &bytes, shell);
        });
    }

    pub fn voice(&mut self, now: Present, GuestVoice { frame, to }: GuestVoice) {
        for link in to {
            self.drive(link.key, |peer, shell| peer.hear(now, &frame, shell));
        }
    }

    pub fn camera(&mut self, now: Present, camera: GuestCamera) {
        let GuestCamera { to, kind, bodies } = camera;
        to.camera_taken(&bodies);
        self.drive(to.key, |peer, shell| peer.see(now, kind, bodies, shell));
    }

    /// Wakes whoever is due.
    pub fn wake(&mut self, now: Present) {
        for _ in 0..WOKEN_MAX {
            let Some((listed, key)) = self.due.take(now.instant) else {
                return;
            };
            let Some(peer) = self.peers.get_mut(&key) else {
                continue;
            };
            match peer.due.taken(listed, now.instant) {
                true => self.drive(key, |peer, shell| peer.wake(now, shell)),
                false => self.due.list(key, &mut peer.due),
            }
        }
    }

    /// When [`wake`](Self::wake) has something to do.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.due.next()
    }

    /// Hands the voice of a batch to the mixers.
    pub fn batch_ended(&mut self) {
        self.shell.voice_ended();
    }

    /// Ends what is over, and what belongs to a session that is.
    pub fn sweep(&mut self, now: Present) {
        let sessions = &self.shell.sessions;
        sessions.figures().guest_beat.leave(now.moment);
        let over = |peer: &Peer| peer.is_over(now) || sessions.find(peer.session.id).is_none();
        let over: Vec<GuestKey> = self
            .peers
            .iter()
            .filter_map(|(key, peer)| over(peer).then_some(*key))
            .collect();
        for key in over {
            self.end(now, key);
        }
    }

    /// Says goodbye to everybody.
    pub fn end_all(&mut self, now: Present) {
        let all: Vec<GuestKey> = self.peers.keys().copied().collect();
        for key in all {
            self.end(now, key);
        }
    }

    pub fn set_load(&self, percent: u8) {
        self.shell.directory.set_load(percent);
    }

    fn answer(&mut self, now: Present, offer: &Offer) -> Result<String, RefusalCode> {
        let answerer = self.answerer.clone().ok_or(RefusalCode::MediaBusy)?;
        let session = &offer.session;
        // The seat may have been given up meanwhile.
        if self.shell.sessions.find(session.id).is_none() {
            return Err(RefusalCode::MediaBusy);
        }
        let queues = self.shell.sessions.guests();
        let (link, ufrag) = match self.shell.directory.open(queues) {
            Some(opened) => opened,
            None => self.open_in_place_of_older(now, session)?,
        };
        let replaced = self.by_session.get(&session.id).copied();
        let candidates = self.shell.sessions.candidates();
        let answered = answerer.answer(now.instant, &offer.sdp, ufrag, &candidates);
        let Answered { rtc, channel, sdp } = match answered {
            Ok(answered) => answered,
            Err(code) => {
                self.shell.directory.close(link.key);
                return Err(code);
            }
        };
        if let Some(replaced) = replaced {
            self.end(now, replaced);
        }
        self.admit(now, Peer::new(session.clone(), link, rtc, channel, now));
        Ok(sdp)
    }

    /// Where there is no room for another guest, whoever comes again takes their own place.
    fn open_in_place_of_older(
        &mut self,
        now: Present,
        session: &Session,
    ) -> Result<(Arc<GuestLink>, String), RefusalCode> {
        let seat = (session.seat.room, session.seat.id);
        let older = self
            .peers
            .values()
            .find(|peer| (peer.session.seat.room, peer.session.seat.id) == seat);
        let older = older.ok_or(RefusalCode::GuestsFull)?.link.key;
        self.end(now, older);
        let queues = self.shell.sessions.guests();
        let opened = self.shell.directory.open(queues);
        opened.ok_or(RefusalCode::GuestsFull)
    }

    fn admit(&mut self, now: Present, peer: Peer) {
        let key = peer.link.key;
        self.by_session.insert(peer.session.id, key);
        self.peers.insert(key, peer);
        self.drive(key, |peer, shell| peer.begin(now, shell));
    }

    /// Lets a guest do something and lists when they are due next. Should the protocols panic over what a
    /// stranger sent, only this guest is lost.
    fn drive(&mut self, key: GuestKey, work: impl FnOnce(&mut Peer, &mut Shell)) {
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        let shell = &mut self.shell;
        match catch_unwind(AssertUnwindSafe(|| work(peer, shell))) {
            Ok(()) => self.due.list(key, &mut peer.due),
            Err(_) => {
                tracing::warn!("a guest's connection broke over what it was sent");
                let (session, link) = (peer.session.clone(), peer.link.clone());
                session.guest_left(&link);
                self.forget(key, &session);
            }
        }
    }

    fn end(&mut self, now: Present, key: GuestKey) {
        self.drive(key, |peer, shell| peer.end(now, shell));
        if let Some(peer) = self.peers.get(&key) {
            let session = peer.session.clone();
            self.forget(key, &session);
        }
    }

    fn forget(&mut self, key: GuestKey, session: &Arc<Session>) {
        self.peers.remove(&key);
        self.shell.directory.close(key);
        if self.by_session.get(&session.id) == Some(&key) {
            self.by_session.remove(&session.id);
        }
    }
}
