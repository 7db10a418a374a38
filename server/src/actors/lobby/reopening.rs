//! Opening a room again that has ended.

use actix::prelude::*;
use conclave_core::room::Room;
use conclave_wire::{Refusal, RefusalCode};

use super::{LobbyActor, ReopenRoom, RoomOpened, refusal_of};
use crate::auth::token;

impl Handler<ReopenRoom> for LobbyActor {
    type Result = ResponseActFuture<Self, Result<RoomOpened, Refusal>>;

    fn handle(
        &mut self,
        ReopenRoom { slug, host_key }: ReopenRoom,
        _: &mut Self::Context,
    ) -> Self::Result {
        if let Err(code) = self.claim_again(&slug) {
            return Box::pin(fut::ready(Err(code.into())));
        }
        let now = self.services.clock.both();
        let key = token::hash(&host_key);
        let stored = self.services.store.reopen(&slug, key, now.unix_ms);
        Box::pin(stored.into_actor(self).map(move |stored, actor, ctx| {
            actor.opening.remove(&slug);
            let stored = stored.map_err(|error| refusal_of(&error))??;
            let (now, limits) = (actor.services.clock.both(), actor.limits_of(&slug));
            let room = Room::restore(stored, token::random_u32(), limits, now);
            let room = actor.start_room(room, ctx);
            tracing::info!("a room is open again");
            Ok(RoomOpened {
                slug,
                host_key,
                room,
            })
        }))
    }
}

impl LobbyActor {
    fn claim_again(&mut self, slug: &str) -> Result<(), RefusalCode> {
        if self.stopping {
            return Err(RefusalCode::Stopping);
        }
        if self.rooms.len() + self.opening.len() >= self.services.limits.rooms_max as usize {
            return Err(RefusalCode::TooManyRooms);
        }
        if self.rooms.contains_key(slug) || !self.opening.insert(slug.to_owned()) {
            return Err(RefusalCode::SlugTaken);
        }
        Ok(())
    }
}
