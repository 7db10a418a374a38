//! One seat on one link, as the server sees it: coming in, signs of life, limits both ways, the end.
//!
//! What outlives the link (the log, the answers kept, the time away) is the room's.

mod effect;
mod outbox;
mod pace;
mod refrain;

use std::time::Duration;

use conclave_wire::{
    ClientMessage, Command, EncodedOnce, Encoding, LeaveReason, Refusal, RefusalCode,
    ServerMessage, limits::SDP_BYTES_MAX, message::Enter,
};

use self::refrain::Refrain;
pub use self::{
    effect::{AttachmentLimits, Effect, Effects, Shared},
    outbox::{Outbox, OutboxLimits},
    pace::{Pace, PaceLimits, Verdict},
};
use crate::{
    Moment,
    limit::TokenBucket,
    link::heartbeat::{Heartbeat, Pulse},
};

/// A round trip that has changed by less is no news for the room.
const NEWS: Duration = Duration::from_millis(2);

const S_PER_MINUTE: u32 = 60;

/// One seat on one link.
pub struct Attachment {
    limits: AttachmentLimits,
    encoding: Encoding,
    stage: Stage,
    heartbeat: Heartbeat,
    outbox: Outbox,
    pace: Pace<(u32, Command)>,
    /// In sixtieths of an offer.
    offers: TokenBucket,
    unreadable: u32,
    /// What the room was told last.
    measured: Option<Duration>,
}

enum Stage {
    /// Nobody has said who they are.
    Silent {
        until: Moment,
    },
    /// The room was asked.
    Entering {
        until: Moment,
        early: Vec<Vec<Shared>>,
    },
    /// The room has them wait at its door, and says when that is over. Should the link end before, the
    /// room looks for itself.
    AtTheDoor {
        early: Vec<Vec<Shared>>,
    },
    In {
        room_clock_ms: u64,
        since: Moment,
        /// How clock and film stand, as far as it was told.
        refrain: Box<Refrain>,
    },
    /// The link was told to close. `entering` while the room still owes an answer.
    Closing {
        shut_down_at: Option<Moment>,
        entering: bool,
    },
    Over,
}

impl Attachment {
    pub fn new(limits: AttachmentLimits, encoding: Encoding, now: Moment) -> Attachment {
        Attachment {
            limits,
            encoding,
            stage: Stage::Silent {
                until: now + limits.join_within,
            },
            heartbeat: Heartbeat::start(now),
            outbox: Outbox::new(limits.outbox),
            pace: Pace::new(limits.pace, now),
            offers: TokenBucket::new(
                limits.offers_burst * S_PER_MINUTE,
                limits.offers_per_minute,
                now,
            ),
            unreadable: 0,
            measured: None,
        }
    }

    /// The client said something.
    pub fn said(&mut self, now: Moment, message: ClientMessage, out: &mut Effects) {
        self.heartbeat.heard(now);
        if self.is_closing() {
            return;
        }
        match message {
            ClientMessage::Hello { enter, client } => self.hello(now, enter, client, out),
            ClientMessage::Do { reference, command } => {
                self.command(now, reference, command, out);
            }
            ClientMessage::Ack { number } => {
                if self.may_chatter(now, out) {
                    self.outbox.acknowledged(number);
                }
            }
            ClientMessage::Beat { sent_ms } => {
                if self.may_chatter(now, out) {
                    self.beat(now, sent_ms, out);
                }
            }
            ClientMessage::OfferMedia { sdp } => self.offer_media(now, sdp, out),
        }
    }

    /// Something came that was not a message of the protocol.
    pub fn unreadable(&mut self, now: Moment, code: RefusalCode, out: &mut Effects) {
        self.heartbeat.heard(now);
        if self.is_closing() {
            return;
        }
        self.out_of_turn(now, code, out);
    }

    /// A ping came back.
    pub fn returned(&mut self, now: Moment, mark: u64, out: &mut Effects) {
        self.heartbeat.heard(now);
        let Some(sent_at) = self.outbox.returned(mark) else {
            return;
        };
        let round_trip = self.heartbeat.returned(now, sent_at);
        let is_news = self
            .measured
            .is_none_or(|before| before.abs_diff(round_trip) >= NEWS.max(before / 8));
        if is_news && matches!(self.stage, Stage::In { .. }) {
            self.measured = Some(round_trip);
            out.push_back(Effect::Measured { round_trip });
        }
    }

    /// The room has let them in: what they are told first, and what they have missed.
    pub fn admitted(
        &mut self,
        now: Moment,
        room_clock_ms: u64,
        first: Vec<Shared>,
        out: &mut Effects,
    ) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Entering { early, .. } | Stage::AtTheDoor { early } => {
                self.stage = Stage::In {
                    room_clock_ms,
                    since: now,
                    refrain: Box::default(),
                };
                self.send_batch(first, out);
                for batch in early {
                    self.deliver(now, batch, out);
                }
                self.release(now, out);
            }
            Stage::Closing { shut_down_at, .. } => {
                out.push_back(Effect::Lost(LeaveReason::LinkLost));
                self.stage = Stage::Closing {
                    shut_down_at,
                    entering: false,
                };
                self.finish_closing();
            }
            other => self.stage = other,
        }
    }

    /// The room has not let them in.
    pub fn turned_away(&mut self, now: Moment, refusal: Refusal, out: &mut Effects) {
        match &mut self.stage {
            Stage::Entering { .. } | Stage::AtTheDoor { .. } => {
                self.stage = Stage::Over;
                self.refuse(None, refusal, out);
                self.close(now, false, out);
            }
            Stage::Closing { entering, .. } => {
                *entering = false;
                self.finish_closing();
            }
            Stage::Silent { .. } | Stage::In { .. } | Stage::Over => {}
        }
    }

    /// The room has something for this seat. A goodbye at its end means: close the link.
    pub fn deliver(&mut self, now: Moment, batch: Vec<Shared>, out: &mut Effects) {
        match &mut self.stage {
            Stage::Entering { early, .. } | Stage::AtTheDoor { early } if is_waiting(&batch) => {
                let early = std::mem::take(early);
                self.stage = Stage::AtTheDoor { early };
                self.send_batch(batch, out);
            }
            Stage::Entering { early, .. } | Stage::AtTheDoor { early } => {
                early.push(batch);
                if early.len() > self.limits.early_batches_max {
                    self.shut_down(None, out);
                }
            }
            Stage::In { .. } => {
                let goodbye = batch
                    .last()
                    .is_some_and(|last| matches!(last.message, ServerMessage::Goodbye { .. }));
                if !goodbye && !self.outbox.has_room() {
                    self.shut_down(Some(LeaveReason::TooSlow), out);
                    return;
                }
                self.send_batch(batch, out);
                if goodbye {
                    self.close(now, false, out);
                } else if self.outbox.wants_ping() {
                    self.ping(now, out);
                }
            }
            Stage::Silent { .. } | Stage::Closing { .. } | Stage::Over => {}
        }
    }

    /// The room has too much to do for this command.
    pub fn room_busy(&mut self, reference: u32, out: &mut Effects) {
        if !self.is_closing() {
            self.refuse(Some(reference), RefusalCode::Busy.into(), out);
        }
    }

    /// What came of an offer: an answer, or why there is none.
    pub fn media_answered(&mut self, answer: Result<String, Refusal>, out: &mut Effects) {
        if !matches!(self.stage, Stage::In { .. }) {
            return;
        }
        match answer {
            Ok(sdp) => self.send(ServerMessage::MediaAnswer { sdp }, out),
            Err(refusal) => self.refuse(None, refusal, out),
        }
    }

    /// The room is gone without a goodbye.
    pub fn room_gone(&mut self, now: Moment, out: &mut Effects) {
        if !self.is_closing() {
            self.refuse(None, RefusalCode::Internal.into(), out);
            self.close(now, false, out);
        }
    }

    /// The link did not take what was sent: nobody reads at its other end.
    pub fn link_full(&mut self, out: &mut Effects) {
        self.shut_down(Some(LeaveReason::TooSlow), out);
    }

    /// The link is gone.
    pub fn link_closed(&mut self, out: &mut Effects) {
        match self.stage {
            Stage::In { .. } => {
                out.push_back(Effect::Lost(LeaveReason::LinkLost));
                self.stage = Stage::Over;
            }
            Stage::Silent { .. } | Stage::AtTheDoor { .. } => self.stage = Stage::Over,
            Stage::Entering { .. } => {
                self.stage = Stage::Closing {
                    shut_down_at: None,
                    entering: true,
                };
            }
            Stage::Closing {
                ref mut shut_down_at,
                ..
            } => {
                *shut_down_at = None;
                self.finish_closing();
            }
            Stage::Over => {}
        }
    }

    pub fn wake(&mut self, now: Moment, out: &mut Effects) {
        match self.stage {
            Stage::Silent { until } if until <= now => {
                self.refuse(None, RefusalCode::Timeout.into(), out);
                self.close(now, false, out);
            }
            Stage::Entering { until, .. } if until <= now => {
                self.refuse(None, RefusalCode::Timeout.into(), out);
                self.close(now, true, out);
            }
            Stage::Closing {
                shut_down_at: Some(at),
                ..
            } if at <= now => {
                out.push_back(Effect::ShutDown);
                self.link_closed(out);
            }
            Stage::Silent { .. }
            | Stage::Entering { .. }
            | Stage::AtTheDoor { .. }
            | Stage::In { .. } => {
                self.watch(now, out);
                self.release(now, out);
            }
            Stage::Closing { .. } | Stage::Over => {}
        }
    }

    pub fn next_wakeup(&self) -> Option<Moment> {
        let open = match self.stage {
            Stage::Over => return None,
            Stage::Closing { shut_down_at, .. } => return shut_down_at,
            Stage::Silent { until } | Stage::Entering { until, .. } => Some(until),
            Stage::AtTheDoor { .. } => None,
            Stage::In { .. } => self.pace.next_wakeup(),
        };
        [open, self.heartbeat.next_wakeup(), self.outbox.overdue_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Nothing more will happen.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing { .. } | Stage::Over)
    }

    fn hello(&mut self, now: Moment, enter: Enter, client: String, out: &mut Effects) {
        match self.stage {
            Stage::Silent { until } => {
                self.stage = Stage::Entering {
                    until,
                    early: Vec::new(),
                };
                out.push_back(Effect::Enter { enter, client });
            }
            Stage::Entering { .. } | Stage::AtTheDoor { .. } | Stage::In { .. } => {
                self.out_of_turn(now, RefusalCode::HelloTwice, out);
            }
            Stage::Closing { .. } | Stage::Over => {}
        }
    }

    fn command(&mut self, now: Moment, reference: u32, command: Command, out: &mut Effects) {
        if matches!(self.stage, Stage::Silent { .. }) {
            return self.out_of_turn(now, RefusalCode::HelloExpected, out);
        }
        if matches!(self.stage, Stage::AtTheDoor { .. }) {
            return self.command_at_the_door(now, reference, command, out);
        }
        let (verdict, command) = match self.stage {
            // Nobody is in yet: it waits as if it were too early.
            Stage::Entering { .. } => self.pace.hold(now, (reference, command)),
            _ => self.pace.command(now, (reference, command)),
        };
        match (verdict, command) {
            (Verdict::Pass, Some((reference, command))) => {
                out.push_back(Effect::Act { reference, command });
            }
            (Verdict::Refuse(wait), _) => {
                let ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
                let refusal = Refusal::retry_after(RefusalCode::TooFast, ms.max(1));
                self.refuse(Some(reference), refusal, out);
            }
            (Verdict::Flooding, _) => self.flooding(now, out),
            (Verdict::Held | Verdict::Pass, _) => {}
        }
    }

    fn offer_media(&mut self, now: Moment, sdp: String, out: &mut Effects) {
        if !matches!(self.stage, Stage::In { .. }) {
            return self.out_of_turn(now, RefusalCode::HelloExpected, out);
        }
        if !self.may_chatter(now, out) {
            return;
        }
        if sdp.len() > SDP_BYTES_MAX {
            return self.refuse(None, RefusalCode::OfferTooLarge.into(), out);
        }
        match self.offers.try_take(now, S_PER_MINUTE) {
            Ok(()) => out.push_back(Effect::OfferMedia { sdp }),
            Err(wait) => {
                let ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
                let refusal = Refusal::retry_after(RefusalCode::OffersTooFast, ms.max(1));
                self.refuse(None, refusal, out);
            }
        }
    }

    /// Whoever waits can only go.
    fn command_at_the_door(
        &mut self,
        now: Moment,
        reference: u32,
        command: Command,
        out: &mut Effects,
    ) {
        if command == Command::Leave {
            let (reason, text) = (LeaveReason::Left, String::new());
            self.send(ServerMessage::Goodbye { reason, text }, out);
            self.close(now, false, out);
        } else if self.may_chatter(now, out) {
            self.refuse(Some(reference), RefusalCode::AtTheDoor.into(), out);
        }
    }

    fn beat(&mut self, now: Moment, sent_ms: u64, out: &mut Effects) {
        if let Some(interval) = self.heartbeat.beat_heard(now) {
            out.push_back(Effect::BeatHeard { interval });
        }
        let (room_clock_ms, pulse) = match &self.stage {
            Stage::In {
                room_clock_ms,
                since,
                refrain,
            } => {
                let here = now.since(*since).as_millis() as u64;
                (room_clock_ms + here, refrain.said())
            }
            _ => (0, None),
        };
        self.send(
            ServerMessage::Beat {
                sent_ms,
                room_clock_ms,
                pulse,
            },
            out,
        );
        // In one write with the answer: most people are silent most of the time, and this is what they
        // cost.
        if self.heartbeat.take_along(now) {
            self.ping(now, out);
        }
    }

    fn may_chatter(&mut self, now: Moment, out: &mut Effects) -> bool {
        let passes = self.pace.chatter(now) == Verdict::Pass;
        if !passes {
            self.flooding(now, out);
        }
        passes
    }

    fn out_of_turn(&mut self, now: Moment, code: RefusalCode, out: &mut Effects) {
        self.refuse(None, code.into(), out);
        self.unreadable += 1;
        if self.unreadable >= self.limits.unreadable_max {
            self.flooding(now, out);
        }
    }

    fn flooding(&mut self, now: Moment, out: &mut Effects) {
        let entering = matches!(self.stage, Stage::Entering { .. });
        if matches!(self.stage, Stage::In { .. }) {
            out.push_back(Effect::Lost(LeaveReason::Flooding));
        }
        self.send(
            ServerMessage::Goodbye {
                reason: LeaveReason::Flooding,
                text: RefusalCode::TooFast.sentence().to_owned(),
            },
            out,
        );
        self.close(now, entering, out);
    }

    /// Heartbeat, and whether what was sent is read.
    fn watch(&mut self, now: Moment, out: &mut Effects) {
        if self.outbox.overdue_at().is_some_and(|at| at <= now) {
            return self.shut_down(Some(LeaveReason::TooSlow), out);
        }
        match self.heartbeat.wake(now) {
            Some(Pulse::Beat) => self.ping(now, out),
            Some(Pulse::Dead) => self.shut_down(Some(LeaveReason::LinkLost), out),
            None => {}
        }
    }

    fn release(&mut self, now: Moment, out: &mut Effects) {
        if !matches!(self.stage, Stage::In { .. }) {
            return;
        }
        while let Some((reference, command)) = self.pace.release(now) {
            out.push_back(Effect::Act { reference, command });
        }
    }

    fn ping(&mut self, now: Moment, out: &mut Effects) {
        out.extend(self.outbox.ping(now).map(Effect::Ping));
    }

    fn refuse(&mut self, reference: Option<u32>, refusal: Refusal, out: &mut Effects) {
        self.send(ServerMessage::Refused { reference, refusal }, out);
    }

    fn send(&mut self, message: ServerMessage, out: &mut Effects) {
        if !self.outbox.has_room() {
            return self.shut_down(Some(LeaveReason::TooSlow), out);
        }
        self.send_batch(vec![EncodedOnce::new(message)], out);
    }

    fn send_batch(&mut self, batch: Vec<Shared>, out: &mut Effects) {
        for shared in batch {
            let bytes = shared.bytes(self.encoding).len();
            self.outbox.sent(bytes, last_number(&shared.message));
            if let Stage::In { refrain, .. } = &mut self.stage {
                refrain.learn(&shared.message);
            }
            out.push_back(Effect::Send(shared));
        }
    }

    fn close(&mut self, now: Moment, entering: bool, out: &mut Effects) {
        out.push_back(Effect::Close);
        self.stage = Stage::Closing {
            shut_down_at: Some(now + self.limits.close_grace),
            entering,
        };
    }

    fn shut_down(&mut self, lost: Option<LeaveReason>, out: &mut Effects) {
        let entering = match self.stage {
            Stage::Over => return,
            Stage::In { .. } => {
                out.extend(lost.map(Effect::Lost));
                false
            }
            Stage::Entering { .. } | Stage::Closing { entering: true, .. } => true,
            Stage::Silent { .. } | Stage::AtTheDoor { .. } | Stage::Closing { .. } => false,
        };
        out.push_back(Effect::ShutDown);
        self.stage = Stage::Closing {
            shut_down_at: None,
            entering,
        };
        self.finish_closing();
    }

    fn finish_closing(&mut self) {
        if let Stage::Closing {
            shut_down_at: None,
            entering: false,
        } = self.stage
        {
            self.stage = Stage::Over;
        }
    }
}

/// Whether the room only says where somebody stands at its door.
fn is_waiting(batch: &[Shared]) -> bool {
    let waiting = |shared: &Shared| matches!(shared.message, ServerMessage::Waiting(_));
    batch.iter().all(waiting)
}

/// The number that the client acknowledges once it has taken this message.
fn last_number(message: &ServerMessage) -> Option<u32> {
    match message {
        ServerMessage::Welcome(welcome) => Some(welcome.cursor.number),
        ServerMessage::Snapshot { cursor, .. } => Some(cursor.number),
        ServerMessage::Events { events } => events.last().map(|numbered| numbered.number),
        ServerMessage::Waiting(_)
        | ServerMessage::Signs(_)
        | ServerMessage::Done { .. }
        | ServerMessage::Refused { .. }
        | ServerMessage::Beat { .. }
        | ServerMessage::MediaAnswer { .. }
        | ServerMessage::Goodbye { .. }
        | ServerMessage::Moved { .. } => None,
    }
}
