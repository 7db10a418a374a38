//! The page of the meetings, as a browser gets it. Holds with the page built in and without.
#![allow(clippy::unwrap_used)]

use conclave_server::{
    config::Config,
    gateway::http::ui,
    server::{Running, Server},
};
use tempfile::{TempDir, tempdir};

mod https;
use https::{Answer, Https};

async fn start() -> (TempDir, Running, Https) {
    let folder = tempdir().unwrap();
    let config = Config {
        data: folder.path().to_owned(),
        tcp_bind: "127.0.0.1".parse().unwrap(),
        udp_bind: "127.0.0.1".parse().unwrap(),
        tcp_port: 0,
        udp_port: 0,
        ..Config::default()
    };
    let running = Server::start(config).await.unwrap();
    let https = Https::to(&running);
    (folder, running, https)
}

/// Own addresses that a page loads: `src` and `href`.
fn loaded(page: &Answer) -> Vec<String> {
    let quoted = |name: &str| {
        let pieces: Vec<_> = page.body.split(&format!("{name}=\"")).skip(1).collect();
        pieces
            .into_iter()
            .map(|piece| piece.split('"').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    [quoted("src"), quoted("href")].concat()
}

#[tokio::test]
async fn every_address_of_a_meeting_is_the_same_page_and_lets_nothing_foreign_in() {
    let (_folder, running, https) = start().await;
    let front = https.get("/").await;
    for path in ["/", "/r/lobby", "/r/no-such-room"] {
        let page = https.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.body, front.body, "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        assert!(!policy.contains("http"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_server_without_the_page_says_so() {
    let (_folder, running, https) = start().await;
    let says_so = https.get("/").await.body.contains("built without Node");
    assert_eq!(says_so, !ui::is_built());
    running.stop().await;
}

#[tokio::test]
async fn what_the_page_loads_is_there_and_is_its_own() {
    let (_folder, running, https) = start().await;
    for address in loaded(&https.get("/").await) {
        assert!(address.starts_with('/'), "{address}");
        let file = https.get(&address).await;
        assert_eq!(file.status, 200, "{address}");
        let kind = file.header("content-type").unwrap();
        let cache = file.header("cache-control").unwrap();
        match address.rsplit_once('.').map(|(_, ending)| ending) {
            Some("js") => assert_eq!(kind, "text/javascript; charset=utf-8"),
            Some("css") => assert_eq!(kind, "text/css; charset=utf-8"),
            Some("svg") => assert_eq!(kind, "image/svg+xml"),
            _ => {}
        }
        if ui::is_built() && address.starts_with("/assets/") {
            assert!(cache.contains("immutable"), "{address}: {cache}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn files_that_pages_are_not_made_of_are_not_there() {
    let (_folder, running, https) = start().await;
    for path in [
        "/assets/..%2findex.html",
        "/assets/..%2f..%2fpackage.json",
        "/assets/nothing.js",
        "/nothing.svg",
        "/index.html.gz",
        "/package.json",
    ] {
        assert_eq!(https.get(path).await.status, 404, "{path}");
    }
    running.stop().await;
}
