//! The load: its threads, its clock, and people who are as light as can be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use conclave_client::{
    link::{dial::Dialer, http::HttpClient, invite::Invite},
    media::clock::MediaClock,
};
use conclave_wire::{RoomState, ServerMessage, Settings, http::CreateRoom};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    Outcome,
    light::{self, Newcomer, Seat},
    process,
    served::Served,
};

/// People who come in at the same time.
const JOINING_MAX: usize = 16;

/// Threads of the load: one for control links, one for media, so that a burst of words delays no packet.
pub struct Load {
    control: Runtime,
    media: Runtime,
    pub clock: MediaClock,
    pub quick: bool,
}

impl Load {
    pub fn start(quick: bool) -> Outcome<Load> {
        process::raise_open_files()?;
        let runtime = |name: &str| {
            Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name(name)
                .enable_all()
                .build()
        };
        Ok(Load {
            control: runtime("control links")?,
            media: runtime("media")?,
            clock: MediaClock::start(),
            quick,
        })
    }

    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.control.block_on(work)
    }

    pub fn media(&self) -> &Handle {
        self.media.handle()
    }

    /// How long or how many, in a whole run and in a quick one.
    pub fn scale<T>(&self, whole: T, quick: T) -> T {
        match self.quick {
            true => quick,
            false => whole,
        }
    }

    /// The way to a server.
    pub fn to(&self, served: &Served) -> Outcome<Way> {
        let dialer = Dialer::new(&served.host)?;
        Ok(Way {
            http: HttpClient::new(dialer.clone()),
            dialer,
            invite: served.host.clone(),
            lost: Arc::default(),
        })
    }
}

/// A server as the load sees it.
#[derive(Clone)]
pub struct Way {
    pub http: HttpClient,
    pub dialer: Dialer,
    pub invite: Invite,
    lost: Arc<AtomicU64>,
}

impl Way {
    /// A room for so many; the invite makes its holder host.
    pub async fn room(&self, slug: &str, members_max: u32) -> Outcome<Invite> {
        let room = CreateRoom {
            title: slug.to_owned(),
            slug: Some(slug.to_owned()),
            settings: Settings {
                members_max,
                present_by_asking: false,
                ..Settings::default()
            },
            ..CreateRoom::default()
        };
        let created = self.http.create_room(&room).await?;
        Ok(self.invite.for_room(&created.slug, Some(created.host_key)))
    }

    /// Rooms with these names, several at a time.
    pub async fn rooms(&self, slugs: &[String], members_max: u32) -> Outcome<()> {
        let making = stream::iter(slugs).map(|slug| self.room(slug, members_max));
        making
            .buffer_unordered(JOINING_MAX)
            .try_for_each(|_| async { Ok(()) })
            .await
    }

    /// One person who hears nothing.
    pub async fn person(&self, slug: &str, name: &str) -> Outcome<Seat> {
        self.hearing(slug, name, |_: &ServerMessage| {}).await
    }

    /// One person; `hear` is given every message as soon as it is read.
    pub async fn hearing(
        &self,
        slug: &str,
        name: &str,
        hear: impl FnMut(&ServerMessage) + Send + 'static,
    ) -> Outcome<Seat> {
        let who = Newcomer {
            slug,
            name,
            password: None,
        };
        Seat::join(&self.dialer, who, self.lost.clone(), hear).await
    }

    /// One person who has to say the password, and hears nothing.
    pub async fn with_password(&self, slug: &str, name: &str, password: &str) -> Outcome<Seat> {
        let who = Newcomer {
            slug,
            name,
            password: Some(password),
        };
        Seat::join(&self.dialer, who, self.lost.clone(), |_: &ServerMessage| {}).await
    }

    /// What a newcomer sees, who goes again at once.
    pub async fn snapshot(&self, slug: &str, name: &str) -> Outcome<RoomState> {
        let who = Newcomer {
            slug,
            name,
            password: None,
        };
        light::look(&self.dialer, who).await
    }

    /// So many people who hear nothing, each in the room that `slug_of` names.
    pub async fn people(
        &self,
        count: usize,
        slug_of: impl Fn(usize) -> String,
    ) -> Outcome<Vec<Seat>> {
        let joining = (0..count).map(|index| (slug_of(index), format!("Person {index}")));
        stream::iter(joining)
            .map(|(slug, name)| async move { self.person(&slug, &name).await })
            .buffer_unordered(JOINING_MAX)
            .try_collect()
            .await
    }

    /// Nobody's control link may have been lost.
    pub fn check(&self) -> Outcome<()> {
        match self.lost.load(Ordering::Relaxed) {
            0 => Ok(()),
            lost => Err(format!("{lost} control links were lost").into()),
        }
    }
}

/// Lets things settle, or go on for a while.
pub async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
