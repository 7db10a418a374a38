//! The WebSocket for screens.

use actix_web::web;

/// No route yet.
pub fn routes(_: &mut web::ServiceConfig) {}
