//! Chat over HTTP: read page by page, write, take back.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use conclave_wire::{
    Command, LineId, Refusal,
    RefusalCode::{self, *},
    command::Reply,
    limits::CHAT_PAGE_LINES,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    State, answer,
    api::{Endpoint, Parameter, ParameterKind, Who},
    callers::Spend,
    seats::act,
    shapes::{Done, MessagePage, MessageSaid, NewMessage},
    words,
};

const GROUP: &str = "Chat";
const PAGE: u64 = CHAT_PAGE_LINES as u64;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/api/rooms/{slug}/messages", "readMessages", || {
        web::get().to(read)
    })
    .says(GROUP, "A page of chat: the newest, or those before one.")
    .by(Who::Seat)
    .spends(Spend::Messages)
    .with(&[
        Parameter {
            name: "limit",
            says: "How many; 50 when absent.",
            kind: ParameterKind::Integer(1, PAGE),
            is_required: false,
            is_header: false,
        },
        Parameter {
            name: "before",
            says: "The id of a message; older ones are read.",
            kind: ParameterKind::Integer(0, u32::MAX as u64),
            is_required: false,
            is_header: false,
        },
    ])
    .gives::<MessagePage>(200)
    .refuses(&[Invalid]),
    Endpoint::new("POST", "/api/rooms/{slug}/messages", "sayMessage", || {
        web::post().to(say)
    })
    .says(GROUP, "Says something to everybody.")
    .by(Who::Seat)
    .spends(Spend::Messages)
    .takes::<NewMessage>()
    .gives::<MessageSaid>(201)
    .refuses(&[NotAllowed, LineInvalid, DiskFull]),
    Endpoint::new(
        "DELETE",
        "/api/rooms/{slug}/messages/{message}",
        "deleteMessage",
        || web::delete().to(delete),
    )
    .says(
        GROUP,
        "Takes a message back: one's own, or as host anybody's.",
    )
    .by(Who::Seat)
    .spends(Spend::Messages)
    .gives::<Done>(200)
    .refuses(&[NotAllowed, NoSuchLine, DiskFull]),
];

/// Text, so that a number that cannot be is refused in our words.
#[derive(Deserialize)]
struct Page {
    limit: Option<String>,
    before: Option<String>,
}

async fn read(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    page: web::Query<Page>,
) -> HttpResponse {
    let read = async {
        let command = Command::ListLines {
            lines_max: number(page.limit.as_deref(), PAGE, 1..=PAGE)?,
            before: LineId(number(
                page.before.as_deref(),
                u64::from(u32::MAX),
                0..=u64::from(u32::MAX),
            )?),
        };
        match act(&request, &state, &slug, command).await? {
            Reply::Lines { lines, more } => Ok(MessagePage {
                messages: lines,
                has_more: more,
            }),
            _ => Err(RefusalCode::Internal.into()),
        }
    };
    answer(StatusCode::OK, read.await)
}

/// A number within its bounds.
fn number(
    text: Option<&str>,
    absent: u64,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<u32, Refusal> {
    let number = match text {
        None => Some(absent),
        Some(text) => text.parse().ok(),
    };
    let number = number.filter(|number| allowed.contains(number));
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| RefusalCode::Invalid.into())
}

async fn say(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let said = async {
        let NewMessage { text } = words(body.into_inner())?;
        match act(&request, &state, &slug, Command::Say { text }).await? {
            Reply::Line { line } => Ok(MessageSaid { message_id: line }),
            _ => Err(RefusalCode::Internal.into()),
        }
    };
    answer(StatusCode::CREATED, said.await)
}

async fn delete(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: State,
) -> HttpResponse {
    let (slug, message) = path.into_inner();
    let line = LineId(message);
    let deleted = act(&request, &state, &slug, Command::DeleteLine { line }).await;
    answer(StatusCode::OK, deleted.map(|_| Done { success: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_of_their_bounds_are_invalid() {
        assert_eq!(number(None, 50, 1..=50), Ok(50));
        assert_eq!(number(Some("1"), 50, 1..=50), Ok(1));
        for text in ["0", "51", "-1", "1.5", "", "99999999999999999999", "1;DROP"] {
            let refusal = number(Some(text), 50, 1..=50).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::Invalid, "{text}");
        }
    }
}
