//! The style, the script and the icon of the operator's pages, built into the program.

use std::borrow::Cow;

use actix_web::{HttpResponse, http::header, web};

use super::{brand, refused::Refused, request::State};
use crate::gateway::http::server_info;

const STYLE: &str = include_str!("../../assets/admin.css");
const ICON: &str = include_str!("../../assets/admin.svg");
const SCRIPT: &str = include_str!("../../assets/admin.js");

/// `GET /admin/assets/{file}`: everybody may have them, they say nothing.
pub async fn get(file: web::Path<String>, state: State) -> Result<HttpResponse, Refused> {
    let (kind, text) = match file.as_str() {
        "admin.css" => ("text/css; charset=utf-8", STYLE.into()),
        "theme.css" => ("text/css; charset=utf-8", theme(&state)),
        "admin.svg" => ("image/svg+xml", ICON.into()),
        "admin.js" => ("text/javascript; charset=utf-8", SCRIPT.into()),
        // Also where the pages have a port of their own.
        "logo" => return Ok(server_info::logo(state).await),
        _ => return Err(Refused::PageUnknown),
    };
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "max-age=300"))
        .body(text))
}

/// The organisation's colour, if it has one.
fn theme(state: &State) -> Cow<'static, str> {
    let colour = state.config.theme_color.as_deref();
    colour.map(brand::style).unwrap_or_default().into()
}
