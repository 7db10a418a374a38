//! What the shell must do for a room: the outbox that every input fills.

use std::sync::Arc;

use conclave_wire::{
    EndReason, LeaveReason, LineId, Numbered, ParticipantId, QualityChoice, Refusal, SharedFile,
    Signs, Template, WaitingId,
    command::{Reply, Watch},
};

use super::{Admission, Record};

/// Effects in the order in which they must be carried out.
pub type Outbox = Vec<Effect>;

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell an event to those of its audience who are linked.
    Tell { to: Audience, event: Numbered },
    /// Send signs; no answer, no number.
    Sign { to: Audience, signs: Signs },
    /// The answer to a command. With `durable` it waits until all records pushed so far are stored:
    /// then the shell calls [`super::Room::stored`], which pushes the answer again, to be sent at once.
    Answer {
        seat: ParticipantId,
        reference: u32,
        result: Result<Reply, Refusal>,
        durable: bool,
    },
    /// Store this, after what was to be stored before.
    Record(Record),
    /// Close the seat's link, with a goodbye behind all that this outbox has for it.
    Dismiss {
        seat: ParticipantId,
        reason: LeaveReason,
        text: String,
    },
    /// Tell somebody at the door where they stand.
    Wait { id: WaitingId, position: u32 },
    /// Somebody at the door has a seat now. Their link, if it stands, becomes the seat's; the welcome waits
    /// until all records pushed so far are stored.
    Admit {
        id: WaitingId,
        admission: Box<Admission>,
    },
    /// Close the link of somebody at the door, and say why.
    TurnAway { id: WaitingId, refusal: Refusal },
    /// Forget the seat's media session.
    CloseMedia { seat: ParticipantId },
    /// An order for the mixer.
    Voice(VoiceOrder),
    /// Order [`VoiceOrder::Volume`], and tell the room by [`super::Room::volume_set`] what came of it.
    AskVolume {
        reference: u32,
        listener: ParticipantId,
        of: ParticipantId,
        percent: u16,
    },
    /// A change for the cameras.
    Camera(CameraOrder),
    /// Who holds the presenter slot now.
    Present(Option<ParticipantId>),
    /// Read older lines from the store, then call [`super::Room::lines_found`].
    FindLines {
        seat: ParticipantId,
        reference: u32,
        before: LineId,
        lines_max: u32,
    },
    /// Read one line from the store, then call [`super::Room::line_found`].
    FindLine {
        seat: ParticipantId,
        reference: u32,
        line: LineId,
    },
    /// Hash this password, then call [`super::Room::password_hashed`].
    HashPassword {
        seat: ParticipantId,
        reference: u32,
        password: String,
    },
    /// Keep this template, then call [`super::Room::template_saved`].
    SaveTemplate {
        seat: ParticipantId,
        reference: u32,
        template: Box<Template>,
        /// Whose it is: nobody else may save over it.
        owner: [u8; 32],
    },
    /// Forget the template of this name if it is this owner's, then call [`super::Room::template_saved`].
    DeleteTemplate {
        seat: ParticipantId,
        reference: u32,
        name: String,
        owner: [u8; 32],
    },
    /// The seat is given up: end its uploads, which nobody will share.
    EndUploads { owner: ParticipantId },
    /// Nobody shares this content any more: delete it, once the records pushed so far are stored.
    DeleteFile(SharedFile),
    /// The room is over, once the rest of this outbox is carried out; all its uploads end.
    End(EndReason),
}

/// Who is told: as things stood when it happened, whatever roles people have when they come back for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Audience {
    /// Whoever has a seat.
    Everyone,
    One(ParticipantId),
    /// In order of ids.
    These(Arc<[ParticipantId]>),
}

impl Audience {
    pub fn includes(&self, id: ParticipantId) -> bool {
        match self {
            Audience::Everyone => true,
            Audience::One(one) => id == *one,
            Audience::These(these) => these.binary_search(&id).is_ok(),
        }
    }
}

/// What the mixer must know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VoiceOrder {
    /// A seat is linked; without `ears` nothing is sent to it. It may not speak until it is allowed.
    Enter {
        seat: ParticipantId,
        ears: bool,
    },
    /// The seat's link is gone.
    Leave {
        seat: ParticipantId,
    },
    /// Whether the packets of a seat are taken at all.
    Allow {
        seat: ParticipantId,
        may_speak: bool,
    },
    Hear {
        seat: ParticipantId,
        ears: bool,
    },
    /// 0 to 200 percent, for one listener.
    Volume {
        listener: ParticipantId,
        of: ParticipantId,
        percent: u16,
    },
}

/// What [`crate::media::cameras::Cameras`] must know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CameraOrder {
    Enter {
        seat: ParticipantId,
    },
    Leave {
        seat: ParticipantId,
    },
    On {
        seat: ParticipantId,
        on: bool,
    },
    Watch {
        viewer: ParticipantId,
        watch: Vec<Watch>,
    },
    Choose {
        viewer: ParticipantId,
        receive: QualityChoice,
    },
    /// Quiet company: a small picture now and then, of everybody.
    Quiet(bool),
}
