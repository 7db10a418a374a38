//! The rooms part of the HTTP interface, over TLS, against a whole server.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conclave_server::{
    config::Config,
    server::{Running, Server},
};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod api;
mod https;
use https::Https;

fn config(data: &Path) -> Config {
    Config {
        data: data.to_owned(),
        tcp_bind: "127.0.0.1".parse().unwrap(),
        udp_bind: "127.0.0.1".parse().unwrap(),
        tcp_port: 0,
        udp_port: 0,
        ..Config::default()
    }
}

async fn start() -> (TempDir, Running, Https) {
    start_with(|_| {}).await
}

async fn start_with(change: impl FnOnce(&mut Config)) -> (TempDir, Running, Https) {
    let folder = tempdir().unwrap();
    let mut config = config(folder.path());
    change(&mut config);
    let running = Server::start(config).await.unwrap();
    let https = Https::to(&running);
    (folder, running, https)
}

fn room(slug: &str) -> String {
    json!({"title": "Board meeting", "slug": slug}).to_string()
}

async fn create(https: &Https, slug: &str) -> Value {
    let created = https.post("/api/rooms", &room(slug)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.json()
}

#[tokio::test]
async fn a_room_is_made_seen_joined_and_ended() {
    let (_folder, running, https) = start().await;
    let created = create(&https, "board").await;
    let place = format!("https://127.0.0.1:{}/r/board", running.tcp_port);
    let join_link = created["joinUrl"].as_str().unwrap();
    let invite = join_link.strip_prefix(&format!("{place}#k={}&i=", running.fingerprint()));
    assert_eq!(invite.unwrap().len(), 22);
    let host_key = created["hostKey"].as_str().unwrap();
    assert_eq!(
        created["hostUrl"],
        json!(format!("{join_link}&h={host_key}"))
    );
    assert_eq!(
        (&created["roomId"], &created["slug"]),
        (&json!("board"), &json!("board"))
    );

    let look = https.get("/api/rooms/board").await;
    assert_eq!(look.status, 200);
    let look = look.json();
    assert_eq!(look["room"]["title"], "Board meeting");
    assert_eq!(look["room"]["members"], 0);
    assert_eq!(look["room"]["hasPassword"], false);

    let joined = https
        .post("/api/rooms/board/join", r#"{"name":"Ada"}"#)
        .await;
    assert_eq!(joined.status, 201, "{}", joined.body);
    assert_eq!(joined.json()["role"], "participant");
    let host = json!({"name": "Bob", "host_key": host_key}).to_string();
    let host = https.post("/api/rooms/board/join", &host).await;
    assert_eq!(host.json()["role"], "host");
    assert_ne!(joined.json()["participantId"], host.json()["participantId"]);

    let seat = joined.json()["seatToken"].as_str().unwrap().to_owned();
    let refused = https.delete("/api/rooms/board", &seat).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "not_allowed")
    );
    let seat = host.json()["seatToken"].as_str().unwrap().to_owned();
    let ended = https.delete("/api/rooms/board", &seat).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(ended.json()["slug"], "board");

    let gone = https.get("/api/rooms/board").await;
    assert_eq!((gone.status, gone.code().as_str()), (410, "room_ended"));
    running.stop().await;
}

#[tokio::test]
async fn the_host_key_ends_a_room_too() {
    let (_folder, running, https) = start().await;
    let created = create(&https, "board").await;
    let wrong = https.delete("/api/rooms/board", &"x".repeat(43)).await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (403, "host_key_wrong")
    );
    let seat = format!("board.{}", "x".repeat(43));
    let wrong = https.delete("/api/rooms/board", &seat).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (401, "seat_unknown"));
    let host_key = created["hostKey"].as_str().unwrap();
    let ended = https.delete("/api/rooms/board", host_key).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    running.stop().await;
}

#[tokio::test]
async fn each_mistake_has_its_code_and_status() {
    let (_folder, running, https) = start_with(|config| config.rooms_made_per_stranger = 100).await;
    create(&https, "board").await;
    let long_password = "x".repeat(73);
    let many_bytes = format!("{{\"title\":\"{}\"}}", "x".repeat(70_000));
    let deep = "[".repeat(10_000);
    for (path, body, status, code) in [
        ("/api/rooms", "", 400, "malformed"),
        ("/api/rooms", "{", 400, "malformed"),
        ("/api/rooms", "[]", 400, "malformed"),
        ("/api/rooms", "{\"title\":1}", 400, "malformed"),
        ("/api/rooms", deep.as_str(), 400, "too_deep"),
        ("/api/rooms", many_bytes.as_str(), 413, "too_large"),
        ("/api/rooms", "{\"title\":\"\"}", 422, "title_invalid"),
        (
            "/api/rooms",
            "{\"title\":\"a\",\"slug\":\"A b\"}",
            422,
            "slug_invalid",
        ),
        (
            "/api/rooms",
            "{\"title\":\"a\",\"slug\":\"board\"}",
            409,
            "slug_taken",
        ),
        (
            "/api/rooms/board/join",
            "{\"name\":\"\"}",
            422,
            "name_invalid",
        ),
        (
            "/api/rooms/none/join",
            "{\"name\":\"Ada\"}",
            404,
            "room_not_found",
        ),
        (
            "/api/rooms/A%20b/join",
            "{\"name\":\"Ada\"}",
            404,
            "room_not_found",
        ),
    ] {
        let answer = https.post(path, body).await;
        let shown = &body[..body.len().min(40)];
        assert_eq!(answer.status, status, "{path} {shown}: {}", answer.body);
        assert_eq!(answer.code(), code, "{path} {shown}");
    }
    let body = json!({"title": "a", "password": long_password}).to_string();
    let answer = https.post("/api/rooms", &body).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "password_too_long")
    );
    let answer = https.send("DELETE", "/api/rooms/board", &[], "").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (401, "seat_unknown")
    );
    let answer = https.get("/api/rooms/none").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "room_not_found")
    );
    running.stop().await;
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_soon_no_more_are_looked_at() {
    let (_folder, running, https) = start_with(|config| {
        config.wrong_passwords_per_address_burst = 2;
        config.wrong_passwords_per_address_per_minute = 1;
    })
    .await;
    let body = json!({"title": "a", "slug": "a", "password": "open sesame"}).to_string();
    assert_eq!(https.post("/api/rooms", &body).await.status, 201);
    let join = async |password: Option<&str>| {
        let body = json!({"name": "Ada", "password": password}).to_string();
        https.post("/api/rooms/a/join", &body).await
    };
    assert_eq!(join(None).await.code(), "password_needed");
    assert_eq!(join(Some("guess 1")).await.code(), "password_wrong");
    assert_eq!(join(Some("open sesame")).await.status, 201);
    assert_eq!(join(Some("guess 2")).await.code(), "password_wrong");
    let too_fast = join(Some("open sesame")).await;
    assert_eq!(
        (too_fast.status, too_fast.code().as_str()),
        (429, "too_fast")
    );
    let seconds: u32 = too_fast.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    running.stop().await;
}

#[tokio::test]
async fn an_address_makes_only_so_many_rooms() {
    let (_folder, running, https) = start_with(|config| {
        config.rooms_made_per_stranger = 1;
    })
    .await;
    create(&https, "one").await;
    let refused = https.post("/api/rooms", &room("two")).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_fast"));
    assert_eq!(https.get("/api/rooms/two").await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let (_folder, running, https) = start().await;
    let headers = [
        ("content-type", "application/json"),
        ("origin", "https://evil.example"),
    ];
    let refused = https
        .send("POST", "/api/rooms", &headers, &room("evil"))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "origin_refused")
    );
    // A form of another site can send this without being asked for an origin's leave.
    let headers = [("content-type", "text/plain")];
    let refused = https
        .send("POST", "/api/rooms", &headers, &room("evil"))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (415, "media_type_unsupported")
    );
    let own = format!("https://127.0.0.1:{}", running.tcp_port);
    let headers = [
        ("content-type", "application/json"),
        ("origin", own.as_str()),
    ];
    let created = https
        .send("POST", "/api/rooms", &headers, &room("own"))
        .await;
    assert_eq!(created.status, 201);
    running.stop().await;
}

#[tokio::test]
async fn health_says_that_every_part_is_well() {
    let (_folder, running, https) = start().await;
    let health = https.get("/api/health").await;
    assert_eq!(health.status, 200);
    let health = health.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["services"]["database"], "ok");
    assert_eq!(health["services"]["lobby"], "ok");
    // The first room.
    assert_eq!(health["rooms"], 1);
    running.stop().await;
}

#[tokio::test]
async fn health_says_when_the_database_is_gone() {
    let (_folder, running, https) = start().await;
    running.state.store.close().await;
    // It is looked at every second.
    let told = async {
        loop {
            let health = https.get("/api/health").await;
            if health.status == 503 {
                return health;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    let health = tokio::time::timeout(patience, told).await.unwrap();
    assert_eq!(health.json()["services"]["database"], "failed");
    running.stop().await;
}

#[tokio::test]
async fn pages_say_what_is_not_there_yet_and_let_nothing_foreign_in() {
    let (_folder, running, https) = start().await;
    for (path, status) in [("/nowhere", 404), ("/admin", 403)] {
        let page = https.get(path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.body.starts_with("<!doctype html>"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert!(!page.body.contains("<script"), "{path}");
    }
    let style = https.get("/assets/style.css").await;
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(https.get("/assets/start.html").await.status, 404);
    assert_eq!(https.get("/assets/..%2f..%2fCargo.toml").await.status, 404);
    let authority = https.get("/authority.crt").await;
    assert_eq!(authority.body, running.state.identity.authority_pem());
    running.stop().await;
}

#[tokio::test]
async fn the_operators_link_opens_once_it_is_right() {
    let (_folder, running, https) = start().await;
    let path = running.admin_link.split_once("/admin").unwrap().1;
    let page = https.get(&format!("/admin{path}")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Choose the password"));
    let wrong = https.get("/admin/setup/wrong").await;
    assert_eq!(wrong.status, 403);
    running.stop().await;
}

#[tokio::test]
async fn the_operators_pages_can_have_a_port_of_their_own() {
    let (_folder, running, https) = start_with(|config| config.admin_port = Some(0)).await;
    assert_eq!(https.get("/admin").await.status, 404);
    let admin_port = running.admin_port.unwrap();
    assert_ne!(admin_port, running.tcp_port);
    let admin = Https::to_port(&running, admin_port);
    let path = running.admin_link.split_once("/admin").unwrap().1;
    assert!(running.admin_link.contains(&format!(":{admin_port}/")));
    assert_eq!(admin.get(&format!("/admin{path}")).await.status, 200);
    assert_eq!(admin.get("/api/rooms/lobby").await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn too_many_handshakes_from_one_address_are_cut_before_they_cost_anything() {
    let (_folder, running, https) = start_with(|config| {
        config.handshakes_per_address_burst = 3;
        config.handshakes_per_address_per_second = 1;
    })
    .await;
    let mut kept = Vec::new();
    let mut cut = 0;
    for _ in 0..8 {
        match https.connect().await {
            Ok(stream) => kept.push(stream),
            Err(_) => cut += 1,
        }
    }
    // Three at once; another for each second that this took.
    assert!(kept.len() >= 3, "{}", kept.len());
    assert!(cut > 0, "none was cut");
    running.stop().await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let (_folder, running, _https) = start_with(|config| {
        config.handshake_deadline_seconds = 1;
    })
    .await;
    let address = ("127.0.0.1", running.tcp_port);
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut garbage = tokio::net::TcpStream::connect(address).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    // Both end; what comes before (a TLS alert) does not matter.
    garbage.read_to_end(&mut rest).await.ok();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let (_folder, running, https) = start_with(|config| {
        config.request_deadline_seconds = 1;
    })
    .await;
    let mut stream = https.connect().await.unwrap();
    let head = "POST /api/rooms HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{\"title\":";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"timeout\""), "{answer}");
    running.stop().await;
}
