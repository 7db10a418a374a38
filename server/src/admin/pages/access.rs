//! Who may operate: sessions, the password, the token of scripts.

use actix_web::web;
use askama::Template;
use serde::{Deserialize, Serialize};

use super::{
    Answer, answer, done,
    frame::{Done, Frame, Said},
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
    view: Access,
    password_chars_min: usize,
}

#[derive(Serialize)]
struct Access {
    sessions: Vec<SessionRow>,
    has_token: bool,
    /// A token that was just made; it is never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Serialize)]
struct SessionRow {
    operator: String,
    opened_unix_ms: Stamp,
    seen_unix_ms: Stamp,
    ends_unix_ms: Stamp,
    /// Of who asks.
    own: bool,
}

/// `GET /admin/access`
pub async fn page(operator: Operator, said: web::Query<Said>) -> Answer {
    show(&operator, &said, None)
}

fn show(operator: &Operator, said: &Said, token: Option<String>) -> Answer {
    let guard = &operator.state.admin.guard;
    let own = operator.who.session();
    let sessions = guard
        .sessions()
        .into_iter()
        .map(|(hash, session)| SessionRow {
            operator: session.operator,
            opened_unix_ms: Stamp(session.opened_unix_ms),
            seen_unix_ms: Stamp(session.seen_unix_ms),
            ends_unix_ms: Stamp(session.ends_unix_ms),
            own: own == Some(&hash),
        });
    let mut sessions: Vec<_> = sessions.collect();
    sessions.sort_by_key(|session| session.opened_unix_ms);
    let page = AccessPage {
        frame: Frame::new(operator, "/admin/access", "Access").saying(said),
        view: Access {
            sessions,
            has_token: guard.has_script_token(),
            token,
        },
        password_chars_min: PASSWORD_CHARS_MIN,
    };
    answer(operator, &page, &page.view)
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
    show(&operator, &Said::default(), Some(token))
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
