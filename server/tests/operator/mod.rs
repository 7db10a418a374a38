//! An operator's browser of a few lines: it keeps its cookie, and sends forms as a browser would.
//! Each test file uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

use std::{net::IpAddr, path::Path};

use conclave_server::{
    config::Config,
    server::{Running, Server},
    store::AuditEntry,
};
use tempfile::{TempDir, tempdir};

use super::https::{Answer, Https};

pub const PASSWORD: &str = "correct horse battery";

pub fn config(data: &Path) -> Config {
    let loopback: IpAddr = "127.0.0.1".parse().unwrap();
    Config {
        data: data.to_owned(),
        tcp_bind: loopback,
        udp_bind: loopback,
        tcp_port: 0,
        udp_port: 0,
        server_name: "Test school".to_owned(),
        ..Config::default()
    }
}

pub async fn start() -> (TempDir, Running) {
    let folder = tempdir().unwrap();
    let running = Server::start(config(folder.path())).await.unwrap();
    (folder, running)
}

/// A server with a password, and an operator who is signed in.
pub async fn start_with_operator() -> (TempDir, Running, Browser) {
    let (folder, running) = start().await;
    let browser = Browser::set_up(&running, "Ada").await;
    (folder, running, browser)
}

pub struct Browser {
    pub https: Https,
    pub origin: String,
    pub cookie: String,
    pub csrf: String,
}

impl Browser {
    /// A browser that is nobody's yet.
    pub fn new(running: &Running) -> Browser {
        let port = running.admin_port.unwrap_or(running.tcp_port);
        Browser {
            https: Https::to_port(running, port),
            origin: format!("https://127.0.0.1:{port}"),
            cookie: String::new(),
            csrf: String::new(),
        }
    }

    pub async fn set_up(running: &Running, operator: &str) -> Browser {
        let mut browser = Browser::new(running);
        let path = setup_path(running);
        let fields = [
            ("operator", operator),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        let answer = browser.post(&path, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser.keep_cookie(&answer).await;
        browser
    }

    pub async fn sign_in(running: &Running, operator: &str) -> Browser {
        let mut browser = Browser::new(running);
        let answer = browser.try_password(operator, PASSWORD).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser.keep_cookie(&answer).await;
        browser
    }

    pub async fn try_password(&self, operator: &str, password: &str) -> Answer {
        let fields = [("operator", operator), ("password", password)];
        self.post("/admin/sign-in", &fields).await
    }

    pub async fn keep_cookie(&mut self, answer: &Answer) {
        let set = answer.header("set-cookie").unwrap();
        self.cookie = set.split(';').next().unwrap().to_owned();
        let page = self.get("/admin").await;
        assert_eq!(page.status, 200, "{}", page.body);
        let after = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap();
        self.csrf = after.split('"').next().unwrap().to_owned();
    }

    pub async fn get(&self, path: &str) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("accept", "text/html")];
        self.https.send("GET", path, &headers, "").await
    }

    /// The page as a script sees it.
    pub async fn json(&self, path: &str) -> serde_json::Value {
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("accept", "application/json"),
        ];
        let answer = self.https.send("GET", path, &headers, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_as(path, fields, &self.origin, &self.csrf).await
    }

    pub async fn post_as(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        origin: &str,
        csrf: &str,
    ) -> Answer {
        let mut headers = vec![
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        if !origin.is_empty() {
            headers.push(("origin", origin));
        }
        let csrf = [("csrf", csrf)];
        let body: Vec<String> = csrf
            .iter()
            .chain(fields)
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        self.https
            .send("POST", path, &headers, &body.join("&"))
            .await
    }

    pub async fn open_room(&self, slug: &str, title: &str) {
        let opened = self
            .post("/admin/rooms", &[("title", title), ("slug", slug)])
            .await;
        assert_eq!(opened.status, 200, "{}", opened.body);
    }
}

pub fn setup_path(running: &Running) -> String {
    let (_, path) = running.admin_link.split_once("/admin").unwrap();
    format!("/admin{path}")
}

/// All of it but letters and digits, as `application/x-www-form-urlencoded` allows.
pub fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Entries of the audit log, newest first.
pub async fn audit(running: &Running) -> Vec<AuditEntry> {
    running.state.store.audit(u64::MAX, 1_000).await.unwrap()
}

/// Waits for an entry with this action and outcome: what was refused to a stranger is entered behind the
/// answer.
pub async fn entered(running: &Running, action: &str, outcome: &str) -> AuditEntry {
    for _ in 0..500 {
        let entries = audit(running).await;
        let found = |entry: &AuditEntry| entry.action == action && entry.outcome == outcome;
        if let Some(entry) = entries.into_iter().find(found) {
            return entry;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no {action} with {outcome}: {:?}", audit(running).await);
}
