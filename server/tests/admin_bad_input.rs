//! Whatever stands in a form or an address, the server answers, refuses what is wrong, and goes on.
#![allow(clippy::unwrap_used)]

mod https;
mod operator;

use operator::*;

/// Forms with their fields. The one that stops the server gets no field that could be its name.
const FORMS: [(&str, &[&str]); 12] = [
    ("/admin/rooms", &["title", "slug", "password", "minutes"]),
    ("/admin/rooms/lobby/lock", &["locked"]),
    ("/admin/rooms/lobby/limit", &["minutes"]),
    ("/admin/rooms/lobby/people/1/kick", &["reason", "ban"]),
    ("/admin/rooms/lobby/people/4294967296/kick", &["reason"]),
    ("/admin/rooms/lobby/files/0/remove", &["file"]),
    ("/admin/storage/x%27%20OR%201=1/1/remove", &["file"]),
    ("/admin/notices", &["room", "text"]),
    ("/admin/access/password", &["password", "new", "again"]),
    ("/admin/server/stop", &["name", "reason", "clear_files"]),
    ("/admin/sign-in", &["operator", "password"]),
    ("/admin/setup/x", &["operator", "password", "again"]),
];
const QUERIES: [(&str, &[&str]); 8] = [
    ("/admin", &["done"]),
    ("/admin/rooms", &["q", "sort", "page", "done"]),
    (
        "/admin/people",
        &["name", "room", "role", "quality", "page"],
    ),
    ("/admin/notices", &["room"]),
    ("/admin/quality", &["minutes"]),
    ("/admin/storage", &["room", "order"]),
    ("/admin/logs", &["level"]),
    ("/admin/audit", &["before"]),
];
/// What has broken programs before.
const VALUES: [&str; 20] = [
    "",
    " ",
    "0",
    "-1",
    "1",
    "true",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "1e999",
    "NaN",
    "' OR '1'='1",
    "\"; DROP TABLE rooms; --",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "%00%0d%0aset-cookie: a=b",
    "\u{0}\u{1}\u{1b}[2J",
    "\r\nset-cookie: evil=1",
    "\u{202e}gpj.exe\u{200f}",
    "ﷺ🏴‍☠️e\u{301}\u{301}\u{301}",
    "x",
];

#[tokio::test]
async fn forms_with_anything_in_them_are_answered_and_break_nothing() {
    let (_folder, running, ada) = start_with_operator().await;
    let long = "x".repeat(10_000);
    for (path, fields) in FORMS {
        for value in VALUES.iter().chain(&[long.as_str()]) {
            let filled: Vec<_> = fields.iter().map(|&field| (field, *value)).collect();
            for fields in [&filled[..], &filled[..1]] {
                let answer = ada.post(path, fields).await;
                assert!(
                    (200..500).contains(&answer.status),
                    "{path} {value:?}: {}",
                    answer.body
                );
                assert!(answer.header("set-cookie").is_none(), "{path} {value:?}");
            }
        }
    }
    assert_eq!(ada.get("/admin/rooms/lobby").await.status, 200);
    let health = ada.https.get("/api/health").await;
    assert_eq!(health.status, 200, "{}", health.body);
    running.stop().await;
}

#[tokio::test]
async fn addresses_with_anything_in_them_are_answered_and_show_it_as_text() {
    let (_folder, running, ada) = start_with_operator().await;
    for (path, names) in QUERIES {
        for value in VALUES {
            let pairs: Vec<_> = names
                .iter()
                .map(|name| format!("{name}={}", encoded(value)))
                .collect();
            let path = format!("{path}?{}", pairs.join("&"));
            let answer = ada.get(&path).await;
            assert!(
                (200..500).contains(&answer.status),
                "{path}: {}",
                answer.body
            );
            assert!(!answer.body.contains("<script>alert"), "{path}");
            assert!(answer.header("set-cookie").is_none(), "{path}");
        }
    }
    for value in VALUES {
        for path in [
            "/admin/rooms/",
            "/admin/assets/",
            "/admin/setup/",
            "/admin/",
        ] {
            let path = format!("{path}{}", encoded(value));
            let status = ada.get(&path).await.status;
            assert!((200..500).contains(&status), "{path}: {status}");
        }
    }
    running.stop().await;
}
