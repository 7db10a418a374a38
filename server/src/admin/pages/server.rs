//! The server itself: how others find it, and how it is stopped.

use std::fmt::Write;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use fast_qr::QRBuilder;
use serde::{Deserialize, Serialize};

use super::{Answer, answer, frame::Frame, html};
use crate::admin::{
    audit::Act,
    refused::Refused,
    request::{Operator, Order},
    stop::{Stage, StopOrder},
};

/// Light modules round a code (ISO/IEC 18004 section 9.1).
const QUIET_ZONE: usize = 4;

#[derive(Template)]
#[template(path = "admin/server.html")]
struct ServerPage {
    frame: Frame,
    code: String,
    view: About,
}

#[derive(Serialize)]
struct About {
    /// Of the first room.
    link: String,
    fingerprint: String,
    /// Where its certificate is.
    authority: String,
    version: &'static str,
    data: String,
    stage: Stage,
}

#[derive(Template)]
#[template(path = "admin/stopping.html")]
struct StoppingPage {
    frame: Frame,
    stage: Stage,
}

#[derive(Deserialize)]
pub struct Stop {
    /// The name of the server, typed.
    #[serde(default)]
    name: String,
    #[serde(default)]
    reason: String,
    /// Present when files shall go.
    #[serde(default)]
    clear_files: Option<String>,
}

/// `GET /admin/server`
pub async fn page(operator: Operator) -> Answer {
    let state = &operator.state;
    let link = match state.config.first_room.as_str() {
        "" => format!("https://{}/", state.links.authority()),
        room => state.links.join(room),
    };
    let page = ServerPage {
        frame: Frame::new(&operator, "/admin/server", "Server"),
        code: qr_code(&link),
        view: About {
            link,
            fingerprint: state.identity.fingerprint().to_owned(),
            authority: format!("https://{}/authority.crt", state.links.authority()),
            version: env!("CARGO_PKG_VERSION"),
            data: state.config.data.display().to_string(),
            stage: state.admin.stopping.stage(),
        },
    };
    answer(&operator, &page, &page.view)
}

/// `POST /admin/server/stop`. Asked again, it answers how far it is and changes nothing.
pub async fn stop(order: Order<Stop>) -> Answer {
    let Order { operator, form } = order;
    let state = &operator.state;
    let (action, clear_files) = match &form.clear_files {
        Some(_) => ("stop_and_clear", true),
        None => ("stop", false),
    };
    let act = Act::new(action).saying(&form.reason);
    let asked = async {
        if form.name.trim() != state.config.server_name.trim() {
            return Err(Refused::ConfirmationWrong);
        }
        let order = StopOrder {
            reason: form.reason.trim().to_owned(),
            clear_files,
        };
        Ok(match state.admin.stopping.ask(order) {
            Ok(()) => Stage::Telling,
            Err(stage) => stage,
        })
    };
    let stage = operator.carry_out(act, asked).await?;
    if operator.json {
        return Ok(HttpResponse::Accepted().json(serde_json::json!({ "stage": stage })));
    }
    let page = StoppingPage {
        frame: Frame::new(&operator, "/admin/server", "The server stops"),
        stage,
    };
    html(StatusCode::ACCEPTED, &page)
}

/// A link as a QR code: SVG that stands in the page. Empty when the link is too long for one.
pub fn qr_code(link: &str) -> String {
    let Ok(code) = QRBuilder::new(link).build() else {
        return String::new();
    };
    let mut path = String::new();
    for row in 0..code.size {
        for column in 0..code.size {
            if code[row][column].value() {
                // Writing to a string does not fail.
                let _ = write!(
                    path,
                    "M{} {}h1v1h-1z",
                    column + QUIET_ZONE,
                    row + QUIET_ZONE
                );
            }
        }
    }
    let side = code.size + 2 * QUIET_ZONE;
    format!(
        "<svg class=\"code\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code of the link\" \
         shape-rendering=\"crispEdges\"><rect class=\"light\" width=\"{side}\" height=\"{side}\"/>\
         <path class=\"dark\" d=\"{path}\"/></svg>"
    )
}
