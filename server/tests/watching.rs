//! What monitors see: health, figures, the number of a request; and the address that alerts are sent to.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    thread,
    time::Duration,
};

use conclave_server::{
    config::Config,
    server::{Given, Running, Server},
    telemetry::{
        Logs,
        alerts::AlertKind,
        files::{LogFileLimits, LogFiles},
    },
};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Executor, sqlite::SqliteConnectOptions};
use tempfile::{TempDir, tempdir};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod https;
use https::{Answer, Https};

/// What is waited for comes within a second or two; on a machine with much to do, later.
const PATIENCE: Duration = Duration::from_secs(60);

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

async fn start_with(change: impl FnOnce(&mut Config)) -> (TempDir, Running, Https) {
    let folder = tempdir().unwrap();
    let mut config = config(folder.path());
    change(&mut config);
    let running = Server::start(config).await.unwrap();
    let https = Https::to(&running);
    (folder, running, https)
}

/// Asks until the answer is as wanted.
async fn until(https: &Https, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let asking = async {
        loop {
            let answer = https.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await;
    answer.unwrap_or_else(|_| panic!("{path} did not become what was wanted"))
}

#[tokio::test]
async fn a_server_that_is_well_is_alive_and_ready_with_every_service() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let health = until(&https, "/api/health", |answer| answer.status == 200).await;
    let health = health.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(
        (&health["alive"], &health["ready"]),
        (&json!(true), &json!(true))
    );
    let services = health["services"].as_object().unwrap();
    for service in [
        "database",
        "disk",
        "lobby",
        "rooms",
        "mixers",
        "media_receive",
        "media_send",
        "media_guests",
        "logs",
        "certificate",
    ] {
        assert_eq!(services[service], "ok", "{service}");
    }
    assert_eq!(https.get("/api/health/live").await.status, 200);
    assert_eq!(https.get("/api/health/ready").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn a_locked_database_is_alive_but_not_ready_and_meetings_go_on() {
    let (folder, running, https) = start_with(|_| {}).await;
    let file = folder.path().join("conclave.sqlite");
    let mut other = SqliteConnectOptions::new()
        .filename(file)
        .connect()
        .await
        .unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();

    let health = until(&https, "/api/health", |answer| answer.status == 503)
        .await
        .json();
    assert_eq!(health["services"]["database"], "failed");
    assert_eq!(
        (&health["alive"], &health["ready"]),
        (&json!(true), &json!(false))
    );
    assert!(
        health["reasons"]["database"]
            .as_str()
            .unwrap()
            .contains("locked")
    );
    assert_eq!(https.get("/api/health/live").await.status, 200);
    assert_eq!(https.get("/api/health/ready").await.status, 503);
    assert_eq!(https.get("/api/rooms/lobby").await.status, 200);

    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
    until(&https, "/api/health", |answer| answer.status == 200).await;
    running.stop().await;
}

#[tokio::test]
async fn a_log_folder_that_is_gone_is_told_and_nothing_else_fails() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let limits = LogFileLimits {
        file_bytes_max: 1_000,
        file_age_max: Duration::from_secs(3_600),
        files_max: 3,
        files_bytes_max: 3_000,
    };
    let files = LogFiles::open(&logs, limits).unwrap();
    let given = Given {
        logs: Logs::in_memory().with_files(files.watch()),
        ..Given::default()
    };
    let running = Server::start_with(config(&folder.path().join("data")), given)
        .await
        .unwrap();
    let https = Https::to(&running);
    until(&https, "/api/health", |answer| {
        answer.json()["services"]["logs"] == "ok"
    })
    .await;
    fs::remove_dir_all(&logs).unwrap();
    let gone = |answer: &Answer| answer.json()["services"]["logs"] == "degraded";
    let health = until(&https, "/api/health", gone).await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["status"], "degraded");
    assert_eq!(health.json()["ready"], true);
    running.stop().await;
}

/// Family and labels of each sample, with its value.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn figures_parse_have_no_names_in_them_and_move() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let before = https.get("/metrics").await;
    assert_eq!(before.status, 200);
    let kind = before.header("content-type").unwrap().to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let before = samples(&before.body);
    assert_eq!(before["conclave_rooms"], 1.0);
    assert_eq!(before["conclave_people"], 0.0);

    let room = json!({"title": "Secret plans", "slug": "plans"}).to_string();
    assert_eq!(https.post("/api/rooms", &room).await.status, 201);
    let ada = r#"{"name":"Ada"}"#;
    assert_eq!(https.post("/api/rooms/plans/join", ada).await.status, 201);
    assert_eq!(https.get("/api/rooms/nowhere").await.status, 404);

    let page = https.get("/metrics").await.body;
    assert!(!page.contains("Ada") && !page.contains("plans") && !page.contains("Secret"));
    let after = samples(&page);
    assert_eq!(after["conclave_rooms"], 2.0);
    assert_eq!(after["conclave_people"], 1.0);
    let refused = "conclave_refusals_total{code=\"room_not_found\"}";
    assert!(after[refused] > before[refused]);
    assert!(after["conclave_uptime_seconds"] > before["conclave_uptime_seconds"]);
    assert_eq!(
        after["conclave_links{kind=\"http\"}"], 1.0,
        "the one that asks"
    );
    for family in [
        "conclave_udp_receive_drops_total",
        "conclave_mixes_total{way=\"shared\"}",
        "conclave_tick_lateness_seconds_count",
        "conclave_voice_encode_seconds_count",
        "conclave_event_loop_lag_seconds_count{loop=\"rooms\"}",
        "conclave_store_readers{state=\"busy\"}",
        "conclave_upload_bytes_total",
        "conclave_screen_backlog_bytes",
        "conclave_media_drops_total{reason=\"datagrams_forged\"}",
        "conclave_datagrams_received_total",
        "conclave_guest_offers_total",
        "conclave_guests_connected_total",
        "conclave_alert{kind=\"disk\"}",
    ] {
        assert!(after.contains_key(family), "{family}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_link_counts_as_what_it_is_used_for_until_it_is_gone() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let mut link = https.connect().await.unwrap();
    let upgrade = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
                   sec-websocket-protocol: conclave.1.json\r\n\r\n";
    link.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    link.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    let links = |answer: &Answer| samples(&answer.body)["conclave_links{kind=\"control\"}"];
    assert_eq!(links(&https.get("/metrics").await), 1.0);
    drop(link);
    until(&https, "/metrics", |answer| links(answer) == 0.0).await;
    running.stop().await;
}

#[tokio::test]
async fn every_family_of_figures_is_explained_and_told_once() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let page = https.get("/metrics").await.body;
    let mut family = String::new();
    let mut seen = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap().to_owned();
            assert!(!seen.contains(&family), "{family} is told twice");
            assert!(rest.len() > family.len() + 3, "{family} is not explained");
            seen.push(family.clone());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        } else {
            assert!(line.starts_with(&family), "{line} stands under {family}");
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
    running.stop().await;
}

#[tokio::test]
async fn figures_are_shown_to_whoever_has_the_token_when_there_is_one() {
    let token = "0123456789abcdef-token";
    let (_folder, running, https) = start_with(|config| {
        config.metrics_token = Some(token.to_owned());
    })
    .await;
    let refused = https.get("/metrics").await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "not_allowed".to_owned())
    );
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .contains("metrics_token")
    );
    let shown = |given: &str| [("authorization", format!("Bearer {given}"))];
    for (given, status) in [("0123456789abcdef-toke", 403), (token, 200)] {
        let headers = shown(given).map(|(name, value)| (name, value));
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            https.send("GET", "/metrics", &headers, "").await.status,
            status
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn every_answer_carries_the_number_of_its_request() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let mut numbers = Vec::new();
    for path in ["/", "/api/health", "/api/rooms/nowhere", "/nothing/here"] {
        let answer = https.get(path).await;
        let number = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!(number.len(), 16, "{path}");
        numbers.push(number);
    }
    let malformed = https.post("/api/rooms", "{").await;
    assert_eq!(malformed.status, 400);
    numbers.push(malformed.header("x-request-id").unwrap().to_owned());
    let count = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "each request has its own");
    running.stop().await;
}

/// Takes one request, answers it with `status`, and gives its body.
fn take_request(listener: &TcpListener, status: u16) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let header = line.trim_end().to_ascii_lowercase();
        if let Some(bytes) = header.strip_prefix("content-length: ") {
            length = bytes.parse().unwrap();
        }
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn an_alert_is_shown_and_sent_to_the_webhook_and_sent_again_when_it_was_not_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The disk of the machine that runs this may ring as well.
    let hears = thread::spawn(move || {
        let first = take_request(&listener, 500);
        let again = take_request(&listener, 204);
        assert_eq!(first, again, "what was not taken is sent again");
        let mut heard = again;
        while heard["alert"] != "certificate" {
            heard = take_request(&listener, 204);
        }
        heard
    });
    let (_folder, running, _https) = start_with(|config| {
        config.alert_webhook = Some(format!("http://127.0.0.1:{port}/hook?key=1"));
        config.server_name = "Library".to_owned();
        // No certificate lives so long.
        config.alert_certificate_days = 100_000;
    })
    .await;
    let told = tokio::task::spawn_blocking(move || hears.join().unwrap())
        .await
        .unwrap();
    assert_eq!(told["event"], "began");
    assert_eq!(told["alert"], "certificate");
    assert_eq!(told["server"], "Library");
    let current = running.state.alerts.current();
    let shown = current
        .iter()
        .find(|alert| alert.kind == AlertKind::Certificate);
    assert_eq!(told["text"], shown.unwrap().text);
    running.stop().await;
}
