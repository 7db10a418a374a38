//! The interface under `/api`: every endpoint once, with what it takes, gives and refuses. Routes are registered
//! from this table, the document is written from it, and requests are counted by it.

mod document;
mod endpoint;
mod page;
mod schema;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use actix_web::{
    HttpResponse, Route, dev::ServiceRequest, http::Method, http::header, middleware::from_fn, web,
};
use conclave_wire::RefusalCode;

pub use endpoint::{Endpoint, Parameter, ParameterKind, Who};
pub use schema::Shape;

use super::{
    callers::Spend, deadline, files, messages, people, problem::refused, questions, report, rooms,
    server_info, timers, together, watching,
};
use crate::server::AppState;

/// The interface's description of itself.
const OWN: &[Endpoint] = &[
    Endpoint::new("GET", "/api/openapi.json", "describeApi", || {
        web::get().to(openapi)
    })
    .says("Server", "This document, in OpenAPI 3.1.")
    .spends(Spend::Nothing)
    .gives_bytes(200, "application/json"),
    Endpoint::new("GET", "/api/docs", "readApi", || web::get().to(docs))
        .says("Server", "This document as a page.")
        .spends(Spend::Nothing)
        .gives_bytes(200, "text/html"),
];

const ALL: [&[Endpoint]; 11] = [
    rooms::ENDPOINTS,
    people::ENDPOINTS,
    messages::ENDPOINTS,
    questions::ENDPOINTS,
    report::ENDPOINTS,
    timers::ENDPOINTS,
    together::ENDPOINTS,
    files::ENDPOINTS,
    server_info::ENDPOINTS,
    watching::ENDPOINTS,
    OWN,
];

static BY_PLACE: LazyLock<BTreeMap<(&str, &str), &Endpoint>> = LazyLock::new(|| {
    endpoints()
        .map(|endpoint| (endpoint.place(), endpoint))
        .collect()
});

/// All endpoints, in the order of the document.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    ALL.into_iter().flatten()
}

/// All routes of the interface.
pub fn routes(cfg: &mut web::ServiceConfig) {
    register(cfg, endpoints());
}

/// Those that a port of the operator's own has, too.
pub fn health_routes(cfg: &mut web::ServiceConfig) {
    register(cfg, watching::ENDPOINTS.iter());
}

fn register(cfg: &mut web::ServiceConfig, endpoints: impl Iterator<Item = &'static Endpoint>) {
    let mut by_path: Vec<(&str, Vec<&Endpoint>)> = Vec::new();
    for endpoint in endpoints {
        match by_path.iter_mut().find(|(path, _)| *path == endpoint.path) {
            Some((_, of_path)) => of_path.push(endpoint),
            None => by_path.push((endpoint.path, vec![endpoint])),
        }
    }
    for (path, of_path) in by_path {
        let routes = of_path.iter().map(|endpoint| (endpoint.route)());
        let resource = routes.fold(web::resource(path), actix_web::Resource::route);
        match of_path.iter().any(|endpoint| endpoint.takes_its_time) {
            true => cfg.service(resource),
            false => cfg.service(resource.wrap(from_fn(deadline))),
        };
    }
}

/// The endpoint that answers a request.
pub fn endpoint_of(request: &ServiceRequest) -> Option<&'static Endpoint> {
    let pattern = request.match_pattern()?;
    BY_PLACE
        .get(&(request.method().as_str(), pattern.as_str()))
        .copied()
}

/// The methods that a request's path has, as `Allow` names them.
pub fn methods_of(request: &ServiceRequest) -> Option<String> {
    let pattern = request.match_pattern()?;
    let of_path = endpoints().filter(|endpoint| endpoint.path == pattern);
    let methods: Vec<&str> = of_path.map(|endpoint| endpoint.method).collect();
    (!methods.is_empty()).then(|| methods.join(", "))
}

/// A route for a method that is not among `web`'s shortest.
pub(super) fn options() -> Route {
    web::method(Method::OPTIONS)
}

async fn openapi(state: web::Data<Arc<AppState>>) -> HttpResponse {
    let document = document::document(&state.config.server_name);
    HttpResponse::Ok().json(document)
}

async fn docs(state: web::Data<Arc<AppState>>) -> HttpResponse {
    match page::page(&document::document(&state.config.server_name)) {
        Ok(page) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(page),
        Err(error) => {
            tracing::error!(%error, "the page about the interface cannot be written");
            refused(&RefusalCode::Internal.into())
        }
    }
}
