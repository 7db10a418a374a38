//! Who may operate: sessions, the password, the token of scripts.

use actix_web::{http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use super::{
    Answer, done,
    frame::{Done, Frame, Said},
    html,
    shown::Stamp,
};
use crate::admin::{
    audit::Act,
    guard::PASSWORD_CHARS_MIN,
    refused::Refused,
    request::{Nothing, Operator, Order},
};

#[derive(Template)]
#[template(path = "admin/access.html")]
struct AccessPage {
    frame: Frame,
    sessions: Vec<SessionRow>,
    has_token: bool,
    /// A token that was just made; it is never shown again.
    token: Option<String>,
    password_chars_min: usize,
}

struct SessionRow {
    operator: String,
    opened: Stamp,
    seen: Stamp,
    ends: Stamp,
    own: bool,
}

/// `GET /admin/access`
pub async fn page(operator: Operator, said: web::Query<Said>) -> Answer {
    html(StatusCode::OK, &view(&operator, &said, None))
}

fn view(operator: &Operator, said: &Said, token: Option<String>) -> AccessPage {
    let guard = &operator.state.admin.guard;
    let own = operator.who.session();
    let sessions = guard
        .sessions()
        .into_iter()
        .map(|(hash, session)| SessionRow {
            operator: session.operator,
            opened: Stamp(session.opened_unix_ms),
            seen: Stamp(session.seen_unix_ms),
            ends: Stamp(session.ends_unix_ms),
            own: own == Some(&hash),
        });
    let mut sessions: Vec<_> = sessions.collect();
    sessions.sort_by_key(|session| session.opened);
    AccessPage {
        frame: Frame::new(operator, "/admin/access", "Access").saying(said),
        sessions,
        has_token: guard.has_script_token(),
        token,
        password_chars_min: PASSWORD_CHARS_MIN,
    }
}

#[derive(Deserialize)]
pub struct NewPassword {
    password: String,
    new: String,
    again: String,
}

/// `POST /admin/access/password`
pub async fn change_password(order: Order<NewPassword>) -> Answer {
    let Order { operator, form } = order;
    let changed = async {
        if form.new != form.again {
            return Err(Refused::PasswordsDiffer);
        }
        let guard = &operator.state.admin.guard;
        guard
            .change_password(&operator.who, operator.address, form.password, form.new)
            .await
    };
    operator
        .carry_out(Act::new("change_password"), changed)
        .await?;
    Ok(done(&operator, "/admin/access", Done::PasswordChanged))
}

/// `POST /admin/access/sign-out-others`
pub async fn sign_out_others(order: Order<Nothing>) -> Answer {
    let operator = order.operator;
    let signed_out = async {
        operator.state.admin.guard.sign_out_others(&operator.who);
        Ok(())
    };
    operator
        .carry_out(Act::new("sign_out_others"), signed_out)
        .await?;
    Ok(done(&operator, "/admin/access", Done::SignedOutOthers))
}

/// `POST /admin/access/token`: shown this once.
pub async fn draw_token(order: Order<Nothing>) -> Answer {
    let operator = order.operator;
    let drawn = async {
        let guard = &operator.state.admin.guard;
        guard.draw_script_token().map_err(Refused::failed)
    };
    let token = operator
        .carry_out(Act::new("make_script_token"), drawn)
        .await?;
    html(
        StatusCode::OK,
        &view(&operator, &Said::default(), Some(token)),
    )
}

/// `POST /admin/access/token/revoke`
pub async fn revoke_token(order: Order<Nothing>) -> Answer {
    let operator = order.operator;
    let revoked = async {
        let guard = &operator.state.admin.guard;
        guard.revoke_script_token().map_err(Refused::failed)
    };
    operator
        .carry_out(Act::new("revoke_script_token"), revoked)
        .await?;
    Ok(done(&operator, "/admin/access", Done::TokenRevoked))
}
