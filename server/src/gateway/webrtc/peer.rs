//! One guest's peer connection: its protocols, its addresses, and what goes in and comes out.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_core::media::voices::OutFrame;
use conclave_wire::datagram::Kind;
use str0m::{
    Input, Output, Rtc, RtcError,
    channel::ChannelId,
    net::{Protocol, Receive, Transmit},
};

use super::{
    camera::Outbound,
    due::Due,
    ears::Ears,
    mouth::Mouth,
    offer::{TCP_PLACE, UDP_PLACE},
    shell::{Present, Shell},
    stun,
};
use crate::{
    gateway::webrtc::directory::canonical,
    media::{
        figures::Count,
        guests::{GuestLink, GuestPath},
        sessions::Session,
    },
};

mod happening;

/// A peer whose browser has not come by then is given up.
pub const CONNECTED_WITHIN: Duration = Duration::from_secs(30);
/// In how many rounds a peer must come to rest; each either takes the time or fills the data channel.
const ROUNDS_MAX: usize = 64;
/// One that did not is asked again after this.
const REST: Duration = Duration::from_millis(1);

/// A guest, from an offer that could be answered to the end.
pub struct Peer {
    pub session: Arc<Session>,
    pub link: Arc<GuestLink>,
    pub due: Due,
    rtc: Rtc,
    channel: ChannelId,
    ears: Option<Ears>,
    mouth: Mouth,
    camera: Outbound,
    paths: Vec<(SocketAddr, GuestPath)>,
    /// Where the request came from that is being answered.
    asked_from: Option<GuestPath>,
    opened_at: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Opening,
    Connected,
    Ended,
}

impl Peer {
    pub fn new(
        session: Arc<Session>,
        link: Arc<GuestLink>,
        rtc: Rtc,
        channel: ChannelId,
        now: Present,
    ) -> Peer {
        Peer {
            session,
            link,
            due: Due::default(),
            rtc,
            channel,
            ears: None,
            mouth: Mouth::default(),
            camera: Outbound::default(),
            paths: Vec::new(),
            asked_from: None,
            opened_at: now.instant,
            stage: Stage::Opening,
        }
    }

    /// Whether it is over, or will never begin.
    pub fn is_over(&self, now: Present) -> bool {
        let late = now.instant.saturating_duration_since(self.opened_at) > CONNECTED_WITHIN;
        self.stage == Stage::Ended || (self.stage == Stage::Opening && late)
    }

    /// Takes a datagram that names this guest, or comes from an address of theirs. A check of connectivity
    /// is looked at only when it is authentic, and everything else opens under keys of this peer or does
    /// nothing.
    pub fn datagram(&mut self, now: Present, from: &GuestPath, bytes: &[u8], shell: &mut Shell) {
        let (protocol, source, place) = match from {
            GuestPath::Udp(path) => (Protocol::Udp, canonical(path.peer), UDP_PLACE),
            GuestPath::Tcp(stream) => (Protocol::Tcp, canonical(stream.peer), TCP_PLACE),
        };
        let Ok(receive) = Receive::new(protocol, source, place, bytes) else {
            shell.count(Count::Malformed, 1);
            return;
        };
        let input = Input::Receive(now.instant, receive);
        if let Some(request) = stun::request(bytes) {
            if !self.rtc.accepts(&input) {
                shell.count(Count::Forged, 1);
                return;
            }
            if !shell.directory.claim(self.link.key, source, now.moment) {
                shell.count(Count::TooFast, 1);
                return;
            }
            self.note_path(source, from, request.nominates);
            self.asked_from = Some(from.clone());
        }
        let taken = self.rtc.handle_input(input);
        self.settle(now, taken, shell);
        self.asked_from = None;
    }

    /// The moment has come for which it was due.
    pub fn wake(&mut self, now: Present, shell: &mut Shell) {
        let taken = self.rtc.handle_input(Input::Timeout(now.instant));
        self.settle(now, taken, shell);
    }

    /// Takes what came of the answer.
    pub fn begin(&mut self, now: Present, shell: &mut Shell) {
        self.settle(now, Ok(()), shell);
    }

    /// Sends a packet of voice.
    pub fn hear(&mut self, now: Present, frame: &OutFrame, shell: &mut Shell) {
        let Some(ears) = self
            .ears
            .as_mut()
            .filter(|_| self.stage == Stage::Connected)
        else {
            return shell.count(Count::VoiceNotSent, 1);
        };
        let written = ears.write(&mut self.rtc, frame, now.instant);
        shell.count(
            match written {
                true => Count::VoiceSent,
                false => Count::VoiceNotSent,
            },
            1,
        );
        self.settle(now, Ok(()), shell);
    }

    /// Sends bodies over the data channel as it has room for them.
    pub fn see(&mut self, now: Present, kind: Kind, bodies: Vec<Arc<[u8]>>, shell: &mut Shell) {
        let late = self.camera.drop_late(now.moment);
        shell.count(Count::GuestCameraLate, late);
        for body in bodies {
            if !self.camera.push(now.moment, kind, body) {
                shell.count(Count::GuestCameraLate, 1);
            }
        }
        self.settle(now, Ok(()), shell);
    }

    /// Says goodbye. Nothing goes here any more.
    pub fn end(&mut self, now: Present, shell: &mut Shell) {
        if self.stage == Stage::Opening {
            shell.count(Count::GuestsNotConnected, 1);
        }
        self.stage = Stage::Ended;
        self.session.guest_left(&self.link);
        let closed = self.rtc.close();
        self.settle(now, closed, shell);
    }

    /// Carries out all that the protocols want, until they rest.
    fn settle(&mut self, now: Present, taken: Result<(), RtcError>, shell: &mut Shell) {
        let rested = taken.and_then(|()| self.come_to_rest(now, shell));
        match rested {
            Ok(at) => self.due.at = Some(at),
            Err(error) => {
                tracing::debug!(%error, "a guest's connection broke");
                self.stage = self.stage.ended(shell);
            }
        }
        if !self.rtc.is_alive() {
            self.stage = self.stage.ended(shell);
        }
    }

    fn come_to_rest(&mut self, now: Present, shell: &mut Shell) -> Result<Instant, RtcError> {
        for _ in 0..ROUNDS_MAX {
            let due = self.drain(now, shell)?;
            if !self.camera.is_empty() {
                let late = self.camera.drop_late(now.moment);
                shell.count(Count::GuestCameraLate, late);
                if self.camera.pump(&mut self.rtc, self.channel) > 0 {
                    continue;
                }
            }
            if due > now.instant || !self.rtc.is_alive() {
                return Ok(due);
            }
            self.rtc.handle_input(Input::Timeout(now.instant))?;
        }
        Ok(now.instant + REST)
    }

    fn drain(&mut self, now: Present, shell: &mut Shell) -> Result<Instant, RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(datagram) => self.transmit(&datagram, shell),
                Output::Event(event) => self.happened(now, event, shell),
            }
        }
    }

    /// An answer to a check leaves by the way on which it came, everything else by the one that the browser
    /// has chosen.
    fn transmit(&self, datagram: &Transmit, shell: &Shell) {
        let answers = stun::protocol_of(&datagram.contents) == stun::Protocol::Stun;
        let asked_from = self.asked_from.as_ref().filter(|_| answers);
        let known = || {
            let tcp = datagram.proto != Protocol::Udp;
            let path = self.paths.iter().find(|(address, path)| {
                *address == datagram.destination && matches!(path, GuestPath::Tcp(_)) == tcp
            });
            path.map(|(_, path)| path)
        };
        if let Some(path) = asked_from.or_else(known) {
            shell.send(path, &datagram.contents);
        }
    }

    fn note_path(&mut self, source: SocketAddr, from: &GuestPath, nominates: bool) {
        let same_kind = |path: &GuestPath| {
            matches!(path, GuestPath::Tcp(_)) == matches!(from, GuestPath::Tcp(_))
        };
        let known = self
            .paths
            .iter_mut()
            .find(|(address, path)| *address == source && same_kind(path));
        match known {
            Some((_, path)) if nominates => *path = from.clone(),
            Some(_) => {}
            None => self.paths.push((source, from.clone())),
        }
    }
}

impl Stage {
    fn ended(self, shell: &Shell) -> Stage {
        if self == Stage::Opening {
            shell.count(Count::GuestsNotConnected, 1);
        }
        Stage::Ended
    }
}
