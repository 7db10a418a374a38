//! One actor per server: it knows the rooms by their slug, opens them and lets them go.

mod messages;
mod opening;
mod operator;
mod reopening;
mod visiting;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use conclave_core::room::{Room, Slug};
use conclave_wire::{Refusal, RefusalCode, SharedFile, Template};

pub use messages::*;
pub use operator::{DescribeRooms, RoomsDescribed};
pub use visiting::VisitRoom;

use crate::{
    actors::room::{RoomActor, RoomClosed, RoomLimits, RoomServices, RoomStore, StopRoom},
    auth::{password::PasswordChecker, token},
    clock::{Clock, unix_ms},
    files::Uploads,
    media::sessions::MediaSessions,
    store::StoreError,
};

/// Messages that wait for the lobby.
pub const LOBBY_MAILBOX_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LobbyLimits {
    /// Rooms that are open at once.
    pub rooms_max: u32,
    /// Whether a link that is visited opens its room.
    pub visited_links_open_rooms: bool,
    /// Of each room.
    pub room: RoomLimits,
}

impl Default for LobbyLimits {
    fn default() -> LobbyLimits {
        LobbyLimits {
            rooms_max: 2_000,
            visited_links_open_rooms: false,
            room: RoomLimits::default(),
        }
    }
}

/// What the lobby and its rooms need of the server.
#[derive(Clone)]
pub struct LobbyServices {
    pub clock: Clock,
    pub store: Arc<dyn RoomStore>,
    pub sessions: MediaSessions,
    pub passwords: PasswordChecker,
    pub uploads: Uploads,
    pub limits: LobbyLimits,
    /// The operator's own room, which waits for people for ever. Empty for none.
    pub first_room: String,
    /// Rooms take turns on these; at least one of each.
    pub room_arbiters: Vec<ArbiterHandle>,
    pub media_arbiters: Vec<ArbiterHandle>,
}

pub struct LobbyActor {
    services: LobbyServices,
    rooms: BTreeMap<String, OpenRoom>,
    /// Slugs of rooms that are being opened.
    opening: BTreeSet<String>,
    /// Rooms opened so far; says whose turn it is among the arbiters.
    opened: usize,
    stopping: bool,
}

impl LobbyActor {
    pub fn open(services: LobbyServices) -> LobbyActor {
        LobbyActor {
            services,
            rooms: BTreeMap::new(),
            opening: BTreeSet::new(),
            opened: 0,
            stopping: false,
        }
    }

    fn limits_of(&self, slug: &str) -> RoomLimits {
        let limits = self.services.limits.room;
        match slug == self.services.first_room {
            true => RoomLimits {
                idle_max: Duration::MAX,
                ..limits
            },
            false => limits,
        }
    }

    fn start_room(&mut self, room: Room, ctx: &mut Context<Self>) -> Addr<RoomActor> {
        let services = &self.services;
        let turn = |arbiters: &[ArbiterHandle]| arbiters[self.opened % arbiters.len()].clone();
        let arbiter = turn(&services.room_arbiters);
        let room_services = RoomServices {
            clock: services.clock,
            store: services.store.clone(),
            sessions: services.sessions.clone(),
            passwords: services.passwords.clone(),
            uploads: services.uploads.clone(),
            media_arbiter: turn(&services.media_arbiters),
            closed: ctx.address().recipient(),
        };
        self.opened += 1;
        let (slug, title) = (room.slug().to_owned(), room.look().title);
        let addr =
            RoomActor::start_in_arbiter(&arbiter, move |_| RoomActor::open(room, room_services));
        let open = OpenRoom {
            slug: slug.clone(),
            title,
            room: addr.clone(),
        };
        self.rooms.insert(slug, open);
        addr
    }
}

impl Actor for LobbyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(LOBBY_MAILBOX_MAX);
    }
}

impl Handler<FindRoom> for LobbyActor {
    type Result = ResponseFuture<Result<Addr<RoomActor>, Refusal>>;

    fn handle(&mut self, FindRoom { slug }: FindRoom, _: &mut Self::Context) -> Self::Result {
        if self.stopping {
            return refused(RefusalCode::Stopping);
        }
        if let Some(open) = self.rooms.get(&slug) {
            let room = open.room.clone();
            return Box::pin(async move { Ok(room) });
        }
        if Slug::parse(&slug).is_err() {
            return refused(RefusalCode::RoomNotFound);
        }
        let ended = self.services.store.ended(&slug);
        Box::pin(async move {
            let code = match ended.await {
                Ok(Some(_)) => RefusalCode::RoomEnded,
                Ok(None) => RefusalCode::RoomNotFound,
                Err(error) => refusal_of(&error),
            };
            Err(code.into())
        })
    }
}

impl Handler<ListRooms> for LobbyActor {
    type Result = MessageResult<ListRooms>;

    fn handle(&mut self, _: ListRooms, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.rooms.values().cloned().collect())
    }
}

impl Handler<ListTemplates> for LobbyActor {
    type Result = ResponseFuture<Result<Vec<Template>, Refusal>>;

    fn handle(&mut self, _: ListTemplates, _: &mut Self::Context) -> Self::Result {
        let saved = self.services.store.templates();
        Box::pin(async move {
            let saved = saved.await.map_err(|error| refusal_of(&error))?;
            Ok(Template::builtin().into_iter().chain(saved).collect())
        })
    }
}

impl Handler<RestoreRooms> for LobbyActor {
    type Result = ResponseActFuture<Self, Result<usize, Refusal>>;

    fn handle(&mut self, _: RestoreRooms, _: &mut Self::Context) -> Self::Result {
        let stored = self.services.store.open_rooms().into_actor(self);
        Box::pin(stored.map(|stored, actor, ctx| {
            let stored = stored.map_err(|error| refusal_of(&error))?;
            let rooms = stored.len();
            for stored in stored {
                let now = actor.services.clock.both();
                let limits = actor.limits_of(&stored.slug);
                let room = Room::restore(stored, token::random_u32(), limits, now);
                actor.start_room(room, ctx);
            }
            tracing::info!(rooms, "rooms are open again");
            Ok(rooms)
        }))
    }
}

impl Handler<FindShareToken> for LobbyActor {
    type Result = ResponseFuture<Result<(String, SharedFile), Refusal>>;

    fn handle(
        &mut self,
        FindShareToken { token }: FindShareToken,
        _: &mut Self::Context,
    ) -> Self::Result {
        let found = self.services.store.shared_by_token(&token);
        Box::pin(async move {
            let found = found.await.map_err(|error| refusal_of(&error))?;
            found.ok_or_else(|| RefusalCode::FileNotFound.into())
        })
    }
}

impl Handler<RoomClosed> for LobbyActor {
    type Result = ();

    fn handle(&mut self, RoomClosed { slug, ended }: RoomClosed, _: &mut Self::Context) {
        self.rooms.remove(&slug);
        if ended.is_some() {
            let services = &self.services;
            // Some rooms keep nothing beyond their end.
            actix_rt::spawn(purge(services.store.clone(), services.uploads.clone()));
        }
    }
}

impl Handler<StopAll> for LobbyActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, StopAll { reason, text }: StopAll, _: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        let stops: Vec<_> = self
            .rooms
            .values()
            .map(|open| {
                open.room.send(StopRoom {
                    reason,
                    text: text.clone(),
                })
            })
            .collect();
        Box::pin(async move {
            for stop in stops {
                // A room that is over already has told everybody.
                stop.await.ok();
            }
        })
    }
}

/// Removes uploads that nobody goes on with, what is kept of rooms whose time is over, and the files
/// that only they had.
pub async fn purge(store: Arc<dyn RoomStore>, uploads: Uploads) {
    let idle = uploads.clone();
    let forgotten = actix_rt::task::spawn_blocking(move || idle.forget_idle());
    forgotten.await.ok();
    let unreferenced = match store.purge(unix_ms()).await {
        Ok(unreferenced) => unreferenced,
        Err(error) => {
            tracing::warn!(%error, "rooms past their time were not removed");
            return;
        }
    };
    let removed = actix_rt::task::spawn_blocking(move || {
        for file in unreferenced {
            let hold = uploads.shelf().hold(&file.slug, &file.sha256);
            uploads.remove_file(hold, file.size_bytes);
        }
    });
    removed.await.ok();
}

fn refused<T: 'static>(code: RefusalCode) -> ResponseFuture<Result<T, Refusal>> {
    Box::pin(async move { Err(code.into()) })
}

fn refusal_of(error: &StoreError) -> RefusalCode {
    tracing::error!(%error, "the database did not do what the lobby needs");
    error.refusal()
}
