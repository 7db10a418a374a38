//! The task behind a session: one link after the other, and what goes over them.

use std::{sync::Arc, time::Duration};

use conclave_core::{
    Moment,
    link::{
        backoff::Backoff,
        clock::{Exchange, RemoteClock},
        heartbeat::{Heartbeat, Pulse},
    },
    room::replica,
};
use conclave_wire::{
    ClientMessage, Command, Cursor, LeaveReason, Numbered, RoomState, ServerMessage, Welcome,
    message::Enter,
};
use parking_lot::Mutex;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{
    AskError, JOIN_DEADLINE, JoinError, LEAVE_DEADLINE, LinkFigures, Reached, Session,
    SessionConfig, SessionEvent,
    asks::{Answer, Asks},
    entering::{Entered, Word, enter_by, may_pass},
    owner::Owner,
    waiting::enter_first,
};
use crate::link::{
    control::{ControlLink, OpenError},
    dial::{DialError, Dialer},
};

/// Orders of the owner that wait while a link is tried.
const ORDERS_WAITING_MAX: usize = 64;
/// What was taken is acknowledged after so long, or after so many events: one message for many.
const ACK_AFTER: Duration = Duration::from_millis(100);
const ACK_AFTER_EVENTS: u32 = 64;

/// What the owner wants.
pub(super) enum Order {
    Ask { command: Command, answer: Answer },
    Leave { left: oneshot::Sender<()> },
}

/// Why a link is no more.
enum End {
    /// Try again.
    Lost,
    /// The owner has gone, without giving the seat up.
    Dropped,
    /// For good; the event to close with.
    Over(SessionEvent),
}

/// Everything that outlives a link.
pub(super) struct Runner {
    config: SessionConfig,
    dialer: Dialer,
    owner: Owner,
    orders: mpsc::Receiver<Order>,
    cut: Arc<Notify>,
    state: watch::Sender<Arc<RoomState>>,
    reached: Reached,
    welcome: watch::Sender<Arc<Welcome>>,
    figures: watch::Sender<LinkFigures>,
    cursor: Cursor,
    asks: Asks,
    left: Option<oneshot::Sender<()>>,
    backoff: Backoff,
    chance: StdRng,
    started: Instant,
    room_clock: RemoteClock,
    /// The link that the first welcome came on.
    first: Option<ControlLink>,
}

/// What belongs to one link.
struct OneLink {
    link: ControlLink,
    heartbeat: Heartbeat,
    ack_at: Option<Instant>,
    unacknowledged: u32,
}

impl Runner {
    /// Opens the first link and takes the seat.
    pub(super) async fn join(
        config: SessionConfig,
        dialer: Dialer,
        mut owner: Owner,
    ) -> Result<(Runner, Session), JoinError> {
        owner.tell(SessionEvent::Connecting { attempt: 1 });
        let (link, mut welcome) = enter_first(&config, &dialer).await?;
        // A newcomer has no cursor, so a snapshot is owed; a server that sends none is not ours.
        let state = welcome.snapshot.clone().ok_or(JoinError::Lost)?;
        let state = Arc::new(state);
        let cursor = welcome.cursor;
        // The owner is told all of it; what is kept does without the snapshot, which grows old.
        owner.tell(SessionEvent::Welcomed(Arc::new(Welcome::clone(&welcome))));
        welcome.snapshot = None;
        let welcome = Arc::new(*welcome);
        let (state, states) = watch::channel(state);
        let reached: Reached = Arc::new(Mutex::new(cursor));
        let (welcome, welcomes) = watch::channel(welcome);
        let (figures, figures_seen) = watch::channel(LinkFigures::default());
        let (orders_in, orders) = mpsc::channel(ORDERS_WAITING_MAX);
        let cut = Arc::new(Notify::new());
        let started = Instant::now();
        let session = Session {
            orders: orders_in,
            cut: cut.clone(),
            state: states,
            reached: Arc::clone(&reached),
            welcome: welcomes,
            figures: figures_seen,
            started,
        };
        let chance = StdRng::seed_from_u64(config.seed);
        let runner = Runner {
            config,
            dialer,
            owner,
            orders,
            cut,
            state,
            reached,
            welcome,
            figures,
            cursor,
            asks: Asks::default(),
            left: None,
            backoff: Backoff::default(),
            chance,
            started,
            room_clock: RemoteClock::new(),
            first: Some(link),
        };
        Ok((runner, session))
    }

    /// Until the seat is given up or the owner is gone.
    pub(super) async fn run(mut self) {
        let end = loop {
            let end = match self.first.take() {
                Some(link) => self.serve(link).await,
                None => self.resume().await,
            };
            match end {
                End::Lost if self.left.is_some() => break End::Dropped,
                End::Lost => {
                    if let Some(end) = self.wait().await {
                        break end;
                    }
                }
                End::Dropped | End::Over(_) => break end,
            }
        };
        self.figures
            .send_modify(|figures| figures.connected = false);
        if let End::Over(event) = end {
            self.owner.tell_last(event).await;
        }
        if let Some(left) = self.left.take() {
            let _ = left.send(());
        }
    }

    /// Waits before the next attempt; the owner may go meanwhile, and asks pile up in their queue.
    async fn wait(&mut self) -> Option<End> {
        let wait = self.backoff.next_wait(self.chance.next_u64());
        self.figures
            .send_modify(|figures| figures.connected = false);
        self.tell(SessionEvent::Lost {
            retry_in_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX),
        });
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = sleep_until(until) => return None,
                order = self.orders.recv() => {
                    if let Some(end) = self.order_without_link(order) {
                        return Some(end);
                    }
                }
            }
        }
    }

    /// Nothing can be sent: a command waits for the next link, a farewell is as good as said.
    fn order_without_link(&mut self, order: Option<Order>) -> Option<End> {
        match order {
            None => Some(End::Dropped),
            Some(Order::Leave { left }) => {
                self.left = Some(left);
                Some(End::Dropped)
            }
            Some(Order::Ask { command, answer }) => {
                self.asks.take(command, answer, Instant::now());
                None
            }
        }
    }

    /// Opens the seat again on a new link.
    async fn resume(&mut self) -> End {
        let attempt = self.backoff.attempts();
        self.tell(SessionEvent::Connecting { attempt });
        let attempt = timeout(JOIN_DEADLINE, self.reenter()).await;
        let (link, welcome) = match attempt {
            Ok(Ok(entered)) => entered,
            Ok(Err(end)) => return end,
            Err(_) => return End::Lost,
        };
        self.backoff.succeeded();
        self.figures.send_modify(|figures| figures.resumes += 1);
        self.welcomed(welcome);
        for message in self.asks.unanswered(Instant::now()) {
            if link.send(message).is_err() {
                return End::Lost;
            }
        }
        self.serve(link).await
    }

    async fn reenter(&mut self) -> Result<(ControlLink, Box<Welcome>), End> {
        let mut link = match ControlLink::open(&self.dialer, self.config.encoding).await {
            Ok(link) => link,
            Err(OpenError::Dial(error @ DialError::OtherKey { .. })) => {
                return Err(End::Over(SessionEvent::Ended {
                    reason: LeaveReason::LinkLost,
                    text: error.to_string(),
                }));
            }
            Err(error) => {
                tracing::debug!(%error, "not back yet");
                return Err(End::Lost);
            }
        };
        let enter = Enter::Resume {
            seat_token: self.welcome.borrow().seat_token.clone(),
            cursor: Some(self.cursor),
        };
        match enter_by(&mut link, enter).await {
            Ok(Word::Welcome(welcome)) => Ok((link, welcome)),
            // Who has a seat does not wait; a server that says so is not ours.
            Ok(Word::Waiting(_)) => Err(End::Lost),
            Err(Entered::Refused(refusal)) if may_pass(refusal.code) => Err(End::Lost),
            Err(Entered::Refused(refusal)) => Err(End::Over(SessionEvent::Refused(refusal))),
            Err(Entered::Goodbye { reason, text }) => Err(after_goodbye(reason, text)),
            Err(Entered::Lost) => Err(End::Lost),
        }
    }

    fn welcomed(&mut self, mut welcome: Box<Welcome>) {
        let told = Arc::new(Welcome::clone(&welcome));
        let snapshot = welcome.snapshot.take();
        let epoch = welcome.cursor.epoch;
        match snapshot {
            Some(state) => {
                self.cursor = welcome.cursor;
                self.change(|now| *now = Arc::new(state));
            }
            // Events since our own cursor follow, which is why it stays where it is.
            None => self.cursor.epoch = epoch,
        }
        // The server may have been started again, with another clock.
        self.room_clock = RemoteClock::new();
        let welcome = Arc::new(*welcome);
        let is_new = self.welcome.borrow().cursor.epoch != epoch;
        self.welcome.send_replace(welcome);
        self.tell(SessionEvent::Welcomed(told));
        if is_new {
            self.tell(SessionEvent::Snapshot);
        }
    }

    /// Serves one link until it ends.
    async fn serve(&mut self, link: ControlLink) -> End {
        self.figures.send_modify(|figures| figures.connected = true);
        let mut one = OneLink {
            link,
            heartbeat: Heartbeat::start(self.now()),
            ack_at: None,
            unacknowledged: 0,
        };
        one.owe_ack(1);
        let end = self.exchange(&mut one).await;
        match end {
            End::Lost => one.link.cut(),
            End::Dropped | End::Over(_) => one.link.close().await,
        }
        end
    }

    async fn exchange(&mut self, one: &mut OneLink) -> End {
        let cut = self.cut.clone();
        let mut leave_by: Option<Instant> = None;
        loop {
            let wake_at = one.heartbeat.next_wakeup().map(|at| self.instant(at));
            tokio::select! {
                message = one.link.next() => {
                    let Ok(message) = message else {
                        return End::Lost;
                    };
                    one.heartbeat.heard(self.now());
                    if let Some(end) = self.take(one, message) {
                        return end;
                    }
                }
                order = self.orders.recv(), if leave_by.is_none() => {
                    let message = match order {
                        None => return End::Dropped,
                        Some(Order::Ask { command, answer }) => {
                            self.asks.take(command, answer, Instant::now())
                        }
                        Some(Order::Leave { left }) => {
                            self.left = Some(left);
                            leave_by = Some(Instant::now() + LEAVE_DEADLINE);
                            let (answer, _) = oneshot::channel();
                            self.asks.take(Command::Leave, answer, Instant::now())
                        }
                    };
                    if message.is_some_and(|message| one.link.send(message).is_err()) {
                        return End::Lost;
                    }
                }
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {
                    match one.heartbeat.wake(self.now()) {
                        Some(Pulse::Dead) => return End::Lost,
                        Some(Pulse::Beat) => {
                            self.asks.forget_late(Instant::now());
                            let sent_ms = self.now().as_ms();
                            if one.link.send(ClientMessage::Beat { sent_ms }).is_err() {
                                return End::Lost;
                            }
                        }
                        None => {}
                    }
                }
                () = sleep_until(one.ack_at.unwrap_or_else(Instant::now)), if one.ack_at.is_some() => {
                    if one.acknowledge(self.cursor.number).is_err() {
                        return End::Lost;
                    }
                }
                () = sleep_until(leave_by.unwrap_or_else(Instant::now)), if leave_by.is_some() => {
                    return End::Dropped;
                }
                () = cut.notified() => return End::Lost,
            }
        }
    }

    /// One message of the server.
    fn take(&mut self, one: &mut OneLink, message: ServerMessage) -> Option<End> {
        match message {
            ServerMessage::Welcome(welcome) => self.welcomed(welcome),
            ServerMessage::Events { events } => {
                one.owe_ack(u32::try_from(events.len()).unwrap_or(u32::MAX));
                for numbered in events {
                    self.happened(numbered);
                }
            }
            ServerMessage::Snapshot { cursor, state } => {
                one.owe_ack(1);
                self.cursor = cursor;
                self.change(|now| *now = Arc::new(*state));
                self.tell(SessionEvent::Snapshot);
            }
            // The door is behind us.
            ServerMessage::Waiting(_) => {}
            ServerMessage::Signs(signs) => self.tell(SessionEvent::Signs(signs)),
            ServerMessage::Done { reference, reply } => self.asks.answered(reference, Ok(reply)),
            ServerMessage::Refused {
                reference: Some(reference),
                refusal,
            } => self
                .asks
                .answered(reference, Err(AskError::Refused(refusal))),
            ServerMessage::Refused {
                reference: None,
                refusal,
            } => self.tell(SessionEvent::Refused(refusal)),
            ServerMessage::Beat {
                sent_ms,
                room_clock_ms,
                pulse,
            } => {
                self.beat(one, sent_ms, room_clock_ms);
                if let Some(pulse) = pulse {
                    self.pulsed(pulse);
                }
            }
            ServerMessage::Goodbye { reason, text } => return Some(after_goodbye(reason, text)),
            // For browsers: nothing was offered.
            ServerMessage::MediaAnswer { .. } => {}
            // Reserved: a server of this version does not move rooms.
            ServerMessage::Moved { .. } => return Some(End::Lost),
        }
        (one.unacknowledged >= ACK_AFTER_EVENTS && one.acknowledge(self.cursor.number).is_err())
            .then_some(End::Lost)
    }

    fn happened(&mut self, numbered: Numbered) {
        if numbered.number <= self.cursor.number {
            return;
        }
        self.cursor.number = numbered.number;
        // In place, unless somebody holds on to the state.
        self.change(|now| replica::apply(Arc::make_mut(now), &numbered.event));
        self.tell(SessionEvent::Happened(numbered));
    }

    /// Brings the state to where the cursor is.
    fn change(&self, change: impl FnOnce(&mut Arc<RoomState>)) {
        self.state.send_modify(|state| {
            change(state);
            *self.reached.lock() = self.cursor;
        });
    }

    fn beat(&mut self, one: &mut OneLink, sent_ms: u64, room_clock_ms: u64) {
        let (now, sent) = (self.now(), Moment::from_ms(sent_ms));
        let round_trip = one.heartbeat.returned(now, sent);
        let remote = Moment::from_ms(room_clock_ms);
        self.room_clock
            .exchanged(Exchange::answered_at_once(sent, remote, now));
        let room_clock_ms = self.room_clock.read(now).map(|read| read.remote.as_ms());
        tracing::debug!(round_trip_us = round_trip.as_micros(), "heartbeat");
        self.figures.send_modify(|figures| {
            figures.round_trip = Some(round_trip);
            if let Some(room) = room_clock_ms {
                figures.room_clock_offset_ms = difference_ms(room, now.as_ms());
            }
        });
    }

    /// Nearly always it is what we have: then nobody is stirred.
    fn pulsed(&mut self, pulse: conclave_wire::Pulse) {
        let is_news = self.state.send_if_modified(|state| {
            let clock = pulse.clock.as_ref();
            let film = pulse.film.as_ref();
            let same = clock.is_none_or(|clock| *clock == state.study.clock)
                && film.is_none_or(|anchor| *anchor == state.film.anchor);
            if !same {
                replica::apply_pulse(Arc::make_mut(state), &pulse);
            }
            !same
        });
        if is_news {
            self.tell(SessionEvent::Pulsed(pulse));
        }
    }

    fn tell(&mut self, event: SessionEvent) {
        self.owner.tell(event);
    }

    fn now(&self) -> Moment {
        let micros = self.started.elapsed().as_micros();
        Moment(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.started + Duration::from_micros(moment.0)
    }
}

impl OneLink {
    fn owe_ack(&mut self, events: u32) {
        self.unacknowledged = self.unacknowledged.saturating_add(events);
        self.ack_at
            .get_or_insert_with(|| Instant::now() + ACK_AFTER);
    }

    fn acknowledge(&mut self, number: u32) -> Result<(), crate::link::control::LinkGone> {
        self.ack_at = None;
        self.unacknowledged = 0;
        self.link.send(ClientMessage::Ack { number })
    }
}

/// Some farewells are for good; after others the seat still waits.
fn after_goodbye(reason: LeaveReason, text: String) -> End {
    match reason {
        LeaveReason::Left
        | LeaveReason::Kicked
        | LeaveReason::Banned
        | LeaveReason::TakenOver
        | LeaveReason::RoomEnded => End::Over(SessionEvent::Ended { reason, text }),
        LeaveReason::LinkLost
        | LeaveReason::TooSlow
        | LeaveReason::Flooding
        | LeaveReason::ServerStopping => End::Lost,
    }
}

fn difference_ms(a: u64, b: u64) -> i64 {
    let difference = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
    if a >= b { difference } else { -difference }
}
