//! One room: who is in it, its files, and what can be done with it.

use std::time::Duration;

use actix_web::web;
use askama::Template;
use conclave_core::room::{OperatorOrder, RoomReport};
use conclave_wire::{FileId, ParticipantId};
use serde::{Deserialize, Serialize};

use super::{
    Answer, answer, describe_room, done,
    frame::{Done, Frame, Said},
    operate,
    people::{PersonRow, WaiterRow},
    rooms::{RoomRow, minutes},
    storage::FileRow,
};
use crate::{
    admin::{
        audit::Act,
        request::{Nothing, Operator, Order},
    },
    store::FileOrder,
};

/// Files that the page lists.
const FILES_SHOWN: u32 = 100;
const SECONDS_PER_MINUTE: u64 = 60;

#[derive(Template)]
#[template(path = "admin/room.html")]
struct RoomPage {
    frame: Frame,
    view: RoomView,
    join_link: String,
}

#[derive(Serialize)]
struct RoomView {
    room: RoomRow,
    people: Vec<PersonRow>,
    waiting: Vec<WaiterRow>,
    files: Vec<FileRow>,
}

/// `GET /admin/rooms/{slug}`
pub async fn page(operator: Operator, slug: web::Path<String>, said: web::Query<Said>) -> Answer {
    let state = &operator.state;
    let room: RoomReport = describe_room(state, &slug).await?;
    let files = state
        .store
        .files(Some(&slug), FileOrder::Newest, FILES_SHOWN)
        .await
        .unwrap_or_default();
    let view = RoomView {
        people: PersonRow::of_room(&room).collect(),
        waiting: WaiterRow::of_room(&room).collect(),
        files: files.into_iter().map(FileRow::from).collect(),
        room: RoomRow::of(&room),
    };
    let page = RoomPage {
        frame: Frame::new(&operator, "/admin/rooms", room.title.clone()).saying(&said),
        join_link: state.links.join(&slug),
        view,
    };
    answer(&operator, &page, &page.view)
}

/// `POST /admin/rooms/{slug}/end`
pub async fn end(slug: web::Path<String>, order: Order<Nothing>) -> Answer {
    let operator = order.operator;
    let act = Act::new("end_room").on(slug.as_str());
    let ended = operate(&operator.state, &slug, OperatorOrder::End);
    operator.carry_out(act, ended).await?;
    Ok(done(&operator, "/admin/rooms", Done::RoomEnded))
}

#[derive(Deserialize)]
pub struct Lock {
    locked: bool,
}

/// `POST /admin/rooms/{slug}/lock`
pub async fn lock(slug: web::Path<String>, order: Order<Lock>) -> Answer {
    let Order { operator, form } = order;
    let Lock { locked } = form;
    let (action, what) = match locked {
        true => ("lock_room", Done::RoomLocked),
        false => ("unlock_room", Done::RoomUnlocked),
    };
    let act = Act::new(action).on(slug.as_str());
    let order = OperatorOrder::Lock { locked };
    let locked = operate(&operator.state, &slug, order);
    operator.carry_out(act, locked).await?;
    Ok(done(&operator, &path(&slug), what))
}

#[derive(Deserialize)]
pub struct Limit {
    /// From now; nothing lifts the limit.
    #[serde(default)]
    minutes: String,
}

/// `POST /admin/rooms/{slug}/limit`
pub async fn limit(slug: web::Path<String>, order: Order<Limit>) -> Answer {
    let Order { operator, form } = order;
    let act = Act::new("limit_time")
        .on(slug.as_str())
        .saying(&form.minutes);
    let limited = async {
        let minutes = minutes(&form.minutes)?;
        let seconds = minutes.map(|minutes| minutes * SECONDS_PER_MINUTE);
        let after = seconds.map(Duration::from_secs);
        operate(&operator.state, &slug, OperatorOrder::LimitTime { after }).await?;
        Ok(match minutes {
            Some(_) => Done::LimitSet,
            None => Done::LimitLifted,
        })
    };
    let what = operator.carry_out(act, limited).await?;
    Ok(done(&operator, &path(&slug), what))
}

#[derive(Deserialize)]
pub struct Kick {
    #[serde(default)]
    reason: String,
    /// Present when their program shall not come back to this meeting.
    #[serde(default)]
    ban: Option<String>,
}

/// `POST /admin/rooms/{slug}/people/{id}/kick`
pub async fn kick(path: web::Path<(String, u32)>, order: Order<Kick>) -> Answer {
    let Order { operator, form } = order;
    let (slug, id) = path.into_inner();
    let Kick { reason, ban } = form;
    let action = if ban.is_some() { "ban" } else { "kick" };
    let act = Act::new(action)
        .on(format!("{slug} / person {id}"))
        .saying(&reason);
    let id = ParticipantId(id);
    let order = match ban {
        Some(_) => OperatorOrder::Ban { id, reason },
        None => OperatorOrder::Kick { id, reason },
    };
    let kicked = operate(&operator.state, &slug, order);
    operator.carry_out(act, kicked).await?;
    Ok(done(&operator, &self::path(&slug), Done::Kicked))
}

/// `POST /admin/rooms/{slug}/files/{file}/remove`
pub async fn remove_file(path: web::Path<(String, u32)>, order: Order<Nothing>) -> Answer {
    let operator = order.operator;
    let (slug, file) = path.into_inner();
    let act = Act::new("remove_file").on(format!("{slug} / file {file}"));
    let order = OperatorOrder::RemoveFile { file: FileId(file) };
    let removed = operate(&operator.state, &slug, order);
    operator.carry_out(act, removed).await?;
    Ok(done(&operator, "/admin/storage", Done::FileRemoved))
}

/// Where a room that is open has its page. Its slug holds nothing that an address would have to escape.
fn path(slug: &str) -> String {
    format!("/admin/rooms/{slug}")
}
