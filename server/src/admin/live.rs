//! What a page that stays open is sent: server-sent events (HTML standard, section 9.2). A page costs a
//! small message now and then, and ends with its session.

use std::{convert::Infallible, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Level;

use super::{
    pages::{logs::level_of, shown::Stamp},
    refused::Refused,
    request::Operator,
};
use crate::telemetry::ring::{LogLine, LogRing, NewLines};

/// Pages that are live at once.
pub const LIVE_PAGES_MAX: usize = 32;
const FIGURES_SENT: Duration = Duration::from_secs(2);
/// Lines that come together are sent together.
const LINES_GATHERED: Duration = Duration::from_millis(250);
/// A page hears something at least so often, so that a connection that is gone is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// Lines in one message.
const LINES_MAX: usize = 500;

/// `GET /admin/live`: the figures of the overview.
pub async fn figures(operator: Operator) -> Result<HttpResponse, Refused> {
    let page = Page::open(operator)?;
    Ok(events(stream::unfold(page, |page| async move {
        if !page.goes_on_after(FIGURES_SENT).await {
            return None;
        }
        let message = data(&page.operator.state.admin.samples.now());
        Some((Ok(message), page))
    })))
}

#[derive(Deserialize)]
pub struct WhichLines {
    #[serde(default)]
    level: String,
    #[serde(default)]
    after: String,
}

/// `GET /admin/logs/live?level=…&after=…`: log lines behind a number.
pub async fn lines(
    operator: Operator,
    request: HttpRequest,
    which: web::Query<WhichLines>,
) -> Result<HttpResponse, Refused> {
    // A browser that connects again says which message it had last.
    let had = request.headers().get("last-event-id");
    let had = had
        .and_then(|had| had.to_str().ok())
        .unwrap_or(&which.after);
    let ring = operator.state.logs.ring().clone();
    let tail = Tail {
        new: ring.new_lines(),
        after: had.parse().unwrap_or_else(|_| ring.newest()),
        level: level_of(&which.level),
        ring,
        page: Page::open(operator)?,
    };
    Ok(events(stream::unfold(tail, |mut tail| async move {
        let message = tail.next().await?;
        Some((Ok(message), tail))
    })))
}

/// A page that is open.
struct Page {
    operator: Operator,
    #[expect(dead_code, reason = "only its drop matters")]
    permit: OwnedSemaphorePermit,
}

impl Page {
    fn open(operator: Operator) -> Result<Page, Refused> {
        let pages = operator.state.admin.live_pages.clone();
        let permit = pages.try_acquire_owned();
        Ok(Page {
            permit: permit.map_err(|_| Refused::TooManyLivePages)?,
            operator,
        })
    }

    fn goes_on(&self) -> bool {
        let admin = &self.operator.state.admin;
        admin.guard.still_trusts(&self.operator.who)
    }

    /// Waits; false when the session or the server has ended meanwhile.
    async fn goes_on_after(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => self.goes_on(),
            () = self.operator.state.admin.stopping.begun() => false,
        }
    }
}

struct Tail {
    page: Page,
    ring: LogRing,
    new: NewLines,
    after: u64,
    level: Level,
}

#[derive(Serialize)]
struct Line<'a> {
    number: u64,
    at: String,
    level: &'static str,
    target: &'a str,
    text: &'a str,
}

impl Tail {
    /// The next message; none when the page has to end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let lines = self.ring.tail(self.after, self.level, LINES_MAX);
            if let Some(last) = lines.last() {
                self.after = last.number;
                return Some(numbered(last.number, &lines));
            }
            tokio::select! {
                more = self.new.wait() => {
                    if !more || !self.page.goes_on_after(LINES_GATHERED).await {
                        return None;
                    }
                }
                goes_on = self.page.goes_on_after(SIGN_OF_LIFE) => {
                    return goes_on.then(|| Bytes::from_static(b":\n\n"));
                }
            }
        }
    }
}

fn numbered(number: u64, lines: &[LogLine]) -> Bytes {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| Line {
            number: line.number,
            at: Stamp(line.at_ms).to_string(),
            level: line.level.as_str(),
            target: &line.target,
            text: &line.text,
        })
        .collect();
    let mut message = format!("id: {number}\n").into_bytes();
    message.extend_from_slice(&data(&lines));
    message.into()
}

/// JSON has no line breaks outside of strings, and inside they are escaped: it is one line.
fn data(value: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(value).unwrap_or_default();
    format!("data: {json}\n\n").into()
}

fn events(
    messages: impl futures_util::Stream<Item = Result<Bytes, Infallible>> + 'static,
) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A proxy in between must not hold messages back.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(messages)
}
