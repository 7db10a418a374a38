//! Rooms that open by their link alone (R5), where the operator allows it.

use std::time::Duration;

use actix::prelude::*;
use conclave_core::room::Slug;
use conclave_wire::{Refusal, RefusalCode, Settings, Template, http};

use super::{CreateRoom, FindRoom, LobbyActor};
use crate::actors::room::RoomActor;

/// Who comes while another visitor's room is being opened looks for it again after this time, so often.
const LOOKED_AGAIN: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 40;

/// As [`FindRoom`], for somebody who has opened a room's link: a room that was never there is opened, under
/// the cap on rooms, if the operator allows that.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Addr<RoomActor>, Refusal>")]
pub struct VisitRoom {
    pub slug: String,
}

impl Handler<VisitRoom> for LobbyActor {
    type Result = ResponseFuture<Result<Addr<RoomActor>, Refusal>>;

    fn handle(&mut self, VisitRoom { slug }: VisitRoom, ctx: &mut Self::Context) -> Self::Result {
        let found = self.handle(FindRoom { slug: slug.clone() }, ctx);
        if !self.services.limits.visited_links_open_rooms || Slug::parse(&slug).is_err() {
            return found;
        }
        let lobby = ctx.address();
        Box::pin(async move {
            match found.await {
                Err(refusal) if refusal.code == RefusalCode::RoomNotFound => {
                    open(lobby, slug).await
                }
                found => found,
            }
        })
    }
}

async fn open(lobby: Addr<LobbyActor>, slug: String) -> Result<Addr<RoomActor>, Refusal> {
    let room = CreateRoom {
        room: visited(&slug),
        after_ended: false,
    };
    match asked(lobby.send(room)).await {
        Ok(opened) => return Ok(opened.room),
        Err(refusal) if refusal.code == RefusalCode::SlugTaken => {}
        Err(refusal) => return Err(refusal),
    }
    for _ in 0..LOOKS_MAX {
        let find = FindRoom { slug: slug.clone() };
        match asked(lobby.send(find)).await {
            Err(refusal) if refusal.code == RefusalCode::RoomNotFound => {}
            found => return found,
        }
        tokio::time::sleep(LOOKED_AGAIN).await;
    }
    Err(RefusalCode::Busy.into())
}

async fn asked<T>(
    asked: impl Future<Output = Result<Result<T, Refusal>, MailboxError>>,
) -> Result<T, Refusal> {
    asked
        .await
        .map_err(|_| Refusal::from(RefusalCode::Stopping))?
}

/// An open house in which nobody needs a host, since nobody has the host's key.
fn visited(slug: &str) -> http::CreateRoom {
    let open_house = Template::builtin()
        .into_iter()
        .find(|template| template.name == "open_house");
    let settings = open_house.map_or_else(Settings::default, |template| template.settings);
    http::CreateRoom {
        title: slug.to_owned(),
        slug: Some(slug.to_owned()),
        settings: Settings {
            present_by_asking: false,
            ..settings
        },
        ..http::CreateRoom::default()
    }
}
