//! Notices of the operator: to one room, or to all.

use actix_web::web;
use askama::Template;
use conclave_core::room::OperatorOrder;
use conclave_wire::{RefusalCode, limits::NOTICE_BYTES_MAX};
use serde::{Deserialize, Serialize};

use super::{
    Answer, answer, ask, done,
    frame::{Done, Frame, Said},
    operate,
};
use crate::{
    actors::{lobby::ListRooms, room::Operate},
    admin::{
        audit::Act,
        refused::Refused,
        request::{Operator, Order},
    },
};

#[derive(Template)]
#[template(path = "admin/notices.html")]
struct NoticesPage {
    frame: Frame,
    rooms: Vec<Addressee>,
    chosen: String,
    bytes_max: usize,
}

/// A room that a notice can go to.
#[derive(Serialize)]
struct Addressee {
    slug: String,
    title: String,
}

#[derive(Deserialize)]
pub struct ToWhom {
    #[serde(default)]
    room: String,
}

#[derive(Deserialize)]
pub struct Notice {
    /// Nothing means all rooms.
    #[serde(default)]
    room: String,
    text: String,
}

/// `GET /admin/notices`
pub async fn page(operator: Operator, to: web::Query<ToWhom>, said: web::Query<Said>) -> Answer {
    let rooms = ask(operator.state.lobby.send(ListRooms)).await?;
    let page = NoticesPage {
        frame: Frame::new(&operator, "/admin/notices", "Notices").saying(&said),
        rooms: rooms
            .into_iter()
            .map(|room| Addressee {
                slug: room.slug,
                title: room.title,
            })
            .collect(),
        chosen: to.into_inner().room,
        bytes_max: NOTICE_BYTES_MAX,
    };
    answer(&operator, &page, &page.rooms)
}

/// `POST /admin/notices`
pub async fn post(order: Order<Notice>) -> Answer {
    let Order { operator, form } = order;
    let target = match form.room.as_str() {
        "" => "all rooms",
        room => room,
    };
    let act = Act::new("post_notice").on(target).saying(&form.text);
    let posted = async {
        let announce = OperatorOrder::Announce {
            text: form.text.clone(),
        };
        match form.room.as_str() {
            "" => to_all(&operator, announce).await,
            room => operate(&operator.state, room, announce).await,
        }
    };
    operator.carry_out(act, posted).await?;
    Ok(done(&operator, "/admin/notices", Done::NoticePosted))
}

/// All rooms are asked at once. One that is ending does not matter; any other that did not take it does.
async fn to_all(operator: &Operator, order: OperatorOrder) -> Result<(), Refused> {
    let rooms = ask(operator.state.lobby.send(ListRooms)).await?;
    let orders: Vec<_> = rooms
        .into_iter()
        .map(|open| open.room.send(Operate(order.clone())))
        .collect();
    let mut answer = Ok(());
    for order in orders {
        match ask(order).await? {
            Err(refusal) if refusal.code != RefusalCode::RoomEnded => {
                answer = Err(refusal.into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    answer
}
