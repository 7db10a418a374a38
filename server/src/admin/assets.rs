//! The style, the script and the icon of the operator's pages, built into the program.

use actix_web::{HttpResponse, http::header, web};

use super::refused::Refused;

const STYLE: &str = include_str!("../../assets/admin.css");
const ICON: &str = include_str!("../../assets/admin.svg");
const SCRIPT: &str = include_str!("../../assets/admin.js");

/// `GET /admin/assets/{file}`: everybody may have them, they say nothing.
pub async fn get(file: web::Path<String>) -> Result<HttpResponse, Refused> {
    let (kind, text) = match file.as_str() {
        "admin.css" => ("text/css; charset=utf-8", STYLE),
        "admin.svg" => ("image/svg+xml", ICON),
        "admin.js" => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return Err(Refused::PageUnknown),
    };
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "max-age=300"))
        .body(text))
}
