//! Everybody in all rooms.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use conclave_core::room::{PersonReport, RoomReport};
use conclave_wire::{
    ParticipantId, Role,
    event::{Quality, QualityVerdict},
};
use serde::{Deserialize, Serialize};

use super::{
    Answer, Rows, describe_rooms,
    frame::{Frame, Said},
    holds, html,
    shown::Stamp,
};
use crate::admin::request::Operator;

/// Somebody in a table.
#[derive(Clone, Debug, Serialize)]
pub struct PersonRow {
    pub room: String,
    pub room_title: String,
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub microphone: bool,
    pub camera: bool,
    pub presenting: bool,
    pub speaking: bool,
    pub away: bool,
    pub joined_unix_ms: Stamp,
    /// None without media.
    pub quality: Option<Quality>,
}

impl PersonRow {
    pub fn of_room(room: &RoomReport) -> impl Iterator<Item = PersonRow> {
        room.people.iter().map(|person| PersonRow::of(room, person))
    }

    fn of(room: &RoomReport, person: &PersonReport) -> PersonRow {
        PersonRow {
            room: room.slug.clone(),
            room_title: room.title.clone(),
            id: person.id,
            name: person.name.clone(),
            role: person.role,
            microphone: person.media.microphone,
            camera: person.media.camera,
            presenting: room.presenter == Some(person.id),
            speaking: person.speaking,
            away: person.away,
            joined_unix_ms: Stamp(person.joined_unix_ms),
            quality: person.quality,
        }
    }

    pub fn role_name(&self) -> &'static str {
        role_name(self.role)
    }

    pub fn quality_name(&self) -> &'static str {
        match self.quality.map(|quality| quality.verdict) {
            Some(QualityVerdict::Good) => "good",
            Some(QualityVerdict::Fair) => "fair",
            Some(QualityVerdict::Poor) => "poor",
            None => "unknown",
        }
    }

    /// What the verdict was made from.
    pub fn figures(&self) -> String {
        match self.quality {
            None => String::new(),
            Some(quality) => format!(
                "{} ms, jitter {} ms, loss {}.{} %",
                quality.round_trip_ms,
                quality.jitter_ms,
                quality.loss_permille / 10,
                quality.loss_permille % 10
            ),
        }
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Host => "host",
        Role::CoHost => "co-host",
        Role::Presenter => "presenter",
        Role::Participant => "participant",
        Role::Observer => "observer",
    }
}

/// Somebody at a door, in a table.
#[derive(Clone, Debug, Serialize)]
pub struct WaiterRow {
    pub room: String,
    pub room_title: String,
    pub name: String,
    pub since_unix_ms: Stamp,
}

impl WaiterRow {
    pub fn of_room(room: &RoomReport) -> impl Iterator<Item = WaiterRow> {
        room.waiting.iter().map(|waiter| WaiterRow {
            room: room.slug.clone(),
            room_title: room.title.clone(),
            name: waiter.name.clone(),
            since_unix_ms: Stamp(waiter.since_ms),
        })
    }
}

/// People at doors that the page lists.
const WAITERS_SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "admin/people.html")]
struct PeoplePage<'a> {
    frame: Frame,
    which: &'a WhichPeople,
    found: usize,
    view: Rows<PersonRow>,
    waiting: Vec<WaiterRow>,
    silent: &'a [String],
}

impl PeoplePage<'_> {
    fn roles(&self) -> [&'static str; 5] {
        [
            Role::Host,
            Role::CoHost,
            Role::Presenter,
            Role::Participant,
            Role::Observer,
        ]
        .map(role_name)
    }

    fn qualities(&self) -> [&'static str; 4] {
        ["good", "fair", "poor", "unknown"]
    }
}

#[derive(Deserialize)]
pub struct WhichPeople {
    #[serde(default)]
    name: String,
    #[serde(default)]
    room: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    quality: String,
    #[serde(default)]
    page: String,
}

impl WhichPeople {
    fn includes(&self, person: &PersonRow) -> bool {
        let room = holds(&person.room, &self.room) || holds(&person.room_title, &self.room);
        let chosen = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        room && holds(&person.name, &self.name)
            && chosen(&self.role, person.role_name())
            && chosen(&self.quality, person.quality_name())
    }
}

impl WhichPeople {
    /// Who waits has no role and no quality yet.
    fn waits(&self, waiter: &WaiterRow) -> bool {
        let room = holds(&waiter.room, &self.room) || holds(&waiter.room_title, &self.room);
        room && holds(&waiter.name, &self.name) && self.role.is_empty() && self.quality.is_empty()
    }
}

/// `GET /admin/people`
pub async fn page(
    operator: Operator,
    which: web::Query<WhichPeople>,
    said: web::Query<Said>,
) -> Answer {
    let described = describe_rooms(&operator.state).await?;
    let people: Vec<_> = described
        .rooms
        .iter()
        .flat_map(PersonRow::of_room)
        .filter(|person| which.includes(person))
        .collect();
    if operator.json {
        return Ok(HttpResponse::Ok().json(people));
    }
    let waiting = described.rooms.iter().flat_map(WaiterRow::of_room);
    let waiting = waiting.filter(|waiter| which.waits(waiter));
    let page = PeoplePage {
        waiting: waiting.take(WAITERS_SHOWN).collect(),
        frame: Frame::new(&operator, "/admin/people", "People").saying(&said),
        found: people.len(),
        view: Rows::of(people, &which.page),
        which: &which,
        silent: &described.silent,
    };
    html(StatusCode::OK, &page)
}
