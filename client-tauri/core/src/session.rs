//! A seat in a room, as its holder sees it: the state of the room, what happens, commands and their
//! answers, across as many links as it takes.

mod asks;
mod entering;
mod owner;
mod runner;
mod waiting;

use std::{sync::Arc, time::Duration};

use conclave_wire::{
    AtTheDoor, Command, Cursor, Encoding, LeaveReason, Numbered, ParticipantId, Pulse, Refusal,
    RoomState, Signs, Welcome, command::Reply,
};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::timeout,
};

use self::{
    owner::Owner,
    runner::{Order, Runner},
};
use crate::link::{control::OpenError, dial::Dialer, invite::Invite};

/// From dialling to the welcome, or to the first word at the door.
pub const JOIN_DEADLINE: Duration = Duration::from_secs(15);
/// A command must be answered within this, lost links included.
pub const ASK_DEADLINE: Duration = Duration::from_secs(60);
/// After a farewell the server has so long to say its own.
pub const LEAVE_DEADLINE: Duration = Duration::from_secs(2);
/// Events that wait for their reader. One that is further behind gets a `Snapshot` instead.
pub const EVENTS_WAITING_MAX: usize = 4_096;

/// How to join.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub invite: Invite,
    pub name: String,
    pub password: Option<String>,
    /// False for a second screen in the same room.
    pub sound: bool,
    pub encoding: Encoding,
    /// Of the jitter between attempts.
    pub seed: u64,
    /// A secret that this program drew once and keeps, by which a ban knows it again.
    pub device: Option<String>,
    /// SHA-256 of one's copy of the film, for rooms that are strict about it.
    pub file_hash: Option<String>,
    /// Told where we stand, as long as we wait at the door; `None` before and after.
    pub waiting: Option<watch::Sender<Option<AtTheDoor>>>,
}

/// What a session tells its owner.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// A link is being opened; counts from 1 since the last one stood.
    Connecting {
        attempt: u32,
    },
    /// In, at first and after every resume: a new media session each time.
    Welcomed(Arc<Welcome>),
    /// It has already changed [`Session::state`].
    Happened(Numbered),
    /// The state is new as a whole: too much was missed to be told one by one.
    Snapshot,
    Signs(Signs),
    /// The shared clock and the film stand otherwise than the state had it; it has already changed.
    Pulsed(Pulse),
    /// The link is gone; another is tried.
    Lost {
        retry_in_ms: u32,
    },
    /// The seat is given up, for good. The last event.
    Ended {
        reason: LeaveReason,
        text: String,
    },
    /// The server does not take us back, or refused something that was not a command. After a refused
    /// resume it is the last event.
    Refused(Refusal),
}

/// Why there is no seat.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error(transparent)]
    Link(#[from] OpenError),
    #[error("{0}")]
    Refused(Refusal),
    #[error("The connection was lost while joining. Try again.")]
    Lost,
    #[error("The server did not answer in time. Try again.")]
    Late,
}

/// Why a command came to nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AskError {
    #[error("{0}")]
    Refused(Refusal),
    #[error("Too many commands wait for their answers. Wait a moment.")]
    TooMany,
    #[error("The server did not answer in time. Look whether it was done before you try again.")]
    Late,
    #[error("The meeting is over for you.")]
    Ended,
}

/// How the link does.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkFigures {
    pub connected: bool,
    /// Links that were lost and replaced.
    pub resumes: u32,
    /// Smoothed; absent until a sign of life came back.
    pub round_trip: Option<Duration>,
    /// The room clock less this session's own, in milliseconds, for [`Session::room_clock_ms`].
    pub(crate) room_clock_offset_ms: i64,
}

/// The last event that is in the state. Written only while the state is.
type Reached = Arc<Mutex<Cursor>>;

/// A seat. Dropping it drops the link and leaves the seat away; [`Session::leave`] gives it up.
pub struct Session {
    orders: mpsc::Sender<Order>,
    cut: Arc<Notify>,
    state: watch::Receiver<Arc<RoomState>>,
    reached: Reached,
    welcome: watch::Receiver<Arc<Welcome>>,
    figures: watch::Receiver<LinkFigures>,
    started: tokio::time::Instant,
}

impl Session {
    /// Connects, takes a seat, and waits for the room's state; where people wait at the door, until somebody
    /// opens.
    ///
    /// # Errors
    /// [`JoinError`]; nothing is tried a second time, but for a link that is lost at the door.
    pub async fn join(
        config: SessionConfig,
    ) -> Result<(Session, mpsc::Receiver<SessionEvent>), JoinError> {
        let dialer = Dialer::new(&config.invite).map_err(OpenError::from)?;
        let (events, received) = mpsc::channel(EVENTS_WAITING_MAX);
        let joining = Runner::join(config, dialer, Owner::new(events));
        let (runner, session) = joining.await?;
        tokio::spawn(runner.run());
        Ok((session, received))
    }

    /// Does a command, however many links it takes: after a lost one it is sent again under the same
    /// reference, which the server answers and does not do twice.
    ///
    /// # Errors
    /// [`AskError`]
    pub async fn ask(&self, command: Command) -> Result<Reply, AskError> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Ask { command, answer };
        match self.orders.try_send(order) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(AskError::TooMany),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(AskError::Ended),
        }
        match timeout(ASK_DEADLINE, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(AskError::Ended),
            Err(_) => Err(AskError::Late),
        }
    }

    /// The room as of now. Borrow it briefly: while it is borrowed nothing can happen.
    pub fn state(&self) -> watch::Receiver<Arc<RoomState>> {
        self.state.clone()
    }

    /// The room as of now, and the last event that is in it: those told later with this number or a smaller
    /// one are in it, too.
    pub fn snapshot(&self) -> (Cursor, Arc<RoomState>) {
        // While the state is borrowed nothing can happen.
        let state = self.state.borrow();
        let reached = *self.reached.lock();
        (reached, Arc::clone(&state))
    }

    /// The newest welcome.
    pub fn welcome(&self) -> Arc<Welcome> {
        self.welcome.borrow().clone()
    }

    /// Changes with every link.
    pub fn welcomes(&self) -> watch::Receiver<Arc<Welcome>> {
        self.welcome.clone()
    }

    /// This seat's id.
    pub fn id(&self) -> ParticipantId {
        self.welcome.borrow().you
    }

    pub fn figures(&self) -> watch::Receiver<LinkFigures> {
        self.figures.clone()
    }

    /// The room clock now, in milliseconds since the room was opened, as the control link's signs of
    /// life show it.
    pub fn room_clock_ms(&self) -> u64 {
        let own = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        own.saturating_add_signed(self.figures.borrow().room_clock_offset_ms)
    }

    /// Gives the seat up and waits until the server knows, or [`LEAVE_DEADLINE`].
    pub async fn leave(self) {
        let (left, done) = oneshot::channel();
        if self.orders.send(Order::Leave { left }).await.is_ok() {
            let _ = timeout(LEAVE_DEADLINE * 2, done).await;
        }
    }

    /// Drops the link as a broken cable would, to see it come back.
    pub fn cut(&self) {
        self.cut.notify_one();
    }
}
