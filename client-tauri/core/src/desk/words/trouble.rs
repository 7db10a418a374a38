//! Why the page does not get what it asked for.

use conclave_wire::{Refusal, RefusalCode};
use serde::Serialize;

use super::{MediaFailure, TransferState};
use crate::{
    desk::RackRefused,
    files::TransferError,
    link::{control::OpenError, dial::DialError, http::HttpError},
    session::{AskError, JoinError},
};

/// Why the page does not get what it asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Trouble {
    Refusal {
        /// A code of the protocol, or `unreachable`, `untrusted`, `given_up`, `other_version`.
        code: String,
        message: String,
        retry_after_ms: Option<u32>,
    },
    Device {
        why: MediaFailure,
        message: String,
    },
}

/// The code of a server that cannot be understood: it is older or newer than this program.
pub(in crate::desk) const OTHER_VERSION: &str = "other_version";

impl Trouble {
    /// Whether program and server speak different versions of the protocol.
    pub(in crate::desk) fn is_of_versions(&self) -> bool {
        matches!(self, Trouble::Refusal { code, .. } if code == OTHER_VERSION)
    }

    pub fn refusal(code: &str, message: impl Into<String>) -> Trouble {
        Trouble::Refusal {
            code: code.to_owned(),
            message: message.into(),
            retry_after_ms: None,
        }
    }

    pub fn invalid(message: impl Into<String>) -> Trouble {
        Trouble::refusal("invalid", message)
    }
}

impl From<RackRefused> for Trouble {
    fn from(refused: RackRefused) -> Trouble {
        Trouble::Device {
            why: refused.why,
            message: refused.message,
        }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Trouble {
        Trouble::Refusal {
            code: code_of(refusal.code),
            retry_after_ms: refusal.retry_after_ms,
            message: refusal.message,
        }
    }
}

impl From<&DialError> for Trouble {
    fn from(error: &DialError) -> Trouble {
        let code = match error {
            DialError::OtherKey { .. } => "untrusted",
            DialError::Insecure { .. }
            | DialError::Unreachable { .. }
            | DialError::Cryptography(_) => "unreachable",
        };
        Trouble::refusal(code, error.to_string())
    }
}

impl From<OpenError> for Trouble {
    fn from(error: OpenError) -> Trouble {
        match error {
            OpenError::Dial(error) => (&error).into(),
            OpenError::Refused(refusal) if refusal.code == RefusalCode::UnsupportedVersion => {
                Trouble::refusal(OTHER_VERSION, refusal.message)
            }
            OpenError::Refused(refusal) => refusal.into(),
            OpenError::Protocol(_) => Trouble::refusal(OTHER_VERSION, error.to_string()),
            OpenError::Late => Trouble::refusal("unreachable", error.to_string()),
        }
    }
}

impl From<JoinError> for Trouble {
    fn from(error: JoinError) -> Trouble {
        match error {
            JoinError::Link(error) => error.into(),
            JoinError::Refused(refusal) => refusal.into(),
            JoinError::Lost | JoinError::Late => Trouble::refusal("unreachable", error.to_string()),
        }
    }
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Trouble {
        match error {
            HttpError::Dial(error) => (&error).into(),
            HttpError::Refused { refusal, .. } => refusal.into(),
            HttpError::Unreadable => Trouble::refusal(OTHER_VERSION, error.to_string()),
            other => Trouble::refusal("unreachable", other.to_string()),
        }
    }
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Trouble {
        match error {
            AskError::Refused(refusal) => refusal.into(),
            AskError::TooMany => Trouble::refusal("too_fast", error.to_string()),
            AskError::Late => Trouble::refusal("timeout", error.to_string()),
            AskError::Ended => Trouble::refusal("seat_unknown", error.to_string()),
        }
    }
}

/// What a person is told of a transfer that ended before its end.
pub(in crate::desk) fn transfer_failure(error: &TransferError) -> TransferState {
    let code = match error {
        TransferError::Disk(_) => "storage".to_owned(),
        TransferError::Refused(refusal) => code_of(refusal.code),
        TransferError::Unreachable => "unreachable".to_owned(),
        TransferError::Cancelled => return TransferState::Cancelled,
        TransferError::Changed | TransferError::Damaged | TransferError::Protocol => {
            "internal".to_owned()
        }
    };
    TransferState::Failed {
        code,
        text: error.to_string(),
    }
}

/// The stable code, as on the wire.
fn code_of(code: RefusalCode) -> String {
    let word = serde_json::to_value(code).ok();
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    word.unwrap_or_else(|| "internal".to_owned())
}
