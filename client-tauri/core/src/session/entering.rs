//! The first words on a link: taking a seat, or opening it again.

use conclave_wire::{
    AtTheDoor, ClientMessage, LeaveReason, Refusal, RefusalCode, ServerMessage, Welcome,
    message::Enter,
};

use crate::link::control::ControlLink;

/// What the operator sees of this program.
const CLIENT: &str = concat!("conclave-client ", env!("CARGO_PKG_VERSION"));

/// Why entering came to nothing.
pub(super) enum Entered {
    Refused(Refusal),
    Goodbye { reason: LeaveReason, text: String },
    Lost,
}

/// What the server says first.
pub(super) enum Word {
    Welcome(Box<Welcome>),
    Waiting(AtTheDoor),
}

pub(super) async fn enter_by(link: &mut ControlLink, enter: Enter) -> Result<Word, Entered> {
    let hello = ClientMessage::Hello {
        enter,
        client: CLIENT.to_owned(),
    };
    link.send(hello).map_err(|_| Entered::Lost)?;
    loop {
        match link.next().await.map_err(|_| Entered::Lost)? {
            ServerMessage::Welcome(welcome) => return Ok(Word::Welcome(welcome)),
            ServerMessage::Waiting(place) => return Ok(Word::Waiting(place)),
            ServerMessage::Refused { refusal, .. } => return Err(Entered::Refused(refusal)),
            ServerMessage::Goodbye { reason, text } => {
                return Err(Entered::Goodbye { reason, text });
            }
            // Nothing else is said before the welcome that matters.
            ServerMessage::Events { .. }
            | ServerMessage::Snapshot { .. }
            | ServerMessage::Signs(_)
            | ServerMessage::Done { .. }
            | ServerMessage::Beat { .. }
            | ServerMessage::MediaAnswer { .. }
            | ServerMessage::Moved { .. } => {}
        }
    }
}

/// Whether the same resume may be taken a moment later.
pub(super) fn may_pass(code: RefusalCode) -> bool {
    matches!(
        code,
        RefusalCode::Busy
            | RefusalCode::Stopping
            | RefusalCode::Internal
            | RefusalCode::Timeout
            | RefusalCode::TooFast
            | RefusalCode::TooManyConnections
    )
}
