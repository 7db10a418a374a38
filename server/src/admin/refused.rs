//! Why something was not done for an operator, or for somebody who is none.

use std::time::Duration;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use conclave_wire::{Refusal, RefusalCode};
use serde::Serialize;

use super::{guard::PASSWORD_CHARS_MIN, pages::frame};

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.code())]
pub enum Refused {
    /// There is no password yet.
    NotSetUp,
    SetupLinkWrong,
    SetupLinkUsed,
    SessionNeeded,
    TokenWrong,
    PasswordWrong,
    PasswordWeak,
    PasswordsDiffer,
    TooManyAttempts {
        wait: Duration,
    },
    OriginRefused,
    /// The form is of another session, or of none.
    FormExpired,
    FormUnreadable,
    FormTooLarge,
    FormTooSlow,
    MethodRefused {
        /// The methods that the address takes.
        allow: &'static str,
    },
    PageUnknown,
    ConfirmationWrong,
    TooManyLivePages,
    /// By a room, the lobby or the store.
    Below(Refusal),
}

impl Refused {
    /// Something that must not happen; the log says what.
    pub fn failed(why: impl std::fmt::Display) -> Refused {
        tracing::error!(%why, "an operator's page failed");
        RefusalCode::Internal.into()
    }

    /// Stable, for scripts and the audit log.
    pub fn code(&self) -> String {
        let code = match self {
            Refused::NotSetUp => "not_set_up",
            Refused::SetupLinkWrong => "setup_link_wrong",
            Refused::SetupLinkUsed => "setup_link_used",
            Refused::SessionNeeded => "session_needed",
            Refused::TokenWrong => "token_wrong",
            Refused::PasswordWrong => "operator_password_wrong",
            Refused::PasswordWeak => "operator_password_weak",
            Refused::PasswordsDiffer => "passwords_differ",
            Refused::TooManyAttempts { .. } => "too_many_attempts",
            Refused::OriginRefused => "origin_refused",
            Refused::FormExpired => "form_expired",
            Refused::FormUnreadable => "form_unreadable",
            Refused::FormTooLarge => "form_too_large",
            Refused::FormTooSlow => "form_too_slow",
            Refused::MethodRefused { .. } => "method_refused",
            Refused::PageUnknown => "page_unknown",
            Refused::ConfirmationWrong => "confirmation_wrong",
            Refused::TooManyLivePages => "too_many_live_pages",
            Refused::Below(refusal) => return word(refusal.code),
        };
        code.to_owned()
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Refused::NotSetUp
            | Refused::SetupLinkWrong
            | Refused::OriginRefused
            | Refused::FormExpired => StatusCode::FORBIDDEN,
            Refused::SetupLinkUsed => StatusCode::GONE,
            Refused::SessionNeeded | Refused::TokenWrong | Refused::PasswordWrong => {
                StatusCode::UNAUTHORIZED
            }
            Refused::PasswordWeak | Refused::PasswordsDiffer | Refused::ConfirmationWrong => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Refused::TooManyAttempts { .. } | Refused::TooManyLivePages => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Refused::FormUnreadable => StatusCode::BAD_REQUEST,
            Refused::FormTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::FormTooSlow => StatusCode::REQUEST_TIMEOUT,
            Refused::MethodRefused { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Refused::PageUnknown => StatusCode::NOT_FOUND,
            Refused::Below(refusal) => StatusCode::from_u16(refusal.code.status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// What to tell a person, and what they can do.
    pub fn sentence(&self) -> String {
        let sentence = match self {
            Refused::NotSetUp => {
                "No password is set yet. Open the link that the server printed when it started."
            }
            Refused::SetupLinkWrong => {
                "This link is not the one that the server printed when it last started."
            }
            Refused::SetupLinkUsed => "This link was used already. Sign in with the password.",
            Refused::SessionNeeded => "Sign in to go on.",
            Refused::TokenWrong => "The token is not valid. Make a new one on the page Access.",
            Refused::PasswordWrong => "The password is wrong. Try again.",
            Refused::PasswordWeak => {
                return format!(
                    "Choose a password of {PASSWORD_CHARS_MIN} characters or more, and at most 256 bytes."
                );
            }
            Refused::PasswordsDiffer => "The two passwords differ. Enter the same one twice.",
            Refused::TooManyAttempts { wait } => {
                return format!("Too many attempts. Try again in {} s.", seconds_up(*wait));
            }
            Refused::OriginRefused => {
                "The form was sent from another site. Open the operator's page itself."
            }
            Refused::FormExpired => {
                "The form is not valid any more. Go back, load the page anew, and send it again."
            }
            Refused::FormUnreadable => {
                "The form could not be read. Go back and check what you entered."
            }
            Refused::FormTooLarge => "The form is too large. Shorten what you entered.",
            Refused::FormTooSlow => "The form did not come in time. Send it again.",
            Refused::MethodRefused { .. } => "This address does not take that method.",
            Refused::PageUnknown => "There is no such page.",
            Refused::ConfirmationWrong => {
                "What you typed is not the name of the server. Nothing was done."
            }
            Refused::TooManyLivePages => "Too many live pages are open. Close one and try again.",
            Refused::Below(refusal) => return refusal.message.clone(),
        };
        sentence.to_owned()
    }

    /// The answer to a script.
    pub(super) fn json(&self) -> HttpResponse {
        #[derive(Serialize)]
        struct Body {
            code: String,
            message: String,
        }
        self.answer().json(Body {
            code: self.code(),
            message: self.sentence(),
        })
    }

    fn answer(&self) -> actix_web::HttpResponseBuilder {
        let mut answer = HttpResponse::build(self.status());
        match self {
            Refused::TooManyAttempts { wait } => {
                answer.insert_header((header::RETRY_AFTER, seconds_up(*wait).to_string()));
            }
            Refused::SessionNeeded | Refused::TokenWrong => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Refused::MethodRefused { allow } => {
                answer.insert_header((header::ALLOW, *allow));
            }
            _ => {}
        }
        answer
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused::Below(refusal)
    }
}

impl From<RefusalCode> for Refused {
    fn from(code: RefusalCode) -> Refused {
        Refused::Below(code.into())
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.answer()
            .content_type("text/html; charset=utf-8")
            .body(frame::refusal(self))
    }
}

fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A code as it stands on the wire.
fn word(code: RefusalCode) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => "internal".to_owned(),
    }
}
