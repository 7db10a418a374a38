//! All rooms, and a new one.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use conclave_core::room::RoomReport;
use conclave_wire::{event::QualityVerdict, http::CreateRoom};
use serde::{Deserialize, Serialize};

use super::{
    Answer, Rows, answer, ask, describe_rooms,
    frame::{Frame, Said},
    holds, html, server,
    shown::{Bytes, Seconds, Stamp},
};
use crate::{
    actors::lobby,
    admin::{
        audit::Act,
        refused::Refused,
        request::{Operator, Order},
    },
};

const MS_PER_MINUTE: u64 = 60_000;

/// A room in a table.
#[derive(Clone, Debug, Serialize)]
pub struct RoomRow {
    pub slug: String,
    pub title: String,
    pub locked: bool,
    pub has_password: bool,
    pub people: usize,
    pub away: usize,
    pub people_max: u32,
    pub voices: usize,
    /// People whose link is poor.
    pub poor: usize,
    pub presenting: bool,
    /// People at the door.
    pub waiting: usize,
    pub opened_unix_ms: Stamp,
    /// Until the time limit.
    pub ends_in_s: Option<Seconds>,
    pub files: u32,
    pub files_bytes: Bytes,
}

impl RoomRow {
    pub fn of(room: &RoomReport) -> RoomRow {
        let people = &room.people;
        let poor = |verdict| verdict == QualityVerdict::Poor;
        RoomRow {
            slug: room.slug.clone(),
            title: room.title.clone(),
            locked: room.locked,
            has_password: room.has_password,
            people: people.len(),
            away: people.iter().filter(|person| person.away).count(),
            people_max: room.members_max,
            voices: people.iter().filter(|person| person.speaking).count(),
            poor: people
                .iter()
                .filter(|person| person.quality.is_some_and(|quality| poor(quality.verdict)))
                .count(),
            presenting: room.presenter.is_some(),
            waiting: room.waiting.len(),
            opened_unix_ms: Stamp(room.opened_unix_ms),
            ends_in_s: room.ends_in.map(|ends_in| Seconds(ends_in.as_secs())),
            files: room.files,
            files_bytes: Bytes(room.files_bytes),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/rooms.html")]
struct RoomsPage<'a> {
    frame: Frame,
    which: &'a WhichRooms,
    found: usize,
    view: Rows<RoomRow>,
    silent: &'a [String],
}

#[derive(Template)]
#[template(path = "admin/opened.html")]
struct OpenedPage {
    frame: Frame,
    view: Opened,
    code: String,
}

#[derive(Serialize)]
struct Opened {
    slug: String,
    join_link: String,
    host_link: String,
}

#[derive(Deserialize)]
pub struct WhichRooms {
    /// In the title or the address.
    #[serde(default)]
    q: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    page: String,
}

#[derive(Deserialize)]
pub struct NewRoom {
    title: String,
    #[serde(default)]
    slug: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    minutes: String,
}

/// `GET /admin/rooms`
pub async fn page(
    operator: Operator,
    which: web::Query<WhichRooms>,
    said: web::Query<Said>,
) -> Answer {
    let described = describe_rooms(&operator.state).await?;
    let mut rooms: Vec<_> = described
        .rooms
        .iter()
        .filter(|room| holds(&room.title, &which.q) || holds(&room.slug, &which.q))
        .map(RoomRow::of)
        .collect();
    match which.sort.as_str() {
        "people" => rooms.sort_by_key(|room| std::cmp::Reverse(room.people)),
        "opened" => rooms.sort_by_key(|room| std::cmp::Reverse(room.opened_unix_ms)),
        "files" => rooms.sort_by_key(|room| std::cmp::Reverse(room.files_bytes)),
        // As the lobby has them.
        _ => {}
    }
    if operator.json {
        return Ok(HttpResponse::Ok().json(rooms));
    }
    let page = RoomsPage {
        frame: Frame::new(&operator, "/admin/rooms", "Rooms").saying(&said),
        found: rooms.len(),
        view: Rows::of(rooms, &which.page),
        which: &which,
        silent: &described.silent,
    };
    html(StatusCode::OK, &page)
}

/// `POST /admin/rooms`: the links are shown once, because the host's is kept nowhere.
pub async fn open(order: Order<NewRoom>) -> Answer {
    let Order { operator, form } = order;
    let act = Act::new("open_room").on(form.slug.clone());
    let opened = operator.carry_out(act, async {
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let room = CreateRoom {
            title: form.title.clone(),
            slug: some(&form.slug),
            password: some(&form.password),
            time_limit_ms: minutes(&form.minutes)?.map(|minutes| minutes * MS_PER_MINUTE),
            ..CreateRoom::default()
        };
        let created = lobby::CreateRoom {
            room,
            after_ended: false,
        };
        Ok(ask(operator.state.lobby.send(created)).await??)
    });
    let opened = opened.await?;
    let links = &operator.state.links;
    let view = Opened {
        join_link: links.join(&opened.slug),
        host_link: links.host(&opened.slug, &opened.host_key),
        slug: opened.slug,
    };
    let page = OpenedPage {
        frame: Frame::new(&operator, "/admin/rooms", "The room is open"),
        code: server::qr_code(&view.join_link),
        view,
    };
    answer(&operator, &page, &page.view)
}

/// Whole minutes; nothing when nothing is entered.
pub fn minutes(text: &str) -> Result<Option<u64>, Refused> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<u32>() {
            Ok(minutes) => Ok(Some(minutes.into())),
            Err(_) => Err(Refused::FormUnreadable),
        },
    }
}
