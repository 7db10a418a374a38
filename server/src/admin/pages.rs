//! The pages, one file each: what is asked of rooms and store, and the template it goes into.

pub mod access;
pub mod audit;
pub mod countdowns;
pub mod frame;
pub mod logs;
pub mod meetings;
pub mod notices;
pub mod overview;
pub mod people;
pub mod quality;
pub mod room;
pub mod rooms;
pub mod server;
pub mod settings;
pub mod shown;
pub mod sign_in;
pub mod statistics;
pub mod storage;

use std::{future::Future, time::Duration};

use actix::Addr;
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use conclave_core::room::{OperatorOrder, RoomReport};
use conclave_wire::RefusalCode;
use serde::Serialize;

use super::{refused::Refused, request::Operator};
use crate::{
    actors::{
        lobby::{DescribeRooms, FindRoom, RoomsDescribed},
        room::{DescribeWhole, Operate, RoomActor},
    },
    server::AppState,
};

/// How long a page waits for rooms; those that have not answered are left out, and named.
const ROOMS_DEADLINE: Duration = Duration::from_secs(2);
/// How long an order waits for its room.
const ORDER_DEADLINE: Duration = Duration::from_secs(10);
/// Rows of a table on one page.
pub const ROWS_MAX: usize = 100;

type Answer = Result<HttpResponse, Refused>;

/// A page, or the same as JSON for a script.
fn answer(operator: &Operator, page: &impl Template, json: &impl Serialize) -> Answer {
    match operator.json {
        true => Ok(HttpResponse::Ok().json(json)),
        false => html(StatusCode::OK, page),
    }
}

fn html(status: StatusCode, page: &impl Template) -> Answer {
    let body = page.render().map_err(Refused::failed)?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(body))
}

/// What an order is answered with: the page that it was sent from, which says what was done.
fn done(operator: &Operator, to: &str, what: frame::Done) -> HttpResponse {
    match operator.json {
        true => HttpResponse::Ok().json(serde_json::json!({ "done": what.code() })),
        false => see_other(&format!("{to}?done={}", what.code())),
    }
}

fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to))
        .finish()
}

/// Waits for an actor's answer, within a deadline.
async fn ask<T, E>(asked: impl Future<Output = Result<T, E>>) -> Result<T, Refused> {
    match tokio::time::timeout(ORDER_DEADLINE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(RefusalCode::Busy.into()),
        Err(_) => Err(RefusalCode::Timeout.into()),
    }
}

async fn describe_rooms(state: &AppState) -> Result<RoomsDescribed, Refused> {
    ask(state.lobby.send(DescribeRooms {
        within: ROOMS_DEADLINE,
    }))
    .await
}

async fn find_room(state: &AppState, slug: &str) -> Result<Addr<RoomActor>, Refused> {
    let slug = slug.to_owned();
    Ok(ask(state.lobby.send(FindRoom { slug })).await??)
}

async fn describe_room(state: &AppState, slug: &str) -> Result<RoomReport, Refused> {
    let room = find_room(state, slug).await?;
    ask(room.send(DescribeWhole)).await
}

async fn operate(state: &AppState, slug: &str, order: OperatorOrder) -> Result<(), Refused> {
    let room = find_room(state, slug).await?;
    Ok(ask(room.send(Operate(order))).await??)
}

/// One page of a long table: the rows, and the numbers of the pages around it.
struct Rows<T> {
    rows: Vec<T>,
    page: usize,
    pages: usize,
}

impl<T> Rows<T> {
    /// `page` counts from 1; what is no number, or beyond the end, is the nearest that is there.
    fn of(rows: Vec<T>, page: &str) -> Rows<T> {
        let pages = rows.len().div_ceil(ROWS_MAX).max(1);
        let page = page.parse().unwrap_or(1).clamp(1, pages);
        let rows = rows.into_iter().skip((page - 1) * ROWS_MAX);
        Rows {
            rows: rows.take(ROWS_MAX).collect(),
            page,
            pages,
        }
    }
}

/// Whether a text holds what somebody looks for, whatever its letters' case.
fn holds(text: &str, looked_for: &str) -> bool {
    text.to_lowercase()
        .contains(&looked_for.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_there_is_the_nearest_that_is() {
        let rows = || (0..ROWS_MAX * 2 + 1).collect::<Vec<_>>();
        for (asked, page, first) in [
            ("1", 1, 0),
            ("3", 3, ROWS_MAX * 2),
            ("99", 3, ROWS_MAX * 2),
            ("0", 1, 0),
            ("-1", 1, 0),
            ("x", 1, 0),
        ] {
            let shown = Rows::of(rows(), asked);
            assert_eq!((shown.page, shown.rows[0]), (page, first), "{asked}");
        }
        assert_eq!(Rows::<u8>::of(Vec::new(), "2").pages, 1);
    }
}
