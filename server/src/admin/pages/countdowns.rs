//! Meetings that have a time limit, and how long they still go on.

use askama::Template;

use super::{Answer, answer, describe_rooms, frame::Frame, rooms::RoomRow};
use crate::admin::request::Operator;

#[derive(Template)]
#[template(path = "admin/countdowns.html")]
struct CountdownsPage {
    frame: Frame,
    rooms: Vec<RoomRow>,
}

/// `GET /admin/countdowns`: who ends first stands first.
pub async fn page(operator: Operator) -> Answer {
    let described = describe_rooms(&operator.state).await?;
    let mut rooms: Vec<_> = described
        .rooms
        .iter()
        .filter(|room| room.ends_in.is_some())
        .map(RoomRow::of)
        .collect();
    rooms.sort_by_key(|room| room.ends_in_s);
    let page = CountdownsPage {
        frame: Frame::new(&operator, "/admin/countdowns", "Countdowns").live(),
        rooms,
    };
    answer(&operator, &page, &page.rooms)
}
