//! The way in: the one-time link, the password; and out again.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use askama::Template;
use serde::Deserialize;

use super::{Answer, html, see_other};
use crate::{
    admin::{
        audit::Act,
        guard::{OPERATOR_CHARS_MAX, PASSWORD_CHARS_MIN, SESSION_LIFE_MS},
        refused::Refused,
        request::{COOKIE, Nothing, OpenForm, Order, State},
    },
    clock::unix_ms,
};

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
struct SignInPage<'a> {
    server_name: &'a str,
    name_chars_max: usize,
}

#[derive(Template)]
#[template(path = "admin/set_up.html")]
struct SetUpPage<'a> {
    server_name: &'a str,
    name_chars_max: usize,
    password_chars_min: usize,
}

#[derive(Deserialize)]
pub struct SignIn {
    #[serde(default)]
    operator: String,
    password: String,
}

#[derive(Deserialize)]
pub struct SetUp {
    #[serde(default)]
    operator: String,
    password: String,
    again: String,
}

/// `GET /admin/sign-in`
pub async fn sign_in_page(state: State) -> Answer {
    if !state.admin.guard.is_set_up() {
        return Err(Refused::NotSetUp);
    }
    let page = SignInPage {
        server_name: &state.config.server_name,
        name_chars_max: OPERATOR_CHARS_MAX,
    };
    html(StatusCode::OK, &page)
}

/// `POST /admin/sign-in`
pub async fn sign_in(given: OpenForm<SignIn>) -> Answer {
    let admin = &given.state.admin;
    let SignIn { operator, password } = given.form;
    let signed_in = admin
        .guard
        .sign_in(given.address, &operator, password)
        .await;
    entered(
        &given.state,
        given.address,
        "sign_in",
        &operator,
        &signed_in,
    )
    .await;
    Ok(let_in(&signed_in?))
}

/// `GET /admin/setup/{token}`. Looking at it does not use it up.
pub async fn set_up_page(token: web::Path<String>, state: State, request: HttpRequest) -> Answer {
    if let Err(refused) = state.admin.guard.check_setup(&token) {
        let address = crate::admin::request::address(&request)?;
        let act = Act::new("set_up");
        state.admin.audit.refused(address, act, &refused.code());
        return Err(refused);
    }
    let page = SetUpPage {
        server_name: &state.config.server_name,
        name_chars_max: OPERATOR_CHARS_MAX,
        password_chars_min: PASSWORD_CHARS_MIN,
    };
    html(StatusCode::OK, &page)
}

/// `POST /admin/setup/{token}`
pub async fn set_up(token: web::Path<String>, given: OpenForm<SetUp>) -> Answer {
    let SetUp {
        operator,
        password,
        again,
    } = given.form;
    let set_up = async {
        given.state.admin.guard.check_setup(&token)?;
        if password != again {
            return Err(Refused::PasswordsDiffer);
        }
        let guard = &given.state.admin.guard;
        guard.set_up(&token, &operator, password).await
    };
    let set_up = set_up.await;
    entered(&given.state, given.address, "set_up", &operator, &set_up).await;
    Ok(let_in(&set_up?))
}

/// `POST /admin/sign-out`
pub async fn sign_out(order: Order<Nothing>) -> Answer {
    let operator = order.operator;
    operator
        .carry_out(Act::new("sign_out"), async {
            if let Some(token_hash) = operator.who.session() {
                operator.state.admin.guard.sign_out(token_hash);
            }
            Ok(())
        })
        .await?;
    let gone = format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
    let mut answer = see_other("/admin/sign-in");
    if let Ok(gone) = header::HeaderValue::from_str(&gone) {
        answer.headers_mut().insert(header::SET_COOKIE, gone);
    }
    Ok(answer)
}

/// Enters who came in into the audit log; who did not is entered without a name.
async fn entered(
    state: &State,
    address: std::net::IpAddr,
    action: &'static str,
    operator: &str,
    came_in: &Result<String, Refused>,
) {
    let audit = &state.admin.audit;
    match came_in {
        Ok(token) => {
            let who = state.admin.guard.by_cookie(token);
            let name = who.map_or_else(|| operator.to_owned(), |who| who.name);
            audit.enter(&name, address, Act::new(action), "done").await;
        }
        Err(refused) => {
            audit.refused(address, Act::new(action), &refused.code());
            if *refused == Refused::PasswordWrong {
                state.alerts.login_failed(unix_ms());
            }
        }
    }
}

fn let_in(token: &str) -> HttpResponse {
    let seconds = SESSION_LIFE_MS / 1_000;
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, "/admin"))
        .insert_header((
            header::SET_COOKIE,
            format!(
                "{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"
            ),
        ))
        .finish()
}
