//! Puts the parts together: one process, in one call, stopped in order.

use std::sync::Arc;

use actix::Addr;

use crate::{
    actors::lobby::LobbyActor,
    auth::{identity::Identity, password::PasswordChecker},
    clock::Clock,
    config::Config,
    files::Uploads,
    media::sessions::MediaSessions,
    store::Store,
};

/// What every way in may reach, as `web::Data<Arc<AppState>>`.
pub struct AppState {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub lobby: Addr<LobbyActor>,
    pub sessions: MediaSessions,
    pub store: Store,
    pub uploads: Uploads,
    pub passwords: PasswordChecker,
    pub identity: Arc<Identity>,
}
