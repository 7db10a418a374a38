//! What stands round every page: the name of the server, the way to the others, what was just done.

use askama::Template;
use serde::Deserialize;

use crate::admin::{refused::Refused, request::Operator};

/// A page in the menu.
pub struct Place {
    pub path: &'static str,
    pub name: &'static str,
}

pub const PLACES: [Place; 14] = [
    Place {
        path: "/admin",
        name: "Overview",
    },
    Place {
        path: "/admin/rooms",
        name: "Rooms",
    },
    Place {
        path: "/admin/people",
        name: "People",
    },
    Place {
        path: "/admin/notices",
        name: "Notices",
    },
    Place {
        path: "/admin/countdowns",
        name: "Countdowns",
    },
    Place {
        path: "/admin/quality",
        name: "Quality",
    },
    Place {
        path: "/admin/meetings",
        name: "Meetings",
    },
    Place {
        path: "/admin/statistics",
        name: "Statistics",
    },
    Place {
        path: "/admin/storage",
        name: "Storage",
    },
    Place {
        path: "/admin/logs",
        name: "Logs",
    },
    Place {
        path: "/admin/audit",
        name: "Audit",
    },
    Place {
        path: "/admin/settings",
        name: "Settings",
    },
    Place {
        path: "/admin/access",
        name: "Access",
    },
    Place {
        path: "/admin/server",
        name: "Server",
    },
];

/// What was done, as the page that follows says it. Only a word of this list is ever taken from an
/// address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Done {
    RoomEnded,
    RoomLocked,
    RoomUnlocked,
    LimitSet,
    LimitLifted,
    Kicked,
    NoticePosted,
    FileRemoved,
    TemplateDeleted,
    PasswordChanged,
    TokenRevoked,
    SignedOutOthers,
}

impl Done {
    const ALL: [Done; 12] = [
        Done::RoomEnded,
        Done::RoomLocked,
        Done::RoomUnlocked,
        Done::LimitSet,
        Done::LimitLifted,
        Done::Kicked,
        Done::NoticePosted,
        Done::FileRemoved,
        Done::TemplateDeleted,
        Done::PasswordChanged,
        Done::TokenRevoked,
        Done::SignedOutOthers,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Done::RoomEnded => "room_ended",
            Done::RoomLocked => "room_locked",
            Done::RoomUnlocked => "room_unlocked",
            Done::LimitSet => "limit_set",
            Done::LimitLifted => "limit_lifted",
            Done::Kicked => "kicked",
            Done::NoticePosted => "notice_posted",
            Done::FileRemoved => "file_removed",
            Done::TemplateDeleted => "template_deleted",
            Done::PasswordChanged => "password_changed",
            Done::TokenRevoked => "token_revoked",
            Done::SignedOutOthers => "signed_out_others",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Done::RoomEnded => "The meeting has ended.",
            Done::RoomLocked => "The room is locked.",
            Done::RoomUnlocked => "The room is open again.",
            Done::LimitSet => "The time limit is set. Everybody sees the countdown.",
            Done::LimitLifted => "The time limit is lifted.",
            Done::Kicked => "The person was taken out.",
            Done::NoticePosted => "The notice is posted.",
            Done::FileRemoved => "The file is removed.",
            Done::TemplateDeleted => {
                "The template is deleted. Rooms that were made by it stay as they are."
            }
            Done::PasswordChanged => "The password is changed. Everybody else was signed out.",
            Done::TokenRevoked => "The token is not valid any more.",
            Done::SignedOutOthers => "Everybody else was signed out.",
        }
    }
}

/// The part of an address that says what was just done.
#[derive(Default, Deserialize)]
pub struct Said {
    #[serde(default)]
    pub done: String,
}

impl Said {
    fn sentence(&self) -> Option<&'static str> {
        let done = Done::ALL.into_iter().find(|done| done.code() == self.done);
        done.map(Done::sentence)
    }
}

pub struct Frame {
    pub title: String,
    pub server_name: String,
    pub has_logo: bool,
    /// The path of the page's place in the menu.
    pub here: &'static str,
    pub operator: String,
    /// For every form on the page.
    pub csrf: String,
    pub said: Option<&'static str>,
    /// Whether the page follows what happens.
    pub live: bool,
}

impl Frame {
    pub fn new(operator: &Operator, here: &'static str, title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            server_name: operator.state.config.server_name.clone(),
            has_logo: operator.state.config.logo.is_some(),
            here,
            operator: operator.who.name.clone(),
            csrf: operator.csrf(),
            said: None,
            live: false,
        }
    }

    pub fn saying(mut self, said: &Said) -> Frame {
        self.said = said.sentence();
        self
    }

    pub fn live(mut self) -> Frame {
        self.live = true;
        self
    }

    pub fn places(&self) -> &'static [Place] {
        &PLACES
    }
}

#[derive(Template)]
#[template(path = "admin/refused.html")]
struct RefusedPage {
    sentence: String,
    code: String,
    /// Whether there is a password to sign in with.
    sign_in: bool,
    /// Whether a form that was sent can be sent again.
    back: bool,
}

/// What somebody sees whose request was refused.
pub fn refusal(refused: &Refused) -> String {
    let page = RefusedPage {
        sentence: refused.sentence(),
        code: refused.code(),
        sign_in: matches!(
            refused,
            Refused::SessionNeeded
                | Refused::PasswordWrong
                | Refused::SetupLinkUsed
                | Refused::TooManyAttempts { .. }
        ),
        back: !matches!(
            refused,
            Refused::SessionNeeded
                | Refused::NotSetUp
                | Refused::SetupLinkWrong
                | Refused::SetupLinkUsed
        ),
    };
    // A template that is whole fails only without memory.
    page.render().unwrap_or_else(|_| refused.sentence())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_done_is_said_and_nothing_that_stands_in_an_address() {
        let said = |done: &str| Said { done: done.into() }.sentence();
        assert_eq!(said("kicked"), Some("The person was taken out."));
        for made_up in ["", "<b>", "KICKED", "kicked "] {
            assert_eq!(said(made_up), None, "{made_up}");
        }
        let mut codes: Vec<_> = Done::ALL.iter().map(|done| done.code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), Done::ALL.len());
    }
}
