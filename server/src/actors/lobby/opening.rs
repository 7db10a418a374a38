//! Opening a room: its address is checked and claimed, its password hashed, its opening stored.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use actix::prelude::*;
use conclave_core::room::{
    Effect, Opening, Outbox, Record, Room, Slug, Title, check_settings, check_time_limit, text,
};
use conclave_wire::{Refusal, RefusalCode, Template, http};

use super::{CreateRoom, LobbyActor, RoomOpened, refusal_of};
use crate::{actors::room::RoomStore, auth::token};

/// Characters behind a slug that would not be unique: base 16, so 24 bits.
const SUFFIX_BYTES: usize = 3;

/// A room whose address is claimed.
struct Claim {
    slug: Slug,
    title: Title,
    room: http::CreateRoom,
}

impl Handler<CreateRoom> for LobbyActor {
    type Result = ResponseActFuture<Self, Result<RoomOpened, Refusal>>;

    fn handle(
        &mut self,
        CreateRoom { room, after_ended }: CreateRoom,
        _: &mut Self::Context,
    ) -> Self::Result {
        let store = self.services.store.clone();
        let checked = set_up(store, room).into_actor(self);
        let checked = checked.map(|room, actor, _| {
            let mut room = room?;
            let members_max = actor.services.limits.room.members_max;
            if room.template.is_some() {
                room.settings.members_max = room.settings.members_max.min(members_max);
            }
            let (title, wish) = actor.check(&room)?;
            Ok((title, wish, room))
        });
        let claimed = checked.then(
            move |checked: Result<(Title, Slug, http::CreateRoom), RefusalCode>, actor, _| {
                let store = actor.services.store.clone();
                let ended = async move {
                    let (title, wish, room) = checked?;
                    let ended = store.ended(wish.as_str()).await;
                    let ended = ended.map_err(|error| refusal_of(&error))?;
                    Ok((title, wish, room, ended.is_some()))
                };
                ended.into_actor(actor).map(move |found, actor, _| {
                    let (title, wish, room, ended): (_, Slug, http::CreateRoom, _) = found?;
                    let slug = actor.claim(wish, ended && !after_ended, room.slug.is_some())?;
                    Ok(Claim { slug, title, room })
                })
            },
        );
        let opened = claimed.then(|claim: Result<Claim, RefusalCode>, actor, _| {
            let passwords = actor.services.passwords.clone();
            let hashed = async move {
                let claim = claim?;
                let hash = match &claim.room.password {
                    Some(password) => Some(passwords.hash(password).await),
                    None => None,
                };
                Ok((claim, hash.transpose()))
            };
            hashed
                .into_actor(actor)
                .then(|hashed, actor, _| actor.open_claimed(hashed))
        });
        Box::pin(opened)
    }
}

impl LobbyActor {
    /// What can be refused at once; the slug that is wished for.
    fn check(&self, room: &http::CreateRoom) -> Result<(Title, Slug), RefusalCode> {
        if self.stopping {
            return Err(RefusalCode::Stopping);
        }
        if self.rooms.len() + self.opening.len() >= self.services.limits.rooms_max as usize {
            return Err(RefusalCode::TooManyRooms);
        }
        let title = Title::parse(&room.title)?;
        let slug = match &room.slug {
            Some(slug) => Slug::parse(slug)?,
            None => Slug::from_title(&title),
        };
        if let Some(password) = &room.password {
            text::check_password(password)?;
        }
        check_settings(&room.settings, self.services.limits.room.members_max)?;
        check_time_limit(room.time_limit_ms.map(Duration::from_millis))?;
        Ok((title, slug))
    }

    /// Claims the address that was wished for; one that was only made from the title gets something
    /// behind it when it is taken.
    fn claim(&mut self, wish: Slug, kept: bool, on_purpose: bool) -> Result<Slug, RefusalCode> {
        let taken = |slug: &Slug, opening: &BTreeSet<String>| {
            self.rooms.contains_key(slug.as_str()) || opening.contains(slug.as_str())
        };
        let slug = match kept || taken(&wish, &self.opening) {
            false => wish,
            true if on_purpose => return Err(RefusalCode::SlugTaken),
            true => {
                let suffix = Slug::parse(&hex::encode(token::random_bytes::<SUFFIX_BYTES>()))?;
                wish.with_suffix(&suffix)
            }
        };
        if self.rooms.len() + self.opening.len() >= self.services.limits.rooms_max as usize {
            return Err(RefusalCode::TooManyRooms);
        }
        match taken(&slug, &self.opening) || self.stopping {
            true => Err(RefusalCode::SlugTaken),
            false => {
                self.opening.insert(slug.as_str().to_owned());
                Ok(slug)
            }
        }
    }

    /// Opens the room, stores that, and starts its actor. The claim ends either way.
    fn open_claimed(
        &mut self,
        claimed: Result<(Claim, Result<Option<String>, RefusalCode>), RefusalCode>,
    ) -> ResponseActFuture<Self, Result<RoomOpened, Refusal>> {
        let (claim, hash) = match claimed {
            Ok(claimed) => claimed,
            Err(code) => return Box::pin(fut::ready(Err(code.into()))),
        };
        let slug = claim.slug.as_str().to_owned();
        let host_key = token::draw();
        let opened = hash.and_then(|password_hash| {
            let opening = Opening {
                slug: claim.slug,
                title: claim.title,
                settings: claim.room.settings,
                password_hash,
                host_key_hash: token::hash(&host_key),
                time_limit: claim.room.time_limit_ms.map(Duration::from_millis),
            };
            let (now, limits) = (self.services.clock.both(), self.limits_of(&slug));
            let mut out = Outbox::new();
            let room = Room::open(opening, token::random_u32(), limits, now, &mut out)?;
            Ok((room, out))
        });
        let (room, out) = match opened {
            Ok(opened) => opened,
            Err(code) => {
                self.opening.remove(&slug);
                return Box::pin(fut::ready(Err(code.into())));
            }
        };
        let written = self
            .services
            .store
            .write(&slug, records(out))
            .into_actor(self);
        Box::pin(written.map(move |written, actor, ctx| {
            actor.opening.remove(&slug);
            written.map_err(|error| refusal_of(&error))?;
            let room = actor.start_room(room, ctx);
            tracing::info!("a room is open");
            tracing::debug!(room = slug, "it is open");
            Ok(RoomOpened {
                slug,
                host_key,
                room,
            })
        }))
    }
}

/// The same with the settings of its template, if it names one.
async fn set_up(
    store: Arc<dyn RoomStore>,
    room: http::CreateRoom,
) -> Result<http::CreateRoom, RefusalCode> {
    let Some(name) = &room.template else {
        return Ok(room);
    };
    let mut known = Template::builtin();
    if !Template::is_builtin(name) {
        known = store
            .templates()
            .await
            .map_err(|error| refusal_of(&error))?;
    }
    let template = known.into_iter().find(|template| template.name == *name);
    let template = template.ok_or(RefusalCode::NoSuchTemplate)?;
    Ok(http::CreateRoom {
        settings: template.settings,
        time_limit_ms: room.time_limit_ms.or(template.time_limit_ms),
        ..room
    })
}

/// A room that opens has nothing to say but that.
fn records(out: Outbox) -> Vec<Record> {
    let record = |effect| match effect {
        Effect::Record(record) => Some(record),
        _ => None,
    };
    out.into_iter().filter_map(record).collect()
}
