//! Who may operate: the one-time link, the password, sessions, and the token of scripts.

mod gate;
mod secrets;
mod sessions;

use std::{io, net::IpAddr, path::Path};

use crate::{
    admin::refused::Refused,
    auth::token::{self, TokenHash},
    clock::{Clock, unix_ms},
    store::{Store, StoreError},
};

pub use gate::{ATTEMPTS_FREE, FIRST_WAIT, LoginGate, WAIT_MAX};
use secrets::Secrets;
pub use secrets::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use sessions::Sessions;
pub use sessions::{SESSION_IDLE_MS, SESSION_LIFE_MS, Session};

/// What an operator calls themselves, for the audit log.
pub const OPERATOR_CHARS_MAX: usize = 40;
/// Who did not say.
const NAMELESS: &str = "operator";
/// Scripts have no name.
const SCRIPT: &str = "script";

/// Why the guard cannot stand.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    #[error("the operator's password cannot be read: {0}")]
    Secrets(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody who may operate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Who {
    pub name: String,
    pub by: Proof,
}

/// How they have shown it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Proof {
    /// With what must stand in each form that they send.
    Session { token_hash: TokenHash, csrf: String },
    /// A browser sends it to nobody by itself, so that no other site can act with it.
    Token,
}

impl Who {
    pub fn session(&self) -> Option<&TokenHash> {
        match &self.by {
            Proof::Session { token_hash, .. } => Some(token_hash),
            Proof::Token => None,
        }
    }
}

pub struct Guard {
    clock: Clock,
    secrets: Secrets,
    sessions: Sessions,
    gate: LoginGate,
    setup: TokenHash,
    /// The link sets one password, however often it is sent.
    setting_up: tokio::sync::Mutex<()>,
}

impl Guard {
    /// Also gives the token of the one-time link, unless there is a password already.
    ///
    /// # Errors
    /// When the data folder or the store cannot be read.
    pub async fn open(
        data: &Path,
        store: Store,
        clock: Clock,
    ) -> Result<(Guard, Option<String>), GuardError> {
        let secrets = Secrets::open(data)?;
        let sessions = Sessions::load(store, unix_ms()).await?;
        if !secrets.has_password() {
            // Whoever removed the password did not trust it any more.
            sessions.close_others(None);
        }
        let setup_token = token::draw();
        let guard = Guard {
            clock,
            setup: token::hash(&setup_token),
            secrets,
            sessions,
            gate: LoginGate::default(),
            setting_up: tokio::sync::Mutex::default(),
        };
        let needed = !guard.is_set_up();
        Ok((guard, needed.then_some(setup_token)))
    }

    pub fn is_set_up(&self) -> bool {
        self.secrets.has_password()
    }

    /// # Errors
    /// `SetupLinkUsed`, `SetupLinkWrong`.
    pub fn check_setup(&self, token: &str) -> Result<(), Refused> {
        match (
            token::same(&token::hash(token), &self.setup),
            self.is_set_up(),
        ) {
            (true, false) => Ok(()),
            (true, true) => Err(Refused::SetupLinkUsed),
            (false, _) => Err(Refused::SetupLinkWrong),
        }
    }

    /// Sets the first password. Gives the token of a session.
    ///
    /// # Errors
    /// As [`Guard::check_setup`]; `PasswordWeak`, `Busy`; when the disk says so.
    pub async fn set_up(
        &self,
        token: &str,
        operator: &str,
        password: String,
    ) -> Result<String, Refused> {
        let _alone = self.setting_up.lock().await;
        self.check_setup(token)?;
        self.secrets.set_password(password).await?;
        Ok(self.sessions.open(&called(operator), unix_ms()))
    }

    /// Gives the token of a session.
    ///
    /// # Errors
    /// `NotSetUp`, `TooManyAttempts`, `PasswordWrong`, `Busy`.
    pub async fn sign_in(
        &self,
        address: IpAddr,
        operator: &str,
        password: String,
    ) -> Result<String, Refused> {
        if !self.is_set_up() {
            return Err(Refused::NotSetUp);
        }
        self.prove(address, password).await?;
        Ok(self.sessions.open(&called(operator), unix_ms()))
    }

    /// The password of whoever is signed in already, and a new one. Everybody else is signed out.
    ///
    /// # Errors
    /// As [`Guard::sign_in`]; `PasswordWeak`; when the disk says so.
    pub async fn change_password(
        &self,
        who: &Who,
        address: IpAddr,
        password: String,
        new: String,
    ) -> Result<(), Refused> {
        self.prove(address, password).await?;
        self.secrets.set_password(new).await?;
        self.sessions.close_others(who.session());
        Ok(())
    }

    async fn prove(&self, address: IpAddr, password: String) -> Result<(), Refused> {
        self.gate
            .try_now(address, self.clock.now())
            .map_err(|wait| Refused::TooManyAttempts { wait })?;
        if !self.secrets.is_password(password).await? {
            return Err(Refused::PasswordWrong);
        }
        self.gate.succeeded(address);
        Ok(())
    }

    /// Who has the session of a cookie.
    pub fn by_cookie(&self, cookie: &str) -> Option<Who> {
        let token_hash = token::hash(cookie);
        let session = self.sessions.see(&token_hash, unix_ms())?;
        Some(Who {
            name: session.operator,
            by: Proof::Session {
                token_hash,
                csrf: csrf(cookie),
            },
        })
    }

    pub fn by_token(&self, given: &str) -> Option<Who> {
        self.secrets.is_token(given).then(|| Who {
            name: SCRIPT.to_owned(),
            by: Proof::Token,
        })
    }

    /// Whether somebody who was let in still would be; a page that stays open is asked so.
    pub fn still_trusts(&self, who: &Who) -> bool {
        match &who.by {
            Proof::Session { token_hash, .. } => self.sessions.goes_on(token_hash, unix_ms()),
            Proof::Token => self.secrets.has_token(),
        }
    }

    pub fn sessions(&self) -> Vec<(TokenHash, Session)> {
        self.sessions.list(unix_ms())
    }

    pub fn sign_out(&self, token_hash: &TokenHash) {
        self.sessions.close(token_hash);
    }

    pub fn sign_out_others(&self, who: &Who) {
        self.sessions.close_others(who.session());
    }

    pub fn has_script_token(&self) -> bool {
        self.secrets.has_token()
    }

    /// A new token for scripts in the place of an older one.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn draw_script_token(&self) -> io::Result<String> {
        let token = token::draw();
        self.secrets.set_token(Some(token::hash(&token)))?;
        Ok(token)
    }

    /// # Errors
    /// When the disk says so.
    pub fn revoke_script_token(&self) -> io::Result<()> {
        self.secrets.set_token(None)
    }
}

/// What must stand in the forms of a session: made from its token, so that nothing more is kept.
fn csrf(cookie: &str) -> String {
    hex::encode(token::hash(&format!("form {cookie}")))
}

/// A name as it goes into the audit log: one line, not too long.
fn called(name: &str) -> String {
    let shown = |char: &char| !char.is_control();
    let name: String = name.trim().chars().filter(shown).collect();
    let name: String = name.chars().take(OPERATOR_CHARS_MAX).collect();
    match name.is_empty() {
        true => NAMELESS.to_owned(),
        false => name,
    }
}
