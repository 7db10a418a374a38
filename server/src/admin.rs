//! The operator's pages: who may see them, what they show, what they let be done, and the log of all that.
//!
//! Pages work without scripts; what is live is added by one. Whatever they need of rooms comes by
//! messages, and every order goes through the rules.

mod assets;
pub mod audit;
mod bars;
mod brand;
pub mod chart;
pub mod guard;
mod interface;
mod live;
pub mod machine;
mod pages;
mod refused;
mod request;
mod sampler;
pub mod samples;
pub mod stop;

use std::{path::Path, sync::Arc};

use actix_web::{Scope, middleware::from_fn, web};
use tokio::sync::Semaphore;

use crate::{clock::Clock, server::AppState, store::Store};

pub use guard::GuardError;
pub use live::LIVE_PAGES_MAX;
pub use refused::Refused;
pub use request::COOKIE;

use audit::Audit;
use guard::Guard;
use request::{dress, refuse_page};
use samples::Samples;
use stop::Stopping;

/// What the operator's pages have for themselves.
pub struct Admin {
    pub guard: Guard,
    pub audit: Audit,
    pub samples: Samples,
    pub stopping: Stopping,
    pub live_pages: Arc<Semaphore>,
}

impl Admin {
    /// Also gives the token of the one-time link, unless there is a password already.
    ///
    /// # Errors
    /// When the data folder or the store cannot be read.
    pub async fn open(
        data: &Path,
        store: &Store,
        clock: Clock,
    ) -> Result<(Admin, Option<String>), GuardError> {
        let (guard, setup_token) = Guard::open(data, store.clone(), clock).await?;
        let admin = Admin {
            guard,
            audit: Audit::new(store.clone(), clock),
            samples: Samples::default(),
            stopping: Stopping::default(),
            live_pages: Arc::new(Semaphore::new(LIVE_PAGES_MAX)),
        };
        Ok((admin, setup_token))
    }
}

/// What goes on whether a page is open or not, until the server's system ends.
pub fn spawn(state: &Arc<AppState>) {
    actix_rt::spawn(sampler::run(state.clone()));
    actix_rt::spawn(stop::run(state.clone()));
}

/// All pages, below `/admin`.
pub fn routes(cfg: &mut web::ServiceConfig) {
    let queries = web::QueryConfig::default().error_handler(|_, _| Refused::FormUnreadable.into());
    let paths = web::PathConfig::default().error_handler(|_, _| Refused::PageUnknown.into());
    let scope = web::scope("/admin").app_data(queries).app_data(paths);
    let scope = interface::resources().fold(scope, |scope: Scope, page| scope.service(page));
    cfg.service(
        scope
            .default_service(web::to(refuse_page))
            .wrap(from_fn(dress)),
    );
}
