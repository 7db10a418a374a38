//! What one link may cost, and what its rules ask of the shell.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use conclave_wire::{Command, EncodedOnce, LeaveReason, ServerMessage, message::Enter};

use super::{OutboxLimits, PaceLimits};

/// A message as it is shared by all who get it.
pub type Shared = Arc<EncodedOnce<ServerMessage>>;

/// How long and how much one link may keep the server busy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AttachmentLimits {
    /// Whoever is not in by then is turned away.
    pub join_within: Duration,
    /// Messages that could not be read, or came out of turn, until the link is closed.
    pub unreadable_max: u32,
    /// Batches of the room that wait while somebody is let in.
    pub early_batches_max: usize,
    /// A link that was told to close and has not by then is shut down.
    pub close_grace: Duration,
    /// Offers for sound and picture that pass at once, and in the long run.
    pub offers_burst: u32,
    pub offers_per_minute: u32,
    pub pace: PaceLimits,
    pub outbox: OutboxLimits,
}

impl Default for AttachmentLimits {
    fn default() -> AttachmentLimits {
        AttachmentLimits {
            join_within: Duration::from_secs(10),
            unreadable_max: 8,
            early_batches_max: 256,
            close_grace: Duration::from_secs(1),
            offers_burst: 10,
            offers_per_minute: 20,
            pace: PaceLimits::default(),
            outbox: OutboxLimits::default(),
        }
    }
}

/// What the shell must do, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Ask the room to let somebody in, and answer with [`Attachment::admitted`](super::Attachment::admitted) or
    /// [`Attachment::turned_away`](super::Attachment::turned_away), however late.
    Enter { enter: Enter, client: String },
    /// Hand it to the room; [`Attachment::room_busy`](super::Attachment::room_busy) or [`Attachment::room_gone`](super::Attachment::room_gone) when it does not
    /// take it.
    Act { reference: u32, command: Command },
    /// Hand a browser's offer to whoever speaks WebRTC, and answer with
    /// [`Attachment::media_answered`](super::Attachment::media_answered).
    OfferMedia { sdp: String },
    /// Send it; [`Attachment::link_full`](super::Attachment::link_full) when the link does not take it.
    Send(Shared),
    /// Send a WebSocket ping with this mark.
    Ping(u64),
    /// Tell the room how long the way there and back takes now; it was not so before.
    Measured { round_trip: Duration },
    /// For the log: a sign of life so long after the one before.
    BeatHeard { interval: Duration },
    /// Close the link behind what was sent.
    Close,
    /// Shut the socket down at once, whatever is still in it.
    ShutDown,
    /// Tell the room that the seat has lost this link.
    Lost(LeaveReason),
}

pub type Effects = VecDeque<Effect>;
