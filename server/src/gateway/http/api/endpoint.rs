//! One endpoint: its route, and all that its documentation says.

use actix_web::Route;
use conclave_wire::RefusalCode::{self, *};
use utoipa::ToSchema;

use super::Shape;
use crate::gateway::http::callers::Spend;

/// Whose token goes into `Authorization: Bearer`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Who {
    /// Nobody's.
    Anybody,
    /// That of a seat, if there is one: then more is told.
    AnybodyOrSeat,
    Seat,
    /// The host key.
    Host,
    SeatOrHost,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub enum Body {
    None,
    Json { shape: Shape, is_required: bool },
    Bytes { kind: &'static str },
}

/// What it is answered with when it is done.
#[derive(Clone, Copy)]
pub enum Answer {
    Json(Shape),
    Bytes { kind: &'static str },
    Empty,
}

/// A parameter behind the `?`, or a header.
#[derive(Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub says: &'static str,
    pub kind: ParameterKind,
    pub is_required: bool,
    pub is_header: bool,
}

#[derive(Clone, Copy)]
pub enum ParameterKind {
    Text,
    /// From, to.
    Integer(u64, u64),
}

/// One endpoint of the interface.
#[derive(Clone, Copy)]
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    pub operation: &'static str,
    pub group: &'static str,
    pub summary: &'static str,
    pub who: Who,
    pub spends: Spend,
    pub parameters: &'static [Parameter],
    pub body: Body,
    pub status: u16,
    pub answer: Answer,
    /// Other statuses of success or of a state that is told: with `answer`, too.
    pub statuses: &'static [u16],
    /// Codes beside those that every endpoint of its kind may refuse with.
    pub refuses: &'static [RefusalCode],
    /// Files: they take as long as they take.
    pub takes_its_time: bool,
    pub route: fn() -> Route,
}

impl Endpoint {
    pub const fn new(
        method: &'static str,
        path: &'static str,
        operation: &'static str,
        route: fn() -> Route,
    ) -> Endpoint {
        Endpoint {
            method,
            path,
            operation,
            group: "",
            summary: "",
            who: Who::Anybody,
            spends: Spend::Rest,
            parameters: &[],
            body: Body::None,
            status: 204,
            answer: Answer::Empty,
            statuses: &[],
            refuses: &[],
            takes_its_time: false,
            route,
        }
    }

    pub const fn says(mut self, group: &'static str, summary: &'static str) -> Endpoint {
        self.group = group;
        self.summary = summary;
        self
    }

    pub const fn by(mut self, who: Who) -> Endpoint {
        self.who = who;
        self
    }

    pub const fn spends(mut self, spends: Spend) -> Endpoint {
        self.spends = spends;
        self
    }

    pub const fn with(mut self, parameters: &'static [Parameter]) -> Endpoint {
        self.parameters = parameters;
        self
    }

    pub const fn takes<T: ToSchema>(mut self) -> Endpoint {
        self.body = Body::Json {
            shape: Shape::of::<T>(),
            is_required: true,
        };
        self
    }

    /// A body, or none.
    pub const fn may_take<T: ToSchema>(mut self) -> Endpoint {
        self.body = Body::Json {
            shape: Shape::of::<T>(),
            is_required: false,
        };
        self
    }

    pub const fn takes_bytes(mut self, kind: &'static str) -> Endpoint {
        self.body = Body::Bytes { kind };
        self
    }

    pub const fn gives<T: ToSchema>(mut self, status: u16) -> Endpoint {
        self.status = status;
        self.answer = Answer::Json(Shape::of::<T>());
        self
    }

    pub const fn gives_bytes(mut self, status: u16, kind: &'static str) -> Endpoint {
        self.status = status;
        self.answer = Answer::Bytes { kind };
        self
    }

    pub const fn gives_nothing(mut self, status: u16) -> Endpoint {
        self.status = status;
        self
    }

    pub const fn or(mut self, statuses: &'static [u16]) -> Endpoint {
        self.statuses = statuses;
        self
    }

    pub const fn refuses(mut self, refuses: &'static [RefusalCode]) -> Endpoint {
        self.refuses = refuses;
        self
    }

    pub const fn takes_its_time(mut self) -> Endpoint {
        self.takes_its_time = true;
        self
    }

    /// Method and path.
    pub const fn place(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }

    /// All codes that it may refuse with, in their order.
    pub fn codes(&self) -> Vec<RefusalCode> {
        let mut codes = vec![
            TooFast,
            Timeout,
            Busy,
            Internal,
            Stopping,
            NoSuchEndpoint,
            Malformed,
        ];
        codes.extend(self.refuses);
        if self.path.contains("{slug}") {
            codes.extend([RoomNotFound, RoomEnded]);
        }
        match self.who {
            Who::Anybody | Who::AnybodyOrSeat => {}
            Who::Seat => codes.extend([SeatUnknown, Kicked, Banned]),
            Who::Host => codes.push(HostKeyWrong),
            Who::SeatOrHost => codes.extend([SeatUnknown, Kicked, Banned, HostKeyWrong]),
        }
        match self.body {
            Body::None => {}
            Body::Json { .. } => codes.extend([TooDeep, TooLarge, MediaTypeUnsupported]),
            Body::Bytes { .. } => codes.push(TooLarge),
        }
        if !matches!(self.method, "GET" | "HEAD" | "OPTIONS") {
            codes.push(OriginRefused);
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}
