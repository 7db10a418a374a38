//! A request on its way to a page: who sends it, from where, and whether its form is theirs.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderValue},
    middleware::Next,
    web,
};
use futures_util::StreamExt;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    audit::Act,
    guard::{Proof, Who},
    refused::Refused,
};
use crate::{
    auth::token,
    gateway::upgrade::{client_of, is_same_host},
    server::AppState,
};

pub type State = web::Data<Arc<AppState>>;

/// The cookie of a session. A name that begins so is sent over TLS only, and set by this host alone
/// (RFC 6265bis section 4.1.3.2).
pub const COOKIE: &str = "__Host-conclave-operator";
/// Longest form, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1_024;
/// A form must have come after so long.
const FORM_DEADLINE: Duration = Duration::from_secs(10);

/// Somebody who may operate, and sees this page.
pub struct Operator {
    pub who: Who,
    pub address: IpAddr,
    pub state: State,
    /// A script asked, which wants JSON.
    pub json: bool,
}

impl Operator {
    /// What must stand in a form on this page.
    pub fn csrf(&self) -> String {
        match &self.who.by {
            Proof::Session { csrf, .. } => csrf.clone(),
            Proof::Token => String::new(),
        }
    }

    /// Does something, and enters it into the audit log, whatever comes of it.
    pub async fn carry_out<T>(
        &self,
        act: Act,
        work: impl Future<Output = Result<T, Refused>>,
    ) -> Result<T, Refused> {
        let done = work.await;
        let outcome = match &done {
            Ok(_) => "done".to_owned(),
            Err(refused) => refused.code(),
        };
        let audit = &self.state.admin.audit;
        audit
            .enter(&self.who.name, self.address, act, &outcome)
            .await;
        done
    }

    fn of(request: &HttpRequest) -> Result<Operator, Refused> {
        let state = state(request)?;
        let address = address(request)?;
        let guard = &state.admin.guard;
        let who = match (bearer(request.headers()), cookie(request.headers())) {
            _ if !guard.is_set_up() => Err(Refused::NotSetUp),
            (Some(token), _) => guard.by_token(token).ok_or(Refused::TokenWrong),
            (None, Some(cookie)) => guard.by_cookie(cookie).ok_or(Refused::SessionNeeded),
            (None, None) => Err(Refused::SessionNeeded),
        };
        match who {
            Ok(who) => Ok(Operator {
                who,
                address,
                json: wants_json(request.headers()),
                state,
            }),
            Err(refused) => {
                let act = tried(request);
                state.admin.audit.refused(address, act, &refused.code());
                Err(refused)
            }
        }
    }

    /// Whether the request may change something, as far as its head can tell.
    fn may_change(&self, request: &HttpRequest) -> Result<(), Refused> {
        match &self.who.by {
            Proof::Session { .. } => check_origin(request),
            Proof::Token => Ok(()),
        }
    }
}

impl FromRequest for Operator {
    type Error = Refused;
    type Future = std::future::Ready<Result<Operator, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Operator::of(request))
    }
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub struct Nothing {}

/// A form of an operator, whose session, origin and form token are right.
pub struct Order<T> {
    pub operator: Operator,
    pub form: T,
}

#[derive(Deserialize)]
struct FormToken {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned + 'static> FromRequest for Order<T> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Order<T>, Refused>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), payload.take());
        Box::pin(async move {
            let operator = Operator::of(&request)?;
            let form = read(&operator, &request, body).await;
            if let Err(refused) = &form {
                let (who, address) = (&operator.who.name, operator.address);
                let audit = &operator.state.admin.audit;
                let act = tried(&request);
                audit.enter(who, address, act, &refused.code()).await;
            }
            Ok(Order {
                form: form?,
                operator,
            })
        })
    }
}

async fn read<T: DeserializeOwned>(
    operator: &Operator,
    request: &HttpRequest,
    body: Payload,
) -> Result<T, Refused> {
    operator.may_change(request)?;
    let text = form_text(body).await?;
    if let Proof::Session { csrf, .. } = &operator.who.by {
        let given = fields::<FormToken>(&text)?.csrf;
        if !token::same(&token::hash(&given), &token::hash(csrf)) {
            return Err(Refused::FormExpired);
        }
    }
    fields(&text)
}

/// A form of somebody who is not signed in; its origin is checked.
pub struct OpenForm<T> {
    pub form: T,
    pub address: IpAddr,
    pub state: State,
}

impl<T: DeserializeOwned + 'static> FromRequest for OpenForm<T> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<OpenForm<T>, Refused>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), payload.take());
        Box::pin(async move {
            let (state, address) = (state(&request)?, address(&request)?);
            let read = async {
                check_origin(&request)?;
                fields(&form_text(body).await?)
            };
            let form = read.await.inspect_err(|refused: &Refused| {
                let audit = &state.admin.audit;
                audit.refused(address, tried(&request), &refused.code());
            })?;
            Ok(OpenForm {
                form,
                address,
                state,
            })
        })
    }
}

/// Middleware: the headers of the operator's pages, and JSON for scripts that were refused something.
pub async fn dress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let json = wants_json(request.headers());
    let mut answer = next.call(request).await?.map_into_boxed_body();
    let refused = answer
        .response()
        .error()
        .and_then(|error| error.as_error::<Refused>())
        .cloned();
    if let Some(refused) = refused.filter(|_| json) {
        let (request, _) = answer.into_parts();
        answer = ServiceResponse::new(request, refused.json());
    }
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    // With `no-referrer` browsers would send forms with the origin `null` (Fetch, section 3.1).
    headers.insert(header::REFERRER_POLICY, REFERRER);
    Ok(answer)
}

const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What an address refuses that knows other methods. Only operators learn that it does.
pub async fn refuse_method(
    request: HttpRequest,
    operator: Operator,
    allow: &'static str,
) -> Result<HttpResponse, Refused> {
    let refused = Refused::MethodRefused { allow };
    let audit = &operator.state.admin.audit;
    let who = &operator.who.name;
    audit
        .enter(who, operator.address, tried(&request), &refused.code())
        .await;
    Err(refused)
}

pub async fn refuse_page(_: Operator) -> Result<HttpResponse, Refused> {
    Err(Refused::PageUnknown)
}

/// A browser says with each form which page it is from; a form that does not say is refused.
fn check_origin(request: &HttpRequest) -> Result<(), Refused> {
    let word = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    match (word(header::ORIGIN), word(header::HOST)) {
        (Some(origin), Some(host)) if is_same_host(origin, host) => Ok(()),
        _ => Err(Refused::OriginRefused),
    }
}

async fn form_text(mut body: Payload) -> Result<String, Refused> {
    let mut bytes = Vec::new();
    let read = async {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| Refused::FormUnreadable)?;
            if bytes.len() + piece.len() > FORM_BYTES_MAX {
                return Err(Refused::FormTooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(())
    };
    tokio::time::timeout(FORM_DEADLINE, read)
        .await
        .map_err(|_| Refused::FormTooSlow)??;
    String::from_utf8(bytes).map_err(|_| Refused::FormUnreadable)
}

fn fields<T: DeserializeOwned>(text: &str) -> Result<T, Refused> {
    web::Query::<T>::from_query(text)
        .map(web::Query::into_inner)
        .map_err(|_| Refused::FormUnreadable)
}

/// What was tried: method and path, without what stands behind `setup/`.
fn tried(request: &HttpRequest) -> Act {
    let path = request.match_pattern();
    let path = path.as_deref().unwrap_or("/admin");
    Act::new("request").on(format!("{} {path}", request.method()))
}

fn state(request: &HttpRequest) -> Result<State, Refused> {
    let state = request.app_data::<State>().cloned();
    state.ok_or_else(|| Refused::failed("no state"))
}

pub(super) fn address(request: &HttpRequest) -> Result<IpAddr, Refused> {
    let state = state(request)?;
    let client = client_of(request, &state);
    client.ok_or_else(|| Refused::failed("no address"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE);
    let pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"))
}
