//! One address with one method: its route, and all that the document says of it.

use actix_web::Route;
use conclave_wire::RefusalCode;

use crate::admin::refused::Refused;

/// Who may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Who {
    Anybody,
    Operator,
}

/// What it is answered with when it is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gives {
    /// A page; JSON for a script.
    Page(u16),
    /// A page for people alone.
    Html,
    /// The way to another page.
    Way,
    /// Something of this media type.
    Bytes(&'static str),
}

/// What may stand in a field. Everything comes as text.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// At most so many characters.
    Text(usize),
    /// From, to.
    Integer(u64, u64),
    OneOf(&'static [&'static str]),
}

/// A field of a form, or of the part of an address behind the `?`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub says: &'static str,
    pub kind: Kind,
    pub is_needed: bool,
}

/// A whole form is not larger.
const TEXT_CHARS_MAX: usize = 1_000;

impl Field {
    pub const fn new(name: &'static str, says: &'static str) -> Field {
        Field {
            name,
            says,
            kind: Kind::Text(TEXT_CHARS_MAX),
            is_needed: false,
        }
    }

    pub const fn of(mut self, kind: Kind) -> Field {
        self.kind = kind;
        self
    }

    pub const fn needed(mut self) -> Field {
        self.is_needed = true;
        self
    }
}

/// One address with one method.
#[derive(Clone, Copy)]
pub struct Entry {
    pub method: &'static str,
    /// Below `/admin`.
    pub path: &'static str,
    pub operation: &'static str,
    pub summary: &'static str,
    pub who: Who,
    pub fields: &'static [Field],
    pub gives: Gives,
    /// Beside those that every address of its kind may refuse with.
    pub refuses: fn() -> Vec<Refused>,
    pub route: fn() -> Route,
}

impl Entry {
    pub const fn new(
        method: &'static str,
        path: &'static str,
        operation: &'static str,
        route: fn() -> Route,
    ) -> Entry {
        Entry {
            method,
            path,
            operation,
            summary: "",
            who: Who::Operator,
            fields: &[],
            gives: Gives::Page(200),
            refuses: Vec::new,
            route,
        }
    }

    pub const fn says(mut self, summary: &'static str) -> Entry {
        self.summary = summary;
        self
    }

    pub const fn by(mut self, who: Who) -> Entry {
        self.who = who;
        self
    }

    pub const fn takes(mut self, fields: &'static [Field]) -> Entry {
        self.fields = fields;
        self
    }

    pub const fn gives(mut self, status: u16) -> Entry {
        self.gives = Gives::Page(status);
        self
    }

    pub const fn gives_html(mut self) -> Entry {
        self.gives = Gives::Html;
        self
    }

    pub const fn leads_on(mut self) -> Entry {
        self.gives = Gives::Way;
        self
    }

    pub const fn gives_bytes(mut self, kind: &'static str) -> Entry {
        self.gives = Gives::Bytes(kind);
        self
    }

    pub const fn refuses(mut self, refuses: fn() -> Vec<Refused>) -> Entry {
        self.refuses = refuses;
        self
    }

    pub fn is_form(&self) -> bool {
        self.method == "POST"
    }

    /// All that it may refuse.
    pub fn refusals(&self) -> Vec<Refused> {
        use RefusalCode::{Busy, Internal, RoomEnded, RoomNotFound, Stopping, Timeout};
        let mut refusals = (self.refuses)();
        let below = [Internal, Busy, Timeout, Stopping];
        refusals.extend(below.map(Refused::from));
        if self.who == Who::Operator {
            refusals.extend([
                Refused::NotSetUp,
                Refused::SessionNeeded,
                Refused::TokenWrong,
            ]);
        }
        if self.is_form() {
            refusals.extend([
                Refused::OriginRefused,
                Refused::FormExpired,
                Refused::FormUnreadable,
                Refused::FormTooLarge,
                Refused::FormTooSlow,
            ]);
        } else if !self.fields.is_empty() {
            refusals.push(Refused::FormUnreadable);
        }
        if self.path.contains('{') {
            refusals.push(Refused::PageUnknown);
        }
        if self.path.contains("{slug}") {
            refusals.extend([RoomNotFound, RoomEnded].map(Refused::from));
        }
        refusals
    }
}
