//! What the pages show: all of them, hostile names and lines as text, figures and files that are true.
#![allow(clippy::unwrap_used)]

mod https;
mod operator;

use conclave_server::{
    admin::LIVE_PAGES_MAX,
    config::Flags,
    server::{Given, Running, Server},
    telemetry::Logs,
};
use https::Https;
use operator::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::Level;

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&{{ 7*7 }}";
const PAGES: [&str; 15] = [
    "/admin",
    "/admin/rooms",
    "/admin/rooms/lobby",
    "/admin/people",
    "/admin/notices",
    "/admin/countdowns",
    "/admin/quality",
    "/admin/meetings",
    "/admin/statistics",
    "/admin/storage",
    "/admin/logs",
    "/admin/audit",
    "/admin/settings",
    "/admin/access",
    "/admin/server",
];

async fn join(running: &Running, slug: &str, name: &str) -> Value {
    let https = Https::to(running);
    let body = json!({ "name": name }).to_string();
    let joined = https.post(&format!("/api/rooms/{slug}/join"), &body).await;
    assert_eq!(joined.status, 201, "{}", joined.body);
    joined.json()
}

/// Uploads a file in one piece (tus 1.0).
async fn share(running: &Running, slug: &str, seat: &Value, name: &str, bytes: &str) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let https = Https::to(running);
    let bearer = format!("Bearer {}", seat["seatToken"].as_str().unwrap());
    let metadata = format!("filename {}", STANDARD.encode(name));
    let length = bytes.len().to_string();
    let headers = [
        ("authorization", bearer.as_str()),
        ("tus-resumable", "1.0.0"),
        ("upload-length", &length),
        ("upload-metadata", &metadata),
    ];
    let path = format!("/api/rooms/{slug}/files");
    let created = https.send("POST", &path, &headers, "").await;
    assert_eq!(created.status, 201, "{}", created.body);
    let place = created.header("location").unwrap();
    let place = &place[place.find("/api/").unwrap()..];
    let headers = [
        ("authorization", bearer.as_str()),
        ("tus-resumable", "1.0.0"),
        ("upload-offset", "0"),
        ("content-type", "application/offset+octet-stream"),
    ];
    let sent = https.send("PATCH", place, &headers, bytes).await;
    assert_eq!(sent.status, 204, "{}", sent.body);
}

#[tokio::test]
async fn every_page_is_there_with_a_policy_that_lets_nothing_foreign_in() {
    let (_folder, running, ada) = start_with_operator().await;
    for path in PAGES {
        let page = ada.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        for inline in ["<style", "style=\"", "onclick", "javascript:", "<script>"] {
            assert!(!page.body.contains(inline), "{path} has {inline}");
        }
        assert_eq!(page.body.matches("<h1").count(), 1, "{path}");
        assert!(page.body.contains("<html lang=\"en\">"), "{path}");
        assert!(page.body.contains("Test school"), "{path}");
    }
    for (path, kind) in [
        ("/admin/assets/admin.css", "text/css; charset=utf-8"),
        ("/admin/assets/admin.js", "text/javascript; charset=utf-8"),
    ] {
        let asset = Browser::new(&running).get(path).await;
        assert_eq!(asset.header("content-type"), Some(kind));
    }
    running.stop().await;
}

#[tokio::test]
async fn hostile_names_titles_files_and_lines_are_text_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let logs = Logs::in_memory();
    let given = Given {
        logs: logs.clone(),
        ..Given::default()
    };
    let running = Server::start_with(config(folder.path()), given)
        .await
        .unwrap();
    let ada = Browser::set_up(&running, HOSTILE).await;
    ada.open_room("hostile", HOSTILE).await;
    let seat = join(&running, "hostile", HOSTILE).await;
    // Names of files have no angle brackets to begin with.
    share(&running, "hostile", &seat, "&lt;b&gt;'{{7+7}}", "1234").await;
    ada.post("/admin/notices", &[("room", "hostile"), ("text", HOSTILE)])
        .await;
    ada.post("/admin/rooms/hostile/limit", &[("minutes", "60")])
        .await;
    logs.ring().push(0, Level::ERROR, HOSTILE, HOSTILE);
    let found = format!("/admin/people?name={0}&room={0}&role={0}", encoded(HOSTILE));
    let searched = format!("/admin/rooms?q={0}&sort={0}", encoded(HOSTILE));
    let filed = format!("/admin/storage?room={0}&order={0}", encoded(HOSTILE));
    let more = ["/admin/rooms/hostile", &found, &searched, &filed];
    for path in PAGES.iter().chain(&more) {
        let page = ada.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        for raw in ["<script>alert", "<img", "\"'>", "onerror=alert(2)>"] {
            assert!(!page.body.contains(raw), "{path} has {raw}");
        }
        assert!(!page.body.contains("&49"), "{path}");
    }
    for path in [
        "/admin",
        "/admin/rooms",
        "/admin/rooms/hostile",
        "/admin/people",
        "/admin/logs",
        "/admin/audit",
        "/admin/countdowns",
        "/admin/notices",
    ] {
        let page = ada.get(path).await;
        assert!(
            page.body.contains("&#60;script&#62;alert(1)"),
            "{path}: {}",
            page.body
        );
    }
    for path in ["/admin/storage", "/admin/rooms/hostile"] {
        let page = ada.get(path).await;
        assert!(
            page.body.contains("&#38;lt;b&#38;gt;&#39;{{7+7}}"),
            "{path}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn people_are_found_by_name_room_role_and_quality() {
    let (_folder, running, ada) = start_with_operator().await;
    ada.open_room("math", "Mathematics").await;
    join(&running, "lobby", "Bob").await;
    join(&running, "math", "Bobby").await;
    join(&running, "math", "Eve").await;
    for (query, names) in [
        ("", vec!["Bob", "Bobby", "Eve"]),
        ("name=BOB", vec!["Bob", "Bobby"]),
        ("name=bob&room=mathem", vec!["Bobby"]),
        ("role=participant", vec!["Bob", "Bobby", "Eve"]),
        ("role=host", vec![]),
        ("quality=unknown&room=lobby", vec!["Bob"]),
        ("quality=poor", vec![]),
    ] {
        let people = ada.json(&format!("/admin/people?{query}")).await;
        let people = people.as_array().unwrap();
        let found: Vec<_> = people.iter().map(|person| &person["name"]).collect();
        assert_eq!(found, names, "{query}");
    }
    let figures = ada.json("/admin").await["figures"].clone();
    assert_eq!(
        (&figures["rooms"], &figures["people"]),
        (&json!(2), &json!(3))
    );
    running.stop().await;
}

#[tokio::test]
async fn a_long_table_has_pages() {
    let (_folder, running, ada) = start_with_operator().await;
    for number in 0..120 {
        let slug = format!("room-{number:03}");
        let body = json!({ "title": slug, "slug": slug }).to_string();
        running_room(&running, &body).await;
    }
    let page = ada.get("/admin/rooms?q=room-").await;
    assert!(page.body.contains("120 rooms") && page.body.contains("Page 1 of 2"));
    assert!(page.body.contains("room-000") && !page.body.contains(">room-119<"));
    let page = ada.get("/admin/rooms?q=room-&page=2").await;
    assert!(page.body.contains(">room-119<"));
    running.stop().await;
}

async fn running_room(running: &Running, body: &str) {
    use conclave_server::actors::lobby::CreateRoom;
    let room = serde_json::from_str(body).unwrap();
    let created = running.state.lobby.send(CreateRoom {
        room,
        after_ended: false,
    });
    created.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_file_is_removed_from_an_open_room_and_from_one_that_is_kept() {
    let (folder, running, ada) = start_with_operator().await;
    ada.open_room("math", "Mathematics").await;
    let seat = join(&running, "math", "Eve").await;
    share(&running, "math", &seat, "first.txt", "12345").await;
    share(&running, "math", &seat, "second.txt", "1234567").await;
    let storage = ada.json("/admin/storage?order=largest").await;
    assert_eq!(storage["used_bytes"], 12);
    assert_eq!(storage["files"][0]["name"], "second.txt");
    let id = storage["files"][1]["id"].as_u64().unwrap();
    let path = format!("/admin/rooms/math/files/{id}/remove");
    assert_eq!(ada.post(&path, &[]).await.status, 303);
    assert_eq!(ada.post(&path, &[]).await.status, 404, "it is gone");

    ada.post("/admin/rooms/math/end", &[]).await;
    let storage = ada.json("/admin/storage?room=math").await;
    let file = &storage["files"][0];
    assert_eq!(
        (&file["name"], &file["room_ended"]),
        (&json!("second.txt"), &json!(true))
    );
    let path = format!(
        "/admin/storage/{}/{}/remove",
        file["room_id"].as_str().unwrap(),
        file["id"]
    );
    assert_eq!(ada.post(&path, &[]).await.status, 303);
    assert_eq!(ada.post(&path, &[]).await.status, 404);
    let storage = ada.json("/admin/storage").await;
    assert_eq!(
        (&storage["used_bytes"], &storage["files"]),
        (&json!(0), &json!([]))
    );
    let left = folder.path().join("files/math");
    assert!(!left.exists(), "on the disk");
    running.stop().await;
}

#[tokio::test]
async fn settings_say_where_they_come_from_and_keep_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conclave.toml");
    std::fs::write(
        &file,
        "rooms_max = 7\nmetrics_token = \"hush-hush-hush-hush\"\n",
    )
    .unwrap();
    let data = folder.path().join("data").display().to_string();
    let arguments = [
        "program",
        "--config",
        &file.display().to_string(),
        "--data",
        &data,
    ]
    .map(str::to_owned);
    let flags = Flags::from_arguments(arguments).unwrap();
    let mut config = flags.load().unwrap();
    (config.tcp_port, config.udp_port) = (0, 0);
    let given = Given {
        sources: flags.sources(),
        ..Given::default()
    };
    let running = Server::start_with(config, given).await.unwrap();
    let ada = Browser::set_up(&running, "Ada").await;
    let page = ada.get("/admin/settings").await;
    assert!(!page.body.contains("hush-hush"), "a secret is shown");
    let sections = ada.json("/admin/settings").await;
    let settings: Vec<_> = sections
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|section| section["settings"].as_array().unwrap())
        .collect();
    let of = |key: &str| {
        let setting = settings
            .iter()
            .find(|setting| setting["key"] == key)
            .unwrap();
        let word = |name: &str| setting[name].as_str().unwrap().to_owned();
        (word("value"), word("source"))
    };
    let source = format!("file {}", file.display());
    assert_eq!(of("rooms_max"), ("7".to_owned(), source.clone()));
    assert_eq!(of("metrics_token"), ("(set, not shown)".to_owned(), source));
    assert_eq!(of("data").1, "flag");
    assert_eq!(of("room_threads").1, "default");
    running.stop().await;
}

/// Opens a live page and reads until what is looked for has come.
async fn live(ada: &Browser, path: &str, looked_for: &str) -> String {
    let mut stream = ada.https.connect().await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n",
        ada.cookie
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = String::new();
    let mut buffer = [0; 4_096];
    while !got.contains(looked_for) {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "it ended: {got}");
        got.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    got
}

#[tokio::test]
async fn log_lines_come_live_at_the_level_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let logs = Logs::in_memory();
    let given = Given {
        logs: logs.clone(),
        ..Given::default()
    };
    let running = Server::start_with(config(folder.path()), given)
        .await
        .unwrap();
    let ada = Browser::set_up(&running, "Ada").await;
    let ring = logs.ring();
    for (level, text) in [
        (Level::ERROR, "the first"),
        (Level::INFO, "the second"),
        (Level::WARN, "the third"),
    ] {
        ring.push(0, level, "test", text);
    }
    let page = ada.get("/admin/logs?level=warn").await;
    assert!(page.body.contains("the first") && page.body.contains("the third"));
    assert!(!page.body.contains("the second"));
    let path = "/admin/logs/live?level=warn&after=1";
    let writer = async {
        ring.push(0, Level::DEBUG, "test", "the fourth");
        ring.push(0, Level::ERROR, "test", "</script>the fifth\n");
    };
    let (got, ()) = tokio::join!(live(&ada, path, "the fifth"), writer);
    assert!(got.contains("text/event-stream"), "{got}");
    assert!(got.contains("the third") && got.contains("id: "), "{got}");
    for left_out in ["the first", "the second", "the fourth"] {
        assert!(!got.contains(left_out), "{got}");
    }
    running.stop().await;
}

#[tokio::test]
async fn the_overview_is_live_and_only_so_many_pages_are() {
    let (_folder, running, ada) = start_with_operator().await;
    let got = live(&ada, "/admin/live", "\"uptime_s\"").await;
    assert!(got.contains("data: {\"at_unix_ms\""), "{got}");
    let pages = running.state.admin.live_pages.clone();
    let all = u32::try_from(LIVE_PAGES_MAX).unwrap();
    // Those that were open before have to be noticed as gone first.
    let taken = pages.acquire_many(all).await.unwrap();
    assert_eq!(ada.get("/admin/live").await.status, 429);
    drop(taken);
    live(&ada, "/admin/live", "\"uptime_s\"").await;
    running.stop().await;
}

#[tokio::test]
async fn a_meeting_that_is_over_has_its_report_and_is_counted() {
    let (_folder, running, ada) = start_with_operator().await;
    running_room(
        &running,
        &json!({ "title": HOSTILE, "slug": "short" }).to_string(),
    )
    .await;
    join(&running, "short", HOSTILE).await;
    assert_eq!(ada.post("/admin/rooms/short/end", &[]).await.status, 303);
    let meetings = ada.json("/admin/meetings").await;
    let meeting = &meetings[0];
    assert_eq!(
        (&meeting["people"], &meeting["title"]),
        (&1.into(), &HOSTILE.into())
    );
    let path = format!(
        "/admin/meetings/{}/{}",
        meeting["room_id"].as_str().unwrap(),
        meeting["opened_unix_ms"]
    );
    let list = ada.get("/admin/meetings").await.body;
    assert!(list.contains(&path) && !list.contains(HOSTILE), "{list}");

    let page = ada.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("&#60;script&#62;alert(1)") && !page.body.contains(HOSTILE));
    let report = ada.json(&path).await;
    assert_eq!(report["people"][0]["name"], HOSTILE);
    assert_eq!(report["endReason"], "operator_ended");
    let table = ada.get(&format!("{path}/report.csv")).await;
    assert_eq!(table.status, 200);
    assert!(
        table
            .header("content-type")
            .unwrap()
            .starts_with("text/csv")
    );
    assert!(
        table
            .header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    assert!(table.body.contains("\"person\""), "{}", table.body);
    for wrong in ["/admin/meetings/none/1", "/admin/meetings/none/x"] {
        assert_eq!(ada.get(wrong).await.status, 404, "{wrong}");
    }

    let counts = ada.json("/admin/statistics?days=7").await;
    assert_eq!(
        (&counts["rooms"], &counts["largest_meeting"]),
        (&1.into(), &1.into())
    );
    // Something that is not there counts as an error of its endpoint.
    Https::to(&running).get("/api/rooms/nowhere").await;
    let page = ada.get("/admin/statistics").await.body;
    assert!(page.contains("GET /api/rooms/{slug}"), "{page}");
    assert!(page.contains("<svg") && page.contains("class=\"bar\""));
    running.stop().await;
}
