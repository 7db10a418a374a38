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
mod live;
pub mod machine;
mod pages;
mod refused;
mod request;
mod sampler;
pub mod samples;
pub mod stop;

use std::{path::Path, sync::Arc};

use actix_web::{Resource, middleware::from_fn, web};
use tokio::sync::Semaphore;

use crate::{clock::Clock, server::AppState, store::Store};

pub use guard::GuardError;
pub use live::LIVE_PAGES_MAX;
pub use refused::Refused;
pub use request::COOKIE;

use audit::Audit;
use guard::Guard;
use pages::{
    access, audit as audit_page, countdowns, logs, meetings, notices, overview, people, quality,
    room, rooms, server, settings, sign_in, statistics, storage,
};
use request::{dress, refuse_method, refuse_page};
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
    cfg.service(
        web::scope("/admin")
            .app_data(queries)
            .app_data(paths)
            .wrap(from_fn(dress))
            .service(
                at("/sign-in", "GET, POST")
                    .route(web::get().to(sign_in::sign_in_page))
                    .route(web::post().to(sign_in::sign_in)),
            )
            .service(
                at("/setup/{token}", "GET, POST")
                    .route(web::get().to(sign_in::set_up_page))
                    .route(web::post().to(sign_in::set_up)),
            )
            .service(at("/assets/{file}", "GET").route(web::get().to(assets::get)))
            .service(at("", "GET").route(web::get().to(overview::page)))
            .service(at("/live", "GET").route(web::get().to(live::figures)))
            .service(
                at("/rooms", "GET, POST")
                    .route(web::get().to(rooms::page))
                    .route(web::post().to(rooms::open)),
            )
            .service(at("/rooms/{slug}", "GET").route(web::get().to(room::page)))
            .service(at("/rooms/{slug}/end", "POST").route(web::post().to(room::end)))
            .service(at("/rooms/{slug}/lock", "POST").route(web::post().to(room::lock)))
            .service(at("/rooms/{slug}/limit", "POST").route(web::post().to(room::limit)))
            .service(at("/rooms/{slug}/people/{id}/kick", "POST").route(web::post().to(room::kick)))
            .service(
                at("/rooms/{slug}/files/{file}/remove", "POST")
                    .route(web::post().to(room::remove_file)),
            )
            .service(at("/people", "GET").route(web::get().to(people::page)))
            .service(
                at("/notices", "GET, POST")
                    .route(web::get().to(notices::page))
                    .route(web::post().to(notices::post)),
            )
            .service(at("/countdowns", "GET").route(web::get().to(countdowns::page)))
            .service(at("/quality", "GET").route(web::get().to(quality::page)))
            .service(at("/meetings", "GET").route(web::get().to(meetings::list)))
            .service(at("/meetings/{room_id}/{opened}", "GET").route(web::get().to(meetings::page)))
            .service(
                at("/meetings/{room_id}/{opened}/report.csv", "GET")
                    .route(web::get().to(meetings::table)),
            )
            .service(at("/statistics", "GET").route(web::get().to(statistics::page)))
            .service(at("/storage", "GET").route(web::get().to(storage::page)))
            .service(
                at("/storage/{room_id}/{file}/remove", "POST")
                    .route(web::post().to(storage::remove)),
            )
            .service(at("/logs", "GET").route(web::get().to(logs::page)))
            .service(at("/logs/live", "GET").route(web::get().to(live::lines)))
            .service(at("/audit", "GET").route(web::get().to(audit_page::page)))
            .service(at("/settings", "GET").route(web::get().to(settings::page)))
            .service(at("/access", "GET").route(web::get().to(access::page)))
            .service(at("/access/password", "POST").route(web::post().to(access::change_password)))
            .service(
                at("/access/sign-out-others", "POST")
                    .route(web::post().to(access::sign_out_others)),
            )
            .service(at("/access/token", "POST").route(web::post().to(access::draw_token)))
            .service(at("/access/token/revoke", "POST").route(web::post().to(access::revoke_token)))
            .service(at("/sign-out", "POST").route(web::post().to(sign_in::sign_out)))
            .service(at("/server", "GET").route(web::get().to(server::page)))
            .service(at("/server/stop", "POST").route(web::post().to(server::stop)))
            .default_service(web::to(refuse_page)),
    );
}

/// A page's address with the methods that it takes; others are refused, and that is entered into the
/// audit log.
fn at(path: &str, allow: &'static str) -> Resource {
    let refuse = move |request, operator| refuse_method(request, operator, allow);
    web::resource(path.to_owned()).default_service(web::to(refuse))
}
